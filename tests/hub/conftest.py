"""What tests of the hub share: with DOTHI_TEST_STORE=postgresql every hub of theirs lies in a PostgreSQL database."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dothi.hub import core
from dothi.hub.store.opening import open_store
from dothi.hub.store.port import Store
from dothi.hub.write import restore


@pytest.fixture(autouse=True)
def chosen_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Gives each data folder a database of its own where the environment asks for PostgreSQL."""
    if os.environ.get("DOTHI_TEST_STORE") != "postgresql":
        yield
        return
    server = request.getfixturevalue("postgres")
    urls: dict[Path, str] = {}

    def opened(folder: Path, url: str = "", follows: bool = False) -> Store:
        if folder not in urls and not url:
            urls[folder] = server.fresh()
        return open_store(folder, url or urls[folder], follows)

    for room in (core, restore):
        monkeypatch.setattr(room, "open_store", opened)
    yield
    for url in urls.values():
        server.drop(url)
