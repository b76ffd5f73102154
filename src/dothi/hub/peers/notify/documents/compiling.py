"""Documents of subscriptions to what the hub works with, and how they are kept.

Kept is the document as it was given, the @context that it was given in, and what each of its names meant then: so a
subscription means the same for ever, also after a restart without a network.
"""

import re
from collections.abc import Callable, Container, Mapping
from typing import Any
from urllib.parse import unquote

from dothi.ground.clock import SECOND, from_iso
from dothi.ground.errors import Invalid
from dothi.hub.context import CORE, CORE_URL, Contexts, Names
from dothi.hub.context.core import KNOWN_URLS
from dothi.hub.language.geo import parse_geo
from dothi.hub.language.match import geo_test
from dothi.hub.language.nodes import Condition, TypeCondition
from dothi.hub.language.pattern import finder
from dothi.hub.language.q import parse_q
from dothi.hub.language.scope import parse_scope
from dothi.hub.language.types import parse_types
from dothi.hub.peers.notify.model import (
    DEFAULT_TRIGGERS,
    JSON,
    Chosen,
    Endpoint,
    Recipient,
    Subscription,
    Trigger,
)
from dothi.hub.peers.records import Record
from dothi.hub.render.members import Members, pairs, parse_members
from dothi.hub.render.older import CURRENT, OLDEST, Version
from dothi.hub.render.shape import Form, Shape, ranked_languages

QUEUE = "notify"  # What the names of queues of letters begin with.
MOST_TIMEOUT_S = 60.0
DEFAULT_TIMEOUT_S = 10.0
FORMS: dict[str, Form] = {
    "normalized": "normalized",
    "concise": "concise",
    "simplified": "simplified",
    "keyValues": "simplified",
}
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
Expand = Callable[[str], str]
Terms = Mapping[str, Mapping[str, str]]  # Member of the document → name in it → what it means.


def kept(
    document: Mapping[str, Any],
    names: Names,
    address: str,
    before: Mapping[str, Any] = {},
    touched: Container[str] | None = None,
) -> dict[str, Any]:
    """What is stored of a checked document. Invalid when one of its queries cannot be read.

    `address` is where its @context can be read by others. `before` is what was stored of its older self: names in
    members that were not `touched` mean what they meant.
    """
    terms: dict[str, dict[str, str]] = {}

    def expander(member: str) -> Expand:
        meant = terms.setdefault(member, {})
        old = before["terms"].get(member, {}) if touched is not None and member not in touched else None

        def expand(term: str) -> str:
            meant[term] = old[term] if old is not None and term in old else names.inward(term)
            return meant[term]

        return expand

    _parts(document, expander)
    given = {"context": names.source, "address": address} if touched is None else before
    return {
        "document": dict(document),
        "context": given["context"],
        "address": given["address"],
        "terms": {name: one for name, one in terms.items() if one},
    }


def queue_of(tenant: str, record_id: str) -> str:
    """The name of the queue of letters to a subscriber."""
    return f"{QUEUE} {tenant} {record_id}"


async def names_of(contexts: Contexts, stored: Mapping[str, Any]) -> Names:
    """The names in which notifications are written (clause 5.8.1.4): by jsonldContext, else by its own @context."""
    return await contexts.obtain(stored["document"].get("jsonldContext", alone(stored["context"])))


def alone(context: Any) -> Any:
    """A @context without the core beside it; what names one context alone is told by its name."""
    if not isinstance(context, list):
        return context
    own = [part for part in context if not (isinstance(part, str) and part in KNOWN_URLS)]
    return own[0] if len(own) == 1 else (own or None)


def address_of(stored: Mapping[str, Any]) -> str:
    """Where the @context of notifications can be read."""
    return str(stored["document"].get("jsonldContext", stored["address"]))


def compiled(record: Record, names: Names | None = None) -> Subscription:
    """A kept subscription, ready to be matched; `names` are those of its notifications, None when they are not known.

    Then it is told in full names, which the core's context explains.
    """
    stored = record.document
    document = stored["document"]
    expander = expander_of(stored["terms"])
    parts = _parts(document, expander)
    said = document["notification"]
    recipient = Recipient(
        queue_of(record.tenant, record.id),
        record.id,
        record.tenant,
        _endpoint(said["endpoint"]),
        CORE_URL if names is None else address_of(stored),
        int(document.get("throttling", 0) * SECOND),
        document.get("isActive", True),
        from_iso(document["expiresAt"]) if "expiresAt" in document else 0,
    )
    return Subscription(
        record.id,
        record.tenant,
        record.maker,
        record.created_at,
        recipient,
        shape=_shape(document, said, names or CORE, expander("notification")),
        interval=int(document.get("timeInterval", 0) * SECOND),
        show_changes=said.get("showChanges", False),
        join=said.get("join", "@none"),
        join_level=said.get("joinLevel", 1),
        version=_version(document.get("ngsildConformance")),
        local_only=document.get("localOnly", False),
        split_entities=document.get("splitEntities", False),
        triggers=frozenset(Trigger(one) for one in document.get("notificationTrigger", DEFAULT_TRIGGERS)),
        **parts,
    )


