"""One report into parts for several units, and several reports of one thing into one; every step can be followed."""

from collections.abc import Sequence
from dataclasses import dataclass

from dothi.citizens.handling.answering import check_near
from dothi.citizens.handling.moving import Deed, Written, by_number, check_unit, commit, for_handler, move, write
from dothi.citizens.handling.timing import due_of, iso_or_none, promise, wait_until
from dothi.citizens.handling.workflow import BY_CLOCK, Step
from dothi.citizens.model import CLOSED, PART_TYPE, Outcome, Report, State, Waiting, report_urn
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.clocks import Mark, What, late, mark_json
from dothi.ground.errors import Conflict, Invalid
from dothi.hub.model import Actor, Attribute, Change, amend, create, geo, json_prop, prop, rel


@dataclass(frozen=True, slots=True)
class Part:
    """What one unit shall do of a report."""

    unit: str
    words: str


async def split(
    citizens: Citizens,
    actor: Actor,
    number: str,
    parts: Sequence[Part],
    version: int | None = None,
    now: int | None = None,
) -> Report:
    """Give several units their part each. The report waits for them, and is answered when the last one is.

    The reporter sees one report. A unit may have two parts; each is owed by the promised day of the whole.
    """
    at = now or now_us()
    report = for_handler(citizens, actor, number)
    for one in parts:
        check_unit(citizens, one.unit)
        if len(one.words.strip()) < rules_at(citizens, report.unit, at).limits.reason_letters:
            raise Invalid("Say for each part what is to be done.", field="parts")
    numbers = [f"{report.code}-{place}" for place in range(1, len(parts) + 1)]
    waiting = Waiting("parts", iso(at), iso(wait_until(citizens, report, "parts", at)), report.handle_by)
    made = tuple(_part(citizens, report, one, each, at) for one, each in zip(numbers, parts, strict=True))
    step = Step(wait="parts", parts=len(parts), reason="; ".join(one.words.strip() for one in parts))
    deed = Deed({"parts": json_prop(numbers)}, wait=waiting, seen=version, changes=made)
    return await move(citizens, actor, report, "split", step, deed, at)


def _part(citizens: Citizens, report: Report, number: str, part: Part, at: int) -> Change:
    """The new part: a case of its own for its unit, without the reporter's code."""
    attrs: dict[str, Attribute] = {
        "code": prop(number),
        "partOf": prop(report.code),
        "whole": rel(report.id),
        "state": prop(State.FILED.value),
        "open": prop(True),
        "category": prop(report.category),
        "description": prop(f"{part.words.strip()}\n\n{report.description}".strip()),
        "filedAt": prop(iso(at)),
        "handleBy": prop(report.handle_by),
        "due": prop(iso_or_none(due_of(citizens, report, "receive", part.unit, at))),
        "unit": prop(report.unit),
        "assignee": prop(part.unit),
        "placeDecided": prop(True),
        "placeWords": prop(report.place_words),
        "urgent": prop(report.urgent),
        "photos": json_prop([one.as_json() for one in report.photos]),
        "clock": json_prop([mark_json(Mark(at, What.START, part.unit, "receive"))]),
        "step": json_prop({"verb": "file_part", "at": iso(at), "unit": part.unit, "reason": part.words.strip()}),
    }
    if report.location:
        attrs["location"] = geo(report.location)
    return create(report_urn(number), PART_TYPE, **attrs)


async def parts_done(citizens: Citizens, number: str, now: int | None = None) -> Report | None:
    """Answer a report whose parts are all answered, with what they say and show; None while one is open."""
    at = now or now_us()
    report = by_number(citizens, number)
    parts = [by_number(citizens, one) for one in report.parts]
    if report.state in CLOSED or not parts or any(one.state not in CLOSED for one in parts):
        return None
    told = [one for one in parts if one.outcome and one.answer]
    outcomes = {one.outcome for one in told}
    files = list(dict.fromkeys(file for one in told for file in one.proof))
    said: dict[str, Attribute] = {
        "outcome": prop((next(iter(outcomes)) if len(outcomes) == 1 else Outcome.RESOLVED) or Outcome.RESOLVED),
        "answer": prop("\n\n".join(one.answer or "" for one in told)),
        "proof": json_prop([one.as_json() for one in files]),
        "closedAt": prop(iso(at)),
    }
    if report.handle_by:
        said["onTime"] = prop(late(promise(citizens, report, at), at) is False)
    return await move(citizens, SYSTEM, report, "parts_done", Step(), Deed(said, roles=BY_CLOCK), at)


