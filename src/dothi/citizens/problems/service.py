"""The verbs on problems: confirm, reject, take reports out or in, name the cause, propose a task, say it is mended."""

from collections.abc import Sequence
from dataclasses import dataclass

from dothi.citizens.handling.service import covers
from dothi.citizens.intake.codes import find_by_number
from dothi.citizens.model import OWNER, PROBLEM_TYPE, PROPOSAL_OWNER, PROPOSAL_TYPE, NoSuchReport, NotYours
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.citizens.problems.alike import course
from dothi.citizens.problems.model import NoSuchProblem, Problem, ProblemState, after, problem_of
from dothi.citizens.problems.suggesting import described, members
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import (
    ABSENT,
    Actor,
    Attribute,
    Change,
    Commit,
    Op,
    amend,
    create,
    geo,
    json_prop,
    prop,
    read_one,
    rel,
    words,
)

DECIDERS = frozenset({"official", "duty_officer", "programme_officer"})
KIND = "recurring_report"
TITLE_LETTERS = 300


def problem(citizens: Citizens, actor: Actor, name: str) -> Problem:
    """One problem as `actor` may see it, by the end of its id. NoSuchProblem when there is none."""
    try:
        return read_one(
            citizens.hub.get(actor, name if name.startswith("urn:") else urn(PROBLEM_TYPE, name)), problem_of
        )
    except Missing as cause:
        raise NoSuchProblem from cause


def may_decide(citizens: Citizens, actor: Actor, found: Problem) -> bool:
    """Whether this person may decide on a problem: their unit's, or below it."""
    return bool(actor.roles & DECIDERS) and covers(citizens, actor, found.unit)


def _mine(citizens: Citizens, actor: Actor, name: str) -> Problem:
    found = problem(citizens, actor, name)
    if not may_decide(citizens, actor, found):
        raise NotYours("This problem lies in another unit.")
    return found


async def confirm(
    citizens: Citizens,
    actor: Actor,
    name: str,
    reports: Sequence[str] | None = None,
    title: str = "",
    cause: str = "",
    version: int | None = None,
    now: int | None = None,
) -> Problem:
    """A person's yes: these reports (entity ids; all that are suggested by default) are one problem."""
    found = _mine(citizens, actor, name)
    state = after(found.state, "confirm")
    kept = tuple(one for one in found.reports if reports is None or one in reports)
    if not kept:
        raise Invalid("Leave at least one report in the problem, or reject it.", field="reports")
    attrs = _membership(citizens, found, kept, now) | _named(citizens, found, title, cause)
    attrs["refused"] = json_prop(sorted({*found.refused, *found.reports} - {*kept}))
    attrs["state"] = prop(state.value)
    return await _write(citizens, actor, found, "confirm", attrs, version, now)


async def reject(
    citizens: Citizens, actor: Actor, name: str, reason: str, version: int | None = None, now: int | None = None
) -> Problem:
    """A person's no, with the reason: these reports have nothing in common."""
    found = _mine(citizens, actor, name)
    state = after(found.state, "reject")
    _check_reason(citizens, reason)
    said: dict[str, Attribute] = {"state": prop(state.value), "rejectedWords": prop(reason.strip())}
    return await _write(citizens, actor, found, "reject", said, version, now, reason)


@dataclass(frozen=True, slots=True)
class Edit:
    """What a person changes of a problem: reports out (entity ids) and in (public numbers), its name and cause."""

    out: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    title: str = ""
    cause: str = ""
    cause_words: str = ""


