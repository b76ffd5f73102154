"""How a released warning reaches people: real servers of mail, MQTT and HTTP, in order, counted, never late."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from dothi.accounts.model import SessionRules
from dothi.accounts.store import Accounts
from dothi.ground.clock import DAY, HOUR, MINUTE, SECOND, now_us
from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid
from dothi.ground.problem import problem
from dothi.office.messages.gateway import signature
from dothi.operations.api import channels as channels_api
from dothi.operations.warnings.channels.delivery import begin, deliveries, replay, send_due
from dothi.operations.warnings.channels.model import SYSTEM, Channel, Released, State
from dothi.operations.warnings.channels.page import out_now, recent, standing
from dothi.operations.warnings.channels.receipts import Deed, NotSigned, acknowledge, say
from dothi.operations.warnings.model import Kind, Warning
from tests.operations.warnings.outlets import (
    SECRET,
    City,
    Sink,
    in_city,
    listening,
    receiving,
    until,
)
from tests.operations.warnings.writing import HERE, HOA, LAN, NAM, OTHER_WARD, WARD
from tests.sources.test_mqtt import Broker

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver of requests."""
    with receiving() as found:
        yield found


@pytest.fixture
def broker(mosquitto: str, tmp_path: Path, free_port: int) -> Iterator[Broker]:
    """A broker that runs."""
    made = Broker(mosquitto, tmp_path, free_port)
    made.start()
    yield made
    made.stop()


def named(city: City, name: str) -> Channel[Released]:
    return next(one for one in city.channels.public if one.name == name)


async def turn(city: City, name: str, now: int) -> None:
    """One look of one channel at what is due at `now`."""
    await send_due(city.operations, named(city, name), Released, False, now)


def test_one_warning_on_every_channel(tmp_path: Path, broker: Broker, sink: Sink) -> None:
    """Who follows a place in the area gets one letter, boxes their topics, other systems a signed request, all counted.

    An update reaches the same people; the all-clear empties the topics, and a box that comes late hears nothing.
    """

    async def story(city: City) -> None:
        await city.follow(WARD, "lan@example.vn")
        await city.follow("46", "tom@example.org", "en")
        await city.follow(OTHER_WARD, "xa@example.vn")
        await city.follow(WARD, "chi.phan.anh@example.vn", warnings=False)
        async with city.working(), listening(broker.port) as box:
            alert = await city.out()
            await until(lambda: done(city, alert))
            await until(lambda: len(box.topics()) == 2)
            check_first(city, alert, box.heard, sink)
            clear = await city.then(await city.then(alert, Kind.UPDATE), Kind.ALL_CLEAR)
            await until(lambda: done(city, clear))
            await until(lambda: box.at("/json")[-1:] == [b""])
        assert sink.kinds() == ["alert", "update", "allClear"]
        assert json.loads(box.at("/json")[-2])["kind"] == "allClear"
        for mail, words in (("lan@example.vn", "HẾT NGUY HIỂM"), ("tom@example.org", "ALL CLEAR")):
            subjects = city.post.to(mail)[1:]  # The first asks for a yes.
            assert (len(subjects), subjects[-1].startswith(words)) == (3, True)
        assert [len(city.post.to(one)) for one in ("xa@example.vn", "chi.phan.anh@example.vn")] == [1, 1]
        async with listening(broker.port) as late:
            await asyncio.sleep(0.2)
        assert late.heard == []
        assert [one.warning.kind for one in standing(city.operations)] == [Kind.ALL_CLEAR]
        assert (out_now(city.operations), len(recent(city.operations))) == ([], 3)
        assert standing(city.operations, now_us() + 2 * DAY) == []

    in_city(tmp_path, story, broker.port, sink.port)


def done(city: City, warning: Warning) -> bool:
    found = deliveries(city.operations, SYSTEM, warning.id)
    return len(found) == 4 and all(one.state is State.DELIVERED for one in found)


