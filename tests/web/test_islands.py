"""The islands: map, chart, lists and theme, with and without what they need."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from dothi.ground.clock import HOUR, now_us
from dothi.web.assets import Assets
from dothi.web.page import environment
from dothi.web.words import Words, load, machine_time
from tests.web.city import City
from tests.web.watch import Watch, axe, signed_in, watch

ARCHIPELAGOS = {"20333", "22736"}  # Đặc khu Hoàng Sa, Đặc khu Trường Sa.
SEEN = (
    "() => document.querySelector('[data-map]').map.queryRenderedFeatures({layers: [%r]}).map(f => f.properties.code)"
)


@pytest.fixture(scope="module")
def browser(drawing: Browser) -> Browser:
    """These pages are about a map."""
    return drawing


@pytest.fixture
def seen(browser: Browser, city: City) -> Iterator[Watch]:
    """A tab of nobody in particular."""
    context = signed_in(browser, city, "")
    yield watch(context)
    context.close()


def fulfil(seen: Watch, city: City, body: str, scripts: tuple[str, ...], **values: Any) -> None:
    """Put a page made of `body` (a template) at /glossary, with the site's own styles and policy."""
    words, assets = Words("vi", load("vi")), Assets()
    made = environment().from_string(
        "{% from '_macros/ui.html' import chart with context %}"
        "{% from '_macros/lists.html' import work, work_row, quick_find with context %}" + body
    )
    content = made.render(t=words.t, words=words, static=assets.url, machine_time=machine_time, now=now_us(), **values)
    loaded = "".join(f'<script type="module" src="{assets.url(script)}"></script>' for script in scripts)

    def answer(route: Route) -> None:
        page = route.fetch()
        head, _, rest = page.text().partition("</head>")
        before, _, after = rest.partition('<main id="main"')
        shown = f'{head}{loaded}</head>{before}<main id="main" class="wide"><h1>Thử</h1>{content}</main>'
        route.fulfill(response=page, body=shown + after.partition("</main>")[2])

    seen.page.route("**/glossary", answer)
    seen.open(f"{city.address}/glossary")


def test_both_archipelagos_stand_on_the_country_map(seen: Watch, city: City) -> None:
    """Hoàng Sa and Trường Sa are drawn with their names at the start view, on a phone too."""

    def country(route: Route) -> None:
        page = route.fetch()
        start = page.text().partition('data-start="')[2].partition('"')[0]
        route.fulfill(response=page, body=page.text().replace(f' data-start="{start}"', ""))

    seen.page.route(f"{city.address}/", country)
    for width in (1280, 360):
        seen.page.set_viewport_size({"width": width, "height": 800})
        seen.open(f"{city.address}/")
        assert set(seen.page.evaluate(SEEN % "archipelagos")) == ARCHIPELAGOS
        assert len(set(seen.page.evaluate(SEEN % "land"))) >= 34
        assert seen.page.locator(".map-inset").is_hidden()
    assert seen.errors == []


def test_both_archipelagos_stand_on_a_map_of_a_city(seen: Watch, city: City) -> None:
    """A map of a part of the country carries the whole in its corner, with both archipelagos."""
    seen.open(city.address)
    corner = seen.page.locator(".map-inset")
    corner.wait_for(state="visible")
    assert {"Hoàng Sa", "Trường Sa"} <= set(corner.locator("text").all_text_contents())


def test_points_of_the_map_are_buttons_that_tell(seen: Watch, city: City) -> None:
    """Each station can be reached by keyboard and says its name and value; the list beside says the same."""
    seen.open(city.address)
    seen.page.locator("[data-map][data-points]").wait_for()
    pin = seen.page.get_by_role("button", name="Trạm Thuận Hoá (mẫu); Trạm Phú Xuân (mẫu)")  # They lie side by side.
    pin.focus()
    seen.page.keyboard.press("Enter")
    popup = seen.page.locator(".maplibregl-popup")
    popup.wait_for()
    assert "41,2 µg/m³" in popup.inner_text()
    assert "28,9 µg/m³" in popup.inner_text()
    assert "Trạm Thuận Hoá (mẫu)" in seen.page.locator("#stations").inner_text()
    assert axe(seen.page) == []


def test_markers_tell_their_value(seen: Watch, city: City) -> None:
    """A marker shows the rounded value of its station; those that lie together say how many they are."""
    seen.open(city.address)
    seen.page.locator("[data-map][data-points]").wait_for()
    alone, together = sorted(seen.page.locator(".map-pin").all_inner_texts())
    assert alone == "17"
    assert together in ("2 điểm", "3 điểm")  # Another test may have added a station beside the two.


