"""A database is opened, made or refused: what cannot be used is told in one sentence, and nothing of it is touched."""

import re
import threading
from pathlib import Path

import pytest

from dothi.cli import main
from dothi.ground.errors import DothiError, Invalid, Unavailable
from dothi.hub.store.postgres import migrating
from dothi.hub.store.postgres.store import PostgresStore
from dothi.hub.store.postgres.tables.schema import ENTITY_TABLES, LOG_TABLES, REFERENCE_TABLES, VERSION
from tests.servers.postgres import PASSWORD, Server

SHAPE = (
    "SELECT coalesce(string_agg(table_name || '.' || column_name || ' ' || data_type, ',' ORDER BY 1), '')"
    " FROM (SELECT table_name, column_name, data_type FROM information_schema.columns"
    " WHERE table_schema = 'public' ORDER BY 1, 2) AS columns"
)
KEYS = (
    "SELECT c.relname, string_agg(a.attname, ' ' ORDER BY a.attname) FROM pg_index i"
    " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
    " WHERE n.nspname IN ('public', 'dothi_map') AND i.indisunique"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"
    " GROUP BY c.relname, i.indexrelid"
)
TABLES = (
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname IN ('public', 'dothi_map') AND c.relkind IN ('r', 'p')"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"
)


def name_of(url: str) -> str:
    return url.rsplit("/", 1)[1]


def refusal(url: str) -> DothiError:
    """What is said to a URL: one sentence or two, without the password, on one line."""
    with pytest.raises(DothiError) as refused:
        PostgresStore(url)
    told = refused.value.detail
    assert PASSWORD not in told
    assert "\n" not in told
    assert refused.value.__cause__ is None
    return refused.value


def test_who_does_not_answer_or_lets_nobody_in_is_named(postgres: Server, database: str, free_port: int) -> None:
    """Wrong password, no such database, no server, a URL that is none: what, where, what to do; the password is not."""
    where = f"127.0.0.1:{postgres.port}/{name_of(database)}"
    wrong = refusal(database.replace(PASSWORD, "guessed"))
    assert isinstance(wrong, Invalid)
    assert re.search(f"{where} refuses the user or the password .* mend", wrong.detail)
    assert "There is no database at" in refusal(postgres.url("nowhere")).detail
    away = refusal(database.replace(f":{postgres.port}/", f":{free_port}/"))
    assert isinstance(away, Unavailable)
    assert f"No database answers at 127.0.0.1:{free_port}" in away.detail
    for bad in ("postgresql://u:owner-of-tests@h:port/d", "postgresql://u:owner-of-tests@h", "mysql://h/d"):
        assert "postgresql://user:password@host:port/database" in refusal(bad).detail
    assert "synchronous_commit" in refusal(f"{database}?synchronous_commit=off").detail
    assert "out of range" in refusal(f"{database}?pool=0").detail


def test_the_command_says_it_and_ends_with_one(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`dothi export` of a database that lets nobody in: one sentence, exit code 1."""
    monkeypatch.setenv("DOTHI_STORE", database.replace(PASSWORD, "guessed"))
    assert main(["export", str(tmp_path / "out"), "--data", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("dothi: ")
    assert told.count("\n") == 1
    assert "guessed" not in told


@pytest.mark.parametrize(
    ("ruin", "told"),
    [
        ("INSERT INTO schema_version VALUES (999)", "newer dothi"),
        ("DROP TABLE parcel", "half migrated.*lacks parcel"),
        ("DELETE FROM schema_version WHERE version = 2", "half migrated"),
        ("DROP TABLE schema_version", "not dothi's"),
    ],
)
def test_what_is_not_ours_or_not_whole_is_left_alone(postgres: Server, database: str, ruin: str, told: str) -> None:
    """A newer, half migrated or foreign database is refused, and is afterwards as it was."""
    PostgresStore(database).close()
    postgres.psql(ruin, name_of(database), "dothi")
    before = postgres.psql(SHAPE, name_of(database))
    assert re.search(told, refusal(database).detail)
    assert postgres.psql(SHAPE, name_of(database)) == before
    assert postgres.psql("SELECT count(*) FROM writer", name_of(database)) == "1"


def test_a_foreign_database_gets_no_table(postgres: Server, database: str) -> None:
    """Beside somebody else's tables nothing is made."""
    postgres.psql("CREATE TABLE salaries (name text)", name_of(database), "dothi")
    assert "not dothi's (salaries)" in refusal(database).detail
    assert postgres.psql(TABLES, name_of(database)) == "salaries"


@pytest.mark.parametrize("version", range(1, VERSION))
def test_every_earlier_version_is_refused_then_migrated(postgres: Server, database: str, version: int) -> None:
    """An older database says which verb it needs; migrated it is like a new one, and keeps what it held."""
    migrating.migrate(database, version)
    postgres.psql("INSERT INTO tenant (hash, name) VALUES ('a', 'hue')", name_of(database), "dothi")
    assert migrating.versions(database) == (version, VERSION)
    assert "dothi migrate" in refusal(database).detail
    assert migrating.migrate(database) == version
    new = postgres.fresh()
    assert migrating.versions(new) == (0, VERSION)
    assert postgres.psql(TABLES, name_of(new)) == ""
    PostgresStore(new).close()
    assert postgres.psql(SHAPE, name_of(database)) == postgres.psql(SHAPE, name_of(new))
    store = PostgresStore(database)
    assert store.tenants() == ("hue",)
    store.close()


def test_many_may_open_an_empty_database_at_once(database: str) -> None:
    """Processes that start together make its tables once."""
    faults: list[BaseException] = []

    def open_() -> None:
        try:
            PostgresStore(database).close()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=open_) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert faults == []


def test_entity_tables_can_be_distributed(postgres: Server, places_database: str) -> None:
    """Every table is of one of three kinds; each unique key of an entity table carries tenant and shard key.

    So an existing engine could distribute them by it; that was not run here (docs/howto/postgresql.md).
    """
    PostgresStore(places_database).close()
    name = name_of(places_database)
    listed = {*ENTITY_TABLES, *REFERENCE_TABLES, *LOG_TABLES}
    assert set(postgres.psql(TABLES, name).splitlines()) == listed
    assert len(listed) == len(ENTITY_TABLES) + len(REFERENCE_TABLES) + len(LOG_TABLES)
    keys = [row.split("|") for row in postgres.psql(KEYS, name).splitlines()]
    assert {table for table, _ in keys} == listed
    assert [row for row in keys if row[0] in ENTITY_TABLES and not {"tid", "shard"} <= set(row[1].split())] == []
