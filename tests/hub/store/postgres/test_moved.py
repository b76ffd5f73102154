"""A living city moves from one store to the other by `dothi export` and `dothi load`, and back, with equal hashes."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from dothi.cli import main
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Change, Commit, Event, Op, amend, create, geo, prop, rel


async def live(folder: Path, url: str) -> tuple[str, str]:
    """Fill a hub with all that a log holds; returns its fingerprint and the hash of its first file."""
    hub = Hub(folder, Open(), url)
    places = [geo({"type": "Point", "coordinates": [107.5 + n / 100, 16.4]}) for n in range(30)]
    lamps = tuple(create(f"urn:x:{n}", "Lamp", location=places[n], lit=prop(bool(n % 2))) for n in range(30))
    await hub.commit(Commit(ANONYMOUS, lamps, "thử \x00 lý do", key="a"))
    for n in range(40):
        observed = f"2026-11-{1 + n % 28:02d}T08:00:00Z"
        await hub.commit(Commit(ANONYMOUS, (amend(f"urn:x:{n % 30}", power=prop(n / 7, observed)),)))
    await hub.commit(Commit(ANONYMOUS, (Change(Op.DELETE, "urn:x:3"), Change(Op.DELETE, "urn:x:4"))))
    await hub.commit(Commit(ANONYMOUS, (create("urn:x:3", "Post", stands=rel("urn:x:5")),), tenant="hue"))
    await hub.commit(Commit(ANONYMOUS, (create("urn:x:4", "Lamp"),), events=(Event("urn:x:4", "k", 5, "smoke"),)))
    digest = hub.keep_file(b"a photo")
    told = hub.fingerprint().sha256
    await hub.close()
    return told, digest


async def looked(folder: Path, url: str, digest: str) -> tuple[str, Any]:
    hub = Hub(folder, Open(), url)
    events = list(hub.dump_events())
    assert hub.read_file(digest) == b"a photo"
    receipt = await hub.commit(Commit(ANONYMOUS, (amend("urn:x:5", lit=prop(None)),)))  # It goes on where it was.
    assert receipt.seq == 45
    told = hub.get(ANONYMOUS, "urn:x:5").value("power"), events, sorted(hub.tenants())
    await hub.close()
    return hub_hash(told), told


def hub_hash(told: Any) -> str:
    return hashlib.sha256(repr(told).encode()).hexdigest()


def test_a_city_moves_to_postgresql_and_back(database: str, tmp_path: Path) -> None:
    """SQLite → PostgreSQL → SQLite: loads prove equal fingerprints, exports are the same bytes, it goes on."""
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    _, digest = asyncio.run(live(first / "hub", ""))
    assert main(["export", str(tmp_path / "out1"), "--data", str(first)]) == 0
    assert main(["load", str(tmp_path / "out1"), "--data", str(second), "--store", database]) == 0
    assert main(["export", str(tmp_path / "out2"), "--data", str(second), "--store", database]) == 0
    assert main(["load", str(tmp_path / "out2"), "--data", str(third)]) == 0
    assert main(["export", str(tmp_path / "out3"), "--data", str(third)]) == 0
    manifests = [(tmp_path / name / "manifest.json").read_text() for name in ("out1", "out2", "out3")]
    assert manifests[0] == manifests[1] == manifests[2]
    logs = {(tmp_path / name / "log.ndjson").read_bytes() for name in ("out1", "out2", "out3")}
    assert len(logs) == 1
    assert main(["load", str(tmp_path / "out1"), "--data", str(second), "--store", database]) == 1  # Not empty.
    there, told = asyncio.run(looked(second / "hub", database, digest))
    assert there == asyncio.run(looked(third / "hub", "", digest))[0]
    assert told[2] == ["", "hue"]
    assert [lane for _, lane in told[1]] != []


def test_a_city_made_on_postgresql_moves_to_sqlite(database: str, tmp_path: Path) -> None:
    """The other way round: what was written there by the hub itself is equal in a file."""
    there, here = tmp_path / "there", tmp_path / "here"
    fingerprint, digest = asyncio.run(live(there / "hub", database))
    assert main(["export", str(tmp_path / "out"), "--data", str(there), "--store", database]) == 0
    assert main(["load", str(tmp_path / "out"), "--data", str(here)]) == 0
    assert fingerprint in (tmp_path / "out" / "manifest.json").read_text()
    assert asyncio.run(looked(here / "hub", "", digest))[0] == asyncio.run(looked(there / "hub", database, digest))[0]
