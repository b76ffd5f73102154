"""The verbs of subscriptions: subscribe, change, end, look at (clause 5.8), and letters that were given up."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Forbidden, Missing
from dothi.ground.ids import urn
from dothi.hub.context import Contexts, Names
from dothi.hub.language.nodes import Query
from dothi.hub.model import Actor
from dothi.hub.peers import records
from dothi.hub.peers.hosting import address_of
from dothi.hub.peers.notify.documents.compiling import alone, compiled, expander_of, kept, queue_of
from dothi.hub.peers.notify.documents.naming import renamed
from dothi.hub.peers.notify.documents.reading import checked, patched
from dothi.hub.peers.notify.model import DEFAULT_TRIGGERS, Tally
from dothi.hub.peers.notify.notifier import Notifier
from dothi.hub.peers.records import SUBSCRIPTION, Record
from dothi.hub.peers.wire import Reach

# What somebody else than its maker may change of a subscription: nothing that says who gets what.
FOR_OTHERS = frozenset({"type", "id", "isActive", "expiresAt", "subscriptionName", "description"})


async def subscribe(
    notifier: Notifier, contexts: Contexts, reach: Reach, maker: Actor, tenant: str, document: Any, names: Names
) -> str:
    """Keep a new subscription; returns its id (clause 5.8.1).

    Invalid, Unsupported for an endpoint that cannot be spoken to, Conflict when the id is taken, Forbidden,
    ContextUnavailable.
    """
    found = checked(document, reach, now_us())
    found.setdefault("id", urn("Subscription"))
    await check_context(contexts, found)
    said = await contexts.obtain(alone(names.source))
    stored = kept(found, names, await address_of(notifier.hub, contexts, said, tenant))
    _check_rights(notifier, Record(found["id"], tenant, stored, maker, 0, 0, 0))
    await records.create(notifier.hub, maker, SUBSCRIPTION, found["id"], stored, tenant)
    await notifier.refresh(tenant, found["id"])
    return str(found["id"])


async def change(
    notifier: Notifier, contexts: Contexts, reach: Reach, actor: Actor, record: Record, fragment: Any, names: Names
) -> None:
    """Change members of a subscription (clause 5.8.2). Invalid, Forbidden, Conflict, ContextUnavailable."""
    stored = await amended(contexts, reach, actor, record, fragment, names)
    _check_rights(notifier, record._replace(document=stored))
    await records.replace(notifier.hub, actor, record, stored)
    await notifier.refresh(record.tenant, record.id)


async def amended(
    contexts: Contexts, reach: Reach, actor: Actor, record: Record, fragment: Any, names: Names
) -> dict[str, Any]:
    """What is kept of a subscription, to entities or to registrations, with a fragment put into it.

    Invalid; Forbidden for what only its maker may change; ContextUnavailable.
    """
    before = record.document
    after = patched(before["document"], fragment)
    touched = frozenset(fragment) - {"@context"}
    if actor.id != record.maker.id and touched - FOR_OTHERS:
        raise Forbidden(
            f"{record.id} was made by somebody else, and is told what they may see: make one of your own, or change "
            f"only {', '.join(sorted(FOR_OTHERS - {'type', 'id'}))}."
        )
    ends = after.get("expiresAt")
    if "expiresAt" not in touched:
        after.pop("expiresAt", None)  # It may have passed: that is no fault of this fragment.
    found = checked(after, reach, now_us())
    if ends is not None and "expiresAt" not in touched:
        found["expiresAt"] = ends
    if "jsonldContext" in touched:
        await check_context(contexts, found)
    return kept(found, names, before["address"], before, touched)


async def end(notifier: Notifier, actor: Actor, record: Record) -> None:
    """Take a subscription away; nothing that waits for it is sent (clause 5.8.5). Forbidden, Conflict."""
    await records.delete(notifier.hub, actor, record)
    await notifier.refresh(record.tenant, record.id)


def record_of(notifier: Notifier, actor: Actor, record_id: str, tenant: str) -> Record:
    """One subscription as it is kept. Missing when there is none or `actor` may not see it."""
    try:
        return records.read(notifier.hub, actor, SUBSCRIPTION, record_id, tenant)
    except Missing:
        raise Missing(f"There is no subscription {record_id}, or you may not see it.", entity=record_id) from None


def written(notifier: Notifier, actor: Actor, record: Record, names: Names) -> dict[str, Any]:
    """A subscription as its reader sees it: in the reader's names, with how it is doing (clause 5.2.12)."""
    document = dict(renamed(record.document["document"], expander_of(record.document["terms"]), names.outward))
    document.setdefault("notificationTrigger", list(map(str, DEFAULT_TRIGGERS)))
    document.setdefault("jsonldContext", record.document["address"])
    subscription = compiled(record)
    document["status"] = subscription.recipient.status(now_us())
    said = dict(document["notification"]) | told(notifier.tally(record.tenant, record.id))
    document["notification"] = said if actor.id == record.maker.id else without_secrets(said)
    return document


