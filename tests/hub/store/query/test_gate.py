"""Only one SELECT over known views is let in."""

import pytest

from dothi.ground.errors import Invalid
from dothi.hub.store.query.gate import admit

VIEWS = ("readings", "entities")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM readings",
        "select date_trunc('day', observed_at), avg(value) from readings group by 1;",
        "WITH one AS (SELECT entity FROM readings) SELECT * FROM one JOIN entities ON entities.id = one.entity",
        "SELECT * FROM (VALUES (1), (2)) AS t(n), unnest([1, 2]) AS u(m)",
        "FROM Readings",
    ],
)
def test_reading_is_let_in(sql: str) -> None:
    """A SELECT over views, values and its own common tables passes, without its semicolon."""
    assert admit(sql, VIEWS) == sql.rstrip(";")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("", "is empty"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("COPY (SELECT 1) TO '/tmp/out.csv'", "COPY"),
        ("COPY readings TO '/tmp/out.csv'", "COPY"),
        ("ATTACH 'hub.db'", "ATTACH"),
        ("INSTALL httpfs", "LOAD"),
        ("LOAD httpfs", "LOAD"),
        ("SET enable_external_access = true", "SET"),
        ("PRAGMA database_list", "PRAGMA"),
        ("CALL pragma_version()", "CALL"),
        ("EXPORT DATABASE 'x'", "EXPORT"),
        ("INSERT INTO readings VALUES (1)", "INSERT"),
        ("DELETE FROM readings", "DELETE"),
        ("DROP VIEW readings", "DROP"),
        ("CREATE TABLE x AS SELECT 1", "CREATE"),
        ("EXPLAIN SELECT 1", "EXPLAIN"),
        ("PIVOT readings ON attribute USING avg(value)", "refused"),
        ("DESCRIBE readings", "DESCRIBE"),
        ("SHOW TABLES", "SHOW"),
        ("SELECT * FROM read_csv('/etc/passwd')", "read_csv"),
        ("SELECT * FROM READ_TEXT('/etc/passwd')", "read_text"),
        ("SELECT (SELECT content FROM read_blob('/etc/passwd'))", "read_blob"),
        ("SELECT 1 WHERE 1 IN (SELECT 1 FROM glob('/*'))", "glob"),
        ("WITH a AS (SELECT * FROM parquet_scan('x')) SELECT * FROM a", "parquet_scan"),
        ("SELECT * FROM query('DROP VIEW readings')", "query"),
        ("SELECT * FROM duckdb_settings()", "duckdb_settings"),
        ("SELECT * FROM '/etc/passwd'", "/etc/passwd"),
        ("SELECT * FROM information_schema.tables", "information_schema.tables"),
        ("SELECT * FROM nowhere", "no view nowhere"),
        ("SELECT value FROM readings WHERE entity = ?", "parameters"),
        ("SELEC 1", "syntax error"),
        ("SELECT 1" + " " * 10 + "+ 1" * 50_000, "characters"),
    ],
)
def test_everything_else_is_refused_in_one_sentence(sql: str, said: str) -> None:
    """What writes, sets, opens a file or names something unknown is refused, in one line that says what."""
    with pytest.raises(Invalid) as refused:
        admit(sql, VIEWS)
    assert said in refused.value.detail
    assert "\n" not in refused.value.detail
