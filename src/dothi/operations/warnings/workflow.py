"""The life of a warning as one table: which verb, by whom, under which guards, leads from which state to which.

Nothing here reads the clock or the hub: a guard judges a warning, the step that somebody asks for and the rules.
"""

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field

from dothi.ground.clock import HOUR, MINUTE, from_iso
from dothi.ground.errors import DothiError, Forbidden, Invalid
from dothi.operations.warnings.areas import Touched, shape_problem
from dothi.operations.warnings.model import Bulletin, IllegalMove, Info, Kind, OnePersonOnly, State, Warning
from dothi.operations.warnings.rules import Rules

CLOCK = "clock"  # A durable timer: no person.
MESSAGE = "message"  # The release of a later message of the same thread.
WRITERS = frozenset({"duty_officer", "leader"})
RELEASERS = frozenset({"releaser"})  # The roles that the rules in force name for the hazard.
BY_CLOCK, BY_MESSAGE = frozenset({CLOCK}), frozenset({MESSAGE})
REASON_LETTERS = 10
TEXT_MAX = {"headline": 160, "description": 2000, "instruction": 1000}


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody asks for, and what is known beside the warning itself; instants in µs."""

    actor: str
    now: int
    reach: frozenset[str] | None = None  # Codes where the actor's rights hold; None = everywhere.
    touched: Touched = field(default_factory=lambda: Touched(frozenset(), ()))
    bulletin: Bulletin | None = None
    covered: bool = True  # Whether the units of the bulletin hold all of the area.
    before: Warning | None = None  # The message that this one takes the place of.
    reason: str = ""
    checked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Move:
    """One row: in `state`, `verb` by one of `who` passes `guards` and leads to `next`."""

    state: State
    verb: str
    who: frozenset[str]
    guards: tuple[str, ...]
    next: State


_WHOLE = ("vietnamese", "english", "area", "drawn", "expiry", "bulletin", "earlier")
_RELEASE = ("second_person", "releaser", "own_area", *_WHOLE, "checklist")

MOVES: tuple[Move, ...] = (
    Move(State.DRAFT, "edit", WRITERS, (), State.DRAFT),
    Move(State.SUBMITTED, "edit", WRITERS, (), State.DRAFT),
    Move(State.DRAFT, "submit", WRITERS, _WHOLE, State.SUBMITTED),
    Move(State.SUBMITTED, "refuse", WRITERS, ("reason",), State.DRAFT),
    Move(State.SUBMITTED, "release", RELEASERS, _RELEASE, State.RELEASED),
    Move(State.DRAFT, "discard", WRITERS, ("reason",), State.DISCARDED),
    Move(State.SUBMITTED, "discard", WRITERS, ("reason",), State.DISCARDED),
    Move(State.RELEASED, "follow_up", WRITERS, ("warns",), State.RELEASED),
    Move(State.EXPIRED, "follow_up", WRITERS, ("warns",), State.EXPIRED),
    Move(State.RELEASED, "be_updated", BY_MESSAGE, (), State.UPDATED),
    Move(State.RELEASED, "be_cancelled", BY_MESSAGE, (), State.CANCELLED),
    Move(State.RELEASED, "be_cleared", BY_MESSAGE, (), State.CLEARED),
    Move(State.RELEASED, "expire", BY_CLOCK, ("over",), State.EXPIRED),
)
TABLE: Mapping[tuple[State, str], Move] = {(move.state, move.verb): move for move in MOVES}
FOLLOWED: Mapping[Kind, str] = {  # What the release of a message does to the one before it.
    Kind.UPDATE: "be_updated",
    Kind.CANCEL: "be_cancelled",
    Kind.ALL_CLEAR: "be_cleared",
}


def check(warning: Warning, verb: str, roles: frozenset[str], step: Step, rules: Rules) -> Move:
    """The row to follow, after role and guards; IllegalMove, Forbidden or the guard's own error otherwise."""
    move = TABLE.get((warning.state, verb))
    if move is None:
        possible = ", ".join(one.verb for one in MOVES if one.state is warning.state) or "nothing"
        raise IllegalMove(f"A warning that is {warning.state} cannot be {verb}: possible is {possible}.")
    allowed = releasers(warning, rules) if move.who is RELEASERS else move.who
    if not allowed & roles:
        raise Forbidden(f"Only {' or '.join(sorted(allowed))} may {verb} a warning.")
    for name in move.guards:
        try:
            GUARDS[name](warning, step, rules)
        except DothiError as refused:
            refused.fields.setdefault("guard", name)  # By which the screen finds its own words.
            raise
    return move


def releasers(warning: Warning, rules: Rules) -> frozenset[str]:
    """The roles that may release this warning."""
    hazard = rules.hazards.get(warning.hazard)
    return (hazard.roles if hazard else frozenset()) or rules.releasers


def problems(warning: Warning, step: Step, rules: Rules) -> dict[str, str]:
    """What keeps a draft from being submitted, by guard: what the form shows while it is written."""
    return {name: said for name in _WHOLE if (said := _told(name, warning, step, rules))}


def _told(name: str, warning: Warning, step: Step, rules: Rules) -> str:
    try:
        GUARDS[name](warning, step, rules)
    except DothiError as refused:
        return refused.detail
    return ""


def _second_person(warning: Warning, step: Step, _: Rules) -> None:
    if not step.actor.startswith("user:"):
        raise OnePersonOnly("A person releases a warning: neither a key nor a module does.")
    if step.actor in (warning.written_by, *warning.editors):
        raise OnePersonOnly("You wrote or edited this warning: another person releases it.")


def _releaser(warning: Warning, _: Step, rules: Rules) -> None:
    if not warning.written_by.startswith("user:") or not warning.editors:
        raise OnePersonOnly("Nobody is named who wrote this warning: write it anew.")
    rules.hazard(warning.hazard)


