"""The guards of the table of moves: each looks at a report, what a verb brings and the rules, and says why not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dothi.citizens.model import NoProof, NothingSpecific, Outcome, Report, StoredFile
from dothi.citizens.rules import Rules
from dothi.ground.clock import HOUR
from dothi.ground.clocks import What
from dothi.ground.errors import Conflict, Invalid

BY_THEMSELVES = frozenset({"reporter", "outside", "parts"})  # Waits that a verb of their own begins.


@dataclass(frozen=True, slots=True)
class Step:
    """What a verb brings: the guards look at it."""

    reason: str = ""
    unit: str | None = None
    outcome: Outcome | None = None
    words: str = ""  # An answer, a question or a reply.
    files: tuple[StoredFile, ...] = ()
    duplicate_of: str | None = None
    stars: int = 0
    wait: str = ""  # What the report is to wait for.
    name: str = ""  # Of an outside body.
    people: tuple[str, ...] = ()  # Actor ids.
    parts: int = 0
    open_parts: int = 0
    into: str = ""  # The report that this one is merged into.
    held: int = 0  # Time that counts (µs) since the report reached the unit.
    earlier: tuple[str, ...] = ()  # Answers of the unit to other reports, newest first.


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
    """Blanks filled, something new, no mould, and enough of when, where, who, how much, by which paper."""
    said = rules.answers
    blanks = said.blanks(step.words)
    if blanks:
        raise NothingSpecific(f"Fill in what is left open: {blanks[0]}.", field="words", why="blank", blank=blanks[0])
    found = rules.new_words(step.words, report.description)
    if len(found) < rules.answer.new_words:
        raise NothingSpecific(field="words", why="few", found=len(found), needed=rules.answer.new_words)
    times = said.reused(step.words, step.earlier)
    if times:
        raise NothingSpecific(
            f"The same words went to {times} other reports. Say what was found or done here.",
            field="words",
            why="mould",
            times=times,
        )
    missing = said.missing(step.words, (step.outcome or Outcome.RESOLVED).value)
    if missing:
        raise NothingSpecific(
            f"Say more exactly: it names none of {', '.join(missing)}.", field="words", why="missing", missing=missing
        )


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


def _not_sent_back(report: Report, step: Step, rules: Rules) -> None:
    if step.unit in report.sent_back:
        raise Conflict("This unit gave the report back already. Choose another one, or handle it.", field="unit")


def _pass_in_time(report: Report, step: Step, rules: Rules) -> None:
    _in_time(step, rules.clocks.moves.pass_hours, "passed on")


def _back_in_time(report: Report, step: Step, rules: Rules) -> None:
    _in_time(step, rules.clocks.moves.return_hours, "given back")


def _in_time(step: Step, hours: float, what: str) -> None:
    if step.held > hours * HOUR:
        raise Conflict(
            f"A report can be {what} within {hours:g} working hours after it reached the unit; they are over.",
            field="unit",
            hours=round(hours),
        )


def _passed_here(report: Report, step: Step, rules: Rules) -> None:
    if not report.handed_by:
        raise Conflict("No unit passed this report on to yours: there is nobody to give it back to.", field="unit")


def _one_person(report: Report, step: Step, rules: Rules) -> None:
    if len(step.people) != 1:
        raise Invalid("Choose the person who handles it.", field="people")


def _shortlist(report: Report, step: Step, rules: Rules) -> None:
    most = rules.clocks.moves.shortlist
    if not 1 < len(step.people) <= most:
        raise Invalid(f"Offer it to 2 to {most} people; the first who takes it has it.", field="people")


def _wait_given(report: Report, step: Step, rules: Rules) -> None:
    rules.clocks.wait(step.wait)


def _waits_itself(report: Report, step: Step, rules: Rules) -> None:
    if step.wait in BY_THEMSELVES:
        raise Invalid("Ask the reporter, forward it or split it: that begins this wait by itself.", field="wait")


def _waits_left(report: Report, step: Step, rules: Rules) -> None:
    begun = [one.who for one in report.marks if one.what is What.PAUSE]
    most, times = rules.clocks.moves.waits, rules.clocks.wait(step.wait).times
    if len(begun) >= most or begun.count(step.wait) >= times:
        raise Conflict(
            f"The report has waited {len(begun)} times, {begun.count(step.wait)} of them for this; {times} of this and "
            f"{most} in all are allowed. Handle it, or answer why it cannot be done.",
            field="wait",
            times=times,
        )


def _question(report: Report, step: Step, rules: Rules) -> None:
    most = rules.clocks.moves.question_letters
    if not rules.limits.reason_letters <= len(step.words.strip()) <= most:
        raise Invalid(f"Ask in {rules.limits.reason_letters} to {most} letters.", field="question")


def _outside_given(report: Report, step: Step, rules: Rules) -> None:
    if not 0 < len(step.name.strip()) <= rules.limits.contact_letters:
        raise Invalid("Name the body that the link goes to.", field="name")


def _parts(report: Report, step: Step, rules: Rules) -> None:
    most = rules.clocks.moves.parts
    if not 1 < step.parts <= most:
        raise Invalid(f"A report is split into 2 to {most} parts, each with its unit and what it owes.", field="parts")


def _whole(report: Report, step: Step, rules: Rules) -> None:
    if report.part_of:
        raise Conflict(f"This is one part of report {report.part_of}: do it with the whole report.")


def _alone(report: Report, step: Step, rules: Rules) -> None:
    if report.merged or report.parts:
        raise Conflict("Other reports hang on this one: answer it, or set them free first.", field="numbers")


def _other_report(report: Report, step: Step, rules: Rules) -> None:
    if step.into == report.code:
        raise Invalid("A report is not merged into itself.", field="numbers")


def _not_for_parts(report: Report, step: Step, rules: Rules) -> None:
    if report.waiting is not None and report.waiting.kind == "parts":
        raise Conflict("The report waits for its parts: it goes on when they are done.")


def _no_open_parts(report: Report, step: Step, rules: Rules) -> None:
    if step.open_parts:
        raise Conflict(f"{step.open_parts} of its parts are still open: the report is answered when they are done.")


def _asked(report: Report, step: Step, rules: Rules) -> None:
    if report.waiting is None or report.waiting.kind != "reporter":
        raise Conflict("Nothing is asked of you now.")


def _forwarded(report: Report, step: Step, rules: Rules) -> None:
    if report.waiting is None or report.waiting.kind != "outside":
        raise Conflict("This report is no longer with you: it was answered, or taken back.")


def _words(report: Report, step: Step, rules: Rules) -> None:
    if not 0 < len(step.words.strip()) <= rules.limits.description_letters:
        raise Invalid(f"Write an answer, up to {rules.limits.description_letters} letters.", field="answer")


Guard = Callable[[Report, Step, Rules], None]
GUARDS: Mapping[str, Guard] = {
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
    "not_sent_back": _not_sent_back,
    "pass_in_time": _pass_in_time,
    "back_in_time": _back_in_time,
    "passed_here": _passed_here,
    "one_person": _one_person,
    "shortlist": _shortlist,
    "wait_given": _wait_given,
    "waits_itself": _waits_itself,
    "waits_left": _waits_left,
    "question": _question,
    "outside_given": _outside_given,
    "parts": _parts,
    "whole": _whole,
    "alone": _alone,
    "other_report": _other_report,
    "not_for_parts": _not_for_parts,
    "no_open_parts": _no_open_parts,
    "asked": _asked,
    "forwarded": _forwarded,
    "words": _words,
}
