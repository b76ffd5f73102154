"""The table of moves: whole, without dead ends, and nobody but the named may make a move."""

import itertools

import pytest

from dothi.citizens.handling.workflow import GUARDS, HANDLERS, MOVES, REPORTER, TABLE, Step, check, move_of, verbs_for
from dothi.citizens.model import IllegalMove, NotYours, Report, State, report_of
from dothi.citizens.rules import load
from dothi.hub.model import Entity, prop

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
    """No report can get stuck: from every state one comes to an answer."""
    reached = {State.FILED}
    while True:
        more = {move.next for move in MOVES if move.state in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(State)
    for state in State:
        ahead = {state}
        for _ in State:
            ahead |= {move.next for move in MOVES if move.state in ahead}
        assert State.ANSWERED in ahead


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
    assert verbs_for(in_state(State.RECEIVED), frozenset({REPORTER})) == ("attach",)
