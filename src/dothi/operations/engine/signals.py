"""What one subject's own values say of one leaf of a condition: small states, fed with values, asked at an instant.

Each has `take(value, observed)`, `truth(now)` (None: not known), `wake()` (when the truth may change although nothing
comes; None: never) and `reason(now)`. Those over a window read it from where all rules share it (`windows`), and have
`figure(now)`, `quiet()` (between these two, both apart, no figure turns one that does not hold) and `same` (what asks
for the same figure is equal). All instants are µs.
"""

from collections.abc import Hashable
from math import inf

from dothi.ground.clock import SECOND
from dothi.operations.engine.windows import Windows, edge_of, times_of, values_of
from dothi.operations.rules.model import Aggregate, Bound, Change, Leaf, Reason, Repeat, Silence, Threshold

Seen = dict[str, tuple[int, float | None, int]]  # Attribute → (observed, value, known) of the newest value.


def between(bound: Bound) -> tuple[float, float]:
    """A value above the first and below the second does not meet a bound that the one before did not meet."""
    return (-inf, bound.limit) if bound.upward else (bound.limit, inf)


class Newest:
    """The newest value against a bound with hysteresis."""

    __slots__ = ("age", "leaf", "met", "observed", "value")

    def __init__(self, leaf: Threshold, age: int) -> None:
        """Nothing heard yet; a value older than `age` is not known any more."""
        self.leaf, self.age = leaf, age
        self.value, self.observed, self.met = 0.0, -1, False

    def take(self, value: float | None, observed: int) -> None:
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

    __slots__ = ("leaf", "met", "window")

    def __init__(self, leaf: Repeat, age: int, windows: Windows) -> None:
        """What was heard stands in its window."""
        self.leaf, self.window = leaf, times_of(windows, leaf, age)
        self.met = False

    def take(self, _value: float | None, _observed: int) -> None:
        """A value came: its window has it already."""

    @property
    def same(self) -> Hashable:
        """What asks for the same figure."""
        return id(self.window)

    def quiet(self) -> tuple[float, float]:
        """Between these nothing turns."""
        return -inf, self.leaf.times

    def figure(self, now: int) -> float | None:
        """How many; None when nothing was ever heard."""
        return self.window.count(now) if self.window.heard else None

    def truth(self, now: int) -> bool | None:
        """Whether it holds now."""
        if not self.window.heard:
            return None
        self.met = self.window.count(now) >= (self.leaf.clear_times if self.met else self.leaf.times)
        return self.met

    def wake(self) -> int | None:
        """When too few are left."""
        times = self.window.times
        place = len(times) - self.leaf.clear_times
        return times[place] + self.window.span if self.met and place >= 0 else None

    def reason(self, now: int) -> Reason:
        """Why."""
        leaf, held = self.leaf, self.truth(now)
        window = leaf.window_seconds
        count = float(len(self.window.times))
        return Reason("repeat", leaf.attribute, held, count, ">=", float(leaf.times), window_seconds=window, id=leaf.id)


class Moved:
    """How far the newest value of a window is above its lowest (or below its highest)."""

    __slots__ = ("leaf", "met", "window")

    def __init__(self, leaf: Change, age: int, windows: Windows) -> None:
        """What was heard stands in its window."""
        self.leaf, self.window = leaf, edge_of(windows, leaf, age)
        self.met = False

    def take(self, _value: float | None, _observed: int) -> None:
        """A value came: its window has it already."""

    @property
    def same(self) -> Hashable:
        """What asks for the same figure."""
        return id(self.window)

    def quiet(self) -> tuple[float, float]:
        """Between these nothing turns."""
        return between(self.leaf.bound)

    def figure(self, now: int) -> float | None:
        """How far; None when no value is in the window."""
        return self.window.moved(now)

    def truth(self, now: int) -> bool | None:
        """Whether it holds now."""
        moved = self.window.moved(now)
        if moved is None:
            return None
        self.met = self.leaf.bound.met(moved, self.met)
        return self.met

    def wake(self) -> int | None:
        """When the lowest (highest) leaves the window."""
        edge = self.window.edge
        return edge[0][0] + self.window.span if self.met and edge else None

    def reason(self, now: int) -> Reason:
        """Why."""
        leaf, held = self.leaf, self.truth(now)
        moved = self.window.moved(now)
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

    def take(self, _value: float | None, _observed: int) -> None:
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

    __slots__ = ("leaf", "met", "window")

    def __init__(self, leaf: Aggregate, age: int, windows: Windows) -> None:
        """What was heard stands in its window."""
        self.leaf, self.window = leaf, values_of(windows, leaf, age)
        self.met = False

    def take(self, _value: float | None, _observed: int) -> None:
        """A value came: its window has it already."""

    @property
    def same(self) -> Hashable:
        """What asks for the same figure."""
        return id(self.window), self.leaf.measure, self.leaf.at_least

    def quiet(self) -> tuple[float, float]:
        """Between these nothing turns."""
        return between(self.leaf.bound)

    def figure(self, now: int) -> float | None:
        """The figure now; None with too few values."""
        return self.window.figure(self.leaf.measure, self.leaf.at_least, now)

    def truth(self, now: int) -> bool | None:
        """Whether it holds now."""
        found = self.figure(now)
        if found is None:
            return None
        self.met = self.leaf.bound.met(found, self.met)
        return self.met

    def wake(self) -> int | None:
        """When the oldest value leaves the window."""
        values = self.window.values
        return values[0][0] + self.window.span if values else None

    def reason(self, now: int) -> Reason:
        """Why."""
        return area_reason(self.leaf, self.truth(now), self.figure(now), len(self.window.values))


Windowed = Counted | Moved | Own
Signal = Newest | Heard | Windowed


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


def signal_of(leaf: Leaf, age: int, seen: Seen, windows: Windows) -> Signal:
    """The state of a leaf that asks for the subject's own values: `seen` holds the newest of them, `windows` more."""
    match leaf:
        case Threshold():
            return Newest(leaf, age)
        case Repeat():
            return Counted(leaf, age, windows)
        case Change():
            return Moved(leaf, age, windows)
        case Silence():
            return Heard(leaf, seen)
        case Aggregate():
            return Own(leaf, age, windows)


def is_own(leaf: Leaf) -> bool:
    """Whether a leaf asks for the subject's own values, not for those of an area."""
    return not isinstance(leaf, Aggregate) or leaf.over == "subject"
