"""Lines of callers, at the gate of the API and before the writer: turns are fair, and the longest line gives way."""

import asyncio

import pytest

from dothi.ground.errors import Unavailable
from dothi.hub.api.door.admission import COUNTED_S, Admission
from dothi.hub.model import Actor, Commit
from dothi.hub.write.jobs import Chore, Job, Waiting, line_of


def _job(who: str, number: int) -> Job:
    return Job(Commit(Actor(who), (), str(number)), asyncio.get_running_loop().create_future())


def _names(taken: list[Job] | Chore | None) -> list[str]:
    assert isinstance(taken, list)
    return [f"{job.commit.actor.id}{job.commit.reason}" for job in taken]


def test_callers_take_turns_before_the_writer() -> None:
    """One of each line after the other; within a line the order stays; a chore comes alone."""

    async def run() -> None:
        waiting = Waiting(100)
        for number in range(4):
            waiting.put(_job("a", number))
        waiting.put(_job("b", 0))
        waiting.put(Chore(lambda _: None, asyncio.get_running_loop().create_future()))
        waiting.put(_job("c", 0))
        assert _names(waiting.take(10)) == ["a0", "b0"]
        assert isinstance(waiting.take(10), Chore)
        assert _names(waiting.take(2)) == ["c0", "a1"]
        assert _names(waiting.take(10)) == ["a2", "a3"]
        waiting.close()
        assert waiting.take(10) is None

    asyncio.run(run())


def test_the_longest_line_before_the_writer_gives_way() -> None:
    """Who floods is sent away when there is no room, be it that they come or that another comes."""

    async def run() -> None:
        waiting, jobs = Waiting(4), []
        for number in range(4):
            jobs.append(_job("a", number))
            waiting.put(jobs[-1])
        with pytest.raises(Unavailable):
            waiting.put(_job("a", 4))
        waiting.put(_job("b", 0))
        with pytest.raises(Unavailable):
            await jobs[3].done
        assert _names(waiting.take(10)) == ["a0", "b0", "a1", "a2"]
        assert not any(job.done.done() for job in jobs[:3])

    asyncio.run(run())


def test_keys_of_a_commune_share_a_line() -> None:
    """Two keys of one commune are one caller; two people of it are two."""
    keys = [Actor(f"key:{n}", areas=frozenset({"19789"})) for n in (1, 2)]
    people = [Actor(f"user:{n}", areas=frozenset({"19789"})) for n in (1, 2)]
    assert len({line_of(one) for one in keys}) == 1
    assert len({line_of(one) for one in people}) == 2
    assert line_of(Actor("key:3")) == "key:3"


def test_callers_take_turns_at_the_gate() -> None:
    """Three of one caller wait; one of another that comes last is called second."""

    async def run() -> None:
        gate, order = Admission(working=1), []

        async def ask(name: str) -> None:
            token = await gate.enter(name[0], 1)
            order.append(name)
            await asyncio.sleep(0)
            gate.leave(token)

        await asyncio.gather(*(ask(name) for name in ("x0", "a1", "a2", "a3", "b1")))
        assert order == ["x0", "a1", "b1", "a2", "a3"]

    asyncio.run(run())


def test_too_many_at_the_gate() -> None:
    """The longest line gives way: its caller is refused before a body is read, and its last is sent away for others."""

    async def run() -> None:
        gate = Admission(working=1, waiting=3, size=100)
        first = await gate.enter("a", 10)
        waiting = [asyncio.create_task(gate.enter("a", 10)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            gate.check("a", 10)
        gate.check("b", 10)
        other = asyncio.create_task(gate.enter("b", 10))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await waiting[2]
        with pytest.raises(Unavailable):  # No room for its bytes, though there would be for one more.
            gate.check("a", 1000)
        gate.leave(first)
        for next_one in (waiting[0], other, waiting[1]):
            gate.leave(await next_one)

    asyncio.run(run())


def test_who_goes_away_and_who_stays_long_hold_no_place() -> None:
    """A caller that hangs up in the line or when called leaves no hole, and one that waits for others itself none."""

    async def run() -> None:
        gate = Admission(working=1)
        await gate.enter("slow", 0)  # It never leaves.
        gone = asyncio.create_task(gate.enter("a", 0))
        await asyncio.sleep(0)
        gone.cancel()
        async with asyncio.timeout(COUNTED_S * 4):
            token = await gate.enter("b", 0)
            called = asyncio.create_task(gate.enter("c", 0))
            await asyncio.sleep(0)
            gate.leave(token)
            called.cancel()
            assert await gate.enter("d", 0)

    asyncio.run(run())
