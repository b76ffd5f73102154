"""The life of a report as one table: which verb, by whom, under which guards, leads from which state to which."""

from collections.abc import Mapping
from dataclasses import dataclass

from dothi.citizens.model import IllegalMove, NoProof, NothingSpecific, NotYours, Outcome, Report, State, StoredFile
from dothi.citizens.rules import Rules
from dothi.ground.errors import Conflict, Invalid

REPORTER = "reporter"  # Whoever shows the secret half of the code; no role of an account.
HANDLERS = frozenset({"official", "duty_officer"})
BY_REPORTER = frozenset({REPORTER})

HANDLING = (State.RECEIVED, State.IN_PROGRESS)
OPEN = (State.FILED, State.REOPENED, State.RECEIVED, State.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Move:
    """One row: in `state`, `verb` by one of `roles` passes `guards`, leads to `next` and moves the clock."""

    state: State
    verb: str
    roles: frozenset[str]
    guards: tuple[str, ...]
    next: State
    clock: str = ""  # "receive": the receiving clock starts anew; "handle": due becomes the promise; "stop": closed.


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


# States, verb, who, guards, next state (None: stays), clock.
MOVES: tuple[Move, ...] = (
    *_rows((State.FILED, State.REOPENED), "route", HANDLERS, ("undecided", "unit_given"), State.FILED, "receive"),
    *_rows((State.FILED, State.REOPENED), "receive", HANDLERS, ("place_decided",), State.RECEIVED, "handle"),
    *_rows((State.RECEIVED,), "start", HANDLERS, (), State.IN_PROGRESS),
    *_rows(OPEN, "pass_on", HANDLERS, ("reason", "unit_given", "other_unit", "passes_left"), State.FILED, "receive"),
    *_rows(HANDLING, "answer", HANDLERS, ("proof", "specific", "original"), State.ANSWERED, "stop"),
    *_rows((State.ANSWERED,), "rate", BY_REPORTER, ("stars",), None),
    *_rows((State.ANSWERED,), "reopen", BY_REPORTER, ("reason", "reopenings_left"), State.REOPENED, "receive"),
    *_rows(OPEN, "attach", BY_REPORTER, ("room",), None),
)
TABLE: Mapping[tuple[State, str], Move] = {(move.state, move.verb): move for move in MOVES}


@dataclass(frozen=True, slots=True)
class Step:
    """What a verb brings: the guards look at it."""

    reason: str = ""
    unit: str | None = None
    outcome: Outcome | None = None
    words: str = ""
    files: tuple[StoredFile, ...] = ()
    duplicate_of: str | None = None
    stars: int = 0


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
        GUARDS[guard](report, step, rules)
    return move


def verbs_for(report: Report, roles: frozenset[str]) -> tuple[str, ...]:
    """What somebody with `roles` can do with the report as it stands (guards aside)."""
    return tuple(move.verb for move in MOVES if move.state == report.state and move.roles & roles)


def _allowed(state: State) -> str:
    verbs = [move.verb for move in MOVES if move.state == state]
    return f"possible are {', '.join(verbs)}"


def _reason(report: Report, step: Step, rules: Rules) -> None:
    if len(step.reason.strip()) < rules.limits.reason_letters:
        raise Invalid(f"Say why in at least {rules.limits.reason_letters} letters.", field="reason")


def _unit_given(report: Report, step: Step, rules: Rules) -> None:
    if not step.unit:
        raise Invalid("Choose the unit.", field="unit")


def _undecided(report: Report, step: Step, rules: Rules) -> None:
    if report.decided:
        raise Conflict("The commune is confirmed already. Pass the report on, with a reason.", field="unit")


def _other_unit(report: Report, step: Step, rules: Rules) -> None:
    if step.unit == report.assignee:
        raise Conflict("The report is with this unit already.", field="unit")


def _place_decided(report: Report, step: Step, rules: Rules) -> None:
    if not report.decided:
        raise Conflict(
            "Nobody has confirmed the commune yet: the map only suggests it. Confirm the commune first.", field="unit"
        )


def _passes_left(report: Report, step: Step, rules: Rules) -> None:
    if report.passed_on >= rules.limits.passes:
        raise Conflict(
            f"The report was passed on {report.passed_on} times already. Handle it, or answer why it cannot be done."
        )


def _proof(report: Report, step: Step, rules: Rules) -> None:
    if not step.files:
        raise NoProof(field="proof")
    photo_needed = step.outcome is Outcome.RESOLVED and rules.category(report.category).evidence == "photo"
    if photo_needed and not any(one.is_photo for one in step.files):
        raise NoProof(
            "This category is closed with a photo that shows the work done; a document may be added.", field="proof"
        )


def _specific(report: Report, step: Step, rules: Rules) -> None:
    found = rules.new_words(step.words, report.description)
    if len(found) < rules.answer.new_words:
        raise NothingSpecific(field="words", found=len(found), needed=rules.answer.new_words)


def _original(report: Report, step: Step, rules: Rules) -> None:
    if step.outcome is Outcome.DUPLICATE and not step.duplicate_of:
        raise Invalid("Give the code of the report that this one repeats.", field="duplicate_of")
    if step.duplicate_of and step.duplicate_of == report.code:
        raise Invalid("A report does not repeat itself.", field="duplicate_of")


def _stars(report: Report, step: Step, rules: Rules) -> None:
    if not 1 <= step.stars <= 5:
        raise Invalid("Choose from 1 to 5.", field="stars")


def _reopenings_left(report: Report, step: Step, rules: Rules) -> None:
    if report.reopened >= rules.limits.reopenings:
        raise Conflict(f"The report was re-opened {report.reopened} times already. File a new one.")


def _room(report: Report, step: Step, rules: Rules) -> None:
    if len(report.photos) + len(step.files) > rules.limits.photos:
        raise Invalid(f"A report holds up to {rules.limits.photos} photos.", field="photos")


GUARDS = {
    "reason": _reason,
    "unit_given": _unit_given,
    "undecided": _undecided,
    "other_unit": _other_unit,
    "place_decided": _place_decided,
    "passes_left": _passes_left,
    "proof": _proof,
    "specific": _specific,
    "original": _original,
    "stars": _stars,
    "reopenings_left": _reopenings_left,
    "room": _room,
}
