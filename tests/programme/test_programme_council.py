"""The council: opinions inside a limit, silence recorded, conclusions that are tasks, partners, explanations."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dothi.accounts.model import Identity
from dothi.accounts.store import Accounts
from dothi.accounts.vault import Vault
from dothi.ground.clock import DAY, HOUR, from_iso, iso
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.model import Actor, Commit, create, prop, rel, system
from dothi.programme import chasing
from dothi.programme.council import explanations, model, opinions, partners, service
from dothi.programme.council.model import Closed, File, Member
from dothi.programme.tasks import service as tasks
from tests.programme.conftest import COMMUNE, ELSEWHERE, NOW, OFFICER, OFFICIAL, PROVINCE, Town, new

CHAIR = Actor("user:chu-tich", frozenset({"official"}), frozenset({COMMUNE}))
MEMBERS = (
    Member("Phó Chủ tịch UBND tỉnh (mẫu)", PROVINCE),
    Member("Chủ tịch UBND phường Thuận Hóa (mẫu)", COMMUNE),
    Member("Giám đốc Sở Xây dựng (mẫu)", PROVINCE, "user:giam-doc"),
)


@pytest.fixture
def council(town: Town) -> Town:
    model.own(town.programme)
    return town


def meeting(town: Town, held_at: str = "2026-11-20T08:00:00+07:00") -> str:
    body = town.run(
        service.keep_body(town.programme, OFFICER, "Hội đồng điều phối (mẫu)", "council", PROVINCE, MEMBERS)
    )
    return town.run(service.call_session(town.programme, OFFICER, body, "Phiên thứ nhất", held_at, ["Quy chế", ""]))


def asked(town: Town, hours: float = 8) -> tuple[str, str]:
    session = meeting(town)
    name = town.run(opinions.ask_opinions(town.programme, OFFICER, session, "Dự thảo quy chế", hours, now=NOW))
    return session, name


def test_a_session_has_agenda_and_dossier(council: Town) -> None:
    """A session keeps its points and files; the same file twice is one, a file that the hub lacks is refused."""
    session = meeting(council)
    file = File(council.hub.keep_file(b"%PDF-1.4 du thao"), "du-thao.pdf", "application/pdf")
    council.run(service.add_files(council.programme, OFFICER, session, (file, file)[:1]))
    council.run(service.add_files(council.programme, OFFICER, session, (file,)))
    found = service.one_session(council.programme, OFFICER, session)
    assert (found.agenda, [one.name for one in found.dossier]) == (("Quy chế",), ["du-thao.pdf"])
    with pytest.raises(Missing):
        council.run(service.add_files(council.programme, OFFICER, session, (File("0" * 64, "x", "x"),)))


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("kind", {"kind": "club"}),
        ("name", {"name": " "}),
        ("members", {"members": ()}),
        ("members", {"members": (Member("Ai đó", "99999"),)}),
        ("unit", {"unit": "99"}),
    ],
)
def test_a_body_that_cannot_be(council: Town, field: str, values: dict[str, Any]) -> None:
    """A body without name, members or a real unit is refused, and the field is named."""
    said = {"name": "Tổ công tác", "kind": "group", "unit": PROVINCE, "members": MEMBERS} | values
    with pytest.raises(Invalid) as refused:
        council.run(
            service.keep_body(council.programme, OFFICER, said["name"], said["kind"], said["unit"], said["members"])
        )
    assert refused.value.fields["field"] == field


def test_each_member_is_asked_and_the_silent_are_recorded(council: Town) -> None:
    """Eight working hours after the question the round closes by its timer: who said nothing is silent, for good."""
    _, name = asked(council)
    mine = opinions.opinions(council.programme, OFFICER, name)
    assert [(one.state, one.assignee) for one in mine] == [
        ("waiting", PROVINCE),
        ("waiting", COMMUNE),
        ("waiting", PROVINCE),
    ]
    assert council.hub.get(OFFICER, mine[0].id).value("open") is True
    due = from_iso(mine[0].due)
    assert due - NOW > 8 * HOUR  # The lunch hour and the night are not worked.
    council.run(opinions.give_opinion(council.programme, OFFICIAL, mine[1].id, "changes", "Thêm đại diện phường", NOW))
    assert council.run(chasing.ring(council.programme, due - 1)) == 0
    assert council.run(chasing.ring(council.programme, due)) == 1
    assert council.run(chasing.ring(council.programme, due)) == 0
    states = [one.state for one in opinions.opinions(council.programme, OFFICER, name)]
    assert states == ["silent", "given", "silent"]
    assert opinions.rounds(council.programme, OFFICER, mine[0].session)[0].state == "closed"
    with pytest.raises(Closed):
        council.run(opinions.give_opinion(council.programme, OFFICER, mine[0].id, "agree", now=due + 1))


def test_who_may_give_an_opinion(council: Town) -> None:
    """The member's unit, the named member, or the clerk for paper; nobody else, and never twice."""
    _, name = asked(council)
    first, second, third = opinions.opinions(council.programme, OFFICER, name)
    for opinion in (first, third):
        with pytest.raises((Forbidden, Missing)):
            council.run(opinions.give_opinion(council.programme, OFFICIAL, opinion.id, "agree", now=NOW))
    with pytest.raises(Invalid):
        council.run(opinions.give_opinion(council.programme, OFFICIAL, second.id, "disagree", " ", NOW))
    with pytest.raises(Invalid):
        council.run(opinions.give_opinion(council.programme, OFFICIAL, second.id, "perhaps", "x", NOW))
    council.run(opinions.give_opinion(council.programme, OFFICER, third.id, "agree", now=NOW))
    with pytest.raises(Closed):
        council.run(opinions.give_opinion(council.programme, OFFICER, third.id, "disagree", "không", NOW))


