"""A subscription cut down to what one source has registered, as it is sent there (clause 5.8.1.4); pure."""

from collections.abc import Mapping
from typing import Any

from dothi.hub.context import Names
from dothi.hub.language.nodes import Query
from dothi.hub.peers.federate.ask.speaking import selection
from dothi.hub.peers.federate.matching import Match, Selector, Wanted
from dothi.hub.peers.notify.documents.compiling import expander_of
from dothi.hub.peers.notify.documents.naming import renamed
from dothi.hub.peers.notify.model import Subscription
from dothi.hub.peers.records import Record

_FILTERS = ("q", "geoQ", "scopeQ")
_SHAPING = ("attributes", "pick", "omit", "join", "joinLevel", "format", "lang")  # It is shaped here, for whom it is.
_NOT_SENT = ("id", "subscriptionName", "jsonldContext", "csf", "lang", "datasetId", "status")


def wanted_of(subscription: Subscription) -> Wanted:
    """What a subscription is about, as registrations are matched."""
    selectors = tuple(
        Selector(one.types, tuple(sorted(one.ids)), None if one.ids else one.pattern) for one in subscription.chosen
    )
    return Wanted(selectors=selectors, attrs=subscription.watched or frozenset())


def reduced(
    record: Record, subscription: Subscription, match: Match, names: Names, split: bool, endpoint: str
) -> dict[str, Any]:
    """The document of the copy, without an id, in the names that the source is spoken to with."""
    own = record.document
    document = renamed(own["document"], expander_of(own["terms"]), names.outward)
    for name in (*_NOT_SENT, *(_FILTERS if split else ())):
        document.pop(name, None)
    document["entities"] = _entities(subscription, match, names) or document.get("entities", [])
    if not document["entities"]:
        del document["entities"]
    offered = match.attrs(subscription.watched or frozenset())
    if offered is not None:
        document["watchedAttributes"] = sorted(map(names.outward, offered))
    if match.registration.management.local_only:
        document["localOnly"] = True
    said = {name: one for name, one in document["notification"].items() if name not in _SHAPING}
    document["notification"] = said | {"endpoint": {"uri": endpoint, "accept": "application/json"}}
    return document


def _entities(subscription: Subscription, match: Match, names: Names) -> list[Mapping[str, str]]:
    """The selectors of entities, none wider than the registration (clause 4.3.6.1)."""
    found: list[Mapping[str, str]] = []
    asked = [Query(types=one.types, ids=tuple(sorted(one.ids)), id_pattern=one.pattern) for one in subscription.chosen]
    for query in asked or [Query()]:
        chosen = selection(match, query, names)
        ids = chosen.pop("id", "")
        if "type" in chosen:
            chosen["type"] = chosen["type"].replace(",", "|")
            found += [{**chosen, "id": name} for name in ids.split(",")] if ids else [chosen]
    return found
