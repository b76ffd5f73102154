"""The nouns of alarm rules: a condition as a tree, and the rule that raises an alarm while its condition holds.

A condition is judged in three values: it holds, it does not, or it is not known (nothing was heard, or only long ago).
What is not known raises nothing and clears nothing. `docs/howto/alarm-rules.md` shows how each is written.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum

from dothi.operations.model import Priority

OPS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class Each(StrEnum):
    """What has an alarm of its own: every subject, or every area."""

    SUBJECT = "subject"
    UNIT = "unit"  # A commune, ward or special zone.
    PROVINCE = "province"
    CITY = "city"


class Within(StrEnum):
    """How far a root alarm reaches."""

    SUBJECT = "subject"
    UNIT = "unit"
    PROVINCE = "province"


class Measure(StrEnum):
    """What is made of the values of several members, or of one subject in a while."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"  # Members whose value meets `where`; without it all that are fresh.
    SHARE = "share"  # The same, of all that are fresh: 0 to 1.
    SILENT = "silent"  # Members not heard in the window, of all that were ever heard: 0 to 1.


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit with hysteresis: met once `value op limit`, and from then on as long as `value op clear`."""

    op: str
    limit: float
    clear: float

    def met(self, value: float, was: bool) -> bool:
        """Whether a value meets it, when the value before did (`was`) or did not."""
        return OPS[self.op](value, self.clear if was else self.limit)

    @property
    def upward(self) -> bool:
        """Whether more is worse."""
        return self.op.startswith(">")


@dataclass(frozen=True, slots=True)
class Test:
    """What one member's value must meet to be counted."""

    op: str
    limit: float

    def met(self, value: float) -> bool:
        """Whether a value meets it."""
        return OPS[self.op](value, self.limit)


Test.__test__ = False  # type: ignore[attr-defined]  # Its name begins as pytest's classes do.


@dataclass(frozen=True, slots=True)
class Threshold:
    """The newest value of an attribute of the subject meets a bound."""

    attribute: str
    bound: Bound
    id: str = ""


@dataclass(frozen=True, slots=True)
class Repeat:
    """At least `times` values of the last `window_seconds` met a test; over when fewer than `clear_times` did."""

    attribute: str
    test: Test
    times: int
    window_seconds: int
    clear_times: int
    id: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """How much an attribute rose (op > or >=: newest less lowest) or fell (newest less highest) in a window.

    `bound` is on the difference: rising half a metre is `> 0.5`, falling as much `< -0.5`.
    """

    attribute: str
    bound: Bound
    window_seconds: int
    id: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """The subject has sent no value of the attribute for so long. Never heard is not silent."""

    attribute: str
    seconds: int
    id: str = ""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One figure made of many values meets a bound.

    `over` "subject": the subject's own values of the last `window_seconds`. Over areas ("unit", "province", "city":
    the one of the subject or of the alarm; or codes of units): the newest value of each member, of `type`, that is
    not older than the window. Not known while fewer than `at_least` values are fresh.
    """

    measure: Measure
    type: str
    attribute: str
    over: str | tuple[str, ...]
    bound: Bound
    window_seconds: int
    at_least: int = 1
    where: Test | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple["Node", ...]
    id: str = ""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple["Node", ...]
    id: str = ""


@dataclass(frozen=True, slots=True)
class NotOf:
    """The part does not hold."""

    part: "Node"
    id: str = ""


Leaf = Threshold | Repeat | Change | Silence | Aggregate
Node = Leaf | AllOf | AnyOf | NotOf


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a rule is at work, in Vietnam: weekdays (0 = Monday), from a time to a time (past midnight when earlier)."""

    days: frozenset[int] = frozenset(range(7))
    start: time = time(0)
    end: time | None = None  # None: to the end of the day.
    holidays: bool = True  # Whether it works on days that the calendar has off.


@dataclass(frozen=True, slots=True)
class Flapping:
    """An alarm that turns more often than `times` in a window is held as flapping (the alarms' own matter)."""

    times: int
    window_seconds: int


@dataclass(frozen=True, slots=True)
class Only:
    """Where a rule holds; empty: everywhere."""

    units: frozenset[str] = frozenset()  # Codes of communes or provinces.
    subjects: frozenset[str] = frozenset()  # Ids of entities.


