"""DuckDB, loaded when the first question is asked: it costs 0.36 s, and what never asks should not carry it."""

import importlib
from functools import cache
from typing import Any


@cache
def library() -> Any:
    """The module `duckdb`."""
    return importlib.import_module("duckdb")