def check_first(city: City, alert: Warning, heard: list[tuple[str, bytes, bool]], sink: Sink) -> None:
    """The alert on the wire, and what is counted of it."""
    place = f"hue/warnings/{WARD}/{alert.thread.rpartition(':')[2]}"
    said = {topic: content for topic, content, _ in heard}
    cap, short = said[f"{place}/cap"], json.loads(said[f"{place}/json"])
    assert (b"<status>Actual</status>" in cap, short["drill"], short["identifier"]) == (True, False, alert.identifier)
    ((path, headers, body),) = sink.taken
    assert (path, body["cap"].encode(), headers["Idempotency-Key"]) == ("/warnings", cap, body["id"])
    assert headers["X-Dothi-Signature"] == signature(SECRET, headers["X-Dothi-Time"], sink.raw[0])
    assert (len(body["sms"]["vi"]) <= 160, body["sms"]["vi"].isascii()) == (True, True)
    assert [one.warning.id for one in out_now(city.operations)] == [alert.id]
    letter = next(one for one in city.post.taken if "Ngập sâu" in str(one["Subject"]))
    assert "Lên nơi cao ngay." in letter.get_content()
    assert f"https://hue.example.vn/alerts/{alert.thread.rpartition(':')[2]}" in letter.get_content()
    assert letter["List-Unsubscribe"].strip().startswith("<https://hue.example.vn/api/areas/stop/")
    counted = {one: city.delivery(alert, one) for one in ("mail", "mqtt", "webhook", "page")}
    assert {name: (one.addressed, one.delivered, one.failed) for name, one in counted.items()} == {
        "mail": (2, 2, 0), "mqtt": (2, 2, 0), "webhook": (1, 1, 0), "page": (0, 1, 0),
    }  # fmt: skip
    assert "lan@example.vn" not in repr(city.operations.hub.log())


def test_an_all_clear_overtakes_what_waits(tmp_path: Path, sink: Sink) -> None:
    """Where a channel was down, only the all-clear goes out when it is back: the alarm never follows it."""

    async def story(city: City) -> None:
        await city.follow(WARD, "lan@example.vn")
        sink.answers = [503] * 2
        city.post.answers = ["250 OK", "451 later"]  # The letter that asks for a yes passes.
        async with city.working():
            await until(lambda: city.post.to("lan@example.vn"))
            alert = await city.out()
            await until(lambda: city.state(alert, "webhook") == "failed" and not city.post.answers)
            assert city.delivery(alert, "webhook").problem == "http 503"
            sink.answers = []
            clear = await city.then(alert, Kind.ALL_CLEAR)
            await until(lambda: city.state(clear, "webhook") == "delivered")
            await until(lambda: city.state(clear, "mail") == "delivered")
        assert sink.kinds() == ["allClear"]
        assert [one.split(":")[0] for one in city.post.to("lan@example.vn")[1:]] == ["HẾT NGUY HIỂM"]
        for name, told in (("webhook", 0), ("mail", 1)):
            first = city.delivery(alert, name)
            assert (first.state, first.failed) == (State.OVERTAKEN, told)
        await turn(city, "webhook", now_us() + DAY)
        assert sink.kinds() == ["allClear"]

    in_city(tmp_path, story, sink=sink.port)


def test_nothing_is_told_late(tmp_path: Path, sink: Sink) -> None:
    """What a channel could not send before the warning ended is not sent any more, and says so; nor is an old end."""

    async def story(city: City) -> None:
        at = now_us()
        alert = await city.out(at, hours=1)
        await begin(city.operations, city.channels, [alert.id], now=at)
        sink.answers = [503, 429]
        for minutes in (0, 1):
            await turn(city, "webhook", at + minutes * MINUTE)
        waiting = city.delivery(alert, "webhook")
        assert (waiting.state, waiting.tries, waiting.problem) == (State.FAILED, 2, "http 429")
        await turn(city, "webhook", at + HOUR)
        assert (city.delivery(alert, "webhook").state, sink.taken) == (State.LAPSED, [])
        clear = await city.then(alert, Kind.ALL_CLEAR, at + 2 * MINUTE)
        await begin(city.operations, city.channels, [clear.id], now=at)
        await turn(city, "webhook", at + 2 * DAY)
        assert (city.delivery(clear, "webhook").state, sink.taken) == (State.LAPSED, [])

    in_city(tmp_path, story, sink=sink.port)


