"""The database of a province in a backup: pg_dump of one exported snapshot, and pg_restore, as child processes.

For recovery to any second of a large database its own tools archive the write-ahead log (docs/howto/backup.md); this
dump is what dothi carries by itself, whole each time, and what its drill restores.
"""

import asyncio
import hashlib
import os
import shutil
import subprocess
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from dothi.command.keeping.chunks import Chunks, pieces
from dothi.command.keeping.manifest import Image, Position
from dothi.ground.errors import Conflict, Invalid, Unavailable
from dothi.hub.store.postgres import address

DUMP = "postgresql.dump"
COUNTED = {
    "entities": "SELECT count(*) FROM entity WHERE doc IS NOT NULL",
    "rows of entities": "SELECT count(*) FROM entity",
    "commits in the hot log": "SELECT count(*) FROM log",
}
_OURS = ("pool", "timeout")


def copy_out(chunks: Chunks, url: str, room: Path) -> tuple[Image, Position]:
    """Keep a dump of the database as it stands at one moment, and where the hub stands in it."""
    return asyncio.run(_copy_out(chunks, url, room))


async def _copy_out(chunks: Chunks, url: str, room: Path) -> tuple[Image, Position]:
    where = address.read(url)
    connection = await connected(where)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            position = await _position(connection)
            # Not compressed, so that what has not changed falls into the same chunks again.
            command = [_tool("pg_dump"), "--format=custom", "--compress=0", "--no-owner", f"--snapshot={snapshot}"]
            image = await asyncio.to_thread(_streamed, chunks, command, url, where.where)
    finally:
        await connection.close()
    return image, position


async def _position(connection: asyncpg.Connection) -> Position:
    seq, known = await connection.fetchrow("SELECT seq, at FROM position")
    version = await connection.fetchval("SELECT max(version) FROM schema_version")
    counts = {name: await connection.fetchval(asked) for name, asked in COUNTED.items()}
    return Position(seq, known, version, counts)


def look(url: str) -> Position:
    """Where the hub of a database stands, and how much is in it."""
    return asyncio.run(_look(url))


async def _look(url: str) -> Position:
    connection = await connected(address.read(url))
    try:
        return await _position(connection)
    finally:
        await connection.close()


def _streamed(chunks: Chunks, command: Sequence[str], url: str, where: str) -> Image:
    """What a child writes, cut into chunks as it comes."""
    whole, size, hashes = hashlib.sha256(), 0, []
    told = _told(url)
    with subprocess.Popen(command, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:  # noqa: S603
        assert child.stdout is not None
        assert child.stderr is not None
        for piece in pieces(child.stdout):  # type: ignore[arg-type]  # A stream of bytes all the same.
            whole.update(piece)
            size += len(piece)
            hashes.append(chunks.keep(piece))
        said = child.stderr.read().decode(errors="replace").strip()
    if child.returncode:
        raise Unavailable(f"pg_dump could not copy the database {where}: {said}")
    return Image(DUMP, size, whole.hexdigest(), hashes)


def copy_in(dump: Path, url: str) -> None:
    """Fill an empty database with a dump, whole or not at all. Conflict when it holds tables already."""
    where = address.read(url)
    if asyncio.run(_tables(where)):
        raise Conflict(f"The database {where.where} is not empty: restore into a new one.")
    name = urllib.parse.urlsplit(url).path.strip("/")
    how = ["--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={name}"]
    command = [_tool("pg_restore"), *how, str(dump)]
    done = subprocess.run(command, env=_told(url), capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise Invalid(f"pg_restore could not fill the database {where.where}: {said}")


async def _tables(where: address.Address) -> int:
    connection = await connected(where)
    try:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'spatial_ref_sys'"
        )
        return count
    finally:
        await connection.close()


async def connected(where: address.Address) -> asyncpg.Connection:
    """A connection; what stands in its way is said in one sentence, without the password."""
    try:
        return await address.connect(where)
    except Exception as fault:  # Whatever it is, it is told as what an operator must mend.
        raise address.refused(where, fault) from None  # Its cause could show the password.


def _told(url: str) -> dict[str, str]:
    """The environment of a child: where to, and the password, which no list of processes shows."""
    parts = urllib.parse.urlsplit(url)
    asked = {name: value for name, value in urllib.parse.parse_qsl(parts.query) if name not in _OURS}
    told = {
        "PGHOST": asked.get("host") or parts.hostname or "localhost",
        "PGPORT": str(parts.port or 5432),
        "PGUSER": urllib.parse.unquote(parts.username or ""),
        "PGPASSWORD": urllib.parse.unquote(parts.password or ""),
        "PGDATABASE": urllib.parse.unquote(parts.path.strip("/")),
        "PGSSLMODE": asked.get("sslmode", ""),
    }
    return {"PATH": os.environ.get("PATH", ""), **{name: value for name, value in told.items() if value}}


def _tool(name: str) -> str:
    """The path of one of PostgreSQL's tools. Unavailable when it is not installed."""
    found = shutil.which(name)
    if found is None:
        raise Unavailable(f"{name} is not installed: a database is backed up and restored by PostgreSQL's own tools.")
    return found