async def merge(
    citizens: Citizens,
    actor: Actor,
    into: str,
    numbers: Sequence[str],
    reason: str,
    version: int | None = None,
    now: int | None = None,
) -> Report:
    """Make reports of one thing follow one of them: all in one commit, each of their reporters is told and follows it.

    They keep their number and their promise, and are answered with the one. `unmerge` undoes it.
    """
    at = now or now_us()
    master = for_handler(citizens, actor, into)
    others = [for_handler(citizens, actor, one) for one in dict.fromkeys(one.strip() for one in numbers if one.strip())]
    _check_merge(citizens, master, others, at)
    step = Step(reason=reason, into=master.code)
    written = [_follower(citizens, actor, one, step, at) for one in others]
    kept: dict[str, Attribute] = {
        "merged": json_prop([*master.merged, *(one.code for one in others)]),
        "step": json_prop({"verb": "gather", "at": iso(at), "unit": master.assignee, "reason": reason.strip()}),
    }
    seen = master.version if version is None else version
    leading = Written(master, seen, amend(master.id, **kept), ())
    await commit(citizens, actor, (leading, *written), f"merge: {reason.strip()}")
    return by_number(citizens, master.code)


def _follower(citizens: Citizens, actor: Actor, one: Report, step: Step, at: int) -> Written:
    follows: dict[str, Attribute] = {"mergedInto": prop(step.into), "duplicateOf": prop(step.into)}
    if not one.received_at:
        follows["receivedAt"] = prop(iso(at))
    return write(citizens, actor, one, "merge", step, Deed(follows), at)


def _check_merge(citizens: Citizens, master: Report, others: Sequence[Report], at: int) -> None:
    moves = rules_at(citizens, master.unit, at).clocks.moves
    if master.state in CLOSED or master.part_of:
        raise Conflict("Reports are merged into one that is open and whole.", field="numbers")
    if not 0 < len(others) <= moves.merged - len(master.merged):
        raise Invalid(f"Give the numbers of 1 to {moves.merged} reports that tell of the same thing.", field="numbers")
    check_near(master, others, moves.together_m)


async def unmerge(
    citizens: Citizens, actor: Actor, number: str, reason: str, version: int | None = None, now: int | None = None
) -> Report:
    """A report that was merged by mistake stands alone again, with its own promise."""
    at = now or now_us()
    one = for_handler(citizens, actor, number)
    alone: dict[str, Attribute] = {"mergedInto": prop(""), "duplicateOf": prop("")}
    more: tuple[Written, ...] = ()
    if one.merged_into:
        master = by_number(citizens, one.merged_into)
        left = [other for other in master.merged if other != one.code]
        more = (Written(master, master.version, amend(master.id, merged=json_prop(left)), ()),)
    return await move(citizens, actor, one, "unmerge", Step(reason=reason), Deed(alone, seen=version), at, more)


async def answered_with(citizens: Citizens, number: str, now: int | None = None) -> int:
    """Answer the reports that follow an answered one with its words and proof; how many there were."""
    at = now or now_us()
    master = by_number(citizens, number)
    if master.state is not State.ANSWERED or master.outcome is None:
        return 0
    followers = [by_number(citizens, one) for one in master.merged]
    written = []
    for one in followers:
        if one.state is State.MERGED:
            said: dict[str, Attribute] = {
                "outcome": prop(master.outcome.value),
                "answer": prop(master.answer),
                "proof": json_prop([file.as_json() for file in master.proof]),
                "closedAt": prop(iso(at)),
                "together": prop(master.code),
            }
            if one.handle_by:
                said["onTime"] = prop(at <= from_iso(one.handle_by))
            written.append(write(citizens, SYSTEM, one, "answered_with", Step(), Deed(said, roles=BY_CLOCK), at))
    if written:
        await commit(citizens, SYSTEM, tuple(written), f"answered with {master.code}")
    return len(written)
