"""Letters on their way: in order, tried again, given up and sent once more; a slow receiver holds up no other."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from dothi.hub.peers.notify.model import Patience
from tests.hub.peers.notify.hearing import QUICK, Heard, Receiver, World

Told = Callable[..., None]


def values(heard: list[Heard]) -> list[Any]:
    return [one.body["data"][0]["pm"]["value"] for one in heard]


async def becomes(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(3):
        while not condition():
            await asyncio.sleep(0.01)


def test_letters_come_in_order_though_some_fail(told: Told) -> None:
    """A receiver that fails at times gets everything, in the order of the changes, under lasting ids."""

    async def story(world: World) -> None:
        tries: list[str] = []

        def answer(heard: Heard) -> int:
            tries.append(heard.body["id"])
            return 503 if len(tries) % 3 == 1 else 204

        world.receiver.answer = answer
        made = await world.subscribe()
        await world.put(pm=0)
        for value in range(1, 8):
            await world.patch(pm=value)
        assert values(await world.receiver.next(8)) == list(range(8))
        assert len(set(tries)) == 8
        said = (await world.read(made))["notification"]
        assert said["timesSent"] == 8
        assert said["timesFailed"] == len([one for one in set(tries) if tries.count(one) > 1])
        assert said["status"] == "ok"
        assert said["lastSuccess"] >= said["lastFailure"]

    told(story)


def test_a_failure_is_told_in_the_subscription(told: Told) -> None:
    """Before anything was sent no counter is shown; a failed try counts and is the status."""

    async def story(world: World) -> None:
        made = await world.subscribe(endpoint={"uri": "http://127.0.0.1:1/"})
        assert (await world.read(made))["notification"].keys() == {"endpoint"}
        await world.put(pm=1)
        await becomes(lambda: world.notifier.tally("", made).failed > 0)
        said = (await world.read(made))["notification"]
        assert said["status"] == "failed"
        assert {"timesSent", "timesFailed", "lastNotification", "lastFailure"} <= said.keys()
        assert "lastSuccess" not in said

    told(story)


def test_what_a_receiver_calls_wrong_is_given_up_and_sent_once_more(told: Told) -> None:
    """A letter refused three times is given up, the next goes on; a replay brings it after all."""

    async def story(world: World) -> None:
        wrong = True
        world.receiver.answer = lambda heard: 400 if wrong and values([heard]) == [1] else 200
        made = await world.subscribe()
        await world.put(pm=1)
        await world.patch(pm=2)
        assert values(await world.receiver.next()) == [2]
        await becomes(lambda: bool(world.hub.outbox().counts))
        listed = (await world.client.get(f"/subscriptions/{made}/undelivered")).json()
        assert [(one["tries"], "400" in one["reason"]) for one in listed] == [(3, True)]
        wrong = False
        answer = await world.client.post(f"/subscriptions/{made}/undelivered", json={})
        assert answer.json() == {"replayed": 1}
        assert values(await world.receiver.next()) == [1]
        assert (await world.client.get(f"/subscriptions/{made}/undelivered")).json() == []

    told(story)


def test_a_slow_receiver_holds_up_no_other(told: Told) -> None:
    """While one receiver takes its time and another is not there, a third hears at once."""

    async def story(world: World) -> None:
        async with Receiver().open() as slow:
            slow.pause_s = 0.2
            await world.subscribe(endpoint={"uri": slow.url})
            await world.subscribe(endpoint={"uri": "http://127.0.0.1:1/"})
            await world.subscribe()
            await world.put(pm=0)
            begun = time.monotonic()
            for value in range(1, 20):
                await world.patch(pm=value)
            assert values(await world.receiver.next(20)) == list(range(20))
            assert time.monotonic() - begun < 20 * 0.2
            assert len(slow.heard) < 19

    told(story)


def test_throttling_joins_what_comes_too_soon(told: Told) -> None:
    """Within the pause nothing is sent; after it one notification shows each entity once, as it is last."""

    async def story(world: World) -> None:
        await world.subscribe(throttling=0.4)
        await world.put(pm=0)
        assert values(await world.receiver.next()) == [0]
        begun = time.monotonic()
        for value in (1, 2):
            await world.patch(pm=value)
        await world.put("urn:x:2", pm=9)
        heard = await world.receiver.next()
        assert time.monotonic() - begun > 0.25
        assert [(one["id"], one["pm"]["value"]) for one in heard[0].body["data"]] == [("urn:x:1", 2), ("urn:x:2", 9)]
        await world.receiver.nothing()

    told(story)


def test_the_clock_tells_all_that_matches(told: Told) -> None:
    """With timeInterval every matching entity is told of periodically, changed or not; nothing when there is none."""

    async def story(world: World) -> None:
        await world.put("urn:x:1", pm=1)
        await world.put("urn:x:2", pm=5)
        await world.subscribe(timeInterval=0.1, q="pm>3")
        await world.subscribe(timeInterval=0.1, q="pm>9")
        for _ in range(2):
            assert [one["id"] for one in await world.receiver.data()] == ["urn:x:2"]

    told(story)


def test_the_cooldown_of_an_endpoint_is_kept(told: Told) -> None:
    """After a failure nothing is sent before the cooldown is over; then it is."""

    async def story(world: World) -> None:
        times: list[float] = []

        def answer(_: Heard) -> int:
            times.append(time.monotonic())
            return 200 if len(times) > 1 else 500

        world.receiver.answer = answer
        await world.subscribe(endpoint={"cooldown": 300})
        await world.put(pm=1)
        await world.receiver.next()
        assert times[1] - times[0] >= 0.3

    told(story)


def test_a_receiver_gets_the_time_that_it_is_given(told: Told) -> None:
    """endpoint.timeout bounds one try; the letter comes at a later one."""

    async def story(world: World) -> None:
        world.receiver.pause_s = 0.3
        made = await world.subscribe(endpoint={"timeout": 50})
        await world.put(pm=1)
        await becomes(lambda: world.notifier.tally("", made).failed > 0)
        assert world.notifier.tally("", made).last_ok == 0
        world.receiver.pause_s = 0
        await becomes(lambda: world.notifier.tally("", made).last_ok > 0)

    told(story)


def test_a_lane_that_is_full_gives_up_the_newest_and_keeps_it(told: Told) -> None:
    """More letters than may wait are given up at once; they are among the dead ones and can be sent again."""

    async def story(world: World) -> None:
        away = True
        world.receiver.answer = lambda _: 503 if away else 200
        made = await world.subscribe()
        await world.put(pm=0)
        for value in range(1, 8):
            await world.patch(pm=value)
        await becomes(lambda: list(world.hub.outbox().counts.values()) == [(5, 3)])
        away = False
        assert values(await world.receiver.next(5)) == [0, 1, 2, 3, 4]
        await world.client.post(f"/subscriptions/{made}/undelivered", json={})
        assert values(await world.receiver.next(3)) == [5, 6, 7]

    told(story, patience=Patience(first=20_000, most=50_000, checkpoint_s=0.02, waiting=5, at_hand=2))


def test_a_long_queue_waits_on_disk(told: Told) -> None:
    """What does not fit in memory waits in the store and comes in order."""

    async def story(world: World) -> None:
        away = True
        world.receiver.answer = lambda _: 503 if away else 200
        await world.subscribe()
        await world.put(pm=0)
        for value in range(1, 30):
            await world.patch(pm=value)
        away = False
        assert values(await world.receiver.next(30)) == list(range(30))
        await becomes(lambda: world.hub.outbox().counts == {})

    told(story, patience=Patience(first=20_000, most=50_000, checkpoint_s=0.02, at_hand=3))


def test_nothing_is_kept_of_a_subscription_that_ends(told: Told) -> None:
    """With a subscription its letters and counters go."""

    async def story(world: World) -> None:
        world.receiver.answer = lambda _: 503
        made = await world.subscribe()
        await world.put(pm=1)
        await becomes(lambda: bool(world.hub.outbox().counts))
        await world.client.delete(f"/subscriptions/{made}")
        await becomes(lambda: world.hub.outbox().counts == {} and world.hub.outbox().tallies == {})

    told(story, patience=QUICK)
