"""The verbs on schemes and plans: draft, move along their table, adjust with a reason, look through when it is due."""

import calendar
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from itertools import pairwise
from typing import Any

from dothi.ground.clock import DAY, from_iso, iso, now_us
from dothi.ground.errors import Invalid, Missing
from dothi.hub.language.nodes import And, Compare, Condition, Query, TypeIs
from dothi.hub.model import (
    Actor,
    Attribute,
    Change,
    Commit,
    Entity,
    Instance,
    Op,
    Timer,
    json_prop,
    prop,
    read_one,
    rel,
)
from dothi.programme.model import OWNER, IllegalMove, Programme, readable
from dothi.programme.plans.codes import create_coded
from dothi.programme.plans.model import (
    LEVELS_OF_MATURITY,
    LOCAL,
    NEEDS,
    NEXT,
    PLAN_KINDS,
    SECTOR,
    STAGE_YEARS,
    Document,
    NewDocument,
    Stage,
    Stand,
    Step,
    document_of,
)
from dothi.programme.tasks.parts import CONSUMER
from dothi.programme.tasks.workflow import check_day, check_instant, today

_MOST = 1000
ADJUSTABLE: Mapping[str, Callable[[Any], Instance]] = {  # What an adjustment may change → how it is written.
    "title": prop,
    "vision": prop,
    "visionYear": prop,
    "sector": prop,
    "ends": prop,
    "lead": prop,
    "stages": json_prop,
    "legalBasis": rel,
}


async def draft(programme: Programme, actor: Actor, kind: str, new: NewDocument, key: str | None = None) -> str:
    """Begin a scheme (kind "Scheme") or a plan ("Plan"); returns its id. It is a draft until it is approved."""
    if kind == "Scheme":
        check_scheme(new)
    else:
        check_plan(new)
    for name, of in ((new.parent, kind), (new.scheme, "Scheme")):
        if name:
            document(programme, actor, name, of)
    return await create_coded(
        programme, actor, kind, new.unit, new.year, _attributes(kind, new), f"{kind} drafted", key
    )


def check_scheme(new: NewDocument) -> None:
    """Raise Invalid unless title, vision and stages make sense: stages follow each other, five years at most."""
    _check_named(new)
    if not new.vision.strip():
        raise Invalid("A scheme says its vision.", field="vision")
    if new.vision_year < new.year:
        raise Invalid("The vision lies after the year of the scheme.", field="vision_year")
    check_stages(new.stages)


def check_stages(stages: tuple[Stage, ...]) -> None:
    """Raise Invalid unless the stages follow each other without a gap and levels do not fall."""
    if not stages:
        raise Invalid("A scheme has at least one stage with the level expected at its end.", field="stages")
    for one in stages:
        if one.level not in LEVELS_OF_MATURITY:
            raise Invalid(f"There are levels 1 to 3, not {one.level}.", field="stages")
        if not 0 < one.last - one.first + 1 <= STAGE_YEARS:
            raise Invalid(f"A stage lasts up to {STAGE_YEARS} years, not {one.first}–{one.last}.", field="stages")
    for before, after in pairwise(stages):
        if after.first != before.last + 1:
            raise Invalid(f"The stage from {after.first} does not follow {before.last}.", field="stages")
        if after.level < before.level:
            raise Invalid(f"Level {after.level} until {after.last} would fall back.", field="stages")


def check_plan(new: NewDocument) -> None:
    """Raise Invalid unless a plan is of a kind, a sector plan names its sector, and it ends after it begins."""
    _check_named(new)
    if new.kind not in PLAN_KINDS:
        raise Invalid(f"A plan is one of {', '.join(PLAN_KINDS)}, not “{new.kind[:20]}”.", field="kind")
    if new.kind == SECTOR and not new.sector.strip():
        raise Invalid("A sector plan names its sector.", field="sector")
    if new.kind == LOCAL and new.sector.strip():
        raise Invalid("A local plan has no sector: it is of a place.", field="sector")
    if new.ends and new.ends < new.year:
        raise Invalid("A plan cannot end before it begins.", field="ends")


