"""The verbs after filing: receive, start, pass on, answer; rate, re-open, attach. Each is one commit."""

import asyncio
from collections.abc import Mapping, Sequence

from dothi.accounts.organisations import is_organisation
from dothi.citizens.handling.workflow import BY_REPORTER, Move, Step, check
from dothi.citizens.intake.arrival import rerouted
from dothi.citizens.intake.codes import find_by_code, find_by_number
from dothi.citizens.intake.competence import chain_of, in_force
from dothi.citizens.intake.filing import keep, keep_photos
from dothi.citizens.intake.photos import Upload, clean_proof
from dothi.citizens.model import OWNER, TYPE, NoSuchReport, NotYours, Outcome, Report, StoredFile, report_of
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.citizens.rules import without_personal
from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import Actor, Attribute, Commit, amend, json_prop, prop


async def route(
    citizens: Citizens, actor: Actor, number: str, unit: str, version: int | None = None, now: int | None = None
) -> Report:
    """An official's yes: the report lies in commune `unit`, which handles it from now on."""
    report = _for_official(citizens, actor, number)
    _check_unit(citizens, unit)
    chosen: dict[str, Attribute] = {
        **{"unit": prop(unit), "assignee": prop(unit), "placeDecided": prop(True), "routedBy": prop("official")},
        **rerouted(citizens, report, unit, now),
    }
    return await _move(citizens, actor, report, "route", Step(unit=unit), chosen, version, now)


async def receive(
    citizens: Citizens, actor: Actor, number: str, version: int | None = None, now: int | None = None
) -> Report:
    """The unit takes the report; the promise to the citizen is due from now on."""
    at = now or now_us()
    report = _for_official(citizens, actor, number)
    return await _move(citizens, actor, report, "receive", Step(), {"receivedAt": prop(iso(at))}, version, at)


async def start(
    citizens: Citizens, actor: Actor, number: str, version: int | None = None, now: int | None = None
) -> Report:
    """Somebody works on it."""
    return await _move(citizens, actor, _for_official(citizens, actor, number), "start", Step(), {}, version, now)


async def pass_on(
    citizens: Citizens,
    actor: Actor,
    number: str,
    unit: str,
    reason: str,
    version: int | None = None,
    now: int | None = None,
) -> Report:
    """Hand the report to another unit, with the reason; the promised day of the answer stays."""
    report = _for_official(citizens, actor, number)
    _check_unit(citizens, unit)
    moved: dict[str, Attribute] = {"assignee": prop(unit), "passedOn": prop(report.passed_on + 1)}
    if not is_organisation(unit) and citizens.territory.unit(unit).level == "commune":
        moved |= {"unit": prop(unit), "placeDecided": prop(True), "routedBy": prop("official")}
    return await _move(citizens, actor, report, "pass_on", Step(reason=reason, unit=unit), moved, version, now)


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
) -> Report:
    """Close the report with a typed outcome, words that say something, and proof."""
    at = now or now_us()
    report = _for_official(citizens, actor, number)
    repeated = _original(citizens, duplicate_of) if outcome is Outcome.DUPLICATE else None
    clean = [await asyncio.to_thread(clean_proof, one) for one in proof]
    files = tuple(StoredFile("", one.media_type) for one in clean)
    step = Step(outcome=outcome, words=words, files=files, duplicate_of=repeated)
    check(report, "answer", actor.roles, step, citizens.rules)  # Before anything is kept.
    kept = [await keep(citizens.hub, one) for one in clean]
    said: dict[str, Attribute] = {
        "outcome": prop(outcome.value),
        "answer": prop(words.strip()),
        "proof": json_prop(kept),
        "closedAt": prop(iso(at)),
        "open": prop(False),
    }
    if report.handle_by:
        said["onTime"] = prop(at <= from_iso(report.handle_by))
    if repeated:
        said["duplicateOf"] = prop(repeated)
    return await _move(citizens, actor, report, "answer", step, said, version, at)


async def rate(citizens: Citizens, code: str, stars: int, words: str = "", now: int | None = None) -> Report:
    """The reporter's judgement of the answer, 1 to 5 stars; a later one takes the place of the first."""
    at = now or now_us()
    judged: dict[str, Attribute] = {
        "rating": prop(stars),
        "ratingWords": prop(without_personal(words[:2000])),
        "ratedAt": prop(iso(at)),
    }
    return await _by_reporter(citizens, code, "rate", Step(stars=stars), judged, at)


