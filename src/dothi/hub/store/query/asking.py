"""A question of the operator, from the data folder to the answer: read-only, beside a running server too."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from dothi.hub.store.port import Store
from dothi.hub.store.query import present

_TABLES: dict[str, Callable[[Store, str], pa.Table]] = {
    "entities": present.entities,
    "attributes": present.attributes,
}
_EMPTY = {"entities": present.ENTITIES, "attributes": present.ATTRIBUTES}
ENGINES = ("duckdb", "spark")


@dataclass(frozen=True)
class Means:
    """With what a question is answered."""

    store: str = ""  # URL of the database; "" is a file in the folder.
    archive: str = ""  # Where sealed history lies; "" is in the folder.
    zone: str = "Asia/Ho_Chi_Minh"
    engine: str = "duckdb"
    master: str = ""  # The cluster, with spark; "" is two executors here.


def tables_of(store: Store, sql: str, zone: str) -> dict[str, pa.Table]:
    """The tables of the present that a text names; the others are there without rows."""
    named = {word.lower() for word in re.findall(r"\w+", sql)}
    return {name: make(store, zone) if name in named else _EMPTY[name].empty_table() for name, make in _TABLES.items()}
