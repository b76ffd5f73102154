"""Publishing a figure so that it never changes, and saying beside it how and why later figures differ from it."""

from collections.abc import Iterable, Mapping
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
    live = evidence.hub.get(actor, entity_id)
    if VALUE not in live.types or not live.value("live"):
        raise Invalid(f"{entity_id} is no figure that can be published: give the id of a live one.")
    if "value" not in live.attrs:
        raise NotPublishable(f"{entity_id} is grey: {_blocking(live)}. It can be published when it has a value again.")
    earlier = publications(evidence, SYSTEM, entity_id)
    if earlier and _stands(earlier[0], live):
        raise AlreadyPublished(f"{earlier[0].id} says the same.", published=earlier[0].id)
    if earlier and not reason.strip():
        raise Invalid("A figure that was published before needs the reason of its revision.", field="reason")
    changes = _copy(live, actor, len(earlier) + 1, reason, now_us() if now is None else now)
    name = changes[0].id
    await evidence.hub.commit(Commit(actor, tuple(changes), reason or "figure published", {name: ABSENT}, owner=OWNER))
    return evidence.hub.get(SYSTEM, name)


async def freeze_for_report(
    evidence: Evidence, actor: Actor, entity_ids: Iterable[str], reason: str, now: int
) -> dict[str, str]:
    """The published copies of figures for a report, in one commit: id of the figure → id of its copy.

    A figure that stands published as it is keeps that copy; a grey one has none and is left out.
    """
    copies: dict[str, str] = {}
    changes: list[Change] = []
    for name in dict.fromkeys(entity_ids):
        live = find(evidence, name)
        if live is None or VALUE not in live.types or not live.value("live") or "value" not in live.attrs:
            continue
        earlier = publications(evidence, SYSTEM, name)
        if earlier and _stands(earlier[0], live):
            copies[name] = earlier[0].id
            continue
        copies[name] = f"{name}:published:{len(earlier) + 1}"
        changes += _copy(live, actor, len(earlier) + 1, reason, now)
    if changes:
        expect = {change.id: ABSENT for change in changes if change.op is Op.CREATE}
        await evidence.hub.commit(Commit(acting(actor), tuple(changes), reason, expect, owner=OWNER))
    return copies


def _stands(published: Entity, live: Entity) -> bool:
    return all(published.value(name) == live.value(name) for name in ("value", "inputsHash", "formulaVersion"))


def _copy(live: Entity, actor: Actor, number: int, reason: str, now: int) -> list[Change]:
    """The changes that make the published copy of a figure and tie the figure to it."""
    name = f"{live.id}:published:{number}"
    copy = {key: value for key, value in live.attrs.items() if key not in _COPIED_NOT}
    copy |= {
        "state": prop(State.FINAL.value),
        "live": prop(False),
        "of": rel(live.id),
        "publication": prop(number),
        "publishedAt": prop(iso(now)),
        "publishedBy": prop(actor.id),
        "complete": prop(from_iso(live.value("periodEnd")) <= now),
        **({"publishedReason": prop(reason.strip())} if reason.strip() else {}),
    }
    changes = [Change(Op.CREATE, name, (VALUE,), _unstamped(copy))]
    changes.append(Change(Op.APPEND, live.id, attrs={"published": rel(name)}))
    if "revision" in live.attrs:
        changes.append(Change(Op.DROP, live.id, name="revision", every=True))
    return changes


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
    reasons = why_revised(evidence, published, _said(attrs, "count"), _said(attrs, "formulaVersion"))
    return kept | {"revision": json_prop({"was": published.value("value"), "since": iso(now), "reasons": reasons})}


def why_revised(evidence: Evidence, published: Entity, count: int, version: int) -> list[dict[str, Any]]:
    """Typed reasons of a revision: rows replayed, inputs that came late, another formula.

    `count` and `version` are the inputs of the figure of today and the version of its formula.
    """
    since = from_iso(published.value("publishedAt"))
    rows = sum(_replayed(evidence, source, since) for source in several(published.value("sources")))
    reasons: list[dict[str, Any]] = [{"code": "replayed", "rows": rows}] if rows else []
    more = count - published.value("count")
    if more and not rows:
        reasons.append({"code": "moreInputs" if more > 0 else "fewerInputs", "count": abs(more)})
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
