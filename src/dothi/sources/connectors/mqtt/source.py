"""Readings from an MQTT broker at QoS 1: gathered into batches, acknowledged only when they are on disk.

A persistent session (clean_session off, a stable client id) makes the broker keep what comes while we are away. A
message that was committed but not acknowledged comes again; its own observedAt makes that harmless.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator

import aiomqtt
import msgspec

from dothi.ground.errors import Unavailable
from dothi.sources.mapping.model import Fault, Raw
from dothi.sources.mapping.reading import UNPARSED, raw_of
from dothi.sources.mapping.values import shown
from dothi.sources.model import Delivery, Job

BATCH_MESSAGES = 500
GATHER_S = 0.1  # How long a batch waits for more: a tenth of a second is nothing on a map, and one flush serves all.
IN_FLIGHT = 2000  # Messages that the broker may send ahead of our acknowledgements.


class ManualClient(aiomqtt.Client):
    """A client that acknowledges when it is told to, and not as soon as a message arrives."""

    def hold_acknowledgements(self) -> None:
        """Call before connecting."""
        self._client.manual_ack_set(True)

    def acknowledge(self, message: aiomqtt.Message) -> None:
        """Tell the broker that a message is safe with us."""
        self._client.ack(message.mid, message.qos)

    def settle(self) -> None:
        """Take note of how the connection ended, so that asyncio does not report it as forgotten."""
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()


async def rows(job: Job) -> AsyncIterator[Delivery]:
    """Batches of messages for ever; Unavailable when the connection breaks, so that the runner connects again."""
    client = _client(job)
    try:
        async with client:
            await client.subscribe(job.settings["topic"], qos=1)
            async for batch in _batches(client):
                yield Delivery([raw for message in batch for raw in read(message, job.mapping.format)], "mqtt")
                for message in batch:
                    client.acknowledge(message)
    except aiomqtt.MqttError as error:
        raise Unavailable(f"The MQTT broker does not answer: {error}") from error  # No address: sources are public.
    finally:
        client.settle()


def _client(job: Job) -> ManualClient:
    settings = job.settings
    client = ManualClient(
        settings["host"],
        int(settings["port"]),
        username=settings["username"] or None,
        password=settings["password"] or None,
        identifier=settings["client_id"] or f"dothi-{job.source.rpartition(':')[2]}",
        clean_session=False,
        tls_context=ssl.create_default_context() if settings["tls"] else None,
        max_inflight_messages=IN_FLIGHT,
        timeout=10,
        keepalive=20,
    )
    client.hold_acknowledgements()
    return client


async def _batches(client: aiomqtt.Client) -> AsyncIterator[list[aiomqtt.Message]]:
    """Messages as they come, together with those that follow within GATHER_S."""
    arriving = client.messages
    while True:
        batch = [await anext(arriving)]
        deadline = asyncio.get_running_loop().time() + GATHER_S
        while len(batch) < BATCH_MESSAGES and (len(arriving) or asyncio.get_running_loop().time() < deadline):
            if not len(arriving):
                await asyncio.sleep(0.01)
                continue
            batch.append(await anext(arriving))
        yield batch


def read(message: aiomqtt.Message, form: str) -> list[Raw]:
    """The rows of one message (a JSON object, or a list of them), with its topic as `_topic`, `_topic_1` and so on."""
    topic = str(message.topic)
    place = {"_topic": topic} | {f"_topic_{level}": part for level, part in enumerate(topic.split("/"), 1)}
    body = bytes(message.payload)
    try:
        tree = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = body.decode("utf-8", "backslashreplace")
        return [Raw(1, {UNPARSED: text, **place}, Fault("not-json", value=shown(error)))]
    items = tree if isinstance(tree, list) else [tree]
    raws = [raw_of(item, line, form) for line, item in enumerate(items, 1)]
    return [raw if form == "ngsi-ld" else raw._replace(row={**raw.row, **place}) for raw in raws]
