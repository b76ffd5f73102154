"""What the engine remembers: of each subject what was heard, of each rule there how its condition stands.

Nothing of this is stored: it is made from the log again when the engine starts (`rebuilding`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import NamedTuple

from dothi.operations.engine.areas import Area, Asked, Figure, Gathering
from dothi.operations.engine.program import Compiled, Program, area_leaves, area_of, asked, stands_in
from dothi.operations.engine.signals import Counted, Heard, Moved, Own, Seen, Signal, Windowed, is_own, signal_of
from dothi.operations.engine.windows import Window, Windows
from dothi.operations.rules.model import CITY, Aggregate, Each, Turn

Types = tuple[str, ...]
Key = tuple[str, str]  # (rule id, subject or area).


class Instance:
    """One rule on one subject or area: what its leaves say, since when it holds, whether its alarm is up."""

    __slots__ = (
        "active",
        "area",
        "compiled",
        "false_since",
        "pack",
        "signals",
        "subject",
        "told",
        "true_since",
        "unit",
        "wake_at",
    )

    def __init__(
        self, compiled: Compiled, subject: str, area: str, unit: str, signals: Sequence[Signal | Figure]
    ) -> None:
        """Nothing is known yet."""
        self.compiled, self.subject, self.area, self.unit = compiled, subject, area, unit
        self.signals = signals  # One for each leaf, in reading order.
        self.active = False
        self.true_since = self.false_since = -1
        self.told = 0  # When the alarm was last told its value.
        self.wake_at = -1
        self.pack: Pack | None = None  # With whom it is passed over.

    @property
    def key(self) -> Key:
        """What names its alarm."""
        return self.compiled.rule.id, self.subject or self.area


class Watch(NamedTuple):
    """The rules on a subject's own values of one attribute."""

    plain: tuple[Compiled, ...]  # Thresholds and silences, nothing else: passed over while all is well.
    below: float  # A value below this …
    above: float  # … and above this meets none of the thresholds.
    others: tuple[Compiled, ...]


class Pack:
    """Rules on a subject that hold the same figure of a window against bounds, and nothing else.

    While none of them is up or begun, and the figure lies between all bounds, a value changes nothing for them.
    """

    __slots__ = ("above", "age", "below", "members", "quiet", "sample")

    def __init__(self, age: int, some: Sequence[tuple[Instance, Windowed]]) -> None:
        """Nothing is known of them; values that are older than `age` when they come are not theirs."""
        self.age, self.members, self.sample = age, tuple(some), some[0][1]
        bounds = [signal.quiet() for _, signal in some]
        self.above, self.below = max(above for above, _ in bounds), min(below for _, below in bounds)
        self.quiet = False  # Whether none of them was up or begun when it was last looked at.
        for instance, _ in some:
            instance.pack = self

    def calm(self, now: int) -> bool:
        """Whether judging them at `now` would change nothing for any of them."""
        if not self.quiet:
            return False
        found = self.sample.figure(now)
        return found is None or self.above < found < self.below

    def wake(self) -> int | None:
        """When they are to be looked at again although nothing comes; with no such instant they are quiet no more."""
        due = self.sample.wake()
        self.quiet = due is not None
        return due

    def settle(self) -> None:
        """They were given a value: note whether they can be passed over from now on."""
        self.quiet = all(
            not (one.active or signal.met)
            and (one.wake_at >= 0 or not isinstance(signal, Own))  # What leaves the window is to be looked at.
            for one, signal in self.members
        )


class Taker(NamedTuple):
    """A rule that takes values of an attribute."""

    instance: Instance
    signals: tuple[Signal, ...]  # The leaves that do.
    pack: Pack | None


class Takers(NamedTuple):
    """Whom values of an attribute are given to, but for plain rules."""

    windows: tuple[Window, ...]
    packs: tuple[Pack, ...]
    every: tuple[Taker, ...]
    alone: bool  # Whether some are in no pack.


class Plan(NamedTuple):
    """What a value means at one place for one kind of entity, by attribute."""

    own: Mapping[str, Watch]
    gatherings: Mapping[str, tuple[Gathering, ...]]


