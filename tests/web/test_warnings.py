"""A warning in a real browser: one writes and cannot release, the leader releases, it widens, it ends."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree
from playwright.sync_api import Browser, Page, expect

from dothi.hub.model import system
from dothi.operations.warnings.cap.checks import errors
from dothi.operations.warnings.cap.reading import from_xml
from dothi.operations.warnings.cap.writing import to_xml
from tests.operations.warnings.test_operations_bulletins import message
from tests.web.city import City
from tests.web.watch import axe


@pytest.fixture
def browser(drawing: Browser) -> Browser:
    """These pages are about a map."""
    return drawing


def signed_in(browser: Browser, city: City, role: str, script: bool) -> Page:
    page = browser.new_context(java_script_enabled=script, locale="vi-VN", accept_downloads=True).new_page()
    sample = city.samples[role]
    page.goto(f"{city.address}/login")
    page.fill("#login", sample.login)
    page.fill("#password", sample.password)
    page.click("main button[type=submit]")
    return page


@pytest.fixture
def officer(browser: Browser, city: City) -> Iterator[Page]:
    """The duty officer, with JavaScript."""
    page = signed_in(browser, city, "duty_officer", script=True)
    yield page
    page.context.close()


@pytest.fixture
def leader(browser: Browser, city: City) -> Iterator[Page]:
    """The leader, without JavaScript."""
    page = signed_in(browser, city, "leader", script=False)
    yield page
    page.context.close()


def released(leader: Page, address: str) -> None:
    """The second person reads, ticks and releases; without a tick it does not go out."""
    leader.goto(address)
    leader.get_by_role("button", name="Phát hành").click()
    expect(leader.locator(".error-summary")).to_contain_text("Đánh dấu đủ")
    for box in leader.locator("input[name=checked]").all():
        box.check()
    leader.get_by_role("button", name="Phát hành tới người dân").click()
    expect(leader.locator("main")).to_contain_text("Đã phát hành")


def file_of(page: Page, folder: Path, name: str) -> bytes:
    """The CAP file as the browser saves it."""
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Tệp CAP 1.2").click()
    waiting.value.save_as(folder / name)
    return (folder / name).read_bytes()


def test_two_people_a_wider_area_and_the_all_clear(
    city: City, officer: Page, leader: Page, tmp_path: Path, shared_data: Path
) -> None:
    """From the choice of the danger to the all-clear, with a drawn part; each file is valid and names the earlier."""
    officer.goto(f"{city.address}/warnings")
    officer.get_by_role("link", name="Viết cảnh báo").click()
    officer.get_by_role("link", name="Sạt lở đất").click()
    assert axe(officer) == []  # The form has no address of its own among the pages that are looked at.
    officer.get_by_label("Tìm").fill("thuan hoa")
    officer.get_by_label("Phường Thuận Hóa").check()
    officer.get_by_role("button", name="Xem trước").click()
    assert officer.input_value("#headline_vi") == "Nguy cơ sạt lở đất tại Phường Thuận Hóa"
    expect(officer.locator("#preview")).to_contain_text("CANH BAO: Nguy co sat lo dat tai Phuong Thuan Hoa")
    officer.fill("#headline_vi", "Sạt lở tại đồi Vọng Cảnh")
    expect(officer.locator("#preview")).to_contain_text("CANH BAO: Sat lo tai doi Vong Canh")
    officer.get_by_role("button", name="Trình người thứ hai").click()
    expect(officer.locator("main")).to_contain_text("Bạn đã viết hoặc sửa cảnh báo này")
    expect(officer.get_by_role("button", name=re.compile("^Phát hành"))).to_have_count(0)
    key = officer.url.rpartition("/")[2]
    forced = officer.evaluate(
        """async () => { const form = new FormData(document.querySelector("form[action$='/refuse']"));
        for (const name of ["source", "area", "instruction", "time"]) form.append("checked", name);
        const body = new URLSearchParams(form);
        return (await fetch(location.pathname + "/release", { method: "POST", body })).status; }"""
    )
    assert forced == 403
    released(leader, officer.url)
    first = file_of(leader, tmp_path, "1.xml")

    officer.reload()
    officer.get_by_role("link", name="Viết tin cập nhật").click()
    officer.get_by_label("Phường Kim Long").check()
    officer.get_by_text("Vẽ khu vực trên bản đồ").click()
    expect(officer.locator("#draw-map[data-ready=yes]")).to_be_visible(timeout=15000)
    box = officer.locator("#draw-map canvas").bounding_box()
    assert box is not None
    officer.fill("#shapes", "Chân đồi\n16.44, 107.55\n16.45, 107.56")
    officer.evaluate("document.querySelector('#draw-map').map.jumpTo({center: [107.57, 16.43], zoom: 12})")
    officer.locator("#draw-map canvas").press("Enter")  # The middle of the map is the third corner.
    assert officer.input_value("#shapes").splitlines()[-1] == "16.43000, 107.57000"
    expect(officer.locator("[data-draw] [role=status]")).to_contain_text("3 góc")
    officer.get_by_role("button", name="Trình người thứ hai").click()
    released(leader, officer.url)
    second = file_of(leader, tmp_path, "2.xml")
    leader.goto(f"{city.address}/warning/{key}")
    expect(leader.locator("main")).to_contain_text("Tin mới hơn đã thay thế")

    officer.reload()
    officer.get_by_role("link", name="Báo hết nguy hiểm").click()
    officer.get_by_role("button", name="Trình người thứ hai").click()
    released(leader, officer.url)
    third = file_of(leader, tmp_path, "3.xml")

    schema = etree.XMLSchema(etree.parse(str(shared_data / "schemas/cap12.xsd")))
    for content in (first, second, third):
        schema.assertValid(etree.fromstring(content))
    read = [from_xml(content) for content in (first, second, third)]
    assert [errors(one) for one in read] == [(), (), ()]
    assert [one.msg_type for one in read] == ["Alert", "Update", "Update"]
    assert [len(one.references) for one in read] == [0, 1, 2]
    assert [area.desc for area in read[1].infos[0].areas] == ["Phường Thuận Hóa", "Phường Kim Long", "Chân đồi"]
    assert read[2].infos[0].responses == ("AllClear",)


def test_a_bulletin_comes_in_without_javascript(city: City, leader: Page) -> None:
    """A CAP file is taken in and shown with level in number, word and colour; a broken one says why."""
    good, broken = to_xml(message(1)), to_xml(message(2, "Update"))
    leader.goto(f"{city.address}/bulletins/new")
    leader.set_input_files("#file", {"name": "tin.xml", "mimeType": "text/xml", "buffer": broken})
    leader.get_by_role("button", name="Nhập tệp").click()
    expect(leader.locator("main")).to_contain_text("CAP 1.2 section 3.2.1")
    late = good.replace(b"2026-11-22T20:00:00", b"2036-11-22T20:00:00")
    leader.set_input_files("#file", {"name": "tin.xml", "mimeType": "text/xml", "buffer": late})
    leader.get_by_role("button", name="Nhập tệp").click()
    row = leader.locator("details", has_text="Tin lũ số 1 (mẫu)")
    expect(row.locator(".hazard.level-3")).to_have_text("cấp 3")
    row.locator("summary").click()
    row.get_by_role("link", name="Viết cảnh báo theo bản tin").click()
    assert leader.locator("#bulletin option:checked").text_content() == "Tin lũ số 1 (mẫu) – cấp 3"


def test_an_incident_brings_its_place_along(city: City, leader: Page) -> None:
    """From an incident the form begins with its commune and names it, so that the incident knows its warnings."""
    incident = city.parts.hub.get(system("test"), f"urn:ngsi-ld:Incident:{city.values['incident']}")
    leader.goto(f"{city.address}/warnings/new?hazard=flood&incident={city.values['incident']}")
    assert leader.input_value("input[name=incident]") == incident.id
    ticked = leader.locator("input[name=units]:checked").evaluate_all("boxes => boxes.map((box) => box.value)")
    assert ticked == [incident.value("unit")]
