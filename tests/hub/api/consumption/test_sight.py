"""Tests: whoever may not read an entity meets it through no join, no condition on linked entities, no ordering."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from dothi.accounts.policy import RolePolicy
from dothi.hub.api import ngsi_ld
from dothi.hub.context import Contexts
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Change, Commit, Op, prop, rel, system
from tests.hub.api.conftest import BASE

KEYS = {
    "all": Actor("key:all", scopes=frozenset({"read:*"})),
    "some": Actor("key:some", scopes=frozenset({"read:Lamp", "read:City"})),
}


def who(headers: Mapping[str, str]) -> Actor:
    """The holder of one of two keys."""
    return KEYS[headers["authorization"]]


async def story(folder: Path) -> dict[str, list[httpx.Response]]:
    """What both are answered to the same questions."""
    hub = Hub(folder, RolePolicy(lambda code: frozenset({code})))
    app = Starlette(routes=[Mount(BASE, app=ngsi_ld(hub, Contexts(), who))])
    entities = (
        (
            "urn:x:lamp",
            "Lamp",
            {"beside": rel("urn:x:safe"), "at": rel("urn:x:hue"), "both": rel(["urn:x:safe", "urn:x:hue"])},
        ),
        ("urn:x:safe", "Safe", {"secret": prop("gold"), "at": rel("urn:x:hue")}),
        ("urn:x:hue", "City", {"keeps": rel("urn:x:safe"), "name": prop("Huế")}),
    )
    changes = tuple(Change(Op.CREATE, name, (kind,), dict(attrs)) for name, kind, attrs in entities)
    await hub.commit(Commit(system("test"), changes))
    questions = (
        "/entities/urn:x:lamp?join=inline&joinLevel=3",
        "/entities/urn:x:lamp?join=flat&joinLevel=3",
        "/entities?type=Lamp&join=inline&joinLevel=3",
        "/entities?type=Lamp&join=flat&containedBy=urn:x:other",
        '/entities?type=Lamp&join=inline&q=beside{secret}=="gold"',
        '/entities?type=Lamp&join=inline&joinLevel=2&q=at{keeps{Safe:secret}}~="g"',
        "/entities?type=Lamp&join=inline&count=true&limit=0&q=beside{secret}",
        "/types",
        "/attributes",
    )
    told: dict[str, list[httpx.Response]] = {}
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://city{BASE}") as client:
            for key in KEYS:
                told[key] = [await client.get(question, headers={"authorization": key}) for question in questions]
    finally:
        await hub.close()
    return told


def test_what_is_hidden_stays_hidden(tmp_path: Path) -> None:
    """The safe and its gold are in no answer to the key that may not read safes, and in most to the one that may."""
    told = asyncio.run(story(tmp_path / "hub"))
    for number, answer in enumerate(told["some"]):
        assert answer.status_code == 200, answer.text
        assert "gold" not in answer.text, number
        assert "secret" not in answer.text, number
        assert '"Safe"' not in answer.text, number
    for answer in told["all"][:6]:
        assert "gold" in answer.text
    assert [told[key][4].json() != [] for key in ("some", "all")] == [False, True]
    assert [told[key][6].headers["ngsild-results-count"] for key in ("some", "all")] == ["0", "1"]
    inline = told["some"][0].json()
    assert "entity" not in inline["beside"]
    assert [one["id"] for one in inline["both"]["entity"]] == ["urn:x:hue"]
    assert "entity" not in inline["at"]["entity"]["keeps"]
