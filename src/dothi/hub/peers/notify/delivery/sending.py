"""One letter handed to its receiver, by HTTP (clauses 5.8.6 and 6.3.6) or by MQTT (clause 7.2)."""

import msgspec

from dothi.ground.errors import DothiError
from dothi.hub.peers.notify.delivery.brokers import Brokers
from dothi.hub.peers.notify.delivery.target import target_of
from dothi.hub.peers.notify.model import Patience, Recipient
from dothi.hub.peers.wire import Wire

CONTEXT_REL = "http://www.w3.org/ns/json-ld#context"
_TAKEN = range(200, 300)
_WRONG = range(400, 500)


class NotTaken(DothiError):
    """The receiver did not take a letter; `final` says that it calls the letter itself wrong."""

    def __init__(self, detail: str, final: bool = False) -> None:
        """`detail` is what is told to whoever made the subscription."""
        super().__init__(detail)
        self.final = final


def link_of(context: str) -> str:
    """The Link header to the @context of what is sent."""
    return f'<{context}>; rel="{CONTEXT_REL}"; type="application/ld+json"'


class Sender:
    """Speaks with receivers."""

    def __init__(self, wire: Wire, patience: Patience) -> None:
        """`wire` is the hub's one client; brokers are connected to when they are first needed."""
        self._wire = wire
        self._brokers = Brokers(wire.reach)
        self._patience = patience

    async def deliver(self, recipient: Recipient, body: bytes) -> None:
        """Hand over one notification; any 2xx counts as taken (decision 0152). NotTaken else."""
        try:
            if recipient.endpoint.is_mqtt:
                await self._publish(recipient, body)
            else:
                await self._post(recipient, body)
        except NotTaken:
            raise
        except DothiError as failed:
            raise NotTaken(failed.detail) from failed

    async def close(self) -> None:
        """End the connections to brokers."""
        await self._brokers.close()

    async def _post(self, recipient: Recipient, body: bytes) -> None:
        endpoint = recipient.endpoint
        headers = headers_of(recipient)
        answer = await self._wire.send("POST", endpoint.uri, headers, body, endpoint.timeout_s)
        if answer.status not in _TAKEN:
            wrong = answer.status in _WRONG and answer.status not in self._patience.spoken
            raise NotTaken(f"{endpoint.uri[:200]} answered {answer.status}.", wrong)

    async def _publish(self, recipient: Recipient, body: bytes) -> None:
        endpoint = recipient.endpoint
        target = target_of(endpoint.uri, dict(endpoint.notifier))
        await self._brokers.publish(target, message_of(recipient, body), endpoint.timeout_s)


def headers_of(recipient: Recipient) -> dict[str, str]:
    """The headers of a notification; what the subscriber set goes along, but not in the place of ours."""
    endpoint = recipient.endpoint
    own = {"Content-Type": endpoint.accept}
    if not endpoint.in_body:
        own["Link"] = link_of(recipient.context)
    if recipient.tenant:
        own["NGSILD-Tenant"] = recipient.tenant
    taken = {name.lower() for name in own}
    return {**{key: value for key, value in endpoint.receiver if key.lower() not in taken}, **own}


def message_of(recipient: Recipient, body: bytes) -> bytes:
    """The MQTT message: the notification, and beside it what HTTP has in its headers (clause 7.2)."""
    metadata = headers_of(recipient)
    return b'{"metadata":' + msgspec.json.encode(metadata) + b',"body":' + body + b"}"
