"""The life of an alarm (ISA-18.2) as one table: which move, by whom, under which guards, from which state to which.

An alarm says whether its condition holds (`active`), whether somebody has seen it (`acknowledged`) and whether it is
held back (`held`: shelved by a person, suppressed by design, out of service). A held alarm calls nobody; its
condition is followed all the same, and when it comes back it is new to everybody.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from dothi.ground.errors import Forbidden, Invalid
from dothi.operations.model import IllegalMove, Priority

REASON_LETTERS = 5
WORDS_MOST = 2000


class Held(StrEnum):
    """What holds an alarm back."""

    NO = ""
    SHELVED = "shelved"  # By a person, for a limited time.
    SUPPRESSED = "suppressed"  # By design: its root is an alarm itself.
    OUT = "out"  # Out of service: maintenance that was announced.


class State(NamedTuple):
    """Where an alarm stands. `acknowledged` says nothing while it is held."""

    active: bool
    acknowledged: bool
    held: Held = Held.NO


class Move(StrEnum):
    """What can happen to an alarm."""

    RAISE = "raise"
    CLEAR = "clear"
    ACKNOWLEDGE = "acknowledge"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    SUPPRESS = "suppress"
    RELEASE = "release"
    TAKE_OUT = "take_out"
    PUT_BACK = "put_back"
    ASSIGN = "assign"
    COMMENT = "comment"
    ESCALATE = "escalate"


NORMAL = State(active=False, acknowledged=True)
UNSEEN = State(active=True, acknowledged=False)
SEEN = State(active=True, acknowledged=True)
GONE_UNSEEN = State(active=False, acknowledged=False)
SHELVED, SHELVED_GONE = State(True, True, Held.SHELVED), State(False, True, Held.SHELVED)
SUPPRESSED, SUPPRESSED_GONE = State(True, True, Held.SUPPRESSED), State(False, True, Held.SUPPRESSED)
OUT, OUT_GONE = State(True, True, Held.OUT), State(False, True, Held.OUT)

NAMES: Mapping[State, str] = {
    NORMAL: "normal",
    UNSEEN: "unseen",
    SEEN: "seen",
    GONE_UNSEEN: "gone",
    SHELVED: "shelved",
    SHELVED_GONE: "shelved_gone",
    SUPPRESSED: "suppressed",
    SUPPRESSED_GONE: "suppressed_gone",
    OUT: "out",
    OUT_GONE: "out_gone",
}
OPEN = (UNSEEN, SEEN, GONE_UNSEEN)  # What needs a hand.
WAITING = (UNSEEN, GONE_UNSEEN)  # What nobody has seen.

HANDS = frozenset({"duty_officer"})
RULE = frozenset({"rule"})  # The engine: a condition began or ended.
CLOCK = frozenset({"clock"})  # A timer, or another alarm: no person.
MODULE = frozenset({"system"})  # The role under which the module itself acts, as rule and as clock.


@dataclass(frozen=True, slots=True)
class Row:
    """In `state`, `move` by one of `roles` passes `guards` and leads to `next`."""

    state: State
    move: Move
    roles: frozenset[str]
    guards: tuple[str, ...]
    next: State


def _rows(move: Move, roles: frozenset[str], guards: tuple[str, ...], **ways: str) -> tuple[Row, ...]:
    """Rows of one move: from = to, by the names of states."""
    by_name = {name: state for state, name in NAMES.items()}
    return tuple(Row(by_name[old], move, roles, guards, by_name[new]) for old, new in ways.items())


def _stay(move: Move, roles: frozenset[str], guards: tuple[str, ...], *states: str) -> tuple[Row, ...]:
    return _rows(move, roles, guards, **{name: name for name in states})


_HELD_ON = {"shelved_gone": "shelved", "suppressed_gone": "suppressed", "out_gone": "out"}
_HELD_OFF = {on: off for off, on in _HELD_ON.items()}
_HELD = (*_HELD_ON, *_HELD_OFF)

ROWS: tuple[Row, ...] = (
    *_rows(Move.RAISE, RULE, (), normal="unseen", gone="unseen", **_HELD_ON),
    *_rows(Move.CLEAR, RULE | CLOCK, ("calm",), unseen="gone", seen="normal", **_HELD_OFF),
    *_rows(Move.ACKNOWLEDGE, HANDS, ("room",), unseen="seen", gone="normal"),
    *_rows(Move.SHELVE, HANDS, ("reason", "limit"), unseen="shelved", seen="shelved", gone="shelved_gone"),
    *_rows(Move.UNSHELVE, HANDS | CLOCK, (), shelved="unseen", shelved_gone="normal"),
    *_rows(Move.SUPPRESS, CLOCK, ("root",), unseen="suppressed"),
    *_rows(Move.RELEASE, CLOCK, (), suppressed="unseen", suppressed_gone="normal"),
    *_rows(
        Move.TAKE_OUT,
        CLOCK,
        ("window",),
        **{"unseen": "out", "seen": "out", "gone": "out_gone", "shelved": "out", "shelved_gone": "out_gone"},
        **{"suppressed": "out", "suppressed_gone": "out_gone"},
    ),
    *_rows(Move.PUT_BACK, CLOCK, (), out="unseen", out_gone="normal"),
    *_stay(Move.ASSIGN, HANDS, ("room", "named"), "unseen", "seen", "gone"),
    *_stay(Move.COMMENT, HANDS, ("words", "room"), "normal", "unseen", "seen", "gone", *_HELD),
    *_stay(Move.ESCALATE, CLOCK, (), "unseen", "gone"),
)
TABLE: Mapping[tuple[State, Move], Row] = {(row.state, row.move): row for row in ROWS}
NEXT: Mapping[tuple[State, Move], State] = {key: row.next for key, row in TABLE.items()}
ORDER = tuple(Priority)  # Most pressing first.


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody brings to a move, as the guards ask for it."""

    words: str = ""
    hours: float = 0.0  # SHELVE: for how long.
    most_hours: float = 0.0  # SHELVE: the longest that the rules allow for this priority.
    known: bool = True  # ASSIGN: whether the one who is to have it exists.
    chattering: bool = False  # CLEAR: whether it moved too often to be believed yet.


