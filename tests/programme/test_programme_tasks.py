"""Work on tasks: parts with their clock, evidence kept once, bottlenecks, and what waits for what."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dothi.ground.clock import DAY, HOUR, from_iso
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.model import Actor
from dothi.programme.model import Evidence, IllegalMove, Programme
from dothi.programme.rules import load, parse, shipped
from dothi.programme.tasks import bottlenecks, dependencies, following, gantt, ledger, parts, proofs, service
from dothi.programme.tasks.bottlenecks import NewBottleneck
from dothi.programme.tasks.parts import Move, PartState
from tests.programme.conftest import COMMUNE, NOW, OFFICER, OFFICIAL, PROVINCE, Town, new

NEIGHBOUR = "19753"  # Another commune of the same province.
MONDAY = from_iso("2026-11-30T01:00:00Z")  # 08:00 in Vietnam.
NEIGHBOURS = Actor("user:hoa", frozenset({"official"}), frozenset({NEIGHBOUR}))
JPEG = b"\xff\xd8\xff photo"


def issue(town: Town, now: int = MONDAY, **changed: Any) -> str:
    return town.run(service.issue_task(town.programme, OFFICER, new(**changed), now=now))


def with_part(town: Town) -> tuple[str, str]:
    """A task led by one commune with a part of another; the ids of both."""
    name = issue(town, cooperating=(NEIGHBOUR,))
    (one,) = parts.parts_of(town.programme, OFFICER, name)
    return name, one.id


def test_a_part_is_owed_by_its_unit(town: Town) -> None:
    """Each cooperating unit gets a part of its own, with a limit in working hours, that stands among its work."""
    _, name = with_part(town)
    one = parts.part(town.programme, NEIGHBOURS, name)
    assert (one.state, one.of, one.assignee) == (PartState.ASKED, NEIGHBOUR, NEIGHBOUR)
    # 08:00 on Monday + 16 working hours of 8 a day (07:30 to 11:30, 13:00 to 17:00) = 08:00 on Wednesday.
    assert one.answer_by == "2026-12-02T01:00:00Z"
    owed = town.hub.get(NEIGHBOURS, name)
    assert [owed.value(key) for key in ("assignee", "open", "due")] == [NEIGHBOUR, True, one.answer_by]


def test_accepted_and_done(town: Town) -> None:
    """The unit accepts, does its part, and says what was done; the part then owes nothing."""
    _, name = with_part(town)
    town.run(parts.move(town.programme, NEIGHBOURS, name, Move.ACCEPT, now=MONDAY + HOUR))
    one = parts.part(town.programme, OFFICER, name)
    assert (one.state, one.due[:10]) == (PartState.ACCEPTED, "2026-12-31")
    with pytest.raises(Invalid):
        town.run(parts.move(town.programme, NEIGHBOURS, name, Move.FINISH, "  "))
    town.run(parts.move(town.programme, NEIGHBOURS, name, Move.FINISH, "Đã gửi danh sách đèn"))
    one = parts.part(town.programme, OFFICER, name)
    assert (one.state, one.note) == (PartState.DONE, "Đã gửi danh sách đèn")
    assert town.hub.get(OFFICER, name).value("open") is False


def test_nobody_answers_for_another_unit(town: Town) -> None:
    """Neither the lead nor the province accepts or returns in the name of a commune."""
    _, name = with_part(town)
    for who in (OFFICIAL, OFFICER):
        for verb in (Move.ACCEPT, Move.RETURN):
            with pytest.raises(Forbidden):
                town.run(parts.move(town.programme, who, name, verb, "vì"))
    assert parts.part(town.programme, OFFICER, name).state is PartState.ASKED


def test_returned_and_asked_again(town: Town) -> None:
    """A return needs its reason and puts the ball into the lead's field; asking again starts a new limit."""
    _, name = with_part(town)
    with pytest.raises(Invalid):
        town.run(parts.move(town.programme, NEIGHBOURS, name, Move.RETURN, " "))
    town.run(parts.move(town.programme, NEIGHBOURS, name, Move.RETURN, "Không thuộc địa bàn", now=MONDAY + HOUR))
    one = parts.part(town.programme, OFFICIAL, name)
    assert (one.state, one.assignee, one.reason) == (PartState.RETURNED, COMMUNE, "Không thuộc địa bàn")
    with pytest.raises(Missing):  # It is no longer the neighbour's.
        town.run(parts.move(town.programme, NEIGHBOURS, name, Move.ACCEPT))
    town.run(parts.move(town.programme, OFFICIAL, name, Move.ASK_AGAIN, "Phần cầu phía bạn", now=MONDAY + 2 * HOUR))
    again = parts.part(town.programme, NEIGHBOURS, name)
    assert (again.state, again.assignee) == (PartState.ASKED, NEIGHBOUR)
    assert from_iso(again.answer_by) > from_iso(one.answer_by)


