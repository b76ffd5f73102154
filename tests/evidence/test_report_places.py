"""Reports of a province, with its communes side by side and nothing counted twice, of a week, and of a scheme."""

from datetime import date
from typing import Any

import pytest

from dothi.evidence.report.model import Stage
from dothi.evidence.report.schemes import members, schemes
from dothi.evidence.report.service import asked_about, begin, snapshot_of
from dothi.evidence.report.signing import moved
from dothi.ground.clock import DAY, iso
from dothi.ground.errors import Forbidden, Invalid
from dothi.hub.model import Attribute, prop, rel
from tests.evidence.conftest import HUE, OFFICER, PHU_XUAN, PROGRAMME, THUAN_HOA, Town
from tests.evidence.reporting import OFFICIAL, InTown, drafted, fill_months, links, opened, reports_of, signed, words

SCHEME = "urn:ngsi-ld:Scheme:do-thi-mau"


def test_a_province_adds_up_its_communes(in_town: InTown) -> None:
    """Each commune has its line; the total is the whole's own figure, equal to the lines and what lies in none."""

    async def story(town: Town) -> None:
        month = await fill_months(town)
        await reports_of(town, month.inside, 400, 0, 2, HUE)  # At the province's own desk.
        duty = await drafted(town, OFFICER, HUE)
        snapshot = snapshot_of(town.evidence, duty)
        assert snapshot is not None
        grid = snapshot.data.grids["communes"]
        communes = town.evidence.territory.communes_of(HUE)
        assert {row.unit for row in grid.rows} == {one.code for one in communes}
        by_unit = {row.unit: row.cells for row in grid.rows}
        assert by_unit[PHU_XUAN]["filed"].value == 28
        assert by_unit[THUAN_HOA]["filed"].value == 7
        assert grid.rest == {"filed": 2.0, "answered": 2.0}
        whole = snapshot.data.figures["filed"].value
        assert whole == 37
        assert sum(row.cells["filed"].value or 0 for row in grid.rows) + grid.rest["filed"] == whole
        empty = next(row for row in grid.rows if row.unit not in (PHU_XUAN, THUAN_HOA))
        assert empty.cells["filed"].value == 0  # Asked, and there were none.
        assert empty.cells["on-time"].shown == "chưa có số liệu"  # Nothing to take a share of.
        report = await signed(town, duty, OFFICER)
        doc = opened(town, report)
        text = words(doc)
        assert "Kết quả theo xã, phường" not in text  # The heading of the section says it.
        for part in ("Phường Phú Xuân", "Tổng cộng", "Cấp tỉnh hoặc chưa rõ địa bàn"):
            assert part in text
        cells = [name for _, name in links(doc) if f":{PHU_XUAN}:" in name]
        assert all(":published:" in name for name in cells if "reports-filed" in name)
        assert len(links(doc)) > len(communes) * 6
        with pytest.raises(Forbidden):
            await drafted(town, OFFICIAL, HUE)

    in_town(story)


def test_a_merged_commune_is_counted_once(in_town: InTown) -> None:
    """What lies under a code that closed into one heir stands in the heir's line, once, and the total stays whole."""

    async def story(town: Town) -> None:
        month = await fill_months(town)
        territory = town.evidence.territory
        heirs = {one.code: territory.within(one.code) - {one.code} for one in territory.communes_of(HUE)}
        closed = {code for former in heirs.values() for code in former}
        assert not closed & {one.code for one in territory.communes_of(HUE, date(2026, 1, 1))}
        duty = await drafted(town, OFFICER, HUE)
        snapshot = snapshot_of(town.evidence, duty)
        assert snapshot is not None
        grid = snapshot.data.grids["communes"]
        codes = [code for row in grid.rows for code in territory.within(row.unit)]
        assert len(codes) == len(set(codes))  # No code counts for two lines.
        assert month.period.name == snapshot.data.period

    in_town(story)


def test_a_week_is_told_of_a_commune(in_town: InTown) -> None:
    """The week's report counts its week only, and its period stands in its subject."""

    async def story(town: Town) -> None:
        month = await fill_months(town)
        inside = iso(month.inside)
        year, week, _ = date.fromisoformat(inside[:10]).isocalendar()
        about = asked_about(town.evidence, OFFICIAL, "week", PHU_XUAN, f"{year}-W{week:02}", "", town.now)
        duty = await begin(town.evidence, OFFICIAL, about, now=town.now)
        snapshot = snapshot_of(town.evidence, duty)
        assert snapshot is not None
        assert snapshot.data.figures["filed"].value == 28
        other = asked_about(town.evidence, OFFICIAL, "week", PHU_XUAN, f"{year}-W{week + 1:02}", "", town.now)
        empty = snapshot_of(town.evidence, await begin(town.evidence, OFFICIAL, other, now=town.now))
        assert empty is not None
        assert empty.data.figures["filed"].value == 0
        old = empty.data.figures["filed"].before
        assert old is not None
        assert old.value == 28
        assert f"tuần {week:02} năm {year}" in words(opened(town, await signed(town, duty)))
        for kind, name in (("quarter", "2026-Q5"), ("decade", "2020"), ("year", "2199")):
            with pytest.raises(Invalid):
                asked_about(town.evidence, OFFICIAL, kind, PHU_XUAN, name, "", town.now)

    in_town(story)


