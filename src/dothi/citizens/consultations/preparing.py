"""Before and around a consultation: prepared, its text read in, announced, opened and closed by the clock, repeated."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from dothi.citizens.consultations import text as drafts
from dothi.citizens.consultations.model import (
    COMMENT,
    ORDER,
    TYPE,
    Article,
    Consultation,
    Level,
    Stage,
    State,
    consultation_of,
)
from dothi.citizens.consultations.text import Draft, clean
from dothi.citizens.consultations.workflow import STAFF, check, find, move, rules_for
from dothi.citizens.model import OWNER, NotYours
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.ground.calendar import add_working_days
from dothi.ground.clock import DAY, VIETNAM, from_datetime, from_iso, iso, now_us, to_datetime
from dothi.ground.errors import Invalid, Missing
from dothi.ground.ids import public_code, urn
from dothi.ground.text import slug
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import ABSENT, Actor, Attribute, Commit, Timer, amend, create, json_prop, prop, rel

CONSUMER = "consultations"
LOOK_EVERY_S = 5.0
TOLD_AT_ONCE = 500
AHEAD = 366 * DAY  # A consultation is announced at most so long before it opens.
RESIDENTS_MAX = 200_000_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an official says of a consultation; `residents` of how many people, and where that number comes from."""

    title: str
    question: str
    unit: str
    stage: Stage = Stage.DRAFT
    about: str | None = None
    comment_level: Level = Level.ANONYMOUS
    support_level: Level = Level.ANONYMOUS
    residents: int | None = None
    residents_from: str = ""
    sample: bool = False


async def prepare(citizens: Citizens, actor: Actor, new: Prepared, now: int | None = None) -> Consultation:
    """A new consultation, seen by its unit only until it is announced. Invalid names the field to mend."""
    at = now or now_us()
    if not actor.roles & (STAFF | {"system"}):
        raise NotYours("Only an official may prepare a consultation.")
    attrs = _said(citizens, actor, new, at)
    key = f"{slug(new.title)[:40].strip('-') or 'lay-y-kien'}-{public_code(4).lower()}"
    entity_id = urn(TYPE, key)
    fixed: dict[str, Attribute] = {
        "unit": prop(new.unit),
        "assignee": prop(new.unit),
        "open": prop(False),
        "state": prop(State.PREPARED.value),
        "round": prop(1),
        "articles": json_prop([]),
        "announced": prop(False),
        "told": prop(True),
        "step": json_prop({"verb": "prepare", "at": iso(at)}),
    }
    change = create(entity_id, TYPE, **(attrs | fixed))
    await citizens.hub.commit(Commit(actor, (change,), "prepare", {entity_id: ABSENT}, owner=OWNER))
    return find(citizens, actor, key)


async def change(
    citizens: Citizens, actor: Actor, key: str, new: Prepared, version: int | None = None, now: int | None = None
) -> Consultation:
    """Say it anew, as long as nobody was told of it; the unit stays."""
    at = now or now_us()
    found = find(citizens, actor, key)
    check(found, "change", actor)
    _refuse_announced(found)
    return await move(citizens, actor, found, "change", _said(citizens, actor, new, at), at, version)


def _said(citizens: Citizens, actor: Actor, new: Prepared, at: int) -> dict[str, Attribute]:
    limits = rules_for(citizens, new.unit, at).limits
    title, question = clean(new.title), clean(new.question)
    _within(title, 5, limits.title_letters, "title")
    _within(question, limits.reason_letters, limits.question_letters, "question")
    if not citizens.territory.knows(new.unit):
        raise Invalid(f"No unit with code {new.unit[:10]} is in force; choose one of the list.", field="unit")
    for field, level in (("commentLevel", new.comment_level), ("supportLevel", new.support_level)):
        if level not in ORDER:
            raise Invalid(f"A level that can be demanded is {', '.join(ORDER)}.", field=field)
    attrs: dict[str, Attribute] = {
        "title": prop(title),
        "question": prop(question),
        "stage": prop(new.stage.value),
        "commentLevel": prop(new.comment_level.value),
        "supportLevel": prop(new.support_level.value),
        "sample": prop(new.sample),
    }
    if new.about:
        attrs["about"] = rel(_there(citizens, actor, new.about))
    if new.residents is not None:
        attrs |= _residents(new, limits.title_letters)
    return attrs


