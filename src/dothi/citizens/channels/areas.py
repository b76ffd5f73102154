"""Areas that people follow: asked for, confirmed by mail, told once a day at most, ended by one click."""

import asyncio
import re
from dataclasses import dataclass

from dothi.accounts.model import Erasure, Identity
from dothi.accounts.vault import keep_identity, replay_erasures
from dothi.citizens.channels.links import CONFIRM, STOP, opened
from dothi.citizens.model import AREA_TYPE, OWNER, TYPE, report_of
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.citizens.reading import PAGE_MAX, ROUNDED, PublicReport, public_report
from dothi.citizens.rules import Rules
from dothi.ground.clock import DAY, VIETNAM, from_iso, iso, now_us, to_datetime
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import urn
from dothi.ground.text import format_date
from dothi.hub.language.nodes import And, Compare, Condition, Geo, Query, TypeIs
from dothi.hub.model import (
    Attribute,
    Change,
    Commit,
    Entity,
    Op,
    amend,
    create,
    geo,
    json_prop,
    prop,
    read_one,
    rel,
)
from dothi.office.messages import Draft, Link, Messages, queue

ASKED, FOLLOWED = "asked", "followed"
LOOK_EVERY_S = 300.0
UNCONFIRMED = 7 * DAY  # As long as the link to confirm works.
BATCH = 500
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_NEITHER = "Choose a ward or commune, or a place on the map with its radius."