async def change(
    citizens: Citizens, actor: Actor, name: str, edit: Edit, version: int | None = None, now: int | None = None
) -> Problem:
    """Take reports out, add others, name problem and cause anew."""
    found = _mine(citizens, actor, name)
    if found.state is ProblemState.REJECTED:
        raise Conflict("This was rejected: its reports are free to form another problem.")
    added = [_added(citizens, actor, number) for number in edit.numbers if number.strip()]
    kept = tuple(dict.fromkeys([*(one for one in found.reports if one not in edit.out), *added]))
    if not kept:
        raise Invalid("Leave at least one report in the problem.", field="reports")
    attrs = _membership(citizens, found, kept, now) | _named(citizens, found, edit.title, edit.cause)
    attrs["refused"] = json_prop(sorted({*found.refused, *edit.out} - {*kept}))
    if edit.cause_words.strip():
        attrs["causeWords"] = prop(edit.cause_words.strip()[:2000])
    return await _write(citizens, actor, found, "change", attrs, version, now)


def _added(citizens: Citizens, actor: Actor, number: str) -> str:
    """The id of a report that a person adds by its number."""
    try:
        one = find_by_number(citizens, number.strip())
    except NoSuchReport as cause:
        raise Invalid(f"There is no report with number {number.strip()[:10]}.", field="numbers") from cause
    if not covers(citizens, actor, one.unit):
        raise NotYours(f"Report {one.code} lies in another unit.")
    return one.id


async def let_in(
    citizens: Citizens,
    actor: Actor,
    name: str,
    report: str,
    belongs: bool,
    version: int | None = None,
    now: int | None = None,
) -> Problem:
    """A person's yes or no to a report that waits at a problem (entity id); a mended problem thereby recurs."""
    found = _mine(citizens, actor, name)
    if report not in (one.report for one in found.waiting):
        raise Conflict("This report waits no more: somebody has decided on it.", field="report")
    left = [one for one in found.waiting if one.report != report]
    attrs: dict[str, Attribute] = {"waiting": json_prop([one.as_json() for one in left]), "open": prop(bool(left))}
    if not belongs:
        attrs["refused"] = json_prop(sorted({*found.refused, report}))
        return await _write(citizens, actor, found, "keep_out", attrs, version, now)
    attrs |= _membership(citizens, found, (*found.reports, report), now)
    new = members(citizens, (report,))
    back = found.state is ProblemState.MENDED and new and new[0].filed_at > (found.mended_at or "")
    if back:
        attrs["state"] = prop(after(found.state, "return").value)
    reasons = [*found.reasons, *(one for one in found.waiting if one.report == report)]
    attrs["reasons"] = json_prop([one.as_json() for one in reasons])
    return await _write(citizens, actor, found, "return" if back else "let_in", attrs, version, now)


async def mend(
    citizens: Citizens, actor: Actor, name: str, reason: str, version: int | None = None, now: int | None = None
) -> Problem:
    """The problem is over without a task, and why; its reporters are told."""
    at = now_us() if now is None else now
    found = _mine(citizens, actor, name)
    state = after(found.state, "mend")
    _check_reason(citizens, reason)
    attrs: dict[str, Attribute] = {
        "state": prop(state.value),
        "mendedAt": prop(iso(at)),
        "mendedWords": prop(reason.strip()),
    }
    return await _write(citizens, actor, found, "mend", attrs, version, at, reason)


async def propose(
    citizens: Citizens, actor: Actor, name: str, indicators: Sequence[str] = (), now: int | None = None
) -> str:
    """Propose a task from a confirmed problem, naming the indicators that it should move; the proposal's id.

    Two commits, since a proposal belongs to no module: a try that stopped between them is ended by the next.
    """
    at = now_us() if now is None else now
    found = _mine(citizens, actor, name)
    after(found.state, "propose")
    known = [one for one in indicators if one.startswith("urn:ngsi-ld:Indicator:")]
    if len(known) != len(indicators):
        raise Invalid("Choose indicators of the list.", field="indicators")
    proposal = urn(PROPOSAL_TYPE, "problem", found.name, str(len(found.tasks) + 1))
    standing = _standing(citizens, proposal)
    if standing is None:
        made = Commit(
            actor, (_proposal(citizens, found, proposal, known, at),), "a task is proposed", {proposal: ABSENT},
            owner=PROPOSAL_OWNER,
        )  # fmt: skip
        await citizens.hub.commit(made)
    elif standing != "proposed":
        raise Conflict("This was proposed and decided already.")
    await _write(citizens, actor, found, "propose", {"proposal": rel(proposal)}, None, at)
    return proposal