def test_done_without(town: Town) -> None:
    """The lead does without a returned part, with the reason; a part that is closed moves no more."""
    _, name = with_part(town)
    town.run(parts.move(town.programme, NEIGHBOURS, name, Move.RETURN, "Không có người"))
    town.run(parts.move(town.programme, OFFICIAL, name, Move.WAIVE, "Tự làm"))
    assert parts.part(town.programme, OFFICIAL, name).state is PartState.WAIVED
    for verb in Move:
        with pytest.raises((IllegalMove, Forbidden)):
            town.run(parts.move(town.programme, OFFICIAL, name, verb, "lại"))


def test_time_is_charged_to_who_held_it(town: Town) -> None:
    """An hour before the return is the neighbour's, two hours until it is asked again are the lead's."""
    name, part = with_part(town)
    town.run(parts.move(town.programme, NEIGHBOURS, part, Move.RETURN, "Không rõ việc", now=MONDAY + HOUR))
    town.run(parts.move(town.programme, OFFICIAL, part, Move.ASK_AGAIN, "Rõ hơn", now=MONDAY + 3 * HOUR))
    town.run(parts.move(town.programme, NEIGHBOURS, part, Move.ACCEPT, now=MONDAY + 3 * HOUR + HOUR // 2))
    listed = parts.parts_of(town.programme, OFFICER, name)
    # Saturday and Sunday do not count, whoever holds it: looked at on the Monday after.
    charged = parts.charged(town.programme, listed, MONDAY + 7 * DAY)
    assert charged[COMMUNE] == {"returned": 2 * HOUR}
    assert charged[NEIGHBOUR]["asked"] == HOUR + HOUR // 2
    assert charged[NEIGHBOUR]["accepted"] == 5 * 8 * HOUR - 3 * HOUR - HOUR // 2
    whole = parts.spent(town.programme, listed[0], MONDAY + 7 * DAY)
    assert whole.total == sum(time for steps in charged.values() for time in steps.values())


def test_silence_is_told_and_goes_up(town: Town) -> None:
    """After the limit the silence stands on the part, and the province gets a bottleneck; nothing happens twice."""
    name, part = with_part(town)
    late = from_iso("2026-12-02T01:00:01Z")
    assert town.run(following.tick(town.programme, MONDAY + HOUR)) == 0
    assert town.run(following.tick(town.programme, late)) == 1
    assert town.run(following.tick(town.programme, late + HOUR)) == 0
    assert parts.part(town.programme, OFFICER, part).silent_at == "2026-12-02T01:00:01Z"
    (raised,) = bottlenecks.bottlenecks_of(town.programme, OFFICER, name)
    assert (raised.kind, raised.owner, raised.raised_by) == ("coordination", PROVINCE, "system:programme")
    assert "Phường" in raised.words
    assert town.hub.get(OFFICER, raised.id).value("open") is True
    town.run(parts.move(town.programme, NEIGHBOURS, part, Move.ACCEPT, now=late + 2 * HOUR))
    assert parts.part(town.programme, OFFICER, part).silent_at is None


def test_who_answered_in_time_is_left_alone(town: Town) -> None:
    """The clock of an answer that was given does not ring, nor that of a part done without."""
    _, part = with_part(town)
    town.run(parts.move(town.programme, NEIGHBOURS, part, Move.ACCEPT, now=MONDAY + HOUR))
    assert town.run(following.tick(town.programme, MONDAY + 30 * DAY)) == 0


@pytest.mark.parametrize(
    ("unit", "work", "due"), [(COMMUNE, "việc", ""), (NEIGHBOUR, " ", ""), (NEIGHBOUR, "việc", "2027-06-01")]
)
def test_no_senseless_part(town: Town, unit: str, work: str, due: str) -> None:
    """The lead does not cooperate with itself; a part says what is to do and is due before its task."""
    name = issue(town)
    with pytest.raises(Invalid):
        town.run(parts.ask(town.programme, OFFICIAL, name, unit, work, due))


def test_a_part_is_asked_for_later(town: Town) -> None:
    """A unit is asked when the need shows, once; a closed task asks for nothing."""
    name = issue(town)
    town.run(parts.ask(town.programme, OFFICIAL, name, NEIGHBOUR, "Gửi số liệu", now=MONDAY))
    assert service.task(town.programme, OFFICER, name).cooperating == (NEIGHBOUR,)
    with pytest.raises(Conflict):
        town.run(parts.ask(town.programme, OFFICIAL, name, NEIGHBOUR, "Gửi lại", now=MONDAY))
    town.run(service.drop(town.programme, OFFICER, name, "thôi"))
    with pytest.raises(Conflict):
        town.run(parts.ask(town.programme, OFFICIAL, name, "19777", "Gửi"))


def shown(town: Town, content: bytes = JPEG, media: str = "image/jpeg", **said: Any) -> Evidence:
    return Evidence(town.hub.keep_file(content), "anh.jpg", media, **said)


def test_evidence_is_of_the_kind_asked_for(town: Town) -> None:
    """A task that asks for a photo is not done by a document, one that asks for a decision not by a photo."""
    name = issue(town, evidence_kind="photo")
    with pytest.raises(Invalid, match="Ảnh hiện trường"):
        town.run(service.finish(town.programme, OFFICIAL, name, "xong", (town.evidence(),)))
    town.run(service.finish(town.programme, OFFICIAL, name, "xong", (shown(town),)))
    other = issue(town, evidence_kind="decision")
    with pytest.raises(Invalid):
        town.run(service.finish(town.programme, OFFICIAL, other, "xong", (shown(town),)))
    with pytest.raises(Invalid, match="evidence_kind"):
        issue(town, evidence_kind="lời hứa")


def test_one_file_proves_two_tasks(town: Town) -> None:
    """A file is kept once: what proved one task is attached to another without sending it again."""
    first, second = issue(town), issue(town, title="Việc khác")
    town.run(service.finish(town.programme, OFFICIAL, first, "xong", (town.evidence(),)))
    (kept,) = proofs.evidence_files(town.programme, OFFICIAL)
    known = proofs.evidence_id(kept.sha256)
    town.run(proofs.attach(town.programme, OFFICIAL, second, [known]))
    town.run(service.finish(town.programme, OFFICIAL, second, "xong", (), known=(known,)))
    for name in (first, second):
        assert [one.sha256 for one in service.task(town.programme, OFFICER, name).evidence] == [kept.sha256]
        assert town.hub.get(OFFICER, name).value("evidenceFiles") == [known]
    assert len(proofs.evidence_files(town.programme, OFFICER)) == 1


def test_expired_evidence_shows_nothing(town: Town) -> None:
    """Evidence that has ended is told so and finishes no task; ending before it begins is refused."""
    one = shown(town, kind="minutes", issuer="Sở Xây dựng", valid_from="2025-01-01", valid_to="2026-06-30")
    name = town.run(proofs.keep(town.programme, OFFICIAL, COMMUNE, one))
    (kept,) = proofs.evidence_files(town.programme, OFFICIAL)
    assert (kept.issuer, kept.expired("2026-06-30"), kept.expired("2026-07-01")) == ("Sở Xây dựng", False, True)
    task = issue(town)
    with pytest.raises(Invalid, match="expired"):
        town.run(service.finish(town.programme, OFFICIAL, task, "xong", (), NOW, (name,)))
    with pytest.raises(Invalid):
        town.run(proofs.keep(town.programme, OFFICIAL, COMMUNE, replace(one, valid_to="2024-01-01")))
    with pytest.raises(Missing):
        town.run(proofs.keep(town.programme, OFFICIAL, COMMUNE, replace(one, sha256="0" * 64)))
    with pytest.raises(Missing):
        town.run(proofs.attach(town.programme, OFFICIAL, task, [task]))


def test_bottlenecks(town: Town) -> None:
    """What stands in the way has a kind, an owner and an end; the open ones are counted by kind."""
    name = issue(town)
    said = NewBottleneck("data", "Chưa có dữ liệu đèn", PROVINCE, "2026-12-10")
    made = town.run(bottlenecks.raise_bottleneck(town.programme, OFFICIAL, name, said))
    town.run(bottlenecks.raise_bottleneck(town.programme, OFFICIAL, name, replace(said, kind="resources")))
    assert bottlenecks.by_kind(town.programme, OFFICER) == {
        **dict.fromkeys(("institution", "awareness", "coordination", "connectivity"), 0),
        "data": 1,
        "resources": 1,
    }
    assert bottlenecks.by_kind(town.programme, OFFICER, ["urn:ngsi-ld:Task:none"])["data"] == 0
    with pytest.raises(Invalid):
        town.run(bottlenecks.resolve(town.programme, OFFICER, made, " "))
    town.run(bottlenecks.resolve(town.programme, OFFICER, made, "Sở đã gửi danh mục"))
    one = bottlenecks.bottleneck(town.programme, OFFICIAL, made)
    assert (one.state, one.resolution) == ("resolved", "Sở đã gửi danh mục")
    assert bottlenecks.by_kind(town.programme, OFFICER)["data"] == 0
    with pytest.raises(IllegalMove):
        town.run(bottlenecks.resolve(town.programme, OFFICER, made, "lại"))
    for wrong in ({"kind": "weather"}, {"words": " "}, {"owner": ""}, {"due": "mai"}):
        with pytest.raises(Invalid):
            town.run(bottlenecks.raise_bottleneck(town.programme, OFFICIAL, name, replace(said, **wrong)))


def test_no_circle(town: Town) -> None:
    """A waits for B waits for C: that C waits for A is refused, and the circle is told by names."""
    first, second, third = (issue(town, title=title) for title in ("A", "B", "C"))
    town.run(dependencies.depend(town.programme, OFFICER, first, second))
    town.run(dependencies.depend(town.programme, OFFICER, second, third))
    with pytest.raises(Invalid, match="C → A → B → C"):
        town.run(dependencies.depend(town.programme, OFFICER, third, first))
    with pytest.raises(Invalid, match="circle"):
        town.run(dependencies.depend(town.programme, OFFICER, first, first))
    one = service.task(town.programme, OFFICER, first)
    assert [before.title for before in dependencies.waits_for(town.programme, one)] == ["B"]
    town.run(dependencies.release(town.programme, OFFICER, first, second))
    assert service.task(town.programme, OFFICER, first).depends_on == ()
    town.run(dependencies.depend(town.programme, OFFICER, third, first))
    with pytest.raises(Missing):
        town.run(dependencies.release(town.programme, OFFICER, first, second))


def test_two_hands_make_no_circle(town: Town) -> None:
    """Of two that would close a circle from both sides at the same time, one is refused."""
    first, second = issue(town, title="A"), issue(town, title="B")

    async def both() -> list[Any]:
        verbs = (
            dependencies.depend(town.programme, OFFICER, first, second),
            dependencies.depend(town.programme, OFFICER, second, first),
        )
        return await asyncio.gather(*verbs, return_exceptions=True)

    assert sum(isinstance(one, Conflict | Invalid) for one in town.run(both())) == 1


def test_gantt_as_the_council_saw_it(town: Town) -> None:
    """The chart beside any earlier day: a deadline moved since shows its slip, a later task was not known then."""
    name = issue(town, due="2026-12-31", starts="2026-11-01")
    instant = town.hub.log()[-1].at
    other = issue(town, title="Mới", due="2027-01-10")
    town.run(ledger.extend(town.programme, OFFICER, name, "2027-01-30", "Mưa lũ"))
    listed = service.tasks(town.programme, OFFICER)
    then = gantt.baseline_of(town.programme, OFFICER, listed, instant)
    drawn = gantt.chart(listed, MONDAY, then)
    assert [(bar.task.id, bar.slip_days) for bar in drawn.bars] == [(name, 30), (other, None)]
    assert [bar.task.id for bar in gantt.slips(drawn.bars)] == [name]
    assert [(one.year, one.month) for one in drawn.months] == [(2026, 11), (2026, 12), (2027, 1)]
    assert 0 <= drawn.share(drawn.bars[0].start) < drawn.share(drawn.bars[0].end) <= 1


def test_rules_are_data(town: Town) -> None:
    """A city sets its own limit; nonsense is refused before it is adopted."""
    tables = dict(shipped())
    longer = parse({**tables, "parts": {"answer_hours": 24, "silence_hours": 8}})
    slow = Town(Programme(town.hub, town.programme.territory, rules=longer))
    name = issue(slow, cooperating=(NEIGHBOUR,))
    assert parts.parts_of(town.programme, OFFICER, name)[0].answer_by == "2026-12-03T01:00:00Z"
    assert load().sample
    for wrong in ({"parts": {"answer_hours": 0, "silence_hours": 8}}, {"evidence": [{"id": "x", "media": ["film"]}]}):
        with pytest.raises((Invalid, KeyError)):
            parse({**tables, **wrong})


@pytest.mark.parametrize(
    "changed",
    [
        {"cooperating": (COMMUNE,)},
        {"level": "commune", "lead": PROVINCE},
        {"level": "nước"},
        {"starts": "2027-02-01"},
        {"starts": "hôm nay"},
        {"location": {"type": "Point", "coordinates": ["x"]}},
    ],
)
def test_a_task_makes_sense(town: Town, changed: dict[str, Any]) -> None:
    """Nobody cooperates with itself, a province leads no commune's own task, and nothing ends before it begins."""
    with pytest.raises(Invalid):
        issue(town, **changed)
    assert service.tasks(town.programme, OFFICER) == []


def test_a_measure_is_a_task_too(town: Town) -> None:
    """A solution (giải pháp) is a noun of its own and stands in every list of tasks, with its level and territory."""
    name = issue(town, solution=True, units=(COMMUNE, NEIGHBOUR))
    assert town.hub.get(OFFICER, name).types == ("Task", "Solution")
    (one,) = service.tasks(town.programme, OFFICER)
    assert (one.solution, one.level, one.units) == (True, "commune", (COMMUNE, NEIGHBOUR))
    assert [found.id for found in town.hub.find(OFFICER, "Solution")] == [name]
