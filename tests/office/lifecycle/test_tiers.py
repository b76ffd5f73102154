"""What ends leaves both tiers and both stores, and the chain of custody holds through it."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dothi.ground.clock import DAY, now_us
from dothi.hub.core import Hub
from dothi.hub.peers import custody
from dothi.hub.store.cold.sealing import Policy, seal_due
from dothi.office.lifecycle.disposals.following import finish
from dothi.office.lifecycle.disposals.proposing import proposals, records
from dothi.office.lifecycle.disposals.running import run
from dothi.office.lifecycle.persons.erasing import erase_person
from dothi.office.lifecycle.persons.proving import beside_lists, search
from tests.office.lifecycle.conftest import STEWARD, City, faults
from tests.office.lifecycle.test_disposals import LATER, approved, messages
from tests.office.lifecycle.test_erasing import WORDS, filed, quoted, traces


async def seal(hub: Hub) -> None:
    """Have all that is committed leave the hot log."""
    store = hub._store  # The test looks behind the face.
    assert await seal_due(hub.chore, store, hub.archive, Policy(hours=0), now_us() + DAY) > 0


def said(hub: Hub) -> str:
    """All that the log says, hot and sealed."""
    after, told = 0, []
    while commits := hub.log(after):
        told.append(str(commits))
        after = commits[-1].seq
    return "".join(told)


def test_sealed_files_lose_a_person_and_the_chain_holds(in_city: Callable[..., Any], tmp_path: Path) -> None:
    """Sealed before it is erased: no file says it, no read tells it, and every commit still fits its leaf."""
    known: list[bytes] = []

    async def story(city: City) -> str:
        kept = custody.open_custody(city.hub, city.folder / "hub", "hue")
        report, _, person = await filed(city)
        await quoted(city, report, person)
        known.extend(traces(city, city.hub.get(STEWARD, report), person))
        await custody.finish(kept)
        await seal(city.hub)
        assert WORDS in said(city.hub)
        proof = await erase_person(city.life, STEWARD, person, "Theo đề nghị của người gửi (mẫu)")
        assert proof.value("state") == "complete"
        told = said(city.hub)
        assert [one for one in (WORDS, person, "0905") if one in told] == []
        await custody.finish(kept)
        return person

    person = in_city(story)
    assert beside_lists(search(tmp_path / "city", known).hits, person) == []
    assert faults(tmp_path / "city") == []


def test_what_is_sealed_is_disposed_of(in_city: Callable[..., Any], tmp_path: Path) -> None:
    """Messages that lie in sealed files end by their class as those of the hot log do, and the chain holds."""

    async def story(city: City) -> None:
        kept = custody.open_custody(city.hub, city.folder / "hub", "hue")
        await messages(city, 3)
        await custody.finish(kept)
        await seal(city.hub)
        record = await run(city.life, STEWARD, await approved(city, "messages", at=now_us() + LATER))
        assert (record.things, record.entries) == (3, 3)
        assert "dấu vết riêng" not in said(city.hub)
        await custody.finish(kept)

    in_city(story)
    assert faults(tmp_path / "city") == []


KILLED = textwrap.dedent("""
    import asyncio, os, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[3])
    from dothi.ground.clock import now_us
    from dothi.office.lifecycle.disposals import running
    from dothi.territory import Territory
    from tests.office.lifecycle.conftest import STEWARD, city_in
    from tests.office.lifecycle.test_disposals import LATER, approved, messages

    async def main():
        async with city_in(Path(sys.argv[1]), Territory.load()) as city:
            await messages(city, 9)
            name = await approved(city, "messages", at=now_us() + LATER)
            running.STEP = 2
            writes, whole = 0, {n: getattr(city.hub, n) for n in ("commit", "chore")}
            def counting(name):
                async def one(work):
                    nonlocal writes
                    writes += 1
                    if writes > int(sys.argv[2]):
                        os.kill(os.getpid(), 9)
                    return await whole[name](work)
                return one
            for n in whole:
                setattr(city.hub, n, counting(n))
            await running.run(city.life, STEWARD, name)
    asyncio.run(main())
""")


@pytest.mark.parametrize("writes", [17, *(pytest.param(writes, marks=pytest.mark.slow) for writes in (5, 33))])
def test_a_process_that_was_killed_leaves_a_run_that_ends_by_itself(
    in_city: Callable[..., Any], tmp_path: Path, writes: int
) -> None:
    """Kill -9 in the middle of a run: the next start finishes it, with each thing counted once."""
    (tmp_path / "city").mkdir()
    told = [sys.executable, "-c", KILLED, str(tmp_path / "city"), str(writes), str(Path(__file__).parents[3])]
    ended = subprocess.run(told, check=False, capture_output=True, timeout=100, env={**os.environ})
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-500:]

    async def again(city: City) -> None:
        assert [one.state.value for one in proposals(city.life)] == ["running"]
        assert await finish(city.life) == 1
        (record,) = records(city.life)
        assert (record.things, record.entries) == (9, 9)
        assert search(city.folder, ["dấu vết riêng".encode()]).hits == ()

    in_city(again)


def test_on_postgresql_nobody_reads_who_was_erased(in_city: Callable[..., Any], database: str) -> None:
    """The same verbs over the other store: the log, the state and the queries tell nothing of the person."""

    async def story(city: City) -> None:
        report, _, person = await filed(city)
        await quoted(city, report, person)
        assert WORDS in said(city.hub)
        proof = await erase_person(city.life, STEWARD, person, "Theo đề nghị của người gửi (mẫu)")
        assert proof.value("left") == []
        told = said(city.hub)
        assert [one for one in (WORDS, person, "0905") if one in told] == []
        assert city.hub.get(STEWARD, report).value("description") == ""

    in_city(story, database)