def _check_named(new: NewDocument) -> None:
    missing = [name for name in ("title", "unit", "lead") if not getattr(new, name).strip()]
    if missing:
        raise Invalid(f"Missing: {', '.join(missing)}.", missing=missing, field=missing[0])


def _attributes(kind: str, new: NewDocument) -> dict[str, Attribute]:
    attrs: dict[str, Attribute] = {
        "title": prop(new.title.strip()),
        "state": prop(Stand.DRAFT.value),
        "unit": prop(new.unit),
        "lead": prop(new.lead),
        "assignee": prop(new.lead),
        "open": prop(False),
        "year": prop(new.year),
        "sample": prop(new.sample),
    }
    if kind == "Scheme":
        attrs |= {
            "vision": prop(new.vision.strip()),
            "visionYear": prop(new.vision_year),
            "stages": json_prop([asdict(one) for one in new.stages]),
        }
    else:
        attrs |= {"kind": prop(new.kind), "sector": prop(new.sector.strip()), "ends": prop(new.ends or new.year)}
    links = {"parent": new.parent, "scheme": new.scheme}
    attrs |= {name: rel(target) for name, target in links.items() if target}
    if new.legal_bases:
        attrs["legalBasis"] = rel(list(new.legal_bases))
    return attrs


def document(programme: Programme, actor: Actor, name: str, kind: str = "") -> Document:
    """One scheme or plan; Missing when there is none of this kind."""
    entity = programme.hub.get(actor, name)
    if not ({kind} if kind else NEXT.keys()) & set(entity.types):
        raise Missing(f"{name} is no {kind or 'scheme or plan'}.")
    return read_one(entity, document_of)


def documents(programme: Programme, actor: Actor, kind: str, **wanted: str) -> list[Document]:
    """Schemes or plans by code; `wanted` are attributes that must be equal, e.g. their scheme."""
    terms: tuple[Condition, ...] = tuple(Compare((name,), "==", value) for name, value in wanted.items())
    query = Query(TypeIs(kind), q=And(terms) if terms else None, limit=_MOST)
    return sorted(readable(programme.hub.query(actor, query), document_of), key=lambda one: one.code)


async def step(
    programme: Programme, actor: Actor, name: str, verb: Step, said: Mapping[str, str], now: int | None = None
) -> None:
    """Move along the table. `said` holds what the step needs (NEEDS), e.g. the decision's number."""
    at, one = now_us() if now is None else now, document(programme, actor, name)
    following = NEXT[one.type].get((one.state, verb))
    if following is None:
        raise IllegalMove(f"{one.code} is {one.state}: it cannot {verb.value.replace('_', ' ')} now.")
    missing = [field for field in NEEDS[verb] if not said.get(field, "").strip()]
    if missing:
        raise Invalid(
            f"To {verb.value.replace('_', ' ')} say: {', '.join(missing)}.", missing=missing, field=missing[0]
        )
    if "date" in NEEDS[verb]:
        check_day(said["date"], "date")
    entry = {field: said[field].strip() for field in NEEDS[verb]}
    told = {"verb": verb.value, "at": iso(at), "actor": actor.id, **entry}
    attrs: dict[str, Attribute] = {"state": prop(following.value, iso(at)), "steps": json_prop([*one.steps, told])}
    timers: tuple[Timer, ...] = ()
    if verb is Step.APPROVE:
        attrs["approval"] = json_prop(entry)
    if verb is Step.ENFORCE:
        more, timers = _next_review(programme, one, at)
        attrs |= more
    if verb is Step.SUM_UP:
        attrs |= {"open": prop(False), "nextReview": prop("")}
        timers = (Timer(CONSUMER, one.id, None),)
    await _write(programme, actor, one, attrs, f"{one.type} {verb.value.replace('_', ' ')}", timers)


