"""Chasing: soon, late, before the leader; each once, moved with the deadline and silent when the task is done."""

import pytest

from dothi.ground.clock import from_iso
from dothi.ground.errors import Invalid
from dothi.hub.model import Commit, system
from dothi.programme import chasing
from dothi.programme.council import model
from dothi.programme.council.opinions import CONSUMER
from dothi.programme.tasks import service as tasks
from tests.programme.conftest import COMMUNE, NOW, OFFICER, OFFICIAL, PROVINCE, Town, new

DUE = "2026-12-04"  # A Friday.


@pytest.fixture
def chased(town: Town) -> Town:
    model.own(town.programme)
    return town


def follow(town: Town) -> None:
    """What the consumer does with what is new in the feed."""
    stored = town.hub.cursor(CONSUMER)
    for logged in town.hub.log(stored):
        timers = chasing.watch(town.programme, logged)
        town.run(
            town.hub.commit(
                Commit(system("programme"), (), "watched", cursor=(CONSUMER, logged.seq), timers=tuple(timers))
            )
        )


def kinds(town: Town, until: str) -> list[str]:
    town.run(chasing.ring(town.programme, from_iso(until)))
    return [one.kind for one in reversed(chasing.reminders(town.programme, OFFICER))]


def test_soon_late_and_before_the_leader(chased: Town) -> None:
    """Three working days before, past the deadline, three working days after: once each; the last to the province."""
    chased.run(tasks.issue_task(chased.programme, OFFICER, new(due=DUE), now=NOW))
    follow(chased)
    assert kinds(chased, "2026-12-01T00:00:00+07:00") == []
    assert kinds(chased, "2026-12-01T08:00:00+07:00") == ["soon"]  # Tuesday, Wednesday, Thursday are left.
    assert kinds(chased, "2026-12-04T23:59:00+07:00") == ["soon"]
    assert kinds(chased, "2026-12-05T00:01:00+07:00") == ["soon", "late"]
    assert kinds(chased, "2026-12-08T12:00:00+07:00") == ["soon", "late"]
    assert kinds(chased, "2026-12-09T08:00:00+07:00") == ["soon", "late", "escalated"]
    assert kinds(chased, "2027-03-09T08:00:00+07:00") == ["soon", "late", "escalated"]
    found = {one.kind: one for one in chasing.reminders(chased.programme, OFFICER)}
    assert (found["late"].assignee, found["escalated"].assignee) == (COMMUNE, PROVINCE)
    assert {one.kind for one in chasing.reminders(chased.programme, OFFICIAL)} == {"soon", "late", "escalated"}
    assert chased.hub.due_timers(CONSUMER, from_iso("2030-01-01T00:00:00Z")) == []


def test_what_is_done_is_not_chased(chased: Town) -> None:
    """A task that was finished in time rings nothing."""
    task = chased.run(tasks.issue_task(chased.programme, OFFICER, new(due=DUE), now=NOW))
    follow(chased)
    chased.run(tasks.finish(chased.programme, OFFICER, task, "xong", (chased.evidence(),), NOW))
    follow(chased)
    assert kinds(chased, "2027-01-01T08:00:00+07:00") == []


def test_a_task_finished_between_feed_and_timer_is_not_chased(chased: Town) -> None:
    """Even when the consumer has not read the end of a task yet, its timer writes nothing."""
    task = chased.run(tasks.issue_task(chased.programme, OFFICER, new(due=DUE), now=NOW))
    follow(chased)
    chased.run(tasks.drop(chased.programme, OFFICER, task, "không còn cần"))
    assert kinds(chased, "2027-01-01T08:00:00+07:00") == []


def test_a_task_that_comes_late_already(chased: Town) -> None:
    """A task issued after its deadline is not said to be due soon."""
    chased.run(tasks.issue_task(chased.programme, OFFICER, new(due="2026-11-10"), now=NOW))
    follow(chased)
    assert sorted(kinds(chased, "2026-11-22T09:00:00+07:00")) == ["escalated", "late"]


def test_a_crash_between_feed_and_cursor_doubles_nothing(chased: Town) -> None:
    """Reading the same commits again sets the same timers; the trail has each line once."""
    chased.run(tasks.issue_task(chased.programme, OFFICER, new(due=DUE), now=NOW))
    for logged in chased.hub.log(0) * 2:
        timers = tuple(chasing.watch(chased.programme, logged))
        chased.run(chased.hub.commit(Commit(system("programme"), (), "again", timers=timers)))
    assert sorted(kinds(chased, "2026-12-10T08:00:00+07:00")) == ["escalated", "late"]
    for logged in chased.hub.log(0):
        timers = tuple(chasing.watch(chased.programme, logged))
        chased.run(chased.hub.commit(Commit(system("programme"), (), "again", timers=timers)))
    assert sorted(kinds(chased, "2026-12-11T08:00:00+07:00")) == ["escalated", "late"]


@pytest.mark.parametrize(
    "table",
    [
        {"rule": [{"id": "a", "days": 1, "to": "nobody"}]},
        {"rule": [{"id": "a", "days": 999, "to": "unit"}]},
        {"rule": [{"id": "a", "days": 1, "to": "unit"}] * 2},
        {"rule": [{"id": "a|b", "days": 1, "to": "unit"}]},
        {"explanations": {"hours": 0, "most_hours": 8}},
        {"explanations": {}},
        {"rule": [{"days": 1}]},
    ],
)
def test_rules_that_cannot_be(table: dict[str, object]) -> None:
    """Rules of chasing that a city adopts are checked whole before they hold."""
    with pytest.raises(Invalid):
        chasing.rules_kind().check({**chasing.shipped(), **table})
