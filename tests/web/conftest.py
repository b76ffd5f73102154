"""What page tests share: one real city served in a thread, and one Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.web.city import CHROMIUM_FLAGS, FLAT_FLAGS, City, make_city


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A sample city on a free port of the loopback."""
    with make_city(tmp_path_factory.mktemp("city")) as made:
        yield made


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives the browsers."""
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """This machine's Chromium, without a screen and without WebGL: a sentence stands in place of each map."""
    found = playwright.chromium.launch(executable_path=chromium, args=FLAT_FLAGS)
    yield found
    found.close()


@pytest.fixture(scope="session")
def drawing(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """The same that draws maps, which takes most of its time: only for what is about a map."""
    found = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
    yield found
    found.close()
