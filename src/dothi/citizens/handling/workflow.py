"""The life of a report as one table: which verb, by whom, under which guards, leads from which state to which."""

from collections.abc import Mapping
from dataclasses import dataclass

from dothi.citizens.handling.guards import GUARDS as GUARDS
from dothi.citizens.handling.guards import Step as Step
from dothi.citizens.model import IllegalMove, NotYours, Report, State
from dothi.citizens.rules import Rules
from dothi.ground.errors import DothiError

REPORTER = "reporter"  # Whoever shows the secret half of the code, or a link sent to them; no role of an account.
OUTSIDE = "outside"  # Whoever shows the link that an outside body was sent.
CLOCK = "clock"  # A timer or another report: no person.
HANDLERS = frozenset({"official", "duty_officer"})
BY_REPORTER = frozenset({REPORTER})
BY_OUTSIDE = frozenset({OUTSIDE})
BY_CLOCK = frozenset({CLOCK})

NEW = (State.FILED, State.REOPENED)
HANDLING = (State.RECEIVED, State.IN_PROGRESS)
OPEN = (*NEW, *HANDLING)
ALL_OPEN = (*OPEN, State.WAITING)


@dataclass(frozen=True, slots=True)
class Move:
    """One row: in `state`, `verb` by one of `roles` passes `guards`, leads to `next` and moves the clock.

    `clock`: "hand" another unit has it, and the receiving clock starts anew; "restart" the same after an answer;
    "assign", "handle", "reply": that step is owed now; "pause" and "resume": the time between does not count; "stop".
    """

    state: State
    verb: str
    roles: frozenset[str]
    guards: tuple[str, ...]
    next: State
    clock: str = ""


def _rows(
    states: tuple[State, ...],
    verb: str,
    roles: frozenset[str],
    guards: tuple[str, ...],
    to: State | None,
    clock: str = "",
) -> tuple[Move, ...]:
    """The same verb from several states; `to` None stays in the state."""
    return tuple(Move(state, verb, roles, guards, to or state, clock) for state in states)


_PASS = ("reason", "unit_given", "other_unit", "not_sent_back", "passes_left", "pass_in_time")
_ANSWER = ("no_open_parts", "proof", "specific", "original")
_WAIT = ("wait_given", "waits_left")
_RECEIVED, _WORKING, _WAITING = (State.RECEIVED,), (State.IN_PROGRESS,), (State.WAITING,)
_ANSWERED, _MERGED = (State.ANSWERED,), (State.MERGED,)

