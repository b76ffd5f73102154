"""Which adapter keeps accounts and vault: a file in the data folder, or the database that a URL names."""

from collections.abc import Callable
from pathlib import Path

from dothi.accounts.store import schema
from dothi.accounts.store.port import Database
from dothi.accounts.store.postgres import PostgresDatabase
from dothi.accounts.store.sqlite import SqliteDatabase

_TABLES = {"accounts": schema.ACCOUNTS, "vault": schema.VAULT}


def open_database(folder: Path, name: str, url: str = "", on_commit: Callable[[], None] = lambda: None) -> Database:
    """Open (or make) the tables of `name` ("accounts" or "vault")."""
    if url:
        return PostgresDatabase(url, name, _TABLES[name], on_commit)
    return SqliteDatabase(folder / f"{name}.db", _TABLES[name], on_commit)