@dataclass(frozen=True, slots=True)
class Rule:
    """An alarm is raised when `when` has held for `for_seconds`, and cleared when it has not for `hold_seconds`.

    Values observed longer ago than `max_age_seconds` when they come are no news: they raise and clear nothing; a value
    that grew older than this is not known any more.
    """

    id: str
    name: Mapping[str, str]  # Language → name.
    type: str  # Of the subjects; of an area's rule: the type that the alarm is about.
    when: Node
    priority: Priority
    each: Each = Each.SUBJECT
    for_seconds: int = 0
    hold_seconds: int = 0
    max_age_seconds: int = 10_800
    schedule: Schedule | None = None
    only: Only = Only()
    inhibited_by: tuple[str, ...] = ()  # Ids of root rules: while one of them is active near by, this one calls nobody.
    inhibited_within: Within = Within.UNIT
    group: str = ""
    playbook: str = ""
    advice: Mapping[str, str] | None = None  # Language → what to do first.
    flapping: Flapping | None = None
    enabled: bool = True
    sample: bool = False  # A labelled sample, not an official limit.


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an alarm is up (or was cleared): one leaf of the condition, as it stood then."""

    kind: str  # "threshold", "repeat", "change", "noData", a Measure, or "gone" (the rule or subject went).
    attribute: str
    held: bool | None
    value: float | None = None  # What was compared: value, count, difference, seconds of silence, figure of members.
    op: str = ""
    limit: float | None = None  # What it was compared with: `clear` once it was met.
    type: str = ""
    over: str = ""  # "subject", "unit", "province", "city", or codes with commas.
    window_seconds: int = 0
    members: int = 0  # Fresh values that an aggregate had.
    id: str = ""  # Of the leaf, as the rule names it.


@dataclass(frozen=True, slots=True)
class Turn:
    """What a rule says of one alarm at an instant: it is raised (or stays up with a new value), or cleared."""

    rule: Rule
    subject: str  # Id of the entity; "" when the alarm is of an area.
    area: str  # Code of the unit when the alarm is of an area ("VN" for the whole city); else "".
    unit: str  # Code of the unit where it is, "" when not known.
    raised: bool
    value: float | None  # Of the first leaf that speaks of a value.
    attribute: str  # Of that leaf.
    observed: int  # µs: when that value was observed.
    since: int  # µs: since when the condition holds, or since when it does not.
    at: int  # µs: when the engine could know it.
    reasons: tuple[Reason, ...]
    rule_set: str = ""  # Id of the adopted set that said the rule so last, "" when it is as shipped.

    @property
    def cause(self) -> str:
        """What, with the rule, makes an alarm one: the subject's id or the area's code."""
        return self.subject or self.area


CITY = "VN"  # The code under which an alarm of the whole city stands.


def leaves(node: Node) -> Iterator[Leaf]:
    """The leaves of a condition in reading order."""
    match node:
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from leaves(part)
        case NotOf(part=part):
            yield from leaves(part)
        case _:
            yield node


def watched(rule: Rule) -> frozenset[tuple[str, str]]:
    """The (type, attribute) pairs that a rule must be told of."""
    return frozenset(
        (leaf.type if isinstance(leaf, Aggregate) else rule.type, leaf.attribute) for leaf in leaves(rule.when)
    )


def reach_seconds(rule: Rule) -> int:
    """How far back (s) the log must be read so that a rule knows all that it would have known."""
    spans = [leaf.seconds if isinstance(leaf, Silence) else _window(leaf) for leaf in leaves(rule.when)]
    return max((*spans, rule.max_age_seconds)) + rule.for_seconds + rule.hold_seconds


def _window(leaf: Threshold | Repeat | Change | Aggregate) -> int:
    return 0 if isinstance(leaf, Threshold) else leaf.window_seconds


def kind_of(leaf: Leaf) -> str:
    """The name under which a leaf is written in a rule set."""
    match leaf:
        case Threshold():
            return "threshold"
        case Repeat():
            return "repeat"
        case Change():
            return "change"
        case Silence():
            return "noData"
        case Aggregate(measure=measure):
            return measure.value