async def reopen(
    citizens: Citizens, code: str, reason: str, photos: Sequence[Upload] = (), now: int | None = None
) -> Report:
    """The reporter does not accept the answer: the clocks run anew, the unit that answered owes the next step."""
    at = now or now_us()
    report = find_by_code(citizens, code)
    handle_by = citizens.rules.handle_by(at, citizens.rules.category(report.category), citizens.calendar)
    step = Step(reason=without_personal(reason))
    check(report, "reopen", BY_REPORTER, step, citizens.rules)
    more = await keep_photos(citizens.hub, photos[: citizens.rules.limits.photos])
    again: dict[str, Attribute] = {
        "open": prop(True),
        "reopened": prop(report.reopened + 1),
        "reopenedAt": prop(iso(at)),
        "handleBy": prop(iso(handle_by)),
    }
    if more:
        again["photos"] = json_prop([*(one.as_json() for one in report.photos), *more])
    return await _by_reporter(citizens, code, "reopen", step, again, at)


async def attach(citizens: Citizens, code: str, photos: Sequence[Upload], now: int | None = None) -> Report:
    """Add photos to a report that is still open."""
    report = find_by_code(citizens, code)
    if not photos:
        raise Invalid("Choose at least one photo.", field="photos")
    step = Step(files=tuple(StoredFile("", "image/jpeg") for _ in photos))
    check(report, "attach", BY_REPORTER, step, citizens.rules)
    more = await keep_photos(citizens.hub, photos)
    added: dict[str, Attribute] = {"photos": json_prop([*(one.as_json() for one in report.photos), *more])}
    return await _by_reporter(citizens, code, "attach", step, added, now)


async def _by_reporter(
    citizens: Citizens, code: str, verb: str, step: Step, attrs: dict[str, Attribute], now: int | None
) -> Report:
    return await _move(citizens, SYSTEM, find_by_code(citizens, code), verb, step, attrs, None, now)


async def _move(  # The one path of every verb.
    citizens: Citizens,
    actor: Actor,
    report: Report,
    verb: str,
    step: Step,
    attrs: Mapping[str, Attribute],
    version: int | None,
    now: int | None,
) -> Report:
    """Check the row of the table, then commit state, clock and what the verb brings, at the version that was seen."""
    roles = BY_REPORTER if actor == SYSTEM else actor.roles
    move = check(report, verb, roles, step, citizens.rules)
    at = now or now_us()
    told = {"verb": verb, "at": iso(at), "unit": step.unit or report.assignee, "reason": step.reason.strip()}
    written = {
        "state": prop(move.next.value),
        "step": json_prop({name: value for name, value in told.items() if value}),
        **_clock(citizens, report, move, at),
        **attrs,
    }
    expect = {report.id: report.version if version is None else version}
    reason = f"{verb}: {step.reason.strip()}" if step.reason else verb
    await citizens.hub.commit(Commit(actor, (amend(report.id, **written),), reason, expect, owner=OWNER))
    return find_by_number(citizens, report.code)


def _clock(citizens: Citizens, report: Report, move: Move, at: int) -> dict[str, Attribute]:
    """What becomes of `due`: the receiving limit, or the promise of the answer."""
    if move.clock == "receive":
        category = citizens.rules.category(report.category)
        return {"due": prop(iso(citizens.rules.receive_by(at, category, citizens.calendar)))}
    return {"due": prop(report.handle_by)} if move.clock == "handle" and report.handle_by else {}


def _for_official(citizens: Citizens, actor: Actor, number: str) -> Report:
    """The report, when this official may see it and his unit owes the next step."""
    try:
        report = report_of(citizens.hub.get(actor, urn(TYPE, number.upper())))
    except Missing as cause:
        raise NoSuchReport from cause
    if not covers(citizens, actor, report.assignee):
        raise NotYours("This report is with another unit now.")
    return report


def covers(citizens: Citizens, actor: Actor, unit: str | None) -> bool:
    """Whether one of the actor's areas is this unit or lies above it; no areas means everywhere."""
    if not actor.areas:
        return True
    return unit is not None and not actor.areas.isdisjoint(chain_of(citizens, unit))


def _check_unit(citizens: Citizens, unit: str) -> None:
    if not in_force(citizens, unit):
        raise Invalid(f"No unit with code {unit[:10]} is in force; choose one of the list.", field="unit")


def _original(citizens: Citizens, number: str | None) -> str | None:
    try:
        return find_by_number(citizens, number).code if number else None
    except NoSuchReport as cause:
        raise Invalid("There is no report with this number.", field="duplicate_of") from cause


def holds(report: Report, digest: str) -> StoredFile | None:
    """The file with this hash among a report's photos and proof."""
    return next((one for one in (*report.photos, *report.proof) if one.sha256 == digest), None)
