"""What one subject's own values say of one leaf of a condition: small states, fed with values, asked at an instant.

Each has `take(value, observed, known)`, `truth(now)` (None: not known), `wake()` (when the truth may change although
nothing comes; None: never) and `reason(now)`. All instants are µs. Sums are kept as whole millionths, so that they do
not depend on the order in which values came and went.
"""

from collections import deque

from dothi.ground.clock import SECOND
from dothi.operations.rules.model import Aggregate, Change, Leaf, Measure, Reason, Repeat, Silence, Threshold

PARTS = 1_000_000  # Of a unit, in exact sums.
Seen = dict[str, tuple[int, float | None, int]]  # Attribute → (observed, value, known) of the newest value.


class Newest:
    """The newest value against a bound with hysteresis."""

    __slots__ = ("age", "leaf", "met", "observed", "value")

    def __init__(self, leaf: Threshold, age: int) -> None:
        """Nothing heard yet; a value older than `age` is not known any more."""
        self.leaf, self.age = leaf, age
        self.value, self.observed, self.met = 0.0, -1, False

    def take(self, value: float | None, observed: int, _known: int) -> None:
        """A value came."""
        if value is not None:
            self.value, self.observed = value, observed
            self.met = self.leaf.bound.met(value, self.met)

    def truth(self, now: int) -> bool | None:
        """Whether it holds now."""
        return None if self.observed < 0 or now - self.observed > self.age else self.met

    def wake(self) -> int | None:
        """A value that grows old changes nothing by itself."""
        return None

    def reason(self, now: int) -> Reason:
        """Why."""
        bound, held = self.leaf.bound, self.truth(now)
        shown = None if self.observed < 0 else self.value
        return Reason("threshold", self.leaf.attribute, held, shown, bound.op, bound.limit, id=self.leaf.id)


class Counted:
    """How many values of a window met a test. A window without values counts nought."""

    __slots__ = ("heard", "leaf", "met", "span", "times")

    def __init__(self, leaf: Repeat) -> None:
        """Nothing heard yet."""
        self.leaf, self.span = leaf, leaf.window_seconds * SECOND
        self.times: deque[int] = deque()
        self.met, self.heard = False, False

    def take(self, value: float | None, observed: int, _known: int) -> None:
        """A value came."""
        if value is not None:
            self.heard = True
            if self.leaf.test.met(value):
                self.times.append(observed)

    def truth(self, now: int) -> bool | None:
        """Whether it holds now."""
        if not self.heard:
            return None
        times, start = self.times, now - self.span
        while times and times[0] <= start:
            times.popleft()
        self.met = len(times) >= (self.leaf.clear_times if self.met else self.leaf.times)
        return self.met

    def wake(self) -> int | None:
        """When too few are left."""
        place = len(self.times) - self.leaf.clear_times
        return self.times[place] + self.span if self.met and place >= 0 else None

    def reason(self, now: int) -> Reason:
        """Why."""
        leaf, held = self.leaf, self.truth(now)
        window = leaf.window_seconds
        count = float(len(self.times))
        return Reason("repeat", leaf.attribute, held, count, ">=", float(leaf.times), window_seconds=window, id=leaf.id)


class Moved:
    """How far the newest value of a window is above its lowest (or below its highest)."""

    __slots__ = ("edge", "leaf", "met", "newest", "span")

    def __init__(self, leaf: Change) -> None:
        """Nothing heard yet."""
        self.leaf, self.span = leaf, leaf.window_seconds * SECOND
        self.edge: deque[tuple[int, float]] = deque()  # Values that may still be the lowest (highest) of a window.
        self.newest, self.met = 0.0, False

    def take(self, value: float | None, observed: int, _known: int) -> None:
        """A value came."""
        if value is None:
            return
        edge, up = self.edge, self.leaf.bound.upward
        while edge and (edge[-1][1] >= value if up else edge[-1][1] <= value):
            edge.pop()
        edge.append((observed, value))
        self.newest = value

    def truth(self, now: int) -> bool | None:
        """Whether it holds now."""
        edge, start = self.edge, now - self.span
        while edge and edge[0][0] <= start:
            edge.popleft()
        if not edge:
            return None
        self.met = self.leaf.bound.met(self.newest - edge[0][1], self.met)
        return self.met

    def wake(self) -> int | None:
        """When the lowest (highest) leaves the window."""
        return self.edge[0][0] + self.span if self.met and self.edge else None

    def reason(self, now: int) -> Reason:
        """Why."""
        leaf, held = self.leaf, self.truth(now)
        moved = self.newest - self.edge[0][1] if self.edge else None
        bound, window = leaf.bound, leaf.window_seconds
        return Reason("change", leaf.attribute, held, moved, bound.op, bound.limit, window_seconds=window, id=leaf.id)