def told(tally: Tally) -> dict[str, Any]:
    """How telling somebody went so far (table 5.2.14.2-1)."""
    members: dict[str, Any] = {}
    if tally.sent:
        members |= {"timesSent": tally.sent, "lastNotification": iso(tally.last_sent)}
    if tally.failed:
        members |= {"timesFailed": tally.failed, "lastFailure": iso(tally.last_failed)}
    if tally.last_ok:
        members["lastSuccess"] = iso(tally.last_ok)
    if tally.last_ok or tally.last_failed:
        members["status"] = "ok" if tally.last_ok >= tally.last_failed else "failed"
    return members


def undelivered(notifier: Notifier, record: Record) -> list[dict[str, Any]]:
    """The letters of a subscription that were given up, oldest first, without what they say."""
    found = notifier.hub.parcels(queue_of(record.tenant, record.id), dead=True, limit=1000)
    return [
        {
            "number": one.number,
            "notifiedAt": iso(one.made),
            "givenUpAt": iso(one.dead),
            "tries": one.tries,
            "reason": one.reason,
        }
        for one in found
    ]


async def replay(notifier: Notifier, actor: Actor, record: Record, numbers: frozenset[int] | None = None) -> int:
    """Send letters that were given up once more (all, or those of these numbers); how many. Forbidden."""
    await records.replace(notifier.hub, actor, record, record.document)  # Who may change it may; the log says who did.
    return await notifier.lanes.replay(queue_of(record.tenant, record.id), numbers)


async def bury(notifier: Notifier, actor: Actor, record: Record) -> int:
    """Forget the letters that were given up; how many. Forbidden."""
    await records.replace(notifier.hub, actor, record, record.document)
    return await notifier.lanes.bury_for_good(queue_of(record.tenant, record.id))


async def check_context(contexts: Contexts, document: Mapping[str, Any]) -> None:
    """Raise ContextUnavailable or Invalid unless the context of notifications can be read (clause 5.8.1.4)."""
    if "jsonldContext" in document:
        await contexts.obtain(document["jsonldContext"])


def _check_rights(notifier: Notifier, record: Record) -> None:
    """Raise Forbidden when nothing of what is subscribed to may be read by the maker."""
    subscription = compiled(record)
    for one in subscription.chosen:
        notifier.hub.may_ask(subscription.maker, Query(types=one.types, tenant=subscription.tenant))


def without_secrets(said: Mapping[str, Any]) -> dict[str, Any]:
    """What others than the maker see of an endpoint: neither keys nor passwords."""
    endpoint = {key: value for key, value in said["endpoint"].items() if key != "receiverInfo"}
    parts = urlsplit(endpoint["uri"])
    if parts.username or parts.password:
        endpoint["uri"] = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return {**said, "endpoint": endpoint}
