"""What a person does with an incident along its table: takes it, has it under control, closes, ends, passes it on."""

from dataclasses import replace

from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Invalid
from dothi.hub.model import Actor, Attribute, Change, Entity, amend, prop, rel
from dothi.operations.incidents.model import TITLE_LETTERS, Incident
from dothi.operations.incidents.service import incident, move, orders_of, priority_of, warnings_of
from dothi.operations.incidents.workflow import Facts
from dothi.operations.model import Operations

WARNING = frozenset({"alert", "update"})  # Messages that warn; a cancel or an all-clear ends a warning.


async def take(
    operations: Operations, actor: Actor, name: str, version: int | None = None, now: int | None = None
) -> Incident:
    """A person directs it from here on."""
    at = now_us() if now is None else now
    found = incident(operations, actor, name)
    said: dict[str, Attribute] = {"commander": prop(actor.id), "escalatedTo": prop("")}
    if not found.taken_at:  # What the indicator of incidents taken in time counts.
        said |= {"takenAt": prop(iso(at)), "takenInTime": prop(at <= from_iso(found.take_by))}
    return await move(operations, actor, found, "take", said, version=version, now=at)


async def shift(
    operations: Operations, actor: Actor, name: str, verb: str, version: int | None = None, now: int | None = None
) -> Incident:
    """It is under control ("control"), or not any more ("worsen")."""
    found = incident(operations, actor, name)
    if verb not in ("control", "worsen"):
        raise Invalid("Choose control or worsen.", field="verb")
    return await move(operations, actor, found, verb, version=version, now=now)


async def close(  # Closing asks for all this.
    operations: Operations,
    actor: Actor,
    name: str,
    reason: str = "",
    warnings_to: str = "",
    version: int | None = None,
    now: int | None = None,
) -> Incident:
    """The work is done; with a reason also where orders or required steps are open.

    Never with a warning that holds, unless it is handed over to another open incident (`warnings_to`).
    """
    at = now_us() if now is None else now
    found = incident(operations, actor, name)
    facts = facts_of(operations, found, reason, at)
    handed: tuple[Change, ...] = ()
    if facts.warnings_out and warnings_to:
        other = incident(operations, actor, warnings_to)
        if not other.open or other.id == found.id:
            raise Invalid("Hand the warning over to another open incident.", field="warnings_to")
        handed = tuple(amend(one.id, incident=rel(other.id)) for one in warnings_out(operations, found, at))
        facts = replace(facts, warnings_out=0)
    said: dict[str, Attribute] = {"closedAt": prop(iso(at)), "escalatedTo": prop("")}
    return await move(
        operations, actor, found, "close", said, facts, handed, version=version, now=at, handed=warnings_to
    )


async def end(  # One verb for what needs a reason only.
    operations: Operations,
    actor: Actor,
    name: str,
    verb: str,
    reason: str,
    version: int | None = None,
    now: int | None = None,
) -> Incident:
    """Cancel what was none ("cancel"), or take up again what was ended ("reopen"), with the reason."""
    if verb not in ("cancel", "reopen"):
        raise Invalid("Choose cancel or reopen.", field="verb")
    at = now_us() if now is None else now
    found = incident(operations, actor, name)
    ended: dict[str, Attribute] = {"closedAt": prop(iso(at) if verb == "cancel" else ""), "escalatedTo": prop("")}
    facts = facts_of(operations, found, reason, at)
    return await move(operations, actor, found, verb, ended, facts, version=version, now=at)


async def change(  # What can be corrected.
    operations: Operations,
    actor: Actor,
    name: str,
    title: str = "",
    priority: str = "",
    version: int | None = None,
    now: int | None = None,
) -> Incident:
    """Another title or priority; steps that hold for the new priority wake."""
    found = incident(operations, actor, name)
    attrs: dict[str, Attribute] = {}
    if title.strip():
        attrs["title"] = prop(title.strip()[:TITLE_LETTERS])
    if priority:
        attrs["priority"] = prop(priority_of(priority).value)
    return await move(operations, actor, found, "change", attrs, version=version, now=now, to=priority)


async def pass_on(  # To whom, and why.
    operations: Operations,
    actor: Actor,
    name: str,
    assignee: str,
    reason: str,
    version: int | None = None,
    now: int | None = None,
) -> Incident:
    """Another unit directs it from here on."""
    found = incident(operations, actor, name)
    if not operations.territory.knows(assignee.partition(".")[0]):
        raise Invalid("Choose the unit that takes it.", field="assignee")
    attrs: dict[str, Attribute] = {"assignee": prop(assignee), "commander": prop(""), "escalatedTo": prop("")}
    facts = Facts(reason)
    return await move(operations, actor, found, "pass_on", attrs, facts, version=version, now=now, to=assignee)


def facts_of(operations: Operations, found: Incident, reason: str = "", now: int | None = None) -> Facts:
    """What the guards look at."""
    orders = len(orders_of(operations, found, open_only=True))
    return Facts(reason, orders, len(warnings_out(operations, found, now)))


def warnings_out(operations: Operations, found: Incident, now: int | None = None) -> list[Entity]:
    """Its warnings to the public that were released and still hold."""
    at = now_us() if now is None else now
    return [one for one in warnings_of(operations, found) if _holds(one, at)]


def _holds(warning: Entity, now: int) -> bool:
    value = warning.value
    expires = value("expires")
    warns = value("state") == "released" and value("kind", "alert") in WARNING
    return warns and (not expires or from_iso(expires) > now)
