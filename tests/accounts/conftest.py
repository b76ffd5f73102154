"""A small province with accounts on real SQLite files; only the cost of hashing is lowered.

With DOTHI_TEST_STORE=postgresql the whole folder runs on PostgreSQL; test_postgres.py does so for what differs.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from dothi.accounts.model import SessionRules
from dothi.accounts.store import Accounts

UNITS = {"46": frozenset({"46", "19753", "19803"}), "01": frozenset({"01", "00004"})}


def within(code: str) -> frozenset[str]:
    """Two provinces: 46 with communes 19753 and 19803, 01 with commune 00004."""
    return UNITS.get(code, frozenset({code}))


URLS: dict[Path, str] = {}  # Folder → database, where the tests run on PostgreSQL.


@pytest.fixture(autouse=True)
def _on(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    if os.environ.get("DOTHI_TEST_STORE") == "postgresql":
        URLS[tmp_path] = request.getfixturevalue("database")
    yield
    URLS.clear()


def open_accounts(folder: Path) -> Accounts:
    """Accounts in `folder`, hashing cheaply."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return Accounts.open(folder, within, SessionRules(secure=False), cheap, url=URLS.get(folder, ""))


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    """Accounts of a new city."""
    made = open_accounts(tmp_path)
    yield made
    made.close()
