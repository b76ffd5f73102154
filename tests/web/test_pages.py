"""Every page of the site in Chromium: both languages, light and dark, phone and desktop."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext
from playwright.sync_api import Page as Tab

from dothi.web.page import Page
from dothi.web.site import find_pages
from tests.web.city import City
from tests.web.shots import address_of, role_for
from tests.web.watch import DESKTOP, PHONE, Watch, axe, signed_in, watch

PAGES = [page for page in find_pages() if page.page and "GET" in page.methods]
# Each screen and each scheme once; every pair of them behind --slow.
DRAWN = frozenset({"/map", "/situation", "/wall"})  # Where the map is looked at too; elsewhere it is the same macro.
LOOKS = {"vi": [(DESKTOP, "light"), (PHONE, "dark")], "en": [(PHONE, "light")]}
EVERY_LOOK = list(itertools.product((DESKTOP, PHONE), ("light", "dark")))
STOPS_MAX = 400
Contexts = Callable[[Page], BrowserContext]
DATE_PARTS = 4  # Day, month, year and the calendar of one field are stops of their own in Chromium.
TABBABLE = """() => [...document.querySelectorAll(
  'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')].filter(
  e => !e.disabled && e.checkVisibility({visibilityProperty: true}) && e.tabIndex >= 0 && !e.closest('[inert]')
    && !(e.type === 'radio' && e.name && [...document.getElementsByName(e.name)].indexOf(e) > 0)).length"""
# Null where Tab has stopped before (or nowhere), else whether a ring shows the stop.
MARK = """() => { const e = document.activeElement; if (!e || e === document.body || e.dataset.stopped) return null;
  e.dataset.stopped = 'yes';
  return [e, e.closest('.door')].some(one => one && parseFloat(getComputedStyle(one).outlineWidth) >= 1); }"""


def test_each_address_is_one_page() -> None:
    """No two entries answer the same address and method."""
    addresses = [(page.path, method) for page in find_pages() for method in page.methods]
    assert sorted(one for one in set(addresses) if addresses.count(one) > 1) == []


@pytest.fixture(scope="module")
def contexts(browser: Browser, drawing: Browser, city: City) -> Iterator[Contexts]:
    """A signed-in browser for a page's role, one that draws maps or one that does not; made when it is asked for."""
    made: dict[tuple[bool, str], BrowserContext] = {}

    def context(page: Page) -> BrowserContext:
        key = page.path in DRAWN, role_for(page)
        if key not in made:
            made[key] = signed_in(drawing if key[0] else browser, city, key[1])
        return made[key]

    yield context
    for one in made.values():
        one.close()


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_page(page: Page, language: str, contexts: Contexts, city: City) -> None:
    """A page is sound: axe finds nothing, no error, nothing runs over sideways, one heading, every word is there.

    And Tab alone reaches everything that can be used, and where one is can be seen. The same page in the other
    language has the same structure and colours: its words and its width are looked at, axe runs behind --slow.
    """
    seen = watch(contexts(page))
    try:
        look_at(seen, page, city, language, LOOKS[language], rules=axe if language == "vi" else nothing)
        if language == "vi":
            seen.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
            expected = seen.page.evaluate(TABBABLE)
            assert expected <= STOPS_MAX
            assert walk(seen.page, expected) == expected
    finally:
        seen.page.close()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_look(page: Page, language: str, contexts: Contexts, city: City) -> None:
    """The same on every screen in every scheme."""
    seen = watch(contexts(page))
    try:
        look_at(seen, page, city, language, EVERY_LOOK)
    finally:
        seen.page.close()


def nothing(_: Tab) -> list[str]:
    """What no rule finds."""
    return []


def look_at(  # A page, how it is opened and by which rules it is judged.
    seen: Watch,
    page: Page,
    city: City,
    language: str,
    looks: list[tuple[dict[str, int], str]],
    rules: Callable[[Tab], list[str]] = axe,
) -> None:
    """Open the page once and look at it on screens and in schemes; nothing may be wrong."""
    seen.page.set_viewport_size(looks[0][0])  # type: ignore[arg-type]
    seen.open(f"{city.address}{address_of(page, city)}?lang={language}")
    for size, scheme in looks:
        seen.page.set_viewport_size(size)  # type: ignore[arg-type]
        seen.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert problems(seen, rules) == [], f"{scheme}, {size['width']} px"


def problems(seen: Watch, rules: Callable[[Tab], list[str]] = axe) -> list[str]:
    """All that is wrong with the page that stands in the tab."""
    tab = seen.page
    found = [*seen.errors, *rules(tab)]
    wide = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 0:
        found.append(f"{wide} px run over the side")
    if tab.locator("h1").count() != 1:
        found.append(f"{tab.locator('h1').count()} headings of the first level")
    if not tab.title().partition(" – ")[0].strip():
        found.append("no title")
    if "⟦" in tab.content():
        found.append(f"words missing: {tab.content().partition('⟦')[2][:60]}")
    return found


def walk(tab: Tab, expected: int) -> int:
    """How many things Tab stops at, each once, with a ring around the one that has it."""
    tab.evaluate("document.activeElement?.blur()")
    stops = 0
    dates = tab.locator("input[type=date], input[type=time], input[type=month]").count()
    dates += 2 * tab.locator("input[type=datetime-local]").count()
    for _ in range(expected + 3 + DATE_PARTS * dates):
        tab.keyboard.press("Tab")
        ring = tab.evaluate(MARK)
        if ring is None:
            continue
        stops += 1
        assert ring, tab.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    return stops
