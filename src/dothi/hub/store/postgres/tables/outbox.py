"""The outbox in PostgreSQL: what is still to be handed to somebody outside, and how it went so far."""

import asyncpg

from dothi.hub.model import Parcel, Post
from dothi.hub.store.postgres.texts import got, hashed, put

_COLUMNS = "number, queue, made, tries, dead, reason, body"
_KEEP = """
INSERT INTO parcel (number, hash, queue, made, tries, dead, reason, body)
SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::bigint[], $5::int[], $6::bigint[], $7::text[],
  $8::bytea[])
ON CONFLICT (number) DO UPDATE SET hash = excluded.hash, queue = excluded.queue, made = excluded.made,
  tries = excluded.tries, dead = excluded.dead, reason = excluded.reason, body = excluded.body
"""
_TALLY = """
INSERT INTO tally (hash, queue, body) SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[])
ON CONFLICT (hash) DO UPDATE SET body = excluded.body
"""


async def write(connection: asyncpg.Connection, post: Post) -> None:
    """Keep, forget and count what a post says, in that order; closed queues lose everything."""
    kept = [
        (one.number, hashed(one.queue), put(one.queue), one.made, one.tries, one.dead, put(one.reason), one.body)
        for one in {one.number: one for one in post.kept}.values()
    ]
    if kept:
        await connection.execute(_KEEP, *zip(*kept, strict=True))
    if post.gone:
        await connection.execute("DELETE FROM parcel WHERE number = ANY($1)", list(post.gone))
    tallies = [(hashed(queue), put(queue), body) for queue, body in post.tallies.items()]
    if tallies:
        await connection.execute(_TALLY, *zip(*tallies, strict=True))
    if post.closed:
        closed = [hashed(queue) for queue in post.closed]
        await connection.execute("DELETE FROM parcel WHERE hash = ANY($1)", closed)
        await connection.execute("DELETE FROM tally WHERE hash = ANY($1)", closed)


async def read(connection: asyncpg.Connection, queue: str, dead: bool, after: int, limit: int) -> list[Parcel]:
    """Parcels of a queue in the order of their numbers: those that wait, or those that were given up."""
    sign = "dead <> 0" if dead else "dead = 0"
    found = await connection.fetch(
        f"SELECT {_COLUMNS} FROM parcel WHERE hash = $1 AND {sign} AND number > $2 ORDER BY number LIMIT $3",
        hashed(queue),
        after,
        limit,
    )
    return [Parcel(row[0], got(row[1]), row[2], row[3], row[4], got(row[5]), row[6]) for row in found]


async def counts(connection: asyncpg.Connection) -> dict[str, tuple[int, int]]:
    """Queue → how many parcels wait, and how many were given up."""
    found = await connection.fetch(
        "SELECT min(queue), count(*) FILTER (WHERE dead = 0), count(*) FILTER (WHERE dead <> 0)"
        " FROM parcel GROUP BY hash"
    )
    return {got(queue): (waiting, dead) for queue, waiting, dead in found}


async def tallies(connection: asyncpg.Connection) -> dict[str, bytes]:
    """Queue → how it went so far, as its owner encoded it."""
    return {got(queue): body for queue, body in await connection.fetch("SELECT queue, body FROM tally")}


async def last(connection: asyncpg.Connection) -> int:
    """The highest number of a parcel that is kept."""
    found: int = await connection.fetchval("SELECT coalesce(max(number), 0) FROM parcel")
    return found
