"""A clock that jumps: the log never runs backwards, what is due happens once, sessions end and do not come back."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from dothi.ground.clock import SECOND, iso, now_us
from dothi.hub.access import Open
from dothi.hub.core import Hub
from tests.faults.disk import Disk
from tests.faults.line import Line
from tests.faults.load import CREATE, Ledger, Load
from tests.faults.record import counted, note
from tests.faults.served import Served, served
from tests.faults.truth import read_back

JUMPS = (3600, -86_400, 86_400 * 30, 0)  # Seconds beside the true time, one after the other.
SOON = 60


def _fading(number: int, at: int) -> dict[str, Any]:
    return {"id": f"urn:x:fading:{number}", "type": "Notice", "expiresAt": iso(at)}


async def _jump(server: Served, disk: Disk, ledger: Ledger) -> None:
    server.start()
    await server.answers()
    line = await Line.to(server.port)
    async with Load(server.port, ledger, 3) as load:
        for number, jump in enumerate(JUMPS):
            due = now_us() + (jump + SOON) * SECOND
            answer = await line.ask("POST", CREATE, _fading(number, due))
            assert answer.status == 201, answer
            disk.move_clock(jump)
            await load.more(20)
            disk.move_clock(jump + 2 * SOON)  # Now it is due; then the clock goes back again.
            await _gone(line, number)
            disk.move_clock(jump)
            await load.more(5)
            await asyncio.sleep(1.2)  # The sweep comes by once more.
    await line.close()
    server.kill()


async def _gone(line: Line, number: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if (await line.ask("GET", f"/ngsi-ld/v1/entities/urn:x:fading:{number}")).status == 404:
            return
        await asyncio.sleep(0.05)
    raise TimeoutError("what is due does not happen")


def _deletions(folder: Path) -> dict[str, int]:
    """How often each notice was deleted, by the log."""

    async def look() -> dict[str, int]:
        hub = Hub(folder / "hub", Open())
        try:
            found: dict[str, int] = {}
            for commit in hub.dump():
                for entry in commit.entries:
                    if entry.status == "deleted" and "fading" in entry.id:
                        found[entry.id] = found.get(entry.id, 0) + 1
            return found
        finally:
            await hub.close()

    return asyncio.run(look())


def test_a_jumping_clock(request: pytest.FixtureRequest, tmp_path: Path, free_port: int, disk: Disk) -> None:
    """Hours and a month forth and back under load: times of commits never fall, what expires is deleted once."""
    ledger = Ledger()
    with served("hub", tmp_path / "city", free_port, disk.environment) as server:
        asyncio.run(_jump(server, disk, ledger))
    truth = read_back(tmp_path / "city", ledger)
    gone = _deletions(tmp_path / "city")
    how = "an hour, a day, a month forth and back; what expires is deleted once, the log's times never fall"
    note(request, "jumping clock", how, len(JUMPS), **counted(ledger, truth), fired=sum(gone.values()))
    assert truth.whole, truth
    assert set(gone.values()) == {1}, gone
