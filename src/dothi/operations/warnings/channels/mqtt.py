"""The channel of devices: a warning on topics of a broker, kept there while it is in force, for boxes that subscribe.

`<topic>/warnings/<unit>/<warning>/cap` carries CAP 1.2, `…/json` the same in short; each unit of the area and each
commune below it has its topics. Alerts and updates are retained and end by themselves (the message expiry of MQTT 5);
an end is told to who listens and the topic is emptied. A drill is told below `<topic>/drill/…` and nowhere else.
"""

import asyncio
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic

import aiomqtt
import msgspec
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from dothi.ground.clock import SECOND, from_iso, now_us
from dothi.office.messages.model import NotNow
from dothi.operations.model import Operations
from dothi.operations.warnings.channels.model import ENDING, Outcome, StaysInside, What
from dothi.operations.warnings.channels.reach import told_before, units_of
from dothi.operations.warnings.model import LANGUAGES, Warning
from dothi.operations.warnings.text import short_text

TIMEOUT_S = 10.0
SHORT_LETTERS = 300
DRILL = "drill"


@dataclass(frozen=True)
class Broker:
    """Where the topics stand."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False


@dataclass(frozen=True)
class Topics(Generic[What]):
    """Publishes at QoS 1; delivered counts the messages that the broker has taken over."""

    operations: Operations
    broker: Broker
    topic: str  # What all topics begin with; those of drills with /drill behind it.
    takes: type[What]
    name: str = "mqtt"

    async def send(self, key: str, what: What) -> Outcome:
        """Each topic anew at each try: what is retained is the same, and a box knows the id."""
        if type(what) is not self.takes:
            raise StaysInside("These topics are not for it.")
        posts = list(self._posts(key, what))
        try:
            async with asyncio.timeout(TIMEOUT_S + len(posts) / 50):
                await self._publish(posts, what.warning)
        except (aiomqtt.MqttError, TimeoutError, OSError) as fault:
            raise NotNow(f"mqtt {type(fault).__name__}") from fault
        return Outcome(len(posts), len(posts))

    async def look(self, key: str) -> Outcome:
        """Nothing is on its way here."""
        return Outcome(0, 0)

    async def stop(self, key: str) -> bool:
        """Nothing waits here."""
        return True

    def _posts(self, key: str, what: What) -> Iterator[tuple[str, bytes, bool]]:
        """(topic, content, still in force there); topics of units that an update leaves out are told and emptied."""
        warning, here = what.warning, self.operations
        units = units_of(here.territory, warning)
        earlier = (units_of(here.territory, one) for one in told_before(here.hub, warning))
        short = short_json(key, warning)
        for unit in sorted(units.union(*earlier)):
            place = f"{self.topic}/warnings/{unit}/{warning.thread.rpartition(':')[2]}"
            stays = unit in units and warning.kind not in ENDING
            yield f"{place}/cap", what.cap, stays
            yield f"{place}/json", short, stays

    async def _publish(self, posts: list[tuple[str, bytes, bool]], warning: Warning) -> None:
        async with self._client() as client:
            for topic, content, stays in posts:
                await client.publish(topic, content, qos=1, retain=stays, properties=_until(warning) if stays else None)
                if not stays:
                    await client.publish(topic, b"", qos=1, retain=True)

    def _client(self) -> aiomqtt.Client:
        broker = self.broker
        return aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.user or None,
            password=broker.password or None,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=ssl.create_default_context() if broker.tls else None,
            timeout=TIMEOUT_S,
        )


def _until(warning: Warning) -> Properties:
    """The broker forgets what it retains when the warning ends, also while dothi is down."""
    found = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    found.MessageExpiryInterval = max(1, (from_iso(warning.expires) - now_us()) // SECOND)
    return found


def short_json(key: str, warning: Warning) -> bytes:
    """The warning in short, for signs and boxes: the same `id` at each try, so that a second one can be told."""
    return msgspec.json.encode(
        {
            "id": key,
            "identifier": warning.identifier,
            "warning": warning.thread,
            "kind": warning.kind,
            "drill": warning.drill,
            "severity": warning.severity,
            "sent": warning.sent,
            "effective": warning.effective,
            "expires": warning.expires,
            "units": warning.units,
            "text": {language: short_text(warning, language, SHORT_LETTERS) for language in LANGUAGES},
        }
    )
