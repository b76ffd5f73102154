"""What tests of the whole share: one city, served once, and a log that must hold no crash when they end."""

import logging
from collections.abc import Iterator

import pytest

from tests.whole.city import Whole, whole_city


class _Crashes(logging.Handler):
    """Keeps every record that carries a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """A served city; when the last test has gone its log must hold no error."""
    crashes = _Crashes()
    loggers = [logging.getLogger(name) for name in ("dothi", "uvicorn.error", "asyncio")]
    for one in loggers:
        one.addHandler(crashes)
    with whole_city(tmp_path_factory.mktemp("whole")) as city:
        yield city
    for one in loggers:
        one.removeHandler(crashes)
    assert crashes.found == []
