"""Joining and setting apart: alarms, reports and bulletins of an incident, and two incidents directed as one.

A person does it, with a reason; what was joined can be set apart again, and the log keeps both.
"""

from dataclasses import replace

from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.hub.model import Actor, Attribute, Change, Op, amend, json_prop, prop, rel
from dothi.operations.incidents.model import SYSTEM, TYPE, Incident
from dothi.operations.incidents.service import alarm_joined, deed, incident, merged_into, move
from dothi.operations.incidents.suggestions import CONFIRMED, TOGETHER, Suggestion, decided, suggestion
from dothi.operations.incidents.workflow import Facts
from dothi.operations.model import Operations

MEMBERS = {"Alarm": "alarms", "CitizenReport": "reports", "Bulletin": "bulletins"}


async def attach(  # noqa: PLR0913  # Which thing, and why.
    operations: Operations,
    actor: Actor,
    name: str,
    thing: str,
    reason: str,
    version: int | None = None,
    now: int | None = None,
    also: tuple[Change, ...] = (),
    expect: dict[str, int] | None = None,
) -> Incident:
    """An alarm, report or bulletin (entity id) belongs to the incident, as a person says with the reason."""
    found = incident(operations, actor, name)
    entity = operations.hub.get(actor, thing)
    slot = next((MEMBERS[kind] for kind in entity.types if kind in MEMBERS), None)
    if slot is None:
        raise Invalid(f"An incident takes {', '.join(MEMBERS)}.", field="thing")
    if found.drill:
        raise Conflict("A drill takes no real alarm, report or bulletin.", field="thing")
    joined: tuple[str, ...] = getattr(found, slot)
    if thing in joined:
        raise Conflict("This belongs to the incident already.")
    seen = dict(expect or {})
    changes = list(also)
    if slot == "alarms":
        change, seen[thing] = alarm_joined(operations, actor, thing, found.id)
        changes.append(change)
    attrs: dict[str, Attribute] = {slot: rel([*joined, thing])}
    return await move(
        operations, actor, found, "attach", attrs, Facts(reason), changes, seen, version, now, thing=thing
    )


async def detach(  # Which thing, and why.
    operations: Operations,
    actor: Actor,
    name: str,
    thing: str,
    reason: str,
    version: int | None = None,
    now: int | None = None,
) -> Incident:
    """What was joined does not belong here after all."""
    found = incident(operations, actor, name)
    slot = next((one for one in MEMBERS.values() if thing in getattr(found, one)), None)
    if slot is None:
        raise Conflict("This does not belong to the incident.")
    attrs: dict[str, Attribute] = {slot: rel([one for one in getattr(found, slot) if one != thing])}
    apart: list[Change] = []
    if slot == "alarms" and operations.hub.get(actor, thing).value("incident") == found.id:
        apart.append(Change(Op.DROP, thing, name="incident"))
    return await move(
        operations, actor, found, "detach", attrs, Facts(reason), apart, version=version, now=now, thing=thing
    )


async def merge(  # noqa: PLR0913  # Which into which, and why.
    operations: Operations,
    actor: Actor,
    name: str,
    into: str,
    reason: str,
    version: int | None = None,
    now: int | None = None,
    also: tuple[Change, ...] = (),
    expect: dict[str, int] | None = None,
) -> Incident:
    """An incident is directed as part of another open one; its orders, steps and alarms stay its own."""
    at = now_us() if now is None else now
    found, other = incident(operations, actor, name), incident(operations, actor, into)
    if not other.open:
        raise Conflict("The other incident is not open.", field="other")
    if found.drill is not other.drill:
        raise Conflict("A drill and a real incident are never one.", field="other")
    if merged_into(operations, found.id):
        raise Conflict("Others were merged into this one: set them apart first.", field="other")
    took = amend(other.id, deed=deed("took", actor, at, reason, thing=found.id))
    attrs: dict[str, Attribute] = {"mergedInto": rel(other.id)}
    facts = Facts(reason, other=other.id)
    seen = {other.id: other.version, **(expect or {})}
    return await move(operations, actor, found, "merge", attrs, facts, (took, *also), seen, version, at, thing=other.id)


async def unmerge(  # Which, and why.
    operations: Operations,
    actor: Actor,
    name: str,
    reason: str,
    version: int | None = None,
    now: int | None = None,
) -> Incident:
    """Two incidents were not one: this one is directed by itself again."""
    at = now_us() if now is None else now
    found = incident(operations, actor, name)
    gave = amend(found.merged_into, deed=deed("gave_back", actor, at, reason, thing=found.id))
    marks = {verb: when for verb, when in found.marks.items() if verb != "late"}
    attrs: dict[str, Attribute] = {"mergedInto": prop(""), "marks": json_prop(marks)}
    also = (gave,) if found.merged_into else ()
    found = replace(found, marks=marks)
    return await move(operations, actor, found, "unmerge", attrs, Facts(reason), also, version=version, now=at)


async def carry_out(
    operations: Operations, actor: Actor, name: str, reason: str, now: int | None = None
) -> Incident | Suggestion:
    """A person's yes to things that belong together: the first joins the incident, in one commit with the yes.

    Where no incident is open yet the suggestion comes back as it is: it is confirmed by opening one from it.
    """
    at = now_us() if now is None else now
    found = suggestion(operations, actor, name)
    if not found.incident:
        return found
    yes = (decided(found, CONFIRMED, actor, reason, at),)
    seen = {found.id: found.version}
    thing = found.sources[0]
    if TYPE in operations.hub.get(actor, thing).types:
        return await merge(operations, actor, thing, found.incident, reason, None, at, yes, seen)
    return await attach(operations, actor, found.incident, thing, reason, None, at, yes, seen)


def stale(operations: Operations, found: Suggestion) -> bool:
    """Whether events have overtaken a suggestion: its incident is over, or the thing belongs to an open one already."""
    if found.kind != TOGETHER or not found.sources:
        return False
    try:
        thing = operations.hub.get(SYSTEM, found.sources[0])
        over = bool(found.incident) and not incident(operations, SYSTEM, found.incident).open
    except Missing:
        return True
    if TYPE in thing.types:
        return over or not thing.value("open")
    held = thing.value("incident", "")
    return over or (bool(held) and bool(operations.hub.get(SYSTEM, held).value("open")))
