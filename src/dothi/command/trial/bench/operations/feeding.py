"""Sends values over HTTP at a steady rate: batches to the NGSI-LD endpoint, each sensor always over one connection."""

import asyncio
import time
from dataclasses import dataclass, field
from random import Random

import msgspec

from dothi.command.trial.bench.operations.material import SPIKE, Sensor, value
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Unavailable

PATH = "/ngsi-ld/v1/entityOperations/upsert?options=update"
CONNECTIONS = 4
_HEAD = "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
BATCH = 100
_STEP_S = 0.1  # Batches are made ready so often when values are few.


@dataclass
class Fed:
    """What was sent in one phase."""

    seconds: float = 0.0
    values: int = 0
    spikes: int = 0
    acks_s: list[float] = field(default_factory=list)  # From sending a batch to its answer.

    @property
    def rate(self) -> float:
        """Values a second."""
        return self.values / self.seconds if self.seconds else 0.0


@dataclass
class _Lane:
    """One connection with its share of the sensors, sent to in turn."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sensors: list[Sensor]
    chance: Random
    place: int = 0
    high: set[str] = field(default_factory=set)  # Sensors whose newest value is a spike.

    def batch(self, count: int, fed: Fed) -> bytes:
        """The next values as a request body."""
        stamp = iso(now_us())
        some = []
        for _ in range(count):
            one = self.sensors[self.place % len(self.sensors)]
            self.place += 1
            measured = value(self.chance)
            if measured == SPIKE and one.id not in self.high:
                fed.spikes += 1
                self.high.add(one.id)
            elif measured != SPIKE:
                self.high.discard(one.id)
            said = {"type": "Property", "value": measured, "observedAt": stamp}
            some.append({"id": one.id, "type": one.kind, one.attribute: said})
        return msgspec.json.encode(some)


class Feeder:
    """Connections to the city, each with its share of the sensors."""

    def __init__(self, lanes: list[_Lane]) -> None:
        """Open: see `connect`."""
        self._lanes = lanes

    async def feed(self, rate: float, seconds: float) -> Fed:
        """Send so many values a second for so long; late batches are sent at once, none is left out."""
        fed, began = Fed(), time.monotonic()
        await asyncio.gather(*(self._drive(lane, rate / len(self._lanes), began, seconds, fed) for lane in self._lanes))
        fed.seconds = max(time.monotonic() - began, seconds)
        return fed

    async def _drive(self, lane: _Lane, rate: float, began: float, seconds: float, fed: Fed) -> None:
        size = max(1, min(BATCH, round(rate * _STEP_S)))
        for number in range(round(rate * seconds / size)):
            due = began + number * size / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            body = lane.batch(size, fed)
            sent = time.monotonic()
            await _post(lane, body)
            fed.acks_s.append(time.monotonic() - sent)
            fed.values += size

    def close(self) -> None:
        """Let the connections go."""
        for lane in self._lanes:
            lane.writer.close()


async def connect(port: int, sensors: list[Sensor]) -> Feeder:
    """A feeder of the city on a port."""
    lanes = []
    for number in range(CONNECTIONS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        lanes.append(_Lane(reader, writer, sensors[number::CONNECTIONS], Random(number)))  # noqa: S311
    return Feeder(lanes)


async def _post(lane: _Lane, body: bytes) -> None:
    lane.writer.write(_HEAD.format(path=PATH, length=len(body)).encode() + body)
    await lane.writer.drain()
    status = (await lane.reader.readline()).decode()
    length = 0
    while (line := (await lane.reader.readline()).strip()) != b"":
        name, _, said = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(said)
    answer = await lane.reader.readexactly(length)
    if not status.startswith(("HTTP/1.1 201", "HTTP/1.1 204")):
        raise Unavailable(f"The feed was answered {status.strip()}: {answer[:200]!r}, so nothing was measured.")
