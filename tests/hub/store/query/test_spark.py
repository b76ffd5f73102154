"""The same question means the same to both engines: asserted over the same files, on two executor processes."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from dothi.ground.errors import Invalid, Unavailable
from dothi.hub.language.measure import Measure
from dothi.hub.store.query import measuring
from dothi.hub.store.query.engine import Duck
from dothi.hub.store.query.held import Held, Past
from dothi.hub.store.query.spark import Spark
from tests.hub.store.query.conftest import DAY, START, made_rows, row, table

ZONE = "Asia/Ho_Chi_Minh"
SPAN = (START, START + 40 * DAY)
QUESTIONS = [
    "SELECT date_trunc('day', observed_at) AS day, avg(value) AS mean, count(*) AS n FROM readings"
    " WHERE attribute = 'pm25' GROUP BY 1 ORDER BY 1",
    "SELECT entity, attribute, min(value) AS low, max(value) AS high, sum(value) AS total FROM readings"
    " GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT r.entity, s.unit, count(*) FILTER (WHERE r.value > 100) AS above FROM readings r JOIN stations s"
    " ON s.id = r.entity GROUP BY r.entity, s.unit ORDER BY r.entity",
    "WITH daily AS (SELECT CAST(observed_at AS DATE) AS d, avg(value) AS m FROM readings GROUP BY 1)"
    ' SELECT d, m AS "Trung bình", rank() OVER (ORDER BY m DESC) AS place FROM daily ORDER BY d',
    "SELECT dataset, count(text) AS words, sum(value) AS total FROM readings GROUP BY dataset ORDER BY dataset",
    "SELECT dataset, attribute FROM readings GROUP BY 1, 2 ORDER BY 1 DESC, 2 DESC",
    "SELECT count(*) AS n FROM readings WHERE observed_at >= TIMESTAMP '2026-03-10 00:00:00' AND entity LIKE '%:1'",
    "SELECT CAST(7 AS DOUBLE) / 2 AS half, 7 % 3 AS rest, coalesce(NULL, 'không') AS word, upper('đường') AS road",
    *(
        measuring.text(Measure("pm25", *SPAN, methods, step, by), ids, chosen)
        for methods, step, by, ids, chosen in [
            (("mean", "sum", "min", "max", "count"), "day", "", None, False),
            (("median", "p90", "deviation"), "week", "entity", None, False),
            (("last", "mean"), "month", "area", None, True),
            (("mean",), "hour", "", ["urn:ngsi-ld:Station:3"], False),
            (("count",), "", "entity", None, True),
        ]
    ),
    measuring.slots_text("pm25", *SPAN, 3_600_000_000),
    measuring.slots_text("noise", *SPAN, 0),
    measuring.steps_text(
        "urn:ngsi-ld:Station:2", ["pm25"], tuple(measuring.AGGREGATES.values()), START, 6 * 3_600_000_000
    ),
]


def comparable(found: pa.Table) -> list[tuple[Any, ...]]:
    """Rows to be compared: in an order of their own, floating numbers to twelve digits."""
    rows = [
        tuple(float(f"{one:.12g}") if isinstance(one, float) else one for one in row.values())
        for row in found.to_pylist()
    ]
    return sorted(rows, key=repr)


@pytest.fixture
def tables() -> dict[str, pa.Table]:
    """What lies beside the history."""
    stations = {"id": [f"urn:ngsi-ld:Station:{n}" for n in range(1, 8)], "unit": ["19783", "19786"] * 3 + ["19789"]}
    return {
        "stations": pa.table(stations),
        "chosen": pa.table({"eid": pa.array([1, 2, 5], pa.int64()), "grp": ["19783", "19786", "19783"]}),
    }


@pytest.fixture
def cluster() -> Iterator[None]:
    """Where PySpark and Java are."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("left out: PySpark is not installed (pip install 'dothi[cluster]')")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("left out: no Java on this machine")
    return


def test_every_question_is_let_in_and_answered_by_duckdb(
    seal: Callable[..., Past], tables: dict[str, pa.Table]
) -> None:
    """The questions that are compared below have answers, so that the comparison compares something."""
    with Duck(seal(made_rows(2), START + 30 * DAY), tables, ZONE) as engine:
        assert all(engine.ask(sql).num_rows for sql in QUESTIONS)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # PySpark's own.
def test_a_cluster_answers_as_the_embedded_engine_does(
    cluster: None, seal: Callable[..., Past], tables: dict[str, pa.Table]
) -> None:
    """Every question has equal answers from DuckDB and from Spark, over the same files, tail and mended rows."""
    mended = table([row(7, "pm25", START + DAY, 12.5), row(7, "pm25", START + 2 * DAY, 14.5)])
    held = seal(made_rows(3), START + 30 * DAY, troubled=frozenset({7}), mended=mended)
    with Duck(held, tables, ZONE) as duck, Spark(held, tables, ZONE) as spark:
        assert spark.executors() >= 2
        for sql in QUESTIONS:
            here, there = duck.ask(sql), spark.ask(sql)
            assert here.column_names == there.column_names
            assert comparable(here) == comparable(there), sql
        with pytest.raises(Invalid, match="nope"):
            spark.ask("SELECT nope FROM readings")
        with pytest.raises(Invalid, match="COPY"):
            spark.ask("COPY readings TO 'x'")


def test_without_pyspark_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed, the cluster engine says how to get it."""
    monkeypatch.setitem(__import__("sys").modules, "pyspark.sql", None)
    with pytest.raises(Unavailable, match=r"dothi\[cluster\]"):
        Spark(Past(Held((), table([]))), {}, ZONE)
