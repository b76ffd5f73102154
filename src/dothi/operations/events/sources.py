"""The verbs on sources of events: defining one with its purpose, reading them, and what each has seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dothi.ground.clock import DAY, HOUR
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Actor, Attribute, Change, Commit, Event, Op, geo, prop, read_one, readable, words
from dothi.operations.events.model import INDEXED, PERSONAL, SYSTEM, TYPE, EventSource, source_id, source_of
from dothi.operations.events.rules import rules_at
from dothi.operations.model import OWNER, Operations

KEEPERS = frozenset({"data_steward", "administrator"})
KINDS = ("camera", "gate", "meter")
PURPOSE_LETTERS = 20
_MOST = 2_000


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source as its keeper defines it; days are at most what the rules allow."""

    code: str
    name: Mapping[str, str]
    kind: str
    purpose: str
    keep_days: int
    clip_days: int
    unit: str
    personal: tuple[str, ...] = ()
    personal_days: int = 1
    place: tuple[float, float] | None = None
    enabled: bool = True
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What a source has seen lately."""

    last: Event | None
    hours: tuple[int, ...]  # Detections in each of the last 24 hours, the oldest first.
    kept: int


def declare(operations: Operations) -> None:
    """Say what lists of this room ask for. Once, when the parts are put together."""
    for kind, names in INDEXED.items():
        operations.hub.index(kind, *names)


def is_keeper(actor: Actor) -> bool:
    """Whether `actor` may define sources and send by hand for them."""
    return "system" in actor.roles or not actor.roles.isdisjoint(KEEPERS)


async def define_source(
    operations: Operations, actor: Actor, new: NewSource, version: int | None = None
) -> EventSource:
    """Make a source of events or change it. Invalid says which field and what to mend; Forbidden without the right."""
    if not is_keeper(actor):
        raise Forbidden(f"{actor.id} may not define sources of events; ask a data steward.")
    _check(operations, new)
    name = source_id(new.code)
    attrs: dict[str, Attribute] = {
        "name": words(**new.name),
        "kind": prop(new.kind),
        "purpose": prop(new.purpose.strip()),
        "keepDays": prop(new.keep_days),
        "clipDays": prop(new.clip_days),
        "personal": prop(list(new.personal)),
        "personalDays": prop(new.personal_days),
        "enabled": prop(new.enabled),
        "unit": prop(new.unit),
    }
    if new.place:
        attrs["location"] = geo({"type": "Point", "coordinates": list(new.place)})
    if new.simulated:
        attrs["simulated"] = prop(True)
    expect = {} if version is None else {name: version}
    change = Change(Op.UPSERT, name, (TYPE,), attrs)
    await operations.hub.commit(Commit(actor, (change,), "source of events", expect, owner=OWNER))
    return one_source(operations, SYSTEM, new.code)


def _check(operations: Operations, new: NewSource) -> None:
    rules = rules_at(operations, new.unit or None)
    if not new.code or not new.code.replace("-", "").replace("_", "").isalnum() or not new.code.isascii():
        raise Invalid("The code has letters, digits, - and _ only.", field="code")
    if not new.name.get("vi", "").strip() or new.kind not in KINDS:
        raise Invalid(f"A source has a name, and is one of {', '.join(KINDS)}.", field="name")
    if len(new.purpose.strip()) < PURPOSE_LETTERS:
        raise Invalid(f"Say for what it is kept, in at least {PURPOSE_LETTERS} letters.", field="purpose")
    if not operations.territory.knows(new.unit):
        raise Invalid(f"No unit with code {new.unit[:10]} is in force.", field="unit")
    if set(new.personal) - set(PERSONAL):
        raise Invalid(f"Personal data are {' or '.join(PERSONAL)}.", field="personal")
    clips = min(rules.clip_days, new.keep_days)
    for field, most in {"keep_days": rules.days, "clip_days": clips, "personal_days": rules.personal_days}.items():
        if not 1 <= getattr(new, field) <= most:
            raise Invalid(f"{field} is from 1 to {most}, as the rules in force say.", field=field)


def one_source(operations: Operations, actor: Actor, code: str) -> EventSource:
    """One source by its code. Missing when there is none."""
    entity = operations.hub.get(actor, code if code.startswith("urn:") else source_id(code))
    if TYPE not in entity.types:
        raise Missing(f"{code[:80]} is no source of events.")
    return read_one(entity, source_of)


def sources(operations: Operations, actor: Actor) -> list[EventSource]:
    """Every source that `actor` may see, by name."""
    found = list(readable(operations.hub.find(actor, TYPE, limit=_MOST), source_of))
    return sorted(found, key=lambda one: one.name.get("vi", one.code))


def seen(operations: Operations, source: EventSource, now: int) -> Seen:
    """What a source has seen lately: its last detection, hour by hour, and how many are kept."""
    hub, start = operations.hub, now // HOUR * HOUR + HOUR - DAY
    last = hub.events(SYSTEM, source.id, EventQuery(limit=1))
    hours = [start + n * HOUR for n in range(24)]
    counts = tuple(hub.count_events(SYSTEM, source.id, EventQuery(hour, hour + HOUR)) for hour in hours)
    return Seen(last[0] if last else None, counts, hub.count_events(SYSTEM, source.id))


def read_events(operations: Operations, actor: Actor, code: str, asked: EventQuery) -> list[Event]:
    """The detections of a source that `actor` may read, latest first; nothing personal is in them."""
    source = one_source(operations, actor, code)
    return operations.hub.events(actor, source.id, asked)


def shown(event: Event) -> dict[str, Any]:
    """A detection as JSON: what is sealed is said to be there, not told."""
    told = {"id": event.key, "kind": event.kind, **event.facts, "personal": bool(event.sealed)}
    return told | ({"clip": event.clip} if event.clip else {})
