"""The server that the tests of PostgreSQL share is a real, durable one."""

from tests.servers.postgres import Server


def test_it_is_durable(postgres: Server) -> None:
    """Nothing is answered before it is flushed."""
    assert [postgres.psql(f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on"] * 3


def test_each_test_has_an_empty_database_of_an_ordinary_user(postgres: Server, database: str) -> None:
    """No table is in it, and its owner is no superuser."""
    name = database.rsplit("/", 1)[1]
    assert postgres.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name, "dothi") == "0"
    assert postgres.psql("SELECT rolsuper FROM pg_roles WHERE rolname = current_user", name, "dothi") == "f"
    assert postgres.fresh() != database
