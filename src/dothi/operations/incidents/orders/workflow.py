"""The life of an order as one table: which verb, by whom, under which guards, leads from which state to which."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dothi.ground.errors import DothiError, Invalid
from dothi.operations.incidents.orders.model import (
    FILES_MAX,
    LINK,
    WORDS_LETTERS,
    IllegalMove,
    NoProof,
    NotYours,
    Order,
    Said,
    State,
)
from dothi.operations.incidents.orders.rules import Kind

UNIT = frozenset({"official", "duty_officer", "leader", LINK})  # People of the ordered unit, or above it by telephone.
DIRECTORS = frozenset({"duty_officer", "leader"})
CLOCK = frozenset({"clock"})  # A timer: no person.


@dataclass(frozen=True, slots=True)
class Move:
    """One row: in `state`, `verb` by one of `roles` passes `guards` and leads to `next`."""

    state: State
    verb: str
    roles: frozenset[str]
    guards: tuple[str, ...]
    next: State


def _rows(
    states: tuple[State, ...], verb: str, roles: frozenset[str], guards: tuple[str, ...], to: State | None
) -> tuple[Move, ...]:
    """The same verb from several states; `to` None stays in the state."""
    return tuple(Move(state, verb, roles, guards, to or state) for state in states)


_ISSUED, _RECEIVED, _ARRIVED, _REFUSED = (State.ISSUED,), (State.RECEIVED,), (State.ARRIVED,), (State.REFUSED,)
_RUNNING = (*_ISSUED, *_RECEIVED, *_ARRIVED)

# States, verb, who, guards, next state (None: stays).
MOVES: tuple[Move, ...] = (
    *_rows(_ISSUED, "receive", UNIT, (), State.RECEIVED),
    *_rows((*_ISSUED, *_RECEIVED), "arrive", UNIT, ("goes",), State.ARRIVED),
    *_rows(_RECEIVED, "finish", UNIT, ("stays", "result", "files", "photo"), State.DONE),
    *_rows(_ARRIVED, "finish", UNIT, ("result", "files", "photo"), State.DONE),
    *_rows((*_ISSUED, *_RECEIVED), "refuse", UNIT, ("reason", "counter"), State.REFUSED),
    *_rows((*_RUNNING, *_REFUSED), "withdraw", DIRECTORS, ("reason",), State.WITHDRAWN),
    *_rows((*_ISSUED, *_RECEIVED, *_REFUSED), "reissue", DIRECTORS, ("other_unit", "reason"), State.WITHDRAWN),
    *_rows(_RUNNING, "escalate", CLOCK, (), None),
)
TABLE: Mapping[tuple[State, str], Move] = {(move.state, move.verb): move for move in MOVES}


def _goes(order: Order, said: Said, kind: Kind) -> None:
    if not order.arrive_by:
        raise IllegalMove("This order is carried out where the unit is: receive it, then give the result.")


def _stays(order: Order, said: Said, kind: Kind) -> None:
    if order.arrive_by:
        raise IllegalMove("Say first that you have arrived, then give the result.")


def _result(order: Order, said: Said, kind: Kind) -> None:
    _letters(said.words, "words", "Say what was done.")


def _reason(order: Order, said: Said, kind: Kind) -> None:
    _letters(said.words, "reason", "Say why: the reason is kept.")


def _letters(text: str, field: str, lacking: str) -> None:
    if not text.strip():
        raise Invalid(lacking, field=field)
    if len(text) > WORDS_LETTERS:
        raise Invalid(f"This has {len(text)} letters; up to {WORDS_LETTERS} are taken.", field=field)


def _counter(order: Order, said: Said, kind: Kind) -> None:
    _letters(said.counter, "counter", "Say what could be done instead, by whom or from when.")


def _files(order: Order, said: Said, kind: Kind) -> None:
    if len(said.files) > FILES_MAX:
        raise Invalid(f"A result takes up to {FILES_MAX} photos or documents.", field="proof")


def _photo(order: Order, said: Said, kind: Kind) -> None:
    if kind.photo and all(one.content.startswith(b"%PDF-") for one in said.files):
        raise NoProof(field="proof")


def _other_unit(order: Order, said: Said, kind: Kind) -> None:
    if not said.unit:
        raise Invalid("Choose the unit that gets the order.", field="unit")
    if said.unit == order.ordered_to:
        raise Invalid("This unit has the order already: choose another one.", field="unit")


GUARDS: Mapping[str, Callable[[Order, Said, Kind], None]] = {
    "goes": _goes,
    "stays": _stays,
    "result": _result,
    "reason": _reason,
    "counter": _counter,
    "files": _files,
    "photo": _photo,
    "other_unit": _other_unit,
}


def table_text() -> str:
    """The table as the documentation shows it, one row for each verb and next state."""
    rows: dict[tuple[str, tuple[str, ...]], list[Move]] = {}
    for move in MOVES:
        rows.setdefault((move.verb, move.guards), []).append(move)
    lines = ["| Verb | From | To | Who | Guards |", "|---|---|---|---|---|"]
    for (verb, guards), moves in rows.items():
        stays = all(one.next is one.state for one in moves)
        cells = (
            f"`{verb}`",
            ", ".join(f"`{one.state}`" for one in moves),
            "as it was" if stays else f"`{moves[0].next}`",
            ", ".join(sorted(moves[0].roles)),
            ", ".join(guards) or "–",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def check(order: Order, verb: str, roles: frozenset[str], said: Said, kind: Kind) -> Move:
    """The row to follow, after role and guards; IllegalMove, NotYours or the guard's own error otherwise."""
    move = TABLE.get((order.state, verb))
    if move is None:
        possible = ", ".join(one.verb for one in MOVES if one.state is order.state) or "nothing more"
        raise IllegalMove(
            f"An order that is {order.state} cannot be {verb}: possible is {possible}.", state=order.state
        )
    if not move.roles & roles:
        raise NotYours(f"Only {' or '.join(sorted(move.roles))} may {verb} an order.")
    for guard in move.guards:
        try:
            GUARDS[guard](order, said, kind)
        except DothiError as refused:
            refused.fields.setdefault("guard", guard)  # By which the screen finds its own words.
            raise
    return move


def verbs_for(order: Order, roles: frozenset[str]) -> tuple[str, ...]:
    """What somebody with `roles` can do with the order as it stands (what has to be said aside)."""
    found = [move for move in MOVES if move.state is order.state and move.roles & roles]
    goes = bool(order.arrive_by)
    hidden = ("goes",) if not goes else ("stays",)
    return tuple(move.verb for move in found if not any(one in move.guards for one in hidden))