class Heard:
    """How long nothing was heard. A value that was old when it came is no sign of life.

    The newest value is read from where the subject keeps it (`seen`), so that a value costs a silence nothing.
    """

    __slots__ = ("deaf", "heard", "leaf", "seen", "span")

    def __init__(self, leaf: Silence, seen: Seen) -> None:
        """Whatever was heard stands in `seen`."""
        self.leaf, self.span, self.seen, self.heard = leaf, leaf.seconds * SECOND, seen, -1
        self.deaf = 0  # So long of the time since was nobody there to hear.

    def take(self, _value: float | None, _observed: int, _known: int) -> None:
        """A value came: it stands in `seen` already."""

    def _look(self) -> int:
        found = self.seen.get(self.leaf.attribute)
        if found is not None and found[0] != self.heard and found[0] + self.span > found[2]:
            self.heard, self.deaf = found[0], 0
        return self.heard

    def truth(self, now: int) -> bool | None:
        """Whether it is silent now."""
        due = self.wake()
        return None if due is None else now >= due

    def wake(self) -> int | None:
        """When it will have been silent long enough."""
        heard = self._look()
        return None if heard < 0 else heard + self.span + self.deaf

    def excuse(self, since: int, until: int) -> None:
        """Nobody listened in between: who was not silent before is not silent for that."""
        due = self.wake()
        if due is not None and due > since:
            self.deaf += until - since

    def reason(self, now: int) -> Reason:
        """Why."""
        held, leaf = self.truth(now), self.leaf
        silent = None if self.heard < 0 else float((now - self.heard) // SECOND)
        return Reason("noData", leaf.attribute, held, silent, ">=", float(leaf.seconds), id=leaf.id)


class Own:
    """One figure of the subject's own values of a window."""

    __slots__ = ("edge", "leaf", "met", "met_count", "span", "total", "values")

    def __init__(self, leaf: Aggregate) -> None:
        """Nothing heard yet."""
        self.leaf, self.span = leaf, leaf.window_seconds * SECOND
        self.values: deque[tuple[int, int, bool]] = deque()  # (observed, millionths, counted).
        ranked = leaf.measure in (Measure.MIN, Measure.MAX)
        self.edge: deque[tuple[int, int]] | None = deque() if ranked else None  # The lowest or highest.
        self.total, self.met_count, self.met = 0, 0, False

    def take(self, value: float | None, observed: int, _known: int) -> None:
        """A value came."""
        if value is None:
            return
        exact, where = round(value * PARTS), self.leaf.where
        counted = where is None or where.met(value)
        self.values.append((observed, exact, counted))
        self.total += exact
        self.met_count += counted
        edge, lowest = self.edge, self.leaf.measure is Measure.MIN
        if edge is not None:
            while edge and (edge[-1][1] >= exact if lowest else edge[-1][1] <= exact):
                edge.pop()
            edge.append((observed, exact))

    def figure(self, now: int) -> float | None:
        """The figure now; None with too few values."""
        values, start = self.values, now - self.span
        while values and values[0][0] <= start:
            _, exact, counted = values.popleft()
            self.total -= exact
            self.met_count -= counted
        while self.edge and self.edge[0][0] <= start:
            self.edge.popleft()
        if len(values) < self.leaf.at_least:
            return None
        return figure(self.leaf.measure, len(values), self.total, self.met_count, self.edge[0][1] if self.edge else 0)

    def truth(self, now: int) -> bool | None:
        """Whether it holds now."""
        found = self.figure(now)
        if found is None:
            return None
        self.met = self.leaf.bound.met(found, self.met)
        return self.met

    def wake(self) -> int | None:
        """When the oldest value leaves the window."""
        return self.values[0][0] + self.span if self.values else None

    def reason(self, now: int) -> Reason:
        """Why."""
        return area_reason(self.leaf, self.truth(now), self.figure(now), len(self.values))


Signal = Newest | Counted | Moved | Heard | Own


def figure(measure: Measure, count: int, total: int, met: int, edge: int) -> float:
    """A figure of `count` values (at least one): their sum and edge in millionths, and how many met the test."""
    match measure:
        case Measure.MEAN:
            return total / (PARTS * count)
        case Measure.SUM:
            return total / PARTS
        case Measure.COUNT:
            return float(met)
        case Measure.SHARE:
            return met / count
        case _:
            return edge / PARTS


def area_reason(leaf: Aggregate, held: bool | None, value: float | None, members: int) -> Reason:
    """Why a figure holds."""
    over = leaf.over if isinstance(leaf.over, str) else ",".join(leaf.over)
    return Reason(
        leaf.measure.value,
        leaf.attribute,
        held,
        value,
        leaf.bound.op,
        leaf.bound.limit,
        leaf.type,
        over,
        leaf.window_seconds,
        members,
        leaf.id,
    )


def signal_of(leaf: Leaf, age: int, seen: Seen) -> Signal:
    """The state of a leaf that asks for the subject's own values; `seen` holds the newest of them."""
    match leaf:
        case Threshold():
            return Newest(leaf, age)
        case Repeat():
            return Counted(leaf)
        case Change():
            return Moved(leaf)
        case Silence():
            return Heard(leaf, seen)
        case Aggregate():
            return Own(leaf)


def is_own(leaf: Leaf) -> bool:
    """Whether a leaf asks for the subject's own values, not for those of an area."""
    return not isinstance(leaf, Aggregate) or leaf.over == "subject"
