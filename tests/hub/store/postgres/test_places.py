"""Where the operator has PostGIS, places are kept for their own SQL: in step with the hub, and as it finds them."""

import asyncio
import random
from pathlib import Path

import pytest

from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Geo, Query, TypeIs
from dothi.hub.model import ANONYMOUS, Attribute, Change, Commit, Op, amend, geo, prop, put
from dothi.hub.store.postgres.store import PostgresStore
from dothi.hub.store.postgres.tables.places import location
from tests.servers.postgres import Server

CENTRE = [107.58, 16.46]
SQUARE = [[[107.55, 16.44], [107.6, 16.44], [107.6, 16.48], [107.55, 16.48], [107.55, 16.44]]]
NEAR = (  # On a sphere, as the hub measures.
    "ST_DWithin(geom::geography, ST_SetSRID(ST_MakePoint(107.58, 16.46), 4326)::geography, 3000, false)"
)
WITHIN = "ST_Within(geom, ST_MakeEnvelope(107.55, 16.44, 107.6, 16.48, 4326))"


def lamp(number: int, where: list[float]) -> Change:
    return put(f"urn:x:{number}", "Lamp", location=geo({"type": "Point", "coordinates": where}), lit=prop(True))


async def fill(folder: Path, url: str) -> dict[str, set[str]]:
    """A hub with 200 lamps, some moved, some gone, one without a place; what it finds itself."""
    draw = random.Random(7)
    hub = Hub(folder, Open(), url)
    spread = [[round(draw.uniform(107.5, 107.65), 5), round(draw.uniform(16.4, 16.52), 5)] for _ in range(250)]
    await hub.commit(Commit(ANONYMOUS, tuple(lamp(n, spread[n]) for n in range(200))))
    await hub.commit(Commit(ANONYMOUS, tuple(lamp(n, spread[200 + n]) for n in range(50))))
    await hub.commit(Commit(ANONYMOUS, tuple(Change(Op.DELETE, f"urn:x:{n}") for n in range(40, 60))))
    await hub.commit(Commit(ANONYMOUS, (put("urn:x:70", "Lamp", lit=prop(False)), amend("urn:x:71", lit=prop(False)))))
    near = Geo("near", {"type": "Point", "coordinates": CENTRE}, 3000.0)
    within = Geo("within", {"type": "Polygon", "coordinates": SQUARE})
    found = {
        where: {one.id for one in hub.query(ANONYMOUS, Query(types=TypeIs("Lamp"), geo=sought, limit=1000))}
        for where, sought in ((NEAR, near), (WITHIN, within))
    }
    await hub.close()
    return found


def test_an_operators_sql_finds_what_the_hub_finds(postgres: Server, places_database: str, tmp_path: Path) -> None:
    """Near and within, after moves and deletions: the view `dothi_map.map` and the hub answer alike."""
    name = places_database.rsplit("/", 1)[1]
    found = asyncio.run(fill(tmp_path, places_database))
    assert all(found.values())
    for where, ids in found.items():
        assert set(postgres.psql(f"SELECT id FROM dothi_map.map WHERE {where}", name).splitlines()) == ids
    assert postgres.psql("SELECT count(*) FROM dothi_map.map WHERE id = 'urn:x:45'", name) == "0"
    assert postgres.psql("SELECT count(*) FROM dothi_map.map", name) == "179"


def test_places_come_and_go_with_the_extension(postgres: Server, database: str, tmp_path: Path) -> None:
    """Without the extension nothing is kept; when it comes the places are filled in, when it goes they go."""
    if not postgres.has_postgis():
        pytest.skip("left out: no PostGIS on this machine (scripts/setup installs it when it may)")
    name = database.rsplit("/", 1)[1]
    found = asyncio.run(fill(tmp_path, database))
    there = "SELECT coalesce(to_regclass('dothi_map.place')::text, '')"
    assert postgres.psql(there, name) == ""
    postgres.psql("CREATE EXTENSION postgis", name)
    PostgresStore(database).close()
    for where, ids in found.items():
        assert set(postgres.psql(f"SELECT id FROM dothi_map.map WHERE {where}", name).splitlines()) == ids
    postgres.psql("DROP EXTENSION postgis CASCADE", name)
    PostgresStore(database).close()
    assert postgres.psql(there, name) == ""


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        (geo({"type": "Point", "coordinates": CENTRE}), '{"type":"Point","coordinates":[107.58,16.46]}'),
        (prop("Huế"), None),
        (prop(5), None),
        ([geo({"type": "Point", "coordinates": [1, 2]}), prop(1)], '{"type":"Point","coordinates":[1,2]}'),
    ],
)
def test_what_counts_as_a_place(attribute: Attribute, text: str | None, tmp_path: Path) -> None:
    """The first location that is a shape; an attribute of that name which is none stops nobody."""

    async def story() -> bytes | None:
        hub = Hub(tmp_path, Open())
        await hub.commit(Commit(ANONYMOUS, (put("urn:x:1", "Lamp", location=attribute),)))
        head = hub._head("urn:x:1", "")
        await hub.close()
        return head.doc if head else None

    assert location(asyncio.run(story())) == text


def test_a_shape_that_postgis_refuses_stops_nobody(postgres: Server, places_database: str, tmp_path: Path) -> None:
    """Words for coordinates, and a shape unheard of, are kept by the hub; on the map they have no geometry."""

    async def story() -> None:
        hub = Hub(tmp_path, Open(), places_database)
        for number, shape in enumerate(({"type": "Polygon", "coordinates": [["east", 1]]}, {"type": "Odd"})):
            await hub.commit(Commit(ANONYMOUS, (put(f"urn:x:{number}", "Lamp", location=geo(shape)),)))
        assert hub.get(ANONYMOUS, "urn:x:1").id == "urn:x:1"
        await hub.close()

    asyncio.run(story())
    name = places_database.rsplit("/", 1)[1]
    assert postgres.psql("SELECT count(*), count(geom) FROM dothi_map.map", name) == "2|0"
