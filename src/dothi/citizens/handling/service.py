"""The verbs of whoever handles a report, and of its reporter after the answer. Each is one commit."""

from collections.abc import Sequence

from dothi.accounts.model import User
from dothi.accounts.organisations import unit_of
from dothi.accounts.people import users
from dothi.citizens.handling.answering import answer as answer
from dothi.citizens.handling.answering import sent_files
from dothi.citizens.handling.moving import Deed, Written, by_number, check_unit, for_handler, move, write
from dothi.citizens.handling.moving import covers as covers
from dothi.citizens.handling.timing import calendar_of
from dothi.citizens.handling.workflow import BY_CLOCK, BY_REPORTER, HANDLERS, Step, check
from dothi.citizens.intake.arrival import rerouted
from dothi.citizens.intake.codes import find_by_code
from dothi.citizens.intake.filing import keep_photos
from dothi.citizens.model import CLOSED, Report, State, StoredFile
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.citizens.rules import without_personal
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.hub.model import Actor, Attribute, default_instance, instance_value, json_prop, prop
from dothi.office.photos import Upload


async def route(
    citizens: Citizens, actor: Actor, number: str, unit: str, version: int | None = None, now: int | None = None
) -> Report:
    """An official's yes: the report lies in commune `unit`; whoever is competent there has it from now on."""
    report = for_handler(citizens, actor, number)
    check_unit(citizens, unit)
    again = rerouted(citizens, report, unit, now)
    chosen: dict[str, Attribute] = {
        **{"unit": prop(unit), "assignee": prop(unit), "placeDecided": prop(True), "routedBy": prop("official")},
        **{name: value for name, value in again.items() if name != "due"},  # The receiving clock starts anew.
    }
    holder = str(instance_value(default_instance(chosen["assignee"])))
    return await move(citizens, actor, report, "route", Step(unit=unit), Deed(chosen, unit=holder, seen=version), now)


async def receive(
    citizens: Citizens, actor: Actor, number: str, version: int | None = None, now: int | None = None
) -> Report:
    """The official takes the report; the promise to the citizen is due from now on."""
    at = now or now_us()
    taken = {"receivedAt": prop(iso(at)), "assignedTo": json_prop([actor.id])}
    report = for_handler(citizens, actor, number)
    return await move(citizens, actor, report, "receive", Step(), Deed(taken, seen=version), at)


async def enqueue(
    citizens: Citizens, actor: Actor, number: str, version: int | None = None, now: int | None = None
) -> Report:
    """The unit receives the report, and nobody is named yet: the clock to assign it runs."""
    at = now or now_us()
    taken: dict[str, Attribute] = {"receivedAt": prop(iso(at)), "assignedTo": json_prop([])}
    report = for_handler(citizens, actor, number)
    return await move(citizens, actor, report, "queue", Step(), Deed(taken, seen=version), at)


async def start(
    citizens: Citizens, actor: Actor, number: str, version: int | None = None, now: int | None = None
) -> Report:
    """The official works on it, and has it alone from now on. NotYours when it was offered to others."""
    report = for_handler(citizens, actor, number)
    mine: dict[str, Attribute] = {"assignedTo": json_prop([actor.id])}
    if len(report.assigned_to) > 1 and actor.id not in report.assigned_to:
        raise Conflict("This report was offered to others. Assign it to yourself, if you are to have it.")
    return await move(citizens, actor, report, "start", Step(), Deed(mine, seen=version), now)


async def assign(
    citizens: Citizens,
    actor: Actor,
    number: str,
    people: Sequence[str],
    version: int | None = None,
    now: int | None = None,
) -> Report:
    """Give the report to one person of the unit, or offer it to several: the first who starts has it.

    `people` are actor ids (user:…); Invalid for who does not handle reports of the unit that has it.
    """
    report = for_handler(citizens, actor, number)
    chosen = tuple(dict.fromkeys(people))
    known = {one.actor_id for one in colleagues(citizens, report)}
    strangers = [one for one in chosen if one not in known]
    if strangers:
        raise Invalid("Choose people who handle reports of this unit.", field="people")
    verb = "offer" if len(chosen) > 1 else "assign"
    named: dict[str, Attribute] = {"assignedTo": json_prop(list(chosen))}
    return await move(citizens, actor, report, verb, Step(people=chosen), Deed(named, seen=version), now)


def colleagues(citizens: Citizens, report: Report) -> list[User]:
    """The people of the unit that has a report who may handle it, by name."""
    unit = report.assignee or ""
    chain = {unit, *((one.code for one in citizens.territory.chain(unit_of(unit))) if unit else ())}
    staff = [
        one
        for one in users(citizens.vault.accounts)
        if not one.disabled and one.roles & HANDLERS and (not one.areas or one.areas & chain)
    ]
    return sorted(staff, key=lambda one: (unit not in one.areas, one.display_name))


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
    report = for_handler(citizens, actor, number)
    check_unit(citizens, unit)
    moved: dict[str, Attribute] = {
        "assignee": prop(unit),
        "passedOn": prop(report.passed_on + 1),
        "handedBy": prop(report.assignee or ""),
        "assignedTo": json_prop([]),
    }
    if citizens.territory.knows(unit) and citizens.territory.unit(unit).level == "commune":
        moved |= {"unit": prop(unit), "placeDecided": prop(True), "routedBy": prop("official")}
    step = Step(reason=reason, unit=unit)
    return await move(citizens, actor, report, "pass_on", step, Deed(moved, unit=unit, seen=version), now)


