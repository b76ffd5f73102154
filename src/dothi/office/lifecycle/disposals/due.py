"""The dry run: what the rules in force would end today, by class and unit, how much, how old, and what is held."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec

from dothi.ground.clock import DAY, VIETNAM, from_iso, iso, now_us, to_datetime
from dothi.hub.language.nodes import Compare, EventQuery, Query, TypeIs
from dothi.hub.model import Entity, Logged
from dothi.hub.peers.ending import lost
from dothi.office.lifecycle.holds import Held, held_now
from dothi.office.lifecycle.model import SYSTEM, LifeCycle, Line
from dothi.office.lifecycle.rules import ALL_TYPES, KIND, DataClass, Policy, policy_at
from dothi.office.rules.service import applied

SLICE = 2000  # Commits looked at in one turn of the writer.
_MOST = 1_000_000
THINGS, HISTORY, EVENTS = "things", "history", "events"


class Due(NamedTuple):
    """A thing whose time is over."""

    entity: Entity
    data_class: DataClass
    unit: str
    tenant: str
    moment: int  # From when its time ran (µs).
    holds: tuple[str, ...]


@dataclass
class Policies:
    """The policy unit by unit, read once, as of one instant."""

    life: LifeCycle
    at: int
    known: dict[str, Policy] = field(default_factory=dict)

    def of(self, unit: str) -> Policy:
        """The policy of a unit."""
        if unit not in self.known:
            self.known[unit] = policy_at(self.life.rules, unit or None, self.at)
        return self.known[unit]

    def all(self) -> list[Policy]:
        """The city's own and that of each unit that adopted one."""
        units = {code for kind, code in self.life.rules.adopted if kind == KIND}
        return [self.of(unit) for unit in sorted({"", *units})]

    def classes(self) -> Mapping[str, list[DataClass]]:
        """Class id → the class as each policy has it."""
        found: dict[str, list[DataClass]] = defaultdict(list)
        for policy in self.all():
            for one in policy.classes:
                found[one.id].append(one)
        return found

    def one(self, name: str, unit: str) -> DataClass | None:
        """A class as it holds in a unit; None when the unit has none of this name."""
        return next((one for one in self.of(unit).classes if one.id == name), None)

    def sets(self, unit: str) -> tuple[str, ...]:
        """The adopted sets that hold in a unit, as id@version."""
        return tuple(f"{one.id}@{one.version}" for one in applied(self.life.rules, KIND, unit or None, self.at))


def cutoff(one: DataClass, at: int) -> int:
    """What is older than this is over (µs)."""
    return at - one.days * DAY


def unit_of(entity: Entity) -> str:
    """The unit whose rules hold for a thing."""
    found = entity.value("unit", "")
    return found if isinstance(found, str) else ""


def things(life: LifeCycle, policies: Policies, held: Held, name: str = "") -> Iterator[Due]:
    """The things whose time is over, class by class; only those of a class when it is named."""
    for class_id, variants in policies.classes().items():
        if name and name != class_id:
            continue
        for kind in sorted({kind for one in variants for kind in one.types} - {ALL_TYPES}):
            for tenant in sorted({tenant for one in variants for tenant in one.tenants}):
                yield from _of_kind(life, policies, held, class_id, (kind, tenant, _sought(variants, policies.at)))


def _sought(variants: Sequence[DataClass], at: int) -> Compare | None:
    """What narrows the question to things that may be over, whichever of the variants of a class holds for them."""
    if {one.begins for one in variants} == {"changed"}:
        return Compare(("modifiedAt",), "<", iso(at - min(one.days for one in variants) * DAY))
    return Compare(("open",), "==", False) if {one.begins for one in variants} == {"closed"} else None


def _of_kind(
    life: LifeCycle, policies: Policies, held: Held, class_id: str, where: tuple[str, str, Compare | None]
) -> Iterator[Due]:
    kind, tenant, sought = where
    asked = Query(TypeIs(kind), q=sought, limit=_MOST, tenant=tenant)
    for entity in life.hub.query(SYSTEM, asked) if life.hub.has_tenant(tenant) else ():
        unit = unit_of(entity)
        one = policies.one(class_id, unit)
        if one is None or one.then == "keep" or not covers(one, entity, tenant) or one.begins == "observed":
            continue
        moment = begun(one, entity)
        if moment is not None and moment < cutoff(one, policies.at):
            yield Due(entity, one, unit, tenant, moment, held.on(entity))


def covers(one: DataClass, entity: Entity, tenant: str) -> bool:
    """Whether a class speaks of a thing."""
    if tenant not in one.tenants or not one.types & set(entity.types):
        return False
    return not one.sources or entity.value("source") in one.sources


def begun(one: DataClass, entity: Entity) -> int | None:
    """When the time of a thing began to run (µs); None while it does not run: it is still open."""
    if one.begins == "changed":
        return entity.modified_at
    if entity.value("open") is not False:
        return None
    closed = entity.value(one.closed)
    try:
        return from_iso(closed) if isinstance(closed, str) else entity.modified_at
    except ValueError:
        return entity.modified_at


@dataclass(frozen=True)
class Past:
    """What of the log is over: which attributes a class ends, in which units, and what is held."""

    policies: Policies
    held: Held
    name: str = ""
    within: frozenset[str] | None = None  # Units; None = all.

    def ends(self, at: int, entity: Entity | None) -> tuple[DataClass, str] | None:
        """The class that ends what was known of an entity at an instant, with its unit; None when it stays."""
        unit = unit_of(entity) if entity is not None else ""
        if entity is None or (self.within is not None and unit not in self.within):
            return None
        for one in self.policies.of(unit).classes:
            if (self.name and one.id != self.name) or not of_history(one) or at >= cutoff(one, self.policies.at):
                continue
            if covers(one, entity, ""):
                return one, unit
        return None

    def chosen(self, at: int, entity: Entity) -> frozenset[str] | None:
        """The attributes whose past goes; none named: all. None when it stays, or is held."""
        found = self.ends(at, entity)
        return None if found is None or self.held.on(entity) else found[0].attributes


