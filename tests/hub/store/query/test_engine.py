"""DuckDB, locked: what it answers, and what it never does."""

import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from dothi.ground.errors import Invalid
from dothi.hub.store.query.engine import Duck, lock
from dothi.hub.store.query.held import Held, Past
from tests.hub.store.query.conftest import DAY, START, made_rows, row, table

ZONE = "Asia/Ho_Chi_Minh"


@pytest.mark.parametrize("sealed", [0, 20, 41])
def test_files_and_tail_are_one_history(sealed: int, seal: Callable[..., Past]) -> None:
    """A question meets every reading once, however much of it is sealed."""
    rows = made_rows(1)
    with Duck(seal(rows, START + sealed * DAY), {}, ZONE) as engine:
        found = engine.ask("SELECT count(*) AS n, sum(value) AS total FROM readings").to_pylist()
    assert found == [{"n": len(rows), "total": sum(one["value"] for one in rows if one["value"] is not None)}]


def test_days_are_those_of_the_city(seal: Callable[..., Past]) -> None:
    """A day begins at midnight of Việt Nam, which is 17:00 UTC of the day before."""
    rows = [row(1, "pm25", START + 17 * DAY // 24 - 1, 1.0), row(1, "pm25", START + 17 * DAY // 24, 2.0)]
    with Duck(seal(rows, START + DAY), {}, ZONE) as engine:
        found = engine.ask("SELECT CAST(observed_at AS DATE) AS d, avg(value) AS m FROM readings GROUP BY 1 ORDER BY 1")
    assert [(str(one["d"]), one["m"]) for one in found.to_pylist()] == [("2026-03-01", 1.0), ("2026-03-02", 2.0)]


def test_rows_of_corrected_histories_come_from_what_was_mended(seal: Callable[..., Past]) -> None:
    """Of an entity whose history was corrected, files and tail do not count; what is told instead does."""
    rows = [row(1, "pm25", START, 1.0), row(2, "pm25", START, 5.0), row(2, "pm25", START + 2 * DAY, 6.0)]
    held = seal(rows, START + DAY, troubled=frozenset({2}), mended=table([row(2, "pm25", START, 7.0)]))
    with Duck(held, {}, ZONE) as engine:
        found = engine.ask("SELECT entity, value FROM readings ORDER BY 1, 2").to_pylist()
    assert [one["value"] for one in found] == [1.0, 7.0]


def test_an_unknown_column_is_said_in_one_sentence(seal: Callable[..., Past]) -> None:
    """A wrong name is answered by one line that names it."""
    with Duck(Past(Held((), table([]))), {}, ZONE) as engine, pytest.raises(Invalid) as refused:
        engine.ask("SELECT nope FROM readings")
    assert "nope" in refused.value.detail
    assert "\n" not in refused.value.detail


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{outside}')",
        "SELECT * FROM read_parquet('{outside}')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/new.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET allowed_paths = ['{outside}']",
        "EXPORT DATABASE '{folder}/out'",
    ],
)
def test_the_locked_engine_refuses_by_itself(sql: str, tmp_path: Path) -> None:
    """What passed the gate by a mistake of ours would still open no file and change no setting."""
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")
    with duckdb.connect() as db:
        lock(db, [str(tmp_path / "held.parquet")])
        with pytest.raises(duckdb.Error):
            db.execute(sql.format(outside=outside, folder=tmp_path))
    assert sorted(os.listdir(tmp_path)) == ["outside.csv"]


def test_no_variable_of_the_program_is_a_table() -> None:
    """Objects of the process that asks cannot be named in a question."""
    secret = pa.table({"a": [1]})
    with Duck(Past(Held((), table([]))), {}, ZONE) as engine, pytest.raises(Invalid):
        engine.ask("SELECT * FROM secret")
    assert secret.num_rows == 1
