"""Who this hub is among other context sources (clauses 5.15 and 5.2.40, HTTP binding 6.33)."""

from dothi.ground.clock import SECOND, iso, now_us
from dothi.hub.api.door.answer import Answer, accepted, contextual
from dothi.hub.api.door.request import Call
from dothi.hub.peers.federate.loops import alias_of


async def read_identity(call: Call) -> Answer:
    """Retrieve Context Source Identity Information, clause 5.15.1.

    A tenant is told its alias before there is anything in it: a peer needs that alias to register it.
    """
    names = await call.names()
    alias, now = alias_of(call.door.registry.name, call.tenant), now_us()
    identity = {
        "id": f"urn:ngsi-ld:ContextSourceIdentity:{alias}",
        "type": "ContextSourceIdentity",
        "contextSourceAlias": alias,
        "contextSourceUptime": f"PT{max(now - call.door.since, 0) // SECOND}S",
        "contextSourceTimeAt": iso(now),
    }
    return contextual(call, identity, names, accepted(call))
