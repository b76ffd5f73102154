"""Publishing a figure so that it never changes, and saying beside it how and why later figures differ from it."""

from collections.abc import Mapping
from typing import Any

from dothi.evidence.model import (
    OWNER,
    SYSTEM,
    VALUE,
    AlreadyPublished,
    Evidence,
    NotPublishable,
    State,
    acting,
)
from dothi.evidence.reading import find, several
from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Invalid
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import (
    ABSENT,
    Actor,
    Attribute,
    Change,
    Commit,
    Entity,
    Instance,
    Op,
    default_instance,
    instance_value,
    json_prop,
    prop,
    rel,
)

REVISIONS_MAX = 100
_COPIED_NOT = ("published", "revision")


def publications(evidence: Evidence, actor: Actor, entity_id: str) -> list[Entity]:
    """What was published of a figure, the latest first."""
    found = (find(evidence, f"{entity_id}:published:{n}", actor) for n in range(1, REVISIONS_MAX))
    known: list[Entity] = []
    for one in found:
        if one is None:
            break
        known.insert(0, one)
    return known


async def publish(evidence: Evidence, actor: Actor, entity_id: str, reason: str = "", now: int | None = None) -> Entity:
    """Freeze a figure as it stands: the copy never changes again. A second publication needs its reason.

    NotPublishable when it is grey, AlreadyPublished when it stands published as it is.
    """
    return await _freeze(evidence, actor, actor, entity_id, reason, now_us() if now is None else now)


async def freeze_for_report(evidence: Evidence, actor: Actor, entity_id: str, reason: str, now: int) -> Entity:
    """The published copy of a figure for a report: the latest when it stands so, else a new one."""
    latest = publications(evidence, SYSTEM, entity_id)[:1]
    live = evidence.hub.get(SYSTEM, entity_id)
    if latest and _stands(latest[0], live):
        return latest[0]
    return await _freeze(evidence, acting(actor), actor, entity_id, reason, now)


def _stands(published: Entity, live: Entity) -> bool:
    return all(published.value(name) == live.value(name) for name in ("value", "inputsHash", "formulaVersion"))


async def _freeze(  # Who writes and who decided are two.
    evidence: Evidence, writer: Actor, actor: Actor, entity_id: str, reason: str, now: int
) -> Entity:
    live = evidence.hub.get(actor if writer is actor else SYSTEM, entity_id)
    if VALUE not in live.types or not live.value("live"):
        raise Invalid(f"{entity_id} is no figure that can be published: give the id of a live one.")
    if "value" not in live.attrs:
        raise NotPublishable(f"{entity_id} is grey: {_blocking(live)}. It can be published when it has a value again.")
    earlier = publications(evidence, SYSTEM, entity_id)
    if earlier and _stands(earlier[0], live):
        raise AlreadyPublished(f"{earlier[0].id} says the same.", published=earlier[0].id)
    if earlier and not reason.strip():
        raise Invalid("A figure that was published before needs the reason of its revision.", field="reason")
    name = f"{entity_id}:published:{len(earlier) + 1}"
    copy = {key: value for key, value in live.attrs.items() if key not in _COPIED_NOT}
    copy |= {
        "state": prop(State.FINAL.value),
        "live": prop(False),
        "of": rel(entity_id),
        "publication": prop(len(earlier) + 1),
        "publishedAt": prop(iso(now)),
        "publishedBy": prop(actor.id),
        "complete": prop(from_iso(live.value("periodEnd")) <= now),
        **({"publishedReason": prop(reason.strip())} if reason.strip() else {}),
    }
    changes = [Change(Op.CREATE, name, (VALUE,), _unstamped(copy))]
    changes.append(Change(Op.APPEND, entity_id, attrs={"published": rel(name)}))
    if "revision" in live.attrs:
        changes.append(Change(Op.DROP, entity_id, name="revision", every=True))
    commit = Commit(writer, tuple(changes), reason or "figure published", {name: ABSENT}, owner=OWNER)
    await evidence.hub.commit(commit)
    return evidence.hub.get(SYSTEM, name)


def _unstamped(attrs: Mapping[str, Attribute]) -> dict[str, Attribute]:
    def bare(one: Instance) -> Instance:
        return {key: value for key, value in one.items() if key not in ("createdAt", "modifiedAt")}

    return {name: [bare(i) for i in one] if isinstance(one, list) else bare(one) for name, one in attrs.items()}


def _blocking(live: Entity) -> str:
    return ", ".join(reason["code"] for reason in live.value("reasons", []) if reason["blocks"]) or "no value"


def revision(
    evidence: Evidence, before: Entity | None, attrs: Mapping[str, Attribute], now: int
) -> dict[str, Attribute]:
    """The link to what was published, and how and why the figure of today differs from it (nothing when it does not).

    `before` is the figure as it stands, `attrs` those of the figure computed now.
    """
    name = before.value("published") if before else None
    published = find(evidence, name) if name else None
    if published is None:
        return {}
    kept: dict[str, Attribute] = {"published": rel(published.id)}
    value = _said(attrs, "value")
    if value is None or value == published.value("value"):
        return kept
    reasons = _why_revised(evidence, published, attrs)
    return kept | {"revision": json_prop({"was": published.value("value"), "since": iso(now), "reasons": reasons})}


def _why_revised(evidence: Evidence, published: Entity, attrs: Mapping[str, Attribute]) -> list[dict[str, Any]]:
    """Typed reasons of a revision: rows replayed, inputs that came late, another formula."""
    since = from_iso(published.value("publishedAt"))
    rows = sum(_replayed(evidence, source, since) for source in several(published.value("sources")))
    reasons: list[dict[str, Any]] = [{"code": "replayed", "rows": rows}] if rows else []
    more = _said(attrs, "count") - published.value("count")
    if more and not rows:
        reasons.append({"code": "moreInputs" if more > 0 else "fewerInputs", "count": abs(more)})
    version = _said(attrs, "formulaVersion")
    if version != published.value("formulaVersion"):
        reasons.append({"code": "formula", "version": version})
    return reasons or [{"code": "inputsChanged"}]


def _said(attrs: Mapping[str, Attribute], name: str) -> Any:
    return instance_value(default_instance(attrs.get(name)))


def _replayed(evidence: Evidence, source: str, since: int) -> int:
    """Rows of a source let in from quarantine since then."""
    terms = (Compare(("source",), "==", source), Compare(("state",), "==", "replayed"))
    query = Query(TypeIs("QuarantinedRow"), q=And(terms), limit=1000, order=("-modifiedAt",))
    found = evidence.hub.query(SYSTEM, query).entities
    return sum(row.value("count", 1) for row in found if row.modified_at > since)
