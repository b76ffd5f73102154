"""The runner: connectors are found by their manifests, the operator's too, and a failing one harms nobody."""

import asyncio
from pathlib import Path

import pytest

from dothi.ground.errors import Invalid
from dothi.sources.model import SYSTEM
from dothi.sources.runner import BadConnector, check_settings, find_connectors, load_connector, run_sources
from dothi.sources.service import get_source, settings_of
from tests.sources.conftest import City

MANIFEST = """
name = "NAME"
title = { vi = "Thử", en = "Trial" }
kind = "stream"
[settings.word]
type = "text"
required = true
vi = "Chữ"
en = "Word"
"""
GOOD = '''
"""Two rows, then silence."""
import asyncio
from dothi.sources.model import Delivery
from dothi.sources.mapping.model import Raw

async def rows(job):
    cells = {"station": job.settings["word"], "time": "2026-01-01T00:00:00Z", "pm25": "5"}
    yield Delivery([Raw(1, cells), Raw(2, {**cells, "pm25": "0"})], "trial")
    await asyncio.sleep(3600)
'''
BAD = GOOD.replace("await asyncio.sleep(3600)", "raise OSError('cable cut')")


def connector(folder: Path, name: str, code: str, manifest: str = MANIFEST) -> Path:
    """A connector of the operator."""
    place = folder / "connectors" / name
    place.mkdir(parents=True)
    (place / "manifest.toml").write_text(manifest.replace("NAME", name))
    (place / "source.py").write_text(code)
    return place


async def until(found, seconds: float = 10) -> None:  # type: ignore[no-untyped-def]
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not found():
            await asyncio.sleep(0.02)


def test_three_connectors_ship_with_dothi() -> None:
    """Files, MQTT and HTTP push are found, each with both languages for its title and its settings."""
    found = find_connectors()
    assert {name: one.manifest.kind for name, one in found.items()} == {
        "files": "stream",
        "http_push": "push",
        "mqtt": "stream",
    }
    for one in found.values():
        assert {"vi", "en"} <= one.manifest.title.keys()
        assert all(setting.vi and setting.en for setting in one.manifest.settings.values())


def test_an_operators_connector_runs(city: City) -> None:
    """A folder with manifest and code is enough: its rows go in, and a bad one waits in quarantine."""
    connector(city.folder, "trial", GOOD)
    city.source("mine", connector="trial", settings={"word": "KL"})

    async def story() -> None:
        running = asyncio.create_task(run_sources(city.sources))
        await until(lambda: get_source(city.sources, "mine").value("accepted") == 1)
        running.cancel()

    city.run(story())
    assert city.get("urn:ngsi-ld:AirQualityObserved:KL").value("pm25") == 5
    assert [row.value("reason") for row in city.rows()] == ["range:pm25"]


def test_a_failing_connector_is_told_and_tried_again(city: City) -> None:
    """What a connector raises is written on its source; the others run on, and it is started again."""
    connector(city.folder, "bad", BAD)
    connector(city.folder, "trial", GOOD)
    connector(city.folder, "unread", "1/0")
    city.source("broken", connector="bad", settings={"word": "X"})
    city.source("unread", connector="unread", settings={"word": "X"})
    city.source("mine", connector="trial", settings={"word": "KL"})

    async def story() -> None:
        running = asyncio.create_task(run_sources(city.sources))
        await until(lambda: "cable cut" in get_source(city.sources, "broken").value("problem", ""))
        await until(lambda: get_source(city.sources, "broken").value("accepted") == 2)
        await until(lambda: "ZeroDivisionError" in get_source(city.sources, "unread").value("problem", ""))
        await until(lambda: get_source(city.sources, "mine").value("accepted") == 1)
        running.cancel()

    city.run(story())


def test_files_in_a_folder_are_read_as_they_appear(city: City) -> None:
    """The files connector takes each file once for its content; a new one is found while it runs."""
    inbox = city.folder / "inbox"
    inbox.mkdir()
    (inbox / "1.csv").write_text("station,time,pm25\nA,2026-01-01T00:00:00Z,5\n")
    city.source("box", connector="files", settings={"folder": str(inbox), "pattern": "*.csv", "poll_s": 0.05})

    async def story() -> None:
        running = asyncio.create_task(run_sources(city.sources))
        await until(lambda: get_source(city.sources, "box").value("accepted") == 1)
        (inbox / "2.csv").write_text("station,time,pm25\nA,2026-01-01T01:00:00Z,6\n")
        (inbox / "3.csv").write_text("station,time,pm25\nA,2026-01-01T00:00:00Z,5\n")  # The first one again.
        await until(lambda: get_source(city.sources, "box").value("accepted") == 2)
        await asyncio.sleep(0.2)
        running.cancel()

    city.run(story())
    assert get_source(city.sources, "box").value("accepted") == 2
    assert [one["value"] for one in city.hub.history(SYSTEM, "urn:ngsi-ld:AirQualityObserved:A")["pm25"]] == [5, 6]


@pytest.mark.parametrize(
    ("code", "manifest", "words"),
    [
        ("rows = 5", MANIFEST, "no function rows"),
        ("1/0", MANIFEST, "ZeroDivisionError"),
        (GOOD, MANIFEST.replace('kind = "stream"', 'kind = "river"'), "river"),
        (GOOD, MANIFEST.replace('vi = "Thử", ', ""), "title needs"),
        (GOOD, "name = ", "manifest.toml"),
    ],
)
def test_a_bad_connector_says_what_is_wrong(tmp_path: Path, code: str, manifest: str, words: str) -> None:
    """A folder that breaks the contract is refused with its file and the reason."""
    with pytest.raises(BadConnector, match=words):
        load_connector(connector(tmp_path, "x", code, manifest))


def test_settings_are_checked_by_the_manifest() -> None:
    """Missing, unknown and mistyped settings are refused by name; defaults are filled in."""
    manifest = find_connectors()["mqtt"].manifest
    assert check_settings(manifest, {"host": "h", "topic": "t"})["port"] == 1883
    for given, name in (({"host": "h"}, "topic"), ({"hots": "h"}, "hots"), ({"host": 5, "topic": "t"}, "host")):
        with pytest.raises(Invalid, match=name):
            check_settings(manifest, given)


def test_settings_and_secrets_stay_beside_the_hub(city: City) -> None:
    """What a connector needs is kept in a file that only the operator reads, and in no entity."""
    city.source("m", connector="mqtt", settings={"host": "broker.local", "topic": "t"}, secrets={"password": "p4ss"})
    assert settings_of(city.sources, "m") == {"host": "broker.local", "topic": "t", "password": "p4ss"}
    kept = city.folder / "sources" / "m.json"
    assert kept.stat().st_mode & 0o077 == 0
    everything = b"".join(path.read_bytes() for path in (city.folder / "hub").rglob("*") if path.is_file())
    assert b"p4ss" not in everything
    assert b"broker.local" not in everything