def test_an_opinion_is_answered_with_a_reason(council: Town) -> None:
    """Taken over or explained, with the reason; silence is not answered."""
    _, name = asked(council)
    first, second, _ = opinions.opinions(council.programme, OFFICER, name)
    council.run(opinions.give_opinion(council.programme, OFFICIAL, second.id, "changes", "Thêm điểm c", NOW))
    for wrong in (("taken", " "), ("later", "để sau")):
        with pytest.raises(Invalid):
            council.run(opinions.answer_opinion(council.programme, OFFICER, second.id, *wrong))
    council.run(opinions.answer_opinion(council.programme, OFFICER, second.id, "taken", "Đã thêm vào khoản 2"))
    found = opinions.one_opinion(council.programme, OFFICER, second.id)
    assert (found.answer, found.reason) == (model.Answer.TAKEN, "Đã thêm vào khoản 2")
    with pytest.raises(Closed):
        council.run(opinions.answer_opinion(council.programme, OFFICER, first.id, "taken", "x"))


def test_a_conclusion_is_a_task_in_one_step(council: Town) -> None:
    """The task carries session and conclusion as sources; a repeat makes no second one; the result is read back."""
    session = meeting(council)
    made = [
        council.run(
            service.conclude(council.programme, OFFICER, session, "Phường Thuận Hóa lập kế hoạch", new(), "k1", NOW)
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]
    ((conclusion, task),) = service.conclusions(council.programme, OFFICER, session)
    assert task is not None
    assert set(task.sources) == {session, conclusion.id}
    council.run(tasks.finish(council.programme, OFFICER, task.id, "Đã nghiệm thu", (council.evidence(),), NOW))
    ((_, done),) = service.conclusions(council.programme, OFFICER, session)
    assert done is not None
    assert (done.state, len(done.evidence)) == ("done", 1)


def test_an_unclear_conclusion_writes_nothing(council: Town) -> None:
    """What is not clear in all five leaves neither a task nor a conclusion; a session ahead concludes nothing."""
    session = meeting(council)
    with pytest.raises(Invalid):
        council.run(service.conclude(council.programme, OFFICER, session, "Làm ngay", new(output=""), "k", NOW))
    with pytest.raises(Invalid):
        council.run(service.conclude(council.programme, OFFICER, session, " ", None, "k", NOW))
    assert service.conclusions(council.programme, OFFICER) == []
    assert tasks.tasks(council.programme, OFFICER) == []
    ahead = meeting(council, "2026-12-01T08:00:00+07:00")
    with pytest.raises(Closed):
        council.run(service.conclude(council.programme, OFFICER, ahead, "Sớm", None, "k", NOW))


def test_a_conclusion_becomes_a_task_later(council: Town) -> None:
    """A conclusion recorded without a task is issued once."""
    session = meeting(council)
    name = council.run(service.conclude(council.programme, OFFICER, session, "Ghi nhận", None, "k2", NOW))
    task = council.run(service.conclusion_to_task(council.programme, OFFICER, name, new(), NOW))
    assert service.conclusions(council.programme, OFFICER, session)[0][1] is not None
    assert tasks.task(council.programme, OFFICER, task).sources == (session, name)
    with pytest.raises(Closed):
        council.run(service.conclusion_to_task(council.programme, OFFICER, name, new(), NOW))


def test_only_what_is_red_is_explained(council: Town) -> None:
    """A late task is explained by its unit; one that is on time is not, and nobody is asked twice at once."""
    late = council.run(tasks.issue_task(council.programme, OFFICER, new(due="2026-11-20"), now=NOW))
    fine = council.run(tasks.issue_task(council.programme, OFFICER, new(due="2026-12-20"), now=NOW))
    ask = explanations.ask_explanation
    with pytest.raises(explanations.NotRed):
        council.run(ask(council.programme, OFFICER, fine, "Vì sao?", 8, NOW))
    name = council.run(ask(council.programme, OFFICER, late, "Vì sao trễ?", 8, NOW))
    with pytest.raises(Conflict):
        council.run(ask(council.programme, OFFICER, late, "Vì sao trễ?", 8, NOW))
    stranger = Actor("user:la", frozenset({"official"}), frozenset({ELSEWHERE}))
    with pytest.raises(Forbidden):
        council.run(explanations.explain(council.programme, stranger, name, "Không phải tôi", NOW))
    found = explanations.one_explanation(council.programme, stranger, name)  # All staff read it.
    council.run(chasing.ring(council.programme, from_iso(found.due)))
    assert explanations.one_explanation(council.programme, OFFICER, name).state == "unanswered"
    council.run(explanations.explain(council.programme, OFFICIAL, name, "Chờ vật tư", from_iso(found.due) + 1))
    done = explanations.one_explanation(council.programme, OFFICER, name)
    assert (done.state, done.answer, done.late) == ("answered", "Chờ vật tư", True)


def test_a_figure_that_misses_its_target(council: Town) -> None:
    """A figure above its limit is red where less is better; its unit is asked."""
    assert explanations.misses(62, 50, "lower")
    assert not explanations.misses(62, 50, "higher")
    assert not explanations.misses(None, 50, "lower")
    town, sample = council, system("tests")
    indicator = create(
        "urn:ngsi-ld:Indicator:pm25", "Indicator", name=prop("Bụi"), target=prop(50), direction=prop("lower")
    )
    value = create(
        "urn:ngsi-ld:IndicatorValue:1",
        "IndicatorValue",
        indicator=rel(indicator.id),
        value=prop(62),
        unit=prop(COMMUNE),
        live=prop(True),
        periodEnd=prop("2026-12-01T00:00:00Z"),
    )
    town.run(town.hub.commit(Commit(sample, (indicator, value))))
    (red,) = explanations.red_figures(town.programme, OFFICER)
    assert (red.id, red.value, red.target, red.unit) == (value.id, 62, 50, COMMUNE)
    name = town.run(explanations.ask_explanation(town.programme, OFFICER, value.id, "Vì sao?", 8, NOW))
    assert explanations.one_explanation(town.programme, OFFICER, name).assignee == COMMUNE


@pytest.fixture
def vault(tmp_path: Path) -> Any:
    accounts = Accounts.open(tmp_path, lambda code: frozenset({code}))
    made = asyncio.run(Vault.open(tmp_path, accounts))
    yield made
    made.close()
    accounts.close()


def call(**changed: Any) -> partners.NewCall:
    said = {
        "kind": "contest",
        "title": "Ý tưởng giảm ngập (mẫu)",
        "words": "Ai cũng gửi được.",
        "opens": "2026-11-20",
        "closes": "2026-11-30",
        "answer_hours": 16,
        "unit": PROVINCE,
        "criteria": (("Tính khả thi", 10), ("Chi phí", 5)),
    }
    return partners.NewCall(**{**said, **changed})


def test_a_contest_is_judged_after_its_close_and_in_public(council: Town, vault: Vault) -> None:
    """Nobody is judged while others may hand in; points stay inside the criteria; then everybody reads the reason."""
    programme = council.programme
    name = council.run(partners.open_call(programme, OFFICER, call()))
    who = Identity(name="Công ty A", phone="0905000111")
    code = council.run(partners.hand_in(programme, vault, name, "Vườn mưa", "Trồng cỏ giữ nước", who, NOW))
    submission = partners.followed(programme, code.lower()).id
    assert partners.answered(programme, name) == ([], 1)
    text = repr([one.attrs for one in (council.hub.get(system("t"), submission),)])
    assert "Công ty" not in text
    assert "0905" not in text
    with pytest.raises(Missing):
        council.hub.get(OFFICER, submission.replace("Submission", "SubmissionContact"))
    with pytest.raises(Closed):
        council.run(partners.judge(programme, OFFICER, submission, "chosen", "Hay", (8, 4), NOW))
    later = from_iso("2026-12-01T03:00:00Z")
    for points in ((8,), (11, 4), (-1, 4)):
        with pytest.raises(Invalid):
            council.run(partners.judge(programme, OFFICER, submission, "chosen", "Hay", points, later))
    council.run(partners.judge(programme, OFFICER, submission, "chosen", "Khả thi, rẻ", (8, 4), later))
    (shown,), waiting = partners.answered(programme, name)
    assert (shown.answer, shown.points, waiting) == ("Khả thi, rẻ", (8, 4), 0)
    with pytest.raises(Closed):
        council.run(partners.hand_in(programme, vault, name, "Muộn", "Muộn", None, later))


def test_a_question_of_a_partner_is_answered_within_a_limit(council: Town, vault: Vault) -> None:
    """A dialogue takes questions at any time of its period; each has a deadline of its own and stands on a desk."""
    dialogue = call(kind="dialogue", criteria=(), closes="2027-12-31", answer_hours=8)
    name = council.run(partners.open_call(council.programme, OFFICER, dialogue))
    code = council.run(partners.hand_in(council.programme, vault, name, "Xin mặt bằng", "Ở đâu?", None, NOW))
    found = partners.followed(council.programme, code)
    entity = council.hub.get(OFFICER, found.id)
    assert (entity.value("open"), entity.value("assignee")) == (True, PROVINCE)
    assert 0 < from_iso(found.due) - NOW < 4 * DAY
    with pytest.raises(Invalid):
        council.run(partners.judge(council.programme, OFFICER, found.id, "chosen", "x", (), NOW))
    council.run(partners.judge(council.programme, OFFICER, found.id, "answered", "Tại khu A", (), NOW))
    assert partners.followed(council.programme, code).answer == "Tại khu A"
    with pytest.raises(Missing):
        partners.followed(council.programme, "KHONGCO123")


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("kind", {"kind": "party"}),
        ("closes", {"closes": "2026-11-01"}),
        ("opens", {"opens": "mai"}),
        ("criteria", {"criteria": ()}),
        ("criteria", {"criteria": (("Điểm", 0),)}),
        ("answer_hours", {"answer_hours": 0}),
        ("title", {"title": ""}),
        ("words", {"words": "x" * 5001}),
    ],
)
def test_a_call_that_cannot_be(council: Town, field: str, changed: dict[str, Any]) -> None:
    """A call without criteria, with a period that runs backwards or without words is refused by field."""
    with pytest.raises(Invalid) as refused:
        council.run(partners.open_call(council.programme, OFFICER, call(**changed)))
    assert refused.value.fields["field"] == field
    assert iso(NOW)
