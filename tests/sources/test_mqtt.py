"""Readings over a real mosquitto: nothing acknowledged is lost, nothing comes twice, through a broker's restart."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from dothi.ground.clock import from_iso, iso
from dothi.hub.model import Entity
from dothi.sources.model import SYSTEM
from dothi.sources.runner import run_sources
from dothi.sources.service import get_source
from tests.sources.conftest import City

A = "urn:ngsi-ld:AirQualityObserved:kl"
START = from_iso("2026-11-22T00:00:00Z")


class Broker:
    """A mosquitto of our own that keeps its sessions on disk."""

    def __init__(self, program: str, folder: Path, port: int) -> None:
        """Not started yet."""
        self.port, self._program, self._file = port, program, folder / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None
        store = folder / "mosquitto"
        store.mkdir()
        self._file.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {store}/\n"
            f"autosave_interval 1\nmax_queued_messages 0\nuser {os.environ.get('USER', 'root')}\n"
        )

    def start(self) -> None:
        """Start and wait until it listens."""
        self._process = subprocess.Popen([self._program, "-c", self._file], stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                asyncio.run(self._knock())
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("mosquitto does not start")

    async def _knock(self) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.close()
        await writer.wait_closed()

    def stop(self) -> None:
        """Stop as an operator would: sessions are saved."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
            self._process = None


@pytest.fixture
def broker(mosquitto: str, tmp_path: Path, free_port: int) -> Iterator[Broker]:
    """A broker that runs."""
    made = Broker(mosquitto, tmp_path, free_port)
    made.start()
    yield made
    made.stop()


def station(city: City, broker: Broker) -> Entity:
    """A source that listens to stations/+/air."""
    settings = {"host": "127.0.0.1", "port": broker.port, "topic": "stations/+/air"}
    return city.source("air", connector="mqtt", mapping="air-station", settings=settings)


def message(number: int, **more: object) -> str:
    """One reading a second."""
    return json.dumps({"station": "kl", "time": iso(START + number * 1_000_000), "pm25": 10 + number % 90, **more})


async def publish(port: int, numbers: range) -> None:
    """Send readings at QoS 1, each again until the broker has taken it."""
    waiting = list(numbers)
    while waiting:
        try:
            async with aiomqtt.Client("127.0.0.1", port, timeout=2) as client:
                while waiting:
                    await client.publish("stations/kl/air", message(waiting[0]), qos=1)
                    waiting.pop(0)
        except aiomqtt.MqttError:
            await asyncio.sleep(0.05)


async def until(found, seconds: float = 30) -> None:  # type: ignore[no-untyped-def]
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not found():
            await asyncio.sleep(0.05)


def readings(city: City) -> list[tuple[str, float]]:
    """The history of the station."""
    history = city.hub.history(SYSTEM, A, ("pm25",)) if "AirQualityObserved" in city.hub.types(SYSTEM) else {}
    return [(one["observedAt"], one["value"]) for one in history.get("pm25", [])]


def test_readings_arrive_and_bad_ones_wait(city: City, broker: Broker) -> None:
    """A reading is in the hub within two seconds; what is no JSON, or of a wrong unit, goes to quarantine."""
    station(city, broker)

    async def story() -> float:
        running = asyncio.create_task(run_sources(city.sources))
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            await _subscribed(client)
            began = time.monotonic()
            await client.publish("stations/kl/air", message(0, unit="00004"), qos=1)
            await until(lambda: len(readings(city)) == 1)
            took = time.monotonic() - began
            await client.publish("stations/kl/air", b"\xff{not json", qos=1)
            await client.publish("stations/kl/air", message(1, pm25=0.01), qos=1)
            await until(lambda: len(city.rows()) == 2)
        running.cancel()
        return took

    assert city.run(story()) < 2
    assert city.get(A).value("unit") == "00004"
    assert {row.value("reason") for row in city.rows()} == {"not-json", "range:pm25"}
    assert {row.value("row")["_topic_2"] for row in city.rows()} == {"kl"}


async def _subscribed(client: aiomqtt.Client) -> None:
    """Wait until the broker tells of two subscriptions: ours to its tally, and the runner's."""
    await client.subscribe("$SYS/broker/subscriptions/count")
    await asyncio.sleep(0.5)


def test_nothing_is_lost_and_nothing_comes_twice_through_a_restart(city: City, broker: Broker) -> None:
    """The broker is stopped and started in the middle of the stream: every reading is there, each once."""
    station(city, broker)
    total = 1500

    async def story() -> None:
        running = asyncio.create_task(run_sources(city.sources))
        await until(lambda: "problem" not in get_source(city.sources, "air").attrs)
        await asyncio.sleep(0.5)
        sending = asyncio.create_task(publish(broker.port, range(total)))
        await until(lambda: len(readings(city)) > 100)
        await asyncio.to_thread(broker.stop)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(broker.start)
        await asyncio.wait_for(sending, 30)
        await until(lambda: len(set(readings(city))) == total)
        await asyncio.sleep(0.5)
        running.cancel()

    city.run(story())
    assert readings(city) == [(iso(START + number * 1_000_000), 10 + number % 90) for number in range(total)]


def test_what_comes_while_we_are_away_is_kept_for_us(city: City, broker: Broker) -> None:
    """Readings sent while dothi is down arrive when it is back, since the session and its acknowledgements are ours."""
    station(city, broker)

    async def listen(count: int) -> None:
        running = asyncio.create_task(run_sources(city.sources))
        await asyncio.sleep(0.5 if not count else 0)
        await until(lambda: len(readings(city)) == count)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def story() -> None:
        await listen(0)
        await publish(broker.port, range(50))
        assert readings(city) == []
        await listen(50)

    city.run(story())
    assert len(readings(city)) == 50