def test_a_broker_forgets_by_itself(tmp_path: Path, broker: Broker) -> None:
    """What is retained ends with the warning, also while nothing of ours runs; a broken line is tried again."""

    async def story(city: City) -> None:
        at = now_us()
        alert = await city.out(at - 58 * MINUTE - 57 * SECOND, hours=59 / 60)
        await begin(city.operations, city.channels, [alert.id])
        broker.stop()
        await turn(city, "mqtt", now_us())
        assert city.delivery(alert, "mqtt").state is State.FAILED
        await asyncio.to_thread(broker.start)
        await replay(city.operations, HOA, city.delivery(alert, "mqtt").id)
        await turn(city, "mqtt", now_us())
        assert city.delivery(alert, "mqtt").state is State.DELIVERED
        for left in (2, 0):
            async with listening(broker.port) as box:
                await asyncio.sleep(0.2)
            assert len(box.topics()) == left
            await asyncio.sleep(3 if left else 0)

    in_city(tmp_path, story, broker.port)


def test_given_up_and_sent_again(tmp_path: Path, sink: Sink) -> None:
    """A receiver that refuses for ever leaves a dead delivery, which the duty officer or a leader sends again."""

    async def story(city: City) -> None:
        alert = await city.out()
        await begin(city.operations, city.channels, [alert.id])
        assert await begin(city.operations, city.channels, [alert.id]) == 0
        sink.answers = [404]
        await turn(city, "webhook", now_us())
        dead = city.delivery(alert, "webhook")
        assert (dead.state, dead.problem) == (State.DEAD, "http 404")
        await turn(city, "webhook", now_us() + HOUR)
        assert sink.taken == []
        with pytest.raises(Forbidden):
            await replay(city.operations, NAM, dead.id)
        await replay(city.operations, LAN, dead.id)
        await turn(city, "webhook", now_us())
        assert (city.delivery(alert, "webhook").state, sink.kinds()) == (State.DELIVERED, ["alert"])
        with pytest.raises(Conflict):
            await replay(city.operations, LAN, dead.id)

    in_city(tmp_path, story, sink=sink.port)