def test_the_map_moves_by_keyboard(seen: Watch, city: City) -> None:
    """Arrow keys move it, + zooms."""
    seen.open(city.address)
    where = "() => { const m = document.querySelector('[data-map]').map; return [m.getCenter().lng, m.getZoom()]; }"
    lon, zoom = seen.page.evaluate(where)
    seen.page.locator(".maplibregl-canvas").focus()
    seen.page.keyboard.press("ArrowRight")
    seen.page.wait_for_timeout(800)
    seen.page.keyboard.press("+")
    seen.page.wait_for_timeout(800)
    moved, zoomed = seen.page.evaluate(where)
    assert moved > lon
    assert zoomed > zoom


def test_without_webgl_the_page_says_so(chromium: str, city: City, browser: Browser) -> None:
    """Where no map can be drawn, a sentence stands in its place and the list has everything."""
    found = browser.browser_type.launch(
        executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-3d-apis"]
    )
    page = found.new_page()
    page.goto(city.address)
    page.locator("[data-map][data-ready=no]").wait_for()
    assert "không vẽ được bản đồ" in page.locator("[data-map]").inner_text()
    assert page.locator("#stations tbody tr").count() >= 3
    found.close()


def test_a_chart_is_drawn_from_its_table(seen: Watch, city: City) -> None:
    """A series with its threshold is drawn; what it shows can be read as a table too; axe finds nothing."""
    now = now_us()
    rows = [(now - (48 - hour) * HOUR, None if 20 < hour < 24 else 30.0 + hour % 12) for hour in range(48)]
    body = "{{ chart('air', 'PM2.5 tại trạm mẫu', rows, 'µg/m³', threshold=35, threshold_label='Ngưỡng') }}"
    fulfil(seen, city, body, ("js/chart.js",), rows=rows)
    seen.page.locator("[data-chart][data-ready]").wait_for()
    assert seen.page.locator("[data-chart] canvas").is_visible()
    assert seen.page.locator("#air-data tbody tr").count() == 48
    assert axe(seen.page) == []
    assert seen.errors == []


LIST = """{{ quick_find("mine") }}{% call work("mine", "Việc") %}{% for word in ["Đèn hỏng", "Đường ngập", "Rác"] %}
{{ work_row(loop.index, "/?" ~ loop.index, word, "mới") }}{% endfor %}{% endcall %}"""


def test_a_list_by_keyboard(seen: Watch, city: City) -> None:
    """J and k move, / finds without marks, Escape shows all again, Enter opens."""
    fulfil(seen, city, LIST, ("js/list.js",))
    focused = "document.activeElement.textContent"
    for key, expected in (("j", "Đèn hỏng"), ("j", "Đường ngập"), ("j", "Rác"), ("j", "Rác"), ("k", "Đường ngập")):
        seen.page.keyboard.press(key)
        assert seen.page.evaluate(focused) == expected
    seen.page.keyboard.press("/")
    seen.page.keyboard.type("duong")
    assert seen.page.locator("[data-row]:visible").count() == 1
    seen.page.keyboard.type("x")
    assert "Không có dòng nào khớp" in seen.page.locator("main").inner_text()
    seen.page.keyboard.press("Escape")
    assert seen.page.locator("[data-row]:visible").count() == 3
    assert axe(seen.page) == []
    seen.page.keyboard.press("j")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url("**/?1")


def shown(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_the_theme_switch(seen: Watch, city: City) -> None:
    """By the machine's wish first, then light, then dark, and it is remembered."""
    seen.page.emulate_media(color_scheme="dark")
    seen.open(f"{city.address}/glossary")
    machine = shown(seen.page)
    seen.page.click(".sides-wide [data-theme-switch]")
    light = shown(seen.page)
    assert light != machine
    seen.page.click(".sides-wide [data-theme-switch]")
    assert shown(seen.page) == machine
    seen.page.emulate_media(color_scheme="light")
    seen.open(f"{city.address}/glossary")
    assert shown(seen.page) == machine


def test_without_javascript(browser: Browser, city: City) -> None:
    """Menu, language, sign-in and the figures work on a phone that runs no script."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(city.address)
    assert page.locator("#figures .figure").first.is_visible()
    page.click(".nav-phone > summary")
    page.click(".nav-phone >> text=English")
    page.click(".nav-phone > summary")
    page.click(".nav-phone >> text=Sign in")
    page.fill("#login", city.samples["administrator"].login)
    page.fill("#password", "wrong")
    page.click("main button[type=submit]")
    assert "The user name or the password is wrong" in page.locator(".error-summary").inner_text()
    page.fill("#password", city.samples["administrator"].password)
    page.click("main button[type=submit]")
    page.click(".nav-phone > summary")
    page.locator(".nav-phone >> text=API keys").wait_for()
    context.close()