# States, verb, who, guards, next state (None: stays), clock.
MOVES: tuple[Move, ...] = (
    *_rows(NEW, "route", HANDLERS, ("undecided", "unit_given"), State.FILED, "hand"),
    *_rows(NEW, "receive", HANDLERS, ("place_decided",), State.RECEIVED, "handle"),
    *_rows(NEW, "queue", HANDLERS, ("place_decided",), State.RECEIVED, "assign"),
    *_rows((State.FILED,), "send_back", HANDLERS, ("reason", "passed_here", "back_in_time"), State.FILED, "hand"),
    *_rows(OPEN, "pass_on", HANDLERS, _PASS, State.FILED, "hand"),
    *_rows(_RECEIVED, "start", HANDLERS, (), State.IN_PROGRESS, "handle"),
    *_rows(HANDLING, "assign", HANDLERS, ("one_person",), State.IN_PROGRESS, "handle"),
    *_rows(HANDLING, "offer", HANDLERS, ("shortlist",), State.RECEIVED, "assign"),
    *_rows(HANDLING, "wait", HANDLERS, ("reason", *_WAIT, "waits_itself"), State.WAITING, "pause"),
    *_rows(HANDLING, "ask", HANDLERS, ("question", "whole", *_WAIT), State.WAITING, "pause"),
    *_rows(HANDLING, "forward", HANDLERS, ("question", "outside_given", *_WAIT), State.WAITING, "pause"),
    *_rows(HANDLING, "split", HANDLERS, ("whole", "alone", "parts", *_WAIT), State.WAITING, "pause"),
    *_rows(_WAITING, "resume", HANDLERS, ("not_for_parts",), State.IN_PROGRESS, "resume"),
    *_rows(_WAITING, "reply", BY_REPORTER, ("asked", "words", "room"), State.IN_PROGRESS, "resume"),
    *_rows(_WAITING, "reply_outside", BY_OUTSIDE, ("forwarded", "words"), State.IN_PROGRESS, "reply"),
    *_rows(_WAITING, "lapse", BY_CLOCK, (), State.IN_PROGRESS, "resume"),
    *_rows((*HANDLING, State.WAITING), "answer", HANDLERS, _ANSWER, State.ANSWERED, "stop"),
    *_rows((*HANDLING, State.WAITING), "parts_done", BY_CLOCK, (), State.ANSWERED, "stop"),
    *_rows(OPEN, "merge", HANDLERS, ("reason", "whole", "alone", "other_report"), State.MERGED),
    *_rows(_MERGED, "unmerge", HANDLERS, ("reason",), State.RECEIVED, "handle"),
    *_rows(_MERGED, "set_free", BY_CLOCK, (), State.RECEIVED, "handle"),
    *_rows(_MERGED, "answered_with", BY_CLOCK, (), State.ANSWERED, "stop"),
    *_rows(_ANSWERED, "rate", BY_REPORTER, ("stars",), None),
    *_rows(_ANSWERED, "reopen", BY_REPORTER, ("reason", "reopenings_left"), State.REOPENED, "restart"),
    *_rows(ALL_OPEN, "attach", BY_REPORTER, ("room",), None),
    *_rows(ALL_OPEN, "withdraw", BY_REPORTER, (), State.WITHDRAWN, "stop"),
    *_rows(ALL_OPEN, "drop_part", BY_CLOCK, (), State.WITHDRAWN, "stop"),
)
TABLE: Mapping[tuple[State, str], Move] = {(move.state, move.verb): move for move in MOVES}


def table_text() -> str:
    """The table as the documentation shows it, one row a verb."""
    rows: dict[str, list[Move]] = {}
    for move in MOVES:
        rows.setdefault(move.verb, []).append(move)
    lines = ["| Verb | From | To | Who | Guards | Clock |", "|---|---|---|---|---|---|"]
    for verb, moves in rows.items():
        first = moves[0]
        to = "as it was" if all(one.next is one.state for one in moves) and len(moves) > 1 else f"`{first.next}`"
        cells = (
            f"`{verb}`",
            ", ".join(f"`{one.state}`" for one in moves),
            to,
            ", ".join(sorted(first.roles)),
            ", ".join(first.guards) or "–",
            first.clock or "–",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def move_of(report: Report, verb: str) -> Move:
    """The row for `verb` in the report's state; IllegalMove when there is none."""
    move = TABLE.get((report.state, verb))
    if move is None:
        raise IllegalMove(
            f"A report that is {report.state} cannot be {verb}: {_allowed(report.state)}.", state=report.state
        )
    return move


def check(report: Report, verb: str, roles: frozenset[str], step: Step, rules: Rules) -> Move:
    """The row to follow, after role and guards; NotYours, IllegalMove or the guard's own error otherwise."""
    move = move_of(report, verb)
    if not move.roles & roles:
        raise NotYours(f"Only {' or '.join(sorted(move.roles))} may {verb} a report.")
    for guard in move.guards:
        try:
            GUARDS[guard](report, step, rules)
        except DothiError as refused:
            refused.fields.setdefault("guard", guard)  # By which the screen finds its own words.
            raise
    return move


def verbs_for(report: Report, roles: frozenset[str]) -> tuple[str, ...]:
    """What somebody with `roles` can do with the report as it stands (guards aside)."""
    return tuple(move.verb for move in MOVES if move.state == report.state and move.roles & roles)


def _allowed(state: State) -> str:
    verbs = [move.verb for move in MOVES if move.state == state]
    return f"possible are {', '.join(verbs)}"
