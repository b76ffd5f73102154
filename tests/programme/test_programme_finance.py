"""Projects and their finance: whole đồng by source, never more paid than given, sums that leave nothing out."""

from dataclasses import replace
from typing import Any

import pytest

from dothi.ground.errors import Invalid, Missing
from dothi.programme.model import IllegalMove
from dothi.programme.plans import documents, projects
from dothi.programme.plans.model import NewDocument
from dothi.programme.plans.projects import Funding, NewProject, Stand
from tests.programme.conftest import COMMUNE, NOW, OFFICER, PROVINCE, Town

BILLION = 10**9
BASE = NewProject(
    *("Chiếu sáng thông minh (mẫu)", "", PROVINCE, COMMUNE, (COMMUNE,), 2026, "2026-06-01", "2027-06-30"),
    zone="Phân khu A (mẫu)",
    location={"type": "Point", "coordinates": [107.58, 16.46]},
)
FUNDING = (Funding("state_budget", 12 * BILLION), Funding("ppp", 3 * BILLION, "Nhà đầu tư (mẫu)"))
BENEFITS = {"people": "Đường sáng hơn", "business": "", "state": "Giảm 30 % tiền điện (ước tính, mẫu)"}


def propose(town: Town, **changed: Any) -> str:
    plan = NewDocument("Kế hoạch (mẫu)", PROVINCE, PROVINCE, 2026, kind="local")
    of = town.run(documents.draft(town.programme, OFFICER, "Plan", plan))
    return town.run(projects.propose(town.programme, OFFICER, replace(BASE, plan=of, **changed)))


def funded(town: Town) -> str:
    """An approved project with 15 billion đồng from two sources, for 16."""
    name = propose(town)
    town.run(projects.set_finance(town.programme, OFFICER, name, FUNDING, 16 * BILLION, BILLION, BENEFITS))
    town.run(projects.move(town.programme, OFFICER, name, Stand.APPROVED))
    return name


def pay(town: Town, name: str, amount: int, kind: str = "ppp", day: str = "2026-10-01", note: str = "") -> None:
    town.run(projects.disburse(town.programme, OFFICER, name, day, amount, kind, note, NOW))


def test_proposed(town: Town) -> None:
    """A project has a code of its own, a place, a zone and a time."""
    name = propose(town)
    one = projects.project(town.programme, OFFICER, name)
    assert (one.code, one.state, one.zone) == (f"DUAN-{PROVINCE}-2026-001", Stand.PROPOSED, "Phân khu A (mẫu)")
    assert one.location == BASE.location
    assert [found.id for found in projects.projects(town.programme, OFFICER, one.plan)] == [name]


@pytest.mark.parametrize("wrong", [{"title": " "}, {"units": ()}, {"ends": "2026-01-01"}, {"starts": "mai"}])
def test_a_project_makes_sense(town: Town, wrong: dict[str, Any]) -> None:
    """A name, a place and a time that runs forward; it belongs to a plan that is there."""
    with pytest.raises(Invalid):
        propose(town, **wrong)
    with pytest.raises(Missing):
        town.run(projects.propose(town.programme, OFFICER, replace(BASE, plan="urn:ngsi-ld:Plan:none")))


def test_what_it_costs_and_who_pays(town: Town) -> None:
    """Sources, cost to make and to run, benefit for people, business and State; what no source gives is told."""
    one = projects.project(town.programme, OFFICER, funded(town))
    assert (one.funded, one.gap, one.opex) == (15 * BILLION, BILLION, BILLION)
    assert one.benefits == {"people": "Đường sáng hơn", "state": "Giảm 30 % tiền điện (ước tính, mẫu)"}


