"""Orders in the browser: three taps with a photo, the link without an account, and ten minutes without a wire."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount

from dothi.app import verbs
from dothi.operations.incidents.log import read_log
from dothi.operations.incidents.orders import service
from dothi.operations.incidents.orders.model import SYSTEM, Order, Said, State
from dothi.operations.incidents.orders.reading import orders_of
from dothi.web.site import site
from tests.web.city import COMMUNE, City
from tests.web.orders import DUTY, give_order
from tests.web.test_citizens import photo

READY = "() => navigator.serviceWorker.controller?.state === 'activated'"
KEPT = """async (path) => {
  const open = indexedDB.open("dothi-duty", 1);
  const base = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
  const all = base.transaction("pages").objectStore("pages").getAll();
  const found = await new Promise((resolve) => { all.onsuccess = () => resolve(all.result); });
  base.close();
  return found.some((one) => one.path === path);
}"""
LYING = """async () => {
  const open = indexedDB.open("dothi-duty", 1);
  const base = await new Promise((resolve) => { open.onsuccess = () => resolve(open.result); });
  const read = (name) => new Promise((resolve) => {
    const all = base.transaction(name).objectStore(name).getAll();
    all.onsuccess = () => resolve(all.result);
  });
  const letters = (value) => value instanceof ArrayBuffer ? new TextDecoder("latin1").decode(value) : value;
  const found = [await read("deeds"), await read("pages"), (await read("keys")).map((key) => key.user)];
  base.close();
  return JSON.stringify(found, (_, value) => letters(value));
}"""


class Wire:
    """The city on an address of its own that can be cut and joined again: one port, the server killed between."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.app = Starlette(routes=[Mount("/api", verbs(city.parts)), Mount("/", site(city.parts))])
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.join()

    def join(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.server = uvicorn.Server(uvicorn.Config(self.app, log_level="error", lifespan="off"))
        self.listener = listener
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def _serve(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.serve([self.listener]), self.city.loop).result()

    def cut(self) -> None:
        self.server.force_exit = True
        self.server.should_exit = True
        self.thread.join(10)
        self.listener.close()


@pytest.fixture
def wire(city: City) -> Iterator[Wire]:
    """A line that a test may cut."""
    made = Wire(city)
    yield made
    made.cut()


@contextmanager
def phone(browser: Browser, width: int = 360) -> Iterator[BrowserContext]:
    """A machine of its own."""
    context = browser.new_context(viewport={"width": width, "height": 740}, locale="vi-VN")
    context.set_default_timeout(15_000)
    yield context
    context.close()


def sign_in(page: Page, city: City, role: str, address: str) -> None:
    page.goto(f"{address}/login")
    page.fill("#login", city.samples[role].login)
    page.fill("#password", city.samples[role].password)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


def opened(page: Page, address: str, path: str) -> None:
    """Open a page, and wait until it could be read again without a wire."""
    page.goto(f"{address}{path}")
    page.wait_for_function(READY)
    page.wait_for_function(KEPT, arg=path)


def until(found: Callable[[], Any]) -> Any:
    """What is found within some seconds."""
    for _ in range(300):
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not come")


def order_now(city: City, order: Order) -> Order:
    return service.find(city.parts.operations, SYSTEM, order.id)


def test_three_taps_and_a_photo(browser: Browser, city: City) -> None:
    """A ward official finds the order in "Việc của tôi", receives, arrives, sends a photo; who gave it sees each."""
    order = city.run(give_order(city.parts, "Dọn cây đổ đường Đống Đa (mẫu)"))
    with phone(browser) as machine:
        page = machine.new_page()
        sign_in(page, city, "official", city.address)
        page.goto(f"{city.address}/work?q=Đống Đa")
        page.get_by_role("button", name="Tiếp nhận").click()
        page.goto(f"{city.address}/work?q=Đống Đa")
        page.get_by_role("link", name=order.title).click()
        expect(page.locator(".answer")).to_contain_text("Có mặt trước")
        page.get_by_role("button", name="Đã đến nơi").click()
        page.fill("#words", "Đã dọn xong, đường thông")
        page.get_by_role("button", name="Báo kết quả").click()
        expect(page.locator(".error-summary")).to_contain_text("ít nhất một ảnh")
        expect(page.locator("#words")).to_have_value("Đã dọn xong, đường thông")
        page.set_input_files("#proof", [{"name": "cay.jpg", "mimeType": "image/jpeg", "buffer": photo("navy", True)}])
        page.get_by_role("button", name="Báo kết quả").click()
        expect(page.locator(".answer")).to_contain_text("Đã xong lúc")
        expect(page.locator(".photos img")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert order_now(city, order).state is State.DONE


def test_a_unit_without_an_account(browser: Browser, city: City) -> None:
    """The commander's page shows the link; it opens the order for nobody in particular, and tells no person's name."""
    order = city.run(give_order(city.parts, "Trực trạm bơm (mẫu)", kind="standby"))
    with phone(browser) as machine, phone(browser) as stranger:
        page, other = machine.new_page(), stranger.new_page()
        sign_in(page, city, "duty_officer", city.address)
        page.goto(f"{city.address}/order/{order.name}")
        link = page.locator("#link").input_value()
        other.goto(link)
        other.get_by_role("button", name="Đã nhận lệnh").click()
        other.fill("#words", "Ba người đã trực")
        other.get_by_role("button", name="Báo kết quả").click()
        expect(other.locator(".answer")).to_contain_text("Đã xong lúc")
        assert DUTY.id not in other.content()
        other.goto(link[:-4] + "AAAA")
        expect(other.locator("h1")).to_have_text("Đường dẫn không đúng")
        page.goto(f"{city.address}/orders")
        expect(page.locator("h1")).to_have_text("Lệnh đang chạy")


@contextmanager
def api(city: City, role: str) -> Iterator[httpx.Client]:
    """A program that signed in as a sample person."""
    sample = city.samples[role]
    with httpx.Client(base_url=f"{city.address}/api", timeout=20) as client:
        answer = client.post("/session", json={"login": sample.login, "password": sample.password})
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield client


def test_orders_over_http(city: City) -> None:
    """A program gives, refuses, hands on and withdraws; an old version, a bad body and another's role are refused."""
    order = city.run(give_order(city.parts, "Mở cống Phú Cam (mẫu)"))
    with api(city, "duty_officer") as duty, api(city, "official") as official:
        body = {"title": "Trực cống (mẫu)", "units": [COMMUNE, "19753"], "kind": "standby"}
        path, key = f"/incidents/{order.incident}/orders", {"Idempotency-Key": "one key of sixteen"}
        made = duty.post(path, json=body, headers=key).raise_for_status().json()
        assert [one["orderedTo"] for one in made] == [COMMUNE, "19753"]
        assert [one["id"] for one in duty.post(path, json=body, headers=key).json()] == [one["id"] for one in made]
        assert official.post(path, json=body).status_code == 403
        assert duty.post(path, json={"title": "Trực"}).status_code == 422
        here = f"/orders/{order.name}"
        old = official.post(f"{here}/receive", json={"version": order.version + 7})
        assert (old.status_code, old.json()["state"]) == (409, "issued")
        said = {"words": "Không đủ người", "counter": "Phường bên làm được"}
        refused = official.post(f"{here}/refuse", json=said).raise_for_status().json()
        assert (refused["state"], refused["assignee"], refused["counter"]) == ("refused", "46", said["counter"])
        on = duty.post(f"{here}/reissue", json={"words": "Theo đề nghị", "unit": "19753"}).raise_for_status().json()
        new = duty.get(f"/orders/{on['replacedBy']}").json()
        assert (new["orderedTo"], new["state"], new["limits"]["receive"]["late"]) == ("19753", "issued", False)
        gone = duty.post(f"/orders/{new['id']}/withdraw", json={"words": "Đã xong"}).raise_for_status().json()
        assert (gone["state"], gone["open"]) == ("withdrawn", False)
        listed = duty.get("/orders", params={"incident": order.incident}).json()
        assert {one["id"] for one in listed} == {one["id"] for one in made}


def test_ten_minutes_without_a_line(browser: Browser, city: City, wire: Wire) -> None:
    """Offline an order, a receipt and two notes are typed; after the line and the server are back each came once."""
    order = city.run(give_order(city.parts, "Cảnh giới ngầm tràn (mẫu)"))
    incident, name = order.incident, order.incident.rpartition(":")[2]
    with phone(browser, 1280) as machine:
        page = machine.new_page()
        sign_in(page, city, "duty_officer", wire.address)
        for path in (f"/incident/{name}", f"/order/{order.name}", f"/incident/{name}/order"):
            opened(page, wire.address, path)
        machine.set_offline(True)
        typed = time.time() * 1_000_000
        page.fill("#title", "Đưa dân về trường học (mẫu)")
        page.locator("input[name=kind][value=evacuate]").check()
        page.get_by_role("button", name="Ra lệnh ngay").click()
        expect(page.locator("#duty-outbox")).to_contain_text("Ra lệnh: Đưa dân về trường học (mẫu) – chờ gửi")
        page.goto(f"{wire.address}/order/{order.name}")
        expect(page.locator("main .notice").first).to_contain_text("Mất kết nối. Số liệu lúc")
        page.get_by_role("button", name="Đã nhận lệnh").click()
        expect(page.get_by_role("button", name="Đã đến nơi")).to_be_visible()
        page.goto(f"{wire.address}/incident/{name}")
        for words in ("Nước lên 20 cm trong 10 phút", "Đã gọi đội xung kích"):
            page.locator("form[data-outbox=note] textarea[name=words]").fill(words)
            page.locator("form[data-outbox=note] button[type=submit]").click()
            expect(page.locator("#duty-outbox")).to_contain_text(words)
        expect(page.locator("[data-first]")).to_have_text("Đang mất kết nối. Số việc chờ gửi: 4")
        wire.cut()
        machine.set_offline(False)
        page.locator("#duty-outbox [data-send]").click()
        expect(page.locator("[data-first]")).to_have_text("Đang mất kết nối. Số việc chờ gửi: 4")
        assert order_now(city, order).state is State.ISSUED
        wire.join()
        expect(page.locator("[data-first]")).to_have_text("Đã gửi hết.", timeout=20_000)
        expect(page.locator("#duty-outbox li[data-state=sent]")).to_have_count(4)
    made = orders_of(city.parts.operations, SYSTEM, incident)
    given = [one for one in made if one.title.startswith("Đưa dân")]
    assert [(one.kind, one.ordered_to, len(one.steps)) for one in given] == [("evacuate", COMMUNE, 1)]
    received = [one for one in order_now(city, order).steps if one.verb == "receive"]
    notes = [one for one in read_log(city.parts.operations, SYSTEM, incident) if one.words]
    assert [one.words for one in notes] == ["Nước lên 20 cm trong 10 phút", "Đã gọi đội xung kích"]
    times = [given[0].steps[0].typed, received[0].typed, *(one.at for one in notes)]
    assert len(received) == 1
    assert times == sorted(times)
    assert times[0] >= typed - 1_000_000
    assert all(known >= at for known, at in [(given[0].steps[0].at, times[0]), (notes[0].known, notes[0].at)])


def test_withdrawn_meanwhile_and_sealed_at_sign_out(browser: Browser, city: City, wire: Wire) -> None:
    """What was typed offline survives a sign-out unreadable, goes out for its person only; a conflict is told."""
    order = city.run(give_order(city.parts, "Kiểm tra cống Kim Long (mẫu)", kind="report"))
    with phone(browser) as machine:
        page = machine.new_page()
        sign_in(page, city, "official", wire.address)
        opened(page, wire.address, f"/order/{order.name}")
        machine.set_offline(True)
        page.get_by_role("button", name="Đã nhận lệnh").click()
        page.fill("#words", "Cống thông, mực nước 40 cm")
        page.get_by_role("button", name="Báo kết quả").click()
        expect(page.locator("[data-first]")).to_have_text("Đang mất kết nối. Số việc chờ gửi: 2")
        assert "mực nước" not in page.evaluate(LYING)
        city.run(service.move(city.parts.operations, DUTY, order.id, "withdraw", Said("Đã có người kiểm tra")))
        machine.set_offline(False)
        machine.route("**/api/orders/**", lambda route: route.abort())  # Nothing goes out before the sign-out.
        page.goto(f"{wire.address}/work")
        page.locator("form[action='/logout'] button").last.evaluate("button => button.click()")
        page.wait_for_url(lambda url: "/work" not in url)
        lying = json.loads(page.evaluate(LYING))
        assert [len(part) for part in lying] == [2, 0, 0]
        machine.unroute("**/api/orders/**")
        sign_in(page, city, "duty_officer", wire.address)
        opened(page, wire.address, f"/order/{order.name}")
        expect(page.locator("#duty-outbox")).to_be_hidden()
        machine.clear_cookies()
        sign_in(page, city, "official", wire.address)
        page.goto(f"{wire.address}/order/{order.name}")
        refused = page.locator("#duty-outbox li[data-state=refused]")
        expect(refused).to_have_count(2, timeout=20_000)
        expect(refused.last).to_contain_text("bây giờ: Đã thu hồi")
        expect(refused.last).to_contain_text("Cống thông, mực nước 40 cm")
        refused.last.get_by_role("button", name="Bỏ khỏi danh sách").click()
        expect(refused).to_have_count(1)
    assert [one.verb for one in order_now(city, order).steps] == ["issue", "withdraw"]