async def send_back(
    citizens: Citizens, actor: Actor, number: str, reason: str, version: int | None = None, now: int | None = None
) -> Report:
    """Give a report back to the unit that passed it on, which cannot pass it here again."""
    report = for_handler(citizens, actor, number)
    former = report.handed_by or ""
    given: dict[str, Attribute] = {
        "assignee": prop(former),
        "handedBy": prop(""),
        "sentBack": json_prop([*report.sent_back, report.assignee]),
        "assignedTo": json_prop([]),
    }
    if former and citizens.territory.knows(former) and citizens.territory.unit(former).level == "commune":
        given["unit"] = prop(former)
    step = Step(reason=reason, unit=former)
    return await move(citizens, actor, report, "send_back", step, Deed(given, unit=former, seen=version), now)


async def rate(citizens: Citizens, code: str, stars: int, words: str = "", now: int | None = None) -> Report:
    """The reporter's judgement of the answer, 1 to 5 stars; a later one takes the place of the first."""
    at = now or now_us()
    judged: dict[str, Attribute] = {
        "rating": prop(stars),
        "ratingWords": prop(without_personal(words[:2000])),
        "ratedAt": prop(iso(at)),
    }
    return await move(citizens, SYSTEM, find_by_code(citizens, code), "rate", Step(stars=stars), Deed(judged), at)


async def reopen(
    citizens: Citizens, code: str, reason: str, photos: Sequence[Upload] = (), now: int | None = None
) -> Report:
    """The reporter does not accept the answer: the clocks run anew, the unit that answered owes the next step."""
    at = now or now_us()
    report = find_by_code(citizens, code)
    rules = rules_at(citizens, report.unit, at)
    step = Step(reason=without_personal(reason))
    check(report, "reopen", BY_REPORTER, step, rules)
    handle_by = rules.handle_by(at, rules.category(report.category), calendar_of(citizens, report.unit, at))
    more = await keep_photos(citizens.hub, photos[: rules.limits.photos])
    again: dict[str, Attribute] = {
        "reopened": prop(report.reopened + 1),
        "reopenedAt": prop(iso(at)),
        "handleBy": prop(iso(handle_by)),
    }
    if report.merged_into:  # What its reporter does not accept stands alone from here on.
        again |= {"mergedInto": prop(""), "duplicateOf": prop("")}
    if more:
        again["photos"] = json_prop([*(one.as_json() for one in report.photos), *more])
    return await move(citizens, SYSTEM, report, "reopen", step, Deed(again), at)


async def attach(citizens: Citizens, code: str, photos: Sequence[Upload], now: int | None = None) -> Report:
    """Add photos to a report that is still open."""
    report = find_by_code(citizens, code)
    if not photos:
        raise Invalid("Choose at least one photo.", field="photos")
    step = Step(files=tuple(StoredFile("", "image/jpeg") for _ in photos))
    check(report, "attach", BY_REPORTER, step, rules_at(citizens, report.unit, now))
    more = await keep_photos(citizens.hub, photos)
    added: dict[str, Attribute] = {"photos": json_prop([*(one.as_json() for one in report.photos), *more])}
    return await move(citizens, SYSTEM, report, "attach", step, Deed(added), now)


async def withdraw(citizens: Citizens, code: str, reason: str = "", now: int | None = None) -> Report:
    """The reporter takes the report back. Its open parts fall with it; reports merged into it stand alone again."""
    at = now or now_us()
    report = find_by_code(citizens, code)
    gone = [write_part(citizens, one, "drop_part", at) for one in report.parts]
    freed = [set_free(citizens, one, at) for one in report.merged]
    more = tuple(one for one in (*gone, *freed) if one is not None)
    step = Step(reason=without_personal(reason[:2000]))
    return await move(citizens, SYSTEM, report, "withdraw", step, Deed({"merged": json_prop([])}), at, more)


def write_part(citizens: Citizens, number: str, verb: str, at: int) -> Written | None:
    """What a step of the whole report makes of one part; None when that is closed."""
    part = by_number(citizens, number)
    if part.state in CLOSED:
        return None
    return write(citizens, SYSTEM, part, verb, Step(), Deed(roles=BY_CLOCK), at)


def set_free(citizens: Citizens, number: str, at: int) -> Written | None:
    """A merged report as it stands alone again; None when it is no longer merged."""
    one = by_number(citizens, number)
    if one.state is not State.MERGED:
        return None
    alone: dict[str, Attribute] = {"mergedInto": prop(""), "duplicateOf": prop("")}
    return write(citizens, SYSTEM, one, "set_free", Step(), Deed(alone, roles=BY_CLOCK), at)


def holds(report: Report, digest: str) -> StoredFile | None:
    """The file with this hash among a report's photos and proof, and what outside bodies sent."""
    return next((one for one in (*report.photos, *report.proof, *sent_files(report)) if one.sha256 == digest), None)
