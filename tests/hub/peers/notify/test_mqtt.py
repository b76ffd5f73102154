"""Notifications by MQTT (clause 7.2), over a real broker."""

import asyncio
import getpass
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from tests.hub.peers.notify.hearing import SOON_S, World

Told = Callable[..., None]


class Broker:
    """mosquitto on a port of the loopback that can be stopped and started again."""

    def __init__(self, program: str, folder: Path, port: int) -> None:
        self.port = port
        self._program = program
        self._folder = folder
        self._running: subprocess.Popen[bytes] | None = None

    def start(self, user: str = "") -> None:
        """Listen; with `user` only for that name, whose password is the same."""
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", f"user {getpass.getuser()}"]
        if user:
            secrets = self._folder / "secrets"
            program = str(Path(self._program).parent.parent / "bin" / "mosquitto_passwd")
            subprocess.run([program, "-b", "-c", str(secrets), user, user], check=True, capture_output=True)
            lines += ["allow_anonymous false", f"password_file {secrets}"]
        else:
            lines.append("allow_anonymous true")
        config = self._folder / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n")
        self._running = subprocess.Popen([self._program, "-c", str(config)], stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        """Be gone."""
        if self._running is not None:
            self._running.terminate()
            self._running.wait()
            self._running = None


@pytest.fixture
def broker(mosquitto: str, tmp_path: Path, free_port: int) -> Iterator[Broker]:
    made = Broker(mosquitto, tmp_path, free_port)
    yield made
    made.stop()


@asynccontextmanager
async def listening(port: int, topic: str = "city/#", user: str | None = None) -> AsyncIterator[list[dict[str, Any]]]:
    """Messages as they come, from when the broker answers on."""
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(SOON_S):
        client = await connected(port, user)
    await client.subscribe(topic, qos=2)

    async def listen() -> None:
        async for message in client.messages:
            heard.append({"topic": str(message.topic), "qos": message.qos, **json.loads(bytes(message.payload))})

    task = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.__aexit__(None, None, None)


async def connected(port: int, user: str | None) -> aiomqtt.Client:
    """A client, once the broker answers."""
    while True:
        try:
            client = aiomqtt.Client("127.0.0.1", port, username=user, password=user)
            await client.__aenter__()
            return client
        except aiomqtt.MqttError:
            await asyncio.sleep(0.05)


async def some(heard: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """So many messages, once they are there."""
    async with asyncio.timeout(SOON_S):
        while len(heard) < count:
            await asyncio.sleep(0.01)
    return heard


def info(**pairs: str) -> list[dict[str, str]]:
    return [{"key": key.replace("_", "-"), "value": value} for key, value in pairs.items()]


def test_a_message_holds_metadata_and_body(told: Told, broker: Broker) -> None:
    """The message has the headers as metadata, the receiver's own among them, and the notification as body."""
    broker.start()

    async def story(world: World) -> None:
        async with listening(broker.port) as heard:
            uri = f"mqtt://127.0.0.1:{broker.port}/city/air/now"
            made = await world.subscribe(endpoint={"uri": uri, "receiverInfo": info(Room="7")})
            await world.put(pm=5)
            message = (await some(heard, 1))[0]
            assert message["topic"] == "city/air/now"
            assert message["metadata"]["Content-Type"] == "application/json"
            assert message["metadata"]["Link"].startswith("<https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context")
            assert message["metadata"]["Room"] == "7"
            assert (message["body"]["type"], message["body"]["subscriptionId"]) == ("Notification", made)
            assert message["body"]["data"][0]["pm"]["value"] == 5
            assert world.notifier.tally("", made).last_ok > 0

    told(story)


@pytest.mark.parametrize("version", ["mqtt3.1.1", "mqtt5.0"])
@pytest.mark.parametrize("quality", ["0", "1", "2"])
def test_versions_and_qualities(told: Told, broker: Broker, version: str, quality: str) -> None:
    """MQTT-Version and MQTT-QoS of notifierInfo are used; messages keep their order."""
    broker.start()

    async def story(world: World) -> None:
        async with listening(broker.port) as heard:
            uri = f"mqtt://127.0.0.1:{broker.port}/city/x"
            settings = info(MQTT_Version=version, MQTT_QoS=quality)
            await world.subscribe(endpoint={"uri": uri, "accept": "application/ld+json", "notifierInfo": settings})
            await world.put(pm=0)
            for value in (1, 2):
                await world.patch(pm=value)
            messages = await some(heard, 3)
            assert [one["body"]["data"][0]["pm"]["value"] for one in messages] == [0, 1, 2]
            assert {one["qos"] for one in messages} == {int(quality)}
            assert "@context" in messages[0]["body"]["data"][0]
            assert "Link" not in messages[0]["metadata"]

    told(story)


def test_user_and_password_are_in_the_address(told: Told, broker: Broker) -> None:
    """A broker that asks who it is gets name and password of the endpoint; wrong ones are a failure that is told."""
    broker.start(user="vy")

    async def story(world: World) -> None:
        async with listening(broker.port, user="vy") as heard:
            wrong = await world.subscribe(endpoint={"uri": f"mqtt://vy:no@127.0.0.1:{broker.port}/city/x"})
            await world.subscribe(endpoint={"uri": f"mqtt://vy:vy@127.0.0.1:{broker.port}/city/x"})
            await world.put(pm=1)
            assert len(await some(heard, 1)) == 1
            async with asyncio.timeout(SOON_S):
                while not world.notifier.tally("", wrong).failed:
                    await asyncio.sleep(0.01)

    told(story)


def test_a_broker_that_goes_and_comes_back_gets_everything(told: Told, broker: Broker) -> None:
    """What was to be told while the broker was away is told when it is there again."""
    broker.start()

    async def story(world: World) -> None:
        uri = f"mqtt://127.0.0.1:{broker.port}/city/x"
        await world.subscribe(endpoint={"uri": uri, "notifierInfo": info(MQTT_QoS="1")})
        async with listening(broker.port) as heard:
            await world.put(pm=0)
            await some(heard, 1)
        broker.stop()
        for value in (1, 2, 3):
            await world.patch(pm=value)
        await asyncio.sleep(0.1)
        broker.start()
        async with listening(broker.port) as heard:
            await world.patch(pm=4)
            values = [one["body"]["data"][0]["pm"]["value"] for one in await some(heard, 1)]
            assert values[-1] <= 4
            async with asyncio.timeout(SOON_S):
                while not heard or heard[-1]["body"]["data"][0]["pm"]["value"] != 4:
                    await asyncio.sleep(0.01)

    told(story)
