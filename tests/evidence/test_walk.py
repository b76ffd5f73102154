"""The walk: from a figure to its article and back, one step at a time, seen by who may see."""

from collections.abc import Callable
from typing import Any

import pytest

from dothi.evidence.walk import Way, name_of, walk
from dothi.ground.errors import Missing
from dothi.hub.model import Actor, Entity, prop, rel, words
from tests.evidence.conftest import OPERATIONS, PHU_XUAN, PM25, PROGRAMME, STEWARD, THUAN_HOA, Town

InTown = Callable[[Any], Any]
LAW = "urn:ngsi-ld:LegalBasis:269-2025-nd-cp:d6:k2:i"
INDICATOR = "urn:ngsi-ld:Indicator:pm25-mean"
STATION = "urn:ngsi-ld:AirQualityObserved:tram-1"
DUTY = Actor("user:duty", frozenset({"duty_officer", "assessor"}))


async def fill(town: Town) -> Entity:
    """A station above its target, its alarm, a task that is meant to move the figure, and the law behind it."""
    law = {"document": prop("269/2025/NĐ-CP"), "article": prop(6), "citation": prop("Điểm i khoản 2 Điều 6")}
    await town.put(PROGRAMME, LAW, "LegalBasis", **law)
    await town.station()
    await town.send(dict.fromkeys(town.hours(), 90.0))
    alarm = {"unit": prop(PHU_XUAN), "attribute": prop("pm25"), "subject": rel(STATION), "name": words(vi="PM2.5 cao")}
    await town.put(OPERATIONS, "urn:ngsi-ld:Alarm:a", "Alarm", **alarm)
    task = {"title": prop("Rửa đường"), "indicators": rel([INDICATOR]), "legalBasis": rel(LAW), "unit": prop(PHU_XUAN)}
    await town.put(PROGRAMME, "urn:ngsi-ld:Task:t", "Task", **task, units=prop([PHU_XUAN, THUAN_HOA]))
    await town.report(1)
    await town.compute()
    return town.figure(PM25)


def ids(town: Town, actor: Actor, entity: str, relation: str) -> set[str]:
    group = walk(town.hub, actor, entity, town.now).of(relation)
    return {one.id for one in group.steps} if group else set()


def test_from_a_figure_one_walks_to_everything_behind_it(in_town: InTown) -> None:
    """Inputs, source, definition, article, task, alarm and report are one step from the figure."""

    async def story(town: Town) -> None:
        figure = await fill(town)
        found = walk(town.hub, DUTY, figure.id, town.now)
        steps = {group.relation: {one.id for one in group.steps} for group in found.groups}
        assert steps["inputs"] == {STATION}
        assert steps["sources"] == {"urn:ngsi-ld:DataSource:tram-1"}
        assert steps["indicator"] == {INDICATOR}
        assert steps["legalBasis"] == {LAW}
        assert steps["tasks"] == {"urn:ngsi-ld:Task:t"}
        assert steps["alarms"] == {"urn:ngsi-ld:Alarm:a"}
        assert steps["reports"] == {"urn:ngsi-ld:CitizenReport:000001"}
        assert {group.relation for group in found.groups if group.way is Way.DOWN} >= {"inputs", "legalBasis"}

    in_town(story)


def test_from_everywhere_one_walks_back(in_town: InTown) -> None:
    """The article, the task, the station, the source, the alarm and the report lead back to the figure."""

    async def story(town: Town) -> None:
        figure = await fill(town)
        assert INDICATOR in ids(town, DUTY, LAW, "indicatorsOfLaw")
        assert "urn:ngsi-ld:Task:t" in ids(town, DUTY, LAW, "tasksOfLaw")
        assert figure.id in ids(town, DUTY, INDICATOR, "figures")
        assert "urn:ngsi-ld:Task:t" in ids(town, DUTY, INDICATOR, "tasks")
        assert figure.id in ids(town, DUTY, STATION, "usedIn")
        assert "urn:ngsi-ld:Alarm:a" in ids(town, DUTY, STATION, "alarmsOn")
        assert figure.id in ids(town, DUTY, "urn:ngsi-ld:DataSource:tram-1", "feeds")
        assert STATION in ids(town, DUTY, "urn:ngsi-ld:DataSource:tram-1", "brought")
        assert figure.id in ids(town, DUTY, "urn:ngsi-ld:Alarm:a", "figuresHere")
        assert figure.id in ids(town, DUTY, "urn:ngsi-ld:Task:t", "figuresHere")
        filed = town.figure("reports-filed")
        assert filed.id in ids(town, DUTY, "urn:ngsi-ld:CitizenReport:000001", "figuresHere")
        assert filed.id in ids(town, DUTY, "urn:ngsi-ld:CitizenReport:000001", "usedIn")

    in_town(story)


def test_the_walk_shows_only_what_the_reader_may_see(in_town: InTown) -> None:
    """Nobody in particular sees neither tasks nor alarms; the data steward sees quarantined rows; hidden is missing."""

    async def story(town: Town) -> None:
        figure = await fill(town)
        anonymous = Actor("anonymous")
        assert ids(town, anonymous, figure.id, "inputs") == {STATION}
        assert ids(town, anonymous, figure.id, "tasks") == ids(town, anonymous, figure.id, "alarms") == set()
        with pytest.raises(Missing):
            walk(town.hub, anonymous, "urn:ngsi-ld:Task:t")
        await town.send({town.now: 0.01})
        source = "urn:ngsi-ld:DataSource:tram-1"
        assert ids(town, STEWARD, source, "heldBack")
        assert not ids(town, anonymous, source, "heldBack")

    in_town(story)


def test_everything_has_a_name(in_town: InTown) -> None:
    """People call a law by its citation, a task by its title, a report by its code; else the end of the id."""

    async def story(town: Town) -> None:
        await fill(town)
        names = {
            one: name_of(town.hub.get(DUTY, one))
            for one in (LAW, "urn:ngsi-ld:Task:t", "urn:ngsi-ld:CitizenReport:000001", STATION)
        }
        assert list(names.values()) == ["Điểm i khoản 2 Điều 6", "Rửa đường", "000001", "tram-1"]

    in_town(story)
