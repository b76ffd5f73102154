"""The app without a line: a report with a photo waits in the browser and is sent once; nobody's own page is kept."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dothi.citizens.intake.codes import find_by_code
from dothi.citizens.model import TYPE
from dothi.citizens.needs import SYSTEM
from tests.web.city import COMMUNE, City
from tests.web.test_citizens import photo

KEPT = """async () => {
  const found = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const one of await cache.keys()) {
      const answer = await cache.match(one, { ignoreVary: true });
      const type = answer.headers.get("content-type") ?? "";
      found.push([new URL(one.url).pathname, type.startsWith("text/html") ? await answer.text() : ""]);
    }
  }
  return found;
}"""
READY = "async () => (await navigator.serviceWorker.ready).active.state === 'activated'"


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """A phone of its own."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="vi-VN")
    context.set_default_timeout(15_000)
    yield context
    context.close()


def reports(city: City) -> int:
    return len(city.parts.hub.find(SYSTEM, TYPE).entities)


def fill_in(page: Page, words: str) -> None:
    page.check("input[name=category][value=street_light]")
    page.fill("#description", words)
    page.select_option("#unit", COMMUNE)
    page.set_input_files("#photos", [{"name": "den.jpg", "mimeType": "image/jpeg", "buffer": photo("navy", True)}])
    page.click("form[data-report] button[type=submit]")


def test_filed_without_a_line(phone: BrowserContext, city: City) -> None:
    """Offline the kept form opens and two reports wait; one is deleted, the other sent once when the line is back."""
    before, page = reports(city), phone.new_page()
    page.goto(f"{city.address}/report")
    page.wait_for_function(READY)
    phone.set_offline(True)
    page.goto(f"{city.address}/report")
    expect(page.get_by_text("Không có mạng.")).to_be_visible()
    fill_in(page, "Đèn trước cổng chợ Đông Ba tắt từ tối qua.")
    expect(page).to_have_url(f"{city.address}/report/waiting")
    expect(page.locator("[data-outbox-first]")).to_have_text("Chưa gửi được: 1")
    page.goto(f"{city.address}/report")
    expect(page.locator("[data-unsent]")).to_contain_text("Chưa gửi được: 1")
    fill_in(page, "Gửi nhầm, xóa đi.")
    expect(page.locator("[data-outbox-first]")).to_have_text("Chưa gửi được: 2")
    page.get_by_role("listitem").filter(has_text="Gửi nhầm").get_by_role("button", name="Xóa").click()
    expect(page.locator("[data-outbox-first]")).to_have_text("Chưa gửi được: 1")
    assert reports(city) == before
    phone.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    code = page.locator("#outbox [data-part=code]")
    expect(code).to_be_visible()
    report = find_by_code(city.parts.citizens, code.inner_text())
    assert report.description == "Đèn trước cổng chợ Đông Ba tắt từ tối qua."
    assert (report.unit, len(report.photos)) == (COMMUNE, 1)
    page.evaluate("() => self.outbox.send()")
    assert reports(city) == before + 1
    kept = json.dumps(page.evaluate("() => self.outbox.list()"))
    assert "Đông Ba" not in kept
    page.get_by_role("link", name="Theo dõi").first.click()
    expect(page.get_by_text(report.description)).to_be_visible()


def test_a_line_that_breaks_while_sending(phone: BrowserContext, city: City) -> None:
    """An answer that is lost after the server filed the report does not file it twice: the key is the same."""
    before, page = reports(city), phone.new_page()
    page.goto(f"{city.address}/report/waiting")
    page.wait_for_function(READY)
    lost: list[Any] = []

    def cut(route: Any) -> None:
        lost.append(route.fetch())
        route.abort()

    put = """async (unit) => self.outbox.put({
      key: self.outbox.newKey(), at: 1, state: "waiting", name: "Đèn", photos: [],
      fields: [["category", "street_light"], ["description", "Đứt mạng giữa chừng."], ["unit", unit]],
    })"""
    page.evaluate(put, COMMUNE)
    page.route("**/api/reports", cut, times=1)
    page.evaluate("() => self.outbox.send()")
    expect(page.locator("[data-outbox-first]")).to_have_text("Chưa gửi được: 1")
    assert (len(lost), reports(city)) == (1, before + 1)
    page.click("[data-send]")
    expect(page.locator("#outbox [data-part=code]")).to_be_visible()
    assert reports(city) == before + 1


def test_what_the_server_refuses_is_mended(phone: BrowserContext, city: City) -> None:
    """A report that cannot be filed as it is waits for its person, who finds it in the form again."""
    page = phone.new_page()
    page.goto(f"{city.address}/report/waiting")
    page.evaluate(
        """async () => { await self.outbox.put({ key: self.outbox.newKey(), at: 1, state: "waiting", name: "Đèn",
        photos: [], page: "", fields: [["category", "street_light"], ["description", "Không có nơi nào."]] });
        await self.outbox.send(); }"""
    )
    expect(page.locator("#outbox [data-part=state]")).to_have_text("Cần sửa trước khi gửi.")
    page.get_by_role("link", name="Mở lại để sửa").click()
    expect(page.locator("#description")).to_have_value("Không có nơi nào.")
    page.select_option("#unit", COMMUNE)
    page.click("form[data-report] button[type=submit]")
    page.wait_for_function("async () => ((await self.outbox?.list())?.length ?? 0) === 0")


def test_nobodys_page_is_kept(phone: BrowserContext, city: City) -> None:
    """With somebody signed in, the browser keeps the form, the list and static files: no name, no other page."""
    page, official = phone.new_page(), city.samples["official"]
    page.goto(f"{city.address}/login")
    page.fill("#login", official.login)
    page.fill("#password", official.password)
    page.click("main button[type=submit]")
    page.goto(f"{city.address}/report")
    page.wait_for_function(READY)
    for path in ("/work", "/account", "/report", "/reports"):
        page.goto(f"{city.address}{path}")
    kept = dict(page.evaluate(KEPT))
    pages = {path: text for path, text in kept.items() if not path.startswith("/static/")}
    assert pages.keys() == {"/report/offline", "/report/waiting"}
    assert not [path for path, text in pages.items() if official.display_name in text or "/logout" in text]
    phone.set_offline(True)
    page.goto(f"{city.address}/work")
    expect(page.locator("h1")).to_have_text("Phản ánh chờ gửi")


def test_manifest_and_worker(city: City) -> None:
    """The manifest names the city and its start; the worker is checked anew each time and may load from here only."""
    manifest = httpx.get(f"{city.address}/manifest.webmanifest")
    assert manifest.headers["content-type"] == "application/manifest+json"
    assert (manifest.json()["start_url"], manifest.json()["display"]) == ("/report", "standalone")
    worker = httpx.get(f"{city.address}/worker.js")
    assert worker.headers["cache-control"] == "no-cache"
    assert "default-src 'self'" in worker.headers["content-security-policy"]
    for address in json.loads(worker.text.split("SHELL = ")[1].split(";\n")[0]):
        assert httpx.get(f"{city.address}{address}").status_code == 200, address
