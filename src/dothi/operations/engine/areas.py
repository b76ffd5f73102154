"""What the values of an area say together, kept up with each value that comes: no figure is counted anew."""

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from dothi.ground.clock import SECOND
from dothi.operations.engine.signals import PARTS, area_reason, figure
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


class Member(NamedTuple):
    """The newest value of one member."""

    exact: int  # Millionths.
    observed: int
    counted: bool


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
        self.wake_at = -1
        self.blind_until = 0  # Until then (µs) nobody can be called silent: nobody listened for a while.
        self.blind = False

    def take(self, subject: str, value: float | None, observed: int, known: int) -> bool:
        """A member's value came; False when it was old as it came and changes nothing."""
        if value is None or observed + self.span <= known:
            return False
        exact, where = round(value * PARTS), self.asked.where
        fresh = Member(exact, observed, where is None or where.met(value))
        before = self.members.get(subject)
        if before is None:
            self.ever.add(subject)
            heappush(self.expiries, (observed + self.span, subject))
        else:
            self.total -= before.exact
            self.counted -= before.counted
        self.members[subject] = fresh
        self.total += exact
        self.counted += fresh.counted
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
        heap = [(sign * member.exact, subject) for subject, member in self.members.items()]
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
            due = member.observed + self.span
            if due > now:
                heappush(expiries, (due, subject))
            else:
                self._leave(subject, member)

    def _leave(self, subject: str, member: Member) -> None:
        del self.members[subject]
        self.total -= member.exact
        self.counted -= member.counted

    def drop(self, subject: str) -> None:
        """A member is gone for good."""
        self.ever.discard(subject)
        member = self.members.get(subject)
        if member is not None:
            self._leave(subject, member)

    def wake(self) -> int | None:
        """When a member may be fresh no more, or silence be judged again."""
        wakes = [self.blind_until] if self.blind else []
        return min((*wakes, self.expiries[0][0]) if self.expiries else wakes, default=None)

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
            if member is not None and sign * member.exact == exact:
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
            found = self.leaves[leaf] = Figure(leaf, self)
            found.turned()
        return found


class Figure:
    """One figure of a gathering against a bound, and the alarms that depend on it."""

    __slots__ = ("dependents", "gathering", "held", "leaf", "met", "told")

    def __init__(self, leaf: Aggregate, gathering: Gathering) -> None:
        """Not known yet."""
        self.leaf, self.gathering = leaf, gathering
        self.met = False
        self.held: bool | None = None
        self.told = 0  # When those that depend on it were last asked.
        self.dependents: dict[Instance, None] = {}

    def value(self) -> float | None:
        """The figure; None with too few members."""
        gathering, leaf = self.gathering, self.leaf
        if leaf.measure is Measure.SILENT:
            ever = len(gathering.ever)
            return (
                None if ever < leaf.at_least or not ever or gathering.blind else (ever - len(gathering.members)) / ever
            )
        count = len(gathering.members)
        if count < leaf.at_least:
            return None
        sign = {Measure.MIN: 1, Measure.MAX: -1}.get(leaf.measure)
        edge = 0 if sign is None else gathering.edge(sign)
        return figure(leaf.measure, count, gathering.total, gathering.counted, edge)

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
        members = len(self.gathering.members)
        return area_reason(self.leaf, self.held, self.value(), members)
