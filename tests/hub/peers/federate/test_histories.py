"""Temporal evolutions of several hubs in one answer (clauses 5.7.3.4, 5.7.4.4 and 5.2.9)."""

from collections.abc import Callable
from typing import Any

from dothi.hub.peers.federate.answer.histories import united
from dothi.hub.read.past.evolution import Told
from tests.hub.peers.federate.world import Place, World

Among = Callable[..., None]
OPERATIONS = ["retrieveTemporal", "queryTemporal"]
ALWAYS = "timerel=after&timeAt=2020-01-01T00:00:00Z"
ONE = f"/temporal/entities/urn:s:1?{ALWAYS}"
MANY = f"/temporal/entities?type=Sensor&{ALWAYS}"


def at(day: int, value: float, **more: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": f"2026-05-{day:02}T00:00:00Z", **more}


async def record(place: Place, entity_id: str, *listed: dict[str, Any], **more: Any) -> None:
    answer = await place.client.post(
        "/temporal/entities", json={"id": entity_id, "type": "Sensor", "a": listed, **more}
    )
    assert answer.status_code in (201, 204), answer.text


async def values(place: Place, path: str = ONE) -> list[Any]:
    answer = await place.client.get(path)
    assert answer.status_code == 200, answer.text
    told = answer.json()["a"]
    return [one["value"] for one in (told if isinstance(told, list) else [told])]


def test_an_evolution_is_one_whoever_tells_of_it(among: Among) -> None:
    """What is known here and there stands in the order of time; lastN and averages are of the whole."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there", operations=OPERATIONS)
        await record(here, "urn:s:1", at(2, 20))
        await record(there, "urn:s:1", at(1, 10), at(3, 60))
        assert await values(here) == [10, 20, 60]
        assert await values(here, f"{ONE}&lastN=2") == [20, 60]
        assert await values(here, f"{ONE}&local=true") == [20]
        answer = await here.client.get(f"{ONE}&format=aggregatedValues&aggrMethods=avg")
        assert answer.json()["a"]["avg"][0][0] == 30

    among(story, "here", "there")


def test_one_moment_of_one_dataset_has_one_instance(among: Among) -> None:
    """Of two for the same moment and dataset that which was changed last counts (clause 4.5.5.3)."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there", operations=OPERATIONS)
        await record(here, "urn:s:1", at(1, 10), at(1, 11, datasetId="urn:d:1"))
        await record(there, "urn:s:1", at(1, 99))
        assert sorted(await values(here)) == [11, 99]

    among(story, "here", "there")


def test_an_auxiliary_series_fills_moments_without_an_instance() -> None:
    """It never stands against what another told of the same moment (clause 5.7.3.4)."""
    known, more = (
        [Told(day, None, at(day, value)) for day, value in listed] for listed in (((1, 1),), ((1, 9), (2, 2)))
    )
    assert [told.instance["value"] for told in united(known, more, fills=True)] == [1, 2]


def test_a_query_of_histories_pages_over_all(among: Among) -> None:
    """Evolutions of both are on the pages once, and filters go along; who has no such time is not asked."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        year = {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-12-31T00:00:00Z"}
        await here.knows("there", operations=OPERATIONS, observationInterval=year)
        await record(here, "urn:s:1", at(1, 1))
        await record(there, "urn:s:2", at(1, 2))
        await record(there, "urn:s:3", at(1, 30))
        seen = []
        for offset in range(3):
            answer = await here.client.get(f"{MANY}&limit=1&offset={offset}&count=true")
            assert answer.headers["NGSILD-Results-Count"] == "3"
            seen += [one["id"] for one in answer.json()]
        assert sorted(seen) == ["urn:s:1", "urn:s:2", "urn:s:3"]
        answer = await here.client.get(f"{MANY}&q=a>10")
        assert [one["id"] for one in answer.json()] == ["urn:s:3"]
        world.lines.calls.clear()
        before = "timerel=before&timeAt=2020-01-01T00:00:00Z"
        assert (await here.client.get(f"/temporal/entities?type=Sensor&{before}")).json() == []
        assert world.lines.calls == []

    among(story, "here", "there")


def test_a_map_of_histories_fixes_whose_they_are(among: Among) -> None:
    """With an entity map evolutions that come later are on no page (clauses 5.5.14 and 5.7.4.4)."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there", operations=OPERATIONS)
        await record(there, "urn:s:1", at(1, 1))
        made = await here.client.get(f"{MANY}&entityMap=true")
        assert made.status_code == 201
        await record(there, "urn:s:2", at(1, 2))
        again = await here.client.get(MANY, headers={"NGSILD-EntityMap": made.headers["NGSILD-EntityMap"]})
        assert [one["id"] for one in again.json()] == ["urn:s:1"]

    among(story, "here", "there")


def test_a_source_of_histories_that_fails_costs_a_warning(among: Among) -> None:
    """What is known here is told, with the code of table 6.3.17-1."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there", operations=OPERATIONS)
        await record(here, "urn:s:1", at(1, 1))
        world.lines.cut.add("there")
        for path in (ONE, MANY):
            answer = await here.client.get(path)
            assert (answer.status_code, answer.headers["NGSILD-Warning"][:3]) == (200, "199")

    among(story, "here", "there")
