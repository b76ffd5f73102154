"""Schemes and plans from draft to summing-up, their codes, targets, versions and reviews, and what rests on the law."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dothi.ground.clock import DAY, from_iso
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.model import Change, Commit, Op, create, prop, rel, system
from dothi.programme import law
from dothi.programme.model import IllegalMove, Provision
from dothi.programme.plans import codes, documents, reading, targets, versions
from dothi.programme.plans.model import NEXT, NewDocument, NewTarget, Stage, Stand, Step
from dothi.programme.tasks import following, service
from tests.programme.conftest import COMMUNE, NOW, OFFICER, OFFICIAL, PROVINCE, Town, new

SCHEME = NewDocument(
    "Đề án phát triển đô thị thông minh (mẫu)",
    PROVINCE,
    PROVINCE,
    2026,
    vision="Đô thị đáng sống, người dân là trung tâm (mẫu)",
    vision_year=2035,
    stages=(Stage(2026, 2030, 2), Stage(2031, 2035, 3)),
    sample=True,
)
PLAN = NewDocument("Kế hoạch phường (mẫu)", COMMUNE, COMMUNE, 2026, kind="local")
APPROVAL = {"number": "12/QĐ-UBND", "date": "2026-03-01", "by": "UBND thành phố"}
SAID = {
    Step.CONSULT: {"note": "Đã lấy ý kiến 30 ngày"},
    Step.APPROVE: APPROVAL,
    Step.ENFORCE: {"date": "2026-04-01"},
    Step.SUM_UP: {"note": "Đã tổng kết"},
}


def draft(town: Town, of: str = "Scheme", **changed: Any) -> str:
    base = SCHEME if of == "Scheme" else PLAN
    return town.run(documents.draft(town.programme, OFFICER, of, replace(base, **changed)))


def steps(town: Town, name: str, *verbs: Step, now: int = NOW) -> None:
    for verb in verbs:
        town.run(documents.step(town.programme, OFFICER, name, verb, SAID[verb], now))


def test_the_life_of_a_scheme(town: Town) -> None:
    """Draft, consulted, approved by a decision, in force, summed up: each step is kept with what it says."""
    name = draft(town)
    assert documents.document(town.programme, OFFICER, name).state is Stand.DRAFT
    steps(town, name, Step.CONSULT, Step.APPROVE, Step.ENFORCE, Step.SUM_UP)
    one = documents.document(town.programme, OFFICER, name)
    assert (one.state, one.approval) == (Stand.SUMMED_UP, APPROVAL)
    assert [step["verb"] for step in one.steps] == ["consult", "approve", "enforce", "sum_up"]
    assert {step["actor"] for step in one.steps} == {OFFICER.id}


def test_no_approval_without_consultation(town: Town) -> None:
    """A scheme is consulted on before it is approved; a plan need not be; no other step is left out."""
    scheme, plan = draft(town), draft(town, "Plan")
    for verb in (Step.APPROVE, Step.ENFORCE, Step.SUM_UP):
        with pytest.raises(IllegalMove):
            steps(town, scheme, verb)
    steps(town, plan, Step.APPROVE)
    assert len(NEXT["Plan"]) == len(NEXT["Scheme"]) + 1


@pytest.mark.parametrize("lacking", ["number", "date", "by"])
def test_an_approval_names_its_decision(town: Town, lacking: str) -> None:
    """No approval without number, date and who took it; a date is a date."""
    name = draft(town)
    steps(town, name, Step.CONSULT)
    for wrong in ({**APPROVAL, lacking: " "}, {**APPROVAL, "date": "tháng ba"}):
        with pytest.raises(Invalid):
            town.run(documents.step(town.programme, OFFICER, name, Step.APPROVE, wrong))
    assert documents.document(town.programme, OFFICER, name).state is Stand.CONSULTED


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": " "},
        {"vision": ""},
        {"vision_year": 2020},
        {"stages": ()},
        {"stages": (Stage(2026, 2030, 4),)},
        {"stages": (Stage(2026, 2031, 1),)},
        {"stages": (Stage(2030, 2026, 1),)},
        {"stages": (Stage(2026, 2030, 1), Stage(2032, 2035, 2))},
        {"stages": (Stage(2026, 2030, 2), Stage(2031, 2035, 1))},
        {"year": 1999},
    ],
)
def test_a_scheme_makes_sense(town: Town, wrong: dict[str, Any]) -> None:
    """Stages follow each other, last up to five years and climb from level 1 to 3; a vision lies ahead."""
    with pytest.raises(Invalid):
        draft(town, **wrong)


@pytest.mark.parametrize(
    "wrong", [{"kind": "own"}, {"kind": "sector"}, {"sector": "y tế"}, {"ends": 2025}, {"lead": " "}]
)
def test_a_plan_makes_sense(town: Town, wrong: dict[str, Any]) -> None:
    """A sector plan names its sector, a local plan has none, and it ends after it begins."""
    with pytest.raises(Invalid):
        draft(town, "Plan", **wrong)


def test_component_schemes(town: Town) -> None:
    """A component scheme hangs on its parent, a plan on its scheme; neither on something else."""
    whole = draft(town)
    part = draft(town, title="Đề án thành phần (mẫu)", parent=whole)
    plan = draft(town, "Plan", scheme=whole)
    assert [one.id for one in documents.documents(town.programme, OFFICER, "Scheme", parent=whole)] == [part]
    assert [one.id for one in documents.documents(town.programme, OFFICER, "Plan", scheme=whole)] == [plan]
    with pytest.raises(Missing):
        draft(town, parent=plan)
    with pytest.raises(Missing):
        draft(town, "Plan", scheme="urn:ngsi-ld:Scheme:none")


def test_codes_are_given_in_order(town: Town) -> None:
    """Each plan has a readable code of unit, year and number; two at once get two numbers; a repeat gets none."""
    assert codes.next_code(town.programme, "Plan", COMMUNE, 2026) == f"KH-{COMMUNE}-2026-001"

    async def both() -> list[str]:
        verbs = [documents.draft(town.programme, OFFICER, "Plan", PLAN, key) for key in ("a", "b", "c", "a")]
        return await asyncio.gather(*verbs)

    made = town.run(both())
    assert made[0] == made[3]
    assert sorted({one.rpartition(":")[2] for one in made}) == [f"KH-{COMMUNE}-2026-00{n}" for n in (1, 2, 3)]
    other = draft(town, "Plan", year=2027, ends=2027)
    assert other.endswith(f"KH-{COMMUNE}-2027-001")
    with pytest.raises(Forbidden):  # Nothing that has a code is deleted, so that no number comes again.
        town.run(town.hub.commit(Commit(OFFICER, (Change(Op.DELETE, made[0]),))))


def test_who_drafts(town: Town) -> None:
    """A commune's official drafts the plan of the commune, and neither a scheme nor the province's plan."""
    town.run(documents.draft(town.programme, OFFICIAL, "Plan", PLAN))
    for kind, what in (("Scheme", SCHEME), ("Plan", replace(PLAN, unit=PROVINCE, lead=PROVINCE))):
        with pytest.raises(Forbidden):
            town.run(documents.draft(town.programme, OFFICIAL, kind, what))


def test_adjusted_with_reason_and_difference(town: Town) -> None:
    """What was approved is adjusted by a decision with its reason; what differs between two days can be seen."""
    name = draft(town)
    steps(town, name, Step.CONSULT, Step.APPROVE, Step.ENFORCE)
    before = town.hub.log()[-1].at
    stages = [{"first": 2026, "last": 2030, "level": 1}, {"first": 2031, "last": 2035, "level": 3}]
    for wrong in (
        ({"stages": stages}, " ", "15/QĐ-UBND"),
        ({"stages": stages}, "Thiếu nguồn lực", ""),
        ({"code": "X"}, "vì", "1"),
        ({"title": SCHEME.title}, "vì", "1"),
        ({"title": " "}, "vì", "1"),
        ({"stages": [{"first": 2026, "last": 2040, "level": 1}]}, "vì", "1"),
    ):
        with pytest.raises(Invalid):
            town.run(documents.adjust(town.programme, OFFICER, name, *wrong))
    town.run(documents.adjust(town.programme, OFFICER, name, {"stages": stages}, "Thiếu nguồn lực", "15/QĐ-UBND"))
    (revision,) = documents.document(town.programme, OFFICER, name).revisions
    assert (revision["fields"], revision["reason"], revision["number"]) == (
        ["stages"],
        "Thiếu nguồn lực",
        "15/QĐ-UBND",
    )
    (found,) = versions.between(town.programme, OFFICER, name, before, town.hub.log()[-1].at)
    assert (found.field, found.before[0]["level"], found.after[0]["level"]) == ("stages", 2, 1)
    assert versions.between(town.programme, OFFICER, name, before - DAY, before)[0].before is None


def test_reviewed_when_due(town: Town) -> None:
    """In force it is reviewed every year; a month before it stands among the work of its unit, then the next is set."""
    name = draft(town)
    steps(town, name, Step.CONSULT, Step.APPROVE, Step.ENFORCE, now=NOW)
    one = documents.document(town.programme, OFFICER, name)
    assert one.next_review == "2027-11-22T16:59:59Z"
    assert town.hub.get(OFFICER, name).value("open") is False
    town.run(following.tick(town.programme, from_iso("2027-10-20T00:00:00Z")))
    assert town.hub.get(OFFICER, name).value("open") is False
    town.run(following.tick(town.programme, from_iso("2027-10-24T00:00:00Z")))
    owed = town.hub.get(OFFICER, name)
    assert [owed.value(key) for key in ("open", "assignee", "due")] == [True, PROVINCE, one.next_review]
    assert documents.review_is_late(one, from_iso("2027-12-01T00:00:00Z"))
    at = from_iso("2027-11-20T00:00:00Z")
    for note, day in ((" ", ""), ("đủ", "2027-11-01"), ("đủ", "sang năm")):
        with pytest.raises(Invalid):
            town.run(documents.review(town.programme, OFFICER, name, note, day, at))
    town.run(documents.review(town.programme, OFFICER, name, "Giữ nguyên mục tiêu", "2028-05-31", at))
    one = documents.document(town.programme, OFFICER, name)
    assert (one.next_review, one.steps[-1]["note"]) == ("2028-05-31T16:59:59Z", "Giữ nguyên mục tiêu")
    steps(town, name, Step.SUM_UP, now=at)
    assert town.run(following.tick(town.programme, from_iso("2028-05-30T00:00:00Z"))) == 0
    with pytest.raises(IllegalMove):
        town.run(documents.review(town.programme, OFFICER, name, "nữa"))
    with pytest.raises(IllegalMove):
        town.run(documents.adjust(town.programme, OFFICER, name, {"title": "Khác"}, "vì", "1"))


def test_months() -> None:
    """A year after 29 February is 28 February; a month after 31 January is its last day."""
    assert documents.months_later("2028-02-29", 12) == "2029-02-28"
    assert documents.months_later("2027-01-31", 1) == "2027-02-28"
    assert documents.months_later("2026-12-15", 1) == "2027-01-15"


def indicator(town: Town, direction: str = "higher") -> str:
    name = f"urn:ngsi-ld:Indicator:{direction}"
    said = create(name, "Indicator", name=prop("Chỉ số"), direction=prop(direction))
    town.run(town.hub.commit(Commit(system("evidence"), (said,))))
    return name


def figure(town: Town, of: str, value: float | None, month: str) -> None:
    attrs = {"indicator": rel(of), "unit": prop(PROVINCE), "live": prop(True), "periodEnd": prop(f"{month}-28")}
    if value is not None:
        attrs["value"] = prop(value)
    name = f"urn:ngsi-ld:IndicatorValue:{of[-6:]}:{month}"
    town.run(town.hub.commit(Commit(system("evidence"), (create(name, "IndicatorValue", **attrs),))))


def test_targets(town: Town) -> None:
    """A target is tied to an indicator with value and year, or is a level; it says how far it is."""
    scheme, up, down = draft(town), indicator(town), indicator(town, "lower")
    base = NewTarget("90 % đúng hạn (mẫu)", 2027, PROVINCE, up, 90.0, "P1")
    level = NewTarget("Đạt cấp độ 2 vào 2027 (mẫu)", 2027, PROVINCE, level=2)
    made = [
        town.run(targets.add_target(town.programme, OFFICER, scheme, one))
        for one in (base, replace(base, indicator=down), level)
    ]
    listed = {one.id: one for one in targets.targets_of(town.programme, OFFICER, scheme)}
    judged = lambda: [targets.reached(town.programme, OFFICER, listed[name]).standing for name in made]  # noqa: E731
    assert judged() == ["unknown", "unknown", "unknown"]
    for of in (up, down):
        figure(town, of, 95.0, "2026-10")
    assert judged() == ["met", "missed", "unknown"]
    figure(town, up, None, "2026-11")  # Grey: what is not known is not met.
    assert judged() == ["unknown", "missed", "unknown"]


@pytest.mark.parametrize(
    "wrong",
    [
        NewTarget("", 2027, PROVINCE, level=2),
        NewTarget("Không đo", 2027, PROVINCE),
        NewTarget("Cả hai", 2027, PROVINCE, "urn:ngsi-ld:Indicator:higher", 1.0, level=2),
        NewTarget("Không số", 2027, PROVINCE, "urn:ngsi-ld:Indicator:higher"),
        NewTarget("Cấp 4", 2027, PROVINCE, level=4),
        NewTarget("Năm nào", 1945, PROVINCE, level=2),
    ],
)
def test_a_target_can_be_measured(town: Town, wrong: NewTarget) -> None:
    """Nothing is promised that nobody can measure; an indicator must be there."""
    scheme = draft(town)
    with pytest.raises(Invalid):
        town.run(targets.add_target(town.programme, OFFICER, scheme, wrong))
    ghost = NewTarget("Ma", 2027, PROVINCE, "urn:ngsi-ld:Indicator:none", 1.0)
    with pytest.raises(Missing):
        town.run(targets.add_target(town.programme, OFFICER, scheme, ghost))


def test_counted_by_plan(town: Town) -> None:
    """Tasks are counted by plan: open, late, at risk, done and dropped; the lists hold what the counts count."""
    plan = draft(town, "Plan")
    for due in ("2026-11-20", "2026-11-25", "2027-03-01"):
        town.run(service.issue_task(town.programme, OFFICER, new(plan=plan, due=due), now=NOW))
    gone = town.run(service.issue_task(town.programme, OFFICER, new(plan=plan), now=NOW))
    town.run(service.drop(town.programme, OFFICER, gone, "thôi"))
    town.run(service.issue_task(town.programme, OFFICER, new(), now=NOW))
    found = reading.counts(town.programme, OFFICER, NOW, plan=plan)
    assert (found.open, found.late, found.at_risk, found.done, found.dropped, found.whole) == (3, 1, 1, 0, 1, 4)
    assert reading.counts(town.programme, OFFICER, NOW).open == 4
    for show in reading.SHOWS:
        assert len(reading.tasks_shown(town.programme, OFFICER, show, NOW, plan=plan)) == getattr(found, show)


def test_what_rests_on_the_law(town: Town) -> None:
    """Everything that rests on a provision is listed by type; when it ends its successor is named, and no circle."""
    provisions = [Provision("47/2020/NĐ-CP", 1), Provision("278/2025/NĐ-CP", 1)]
    old, following_one = [town.run(law.keep_provision(town.programme, OFFICER, one)) for one in provisions]
    scheme = draft(town, legal_bases=(old, following_one))
    goal = NewTarget("Cấp độ 2", 2027, PROVINCE, level=2, legal_basis=old)
    town.run(targets.add_target(town.programme, OFFICER, scheme, goal))
    for _ in range(2):
        town.run(service.issue_task(town.programme, OFFICER, new(legal_basis=old)))
    found = law.resting(town.programme, OFFICER, old, limit=1)
    assert {one.type: (one.count, len(one.entities)) for one in found} == {
        "Scheme": (1, 1),
        "SchemeTarget": (1, 1),
        "Task": (2, 1),
    }
    assert [one.type for one in law.resting(town.programme, OFFICER, following_one)] == ["Scheme"]
    town.run(law.replace(town.programme, OFFICER, old, following_one, "2025-10-21", "278/2025/NĐ-CP"))
    ended = law.provision(town.programme, OFFICER, old)
    assert (ended.valid_to, ended.replaced_by, law.valid_on(ended, "2026-01-01")) == (
        "2025-10-21",
        following_one,
        False,
    )
    for name, successor, day, why in (
        (following_one, old, "2026-01-01", "vòng"),
        (old, old, "2026-01-01", "chính nó"),
        (following_one, old, "hôm qua", "vì"),
        (old, following_one, "2026-01-01", " "),
    ):
        with pytest.raises(Invalid):
            town.run(law.replace(town.programme, OFFICER, name, successor, day, why))
    with pytest.raises(Missing):
        law.provision(town.programme, OFFICER, scheme)
    with pytest.raises(Invalid):
        Provision("1/2020/NĐ-CP", 1, valid_from="2020-02-01", valid_to="2020-01-01")


def test_two_hands_on_one_scheme(town: Town) -> None:
    """Of two who move one scheme at the same time, one is told."""
    name = draft(town)

    async def both() -> list[Any]:
        verbs = [documents.step(town.programme, OFFICER, name, Step.CONSULT, SAID[Step.CONSULT]) for _ in "ab"]
        return await asyncio.gather(*verbs, return_exceptions=True)

    assert sum(isinstance(one, Conflict) for one in town.run(both())) == 1