async def adjust(  # Who changes what, why, and on which paper.
    programme: Programme,
    actor: Actor,
    name: str,
    changes: Mapping[str, Any],
    reason: str,
    number: str = "",
    now: int | None = None,
) -> None:
    """Change what a scheme or plan says, with the reason; once approved, with the decision that adjusts it."""
    at, one = now_us() if now is None else now, document(programme, actor, name)
    if one.state is Stand.SUMMED_UP:
        raise IllegalMove(f"{one.code} was summed up: it is changed no more.")
    unknown = [field for field in changes if field not in ADJUSTABLE]
    if unknown:
        raise Invalid(f"{', '.join(unknown)} cannot be adjusted; {', '.join(ADJUSTABLE)} can.", field=unknown[0])
    if not reason.strip():
        raise Invalid("Say why it is adjusted.", field="reason")
    if one.state in (Stand.APPROVED, Stand.IN_FORCE) and not number.strip():
        raise Invalid("What was approved is adjusted by a decision: give its number.", field="number")
    entity = programme.hub.get(actor, name)
    changed = {field: value for field, value in changes.items() if entity.value(field) != value}
    if not changed:
        raise Invalid("Nothing would change.", field="title")
    if "stages" in changed:
        check_stages(tuple(Stage(**row) for row in changed["stages"]))
    if "title" in changed and not str(changed["title"]).strip():
        raise Invalid("A scheme or plan has a name.", field="title")
    told = {"at": iso(at), "by": actor.id, "reason": reason.strip(), "number": number.strip()}
    attrs: dict[str, Attribute] = {field: ADJUSTABLE[field](value) for field, value in changed.items()}
    if "lead" in changed:
        attrs["assignee"] = prop(changed["lead"])
    attrs["revisions"] = json_prop([*one.revisions, {**told, "fields": sorted(changed)}])
    await _write(programme, actor, one, attrs, reason.strip(), ())


async def review(
    programme: Programme, actor: Actor, name: str, note: str, following: str = "", now: int | None = None
) -> None:
    """Write down that it was looked through and what was found; the next one is due on a day, or by the rules."""
    at, one = now_us() if now is None else now, document(programme, actor, name)
    if one.state is not Stand.IN_FORCE:
        raise IllegalMove(f"{one.code} is {one.state}: only what is in force is reviewed.")
    if not note.strip():
        raise Invalid("Say what the review found.", field="note")
    if following and check_instant(following) <= at:
        raise Invalid("The next review lies ahead.", field="following")
    told = {"verb": "review", "at": iso(at), "actor": actor.id, "note": note.strip()}
    more, timers = _next_review(programme, one, at, following)
    await _write(programme, actor, one, {"steps": json_prop([*one.steps, told]), **more}, note.strip(), timers)


def _next_review(
    programme: Programme, one: Document, at: int, following: str = ""
) -> tuple[dict[str, Attribute], tuple[Timer, ...]]:
    """When it is looked through next; it joins the work of its unit some days before."""
    rules = programme.rules_at(one.lead, at)
    day = following or months_later(today(at), rules.review_months)
    due = check_instant(day)
    attrs: dict[str, Attribute] = {"nextReview": prop(iso(due)), "due": prop(iso(due)), "open": prop(False)}
    return attrs, (Timer(CONSUMER, one.id, due - rules.review_notice_days * DAY),)


def months_later(day: str, months: int) -> str:
    """The same day of a month so many months later; the last day of a shorter month."""
    begun = date.fromisoformat(day)
    year, month = divmod(begun.year * 12 + begun.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(begun.day, last)).isoformat()


def wake(entity: Entity) -> tuple[Change, ...]:
    """The change that puts a review among the work of its unit; none when the document is in force no more."""
    if "nextReview" not in entity.attrs or entity.value("state") != Stand.IN_FORCE.value:
        return ()
    return (Change(Op.APPEND, entity.id, attrs={"open": prop(True)}),)


def review_is_late(one: Document, now: int) -> bool:
    """Whether the review should have been done."""
    return one.next_review is not None and now > from_iso(one.next_review)


async def _write(
    programme: Programme,
    actor: Actor,
    one: Document,
    attrs: dict[str, Attribute],
    reason: str,
    timers: tuple[Timer, ...],
) -> None:
    change = Change(Op.APPEND, one.id, attrs=attrs)
    await programme.hub.commit(Commit(actor, (change,), reason, {one.id: one.version}, owner=OWNER, timers=timers))
