"""A city with real stores and the real policy, and small mappings to bring rows in with."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dothi.accounts.policy import RolePolicy
from dothi.ground.clock import from_iso
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Entity, system
from dothi.sources.model import SYSTEM, SourceDefinition, Sources
from dothi.sources.service import define_source, open_sources

NOW = from_iso("2026-11-22T08:00:00Z")
STEWARD = Actor("user:lan", frozenset({"data_steward"}))
ADMINISTRATOR = Actor("user:chief", frozenset({"administrator"}))
OFFICIAL = Actor("user:binh", frozenset({"official"}))
KEY = Actor("key:1", scopes=frozenset({"source:station"}))
READINGS = """
name = "readings"
title = { vi = "Số đo", en = "Readings" }
format = "csv"
type = "AirQualityObserved"
id = "urn:ngsi-ld:AirQualityObserved:{station}"
missing = ["", "NA"]

[observed-at]
column = "time"

[attributes.pm25]
column = "pm25"
kind = "number"
unit = "GQ"
range = [1, 1000]

[attributes.name]
column = "station"
"""


@dataclass
class City:
    """A hub with sources over it; `run` waits for a verb."""

    hub: Hub
    sources: Sources
    folder: Path

    def run(self, verb: Coroutine[Any, Any, Any]) -> Any:
        """The result of a verb."""
        return asyncio.run(verb)

    def map(self, name: str, text: str) -> str:
        """Keep a mapping of the operator under `name`."""
        self.sources.mappings.mkdir(exist_ok=True)
        (self.sources.mappings / f"{name}.toml").write_text(text)
        return name

    def file(self, name: str, content: str | bytes) -> Path:
        """A file to import."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def source(self, name: str = "station", **more: Any) -> Entity:
        """A defined source that promised a reading a minute, with the readings mapping unless told otherwise."""
        said = {"mapping": "readings", "promised_every": "PT1M", "connector": "http_push", **more}
        definition = SourceDefinition(name, f"Nguồn {name}", **said)
        found: Entity = self.run(define_source(self.sources, ADMINISTRATOR, definition))
        return found

    def get(self, entity_id: str) -> Entity:
        """An entity as it stands."""
        return self.hub.get(SYSTEM, entity_id)

    def rows(self, **state: str) -> list[Entity]:
        """The quarantined rows."""
        return list(self.hub.find(system("tests"), "QuarantinedRow"))


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    """A new city with the readings mapping."""
    hub = Hub(tmp_path / "hub", RolePolicy(lambda code: frozenset({code})))
    made = City(hub, open_sources(hub, tmp_path), tmp_path)
    made.map("readings", READINGS)
    yield made
    asyncio.run(hub.close())
