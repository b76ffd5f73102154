"""The verbs of subscriptions to registrations: subscribe, change, end, look at (clauses 5.11.2 to 5.11.6)."""

from typing import Any

from dothi.ground.clock import now_us
from dothi.ground.errors import Missing
from dothi.ground.ids import urn
from dothi.hub.context import Contexts, Names
from dothi.hub.model import Actor
from dothi.hub.peers import records
from dothi.hub.peers.federate.keeping.watching import Watchers
from dothi.hub.peers.hosting import address_of
from dothi.hub.peers.notify.documents.compiling import compiled, expander_of, kept
from dothi.hub.peers.notify.documents.naming import renamed
from dothi.hub.peers.notify.documents.reading import checked
from dothi.hub.peers.notify.keeping import amended, check_context, told, without_secrets
from dothi.hub.peers.records import SOURCE_SUBSCRIPTION, Record
from dothi.hub.peers.wire import Reach


async def subscribe(
    watchers: Watchers, contexts: Contexts, reach: Reach, maker: Actor, tenant: str, document: Any, names: Names
) -> str:
    """Keep a new subscription to registrations, tell it of those that match now; returns its id (clause 5.11.2).

    Invalid, Unsupported, Conflict when the id is taken, Forbidden, ContextUnavailable.
    """
    found = checked(document, reach, now_us())
    found.setdefault("id", urn("Subscription"))
    await check_context(contexts, found)
    stored = kept(found, names, await address_of(watchers.hub, contexts, names, tenant))
    await records.create(watchers.hub, maker, SOURCE_SUBSCRIPTION, found["id"], stored, tenant)
    await watchers.refresh(tenant, found["id"])
    return str(found["id"])


async def change(
    watchers: Watchers, contexts: Contexts, reach: Reach, actor: Actor, record: Record, fragment: Any, names: Names
) -> None:
    """Change members of a subscription, then tell it of all that match (clause 5.11.3). Invalid, Forbidden."""
    stored = await amended(contexts, reach, actor, record, fragment, names)
    await records.replace(watchers.hub, actor, record, stored)
    await watchers.refresh(record.tenant, record.id)


async def end(watchers: Watchers, actor: Actor, record: Record) -> None:
    """Take a subscription away; nothing that waits for it is sent (clause 5.11.6). Forbidden, Conflict."""
    await records.delete(watchers.hub, actor, record)
    await watchers.refresh(record.tenant, record.id)


def record_of(watchers: Watchers, actor: Actor, record_id: str, tenant: str) -> Record:
    """One subscription as it is kept. Missing when there is none or `actor` may not see it."""
    try:
        return records.read(watchers.hub, actor, SOURCE_SUBSCRIPTION, record_id, tenant)
    except Missing:
        raise Missing(f"There is no such subscription {record_id}, or you may not see it.", entity=record_id) from None


def written(watchers: Watchers, actor: Actor, record: Record, names: Names) -> dict[str, Any]:
    """A subscription as its reader sees it: in the reader's names, with how it is doing (clause 5.2.12)."""
    document = dict(renamed(record.document["document"], expander_of(record.document["terms"]), names.outward))
    document["status"] = compiled(record).recipient.status(now_us())
    said = dict(document["notification"]) | told(watchers.tally(record.tenant, record.id))
    document["notification"] = said if actor.id == record.maker.id else without_secrets(said)
    return document
