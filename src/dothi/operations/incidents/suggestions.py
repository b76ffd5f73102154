"""What dothi suggests to the duty officer: once for each cause, with reasons; a person confirms or rejects."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dothi.ground.clock import iso, now_us
from dothi.ground.clocks import Limit, due_by
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import (
    ABSENT,
    Actor,
    Attribute,
    Change,
    Commit,
    Entity,
    amend,
    create,
    geo,
    json_prop,
    prop,
    read_one,
    readable,
    rel,
)
from dothi.hub.model import words as in_words
from dothi.operations.incidents.model import SYSTEM, several
from dothi.operations.model import OWNER, Operations

TYPE = "Suggestion"
SUGGESTED, CONFIRMED, REJECTED = "suggested", "confirmed", "rejected"
DETECTION, ANOMALY, TOGETHER = "detection", "anomaly", "together"
DECIDE_WITHIN = {  # By when somebody should have looked at it, day and night. A sample: each centre sets its own.
    DETECTION: Limit(0.5, always=True),
    ANOMALY: Limit(4, always=True),
    TOGETHER: Limit(1, always=True),
}
WHY_LETTERS, WHY_MOST = 5, 1_000
Words = Mapping[str, str]  # Language → a sentence.


@dataclass(frozen=True, slots=True)
class NewSuggestion:
    """What is suggested and why; `cause` names it, so that the same cause never suggests twice."""

    kind: str  # "detection", "anomaly", "together".
    cause: str
    title: Words
    reasons: tuple[Words, ...]
    sources: tuple[str, ...]  # Entity ids of what it speaks of.
    unit: str = ""
    place: tuple[float, float] | None = None  # Longitude, latitude.
    assignee: str = ""  # "" is the unit.
    incident: str = ""  # TOGETHER: the incident that the first of the sources would join; "" opens one of them.
    simulated: bool = False
    drill: bool = False


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggestion as it stands."""

    id: str
    version: int
    kind: str
    state: str
    title: Words
    reasons: tuple[Words, ...]
    sources: tuple[str, ...]
    unit: str
    assignee: str
    due: str | None
    location: dict[str, Any] | None
    incident: str
    made_at: int  # µs
    decided_by: str
    decided_at: str
    why: str
    simulated: bool
    drill: bool

    @property
    def name(self) -> str:
        """The end of its id, as addresses carry it."""
        return self.id.removeprefix("urn:ngsi-ld:Suggestion:")


def suggestion_id(kind: str, cause: str) -> str:
    """The one suggestion of a cause."""
    return urn(TYPE, kind, hashlib.sha256(cause.encode()).hexdigest()[:24])


def known(operations: Operations, kind: str, cause: str) -> bool:
    """Whether this cause was suggested before, decided or not."""
    try:
        operations.hub.get(SYSTEM, suggestion_id(kind, cause))
    except Missing:
        return False
    return True


def suggestion_change(new: NewSuggestion, now: int) -> Change:
    """The change that makes a suggestion, for consumers that write it with their own cursor; Conflict if it exists."""
    if new.kind not in DECIDE_WITHIN:
        raise Invalid(f"A suggestion is one of {', '.join(DECIDE_WITHIN)}, not “{new.kind[:40]}”.")
    attrs: dict[str, Attribute] = {
        "title": in_words(**new.title),
        "kind": prop(new.kind),
        "reasons": json_prop([dict(one) for one in new.reasons]),
        "state": prop(SUGGESTED),
        "open": prop(True),
        "due": prop(iso(due_by(now, DECIDE_WITHIN[new.kind]))),
    }
    if new.sources:
        attrs["sources"] = rel(list(new.sources))
    if new.unit:
        attrs |= {"unit": prop(new.unit), "assignee": prop(new.assignee or new.unit)}
    if new.place:
        attrs["location"] = geo({"type": "Point", "coordinates": list(new.place)})
    if new.incident:
        attrs["incident"] = rel(new.incident)
    for name in ("simulated", "drill"):
        if getattr(new, name):
            attrs[name] = prop(True)
    return create(suggestion_id(new.kind, new.cause), TYPE, **attrs)