class Subject:
    """One entity as the engine knows it."""

    __slots__ = ("calm", "instances", "plan", "seen", "takers", "types", "unit", "windows")

    def __init__(self, types: Types, unit: str, plan: Plan) -> None:
        """Heard for the first time."""
        self.types, self.unit, self.plan = types, unit, plan
        self.seen: Seen = {}
        self.calm: set[str] = set()  # Attributes whose plain rules are all well: none is up or about to be.
        self.instances: dict[str, Instance] = {}  # By rule id.
        self.windows: Windows = {}
        self.takers: dict[str, Takers] = {}  # By attribute.


@dataclass(eq=False)
class Memory:
    """All that is remembered, and the turns that nobody has fetched yet."""

    program: Program
    now: int = 0  # µs: up to here everything was judged.
    subjects: dict[str, Subject] = field(default_factory=dict)
    areas: dict[Key, Instance] = field(default_factory=dict)
    gatherings: dict[tuple[Asked, Area], Gathering] = field(default_factory=dict)
    plans: dict[tuple[str, Types], Plan] = field(default_factory=dict)
    wakes: list[tuple[int, int, Instance | Gathering]] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    standing: Collection[Key] = frozenset()  # Alarms that stand while the memory is made: between limit and clear.
    order: Iterator[int] = field(default_factory=count)

    def instances(self) -> Iterator[Instance]:
        """Every rule on every subject and area."""
        yield from self.areas.values()
        for subject in self.subjects.values():
            yield from subject.instances.values()

    def wake(self, one: Instance | Gathering, due: int | None) -> None:
        """Look at it again at `due`, or earlier."""
        if due is not None and (one.wake_at < 0 or due < one.wake_at):
            one.wake_at = due
            heappush(self.wakes, (due, next(self.order), one))

    def next_due(self, now: int) -> tuple[int, Instance | Gathering] | None:
        """What must be looked at by `now`, in order of time; taken off the list."""
        while self.wakes and self.wakes[0][0] <= now:
            due, _, one = heappop(self.wakes)
            if one.wake_at == due:
                one.wake_at = -1
                return due, one
        return None


def plan_of(memory: Memory, unit: str, types: Types) -> Plan:
    """What values of entities of `types` in `unit` mean; made once, with the areas' alarms that they need."""
    found = memory.plans.get((unit, types))
    if found is None:
        found = memory.plans[unit, types] = _plan(memory, unit, types)
    return found


def _plan(memory: Memory, unit: str, types: Types) -> Plan:
    program, levels = memory.program, memory.program.levels(unit)
    own: dict[str, dict[Compiled, None]] = {}
    for one in program.book(unit).values():
        rule = one.rule
        if rule.enabled and rule.each is Each.SUBJECT and rule.type in types and stands_in(rule, levels):
            for leaf in one.leaves:
                if is_own(leaf):
                    own.setdefault(leaf.attribute, {})[one] = None
    gatherings: dict[str, dict[Gathering, None]] = {}
    for figure in area_leaves(program, types):
        area = area_of(figure, levels)
        if area is not None and (isinstance(area, str) or any(code in area for code in levels)):
            gatherings.setdefault(figure.attribute, {})[gathering(memory, figure, area)] = None
    _area_instances(memory, levels, types)
    return Plan(
        {name: _watch(tuple(some)) for name, some in own.items()},
        {name: tuple(some) for name, some in gatherings.items()},
    )


def _watch(some: tuple[Compiled, ...]) -> Watch:
    bounds = [one.plain.bound for one in some if one.plain is not None]
    return Watch(
        tuple(one for one in some if one.plain is not None or one.silence),
        min((one.limit for one in bounds if one.upward), default=inf),
        max((one.limit for one in bounds if not one.upward), default=-inf),
        tuple(one for one in some if one.plain is None and not one.silence),
    )


def gathering(memory: Memory, leaf: Aggregate, area: Area) -> Gathering:
    """The gathering that a figure is made of."""
    key = (asked(leaf), area)
    found = memory.gatherings.get(key)
    if found is None:
        found = memory.gatherings[key] = Gathering(key[0])
    return found


