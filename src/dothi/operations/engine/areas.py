"""What the values of an area say together, kept up with each value that comes: no figure is counted anew."""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from dothi.ground.clock import SECOND
from dothi.operations.engine.signals import area_reason, between
from dothi.operations.engine.windows import FIGURES, PARTS
from dothi.operations.rules.model import Aggregate, Measure, Reason, Test

if TYPE_CHECKING:
    from dothi.operations.engine.memory import Instance

Area = str | tuple[str, ...]  # Code of a unit, "VN" for the whole city, or the codes that a rule names.


class Asked(NamedTuple):
    """What several figures of one area can share: the fresh values of one attribute, and which meet a test."""

    type: str
    attribute: str
    window_seconds: int
    where: Test | None


Member = tuple[int, int, bool]  # The newest value of one member: millionths, observed, counted.


class Gathering:
    """The fresh values of one area's members."""

    __slots__ = (
        "asked",
        "blind",
        "blind_until",
        "counted",
        "ever",
        "expiries",
        "highest",
        "leaves",
        "lowest",
        "members",
        "numbers",
        "span",
        "total",
        "wake_at",
    )

    def __init__(self, asked: Asked) -> None:
        """Nobody was heard yet."""
        self.asked, self.span = asked, asked.window_seconds * SECOND
        self.members: dict[str, Member] = {}  # The fresh ones.
        self.ever: set[str] = set()  # All that were ever heard.
        self.total = self.counted = 0
        self.expiries: list[tuple[int, str]] = []  # One for each fresh member, not later than it will be silent.
        self.lowest: list[tuple[int, str]] | None = None  # Heaps with leftovers; None: nobody asks.
        self.highest: list[tuple[int, str]] | None = None
        self.leaves: dict[Aggregate, Figure] = {}
        self.numbers: dict[tuple[Measure, int], Number] = {}  # By measure and how many members it needs.
        self.wake_at = -1
        self.blind_until = 0  # Until then (µs) nobody can be called silent: nobody listened for a while.
        self.blind = False

    def take(self, subject: str, value: float | None, observed: int, known: int) -> bool:
        """A member's value came; False when it was old as it came and changes nothing."""
        if value is None or observed + self.span <= known:
            return False
        exact, where = round(value * PARTS), self.asked.where
        counted = where is None or where.met(value)
        before = self.members.get(subject)
        if before is None:
            self.ever.add(subject)
            heappush(self.expiries, (observed + self.span, subject))
        else:
            self.total -= before[0]
            self.counted -= before[2]
        self.members[subject] = (exact, observed, counted)
        self.total += exact
        self.counted += counted
        if self.lowest is not None or self.highest is not None:
            self._rank(subject, exact)
        return True

    def _rank(self, subject: str, exact: int) -> None:
        most = 4 * len(self.members) + 16
        if self.lowest is not None:
            heappush(self.lowest, (exact, subject))
            if len(self.lowest) > most:
                self.lowest = self._ranked(1)
        if self.highest is not None:
            heappush(self.highest, (-exact, subject))
            if len(self.highest) > most:
                self.highest = self._ranked(-1)

    def _ranked(self, sign: int) -> list[tuple[int, str]]:
        heap = [(sign * exact, subject) for subject, (exact, _, _) in self.members.items()]
        heapify(heap)
        return heap

    def expire(self, now: int) -> None:
        """Members that were not heard in the window are fresh no more."""
        expiries = self.expiries
        self.blind = now < self.blind_until
        while expiries and expiries[0][0] <= now:
            _, subject = heappop(expiries)
            member = self.members.get(subject)
            if member is None:
                continue
            due = member[1] + self.span
            if due > now:
                heappush(expiries, (due, subject))
            else:
                self._leave(subject, member)

    def _leave(self, subject: str, member: Member) -> None:
        del self.members[subject]
        self.total -= member[0]
        self.counted -= member[2]

    def drop(self, subject: str) -> None:
        """A member is gone for good."""
        self.ever.discard(subject)
        member = self.members.get(subject)
        if member is not None:
            self._leave(subject, member)

    def wake(self) -> int | None:
        """When a member may be fresh no more, or silence be judged again."""
        due = self.expiries[0][0] if self.expiries else None
        if self.blind:
            return self.blind_until if due is None else min(due, self.blind_until)
        return due

    def excuse(self, until: int) -> None:
        """Nobody listened up to `until`: one window later it is known again who is silent."""
        self.blind, self.blind_until = True, until + self.span

    def edge(self, sign: int) -> int:
        """The lowest (1) or highest (-1) fresh value, in millionths."""
        heap = self.lowest if sign > 0 else self.highest
        assert heap is not None
        while heap:
            exact, subject = heap[0]
            member = self.members.get(subject)
            if member is not None and sign * member[0] == exact:
                return sign * exact
            heappop(heap)
        return 0

    def leaf(self, leaf: Aggregate) -> "Figure":
        """The figure that a leaf asks for; leaves that ask the same share it."""
        found = self.leaves.get(leaf)
        if found is None:
            if leaf.measure is Measure.MIN and self.lowest is None:
                self.lowest = self._ranked(1)
            if leaf.measure is Measure.MAX and self.highest is None:
                self.highest = self._ranked(-1)
            found = self.leaves[leaf] = Figure(leaf, self._number(leaf))
            found.turned()
        return found

    def _number(self, leaf: Aggregate) -> "Number":
        key = (leaf.measure, leaf.at_least)
        found = self.numbers.get(key)
        if found is None:
            found = self.numbers[key] = Number(self, *key)
        return found

    def stirred(self) -> Sequence["Figure"]:
        """The figures that may have turned, or that hold, in the order in which they were first asked for."""
        calm = [number.calm() for number in self.numbers.values()]
        return () if all(calm) else [one for one in self.leaves.values() if not one.number.quiet]


