"""Tasks from issue to evidence, the ledger of deadlines, and proposals that a person decides; whole after a crash."""

import asyncio
from typing import Any

import pytest

from dothi.ground.clock import DAY, from_iso
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.model import Commit, amend, prop, put
from dothi.programme.model import PROPOSALS, Evidence, IllegalMove, State
from dothi.programme.tasks import ledger, service
from tests.programme.conftest import COMMUNE, DUTY, ELSEWHERE, NOW, OFFICER, OFFICIAL, Town, new


def test_issued(town: Town) -> None:
    """A task begins assigned, with one deadline kept twice: the first one, and the one agreed now."""
    name = town.run(service.issue_task(town.programme, OFFICER, new(cooperating=(ELSEWHERE,)), now=NOW))
    one = service.task(town.programme, OFFICIAL, name)
    assert (one.state, one.progress, one.lead, one.cooperating) == (State.ASSIGNED, 0, COMMUNE, (ELSEWHERE,))
    assert one.due == one.original_due == "2026-12-31T16:59:59Z"
    entity = town.hub.get(OFFICER, name)
    assert (entity.value("assignee"), entity.value("open"), entity.value("unit")) == (COMMUNE, True, COMMUNE)


def test_unclear_is_refused(town: Town) -> None:
    """An order that is not clear writes nothing."""
    with pytest.raises(Invalid):
        town.run(service.issue_task(town.programme, OFFICER, new(output="", lead="")))
    assert service.tasks(town.programme, OFFICER) == []


def test_issued_twice_with_one_key(town: Town) -> None:
    """The same order sent again with its key makes no second task."""
    for _ in range(2):
        town.run(service.issue_task(town.programme, OFFICER, new(), key="task:1"))
    assert len(service.tasks(town.programme, OFFICER)) == 1


def test_where_it_may_be_issued(town: Town) -> None:
    """Nobody issues a task outside the own area, or without a role for it; generic writes are refused."""
    with pytest.raises(Forbidden):
        town.run(service.issue_task(town.programme, OFFICER, new(units=(ELSEWHERE,), lead=ELSEWHERE)))
    with pytest.raises(Forbidden):
        town.run(service.issue_task(town.programme, DUTY, new()))
    with pytest.raises(Forbidden, match="/api/tasks"):
        town.run(town.hub.commit(Commit(OFFICER, (put("urn:ngsi-ld:Task:x", "Task", unit=prop(COMMUNE)),))))


def test_ordered_by_deadline(town: Town) -> None:
    """Lists begin with what is due first."""
    for due in ("2027-02-01", "2026-12-01", "2027-01-01T00:00:00Z"):
        town.run(service.issue_task(town.programme, OFFICER, new(title=due, due=due)))
    assert [one.title[:7] for one in service.tasks(town.programme, OFFICER)] == ["2026-12", "2027-01", "2027-02"]


def test_ledger(town: Town) -> None:
    """Each extension is kept with who, when and why; the first deadline never changes and still counts as missed."""
    name = town.run(service.issue_task(town.programme, OFFICER, new(due="2026-11-30"), now=NOW))
    for due, reason in (("2026-12-15", "Thiếu vật tư"), ("2026-12-31", " Mưa lũ ")):
        town.run(ledger.extend(town.programme, OFFICER, name, due, reason, now=NOW))
    one = service.task(town.programme, OFFICER, name)
    assert one.original_due == "2026-11-30T16:59:59Z"
    assert one.due == "2026-12-31T16:59:59Z"
    assert [(step["from"][:10], step["to"][:10], step["reason"]) for step in one.extensions] == [
        ("2026-11-30", "2026-12-15", "Thiếu vật tư"),
        ("2026-12-15", "2026-12-31", "Mưa lũ"),
    ]
    assert {step["by"] for step in one.extensions} == {OFFICER.id}
    assert service.is_late(one, from_iso("2026-12-20T00:00:00Z")) == (True, False)
    assert service.is_late(one, from_iso("2027-01-01T00:00:00Z")) == (True, True)


@pytest.mark.parametrize(("due", "reason"), [("2027-01-31", "  "), ("2026-12-31", "như cũ"), ("hôm nào đó", "vì")])
def test_no_empty_extension(town: Town, due: str, reason: str) -> None:
    """An extension needs a reason and another day."""
    name = town.run(service.issue_task(town.programme, OFFICER, new()))
    with pytest.raises(Invalid):
        town.run(ledger.extend(town.programme, OFFICER, name, due, reason))
    assert service.task(town.programme, OFFICER, name).extensions == ()


def test_done_needs_evidence(town: Town) -> None:
    """There is no done without a file, nor with a file that the city does not have."""
    name = town.run(service.issue_task(town.programme, OFFICER, new()))
    with pytest.raises(Invalid, match="Biên bản nghiệm thu"):
        town.run(service.finish(town.programme, OFFICER, name, "xong", ()))
    ghost = Evidence("0" * 64, "x.pdf", "application/pdf")
    with pytest.raises(Missing):
        town.run(service.finish(town.programme, OFFICER, name, "xong", (ghost,)))
    assert service.task(town.programme, OFFICER, name).state is State.ASSIGNED


