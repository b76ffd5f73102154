"""The table of moves: whole, without dead ends, and nobody but the named may make a move."""

import itertools
from pathlib import Path

import pytest

from dothi.accounts.roles import ROLES
from dothi.citizens.handling.workflow import (
    BY_CLOCK,
    BY_OUTSIDE,
    BY_REPORTER,
    GUARDS,
    HANDLERS,
    MOVES,
    REPORTER,
    TABLE,
    Step,
    check,
    move_of,
    table_text,
    verbs_for,
)
from dothi.citizens.model import IllegalMove, NotYours, Report, State, report_of
from dothi.citizens.rules import load
from dothi.hub.model import Entity, prop
from dothi.web.words import Words
from dothi.web.words import load as words_of

RULES = load()
VERBS = sorted({move.verb for move in MOVES})


def in_state(state: State) -> Report:
    """A decided report of Phường Thuận Hóa in a state."""
    attrs = {"state": state.value, "code": "AAAAAA", "category": "noise", "unit": "19789", "assignee": "19789"}
    return report_of(
        Entity("urn:ngsi-ld:CitizenReport:AAAAAA", ("CitizenReport",), {k: prop(v) for k, v in attrs.items()})
    )


def test_each_row_stands_once_and_names_guards_that_there_are() -> None:
    """A state and a verb lead to one row; every guard exists."""
    assert len(TABLE) == len(MOVES)
    assert {guard for move in MOVES for guard in move.guards} == set(GUARDS)


def test_every_state_is_reached_and_left() -> None:
    """No report can get stuck: from every state one comes to an answer, unless its reporter took it back."""
    reached = {State.FILED}
    while True:
        more = {move.next for move in MOVES if move.state in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(State)
    for state in set(State) - {State.WITHDRAWN}:
        ahead = {state}
        for _ in State:
            ahead |= {move.next for move in MOVES if move.state in ahead}
        assert State.ANSWERED in ahead


def test_the_table_in_the_documentation_is_the_table(repository: Path) -> None:
    """What people read of the workflow is what the program follows; `table_text()` writes it anew."""
    written = (repository / "docs/howto/workflow-of-reports.md").read_text()
    assert table_text() in written
    assert all(f"`{guard}`" in written for guard in GUARDS)


def test_no_person_makes_the_moves_of_the_clock_or_of_others() -> None:
    """Clock, outside body and reporter each have their own verbs; no role of an account is among them."""
    assert not (BY_CLOCK | BY_OUTSIDE | BY_REPORTER) & set(ROLES)
    own = {move.verb for move in MOVES if not move.roles <= HANDLERS}
    for verb in own:
        assert {frozenset(move.roles) for move in MOVES if move.verb == verb} <= {BY_CLOCK, BY_OUTSIDE, BY_REPORTER}


@pytest.mark.parametrize(("state", "verb"), list(itertools.product(State, VERBS)))
def test_what_is_not_in_the_table_is_refused(state: State, verb: str) -> None:
    """A verb outside its states says what is possible instead."""
    report = in_state(state)
    if (state, verb) in TABLE:
        assert move_of(report, verb).verb == verb
    else:
        with pytest.raises(IllegalMove, match="possible are"):
            move_of(report, verb)


@pytest.mark.parametrize(
    "role", ["citizen", "assessor", "planner", "data_steward", "administrator", "programme_officer"]
)
def test_other_roles_make_no_move(role: str) -> None:
    """Only who handles reports, and the reporter, may do anything."""
    for state, verb in TABLE:
        with pytest.raises(NotYours):
            check(in_state(state), verb, frozenset({role}), Step(), RULES)


def test_the_official_does_not_rate_and_the_reporter_does_not_answer() -> None:
    """Who answers does not judge the answer."""
    assert "rate" not in verbs_for(in_state(State.ANSWERED), HANDLERS)
    assert verbs_for(in_state(State.ANSWERED), frozenset({REPORTER})) == ("rate", "reopen")
    assert verbs_for(in_state(State.RECEIVED), frozenset({REPORTER})) == ("attach", "withdraw")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_a_guard_refuses_and_every_state_and_step_has_its_words(language: str) -> None:
    """No official and no reporter meets a bare name: guards, states, steps and verbs stand in both catalogues."""
    said = Words(language, words_of(language))
    by_field = {"proof", "specific", "original", "stars", "reopenings_left", "unit_given", "undecided", "place_decided"}
    keys = [f"work.refused.{guard}" for guard in GUARDS if guard not in by_field]
    keys += [f"citizens.{table}.{state}" for table in ("state", "now", "public.answer") for state in State]
    keys += [f"citizens.step.{verb}" for verb in VERBS] + ["citizens.step.late", "citizens.step.gather"]
    keys += [f"work.specific.{one.id}" for one in RULES.answers.specifics]
    keys += [f"work.specific.{why}" for why in ("few", "blank", "mould", "missing")]
    assert [key for key in keys if not said.has(key)] == []