class Number:
    """What some figures of a gathering are: one number, which each of them holds against a bound of its own."""

    __slots__ = ("above", "below", "edge", "figures", "gathering", "least", "make", "quiet")

    def __init__(self, gathering: Gathering, measure: Measure, least: int) -> None:
        """No figure asks for it yet; it needs `least` members."""
        self.gathering, self.least = gathering, least
        self.make = FIGURES.get(measure)  # None: how many are silent.
        self.edge = {Measure.MIN: 1, Measure.MAX: -1}.get(measure, 0)
        self.figures: list[Figure] = []
        self.above, self.below = -inf, inf  # Between them no figure turns while none is met.
        self.quiet = False  # Whether none was met when it was last asked.

    def join(self, one: "Figure") -> None:
        """A figure asks for it."""
        above, below = between(one.leaf.bound)
        self.above, self.below = max(self.above, above), min(self.below, below)
        self.figures.append(one)
        self.quiet = False

    def value(self) -> float | None:
        """The number now; None with too few members."""
        gathering = self.gathering
        count = len(gathering.members)
        if self.make is None:
            ever = len(gathering.ever)
            return None if ever < self.least or not ever or gathering.blind else (ever - count) / ever
        if count < self.least:
            return None
        edge = gathering.edge(self.edge) if self.edge else 0
        return self.make(count, gathering.total, gathering.counted, edge)

    def calm(self) -> bool:
        """Whether nothing changes when its figures are asked; else they are to be asked now."""
        if self.quiet or all(one.held is False and not one.met for one in self.figures):
            found = self.value()
            self.quiet = found is not None and self.above < found < self.below
        return self.quiet


class Figure:
    """One figure of a gathering against a bound, and the alarms that depend on it."""

    __slots__ = ("dependents", "held", "leaf", "met", "number", "told")

    def __init__(self, leaf: Aggregate, number: Number) -> None:
        """Not known yet."""
        self.leaf, self.number = leaf, number
        self.met = False
        self.held: bool | None = None
        self.told = 0  # When those that depend on it were last asked.
        self.dependents: dict[Instance, None] = {}
        number.join(self)

    def stand(self) -> None:
        """An alarm stands on it: it holds on as long as it is not clear."""
        self.met, self.number.quiet = True, False

    def value(self) -> float | None:
        """The figure; None with too few members."""
        return self.number.value()

    def turned(self) -> bool:
        """Look again; whether what it says has changed."""
        found, before = self.value(), self.held
        if found is None:
            self.held = None
        else:
            self.met = self.held = self.leaf.bound.met(found, self.met)
        return self.held is not before

    def truth(self, _now: int) -> bool | None:
        """Whether it holds."""
        return self.held

    def wake(self) -> int | None:
        """The gathering wakes for all its figures."""
        return None

    def reason(self, _now: int) -> Reason:
        """Why."""
        members = len(self.number.gathering.members)
        return area_reason(self.leaf, self.held, self.value(), members)