def test_done(town: Town) -> None:
    """A finished task keeps its evidence and its day, is late by that day only, and takes no verb any more."""
    name = town.run(service.issue_task(town.programme, OFFICER, new(due="2026-12-01"), now=NOW))
    town.run(service.report_progress(town.programme, OFFICIAL, name, 40, "Đã mua bóng"))
    assert service.task(town.programme, OFFICER, name).state is State.IN_PROGRESS
    town.run(service.finish(town.programme, OFFICIAL, name, "Đã thay", (town.evidence(),), now=NOW + DAY))
    one = service.task(town.programme, OFFICER, name)
    assert (one.state, one.progress, one.note) == (State.DONE, 100, "Đã thay")
    assert town.hub.read_file(one.evidence[0].sha256).startswith(b"%PDF")
    assert service.is_late(one, NOW + 400 * DAY) == (False, False)
    for verb in (
        service.report_progress(town.programme, OFFICER, name, 10, ""),
        service.drop(town.programme, OFFICER, name, "thôi"),
        ledger.extend(town.programme, OFFICER, name, "2027-01-01", "thôi"),
    ):
        with pytest.raises(IllegalMove):
            town.run(verb)


@pytest.mark.parametrize("percent", [-1, 101])
def test_progress_is_a_share(town: Town, percent: int) -> None:
    """Progress is 0 to 100."""
    name = town.run(service.issue_task(town.programme, OFFICER, new()))
    with pytest.raises(Invalid):
        town.run(service.report_progress(town.programme, OFFICER, name, percent, ""))


def test_dropped_with_its_reason(town: Town) -> None:
    """A task is dropped with a reason only, and the public reads it."""
    name = town.run(service.issue_task(town.programme, OFFICER, new()))
    with pytest.raises(Invalid):
        town.run(service.drop(town.programme, OFFICER, name, " "))
    town.run(service.drop(town.programme, OFFICER, name, "Không còn kinh phí"))
    shown = service.promises(town.programme)
    assert [(one.state, one.note) for one in shown] == [(State.DROPPED, "Không còn kinh phí")]


def test_two_hands(town: Town) -> None:
    """Of two who move one task at the same time, one is told that it has changed."""
    name = town.run(service.issue_task(town.programme, OFFICER, new()))

    async def both() -> list[Any]:
        verbs = [service.report_progress(town.programme, OFFICER, name, share, "") for share in (10, 20)]
        return await asyncio.gather(*verbs, return_exceptions=True)

    found = town.run(both())
    assert sum(isinstance(one, Conflict) for one in found) == 1
    assert service.task(town.programme, OFFICER, name).progress in (10, 20)


def test_accepted(town: Town) -> None:
    """A proposal becomes a task that leads back to it and to each report; it waits no longer."""
    name = town.propose("1")
    made = town.run(service.accept(town.programme, OFFICER, name, new(), now=NOW))
    one = service.task(town.programme, OFFICER, made)
    assert one.sources == (name, "urn:ngsi-ld:CitizenReport:1", "urn:ngsi-ld:CitizenReport:2")
    assert one.location == {"type": "Point", "coordinates": [107.58, 16.46]}
    proposal = town.hub.get(OFFICER, name)
    assert (proposal.value("state"), proposal.value("task")) == ("accepted", made)
    assert proposal.value("decidedBy") == OFFICER.id
    assert service.proposals(town.programme, OFFICER) == []
    with pytest.raises(Conflict):
        town.run(service.accept(town.programme, OFFICER, name, new()))


def test_unclear_is_not_accepted(town: Town) -> None:
    """A proposal stays open when the task is not clear."""
    name = town.propose("1")
    with pytest.raises(Invalid):
        town.run(service.accept(town.programme, OFFICER, name, new(due="")))
    assert [one.id for one in service.proposals(town.programme, OFFICER)] == [name]


def test_accept_after_a_crash(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it stops between task and proposal, a second try ends it with one task, not two."""
    name = town.propose("1")

    async def crash(*_: object, **__: object) -> None:
        raise ConnectionError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr(service, "_decide", crash)
        with pytest.raises(ConnectionError):
            town.run(service.accept(town.programme, OFFICER, name, new(), now=NOW))
    assert len(service.tasks(town.programme, OFFICER)) == 1
    made = town.run(service.accept(town.programme, OFFICER, name, new(), now=NOW))
    assert [one.id for one in service.tasks(town.programme, OFFICER)] == [made]
    assert town.hub.get(OFFICER, name).value("state") == "accepted"


def test_declined(town: Town) -> None:
    """A person says no with a reason; what was decided stays decided."""
    name = town.propose("1")
    with pytest.raises(Invalid):
        town.run(service.decline(town.programme, OFFICER, name, ""))
    town.run(service.decline(town.programme, OFFICER, name, "Đã có trong kế hoạch"))
    proposal = town.hub.get(OFFICER, name)
    assert (proposal.value("state"), proposal.value("reason")) == ("declined", "Đã có trong kế hoạch")
    with pytest.raises(Conflict):
        town.run(service.decline(town.programme, OFFICER, name, "lại"))


def test_only_proposals_are_decided(town: Town) -> None:
    """What is no proposal is not accepted, and what is no task is not moved."""
    name = town.run(service.issue_task(town.programme, OFFICER, new()))
    with pytest.raises(Missing):
        town.run(service.decline(town.programme, OFFICER, name, "vì"))
    with pytest.raises(Missing):
        service.task(town.programme, OFFICER, town.propose("2"))
    change = amend(town.propose("3"), state=prop("accepted"))
    with pytest.raises(Forbidden):
        town.run(town.hub.commit(Commit(OFFICER, (change,), owner="programme")))
    assert PROPOSALS in town.hub.own(PROPOSALS, {})
