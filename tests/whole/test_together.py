"""Many at once: one report from fifty clicks, an alarm taken by one hand, lists while others write, the stream."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.whole.city import COMMUNE, OPERATOR, Whole

JSON = {"Content-Type": "application/json"}


async def all_of(whole: Whole, calls: list[tuple[str, str, dict[str, Any]]], role: str) -> list[httpx.Response]:
    """Make all calls at once, each over a connection of its own."""
    known = whole.clients[role]
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=whole.address, timeout=60, limits=limits, headers=known.headers, cookies=known.cookies
    ) as client:
        return await asyncio.gather(*(client.request(method, path, **more) for method, path, more in calls))


def test_fifty_clicks_file_one_report(whole: Whole) -> None:
    """Fifty clients that send the same report with the same key at once get the same code; one report is there."""
    before = whole.parts.hub.find(OPERATOR, "CitizenReport", count=True).count or 0
    form = {"category": "street_light", "description": "Fifty clicks.", "unit": COMMUNE, "phone": "0912345678"}
    call = ("POST", "/api/reports", {"data": form, "headers": {"Idempotency-Key": "fifty-clicks-of-one"}})
    answers = asyncio.run(all_of(whole, [call] * 50, "anonymous"))
    assert {one.status_code for one in answers} == {201}
    assert len({one.json()["followCode"] for one in answers}) == 1
    assert whole.parts.hub.find(OPERATOR, "CitizenReport", count=True).count == before + 1


def test_one_of_many_hands_takes_an_alarm(whole: Whole) -> None:
    """Of ten acknowledgements at once one is accepted; the others are told that it is taken; its history has one."""
    alarm = whole.owned("Alarm", "contested")
    call = ("POST", f"/api/alarms/{alarm}/acknowledge", {"json": {"comment": "mine"}})
    answers = asyncio.run(all_of(whole, [call] * 10, "duty_officer"))
    assert sorted(one.status_code for one in answers) == [200] + [409] * 9
    assert whole.get(alarm).value("acknowledged") is True
    said = [one["value"] for one in whole.parts.hub.history(OPERATOR, alarm)["acknowledged"]]
    assert said == [True]


def test_lists_are_whole_while_others_write(whole: Whole) -> None:
    """Each list read during writing is one state: every batch of ten is in it wholly or not at all."""

    async def both() -> list[httpx.Response]:
        def batch(n: int) -> list[dict[str, Any]]:
            return [{"id": f"urn:x:pair:{i}", "type": "Pair", "turn": n} for i in range(10)]

        writes = [("POST", "/ngsi-ld/v1/entityOperations/upsert", {"json": batch(n)}) for n in range(40)]
        reads: list[tuple[str, str, dict[str, Any]]]
        reads = [("GET", "/ngsi-ld/v1/entities?type=Pair&options=keyValues", {})] * 40
        mixed = [one for pair in zip(writes, reads, strict=True) for one in pair]
        await all_of(whole, writes[:1], "key")  # So that every list has something to tear.
        return (await all_of(whole, mixed, "key"))[1::2]

    lists = [one.json() for one in asyncio.run(both())]
    assert all(len(one) == 10 for one in lists)
    assert [one for one in lists if len({lamp["turn"] for lamp in one}) > 1] == []


class Stream:
    """What one subscriber of /live hears, with the moment of each event."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, str, int, dict[str, Any]]] = []
        self.ready = threading.Event()
        self.over = False

    def ids(self) -> set[str]:
        """Of all entities told of."""
        return {one["id"] for _, kind, _, data in self.heard if kind == "change" for one in data["changes"]}


@contextmanager
def listening(whole: Whole, role: str, types: str, after: int | None = None) -> Iterator[Stream]:
    """Subscribe with the session of a role until the block ends."""
    known, stream = whole.clients[role], Stream()
    headers = {} if after is None else {"Last-Event-ID": str(after)}

    def read() -> None:
        with (
            httpx.Client(base_url=whole.address, cookies=known.cookies, timeout=30) as client,
            client.stream("GET", f"/live?types={types}", headers=headers) as answer,
        ):
            kind, seq = "", 0
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "id":
                    seq = int(value)
                elif name == "data":
                    stream.heard.append((time.monotonic(), kind, seq, json.loads(value)))
                    stream.ready.set()
                if stream.over:
                    return

    thread = threading.Thread(target=read)
    thread.start()
    try:
        assert stream.ready.wait(20)
        yield stream
    finally:
        stream.over = True
        whole.owned("Alarm", "last-call")  # Wakes the readers that may hear of it.
        whole.clients["key"].post(
            "/ngsi-ld/v1/entityOperations/upsert", json=[{"id": "urn:x:wake", "type": "Wake", "n": time.time()}]
        )
        thread.join(20)
        assert not thread.is_alive()


def until(met: Callable[[], bool], patience: float = 10.0) -> float:
    """Wait until it is met; returns the seconds."""
    began = time.monotonic()
    while not met():
        assert time.monotonic() - began < patience, "it did not come"
        time.sleep(0.01)
    return time.monotonic() - began


def test_a_change_reaches_who_may_see_it_within_two_seconds(whole: Whole) -> None:
    """An official hears of an alarm in 2 s; a visitor who may not read alarms hears nothing of it."""
    with (
        listening(whole, "duty_officer", "Alarm,Wake") as officer,
        listening(whole, "anonymous", "Alarm,Wake,AirQualityObserved") as visitor,
    ):
        slowest = 0.0
        for n in range(3):
            alarm = whole.owned("Alarm", f"heard-{n}")
            slowest = max(slowest, until(lambda alarm=alarm: alarm in officer.ids()))  # type: ignore[misc]
        air = {"id": "urn:x:air", "type": "AirQualityObserved", "pm25": 5}
        whole.clients["key"].post("/ngsi-ld/v1/entityOperations/upsert", json=[air]).raise_for_status()
        until(lambda: "urn:x:air" in visitor.ids())
        assert not any("Alarm" in one for one in visitor.ids())
        told = json.dumps([data for _, _, _, data in visitor.heard])
        assert "Alarm" not in told
    assert slowest < 2.0
    print(f"slowest of 3 changes: {slowest:.2f} s")


def test_who_comes_back_misses_nothing(whole: Whole) -> None:
    """With Last-Event-ID a subscriber hears all that changed while it was away."""
    with listening(whole, "duty_officer", "Alarm") as first:
        whole.owned("Alarm", "before-leaving")
        until(lambda: any("before-leaving" in one for one in first.ids()))
        seq = max(seq for _, _, seq, _ in first.heard)
    missed = {whole.owned("Alarm", f"while-away-{n}") for n in range(5)}
    with listening(whole, "duty_officer", "Alarm", after=seq) as second:
        until(lambda: missed <= second.ids())


def test_who_comes_back_from_the_future_hears_what_is_new(whole: Whole) -> None:
    """A Last-Event-ID beyond the last change, as after a restored backup, does not make a subscriber deaf."""
    with listening(whole, "duty_officer", "Alarm", after=10**12) as stream:
        alarm = whole.owned("Alarm", "after-all")
        until(lambda: alarm in stream.ids())
