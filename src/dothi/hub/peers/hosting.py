"""The @contexts that a hub keeps (clause 5.13): hosted for clients, made by itself, and copies of those it fetched.

They are records beside the tenant whose clients added them; copies of fetched ones belong to all and stand beside the
default tenant. What is asked for by address alone is found whatever the tenant: identifiers are not to be guessed.
"""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from dothi.ground.canonical import canonical
from dothi.ground.errors import Conflict, Invalid, Malformed, Missing
from dothi.hub.context import CORE_URL, Contexts, Names
from dothi.hub.context.shelf import CACHED, HOSTED, IMPLICIT, LOCAL, PATH, Shelf, Shelved, id_for, local_id
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Op
from dothi.hub.peers import records
from dothi.hub.peers.records import CONTEXT, READER, Record

MOST_COPIES = 1000  # Of fetched contexts; more are fetched again after a restart.
SHARED = ""  # The tenant beside which copies stand.


def shelf_of(hub: Hub) -> Shelf:
    """Where the contexts of a hub are kept."""

    def read(identifier: str) -> Shelved | None:
        for tenant in dict.fromkeys((SHARED, *hub.tenants())):
            found = _record(hub, identifier, tenant)
            if found is not None:
                return _shelved(found)
        return None

    async def keep(one: Shelved) -> None:
        document = {"kind": one.kind, "url": one.url, "document": one.document, "expiresAt": one.expires_at}
        before = _record(hub, one.id, one.tenant)
        if before is not None:
            await records.replace(hub, READER, before, document)
        elif one.kind != CACHED or len(list(records.listed(hub, READER, CONTEXT, SHARED))) < MOST_COPIES:
            await records.create(hub, READER, CONTEXT, one.id, document, one.tenant)

    return Shelf(read, keep)


def _record(hub: Hub, identifier: str, tenant: str) -> Record | None:
    try:
        return records.read(hub, READER, CONTEXT, identifier, tenant)
    except Missing:
        return None


def _shelved(record: Record) -> Shelved:
    kept = record.document
    born = record.modified_at if kept["kind"] == CACHED else record.created_at
    return Shelved(
        record.id, kept["kind"], kept["document"], record.tenant, kept.get("url", ""), born, kept.get("expiresAt", 0)
    )


async def add(hub: Hub, contexts: Contexts, actor: Actor, document: Any, tenant: str) -> str:
    """Host a context for clients (clause 5.13.2); returns its local identifier. Invalid when it is none."""
    if not isinstance(document, dict) or "@context" not in document:
        raise Malformed("The body must be a JSON object with a member @context (clause 5.13.2.3).")
    contexts.check(document["@context"])
    identifier = LOCAL + uuid.uuid4().hex
    kept = {"kind": HOSTED, "document": {"@context": document["@context"]}}
    await records.create(hub, actor, CONTEXT, identifier, kept, tenant)
    return identifier


async def address_of(hub: Hub, contexts: Contexts, names: Names, tenant: str) -> str:
    """Where the context of a request can be read: its own address, else one that the hub makes for it (clause 5.13.1).

    The same content has the same address each time.
    """
    if names.url is not None or names.source is None:
        return names.url or CORE_URL
    document = {"@context": names.source}
    identifier = id_for(canonical(document).decode())
    if _record(hub, identifier, tenant) is None:
        with suppress(Conflict):  # Another request may be quicker.
            await records.create(hub, READER, CONTEXT, identifier, {"kind": IMPLICIT, "document": document}, tenant)
    return contexts.home + PATH + identifier


def listed(hub: Hub, contexts: Contexts, actor: Actor, tenant: str) -> Iterator[Shelved]:
    """Every context that clients of a tenant may know of (clause 5.13.3). Forbidden to who may not look."""
    yield core(contexts)
    seen = set()
    for where in dict.fromkeys((tenant, SHARED)):
        for record in records.listed(hub, actor, CONTEXT, where):
            one = _shelved(record)
            if where == tenant or one.kind == CACHED:
                seen.add(one.id)
                yield one
    yield from (one for one in contexts.cached() if one.id not in seen)


def core(contexts: Contexts, address: str = CORE_URL) -> Shelved:
    """A context that is part of dothi, as an entry."""
    return Shelved(id_for(address), CACHED, None, SHARED, address, contexts.since)


def find(hub: Hub, contexts: Contexts, name: str, tenant: str) -> Shelved:
    """The context of a local identifier, or of the address from which a cached one came. Missing when there is none."""
    if contexts.knows(name):
        return core(contexts, name)
    identifier = local_id(name) or id_for(name)
    own = _record(hub, identifier, tenant)
    if own is not None:
        return _shelved(own)
    shared = _record(hub, identifier, SHARED)
    if shared is not None and shared.document["kind"] == CACHED:
        return _shelved(shared)
    held = contexts.lent(identifier) or next((one for one in contexts.cached() if one.id == identifier), None)
    if held is not None:
        return held
    if identifier == id_for(CORE_URL):
        return core(contexts)
    raise Missing(f"There is no @context {name[:200]}.", entity=name[:200])


async def remove(hub: Hub, contexts: Contexts, actor: Actor, name: str, tenant: str) -> None:
    """Take a context away (clause 5.13.5). Forbidden, Missing when there is none, Invalid when it is part of dothi."""
    records.check_may(hub, actor, Op.DELETE, CONTEXT, id_for(name), tenant)
    found = find(hub, contexts, name, tenant)
    if contexts.knows(found.url):
        raise Invalid(f"The @context {found.url} is part of dothi and cannot be deleted.")
    record = _record(hub, found.id, found.tenant)
    if record is not None:
        await records.delete(hub, actor, record)
    contexts.forget(found.url or found.id)


async def reload(hub: Hub, contexts: Contexts, actor: Actor, name: str, tenant: str) -> None:
    """Fetch a cached context again (clause 5.13.5). Invalid for any other; what is part of dothi is always fresh.

    ContextUnavailable when that fails; the copy stays then. Forbidden.
    """
    records.check_may(hub, actor, Op.REPLACE, CONTEXT, id_for(name), tenant)
    try:
        found = find(hub, contexts, name, tenant)
    except Missing:
        raise Invalid(f"There is no cached @context {name[:200]} that could be reloaded (clause 5.13.5.4).") from None
    if found.kind != CACHED:
        raise Invalid(f"The @context {name[:200]} is {found.kind}; only cached ones can be reloaded (clause 5.13.5.4).")
    if not contexts.knows(found.url):
        await contexts.reload(found.url)