def _standing(citizens: Citizens, proposal: str) -> str | None:
    try:
        return str(citizens.hub.get(SYSTEM, proposal).value("state"))
    except Missing:
        return None


def _proposal(citizens: Citizens, found: Problem, proposal: str, indicators: Sequence[str], at: int) -> Change:
    known = course(members(citizens, found.reports), at)
    reasons = {
        "category": found.category,
        "count": known.reports,
        "since": found.first_at,
        "until": found.last_at,
        "reopened": known.reopened,
        "recurrences": known.recurrences,
        "intervalDays": known.mean_interval_days,
        "cause": found.cause or "",
    }
    attrs: dict[str, Attribute] = {
        "kind": prop(KIND),
        "category": prop(found.category),
        "state": prop("proposed"),
        "title": words(**found.title),
        "reasons": json_prop(reasons),
        "sources": rel([found.id, *found.reports]),
        "proposedAt": prop(iso(at)),
    }
    if indicators:
        attrs["indicators"] = rel(list(indicators))
    if found.location:
        attrs["location"] = geo(found.location)
    if found.unit:
        attrs["unit"] = prop(found.unit)
    if found.simulated:
        attrs["simulated"] = prop(True)
    return create(proposal, PROPOSAL_TYPE, **attrs)


def _membership(citizens: Citizens, found: Problem, kept: Sequence[str], now: int | None) -> dict[str, Attribute]:
    at = now_us() if now is None else now
    reports = members(citizens, kept)
    rules = rules_at(citizens, found.unit, at)
    reasons = [one.as_json() for one in found.reasons if one.report in kept]
    return described(citizens, reports, at, rules) | {"reasons": json_prop(reasons)}


def _named(citizens: Citizens, found: Problem, title: str, cause: str) -> dict[str, Attribute]:
    attrs: dict[str, Attribute] = {}
    if title.strip():
        if len(title.strip()) > TITLE_LETTERS:
            raise Invalid(f"A name has up to {TITLE_LETTERS} letters.", field="title")
        attrs["title"] = words(vi=title.strip())
    if cause:
        if cause not in rules_at(citizens, found.unit).problems.causes:
            raise Invalid("Choose a cause of the list.", field="cause")
        attrs["cause"] = prop(cause)
    return attrs


def _check_reason(citizens: Citizens, reason: str) -> None:
    letters = rules_at(citizens).limits.reason_letters
    if len(reason.strip()) < letters:
        raise Invalid(f"Say why in at least {letters} letters.", field="reason", letters=letters)


async def _write(  # The one path of every verb.
    citizens: Citizens,
    actor: Actor,
    found: Problem,
    verb: str,
    attrs: dict[str, Attribute],
    version: int | None,
    now: int | None,
    reason: str = "",
) -> Problem:
    at = now_us() if now is None else now
    written: dict[str, Attribute] = {
        "decidedBy": prop(actor.id),
        "step": json_prop({"verb": verb, "at": iso(at)} | ({"reason": reason.strip()} if reason else {})),
        **attrs,
    }
    if "open" not in attrs and verb in ("confirm", "reject"):
        written["open"] = prop(False)
    expect = {found.id: found.version if version is None else version}
    changes = (amend(found.id, **written), *_lapsed(found, attrs))
    await citizens.hub.commit(Commit(actor, changes, verb, expect, owner=OWNER))
    return problem(citizens, SYSTEM, found.id)


def _lapsed(found: Problem, attrs: dict[str, Attribute]) -> list[Change]:
    """What was true while it was over, and is no more."""
    back = attrs.get("state") == prop(ProblemState.RECURRING.value)
    return [Change(Op.DROP, found.id, name="mendedAt")] if back and found.mended_at else []
