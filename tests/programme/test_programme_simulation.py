"""What other rules of the programme would have done: answers in time, kinds of evidence, reminders."""

from typing import Any

from dothi.ground.clock import DAY, HOUR
from dothi.hub.model import Actor
from dothi.office.rules import overlay
from dothi.programme import chasing, rules
from dothi.programme.simulation import simulate
from dothi.programme.tasks import parts
from dothi.programme.tasks.parts import Move
from dothi.programme.tasks.service import issue_task
from tests.programme.conftest import COMMUNE, NOW, OFFICER, Town, new

COOPERATING = "19753"
THEY = Actor("user:they", frozenset({"official"}), frozenset({COOPERATING}))
BEGUN = NOW + DAY  # Monday, 09:00 in Vietnam.


def answered_part(town: Town) -> None:
    """A cooperating unit accepts its part six hours of office time after it was asked."""
    task = town.run(issue_task(town.programme, OFFICER, new(cooperating=(COOPERATING,)), now=BEGUN))
    (one,) = parts.parts_of(town.programme, OFFICER, task)
    town.run(parts.move(town.programme, THEY, one.id, Move.ACCEPT, now=BEGUN + 24 * HOUR))


def changed(tables: Any, **above: Any) -> dict[str, Any]:
    return overlay(tables, above)


def test_a_shorter_limit_makes_an_answer_late(town: Town) -> None:
    """The same answer is in time by the rules in force and late by a limit of two hours; nothing is written."""
    answered_part(town)
    log = town.hub.last_seq()
    before = rules.shipped()
    found = simulate(
        town.programme, rules.KIND, None, before, changed(before, parts={"answer_hours": 2}), BEGUN + 5 * DAY
    )
    (measure,) = [one for one in found.measures if one.name == "parts"]
    assert (measure.of, measure.before, measure.after) == (1, 1, 0)
    assert found.counts == {"late": 1}
    same = simulate(town.programme, rules.KIND, None, before, before, BEGUN + 5 * DAY)
    assert same.counts == {}
    elsewhere = simulate(town.programme, rules.KIND, "01", before, before, BEGUN + 5 * DAY)
    assert elsewhere.cases == 0
    assert town.hub.last_seq() == log


def test_a_kind_of_evidence_that_goes_is_named(town: Town) -> None:
    """A task whose result is shown by minutes has no kind of evidence when the rules drop it."""
    town.run(issue_task(town.programme, OFFICER, new(), now=BEGUN))
    before = rules.shipped()
    after = changed(before, evidence=[{"id": "minutes", "removed": True}])
    found = simulate(town.programme, rules.KIND, COMMUNE, before, after, BEGUN + DAY)
    assert found.counts == {"evidence_gone": 1}
    assert found.samples[0].before == "minutes"


def test_more_reminders_are_counted(town: Town) -> None:
    """A rule that chases a week before the deadline would have written one reminder more."""
    town.run(issue_task(town.programme, OFFICER, new(due="2026-12-01"), now=BEGUN))
    before = chasing.shipped()
    after = changed(before, rule=[{"id": "early", "days": -5, "to": "leader"}])
    found = simulate(town.programme, chasing.KIND, None, before, after, BEGUN + 20 * DAY)
    said = {one.name: (one.before, one.after) for one in found.measures}
    assert said == {"reminders": (3, 4), "to_leader": (1, 1)}
    assert found.counts == {"chased": 1}
    assert "early" in found.samples[0].after
