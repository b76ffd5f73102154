"""A hub that was closed or fell: what was committed meanwhile and what waited is told afterwards."""

import asyncio
from pathlib import Path

import pytest

from dothi.cli import main
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Change, Commit, Op, amend, create, prop
from tests.hub.peers.notify.hearing import Receiver, World, world
from tests.hub.peers.notify.test_delivery import becomes, values


async def write(folder: Path, *changes: Change) -> None:
    """Commit while nobody is told."""
    hub = Hub(folder, Open())
    for change in changes:
        await hub.commit(Commit(ANONYMOUS, (change,)))
    await hub.close()


async def listen(made: World, receiver: Receiver, entity: str = "urn:x:0") -> None:
    """One subscription to every Sensor, and a first change that came."""
    await made.subscribe(endpoint={"uri": receiver.url}, notification={"showChanges": True})
    await made.put(entity, pm=0)
    await receiver.next()


def test_commits_that_nobody_heard_are_told_from_the_log(tmp_path: Path) -> None:
    """What was written while subscribers were not told is told after the next start, as each commit left it."""

    async def story() -> None:
        folder = tmp_path / "hub"
        async with Receiver().open() as receiver:
            async with world(folder) as made:
                await listen(made, receiver)
            await write(
                folder,
                create("urn:x:1", "Sensor", pm=prop(1), no2=prop(7)),
                create("urn:x:2", "Lamp", pm=prop(1)),
                amend("urn:x:1", pm=prop(2)),
                Change(Op.DELETE, "urn:x:1"),
                create("urn:x:1", "Sensor", pm=prop(3)),
            )
            async with world(folder):
                heard = await receiver.next(3)
            assert values(heard) == [1, 2, 3]
            assert heard[1].body["data"][0]["pm"]["previousValue"] == 1
            assert heard[1].body["data"][0]["no2"]["value"] == 7
            async with world(folder):
                await receiver.nothing()

    asyncio.run(story())


def test_letters_that_waited_are_sent_after_a_start(tmp_path: Path) -> None:
    """Letters and counters outlive the process; new ones come behind the old."""

    async def story() -> None:
        folder = tmp_path / "hub"
        async with Receiver().open() as receiver:
            async with world(folder) as made:
                await listen(made, receiver)
                receiver.answer = lambda _: 503
                for value in range(1, 6):
                    await made.patch("urn:x:0", pm=value)
                await becomes(lambda: sum(made.notifier.lanes.counts().popitem()[1]) == 5)
                (queue,) = made.notifier.lanes.counts()
                await becomes(lambda: made.notifier.lanes.tally(queue).failed == 1)
            receiver.answer = lambda _: 200
            async with world(folder) as made:
                await made.patch("urn:x:0", pm=6)
                assert values(await receiver.next(6)) == [1, 2, 3, 4, 5, 6]
                await becomes(lambda: made.hub.outbox().counts == {})
                shown = (await made.client.get("/subscriptions")).json()[0]["notification"]
                assert (shown["timesSent"], shown["timesFailed"], shown["status"]) == (7, 1, "ok")

    asyncio.run(story())


def test_a_city_with_a_past_tells_nothing_of_it(tmp_path: Path) -> None:
    """The first start, and a subscription that is new, look forward only."""

    async def story() -> None:
        folder = tmp_path / "hub"
        await write(folder, *(create(f"urn:x:{n}", "Sensor", pm=prop(n)) for n in range(5)))
        async with Receiver().open() as receiver:
            async with world(folder) as made:
                await made.subscribe(endpoint={"uri": receiver.url})
                await receiver.nothing()
            async with world(folder) as made:
                await receiver.nothing()
                await made.patch("urn:x:1", pm=9)
                assert values(await receiver.next()) == [9]

    asyncio.run(story())


def test_an_operator_has_letters_sent_once_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`dothi letters` says what was given up and why, and brings it back on the way."""
    folder = tmp_path / "hub"

    async def given_up(receiver: Receiver) -> str:
        receiver.answer = lambda _: 400
        async with world(folder) as made:
            name = await made.subscribe(endpoint={"uri": receiver.url})
            await made.put("urn:x:0", pm=7)
            await becomes(lambda: made.hub.outbox().counts.get(f"notify  {name}") == (0, 1))
        return name

    async def later(receiver: Receiver) -> list[object]:
        async with world(folder):
            return values(await receiver.next())

    with asyncio.Runner() as runner:
        receiver = Receiver()
        opened = receiver.open()
        runner.run(opened.__aenter__())
        name = runner.run(given_up(receiver))
        receiver.answer = lambda _: 200
        assert main(["letters", "--data", str(tmp_path)]) == 0
        shown = capsys.readouterr().out
        assert name in shown
        assert "answered 400" in shown
        assert main(["letters", "--data", str(tmp_path), "--replay", "urn:x:none"]) == 1
        assert main(["letters", "--data", str(tmp_path), "--replay", name]) == 0
        assert runner.run(later(receiver)) == [7]
        runner.run(opened.__aexit__(None, None, None))
