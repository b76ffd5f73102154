"""Story: two communes merge; nothing is lost, nothing counted twice, and the heir answers for what is open."""

from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from dothi.citizens import Filing, file_report
from dothi.citizens.model import TYPE
from dothi.ground.errors import Invalid
from dothi.hub.model import system
from dothi.territory.gazetteer import today
from tests.web.city import COMMUNE, PROVINCE, City, make_city
from tests.web.watch import axe, signed_in, watch

PHU_XUAN = "19753"
READER = system("tests")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city of its own: its units change."""
    with make_city(tmp_path_factory.mktemp("merger")) as made:
        yield made


def by_unit(city: City) -> Counter[str]:
    """Reports by the code that they carry."""
    return Counter(str(one.value("unit")) for one in city.parts.hub.find(READER, TYPE, limit=1000))


def test_two_communes_merge(city: City, browser: Browser) -> None:
    """The steward records the decision on the page; the heir's official finds and takes the other commune's report."""
    old = [
        city.run(
            file_report(city.parts.citizens, Filing("street_light", f"Đèn số {n} Đinh Tiên Hoàng tắt.", unit=PHU_XUAN))
        )
        for n in (3, 17)
    ]
    before = by_unit(city)
    official = signed_in(browser, city, "official").new_page()
    official.goto(f"{city.address}/case/{old[0].number}")
    expect(official.locator("main")).not_to_contain_text("Đèn số 3 Đinh Tiên Hoàng")

    steward = watch(signed_in(browser, city, "data_steward"))
    steward.open(f"{city.address}/mergers")
    page = steward.page
    page.fill("#communes", f"Phú Xuân, {COMMUNE}")
    page.fill("#code", "Phường Thuận Hóa")
    page.fill("#name", "Thuận Hóa")
    page.fill("#day", today().isoformat())
    page.fill("#decision", "Nghị quyết 99/NQ-UBTVQH16 (mẫu)")
    page.get_by_role("button", name="Xem trước").click()
    expect(page.locator(".error-summary")).to_contain_text("Tên bắt đầu bằng")
    page.fill("#name", "phường Thuận Hóa")
    page.get_by_role("button", name="Xem trước").click()
    expect(page.locator("main")).to_contain_text("2 đơn vị thành Phường Thuận Hóa")
    assert axe(page) == []
    page.get_by_role("button", name="Ghi nhận sáp nhập").click()
    expect(page.locator("main")).to_contain_text("Đã ghi nhận: Phường Thuận Hóa")

    heir = signed_in(browser, city, "official").new_page()  # A new session: areas are read when it opens.
    heir.goto(f"{city.address}/work")
    expect(heir.locator("main")).to_contain_text("Đèn số 3 Đinh Tiên Hoàng")
    expect(heir.locator("main")).to_contain_text("Đèn số 17 Đinh Tiên Hoàng")
    heir.goto(f"{city.address}/case/{old[0].number}")
    heir.get_by_role("button", name="Tiếp nhận").first.click()
    expect(heir.locator("main")).to_contain_text("Đã tiếp nhận")

    assert by_unit(city) == before, "every report keeps the code it was filed under"
    here = city.parts.territory
    assert sum(by_unit(city)[code] for code in here.within(PROVINCE)) == before.total(), "and is counted once"
    assert here.with_former(COMMUNE) == {COMMUNE, PHU_XUAN}
    with pytest.raises(Invalid, match="in force"):
        city.run(file_report(city.parts.citizens, Filing("road", "Ổ gà trước chợ.", unit=PHU_XUAN)))
