"""One process leads over a database: never two, and another as soon as its connection is lost."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from dothi.command.serving.leading import Contest, home
from dothi.hub.access import Open
from dothi.hub.core import Hub
from tests.servers.postgres import Server


def test_one_leads_and_another_takes_over(tmp_path: Path, postgres: Server) -> None:
    """While three processes try, one works; cut off from the database it stops at once, and another begins."""
    url = postgres.fresh()

    async def work() -> None:
        hubs = [Hub(tmp_path / str(number), Open(), url) for number in range(3)]
        contests = [Contest(hub, home(tmp_path / f"{number}.sock", "")) for number, hub in enumerate(hubs)]
        working: list[int] = []
        most: list[int] = []

        def leads(number: int) -> asyncio.Task[None]:
            async def lead() -> None:
                working.append(number)
                most.append(len(working))
                try:
                    await asyncio.Event().wait()
                finally:
                    working.remove(number)

            return asyncio.create_task(contests[number].run(lead))

        tasks = [leads(number) for number in range(3)]
        for _ in range(2):
            await until(lambda: len(working) == 1)
            first = working[0]
            assert [one.leads for one in contests] == [number == first for number in range(3)]
            await asyncio.sleep(0.3)  # For so long everybody goes by what was found before.
            where = {(await one.find()).socket for one in contests}
            assert where == {tmp_path / f"{first}.sock"}
            began = time.monotonic()
            cut_leader(postgres, url)
            await until(lambda first=first: working != [first] or len(most) > 2)
            assert time.monotonic() - began < 10
        await until(lambda: len(working) == 1)
        assert set(most) == {1}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert working == []
        for hub in hubs:
            await hub.close()

    asyncio.run(asyncio.wait_for(work(), 60))


def cut_leader(postgres: Server, url: str) -> None:
    """Cut the connections that hold a lock of a session in this database."""
    name = url.rpartition("/")[2].partition("?")[0]
    postgres.psql(
        "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        f" WHERE l.locktype = 'advisory' AND d.datname = '{name}'"
    )


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.01)