def _calm(step: Step) -> None:
    if step.chattering:
        raise IllegalMove("The alarm chatters: it clears once it has been calm for long enough.")


def _reason(step: Step) -> None:
    if len(step.words.strip()) < REASON_LETTERS:
        raise Invalid(f"Say why, in {REASON_LETTERS} letters at least.", field="reason")
    _room(step)


def _words(step: Step) -> None:
    if not step.words.strip():
        raise Invalid("The comment is empty.", field="comment")


def _room(step: Step) -> None:
    if len(step.words) > WORDS_MOST:
        raise Invalid("The comment is longer than 2,000 characters: shorten it.", field="comment")


def _limit(step: Step) -> None:
    if not 0 < step.hours <= step.most_hours:
        most = f"{step.most_hours:g}"
        raise Invalid(f"An alarm of this priority is shelved for up to {most} hours.", field="hours", most=most)


def _named(step: Step) -> None:
    if not step.known:
        raise Invalid("No unit, organisation or person of that name is there to take it.", field="to")


def _always(step: Step) -> None:
    """Held by who calls the move: the root is active, the window is on."""


GUARDS: Mapping[str, Callable[[Step], None]] = {
    "calm": _calm,
    "reason": _reason,
    "words": _words,
    "room": _room,
    "limit": _limit,
    "named": _named,
    "root": _always,
    "window": _always,
}


def after(state: State, move: Move) -> State:
    """The state that follows; IllegalMove when none does."""
    row = TABLE.get((state, move))
    if row is None:
        raise IllegalMove(f"An alarm that is {told(state)} cannot be moved by {move}.")
    return row.next


def check(state: State, move: Move, roles: frozenset[str], step: Step) -> State:
    """The state that follows, after roles and guards; IllegalMove, Forbidden or the guard's own error otherwise."""
    following = after(state, move)
    row = TABLE[state, move]
    if not (row.roles & roles or (MODULE & roles and row.roles & (RULE | CLOCK))):
        raise Forbidden(f"Only {' or '.join(sorted(row.roles))} may {move} an alarm.")
    for guard in row.guards:
        GUARDS[guard](step)
    return following


def told(state: State) -> str:
    """A state in words, for errors and logs."""
    if state.held:
        return f"{state.held} with its condition {'on' if state.active else 'off'}"
    return f"{'active' if state.active else 'cleared'} and {'' if state.acknowledged else 'not '}acknowledged"


def table_text() -> str:
    """The table as the documentation shows it, one row a move."""
    found: dict[Move, list[Row]] = {}
    for row in ROWS:
        found.setdefault(row.move, []).append(row)
    lines = ["| Move | From → to | Who | Guards |", "|---|---|---|---|"]
    for move, rows in found.items():
        stays = all(row.state == row.next for row in rows)
        ways = [f"`{NAMES[row.state]}`" + ("" if stays else f" → `{NAMES[row.next]}`") for row in rows]
        said = ", ".join(ways) + (" (stays)" if stays else "")
        who, guards = ", ".join(sorted(rows[0].roles)), ", ".join(rows[0].guards) or "–"
        lines.append(f"| `{move}` | {said} | {who} | {guards} |")
    return "\n".join(lines)
