"""Test: who wrote what and why through the API stands in the log."""

import asyncio
from pathlib import Path

import httpx

from dothi.hub.access import Open
from dothi.hub.api import ngsi_ld
from dothi.hub.context import Contexts
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor


def test_actor_and_reason_are_kept(tmp_path: Path) -> None:
    """The actor is the one that the headers prove; X-Reason is kept as it was meant, else the operation says why."""

    async def story() -> list[tuple[str, str]]:
        hub = Hub(tmp_path / "hub", Open())
        app = ngsi_ld(hub, Contexts(), lambda headers: Actor(headers["x-user"]))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://city") as client:
            reason = {"x-user": "user:lan", "x-reason": "hiệu chuẩn lại".encode()}
            body = {"id": "urn:s:1", "type": "Station", "pm25": 5}
            assert (await client.post("/entities", json=body, headers=reason)).status_code == 201
            change = await client.patch("/entities/urn:s:1/attrs", json={"pm25": 6}, headers={"x-user": "key:7"})
            assert change.status_code == 204
        trail = [(one.actor, one.reason) for one in hub.trail(ANONYMOUS, "urn:s:1")]
        await hub.close()
        return trail

    assert asyncio.run(story()) == [("key:7", "PATCH entities/{}/attrs"), ("user:lan", "hiệu chuẩn lại")]
