"""What the values of a subject come to in a while: each kept once, for all rules that ask for the same while.

A value that has left the while is dropped when somebody asks. All instants are µs. Sums are kept as whole millionths,
so that they do not depend on the order in which values came and went.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from dothi.ground.clock import SECOND
from dothi.operations.rules.model import Aggregate, Change, Measure, Repeat, Test

PARTS = 1_000_000  # Of a unit, in exact sums.

# A figure of `count` values (at least one): from their sum and edge in millionths, and how many met the test.
FIGURES: Mapping[Measure, Callable[[int, int, int, int], float]] = {
    Measure.MEAN: lambda count, total, _met, _edge: total / (PARTS * count),
    Measure.SUM: lambda _count, total, _met, _edge: total / PARTS,
    Measure.COUNT: lambda _count, _total, met, _edge: float(met),
    Measure.SHARE: lambda count, _total, met, _edge: met / count,
    Measure.MIN: lambda _count, _total, _met, edge: edge / PARTS,
    Measure.MAX: lambda _count, _total, _met, edge: edge / PARTS,
}


class While(NamedTuple):
    """What rules must have in common to share a window; `of` tells kinds of windows apart."""

    of: object
    attribute: str
    window_seconds: int
    age: int  # Values that are older when they come are not taken.


class Times:
    """When values met a test."""

    __slots__ = ("age", "heard", "span", "test", "times")

    def __init__(self, test: Test, which: While) -> None:
        """Nothing heard yet."""
        self.test, self.span, self.age = test, which.window_seconds * SECOND, which.age
        self.times: deque[int] = deque()
        self.heard = False

    def take(self, value: float, observed: int) -> None:
        """A value came."""
        self.heard = True
        if self.test.met(value):
            self.times.append(observed)

    def count(self, now: int) -> int:
        """How many are in the window."""
        times, start = self.times, now - self.span
        while times and times[0] <= start:
            times.popleft()
        return len(times)


class Edge:
    """The lowest (highest) of the values, and the newest."""

    __slots__ = ("age", "edge", "newest", "span", "up")

    def __init__(self, up: bool, which: While) -> None:
        """Nothing heard yet; `up` keeps the lowest."""
        self.up, self.span, self.age = up, which.window_seconds * SECOND, which.age
        self.edge: deque[tuple[int, float]] = deque()  # Values that may still be the lowest (highest) of a window.
        self.newest = 0.0

    def take(self, value: float, observed: int) -> None:
        """A value came."""
        push(self.edge, value, observed, self.up)
        self.newest = value

    def moved(self, now: int) -> float | None:
        """How far the newest is from the edge; None when none is in the window."""
        edge, start = self.edge, now - self.span
        while edge and edge[0][0] <= start:
            edge.popleft()
        return self.newest - edge[0][1] if edge else None


class Values:
    """All values, with what figures are made of."""

    __slots__ = ("age", "edge", "lowest", "met", "span", "total", "values", "where")

    def __init__(self, where: Test | None, ranked: Measure | None, which: While) -> None:
        """Nothing heard yet; `ranked` says which edge is kept."""
        self.where, self.span, self.age = where, which.window_seconds * SECOND, which.age
        self.values: deque[tuple[int, int, bool]] = deque()  # (observed, millionths, counted).
        self.edge: deque[tuple[int, int]] | None = None if ranked is None else deque()
        self.lowest = ranked is Measure.MIN
        self.total = self.met = 0

    def take(self, value: float, observed: int) -> None:
        """A value came."""
        exact, where = round(value * PARTS), self.where
        counted = where is None or where.met(value)
        self.values.append((observed, exact, counted))
        self.total += exact
        self.met += counted
        if self.edge is not None:
            push(self.edge, exact, observed, self.lowest)

    def figure(self, measure: Measure, least: int, now: int) -> float | None:
        """The figure now; None with too few values."""
        values, edge, start = self.values, self.edge, now - self.span
        while values and values[0][0] <= start:
            _, exact, counted = values.popleft()
            self.total -= exact
            self.met -= counted
        while edge and edge[0][0] <= start:
            edge.popleft()
        if len(values) < least:
            return None
        return FIGURES[measure](len(values), self.total, self.met, edge[0][1] if edge else 0)


def push(edge: "deque[tuple[int, float]] | deque[tuple[int, int]]", value: float, observed: int, lowest: bool) -> None:
    """Let a value join those that may still be the lowest (highest) of a window; what it outlasts leaves."""
    while edge and (edge[-1][1] >= value if lowest else edge[-1][1] <= value):
        edge.pop()
    edge.append((observed, value))  # type: ignore[arg-type]


Window = Times | Edge | Values
Windows = dict[While, Window]


def times_of(windows: Windows, leaf: Repeat, age: int) -> Times:
    """The window that a repeat asks for."""
    which = While(leaf.test, leaf.attribute, leaf.window_seconds, age)
    found = windows.setdefault(which, Times(leaf.test, which))
    assert isinstance(found, Times)
    return found


def edge_of(windows: Windows, leaf: Change, age: int) -> Edge:
    """The window that a change asks for."""
    up = leaf.bound.upward
    which = While("rise" if up else "fall", leaf.attribute, leaf.window_seconds, age)
    found = windows.setdefault(which, Edge(up, which))
    assert isinstance(found, Edge)
    return found


def values_of(windows: Windows, leaf: Aggregate, age: int) -> Values:
    """The window that a figure of a subject's own values asks for."""
    ranked = leaf.measure if leaf.measure in (Measure.MIN, Measure.MAX) else None
    which = While((leaf.where, ranked), leaf.attribute, leaf.window_seconds, age)
    found = windows.setdefault(which, Values(leaf.where, ranked, which))
    assert isinstance(found, Values)
    return found
