"""A small city for the tests of figures: a real hub with its policy, real sources, the territory of the built files."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dothi.accounts.policy import RolePolicy
from dothi.accounts.roles import PUBLIC_TYPES
from dothi.evidence.definitions import indicator, keep_sample_indicators
from dothi.evidence.engine import Engine, catch_up, start
from dothi.evidence.model import Evidence, Period, period_of, value_id
from dothi.evidence.service import open_evidence
from dothi.ground.clock import HOUR, MINUTE, SECOND, iso, now_us
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Attribute, Commit, Entity, prop, put, system
from dothi.sources.model import ImportReport, SourceDefinition, Sources
from dothi.sources.service import define_source, open_sources, push
from dothi.territory import Territory

HUE, PHU_XUAN, THUAN_HOA = "46", "19753", "19789"
PM25, ON_TIME, SATISFACTION, LIVE = "pm25-mean", "reports-on-time", "satisfaction", "live-sources"
STEWARD = Actor("user:steward", frozenset({"data_steward"}))
OFFICER = Actor("user:officer", frozenset({"programme_officer"}))
CITIZENS, PROGRAMME, OPERATIONS = "citizens", "programme", "operations"


@dataclass
class Town:
    """What a story in a test may use; `now` is the clock of the engine."""

    hub: Hub
    evidence: Evidence
    sources: Sources
    now: int = field(default_factory=now_us)
    engine: Engine | None = None

    async def compute(self) -> list[str]:
        """Let the consumer read the feed to its end."""
        if self.engine is None:
            self.engine = start(self.evidence, lambda: self.now)
        return await catch_up(self.engine)

    def period(self, name: str) -> Period:
        """The running period of an indicator."""
        return period_of(indicator(self.evidence, STEWARD, name).period, self.now)

    def figure(self, name: str, unit: str = PHU_XUAN, period: str = "") -> Entity:
        """The figure as it stands."""
        found = indicator(self.evidence, STEWARD, name)
        return self.hub.get(STEWARD, value_id(found.id, unit, period or self.period(name).name))

    async def station(self, name: str = "tram-1", promised: str = "PT5M") -> None:
        """A source that pushes an air station's readings."""
        await define_source(self.sources, STEWARD, SourceDefinition(name, name, "http-push", "air-station", promised))

    def hours(self) -> list[int]:
        """An instant in each hour of today that has begun, the last one just now."""
        start_of_day = self.period(PM25).start
        return [*range(start_of_day + 10 * MINUTE, self.now - HOUR, HOUR), self.now - SECOND]

    async def send(
        self, values: dict[int, float], source: str = "tram-1", unit: str = PHU_XUAN, station: str = ""
    ) -> ImportReport:
        """Push readings by instant (µs)."""
        name = station or source
        rows = [{"station": name, "time": iso(at), "pm25": value, "unit": unit} for at, value in values.items()]
        body = json.dumps(rows).encode()
        return await push(self.sources, STEWARD, source, body, "application/json", now=self.now)

    async def put(self, owner: str, entity_id: str, kind: str, **attrs: Attribute) -> None:
        """Write an entity of another module as that module would."""
        await self.hub.commit(Commit(system(owner), (put(entity_id, kind, **attrs),), owner=owner))

    async def report(self, number: int, unit: str = PHU_XUAN, **more: Any) -> str:
        """A citizen's report filed now, with further values."""
        name = f"urn:ngsi-ld:CitizenReport:{number:06}"
        plain = {"unit": unit, "imported": False, "open": True, "filedAt": iso(self.now), "code": f"{number:06}"}
        await self.put(CITIZENS, name, "CitizenReport", **{key: prop(one) for key, one in (plain | more).items()})
        return name

    async def closed(self, number: int, on_time: bool, unit: str = PHU_XUAN, **more: Any) -> str:
        """A report answered now."""
        return await self.report(number, unit, open=False, closedAt=iso(self.now), onTime=on_time, **more)


Story = Callable[[Town], Awaitable[Any]]


@pytest.fixture(scope="session")
def territory() -> Territory:
    """The territory of the built data files."""
    return Territory.load()


@pytest.fixture
def in_town(tmp_path: Path, territory: Territory) -> Callable[[Story], Any]:
    """Runs one story, an async function of a Town with the sample indicators, from an empty hub to its closing."""

    async def whole(story: Story) -> Any:
        hub = Hub(tmp_path / "hub", RolePolicy(territory.within, PUBLIC_TYPES))
        for owner, kind in ((CITIZENS, "CitizenReport"), (PROGRAMME, "Task"), (OPERATIONS, "Alarm")):
            hub.own(owner, {kind: "its verbs"})
        hub.own(PROGRAMME, {"LegalBasis": "its verbs"})
        town = Town(hub, open_evidence(hub, territory, HUE), open_sources(hub, tmp_path))
        try:
            await keep_sample_indicators(town.evidence)
            return await story(town)
        finally:
            await hub.close()

    return lambda story: asyncio.run(whole(story))
