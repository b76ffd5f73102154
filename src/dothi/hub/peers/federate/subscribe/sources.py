"""The subscription to registrations that stands for each subscription to entities (clause 5.8.1.4).

Carrying hears of registrations from the feed, so this one is paused: it says what is followed and sends nothing.
"""

import hashlib
from collections.abc import Iterator

from dothi.ground.errors import Missing
from dothi.hub.context import CORE, Contexts
from dothi.hub.peers import records
from dothi.hub.peers.federate.keeping import subscribing
from dothi.hub.peers.federate.keeping.watching import Watchers
from dothi.hub.peers.notify.documents.compiling import expander_of
from dothi.hub.peers.notify.documents.naming import renamed
from dothi.hub.peers.records import READER, SOURCE_SUBSCRIPTION, Record
from dothi.hub.peers.wire import EVERYWHERE

_SAID = "Stands for "
_KEPT = ("entities", "watchedAttributes")


def id_of(subscription_id: str) -> str:
    """The id of the subscription to registrations that stands for a subscription."""
    return f"urn:ngsi-ld:ContextSourceSubscription:{hashlib.sha256(subscription_id.encode()).hexdigest()[:32]}"


def standing(watchers: Watchers, tenant: str) -> Iterator[str]:
    """The ids of the subscriptions for which one stands."""
    for record in records.listed(watchers.hub, READER, SOURCE_SUBSCRIPTION, tenant):
        said = record.document["document"].get("description", "")
        name = said.removeprefix(_SAID)
        if name != said and record.id == id_of(name):
            yield name


async def stand_for(watchers: Watchers, contexts: Contexts, record: Record, inbox: str) -> None:
    """Keep the one that stands for a subscription as it should be."""
    own = record.document
    plain = renamed(own["document"], expander_of(own["terms"]), CORE.outward)
    document = {name: plain[name] for name in _KEPT if name in plain} | {
        "id": id_of(record.id),
        "type": "Subscription",
        "isActive": False,
        "description": _SAID + record.id,
        "notification": {"endpoint": {"uri": inbox}},
    }
    there = _found(watchers, record.tenant, document["id"])
    if there is not None:
        if all(there.document["document"].get(name) == document.get(name) for name in _KEPT):
            return
        await subscribing.end(watchers, READER, there)
    await subscribing.subscribe(watchers, contexts, EVERYWHERE, record.maker, record.tenant, document, CORE)


async def drop(watchers: Watchers, tenant: str, subscription_id: str) -> None:
    """Take away the one that stood for a subscription that is gone."""
    there = _found(watchers, tenant, id_of(subscription_id))
    if there is not None:
        await subscribing.end(watchers, READER, there)


def _found(watchers: Watchers, tenant: str, record_id: str) -> Record | None:
    try:
        return records.read(watchers.hub, READER, SOURCE_SUBSCRIPTION, record_id, tenant)
    except Missing:
        return None
