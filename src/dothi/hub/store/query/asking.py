"""A question of the operator: the views that it names are made ready, and the engine that was chosen answers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from dothi.ground.errors import Invalid
from dothi.hub.store.port import Store
from dothi.hub.store.query import present
from dothi.hub.store.query.engine import Duck
from dothi.hub.store.query.held import Past
from dothi.hub.store.query.spark import HERE, Spark

_TABLES: dict[str, tuple[Callable[[Store, str], pa.Table], pa.Schema]] = {
    "entities": (present.entities, present.ENTITIES),
    "attributes": (present.attributes, present.ATTRIBUTES),
}


@dataclass(frozen=True)
class Means:
    """With what a question is answered."""

    zone: str = "Asia/Ho_Chi_Minh"
    engine: str = "duckdb"  # Or spark.
    master: str = ""  # The cluster, with spark; "" is two executors on this machine.
    storage: Any = None  # The fsspec file system of files that lie in no folder.


def answer(store: Store, past: Past, sql: str, means: Means, beside: Mapping[str, pa.Table] = {}) -> pa.Table:
    """The rows that a SELECT asks for. Invalid for one that is refused or wrong, Unavailable without an engine."""
    named = {word.lower() for word in re.findall(r"\w+", sql)}
    tables = {
        name: make(store, means.zone) if name in named else schema.empty_table()
        for name, (make, schema) in _TABLES.items()
    }
    tables |= beside
    if means.engine == "duckdb":
        with Duck(past, tables, means.zone, means.storage) as duck:
            return duck.ask(sql)
    if means.engine == "spark":
        with Spark(past, tables, means.zone, means.master or HERE, means.storage) as spark:
            return spark.ask(sql)
    raise Invalid(f"There is no engine {means.engine}: duckdb or spark.")