async def suggest(
    operations: Operations, new: NewSuggestion, cursor: tuple[str, int] | None = None, now: int | None = None
) -> str | None:
    """Suggest it once; the id, or None when this cause was suggested before (rejected ones do not come back)."""
    at = now_us() if now is None else now
    change = suggestion_change(new, at)
    try:
        await operations.hub.commit(
            Commit(SYSTEM, (change,), "suggested", {change.id: ABSENT}, cursor=cursor, owner=OWNER)
        )
    except Conflict:
        return None
    return change.id


def suggestion(operations: Operations, actor: Actor, name: str) -> Suggestion:
    """One suggestion as `actor` may see it, by id or the end of it. Missing when there is none."""
    entity = operations.hub.get(actor, name if name.startswith("urn:") else f"urn:ngsi-ld:{TYPE}:{name}")
    if TYPE not in entity.types:
        raise Missing(f"{name[:80]} is no suggestion.")
    return read_one(entity, suggestion_of)


def suggestions(
    operations: Operations, actor: Actor, state: str = SUGGESTED, kind: str = "", about: str = "", limit: int = 200
) -> list[Suggestion]:
    """Suggestions in one state ("" is any), the soonest due first; `about`: of one source (entity id)."""
    terms = [f'{name}=="{value}"' for name, value in (("state", state), ("kind", kind), ("sources", about)) if value]
    found = operations.hub.find(actor, TYPE, ";".join(terms), limit, order=("due",))
    return list(readable(found, suggestion_of))


def decided(found: Suggestion, state: str, actor: Actor, why: str, now: int) -> Change:
    """The change by which a person decides, for verbs that carry it out in the same commit. Conflict if decided."""
    if found.state != SUGGESTED:
        raise Conflict(f"This was {found.state} already by {found.decided_by}.", state=found.state)
    if len(why) > WHY_MOST:
        raise Invalid(f"The reason has up to {WHY_MOST} letters.", field="why")
    if state == REJECTED and len(why.strip()) < WHY_LETTERS:
        raise Invalid(f"Say why in at least {WHY_LETTERS} letters.", field="why")
    return amend(
        found.id,
        state=prop(state),
        open=prop(False),
        decidedBy=prop(actor.id),
        decidedAt=prop(iso(now)),
        why=prop(why.strip()),
    )


async def confirm(
    operations: Operations,
    actor: Actor,
    name: str,
    why: str = "",
    also: Sequence[Change] = (),
    version: int | None = None,
    now: int | None = None,
) -> Suggestion:
    """A person's yes, in one commit with `also` (what follows from it, of types that operations own)."""
    return await _decide(operations, actor, name, CONFIRMED, why, also, version, now)


async def reject(
    operations: Operations, actor: Actor, name: str, why: str, version: int | None = None, now: int | None = None
) -> Suggestion:
    """A person's no, with the reason; this cause does not come back."""
    return await _decide(operations, actor, name, REJECTED, why, (), version, now)


async def _decide(  # The one path of both.
    operations: Operations,
    actor: Actor,
    name: str,
    state: str,
    why: str,
    also: Sequence[Change],
    version: int | None,
    now: int | None,
) -> Suggestion:
    found = suggestion(operations, actor, name)
    change = decided(found, state, actor, why, now_us() if now is None else now)
    expect = {found.id: found.version if version is None else version}
    await operations.hub.commit(Commit(actor, (change, *also), state, expect, owner=OWNER))
    return suggestion(operations, actor, found.id)


def suggestion_of(entity: Entity) -> Suggestion:
    """The suggestion that an entity holds."""
    value = entity.value
    title = value("title", {})
    return Suggestion(
        id=entity.id,
        version=entity.version,
        kind=value("kind", ""),
        state=value("state", SUGGESTED),
        title=title if isinstance(title, dict) else {"vi": str(title)},
        reasons=tuple(one if isinstance(one, dict) else {"vi": str(one)} for one in value("reasons", ())),
        sources=several(value("sources")),
        unit=value("unit", ""),
        assignee=value("assignee", ""),
        due=value("due"),
        location=value("location"),
        incident=value("incident", ""),
        made_at=entity.created_at,
        decided_by=value("decidedBy", ""),
        decided_at=value("decidedAt", ""),
        why=value("why", ""),
        simulated=value("simulated", False),
        drill=value("drill", False),
    )
