"""The tables in PostgreSQL, the numbered migrations that make them, and who may be distributed how.

Entity tables carry the shard key `shard` (4,096 values, of the entity's id), and every unique key on them carries the
tenant and that key, so that an existing engine (Citus and the like) can distribute them by it. Reference tables are
small and the same for all shards. What is left is kept where the log is: positions are given in one place.
"""

import asyncpg

from dothi.ground.errors import DothiError, Invalid

ENTITY_TABLES = (
    "entity",
    "event",
    "place",
)  # `place` where there is PostGIS only, in a schema of its own: see places.py.
REFERENCE_TABLES = ("tenant", "kind", "tenant_kind", "schema_version")
LOG_TABLES = ("position", "log", "receipt", "cursor", "timer", "parcel", "tally", "page", "writer")

_FIRST = """
CREATE TABLE tenant (
  tid integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, hash bytea NOT NULL UNIQUE, name text COLLATE "C" NOT NULL);
CREATE TABLE kind (
  kind integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, hash bytea NOT NULL UNIQUE, types text COLLATE "C" NOT NULL);
CREATE TABLE tenant_kind (tid integer, kind integer, PRIMARY KEY (tid, kind));
CREATE TABLE position (
  one boolean PRIMARY KEY CHECK (one), seq bigint NOT NULL, eid bigint NOT NULL, at bigint NOT NULL);
INSERT INTO position VALUES (true, 0, 0, 0);
CREATE TABLE entity (
  tid integer NOT NULL, shard integer NOT NULL, hash bytea NOT NULL, id text COLLATE "C" NOT NULL, eid bigint NOT NULL,
  kind integer NOT NULL, version bigint NOT NULL, seq bigint NOT NULL, created bigint NOT NULL,
  modified bigint NOT NULL, ahead bigint NOT NULL, doc bytea, PRIMARY KEY (tid, shard, hash)) WITH (fillfactor = 70);
CREATE INDEX entity_row ON entity (eid);
CREATE INDEX entity_kind ON entity (tid, kind, eid);
CREATE TABLE log (
  seq bigint PRIMARY KEY, at bigint NOT NULL, tid integer NOT NULL, actor text NOT NULL, reason text NOT NULL,
  blob bytea NOT NULL);
CREATE TABLE receipt (hash bytea PRIMARY KEY, key text NOT NULL, body bytea NOT NULL);
CREATE TABLE cursor (hash bytea PRIMARY KEY, consumer text NOT NULL, seq bigint NOT NULL);
CREATE TABLE timer (
  hash bytea PRIMARY KEY, consumer text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, due bigint NOT NULL,
  payload text NOT NULL);
CREATE INDEX timer_due ON timer (consumer, due);
CREATE TABLE writer (name text PRIMARY KEY, mark bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
"""
_LANES = """
CREATE TABLE event (
  tid integer NOT NULL, shard integer NOT NULL, eid bigint NOT NULL, hash bytea NOT NULL, number bigint NOT NULL,
  key text NOT NULL, at bigint NOT NULL, known bigint NOT NULL, kind text NOT NULL, facts bytea NOT NULL,
  clip text NOT NULL, tag bytea NOT NULL, sealed bytea NOT NULL, PRIMARY KEY (eid, hash, tid, shard));
CREATE INDEX event_at ON event (eid, at);
CREATE INDEX event_number ON event (number);
CREATE INDEX event_tag ON event (tag) WHERE tag <> '';
"""
_BESIDE = """
CREATE TABLE parcel (
  number bigint PRIMARY KEY, hash bytea NOT NULL, queue text NOT NULL, made bigint NOT NULL, tries integer NOT NULL,
  dead bigint NOT NULL, reason text NOT NULL, body bytea NOT NULL);
CREATE INDEX parcel_queue ON parcel (hash, dead, number);
CREATE TABLE tally (hash bytea PRIMARY KEY, queue text NOT NULL, body bytea NOT NULL);
CREATE TABLE page (book text COLLATE "C", number bigint, body bytea NOT NULL, PRIMARY KEY (book, number));
"""
# Packed commits are long and alike: a quick compression saves most of what is written ahead. Not all servers have it.
_PACKED = """
DO $$ BEGIN
  ALTER TABLE log ALTER COLUMN blob SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN NULL;
END $$;
"""
MIGRATIONS = {1: _FIRST, 2: _LANES, 3: _BESIDE, 4: _PACKED}  # Each makes one version of the one before.
VERSION = 4

_TABLES = """
SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
_MADE = {  # What each version adds: a database that lacks one of its own is half migrated.
    1: {"tenant", "kind", "tenant_kind", "position", "entity", "log", "receipt", "cursor", "timer", "writer"},
    2: {"event"},
    3: {"parcel", "tally", "page"},
    4: set(),
}
LONG_S = 24 * 3600.0  # A migration takes as long as it takes.
_LOCK = 0x646F7468  # "doth", in every lock of ours.
MIGRATING = f"pg_advisory_xact_lock({_LOCK}, 1)"
TURN = f"pg_advisory_xact_lock({_LOCK}, 2)"
LEADING = f"pg_try_advisory_lock({_LOCK}, 3)"


async def standing(connection: asyncpg.Connection, where: str) -> int:
    """The version of a database, 0 when it is empty. Invalid when it is foreign, newer or half migrated."""
    tables = {row[0] for row in await connection.fetch(_TABLES)}
    if not tables:
        return 0
    if "schema_version" not in tables:
        raise Invalid(f"The database {where} holds tables that are not dothi's ({_some(tables)}): give it its own.")
    versions = [row[0] for row in await connection.fetch("SELECT version FROM schema_version ORDER BY version")]
    newest = max(versions, default=0)
    if newest > VERSION:
        raise Invalid(f"The database {where} was written by a newer dothi (store version {newest}): upgrade dothi.")
    lacking = {table for number in range(1, newest + 1) for table in _MADE[number]} - tables
    if versions != list(range(1, newest + 1)) or lacking or not newest:
        raise _half(where, f"version {newest} lacks {_some(lacking) or 'earlier versions'}")
    return newest


def _half(where: str, why: str) -> DothiError:
    return Invalid(f"The database {where} is half migrated ({why}): nothing was touched; restore it from a backup.")


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:5]) + (" …" if len(names) > 5 else "")


async def migrate(connection: asyncpg.Connection, where: str, until: int = VERSION) -> int:
    """Bring a database to this version, each step whole or not at all; returns the version that it had.

    Processes that open it at once wait for each other.
    """
    had = await standing(connection, where)
    while True:
        async with connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
            await connection.execute(f"SELECT {MIGRATING}", timeout=LONG_S)
            now = await standing(connection, where)
            if now >= until:
                return had
            if now == 0:
                await connection.execute(_VERSIONS)
            await connection.execute(MIGRATIONS[now + 1], timeout=LONG_S)
            await connection.execute("INSERT INTO schema_version (version) VALUES ($1)", now + 1)


_VERSIONS = "CREATE TABLE schema_version (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