def test_acknowledged_once_each(tmp_path: Path, sink: Sink) -> None:
    """Receivers sign that they got it, each counted once; a device says once that somebody read it or is safe."""

    async def story(city: City) -> None:
        alert = await city.out()
        await begin(city.operations, city.channels, [alert.id])
        key, now = city.delivery(alert, "webhook").id, now_us()

        async def tell(body: bytes, secret: str = SECRET, late: int = 0) -> int:
            at = str((now - late) // SECOND)
            return await acknowledge(city.operations, city.channels, key, body, at, signature(secret, at, body), now)

        assert await tell(b'{"receiver": "loa thon 3", "count": 120}') == 120
        assert await tell(b'{"receiver": "loa thon 3", "count": 120}') == 120
        assert await asyncio.gather(*(tell(json.dumps({"receiver": f"loa {n}"}).encode()) for n in range(5)))
        assert city.delivery(alert, "webhook").acknowledged == 125
        for body, secret, late, error in (
            (b'{"receiver": "x"}', "another secret, as long", 0, NotSigned),
            (b'{"receiver": "x"}', SECRET, 10 * MINUTE, NotSigned),
            (b'{"receiver": ""}', SECRET, 0, Invalid),
            (b'{"receiver": "x", "count": 0}', SECRET, 0, Invalid),
            (b"not json", SECRET, 0, Invalid),
        ):
            with pytest.raises(error):
                await tell(body, secret, late)
        for device in ("device of Lan", "device of Lan", "device of Tom"):
            await say(city.operations, alert.thread, Deed.SAFE, device)
        await say(city.operations, alert.thread, Deed.READ, "device of Lan")
        page = city.delivery(alert, "page")
        assert (page.safe, page.acknowledged) == (2, 1)
        assert "device of" not in repr(city.operations.hub.log())
        with pytest.raises(Conflict):
            await say(city.operations, alert.thread, Deed.SAFE, "device of Lan", now + DAY)

    in_city(tmp_path, story, sink=sink.port)


def test_over_http(tmp_path: Path, sink: Sink) -> None:
    """A receiver acknowledges without a session by its signature alone; who may not read deliveries is told none."""

    async def story(city: City) -> None:
        alert = await city.out()
        await begin(city.operations, city.channels, [alert.id])
        key, at = city.delivery(alert, "webhook").id, str(now_us() // SECOND)
        app = FastAPI()
        app.include_router(channels_api.router)
        accounts = Accounts.open(tmp_path, HERE.within, SessionRules(), PasswordHasher(1, 8, 1))
        app.state.parts = SimpleNamespace(operations=city.operations, channels=city.channels, accounts=accounts)
        app.add_exception_handler(DothiError, lambda _, error: JSONResponse(*problem(error)[::-1]))
        body = b'{"receiver": "dai xa 2"}'
        signed = {"X-Dothi-Time": at, "X-Dothi-Signature": signature(SECRET, at, body)}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hue.example.vn") as web:
            path = f"/warning-deliveries/{key}/acknowledge"
            assert (await web.post(path, content=body, headers=signed)).json() == {"acknowledged": 1}
            assert (await web.post(path, content=body)).status_code == 401
            assert (await web.post(path, content=body + b" ", headers=signed)).status_code == 401
            assert (await web.get("/warning-deliveries", params={"warning": alert.id})).status_code == 403
            assert (await web.post(f"/warning-deliveries/{key}/replay")).status_code in (401, 403, 404)
        accounts.close()

    in_city(tmp_path, story, sink=sink.port)


KILLED = """
import asyncio, sys
from pathlib import Path
from tests.operations.warnings.outlets import City, in_city

async def story(city: City) -> None:
    async with city.working():
        await city.out()
        await asyncio.sleep(60)

in_city(Path(sys.argv[1]), story, sink=int(sys.argv[2]), drill=False)
"""


def test_killed_between_hand_over_and_note(tmp_path: Path, sink: Sink, repository: Path) -> None:
    """A kill -9 while a receiver has the request: it comes again under the same id, and is counted once."""
    child = [sys.executable, "-c", KILLED, str(tmp_path), str(sink.port)]
    running = subprocess.Popen(child, cwd=repository)

    def kill() -> None:
        sink.meanwhile = lambda: None
        os.kill(running.pid, signal.SIGKILL)
        running.wait(10)

    sink.meanwhile = kill
    try:
        assert running.wait(60) == -signal.SIGKILL
    finally:
        running.kill()

    async def story(city: City) -> None:
        async with city.working():
            (alert,) = await until(lambda: out_now(city.operations))
            await until(lambda: city.state(alert.warning, "webhook") == "delivered")
            found = deliveries(city.operations, SYSTEM, alert.warning.id)
            assert sorted(one.channel for one in found) == ["mail", "page", "webhook"]
            assert city.delivery(alert.warning, "webhook").tries == 2

    in_city(tmp_path, story, sink=sink.port, drill=False)
    assert sink.kinds() == ["alert", "alert"]
    assert len({headers["Idempotency-Key"] for _, headers, _ in sink.taken}) == 1
