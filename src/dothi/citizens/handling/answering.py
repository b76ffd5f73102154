"""Answers: what closes a report, alone or several of one problem together, and what it is checked against."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from dothi.citizens.handling.moving import Deed, Written, by_number, commit, for_handler, move, reason_of, write
from dothi.citizens.handling.timing import promise
from dothi.citizens.handling.workflow import Step
from dothi.citizens.intake.filing import keep
from dothi.citizens.model import CLOSED, TYPE, NoSuchReport, Outcome, Report, State, StoredFile, report_of
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.ground.clock import iso, now_us
from dothi.ground.clocks import late
from dothi.ground.errors import Conflict, Invalid
from dothi.ground.geometry import haversine_m
from dothi.ground.ids import secret
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import Actor, Attribute, json_prop, prop
from dothi.office.photos import Upload, clean_proof


async def answer(  # noqa: PLR0913  # An answer is these things together, or it is none.
    citizens: Citizens,
    actor: Actor,
    number: str,
    outcome: Outcome,
    words: str,
    proof: Sequence[Upload],
    duplicate_of: str | None = None,
    version: int | None = None,
    now: int | None = None,
    kept: Sequence[str] = (),
) -> Report:
    """Close the report with a typed outcome, words that say something, and proof.

    `kept` are hashes of files that an outside body sent with its reply: they may be the proof, or part of it.
    """
    at = now or now_us()
    report = for_handler(citizens, actor, number)
    clean = [await asyncio.to_thread(clean_proof, one) for one in proof]
    brought = tuple(one for one in sent_files(report) if one.sha256 in kept)
    files = (*brought, *(StoredFile("", one.media_type) for one in clean))
    step = replace(closing(citizens, report, outcome, words, duplicate_of), files=files)
    write(citizens, actor, report, "answer", step, Deed(seen=version), at)  # Checked before anything is kept.
    stored = [*(one.as_json() for one in brought), *[await keep(citizens.hub, one) for one in clean]]
    return await move(
        citizens, actor, report, "answer", step, Deed(closed(citizens, report, step, stored, at), seen=version), at
    )


async def answer_together(  # The same answer for each of them.
    citizens: Citizens,
    actor: Actor,
    numbers: Sequence[str],
    outcome: Outcome,
    words: str,
    proof: Sequence[Upload],
    now: int | None = None,
) -> tuple[Report, ...]:
    """Answer several reports of one problem with the same words and proof: all of them in one commit, or none.

    Each is checked as if it were answered alone; together they must be of one category and unit, and near each other.
    """
    at = now or now_us()
    reports = tuple(for_handler(citizens, actor, one) for one in dict.fromkeys(numbers))
    _check_together(citizens, reports, at)
    clean = [await asyncio.to_thread(clean_proof, one) for one in proof]
    files = tuple(StoredFile("", one.media_type) for one in clean)
    steps = [replace(closing(citizens, one, outcome, words, None), files=files) for one in reports]
    for report, step in zip(reports, steps, strict=True):
        write(citizens, actor, report, "answer", step, Deed(), at)
    stored = [await keep(citizens.hub, one) for one in clean]
    mark = {"together": prop(secret()[:12])}
    written: list[Written] = []
    for report, step in zip(reports, steps, strict=True):
        deed = Deed(closed(citizens, report, step, stored, at) | mark)
        written.append(write(citizens, actor, report, "answer", step, deed, at))
    await commit(citizens, actor, tuple(written), reason_of("answer", Step()))
    return tuple(by_number(citizens, one.code) for one in reports)


def _check_together(citizens: Citizens, reports: Sequence[Report], at: int) -> None:
    if len(reports) < 2:
        raise Invalid("Choose at least two reports to answer together.", field="numbers")
    moves = rules_at(citizens, reports[0].unit, at).clocks.moves
    if len(reports) > moves.merged:
        raise Invalid(f"Up to {moves.merged} reports are answered together.", field="numbers")
    if len({(one.category, one.assignee) for one in reports}) > 1:
        raise Conflict("Reports answered together are of one category and with one unit.", field="numbers")
    check_near(reports[0], reports[1:], moves.together_m)


def check_near(first: Report, others: Iterable[Report], most: float) -> None:
    """Raise Conflict for a report that lies further than `most` metres from the first; a missing place is not far."""
    for one in others:
        if first.place and one.place and haversine_m(*first.place, *one.place) > most:
            raise Conflict(
                f"{one.code} lies more than {most:g} m from {first.code}: this is not one problem.",
                field="numbers",
                code=one.code,
            )


def closing(citizens: Citizens, report: Report, outcome: Outcome, words: str, duplicate_of: str | None) -> Step:
    """What an answer brings to the guards, but for its files."""
    return Step(
        outcome=outcome,
        words=words,
        duplicate_of=_original(citizens, duplicate_of) if outcome is Outcome.DUPLICATE else None,
        open_parts=sum(by_number(citizens, one).state not in CLOSED for one in report.parts),
        earlier=tuple(earlier_answers(citizens, report)),
    )


def closed(citizens: Citizens, report: Report, step: Step, files: Sequence[object], at: int) -> dict[str, Attribute]:
    """What an answer writes beside its state."""
    outcome = step.outcome or Outcome.RESOLVED
    said: dict[str, Attribute] = {
        "outcome": prop(outcome.value),
        "answer": prop(step.words.strip()),
        "proof": json_prop(list(files)),
        "closedAt": prop(iso(at)),
    }
    owed = promise(citizens, report, at)
    if owed is not None:
        said["onTime"] = prop(not late(owed, at))
    if step.duplicate_of:
        said["duplicateOf"] = prop(step.duplicate_of)
    return said


def earlier_answers(citizens: Citizens, report: Report) -> list[str]:
    """The newest answers of the unit to other reports; those given together count once."""
    rules = rules_at(citizens, report.unit)
    terms = And((Compare(("assignee",), "==", report.assignee), Compare(("state",), "==", State.ANSWERED.value)))
    query = Query(TypeIs(TYPE), q=terms, limit=rules.answers.history, order=("-closedAt",))
    found: dict[str, str] = {}
    for one in map(report_of, citizens.hub.query(SYSTEM, query) if report.assignee else ()):
        if one.answer and one.code != report.code:
            found.setdefault(one.together or one.code, one.answer)
    return list(found.values())


def sent_files(report: Report) -> tuple[StoredFile, ...]:
    """The files that outside bodies sent with their replies."""
    return tuple(file for one in report.exchanges for file in one.files)


def _original(citizens: Citizens, number: str | None) -> str | None:
    try:
        return by_number(citizens, number).code if number else None
    except NoSuchReport as cause:
        raise Invalid("There is no report with this number.", field="duplicate_of") from cause