async def fill_scheme(town: Town) -> None:
    """A scheme with a component, a plan under each, and tasks that hang on plans in more than one way."""

    async def noun(name: str, kind: str, **attrs: Attribute) -> None:
        await town.put(PROGRAMME, name, kind, unit=prop(PHU_XUAN), **attrs)

    state, late = prop("done"), prop(iso(town.now - DAY))
    await noun(SCHEME, "Scheme", title=prop("Đề án đô thị mẫu"), starts=prop("2025-01-01"), ends=prop("2027-12-31"))
    await noun(f"{SCHEME}-1", "Scheme", title=prop("Đề án thành phần"), parent=rel(SCHEME))
    for number, over in enumerate((SCHEME, f"{SCHEME}-1")):
        await noun(f"urn:ngsi-ld:Plan:{number}", "Plan", title=prop(f"Kế hoạch {number}"), scheme=rel(over))
    await noun("urn:ngsi-ld:SchemeTarget:1", "SchemeTarget", scheme=rel(SCHEME))
    twice: dict[str, Any] = {"plan": rel("urn:ngsi-ld:Plan:0"), "targets": rel(["urn:ngsi-ld:SchemeTarget:1"])}
    await noun("urn:ngsi-ld:Task:1", "Task", title=prop("Xong"), state=state, open=prop(False), due=late, **twice)
    below = rel("urn:ngsi-ld:Plan:1")
    await noun(
        "urn:ngsi-ld:Task:2", "Task", title=prop("Trễ"), state=prop("assigned"), open=prop(True), due=late, plan=below
    )
    await noun("urn:ngsi-ld:Task:3", "Task", title=prop("Ngoài đề án"), state=state, open=prop(False), due=late)


def test_a_scheme_is_summed_up(in_town: InTown) -> None:
    """Plans and tasks of a scheme and its components, each once; tasks outside it do not count; the list is linked."""

    async def story(town: Town) -> None:
        await fill_scheme(town)
        assert [one.id for one in schemes(town.evidence, OFFICER)][:2] == [SCHEME, f"{SCHEME}-1"]
        assert len(members(town.evidence, SCHEME)) == 6
        about = asked_about(town.evidence, OFFICER, "scheme", PHU_XUAN, "", SCHEME, town.now)
        duty = await begin(town.evidence, OFFICER, about, now=town.now)
        snapshot = snapshot_of(town.evidence, duty)
        assert snapshot is not None
        said = {name: one.value for name, one in snapshot.data.figures.items()}
        assert (said["plans"], said["tasks"], said["done"], said["late"], said["dropped"]) == (2, 2, 1, 1, 0)
        assert said["done-share"] == 50
        assert [row[1] for row in snapshot.data.lists["tasks"].rows] == ["Xong", "Trễ"]
        report = await signed(town, duty, OFFICER)
        text = words(opened(town, report))
        assert "Tổng kết Đề án đô thị mẫu giai đoạn 2025 - 2026" in text
        assert "Ngoài đề án" not in text
        assert any(behind == "list:late" for _, behind in links(opened(town, report)))
        state = {"state": prop("done"), "open": prop(False)}
        attrs = {"title": prop("Trễ"), "due": prop(iso(town.now)), "plan": rel("urn:ngsi-ld:Plan:1"), **state}
        await town.put(PROGRAMME, "urn:ngsi-ld:Task:2", "Task", unit=prop(PHU_XUAN), **attrs)
        changed = {one.id: one for one in moved(town.evidence, report, town.now)}
        assert (changed["done"].was, changed["done"].now) == ("1 nhiệm vụ", "2 nhiệm vụ")
        assert changed["done"].reasons == ({"code": "rowsIn", "count": 1},)
        assert {"code": "asOf"} in changed["late"].reasons
        assert town.hub.get(OFFICER, duty.id).value("state") == Stage.SIGNED
        with pytest.raises(Invalid, match="no scheme"):
            asked_about(town.evidence, OFFICER, "scheme", PHU_XUAN, "", "urn:ngsi-ld:Task:1", town.now)

    in_town(story)
