"""The @contexts that this hub keeps: add, list, serve, delete and reload (clauses 6.29 and 6.30)."""

from typing import Any

from dothi.ground.clock import iso
from dothi.ground.errors import Invalid, Unsupported
from dothi.hub.api.door.answer import NO_CONTENT, Answer, accepted, document
from dothi.hub.api.door.request import Call
from dothi.hub.context.shelf import CACHED, KINDS, PATH, Shelved
from dothi.hub.peers import hosting


async def add_context(call: Call) -> Answer:
    """Add @context, clause 5.13.2 (HTTP binding 6.29.3.1)."""
    given, _ = call.decoded()
    identifier = await hosting.add(call.hub, call.door.contexts, call.actor, given, call.tenant)
    return Answer(201, headers=(("Location", PATH + identifier),))


async def list_contexts(call: Call) -> Answer:
    """List @contexts, clause 5.13.3 (HTTP binding 6.29.3.2)."""
    details = call.flag("details")
    kind = call.query.get("kind")
    if kind is not None and kind not in KINDS:
        raise Invalid(f"kind is {kind[:40]!r}; it is one of {', '.join(KINDS)} (clause 6.29.3.2).")
    found = [
        one
        for one in hosting.listed(call.hub, call.door.contexts, call.actor, call.tenant)
        if kind is None or one.kind == kind
    ]
    return document([_details(call, one) for one in found] if details else [_address(call, one) for one in found])


async def serve_context(call: Call) -> Answer:
    """Serve @context, clause 5.13.4 (HTTP binding 6.30.3.1)."""
    media = accepted(call)
    details = call.flag("details")
    found = hosting.find(call.hub, call.door.contexts, call.path[0], call.tenant)
    if not details and found.kind == CACHED:
        raise Unsupported(
            f"The @context {found.url} is a copy for this hub's own use: read it at its address (clause 5.13.4.4)."
        )
    answer = document(_details(call, found) if details else found.document)
    call.door.contexts.count(found.url or found.id)
    return answer if details else answer._replace(media=media)


async def delete_context(call: Call) -> Answer:
    """Delete and Reload @context, clause 5.13.5 (HTTP binding 6.30.3.2)."""
    if not call.path[0]:
        raise Invalid("The identifier of the @context is missing (clause 5.13.5.4).")
    if call.flag("reload"):
        await hosting.reload(call.hub, call.door.contexts, call.actor, call.path[0], call.tenant)
    else:
        await hosting.remove(call.hub, call.door.contexts, call.actor, call.path[0], call.tenant)
    return NO_CONTENT


def _address(call: Call, one: Shelved) -> str:
    """Where a context can be read."""
    return one.url or call.door.contexts.home + PATH + one.id


def _details(call: Call, one: Shelved) -> dict[str, Any]:
    """What is known about a context (clause 5.13.3.5)."""
    told = {
        "URL": _address(call, one),
        "localId": one.id,
        "kind": one.kind,
        "createdAt": iso(one.created_at),
    }
    if one.expires_at:
        told["expiresAt"] = iso(one.expires_at)
    use = call.door.contexts.used().get(one.url or one.id)
    if use is None:
        return told
    often = f"found {use.hits} times since {iso(call.door.contexts.since)}"
    return told | {"lastUsage": iso(use.last), "extraInfo": often}