def _there(citizens: Citizens, actor: Actor, entity_id: str) -> str:
    try:
        return citizens.hub.get(actor, entity_id).id
    except Missing as cause:
        raise Invalid("There is no scheme, plan or text with this id that you may see.", field="about") from cause


def _residents(new: Prepared, letters: int) -> dict[str, Attribute]:
    if not 0 < (new.residents or 0) < RESIDENTS_MAX:
        raise Invalid("The number of residents is a whole number above 0.", field="residents")
    if not clean(new.residents_from):
        raise Invalid("Say where the number of residents comes from.", field="residentsFrom")
    _within(clean(new.residents_from), 1, letters, "residentsFrom")
    return {"residents": prop(new.residents), "residentsFrom": prop(clean(new.residents_from))}


def _within(words: str, least: int, most: int, field: str) -> None:
    if len(words) < least:
        raise Invalid(f"Write at least {least} letters.", field=field)
    if len(words) > most:
        raise Invalid(f"Up to {most} letters fit here; there are {len(words)}.", field=field)


def _refuse_announced(found: Consultation) -> None:
    if found.announced:
        raise Invalid("It is announced to the public already: recall it first.", field="form")


async def write(
    citizens: Citizens, actor: Actor, key: str, text: str, version: int | None = None, now: int | None = None
) -> tuple[Consultation, Draft]:
    """Put the text in place of what stood there, read into parts; what the reader doubted comes back with it."""
    found = find(citizens, actor, key)
    check(found, "write", actor)
    _refuse_announced(found)
    draft = drafts.parse(text)
    articles: dict[str, Attribute] = {"articles": json_prop([_row(one) for one in draft.articles])}
    return await move(citizens, actor, found, "write", articles, now or now_us(), version), draft


def _row(one: Article) -> dict[str, str]:
    return {"ref": one.ref, "kind": one.kind, "label": one.label, "text": one.text}


async def announce(
    citizens: Citizens,
    actor: Actor,
    key: str,
    opens_at: int,
    closes_at: int,
    version: int | None = None,
    now: int | None = None,
) -> Consultation:
    """Tell the public: it opens at `opens_at` (µs; at once when that is past) and closes at `closes_at`."""
    at = now or now_us()
    found = find(citizens, actor, key)
    check(found, "announce", actor)
    if not found.articles:
        raise Invalid("There is no text yet: write or import it first.", field="text")
    starts = max(opens_at, at)
    if starts > at + AHEAD:
        raise Invalid("It opens within a year.", field="opens")
    _check_period(citizens, found, starts, closes_at)
    said: dict[str, Attribute] = {
        "opensAt": prop(iso(starts)),
        "closesAt": prop(iso(closes_at)),
        "due": prop(iso(_answer_by(citizens, found, closes_at))),
        "announced": prop(True),
        "open": prop(True),
    }
    timers = (_timer("open", found, starts if starts > at else None), _timer("close", found, closes_at))
    return await move(citizens, actor, found, "open" if starts <= at else "announce", said, at, version, timers=timers)


def _check_period(citizens: Citizens, found: Consultation, starts: int, ends: int) -> None:
    rules = rules_for(citizens, found.unit, starts)
    if not starts + rules.least_days * DAY <= ends <= starts + rules.most_days * DAY:
        span = f"{rules.least_days} to {rules.most_days}"
        raise Invalid(f"A consultation is open for {span} days.", field="closes")


def _answer_by(citizens: Citizens, found: Consultation, closes_at: int) -> int:
    """The end of the last working day for answering (µs)."""
    days = rules_for(citizens, found.unit, closes_at).answer_working_days
    last = add_working_days(to_datetime(closes_at).astimezone(VIETNAM).date(), days, citizens.calendar)
    end = to_datetime(from_iso(f"{last.isoformat()}T17:00:00+07:00"))
    return from_datetime(end)


def _timer(what: str, found: Consultation, due: int | None) -> Timer:
    return Timer(CONSUMER, f"{what} {found.key}", due, found.key)


async def recall(
    citizens: Citizens, actor: Actor, key: str, version: int | None = None, now: int | None = None
) -> Consultation:
    """Take an announcement back before it opens."""
    found = find(citizens, actor, key)
    timers = (_timer("open", found, None), _timer("close", found, None))
    back: dict[str, Attribute] = {"announced": prop(False), "open": prop(False)}
    return await move(citizens, actor, found, "recall", back, now or now_us(), version, timers=timers)


