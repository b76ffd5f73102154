"""The chain of custody over HTTP, and the script of the guide as an assessor runs it."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from dothi.accounts.api import actor_of
from dothi.ground.errors import Forbidden
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor, Commit, prop, put
from dothi.hub.peers.custody import finish, open_custody
from dothi.hub.store.proof import note, tree
from dothi.office import custody as custody_api

ASSESSOR = Actor("user:ha", frozenset({"assessor"}))


def client(hub: Hub, custody: Any, actor: Actor) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(custody_api.router, prefix="/api")
    app.state.parts = SimpleNamespace(custody=custody)
    app.dependency_overrides[actor_of] = lambda: actor
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://city")


async def fill(hub: Hub, count: int) -> None:
    for number in range(count):
        changes = (put("urn:lamp:1", "Lamp", watt=prop(number)), put("urn:p:1", "Person", name=prop(f"Lan {number}")))
        await hub.commit(Commit(Actor("user:lan"), changes if number % 5 else changes[:1], "asked"))


@pytest.fixture
def answers(tmp_path: Path) -> dict[str, Any]:
    """What an assessor saves of a city of 40 commits: by name of the file."""

    async def story() -> dict[str, Any]:
        hub = Hub(tmp_path / "hub", Open())
        custody = open_custody(hub, tmp_path / "hub")
        await fill(hub, 20)
        await finish(custody)
        await fill(hub, 20)
        await finish(custody)
        async with client(hub, custody, ASSESSOR) as http:
            got = {"checkpoint": (await http.get("/api/log/checkpoint")).json()}
            got["leaf"] = (await http.get("/api/log/leaves/37")).json()
            got["inclusion"] = (await http.get("/api/log/inclusion/37", params={"size": 40})).json()
            got["checkpoints"] = (await http.get("/api/log/checkpoints", params={"after": 0})).json()
            got["consistency"] = (await http.get("/api/log/consistency", params={"first": 20, "second": 40})).json()
        async with client(hub, custody, ANONYMOUS) as http:
            assert (await http.get("/api/log/checkpoint")).status_code == 200
            for address in ("/api/log/leaves/37", "/api/log/inclusion/37?size=40"):
                with pytest.raises(Forbidden):
                    await http.get(address)
        await hub.close()
        return got

    return asyncio.run(story())


def verified(folder: Path, repository: Path, answers: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run the guide's script as it stands there."""
    guide = (repository / "docs" / "howto" / "verify-the-log.md").read_text("utf-8")
    [script] = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert len(script.strip().splitlines()) <= 36
    (folder / "verify.py").write_text(script, "utf-8")
    for name in ("checkpoint", "leaf", "inclusion"):
        (folder / f"{name}.json").write_text(json.dumps(answers[name]), "utf-8")
    names = ("checkpoint.json", "leaf.json", "inclusion.json", answers["checkpoint"]["keys"][0])
    return subprocess.run([sys.executable, "verify.py", *names], cwd=folder, capture_output=True, text=True, timeout=60)


def test_the_script_of_the_guide_proves_a_commit(tmp_path: Path, repository: Path, answers: dict[str, Any]) -> None:
    """What the API answers passes; content, leaf or path changed by a character does not."""
    done = verified(tmp_path, repository, answers)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("commit 37 by user:lan is in the tree of 40 that dothi-")
    answers["leaf"]["entries"][1]["body"] = answers["leaf"]["entries"][1]["body"].replace("Lan", "Lon")
    assert "not what was written" in verified(tmp_path, repository, answers).stderr
    answers["leaf"]["leaf"] = answers["leaf"]["leaf"].replace("user:lan", "user:lon")
    assert "not in the signed tree" in verified(tmp_path, repository, answers).stderr
    answers["checkpoint"]["checkpoint"] = answers["checkpoint"]["checkpoint"].replace("\n40\n", "\n41\n")
    assert "InvalidSignature" in verified(tmp_path, repository, answers).stderr


def test_growth_is_proved_from_what_was_kept(answers: dict[str, Any]) -> None:
    """The consistency proof leads from the first checkpoint to the last."""
    old, new = (note.read(one) for one in answers["checkpoints"]["checkpoints"])
    path = [custody_api.base64.b64decode(one) for one in answers["consistency"]["path"]]
    assert (old.size, new.size) == (20, 40)
    assert tree.continues(old.size, new.size, path, old.root, new.root)