def dry_run_now(life: LifeCycle, at: int | None = None) -> "Counted":
    """A counter of what is due, as of an instant (now when left out)."""
    policies = Policies(life, at or now_us())
    return Counted(life, policies, held_now(life))


@dataclass
class Counted:
    """The lines of a dry run while they are counted."""

    life: LifeCycle
    policies: Policies
    held: Held
    lines: dict[tuple[str, str, str], Line] = field(default_factory=dict)

    def add(self, one: DataClass, unit: str, kind: str, size: int, moment: int, holds: tuple[str, ...]) -> None:
        """Count one thing, entry or event."""
        key = (one.id, unit, kind)
        line = self.lines.get(key) or Line(one.id, unit, kind, one.then, rules=self.policies.sets(unit))
        if holds:
            known = tuple(dict.fromkeys((*line.holds, *holds)))
            self.lines[key] = replace(line, held=line.held + 1, holds=known)
            return
        oldest = min(filter(None, (line.oldest, iso(moment))))
        self.lines[key] = replace(line, hot=line.hot + 1, bytes=line.bytes + size, oldest=oldest)


def dry_run(life: LifeCycle, at: int | None = None) -> list[Line]:
    """What would go today, by class and unit, hot and cold; nothing is changed."""
    counted = dry_run_now(life, at)
    for one in things(life, counted.policies, counted.held):
        size = len(msgspec.json.encode(one.entity.attrs))
        counted.add(one.data_class, one.unit, THINGS, size, one.moment, one.holds)
    _count_history(counted)
    _count_events(counted)
    return sorted(counted.lines.values(), key=lambda line: (line.data_class, line.unit, line.kind))


def history_ends(policies: Policies) -> int:
    """No commit known after this (µs) has a past that any class ends."""
    days = [one.days for policy in policies.all() for one in policy.classes if of_history(one)]
    return policies.at - min(days) * DAY if days else 0


def of_history(one: DataClass) -> bool:
    """Whether a class ends the past of things that go on standing."""
    return one.begins == "observed" and not one.lanes and one.then != "keep"


def _count_history(counted: Counted) -> None:
    past, until, after = Past(counted.policies, counted.held), history_ends(counted.policies), 0
    hub = counted.life.hub
    while commits := [one for one in hub.log(after, SLICE) if one.at < until]:
        after = commits[-1].seq
        for tenant in {one.tenant for one in commits if not one.tenant}:
            entries = [(one.at, entry) for one in commits if one.tenant == tenant for entry in one.entries]
            standing = hub.some(SYSTEM, {entry.id for _, entry in entries}, tenant)
            for at, entry in entries:
                _count_entry(counted, past, at, entry, standing.get(entry.id))


def _count_entry(counted: Counted, past: Past, at: int, entry: Logged, entity: Entity | None) -> None:
    found = past.ends(at, entity)
    size = lost(entry, entity.attrs, found[0].attributes) if found is not None and entity is not None else 0
    if found is not None and entity is not None and size:
        counted.add(found[0], found[1], HISTORY, size, at, counted.held.on(entity))


def _count_events(counted: Counted) -> None:
    for one, unit, entity, until in lanes(counted.life, counted.policies):
        holds = counted.held.on(entity)
        for event in counted.life.hub.events(SYSTEM, entity.id, EventQuery(end=until, limit=_MOST)):
            size = len(event.sealed) + len(event.tag) + len(event.clip) + len(str(event.facts))
            counted.add(one, unit, EVENTS, size, event.at, holds)


def lanes(life: LifeCycle, policies: Policies, name: str = "") -> Iterator[tuple[DataClass, str, Entity, int]]:
    """The lanes whose events end by some class: class, unit, the entity, and until when (µs)."""
    for class_id, variants in policies.classes().items():
        if name and class_id != name:
            continue
        for kind in sorted({kind for one in variants if one.lanes for kind in one.types}):
            for entity in life.hub.query(SYSTEM, Query(TypeIs(kind), limit=_MOST)):
                one = policies.one(class_id, unit_of(entity))
                if one is not None and one.then != "keep" and covers(one, entity, ""):
                    yield one, unit_of(entity), entity, cutoff(one, policies.at)


def coming(life: LifeCycle, at: int | None = None, years: int = 6) -> dict[int, int]:
    """How many things end in each of the next years by the rules in force; those that are over count for this year."""
    policies = Policies(life, at or now_us())
    now = to_datetime(policies.at).astimezone(VIETNAM).year
    counts = dict.fromkeys(range(now, now + years), 0)
    for class_id, variants in policies.classes().items():
        for kind in sorted({kind for one in variants for kind in one.types} - {ALL_TYPES}):
            for entity in life.hub.query(SYSTEM, Query(TypeIs(kind), limit=_MOST)):
                one = policies.one(class_id, unit_of(entity))
                moment = begun(one, entity) if one is not None and one.then != "keep" and not of_history(one) else None
                if one is not None and moment is not None and covers(one, entity, "") and not one.lanes:
                    year = to_datetime(moment + one.days * DAY).astimezone(VIETNAM).year
                    if year < now + years:
                        counts[max(year, now)] += 1
    return counts
