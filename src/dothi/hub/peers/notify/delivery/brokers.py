"""MQTT brokers that subscribers name: one connection to each, opened when it is needed, let go when it is not."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from typing import Any

import aiomqtt

from dothi.hub.peers.notify.delivery.target import Target
from dothi.hub.peers.wire import Reach, TimedOut, Unreachable, addresses

IDLE_S = 60.0
_VERSIONS = {"mqtt5.0": aiomqtt.ProtocolVersion.V5, "mqtt3.1.1": aiomqtt.ProtocolVersion.V311}
_Key = tuple[str, str, int, str | None, str | None, str]


@dataclass(slots=True)
class _Line:
    """A connection to one broker as one user; letters go over it one after the other."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    client: aiomqtt.Client | None = None
    until: asyncio.TimerHandle | None = None  # When it is let go.


class Brokers:
    """Every broker that letters went to of late."""

    def __init__(self, reach: Reach) -> None:
        """`reach`: where connections may go."""
        self._reach = reach
        self._lines: dict[_Key, _Line] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def publish(self, target: Target, message: bytes, timeout_s: float) -> None:
        """Publish one message; QoS 1 and 2 wait until the broker has it. TimedOut or Unreachable else."""
        key = (target.scheme, target.host, target.port, target.user, target.password, target.version)
        line = self._lines.setdefault(key, _Line())
        try:
            async with asyncio.timeout(timeout_s), line.lock:
                await self._publish(line, target, message)
        except TimeoutError:
            await _end(line)
            raise TimedOut(f"The broker {target.host}:{target.port} gave no answer within {timeout_s:g} s.") from None
        except (aiomqtt.MqttError, OSError, ValueError) as failed:
            await _end(line)
            reason = str(failed)[:200] or type(failed).__name__
            raise Unreachable(f"The broker {target.host}:{target.port} cannot be used: {reason}.") from failed
        self._let_go_later(key, line)

    async def close(self) -> None:
        """End every connection."""
        lines, self._lines = list(self._lines.values()), {}
        for line in lines:
            if line.until is not None:
                line.until.cancel()
            await _end(line)

    async def _publish(self, line: _Line, target: Target, message: bytes) -> None:
        used = line.client is not None
        try:
            await self._send(line, target, message)
        except aiomqtt.MqttError:
            if not used:
                raise
            await _end(line)  # The broker let the old connection go meanwhile.
            await self._send(line, target, message)

    async def _send(self, line: _Line, target: Target, message: bytes) -> None:
        if line.client is None:
            client = await self._client(target)
            await client.__aenter__()
            line.client = client
        await line.client.publish(target.topic, message, qos=target.quality)

    async def _client(self, target: Target) -> aiomqtt.Client:
        found = await addresses(self._reach, target.host, target.port)
        secure = target.scheme == "mqtts"
        options: dict[str, Any] = {"tls_context": ssl.create_default_context()} if secure else {}
        return aiomqtt.Client(
            # With TLS the certificate says who answers; without, only an address that was looked at is spoken to.
            target.host if secure else found[0][1],
            target.port,
            username=target.user,
            password=target.password,
            protocol=_VERSIONS[target.version],
            **options,
        )

    def _let_go_later(self, key: _Key, line: _Line) -> None:
        if line.until is not None:
            line.until.cancel()
        line.until = asyncio.get_running_loop().call_later(IDLE_S, self._let_go, key)

    def _let_go(self, key: _Key) -> None:
        line = self._lines.pop(key, None)
        if line is not None:
            task = asyncio.ensure_future(_end(line))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)


async def _end(line: _Line) -> None:
    client, line.client = line.client, None
    if client is not None:
        with contextlib.suppress(aiomqtt.MqttError, OSError, ValueError):
            await client.__aexit__(None, None, None)