def _own_area(warning: Warning, step: Step, _: Rules) -> None:
    if step.reach is None:
        return
    if step.touched.unplaced:
        names = ", ".join(step.touched.unplaced)
        raise Forbidden(f"The drawn part {names} cannot be placed in your area: choose units, or ask the province.")
    outside = sorted(step.touched.units - step.reach)
    if outside:
        raise Forbidden(f"The area reaches beyond yours ({', '.join(outside[:5])}): the unit above both releases it.")


def _vietnamese(warning: Warning, _: Step, __: Rules) -> None:
    _texts(warning.info.get("vi", Info()), "Vietnamese")


def _english(warning: Warning, _: Step, __: Rules) -> None:
    _texts(warning.info.get("en", Info()), "English")


def _texts(info: Info, language: str) -> None:
    named = zip(TEXT_MAX, astuple(info), strict=True)
    for name, text in named:
        if name != "description" and not text.strip():
            raise Invalid(f"The {name} in {language} is missing.", field=name, language=language)
        if len(text) > TEXT_MAX[name]:
            raise Invalid(f"The {name} in {language} has up to {TEXT_MAX[name]} letters.", field=name)
        if "…" in text or "{" in text:
            raise Invalid(f"The {name} in {language} still has a blank: fill it in.", field=name)


def _area(warning: Warning, _: Step, __: Rules) -> None:
    if not warning.units and not warning.shapes:
        raise Invalid("The area is empty: choose communes or draw it.", field="units")


def _drawn(warning: Warning, _: Step, __: Rules) -> None:
    for shape in warning.shapes:
        if problem := shape_problem(shape):
            raise Invalid(f"The drawn part {shape.name}: {problem}", field="areas")


def _expiry(warning: Warning, step: Step, rules: Rules) -> None:
    if not warning.expires:
        raise Invalid("Say until when it holds.", field="expires")
    begins, ends = max(_instant(warning.effective, step.now), step.now), _instant(warning.expires, step.now)
    most = rules.hazard(warning.hazard).most_hours
    if ends - begins < rules.least_minutes * MINUTE:
        raise Invalid(f"It holds for at least {rules.least_minutes:g} minutes: say a later end.", field="expires")
    if ends - step.now > most * HOUR:
        raise Invalid(f"It ends within {most:g} hours at most; it can be updated.", field="expires")


def _instant(text: str, otherwise: int) -> int:
    return from_iso(text) if text else otherwise


def _bulletin(warning: Warning, step: Step, _: Rules) -> None:
    """A warning that names a bulletin carries its legal level, so the bulletin must be in force, and here."""
    if not warning.bulletin:
        return
    bulletin = step.bulletin
    if bulletin is None or bulletin.state != "inForce" or from_iso(bulletin.expires) <= step.now:
        raise Invalid("The bulletin is not in force any more: take it out, or name the one in force.", field="bulletin")
    if bulletin.drill != warning.drill:
        raise Invalid("A bulletin of a drill goes with a drill, a true one with a true warning.", field="bulletin")
    if bulletin.hazard and bulletin.hazard != warning.hazard:
        raise Invalid("The bulletin is of another hazard: its level does not hold for this one.", field="bulletin")
    if not step.covered:
        raise Invalid("The area reaches beyond that of the bulletin: its level does not hold there.", field="bulletin")


def _earlier(warning: Warning, step: Step, _: Rules) -> None:
    if warning.kind is Kind.ALERT:
        return
    before = step.before
    if before is None or before.state not in (State.RELEASED, State.EXPIRED):
        raise IllegalMove("The message before this one is not out any more: look at the latest of them.")
    if before.drill != warning.drill:
        raise Invalid("A drill is followed by a drill only.", field="drill")


def _checklist(_: Warning, step: Step, rules: Rules) -> None:
    missing = [name for name in rules.checks if name not in step.checked]
    if missing:
        raise Invalid(f"Read and tick first: {', '.join(missing)}.", field="checked")


def _reason(_: Warning, step: Step, __: Rules) -> None:
    if len(step.reason.strip()) < REASON_LETTERS:
        raise Invalid(f"Say why, in at least {REASON_LETTERS} letters.", field="reason")


def _warns(warning: Warning, _: Step, __: Rules) -> None:
    if warning.kind in (Kind.CANCEL, Kind.ALL_CLEAR):
        raise IllegalMove("This message ended a warning: write a new warning instead.")


def _over(warning: Warning, step: Step, _: Rules) -> None:
    if from_iso(warning.expires) > step.now:
        raise IllegalMove("It still holds.")


GUARDS: Mapping[str, Callable[[Warning, Step, Rules], None]] = {
    "second_person": _second_person,
    "releaser": _releaser,
    "own_area": _own_area,
    "vietnamese": _vietnamese,
    "english": _english,
    "area": _area,
    "drawn": _drawn,
    "expiry": _expiry,
    "bulletin": _bulletin,
    "earlier": _earlier,
    "checklist": _checklist,
    "reason": _reason,
    "warns": _warns,
    "over": _over,
}


def table_text() -> str:
    """The table as the documentation shows it, one row a verb and target."""
    rows: dict[tuple[str, State], list[Move]] = {}
    for move in MOVES:
        rows.setdefault((move.verb, move.next), []).append(move)
    lines = ["| Verb | From | To | Who | Guards |", "|---|---|---|---|---|"]
    for (verb, to), moves in rows.items():
        states = ", ".join(f"`{one.state}`" for one in moves)
        guards = ", ".join(moves[0].guards) or "–"
        lines.append(f"| `{verb}` | {states} | `{to}` | {', '.join(sorted(moves[0].who))} | {guards} |")
    return "\n".join(lines)
