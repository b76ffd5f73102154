"""Apache Spark over the same files: the same question on a cluster, or on two executors of this machine.

Needs the extra `cluster` (PySpark) and Java 17. What lies in no file is handed over as tables.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

from dothi.ground.errors import Unavailable
from dothi.hub.store.query.engine import Duck
from dothi.hub.store.query.gate import sentence
from dothi.hub.store.query.held import Past, beside_all, relations
from dothi.hub.store.query.views import DUCKDB

HERE = "local-cluster[2,1,1024]"  # Two executor processes of one core and 1 GiB on this machine.
_MOMENT = "CAST(timestamp_micros({us}) AS TIMESTAMP_NTZ)"
_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.log.level": "OFF",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",  # Times have no zone, as in DuckDB.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.parser.escapedStringLiterals": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.python.sql.dataFrameDebugging.enabled": "false",
}


class Spark:
    """The same face as Duck, over a Spark session of its own."""

    def __init__(
        self, past: Past, tables: Mapping[str, pa.Table], zone: str, master: str = HERE, storage: Any = None
    ) -> None:
        """Start or reach the cluster at `master` (spark://…, yarn, k8s://…, local-cluster[…]).

        Unavailable when PySpark is not installed or the cluster does not answer.
        """
        self._gate = Duck(past, tables, zone, storage)  # Refuses and explains before anything is started.
        self._folder = Path(tempfile.mkdtemp(prefix="dothi-spark-"))
        self._numbers = count()
        try:
            self._session = _session(master, self._folder)
            self._place(past, tables, zone)
        except BaseException:
            self.close()
            raise

    def _place(self, past: Past, tables: Mapping[str, pa.Table], zone: str) -> None:
        for name, table in {**beside_all(past), **tables}.items():
            self._session.createDataFrame(_plain(table)).createOrReplaceTempView(name)
        dialect = replace(DUCKDB, moment=_MOMENT, files=self._files)
        for name, select in relations(past, zone, dialect).items():
            self._session.sql(select).createOrReplaceTempView(name)

    def _files(self, files: Sequence[str]) -> str:
        if not files:
            return ""
        name = f"files{next(self._numbers)}"
        paths = [one if "://" in one else f"file://{Path(one).absolute()}" for one in files]
        self._session.read.parquet(*[one.replace("s3://", "s3a://", 1) for one in paths]).createOrReplaceTempView(name)
        return name

    def ask(self, sql: str) -> pa.Table:
        """The answer, as Duck.ask gives it."""
        text = self._gate.check(sql)
        try:
            table = self._session.sql(text).toArrow()
        except Exception as wrong:  # What PySpark raises is of many kinds; all say that there is no answer.
            raise Unavailable(sentence(wrong)) from wrong
        return _naive(table)

    def executors(self) -> int:
        """How many processes compute beside the one that asks."""
        return len(self._session.sparkContext._jsc.sc().statusTracker().getExecutorInfos()) - 1

    def close(self) -> None:
        """End the session and let everything go."""
        self._gate.close()
        session = getattr(self, "_session", None)
        if session is not None:
            session.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "Spark":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _session(master: str, folder: Path) -> Any:
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415  # An optional, heavy library.
    except ImportError as lacking:
        raise Unavailable("PySpark is not installed: pip install 'dothi[cluster]' (and Java 17).") from lacking
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise Unavailable("Spark needs Java 17 or newer, and there is no java on the path.")
    builder = SparkSession.builder.master(master).appName("dothi query")
    own = {"spark.local.dir": str(folder), "spark.sql.warehouse.dir": str(folder / "warehouse")}
    if master.startswith("local"):
        own |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
        own |= {"spark.sql.shuffle.partitions": "4", "spark.executor.memory": "1g"}
    for name, value in {**_SETTINGS, **own}.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except Exception as wrong:
        raise Unavailable(f"Spark did not start at {master}: {sentence(wrong)}") from wrong


def _plain(table: pa.Table) -> pa.Table:
    """A table without dictionaries, which Spark does not take."""
    kinds = [pa.field(one.name, _kind(one.type)) for one in table.schema]
    return table.cast(pa.schema(kinds))


def _kind(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _kind(kind.value_type)
    return pa.string() if pa.types.is_large_string(kind) else kind


def _naive(table: pa.Table) -> pa.Table:
    """Times without the zone that Spark writes on them: they are on the city's clock already."""
    kinds = [
        pa.field(one.name, pa.timestamp("us") if pa.types.is_timestamp(one.type) else one.type) for one in table.schema
    ]
    return table.cast(pa.schema(kinds))
