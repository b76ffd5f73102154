"""The life of an alarm (ISA-18.2): four states, active or cleared and acknowledged or not, as one table."""

import operator
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from dothi.ground.clocks import Limit
from dothi.operations.model import IllegalMove, Priority, Rule


class State(NamedTuple):
    """Where an alarm stands."""

    active: bool
    acknowledged: bool


class Move(StrEnum):
    """What can happen to an alarm."""

    RAISE = "raise"
    CLEAR = "clear"
    ACKNOWLEDGE = "acknowledge"


NORMAL = State(active=False, acknowledged=True)
UNSEEN = State(active=True, acknowledged=False)
SEEN = State(active=True, acknowledged=True)
GONE_UNSEEN = State(active=False, acknowledged=False)

NEXT: dict[tuple[State, Move], State] = {
    (NORMAL, Move.RAISE): UNSEEN,
    (UNSEEN, Move.ACKNOWLEDGE): SEEN,
    (UNSEEN, Move.CLEAR): GONE_UNSEEN,
    (SEEN, Move.CLEAR): NORMAL,
    (GONE_UNSEEN, Move.ACKNOWLEDGE): NORMAL,
    (GONE_UNSEEN, Move.RAISE): UNSEEN,
}

# By when somebody should have acknowledged, day and night. A sample: each centre sets its own.
ACKNOWLEDGE_WITHIN = {
    Priority.URGENT: Limit(1 / 6, always=True),
    Priority.HIGH: Limit(1 / 2, always=True),
    Priority.MEDIUM: Limit(2, always=True),
    Priority.LOW: Limit(8, always=True),
}
ORDER = tuple(Priority)  # Most pressing first.

_HOLDS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def after(state: State, move: Move) -> State:
    """The state that follows; IllegalMove when none does."""
    following = NEXT.get((state, move))
    if following is None:
        raise IllegalMove(f"An alarm that is {told(state)} cannot be moved by {move}.")
    return following


def told(state: State) -> str:
    """A state in words, for errors and logs."""
    return f"{'active' if state.active else 'cleared'} and {'' if state.acknowledged else 'not '}acknowledged"


def raises(rule: Rule, value: float) -> bool:
    """Whether a value meets the condition."""
    return _HOLDS[rule.op](value, rule.limit)


def stays(rule: Rule, value: float) -> bool:
    """Whether an active alarm stays active: the value has not come back past `clear` (hysteresis)."""
    return _HOLDS[rule.op](value, rule.clear)