@pytest.mark.parametrize(
    ("funding", "capex", "benefits"),
    [
        ((Funding("lottery", 1),), 1, {}),
        ((Funding("oda", -1),), 1, {}),
        ((), -1, {}),
        ((), 10**16, {}),
        ((), 1.5, {}),
        ((), True, {}),
        ((), 1, {"friends": "nhiều"}),
    ],
)
def test_no_senseless_money(town: Town, funding: tuple[Funding, ...], capex: Any, benefits: dict[str, str]) -> None:
    """Amounts are whole đồng from a known source; benefit is for people, business or State."""
    name = propose(town)
    with pytest.raises(Invalid):
        town.run(projects.set_finance(town.programme, OFFICER, name, funding, capex, 0, benefits))
    assert projects.project(town.programme, OFFICER, name).funding == ()


def test_disbursed_by_day(town: Town) -> None:
    """Payments are told by day and source; one taken back needs its reason and is kept beside the first."""
    name = funded(town)
    pay(town, name, 2 * BILLION, "state_budget", "2026-09-15")
    pay(town, name, BILLION)
    with pytest.raises(Invalid):
        pay(town, name, -BILLION)
    pay(town, name, -BILLION, day="2026-11-01", note="Chuyển nhầm, đã thu hồi")
    one = projects.project(town.programme, OFFICER, name)
    days = ("2026-09-14", "2026-09-15", "2026-10-31", "2026-11-01")
    assert [one.disbursed(day) for day in days] == [0, 2 * BILLION, 3 * BILLION, 2 * BILLION]
    assert len(one.disbursements) == 3


@pytest.mark.parametrize(
    ("amount", "kind", "day"),
    [
        (0, "ppp", "2026-10-01"),
        (4 * BILLION, "ppp", "2026-10-01"),
        (1, "oda", "2026-10-01"),
        (1, "ppp", "2026-11-23"),
        (1, "ppp", "hôm qua"),
        (-1, "ppp", "2026-10-01"),
    ],
)
def test_never_more_than_given(town: Town, amount: int, kind: str, day: str) -> None:
    """Nothing is paid beyond its source, from another source, or in the future; nor taken back unpaid."""
    name = funded(town)
    with pytest.raises(Invalid):
        pay(town, name, amount, kind, day, "vì")


def test_paid_only_when_approved(town: Town) -> None:
    """What is only proposed is not paid; a source that has paid cannot be taken from the list."""
    name = propose(town)
    with pytest.raises(IllegalMove):
        pay(town, name, 1)
    name = funded(town)
    pay(town, name, BILLION)
    with pytest.raises(Invalid):
        town.run(projects.set_finance(town.programme, OFFICER, name, FUNDING[:1], 16 * BILLION, 0, {}))


def test_totals(town: Town) -> None:
    """Sums by source over projects; a project without figures is counted as such and is not zero đồng."""
    first, second = funded(town), propose(town)
    pay(town, first, 3 * BILLION)
    listed = [projects.project(town.programme, OFFICER, name) for name in (first, second)]
    found = projects.totals(listed)
    assert (found.projects, found.without, found.capex, found.funded) == (2, 1, 16 * BILLION, 15 * BILLION)
    assert found.by_source == {"state_budget": (12 * BILLION, 0), "ppp": (3 * BILLION, 3 * BILLION)}
    assert found.share == 0.2
    assert projects.totals(listed, "2026-09-30").disbursed == 0
    assert projects.totals([listed[1]]).share is None


def test_states(town: Town) -> None:
    """A project runs after it was approved, stops with a reason, and then stays stopped."""
    name = funded(town)
    with pytest.raises(IllegalMove):
        town.run(projects.move(town.programme, OFFICER, name, Stand.FINISHED))
    town.run(projects.move(town.programme, OFFICER, name, Stand.RUNNING))
    with pytest.raises(Invalid):
        town.run(projects.move(town.programme, OFFICER, name, Stand.STOPPED))
    town.run(projects.move(town.programme, OFFICER, name, Stand.STOPPED, "Hết vốn"))
    assert projects.project(town.programme, OFFICER, name).reason == "Hết vốn"
    for to in Stand:
        with pytest.raises(IllegalMove):
            town.run(projects.move(town.programme, OFFICER, name, to, "vì"))
