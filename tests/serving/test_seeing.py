"""A request sees what was acknowledged before it: by memory on one machine, by the position it brings from another."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from dothi.command.serving.seeing import seeing
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Commit, put
from dothi.hub.read.follow import following


async def shows(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers at once."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def client(hub: Hub) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=seeing(shows, hub.following, abroad=True))
    return httpx.AsyncClient(transport=transport, base_url="http://dothi")


def lamp(number: int) -> Commit:
    return Commit(ANONYMOUS, (put(f"urn:x:{number}", "Lamp"),))


def test_the_position_goes_out_and_comes_back(tmp_path: Path, database: str) -> None:
    """What one process acknowledged on a database is seen by another that is asked with the position, or the cookie."""

    async def work() -> None:
        here, there = Hub(tmp_path / "1", Open(), database), Hub(tmp_path / "2", Open(), database)
        async with client(here) as one, client(there) as other:
            for number in range(5):
                receipt = await here.commit(lamp(number))
                wrote = await one.post("/")
                assert wrote.headers["dothi-position"] == str(receipt.seq)
                assert wrote.headers["set-cookie"].startswith(f"dothi_position={receipt.seq}; ")
                brought: dict[str, Any] = {"headers": {"Dothi-Position": str(receipt.seq)}}
                if number % 2:
                    brought = {"headers": {"Cookie": f"a=b; dothi_position={receipt.seq}; c=d"}}
                assert (await other.get("/", **brought)).status_code == 200
                assert there.last_seq() >= receipt.seq
                assert len(there.find(ANONYMOUS, "Lamp").entities) == number + 1
            assert "set-cookie" not in (await one.get("/")).headers
        await here.close()
        await there.close()

    asyncio.run(work())


def test_a_position_that_nobody_has_is_waited_for_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A position from nowhere costs a bounded wait and 503 with Retry-After; one that is no number costs nothing."""
    monkeypatch.setattr(following.Following.reach, "__defaults__", (0.1,))

    async def work() -> None:
        hub = Hub(tmp_path, Open())
        async with client(hub) as asks:
            late = await asks.get("/", headers={"Dothi-Position": "77"})
            assert (late.status_code, late.headers["retry-after"]) == (503, "1")
            for odd in ("-1", "1e9", "x", "9" * 40):
                assert (await asks.get("/", headers={"Dothi-Position": odd})).status_code == 200
        await hub.close()

    asyncio.run(work())
