"""The life of an incident as one table: which verb, by whom, under which guards, leads from which state to which."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid
from dothi.operations.incidents.model import OPEN, IllegalMove, Incident, State

CLOCK = "clock"  # A timer: no person.
DIRECTORS = frozenset({"duty_officer", "leader"})
BY_CLOCK = frozenset({CLOCK})
REASON_LETTERS, REASON_MOST = 10, 2_000


@dataclass(frozen=True, slots=True)
class Facts:
    """What the guards look at beside the incident itself."""

    reason: str = ""
    open_orders: int = 0
    warnings_out: int = 0  # Warnings to the public that still hold and stay with this incident.
    other: str = ""  # The incident into which this one is merged.
    findings_open: int = 0  # Findings of its review that lead nowhere yet.
    reviewed: bool = False  # A review of it is finished.


class Guarded(Conflict):
    """Something stands in the way."""


def _reason(incident: Incident, facts: Facts) -> None:
    if not REASON_LETTERS <= len(facts.reason.strip()) <= REASON_MOST:
        raise Invalid(f"Say why, in {REASON_LETTERS} to {REASON_MOST} letters.", field="reason")


def _orders_done(incident: Incident, facts: Facts) -> None:
    if facts.open_orders and len(facts.reason.strip()) < REASON_LETTERS:
        raise Guarded(
            f"{facts.open_orders} orders are not finished: end them, or say why it is closed without.", field="reason"
        )


def _no_orders(incident: Incident, facts: Facts) -> None:
    if facts.open_orders:
        raise Guarded(f"{facts.open_orders} orders still stand: withdraw them first.", field="orders")


def _steps_done(incident: Incident, facts: Facts) -> None:
    owed = [one for one in incident.steps if one.owed and one.required]
    if owed and len(facts.reason.strip()) < REASON_LETTERS:
        names = ", ".join(one.title.get("vi", one.id) for one in owed[:5])
        raise Guarded(
            f"{len(owed)} required steps are open ({names}): do them, or say why it is closed without.", field="reason"
        )


def _no_warning(incident: Incident, facts: Facts) -> None:
    if facts.warnings_out:
        raise Guarded(
            "A warning to the public still holds: give the all-clear, or hand it over to another incident.",
            field="warnings_to",
        )


def _other(incident: Incident, facts: Facts) -> None:
    if not facts.other or facts.other == incident.id:
        raise Invalid("Choose another incident.", field="other")


def _reviewed(incident: Incident, facts: Facts) -> None:
    if not facts.reviewed:
        raise Guarded("The review is not finished.")


GUARDS: Mapping[str, Callable[[Incident, Facts], None]] = {
    "reason": _reason,
    "orders_done": _orders_done,
    "no_orders": _no_orders,
    "steps_done": _steps_done,
    "no_warning": _no_warning,
    "another": _other,
    "reviewed": _reviewed,
}


@dataclass(frozen=True, slots=True)
class Move:
    """One row: in `state`, `verb` by one of `roles` passes `guards` and leads to `next`."""

    state: State
    verb: str
    roles: frozenset[str]
    guards: tuple[str, ...]
    next: State


def _rows(
    states: tuple[State, ...],
    verb: str,
    guards: tuple[str, ...],
    to: State | None,
    roles: frozenset[str] = DIRECTORS,
) -> tuple[Move, ...]:
    """The same verb from several states; `to` None stays in the state."""
    return tuple(Move(state, verb, roles, guards, to or state) for state in states)


_ENDED = (State.CLOSED, State.REVIEWED)
_CLOSE = ("orders_done", "steps_done", "no_warning")

# States, verb, guards, next state (None: stays), who.
MOVES: tuple[Move, ...] = (
    *_rows((State.OPEN,), "take", (), State.IN_HAND),
    *_rows((State.IN_HAND, State.CONTROLLED), "take", (), None),
    *_rows((State.IN_HAND,), "control", (), State.CONTROLLED),
    *_rows((State.CONTROLLED,), "worsen", (), State.IN_HAND),
    *_rows((State.IN_HAND, State.CONTROLLED), "close", _CLOSE, State.CLOSED),
    *_rows(_ENDED, "reopen", ("reason",), State.IN_HAND),
    *_rows((State.CLOSED,), "review", ("reviewed",), State.REVIEWED),
    *_rows(OPEN, "cancel", ("reason", "no_orders", "no_warning"), State.CANCELLED),
    *_rows((State.CANCELLED,), "reopen", ("reason",), State.IN_HAND),
    *_rows(OPEN, "merge", ("reason", "another"), State.MERGED),
    *_rows((State.MERGED,), "unmerge", ("reason",), State.OPEN),
    *_rows(OPEN, "change", (), None),
    *_rows(OPEN, "pass_on", ("reason",), None),
    *_rows(OPEN, "attach", ("reason",), None),
    *_rows(OPEN, "detach", ("reason",), None),
    *_rows(OPEN, "step_done", (), None),
    *_rows(OPEN, "step_skipped", ("reason",), None),
    *_rows(OPEN, "late", (), None, BY_CLOCK),
)
TABLE: Mapping[tuple[State, str], Move] = {(move.state, move.verb): move for move in MOVES}


def table_text() -> str:
    """The table as the documentation shows it, one row a verb and target."""
    rows: dict[tuple[str, str], list[Move]] = {}
    for move in MOVES:
        target = "as it was" if move.next is move.state else f"`{move.next}`"
        rows.setdefault((move.verb, target), []).append(move)
    lines = ["| Verb | From | To | Who | Guards |", "|---|---|---|---|---|"]
    for (verb, target), moves in rows.items():
        cells = (
            f"`{verb}`",
            ", ".join(f"`{one.state}`" for one in moves),
            target,
            ", ".join(sorted(moves[0].roles)),
            ", ".join(moves[0].guards) or "–",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def check(incident: Incident, verb: str, roles: frozenset[str], facts: Facts = Facts()) -> Move:  # Frozen.
    """The row to follow after role and guards; IllegalMove, Forbidden or the guard's own error otherwise."""
    move = TABLE.get((incident.state, verb))
    if move is None:
        possible = ", ".join(one.verb for one in MOVES if one.state is incident.state) or "nothing"
        raise IllegalMove(
            f"An incident that is {incident.state} has no “{verb}”: possible are {possible}.", state=incident.state
        )
    if not move.roles & roles:
        raise Forbidden(f"Only {' or '.join(sorted(move.roles))} may {verb} an incident.")
    for guard in move.guards:
        try:
            GUARDS[guard](incident, facts)
        except DothiError as refused:
            refused.fields.setdefault("guard", guard)  # By which the screen finds its own words.
            raise
    return move


def verbs_for(incident: Incident, roles: frozenset[str]) -> tuple[str, ...]:
    """What somebody with `roles` can do with the incident as it stands (guards aside)."""
    return tuple(move.verb for move in MOVES if move.state is incident.state and move.roles & roles)