def expander_of(terms: Terms) -> Callable[[str], Expand]:
    """What the names in a member of a kept document mean."""

    def expander(member: str) -> Expand:
        meant = terms.get(member, {})
        return lambda term: str(meant.get(term) or CORE.inward(term))

    return expander


def _parts(document: Mapping[str, Any], expander: Callable[[str], Expand]) -> dict[str, Any]:
    """What of a document is matched against entities. Invalid when a query, a pattern or a geometry is none."""
    geo = document.get("geoQ")
    area = None
    if geo is not None:
        area = parse_geo(geo["georel"], geo["geometry"], geo["coordinates"], geo.get("geoproperty"), expander("geoQ"))
    values = _listed(document.get("expandValues"))
    said = document["notification"]
    for name in ("attributes", "pick", "omit"):
        _members(said, name, expander("notification"))
    chosen, watched = expander("entities"), expander("watchedAttributes")
    return {
        "chosen": tuple(_chosen(one, chosen) for one in document.get("entities", ())),
        "watched": frozenset(map(watched, document["watchedAttributes"])) if "watchedAttributes" in document else None,
        "q": parse_q(_decoded(document["q"]), expander("q"), values) if "q" in document else None,
        "csf": _filter(document["csf"], expander("csf")) if "csf" in document else None,
        "geo": area,
        "near": geo_test(area) if area is not None else None,
        "scope": parse_scope(document["scopeQ"]) if "scopeQ" in document else None,
    }


def _chosen(one: Mapping[str, Any], expand: Expand) -> Chosen:
    types: TypeCondition | None = None if one["type"] == "*" else parse_types(one["type"], expand)
    ids = one.get("id", ())
    pattern = one.get("idPattern")
    return Chosen(
        types,
        frozenset([ids] if isinstance(ids, str) else ids),
        pattern,
        finder(pattern) if pattern is not None else None,
    )


def _filter(text: str, expand: Expand) -> Condition:
    """The filter of context sources; errors name it, not q."""
    try:
        return parse_q(_decoded(text), expand)
    except Invalid as wrong:
        raise type(wrong)(f"csf{wrong.detail.removeprefix('q')}") from None


def _decoded(text: str) -> str:
    """A query as it is meant: many clients write it in a body as it would stand in a URI (decision 0153)."""
    return unquote(text) if _ENCODED.search(text) else text


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _members(said: Mapping[str, Any], name: str, expand: Expand) -> Members | None:
    return parse_members(f"notification.{name}", ",".join(said[name]), expand) if name in said else None


def _shape(document: Mapping[str, Any], said: Mapping[str, Any], names: Names, expand: Expand) -> Shape:
    """How entities look in notifications."""
    whole = Shape(
        names=names,
        form=FORMS[said.get("format", "normalized")],
        sys_attrs=said.get("sysAttrs", False),
        languages=ranked_languages(document["lang"]) if "lang" in document else None,
        datasets=frozenset(document["datasetId"]) if "datasetId" in document else None,
    )
    attributes = _members(said, "attributes", expand)
    if attributes is not None:
        return _changed(whole, attrs=frozenset(attributes))
    return _projected(whole, _members(said, "pick", expand), _members(said, "omit", expand) or {})


def _projected(whole: Shape, pick: Members | None, omit: Members) -> Shape:
    """A shape cut to what is picked and not omitted, behind relationships too (clause 4.21)."""
    picked, omitted = dict(pairs(pick or {})), dict(pairs(omit))
    linked = tuple(
        (name, _projected(whole, picked.get(name), omitted.get(name, {})))
        for name in dict.fromkeys((*picked, *omitted))
    )
    return _changed(
        whole,
        pick=None if pick is None else frozenset(pick),
        omit=frozenset(name for name, below in omit.items() if below is None),
        linked=linked,
    )


def _changed(shape: Shape, **values: Any) -> Shape:
    return Shape(
        names=shape.names,
        form=shape.form,
        sys_attrs=shape.sys_attrs,
        languages=shape.languages,
        datasets=shape.datasets,
        **values,
    )


def _endpoint(said: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        said["uri"],
        said.get("accept", JSON),
        _pairs(said.get("receiverInfo", ())),
        _pairs(said.get("notifierInfo", ())),
        min(said.get("timeout", DEFAULT_TIMEOUT_S * 1000) / 1000, MOST_TIMEOUT_S),
        int(said.get("cooldown", 0) * 1000),
    )


def _version(text: str | None) -> Version | None:
    """The version of the standard that is nearest to the one wished for."""
    if text is None:
        return None
    major, _, minor = text.partition(".")
    return max(OLDEST, min((int(major), int(minor)), CURRENT))


def _pairs(listed: Any) -> tuple[tuple[str, str], ...]:
    return tuple((one["key"], one["value"]) for one in listed)
