"""Where entities lie, as PostGIS geometries with an index, where the operator has that extension.

The hub finds places by its own columns, the same on every store; these are for the operator's own SQL and desktop maps:
the table `place`, and the view `map` that joins it to ids and types. They are written in the commit's transaction, and
lie in a schema of their own, which a backup leaves out: opening the database makes them again of the entities.
"""

import asyncpg
import msgspec

from dothi.hub.store.port import Head
from dothi.hub.store.postgres.texts import got, hashed, put, shard_of

_EXTENSION = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'postgis') AND to_regtype('geometry') IS NOT NULL"
_THERE = "SELECT to_regclass('dothi_map.place') IS NOT NULL"
# A shape that PostGIS refuses (the standard knows more) has a row without a geometry, and stops nobody.
_MAKE = """
CREATE SCHEMA dothi_map;
CREATE FUNCTION dothi_map.shape(geojson text) RETURNS geometry LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN ST_SetSRID(ST_GeomFromGeoJSON(geojson), 4326);
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END $$;
CREATE TABLE dothi_map.place (
  tid integer NOT NULL, shard integer NOT NULL, hash bytea NOT NULL, eid bigint NOT NULL, geojson text NOT NULL,
  geom geometry(Geometry, 4326), PRIMARY KEY (tid, shard, hash));
CREATE INDEX place_row ON dothi_map.place (eid);
CREATE INDEX place_geom ON dothi_map.place USING gist (geom);
CREATE VIEW dothi_map.map AS
  SELECT e.eid, t.name AS tenant, e.id, k.types, p.geom
  FROM dothi_map.place p JOIN entity e USING (tid, shard, hash) JOIN kind k USING (kind) JOIN tenant t USING (tid);
"""
# Only where it changed, so that the index is left alone by readings.
_SET = """
INSERT INTO dothi_map.place (tid, shard, hash, eid, geojson, geom)
SELECT u.tid, u.shard, u.hash, u.eid, u.geojson, dothi_map.shape(u.geojson)
FROM unnest($1::int[], $2::int[], $3::bytea[], $4::bigint[], $5::text[]) AS u (tid, shard, hash, eid, geojson)
LEFT JOIN dothi_map.place p ON p.tid = u.tid AND p.shard = u.shard AND p.hash = u.hash
WHERE p.geojson IS DISTINCT FROM u.geojson
ON CONFLICT (tid, shard, hash) DO UPDATE SET geojson = excluded.geojson, geom = excluded.geom
"""
_FILLED = 1000
_STATES = "SELECT tid, id, eid, doc FROM entity WHERE eid > $1 AND doc IS NOT NULL ORDER BY eid LIMIT $2"


class _Location(msgspec.Struct):
    value: msgspec.Raw = msgspec.Raw()


class _Attributes(msgspec.Struct):
    location: _Location | list[_Location] | None = None


class _Document(msgspec.Struct):
    attrs: _Attributes = msgspec.field(default_factory=_Attributes)


_decoder = msgspec.json.Decoder(_Document)


def location(doc: bytes | None) -> str | None:
    """The GeoJSON of an entity's location, the first where it has several; None when it has none."""
    if doc is None or b'"location"' not in doc:
        return None
    try:
        found = _decoder.decode(doc).attrs.location
    except msgspec.DecodeError:
        return None  # An attribute of that name that is no place.
    one = found[0] if isinstance(found, list) and found else found
    text = bytes(one.value) if isinstance(one, _Location) else b""
    return put(text.decode()) if text.startswith(b"{") else None


async def prepare(connection: asyncpg.Connection) -> bool:
    """Whether there is PostGIS; its table is made and filled when it is new. Within the lock of migrations."""
    present = bool(await connection.fetchval(_EXTENSION))
    there = bool(await connection.fetchval(_THERE))
    if there and not present:  # Whoever dropped the extension dropped its column too.
        await connection.execute("DROP SCHEMA dothi_map CASCADE")
    if present and not there:
        await connection.execute(_MAKE)
        await _fill(connection)
    return present


async def _fill(connection: asyncpg.Connection) -> None:
    after = 0
    while rows := await connection.fetch(_STATES, after, _FILLED):
        heads = [(tid, got(entity_id), eid, location(doc)) for tid, entity_id, eid, doc in rows]
        await _set(connection, [(tid, name, eid, text) for tid, name, eid, text in heads if text])
        after = rows[-1][2]


async def write(connection: asyncpg.Connection, states: list[tuple[int, str, Head]]) -> None:
    """Follow the states of a flush."""
    told = [(tid, name, head.eid, location(head.doc)) for tid, name, head in states]
    gone = [eid for _, _, eid, text in told if text is None]
    if gone:
        await connection.execute("DELETE FROM dothi_map.place WHERE eid = ANY($1)", gone)
    await _set(connection, [(tid, name, eid, text) for tid, name, eid, text in told if text is not None])


async def forget(connection: asyncpg.Connection, eids: list[int]) -> None:
    """Entities that go for good."""
    await connection.execute("DELETE FROM dothi_map.place WHERE eid = ANY($1)", eids)


async def _set(connection: asyncpg.Connection, places: list[tuple[int, str, int, str]]) -> None:
    if places:
        digests = [hashed(name) for _, name, _, _ in places]
        rows = [
            (tid, shard_of(digest), digest, eid, text)
            for (tid, _, eid, text), digest in zip(places, digests, strict=True)
        ]
        await connection.execute(_SET, *zip(*rows, strict=True))