@dataclass(frozen=True, slots=True)
class Area:
    """A commune or province (`unit`), or a circle of `radius_m` around a place."""

    unit: str = ""
    lon: float | None = None
    lat: float | None = None
    radius_m: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be told of; no category means all of them."""

    area: Area
    categories: tuple[str, ...]
    mail: str
    language: str = "vi"
    reports: bool = True  # A letter a day with new reports.
    warnings: bool = False  # Warnings to the public, at once (operations/warnings/channels/mail.py reads this).


@dataclass(frozen=True, slots=True)
class Followed:
    """A wish as it stands in the hub."""

    id: str
    version: int
    person: str
    area: Area
    categories: tuple[str, ...]
    state: str
    told_until: int
    language: str
    reports: bool = True
    warnings: bool = False


async def ask(citizens: Citizens, messages: Messages, wish: Wish, now: int | None = None) -> str:
    """Keep a wish and send the link that confirms it; returns its id. Invalid (with `field`) says what to mend."""
    at, rules = now or now_us(), citizens.rules
    area = checked(citizens, wish.area, rules)
    for one in wish.categories:
        rules.category(one)
    if not _MAIL.fullmatch(wish.mail.strip()):
        raise Invalid("Give the mail address to which news are sent.", field="email")
    if not (wish.reports or wish.warnings):
        raise Invalid("Choose what is to be sent: new reports, warnings, or both.", field="tells")
    person = await keep_identity(citizens.vault, Identity(email=wish.mail.strip()))
    attrs: dict[str, Attribute] = {
        "person": rel(person),
        "categories": json_prop(sorted(wish.categories)),
        "reports": prop(wish.reports),
        "warnings": prop(wish.warnings),
        "state": prop(ASKED),
        "askedAt": prop(iso(at)),
        "toldUntil": prop(iso(at)),
        "language": prop(wish.language),
    }
    if area.unit:
        attrs["unit"] = prop(area.unit)
    if area.lon is not None and area.lat is not None:
        attrs |= {
            "location": geo({"type": "Point", "coordinates": [area.lon, area.lat]}),
            "radius": prop(area.radius_m),
        }
    made = create(urn(AREA_TYPE), AREA_TYPE, **attrs)
    await citizens.hub.commit(Commit(SYSTEM, (made,), "ask to follow an area", owner=OWNER))
    params = {
        "area": area_name(citizens, area, wish.language),
        "what": what_of(rules, wish, wish.language),
    }
    links = {"link": Link("confirm", made.id)}
    draft = Draft(made.id, "area.confirm", made.id, person, params=params, links=links, language=wish.language)
    await queue(messages, [draft], now=at)
    return made.id


def checked(citizens: Citizens, area: Area, rules: Rules) -> Area:
    """The area with its place rounded as the public sees places: it may be a home. Invalid when it is none."""
    if area.unit:
        if not citizens.territory.knows(area.unit):
            raise Invalid(f"No unit with code {area.unit[:10]} is in force; choose one of the list.", field="place")
        return Area(area.unit)
    if area.lon is None or area.lat is None or not (-180 <= area.lon <= 180 and -90 <= area.lat <= 90):
        raise Invalid(_NEITHER, field="place")
    least, most = rules.notices.area.radius_m_least, rules.notices.area.radius_m_most
    if not least <= area.radius_m <= most:
        raise Invalid(f"The radius is {least} to {most} metres.", field="radius")
    return Area("", round(area.lon, ROUNDED), round(area.lat, ROUNDED), area.radius_m)


async def confirm(citizens: Citizens, token: str, now: int | None = None) -> Followed:
    """The link of the mail was opened and said yes to. BadLink, ExpiredLink, or Missing when it was ended."""
    at = now or now_us()
    found = of_link(citizens, CONFIRM, token, at)
    if found.state == ASKED:
        yes = amend(found.id, state=prop(FOLLOWED), toldUntil=prop(iso(at)))
        await citizens.hub.commit(Commit(SYSTEM, (yes,), "follow an area", {found.id: found.version}, owner=OWNER))
    return found


async def stop(citizens: Citizens, token: str, now: int | None = None) -> None:
    """End it: the wish is deleted and the address is erased. A second click does no harm."""
    at = now or now_us()
    try:
        found = of_link(citizens, STOP, token, at)
    except Missing:
        opened(citizens.vault, STOP, token, at)  # A link of ours, for what is gone already; else BadLink.
        return
    await _forget(citizens, found, at)


async def _forget(citizens: Citizens, found: Followed, at: int) -> None:
    gone = Change(Op.DELETE, found.id)
    await citizens.hub.commit(Commit(SYSTEM, (gone,), "stop following an area", owner=OWNER))
    erasure = Erasure(found.person, at, SYSTEM.id, "the person stopped following, or never confirmed")
    await replay_erasures(citizens.vault, [erasure])


def of_link(citizens: Citizens, purpose: str, token: str, now: int | None = None) -> Followed:
    """The wish that a link is about. BadLink, ExpiredLink, or Missing when it was ended."""
    return read_one(citizens.hub.get(SYSTEM, opened(citizens.vault, purpose, token, now)), followed_of)


def followed_of(entity: Entity) -> Followed:
    """The wish that an entity of type FollowedArea holds."""
    place, value = entity.value("location"), entity.value
    lon, lat = place["coordinates"][:2] if place else (None, None)
    area = Area(value("unit", ""), lon, lat, int(value("radius", 0)))
    kinds = tuple(value("categories", []))
    until = from_iso(value("toldUntil"))
    return Followed(
        entity.id,
        entity.version,
        value("person", ""),
        area,
        kinds,
        value("state", ASKED),
        until,
        value("language", "vi"),
        value("reports", True),
        value("warnings", False),
    )


def in_area(
    citizens: Citizens, area: Area, categories: tuple[str, ...], since: int | None = None, limit: int = 50
) -> tuple[tuple[PublicReport, ...], int]:
    """The public reports of an area, newest first, filed after `since`; and how many there are."""
    terms: list[Condition] = [Compare(("imported",), "==", False)]
    if since is not None:
        terms.append(Compare(("filedAt",), ">", iso(since)))
    if categories:
        terms.append(Compare(("category",), "==", categories))
    around = None
    if area.unit:
        codes = citizens.territory.within(area.unit) | {area.unit}
        terms.append(Compare(("unit",), "==", tuple(sorted(codes))))
    elif area.lon is not None:
        around = Geo("near", {"type": "Point", "coordinates": [area.lon, area.lat]}, max_distance=area.radius_m)
    query = Query(
        TypeIs(TYPE), q=And(tuple(terms)), geo=around, limit=min(limit, PAGE_MAX), count=True, order=("-filedAt",)
    )
    page = citizens.hub.query(SYSTEM, query)
    return tuple(public_report(report_of(one)) for one in page), page.count or 0


async def run(citizens: Citizens, messages: Messages) -> None:
    """Tell who follows until cancelled. To be run by one process, the leader."""
    while True:
        await tell_due(citizens, messages)
        await asyncio.sleep(LOOK_EVERY_S)


async def tell_due(citizens: Citizens, messages: Messages, now: int | None = None) -> int:
    """One digest to each follower whose day it is and who has news; forgets who never confirmed. Returns how many."""
    at, rule = now or now_us(), citizens.rules.notices.area
    for one in _waiting(citizens, ASKED, "askedAt", at - UNCONFIRMED):
        await _forget(citizens, one, at)
    if to_datetime(at).astimezone(VIETNAM).hour < rule.hour:
        return 0
    told = 0
    for one in _waiting(citizens, FOLLOWED, "toldUntil", at - rule.every):
        if not one.reports:
            await _noted(citizens, one, at)
            continue
        told += await _tell(citizens, messages, one, at)
    return told


def _waiting(citizens: Citizens, state: str, name: str, until: int) -> list[Followed]:
    terms = And((Compare(("state",), "==", state), Compare((name,), "<=", iso(until))))
    query = Query(TypeIs(AREA_TYPE), q=terms, limit=BATCH, order=(name,))
    return [followed_of(one) for one in citizens.hub.query(SYSTEM, query)]


async def _tell(citizens: Citizens, messages: Messages, one: Followed, at: int) -> bool:
    """The digest first, under the name of the day; then the day is noted, so that a crash repeats nothing."""
    rule, language = citizens.rules.notices.area, one.language
    found, count = in_area(citizens, one.area, one.categories, one.told_until, rule.lines)
    if count:
        params = {
            "area": area_name(citizens, one.area, language),
            "categories": _kinds(citizens.rules, one.categories, language),
            "count": str(count),
            "lines": "\n".join(_line(citizens, report, language) for report in found),
        }
        links = {"page": Link("page", path_of(one)), "stop": Link("stop", one.id), "stop_now": Link("stop_now", one.id)}
        cause = f"{one.id} {iso(one.told_until)}"
        draft = Draft(cause, "area.digest", one.id, one.person, params=params, links=links, language=language)
        await queue(messages, [draft], now=at)
    return await _noted(citizens, one, at) and bool(count)


async def _noted(citizens: Citizens, one: Followed, at: int) -> bool:
    """The next look is a day later; False where the wish was ended at this moment."""
    noted = amend(one.id, toldUntil=prop(iso(at)))
    try:
        await citizens.hub.commit(Commit(SYSTEM, (noted,), "told of an area", {one.id: one.version}, owner=OWNER))
    except (Conflict, Missing):
        return False
    return True


def _line(citizens: Citizens, report: PublicReport, language: str) -> str:
    category = citizens.rules.categories.get(report.category)
    name = category.names[language] if category else report.category
    return (
        f"- {format_date(from_iso(report.filed_at))} {name}, {_unit(citizens, report.unit, language)} ({report.code})"
    )


def area_name(citizens: Citizens, area: Area, language: str) -> str:
    """What an area is called: its unit, or its circle."""
    if area.unit or area.lon is None:
        return _unit(citizens, area.unit, language)
    words = {"vi": "bán kính {} m quanh {}, {}", "en": "{} m around {}, {}"}
    return words[language].format(area.radius_m, area.lat, area.lon)


def _unit(citizens: Citizens, code: str | None, language: str) -> str:
    try:
        return str(citizens.territory.unit(code).name_in(language)) if code else "–"
    except Missing:
        return code or "–"


def _kinds(rules: Rules, categories: tuple[str, ...], language: str) -> str:
    names = [rules.categories[one].names[language] for one in categories if one in rules.categories]
    return ", ".join(names) or {"vi": "tất cả", "en": "all"}[language]


def what_of(rules: Rules, one: Wish | Followed, language: str) -> str:
    """What is told, in words of a letter."""
    words = {
        "vi": ("tin về phản ánh mới (loại việc: {})", "cảnh báo tới người dân", " và "),
        "en": ("news of new reports (kinds: {})", "warnings to the public", " and "),
    }
    reports, warnings, both = words[language]
    told = [reports.format(_kinds(rules, one.categories, language))] if one.reports else []
    return both.join([*told, *([warnings] if one.warnings else [])])


def path_of(one: Followed) -> str:
    """The public list of what is followed, as far as the list knows it."""
    return f"/reports?unit={one.area.unit}" if one.area.unit else "/reports"