async def extend(
    citizens: Citizens,
    actor: Actor,
    key: str,
    closes_at: int,
    reason: str,
    version: int | None = None,
    now: int | None = None,
) -> Consultation:
    """Give residents more time, with the reason; never less."""
    at = now or now_us()
    found = find(citizens, actor, key)
    check(found, "extend", actor)
    if found.closes_at is None or closes_at <= max(at, from_iso(found.closes_at)):
        raise Invalid("The new end must lie after the present one.", field="closes")
    _check_period(citizens, found, from_iso(found.opens_at or iso(at)), closes_at)
    _within(clean(reason), rules_for(citizens, found.unit, at).limits.reason_letters, 1000, "reason")
    later: dict[str, Attribute] = {
        "closesAt": prop(iso(closes_at)),
        "due": prop(iso(_answer_by(citizens, found, closes_at))),
    }
    timers = (_timer("close", found, closes_at),)
    return await move(citizens, actor, found, "extend", later, at, version, clean(reason), timers)


async def next_round(
    citizens: Citizens, actor: Actor, key: str, stage: Stage, version: int | None = None, now: int | None = None
) -> Consultation:
    """Ask again about the changed text: what was asked and answered before stays to be read and compared."""
    at = now or now_us()
    found = find(citizens, actor, key)
    check(found, "next_round", actor)
    over = {
        "number": found.round,
        "stage": found.stage.value,
        "articles": [_row(one) for one in found.articles],
        "openedAt": found.opens_at,
        "closedAt": found.closes_at,
        "publishedAt": found.published_at,
        "table": [found.table.as_json()] if found.table else [],
    }
    before = citizens.hub.get(SYSTEM, found.id).value("rounds", [])
    fresh: dict[str, Attribute] = {
        "rounds": json_prop([*before, over]),
        "round": prop(found.round + 1),
        "stage": prop(stage.value),
        "announced": prop(False),
        "table": json_prop([]),
    }
    return await move(citizens, actor, found, "next_round", fresh, at, version)


async def run(citizens: Citizens) -> None:
    """Open and close by the clock, and mark who was told, until cancelled. To be run by one process, the leader."""
    while True:
        await tick(citizens)
        await asyncio.sleep(LOOK_EVERY_S)


async def tick(citizens: Citizens, now: int | None = None) -> None:
    """Do what is due: consultations open and close, authors of a published one are told."""
    at = now or now_us()
    for name, key in citizens.hub.due_timers(CONSUMER, at):
        await _due(citizens, name, key, at)
    for entity in citizens.hub.find(SYSTEM, TYPE, "told==false"):
        await _tell(citizens, consultation_of(entity), at)


async def _due(citizens: Citizens, name: str, key: str, at: int) -> None:
    found = find(citizens, SYSTEM, key)
    verb, wanted = ("open", State.PREPARED) if name.startswith("open ") else ("close", State.OPEN)
    done = (Timer(CONSUMER, name, None),)
    if found.state is wanted and (verb == "close" or found.announced):
        await move(citizens, SYSTEM, found, verb, {}, at, timers=done)
    else:  # Recalled meanwhile, or done by hand.
        await citizens.hub.commit(Commit(SYSTEM, (), "no longer due", timers=done))


async def _tell(citizens: Citizens, found: Consultation, at: int) -> None:
    """Write into each comment that its author can read the answer now; messages go out from this step."""
    while True:
        terms = (Compare(("consultation",), "==", found.id), Compare(("told",), "==", False))
        page = citizens.hub.query(SYSTEM, Query(TypeIs(COMMENT), q=And(terms), limit=TOLD_AT_ONCE)).entities
        if not page:
            break
        told: dict[str, Attribute] = {"told": prop(True), "step": json_prop({"verb": "answered", "at": iso(at)})}
        changes = tuple(amend(one.id, **told) for one in page)
        await citizens.hub.commit(Commit(SYSTEM, changes, "told of the answer", owner=OWNER))
    change = amend(found.id, told=prop(True))
    await citizens.hub.commit(Commit(SYSTEM, (change,), "all authors told", owner=OWNER))


def closing_day(day_start: int) -> int:
    """The last instant of a day in Vietnam, given its first (µs)."""
    local = to_datetime(day_start).astimezone(VIETNAM) + timedelta(days=1)
    return from_datetime(local) - 1_000_000