def _area_instances(memory: Memory, levels: tuple[str, ...], types: Types) -> None:
    """The rules that give one alarm to each area, on the areas that a place lies in."""
    places = {Each.CITY: levels[:1], Each.PROVINCE: levels[:2], Each.UNIT: levels}
    wanted = {Each.CITY: 1, Each.PROVINCE: 2, Each.UNIT: 3}
    for each, some in places.items():
        if len(some) < min(wanted[each], 2) or (each is Each.UNIT and len(levels) < 2):
            continue
        for one in memory.program.book(some[-1]).values():
            rule = one.rule
            fed = any(isinstance(leaf, Aggregate) and leaf.type in types for leaf in one.leaves)
            if rule.enabled and rule.each is each and fed and stands_in(rule, some):
                area_instance(memory, one, some)


def area_instance(memory: Memory, one: Compiled, levels: tuple[str, ...]) -> Instance:
    """A rule on an area; `levels` are the codes from the city down to the area."""
    area = levels[-1] or CITY
    key = (one.rule.id, area)
    if key not in memory.areas:
        unit = "" if area == CITY else area
        memory.areas[key] = _instance(memory, one, "", area, unit, levels)
    return memory.areas[key]


def subject_instance(memory: Memory, name: str, subject: Subject, one: Compiled) -> Instance:
    """A rule on a subject."""
    found = subject.instances.get(one.rule.id)
    if found is None:
        levels = memory.program.levels(subject.unit)
        found = subject.instances[one.rule.id] = _instance(
            memory, one, name, "", subject.unit, levels, (subject.seen, subject.windows)
        )
    return found


def takers_of(memory: Memory, name: str, subject: Subject, some: tuple[Compiled, ...], attribute: str) -> Takers:
    """The rules on a subject that take values of an attribute, the windows that they share, and who goes together."""
    here = (one for one in some if not one.rule.only.subjects or name in one.rule.only.subjects)
    made = [subject_instance(memory, name, subject, one) for one in here]
    packs: dict[object, list[tuple[Instance, Windowed]]] = {}
    for instance in made:
        signal = instance.signals[0]
        if instance.compiled.needs_all and len(instance.signals) == 1 and isinstance(signal, Counted | Moved | Own):
            packs.setdefault(signal.same, []).append((instance, signal))
    packed = tuple(Pack(pack[0][0].compiled.age_us, pack) for pack in packs.values())
    every = tuple(Taker(instance, taking(instance, attribute), instance.pack) for instance in made)
    windows = tuple(window for which, window in subject.windows.items() if which.attribute == attribute)
    return Takers(windows, packed, every, any(taker.pack is None for taker in every))


def taking(instance: Instance, attribute: str) -> tuple[Signal, ...]:
    """The leaves of a rule that take the subject's values of an attribute."""
    some = (instance.signals[place] for place in instance.compiled.places[attribute])
    return tuple(signal for signal in some if not isinstance(signal, Figure))


def _instance(
    memory: Memory,
    one: Compiled,
    subject: str,
    area: str,
    unit: str,
    levels: tuple[str, ...],
    own: tuple[Seen, Windows] | None = None,
) -> Instance:
    signals: list[Signal | Figure] = []
    figures: list[Figure] = []
    for leaf in one.leaves:
        if is_own(leaf):
            signals.append(signal_of(leaf, one.age_us, *(own or ({}, {}))))
            continue
        assert isinstance(leaf, Aggregate)
        place = area_of(leaf, levels)
        figures.append(gathering(memory, leaf, () if place is None else place).leaf(leaf))
        signals.append(figures[-1])
    made = Instance(one, subject, area, unit, tuple(signals))
    for figure in figures:
        figure.dependents[made] = None
    if made.key in memory.standing:
        for signal in signals:
            if isinstance(signal, Figure):
                signal.stand()
            elif not isinstance(signal, Heard):
                signal.met = True
    return made


def leave(memory: Memory, subject: str, known: Subject) -> None:
    """Forget what a subject said in the areas and rules it was in."""
    for some in known.plan.gatherings.values():
        for one in some:
            one.drop(subject)
    for instance in known.instances.values():
        instance.wake_at = -2  # No wake finds it any more.
        for signal in instance.signals:
            if isinstance(signal, Figure):
                signal.dependents.pop(instance, None)
