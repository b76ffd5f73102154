"""The verbs of an incident: opening it, moving it along its table, reading it. Each is one commit."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from dothi.ground.clock import DAY, MINUTE, VIETNAM, from_iso, iso, now_us, to_datetime
from dothi.ground.clocks import Limit, due_by
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.ground.geometry import check as check_geometry
from dothi.ground.ids import CODE_ALPHABET, public_code, urn
from dothi.hub.model import (
    ABSENT,
    Actor,
    Attribute,
    Change,
    Commit,
    Entity,
    Timer,
    amend,
    create,
    geo,
    json_prop,
    prop,
    read_one,
    readable,
    rel,
)
from dothi.operations.incidents.model import (
    INDEXED,
    OPEN,
    SYSTEM,
    TITLE_LETTERS,
    TYPE,
    WORDS_LETTERS,
    Incident,
    NewIncident,
    NoSuchIncident,
    State,
    incident_of,
)
from dothi.operations.incidents.playbooks.tables import Playbook, Rules, awake, rules_at, steps_of, versions_at
from dothi.operations.incidents.suggestions import CONFIRMED, decided, suggestion
from dothi.operations.incidents.workflow import DIRECTORS, Facts, check
from dothi.operations.model import OWNER, Operations, Priority

PLACES = 500
DRILLS = "drills"  # Whose timers bring what a drill assumes.
CONSUMER = "incidents"  # Whose durable timers ring when a step is late.


def declare(operations: Operations) -> None:
    """What lists ask for. Once, when the parts are put together."""
    for kind, names in INDEXED.items():
        operations.hub.index(kind, *names)


async def open_incident(operations: Operations, actor: Actor, new: NewIncident, now: int | None = None) -> Incident:
    """Open an incident: its alarms point to it, the suggestions it came from are confirmed. Invalid says what lacks.

    Conflict when one of the alarms belongs to another open incident already.
    """
    at = now_us() if now is None else now
    if not actor.roles & (DIRECTORS | {"system"}):
        raise Forbidden("Only a duty officer or a leader opens an incident.")
    opened = _opened_before(operations, actor, new, at)
    if opened is not None:
        return opened
    name = _name(actor, new, at)
    attrs = _opened(operations, actor, new, at)
    joined, expect = _joined(operations, actor, name, new, at)
    change = create(name, TYPE, **attrs)
    drawn = incident_of(Entity(name, (TYPE,), change.attrs))
    timers = (*timer_of(drawn), *_injects(operations, drawn, at))
    commit = Commit(actor, (change, *joined), "opened", {name: ABSENT, **expect}, owner=OWNER, timers=timers)
    await operations.hub.commit(commit)
    return incident(operations, actor, name)


def _name(actor: Actor, new: NewIncident, at: int) -> str:
    """The number that people say: the day, and a code that is random or stands for the key."""
    day = f"{to_datetime(at).astimezone(VIETNAM):%Y%m%d}"
    if new.key is None:
        return urn(TYPE, f"{day}-{public_code(4)}")
    digest = hashlib.sha256(f"{actor.id}\n{new.key}".encode()).digest()
    return urn(TYPE, f"{day}-{''.join(CODE_ALPHABET[one % len(CODE_ALPHABET)] for one in digest[:6])}")


def _opened_before(operations: Operations, actor: Actor, new: NewIncident, at: int) -> Incident | None:
    """What the same key of this person opened, today or last night."""
    for day in (at, at - DAY) if new.key is not None else ():
        with suppress(NoSuchIncident):
            return incident(operations, actor, _name(actor, new, day))
    return None


def _opened(operations: Operations, actor: Actor, new: NewIncident, at: int) -> dict[str, Attribute]:
    """What a new incident holds."""
    title = new.title.strip()
    if not title or len(title) > TITLE_LETTERS:
        raise Invalid(f"Say what happens in up to {TITLE_LETTERS} letters.", field="title")
    if new.drill and (new.alarms or new.reports or new.bulletins):
        raise Invalid("A drill takes no real alarm, report or bulletin.", field="alarms")
    if bool(new.scenario) > new.drill:
        raise Invalid("A scenario is played in a drill only.", field="scenario")
    if len(new.words) > WORDS_LETTERS:
        raise Invalid(f"The words have up to {WORDS_LETTERS} letters.", field="words")
    priority = priority_of(new.priority)
    unit = _unit(operations, new)
    rules = rules_at(operations, unit, at)
    if new.kind not in rules.kinds:
        raise Invalid("Choose a kind of the list.", field="kind")
    if new.scenario and new.scenario not in rules.scenarios:
        raise Invalid("Choose a scenario of the list.", field="scenario")
    since = at if new.since is None else new.since
    if since > at:
        raise Invalid("It has not begun yet: give a time that is past.", field="since")
    attrs: dict[str, Attribute] = {
        "title": prop(title),
        "kind": prop(new.kind),
        "state": prop(State.OPEN.value),
        "priority": prop(priority.value),
        "since": prop(iso(since)),
        "unit": prop(unit),
        "assignee": prop(new.assignee or unit),
        "open": prop(True),
        "words": prop(new.words.strip()),
        "openedBy": prop(actor.id),
        "openedAt": prop(iso(at)),
        "deed": deed("opened", actor, at),
        **_limits(rules, priority, at),
    }
    attrs |= _optional(new)
    book = rules.playbooks.get(new.kind)
    if book is not None:
        attrs |= {"playbook": prop(book.id), "playbookVersions": prop(list(versions_at(operations, unit, at)))}
    drawn = incident_of(Entity("", (TYPE,), {**attrs, "steps": json_prop(_copied(book, at))}))
    return attrs | _stepped(replace(drawn, steps=awake(drawn, at)))


def priority_of(text: str) -> Priority:
    """The priority of that name. Invalid when there is none."""
    try:
        return Priority(text)
    except ValueError:
        raise Invalid(f"The priority is one of {', '.join(Priority)}.", field="priority") from None


def _limits(rules: Rules, priority: Priority, at: int) -> dict[str, Attribute]:
    """Until when it is to be in hand, and closed."""
    hours = {"takeBy": rules.take[priority], "closeBy": rules.close_hours}
    return {name: prop(iso(due_by(at, Limit(one, always=True)))) for name, one in hours.items()}


def _copied(book: Playbook | None, at: int) -> list[dict[str, Any]]:
    return [one.as_json() for one in steps_of(book, at)]


def _stepped(found: Incident) -> dict[str, Attribute]:
    """Its steps as they are kept, and until when the next deed is owed."""
    return {"steps": json_prop([one.as_json() for one in found.steps]), "due": prop(found.next_due())}


def _injects(operations: Operations, found: Incident, at: int) -> Iterator[Timer]:
    """One durable timer for each thing that its scenario assumes."""
    scenario = rules_at(operations, found.unit, at).scenarios.get(found.scenario)
    for one in scenario.injects if scenario else ():
        words = msgspec.json.encode(dict(one.words)).decode()
        yield Timer(DRILLS, f"{found.id}|{one.id}", at + round(one.minutes * MINUTE), words)


def timer_of(found: Incident) -> tuple[Timer, ...]:
    """The one durable timer of an incident: when the next of what is owed would be late."""
    dues = [one.due for one in found.steps if one.owed and not one.late]
    if found.state is State.OPEN and "late" not in found.marks:
        dues.append(found.take_by)
    due = min((from_iso(one) for one in dues if one), default=None) if found.open else None
    return (Timer(CONSUMER, found.id, due),)


def _optional(new: NewIncident) -> dict[str, Attribute]:
    attrs: dict[str, Attribute] = {}
    if new.place is not None:
        point = {"type": "Point", "coordinates": list(new.place)}
        attrs["location"] = geo(check_geometry(point, "place"))
    if new.units:
        attrs["units"] = prop(list(new.units))
    for name in ("alarms", "reports", "bulletins", "suggestions"):
        if ids := list(dict.fromkeys(getattr(new, name))):
            attrs[name] = rel(ids)
    for name in ("commander", "scenario"):
        if said := getattr(new, name):
            attrs[name] = prop(said)
    if new.simulated:
        attrs["simulated"] = prop(True)
    return attrs | {"drill": prop(new.drill)}  # Said either way: indicators count what is none.


def _unit(operations: Operations, new: NewIncident) -> str:
    """The unit where it lies: what was chosen, else where the point lies, else the first of its units."""
    unit = new.unit or next(iter(new.units), "")
    if not unit and new.place is not None:
        found = operations.territory.resolve(*new.place)
        unit = found.unit.code if found.unit else ""
    if not unit or not operations.territory.knows(unit):
        raise Invalid("Choose the commune or province where it happens.", field="unit")
    for code in new.units:
        if not operations.territory.knows(code):
            raise Invalid(f"No unit with code {code[:10]} is in force.", field="units")
    return unit


def _joined(
    operations: Operations, actor: Actor, name: str, new: NewIncident, at: int
) -> tuple[tuple[Change, ...], dict[str, int]]:
    """The changes of alarms that now belong to it and of suggestions that led to it, with the versions seen."""
    changes: list[Change] = []
    expect: dict[str, int] = {}
    for one in dict.fromkeys(new.alarms):
        change, version = alarm_joined(operations, actor, one, name)
        changes.append(change)
        expect[one] = version
    for one in dict.fromkeys(new.suggestions):
        found = suggestion(operations, actor, one)
        if found.state == "suggested":
            changes.append(decided(found, CONFIRMED, actor, "", at))
            expect[found.id] = found.version
    for one in (*new.reports, *new.bulletins):
        operations.hub.get(actor, one)  # Nobody joins what they may not see.
    return tuple(changes), expect


def alarm_joined(operations: Operations, actor: Actor, alarm: str, name: str) -> tuple[Change, int]:
    """The change by which an alarm belongs to an incident, and the version seen. Conflict when another has it."""
    entity = operations.hub.get(actor, alarm)
    if "Alarm" not in entity.types:
        raise Missing(f"{alarm[:80]} is not an alarm.")
    other = entity.value("incident", "")
    if other and other != name:
        try:
            holds = incident(operations, SYSTEM, other).open
        except NoSuchIncident:
            holds = False
        if holds:
            raise Conflict(f"This alarm belongs to the incident {other.rpartition(':')[2]}.", incident=other)
    return amend(alarm, incident=rel(name)), entity.version


def deed(verb: str, actor: Actor, at: int, why: str = "", **more: Any) -> Attribute:
    """What one commit did, for the log."""
    said = {"verb": verb, "at": iso(at), "by": actor.id} | ({"why": why.strip()} if why.strip() else {})
    return json_prop(said | {name: one for name, one in more.items() if one not in ("", None)})


def incident(operations: Operations, actor: Actor, name: str) -> Incident:
    """One incident as `actor` may see it, by id or the end of it. NoSuchIncident when there is none."""
    try:
        entity = operations.hub.get(actor, name if name.startswith("urn:") else urn(TYPE, name))
    except Missing as cause:
        raise NoSuchIncident from cause
    if TYPE not in entity.types:
        raise NoSuchIncident
    return read_one(entity, incident_of)


def incidents(
    operations: Operations, actor: Actor, open_only: bool = True, limit: int = 200, **wanted: str
) -> list[Incident]:
    """Incidents that `actor` may see: open ones most pressing first, else the latest first; `wanted` as attributes."""
    terms = [f'{name}=="{value}"' for name, value in wanted.items() if value]
    terms += ["open==true"] if open_only else []
    found = operations.hub.find(actor, TYPE, ";".join(terms), limit, order=("-since",))
    listed = list(readable(found, incident_of))
    return sorted(listed, key=_pressing) if open_only else listed


def _pressing(one: Incident) -> tuple[int, str, str]:
    return tuple(Priority).index(one.priority), one.due or "9", one.since


async def move(  # noqa: PLR0913  # The one path of every verb.
    operations: Operations,
    actor: Actor,
    found: Incident,
    verb: str,
    attrs: dict[str, Attribute] | None = None,
    facts: Facts = Facts(),  # Frozen.
    also: Sequence[Change] = (),
    expect: dict[str, int] | None = None,
    version: int | None = None,
    now: int | None = None,
    **said: Any,
) -> Incident:
    """Carry out one row of the table in one commit; `said` goes into the log. Conflict when it has changed since."""
    at = now_us() if now is None else now
    row = check(found, verb, actor.roles, facts)
    written: dict[str, Attribute] = {
        "state": prop(row.next.value),
        "open": prop(row.next in OPEN),
        "marks": json_prop({**found.marks, verb: iso(at)}),
        "deed": deed(verb, actor, at, facts.reason, **said),
        **(attrs or {}),
    }
    standing = operations.hub.get(SYSTEM, found.id)
    drawn = incident_of(Entity(found.id, (TYPE,), {**standing.attrs, **written}))
    drawn = replace(drawn, steps=awake(drawn, at) if drawn.open else drawn.steps)
    written |= _stepped(drawn)
    seen = {found.id: found.version if version is None else version, **(expect or {})}
    commit = Commit(actor, (amend(found.id, **written), *also), verb, seen, owner=OWNER, timers=timer_of(drawn))
    await operations.hub.commit(commit)
    return incident(operations, actor, found.id)


def orders_of(operations: Operations, found: Incident, open_only: bool = False) -> list[Entity]:
    """The orders of an incident and of those merged into it, as entities, by when they are due."""
    return _pointing(operations, "Order", found, open_only)


def warnings_of(operations: Operations, found: Incident, open_only: bool = False) -> list[Entity]:
    """The warnings to the public of an incident and of those merged into it, as entities."""
    return _pointing(operations, "Warning", found, open_only)


def _pointing(operations: Operations, kind: str, found: Incident, open_only: bool) -> list[Entity]:
    still = ";open==true" if open_only else ""
    every = [found.id, *(one.id for one in merged_into(operations, found.id))]
    return [one for name in every for one in operations.hub.find(SYSTEM, kind, f'incident=="{name}"{still}', PLACES)]


def merged_into(operations: Operations, name: str) -> list[Incident]:
    """The incidents that are directed as part of this one."""
    found = operations.hub.find(SYSTEM, TYPE, f'mergedInto=="{name}";state=="merged"', PLACES)
    return list(readable(found, incident_of))
