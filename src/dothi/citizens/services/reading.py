"""The measures of any service of the registry, by month, area and group, from what was counted and rated."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from dothi.citizens.model import COUNT_TYPE, RATING_TYPE
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.citizens.services.measures import SERVICE, dated, days_of, month_of, span_of, views_by_month
from dothi.citizens.services.registry import Service
from dothi.citizens.services.score import Count, Rating, Score, doubts, score
from dothi.ground.clock import from_iso, now_us
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import Entity

PAGE = 1000
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that was counted and rated of a service in a month."""

    month: str
    ratings: tuple[Rating, ...]
    counts: tuple[Count, ...]
    views: int  # Of our own pages.
    days: int


@dataclass(frozen=True, slots=True)
class Part:
    """The measures of one area or group."""

    key: str  # Code of a unit, or id of a group; "" is what nobody told apart.
    score: Score


def months_before(month: str, count: int = MONTHS) -> tuple[str, ...]:
    """So many months up to and including one, oldest first."""
    year, number = (int(part) for part in month.split("-"))
    places = range(year * 12 + number - count, year * 12 + number)
    return tuple(date(place // 12, place % 12 + 1, 1).strftime("%Y-%m") for place in places)


def material(citizens: Citizens, found: Service, month: str, now: int | None = None) -> Material:
    """What stands in the hub of a service and month."""
    at = now_us() if now is None else now
    views = int(views_by_month(citizens, found.id).get(month, 0))
    ratings, counts = _of_reporting(citizens, month) if found.id == SERVICE else _of_service(citizens, found.id, month)
    return Material(month, ratings, counts, views + _waiting(citizens, found, month, at), days_of(month, at))


def _waiting(citizens: Citizens, found: Service, month: str, at: int) -> int:
    """Views that were counted and are not written yet."""
    if month != month_of(at):
        return 0
    return citizens.views.waiting if found.id == SERVICE else citizens.views.others[found.id]


def _of_reporting(citizens: Citizens, month: str) -> tuple[tuple[Rating, ...], tuple[Count, ...]]:
    """Reporting is measured by the reports themselves: each filed is a use, each that was answered could be rated."""
    start, end = span_of(month)
    rated = tuple(
        Rating(one.value("rating"), from_iso(one.value("ratedAt")), one.value("unit", ""))
        for one in dated(citizens, "ratedAt", start, end)
        if one.value("rating") is not None
    )
    used = [Count(0, 1, 0, one.value("unit", "")) for one in dated(citizens, "filedAt", start, end)]
    asked = [Count(0, 0, 1, one.value("unit", "")) for one in dated(citizens, "closedAt", start, end)]
    return rated, (*used, *asked)


def _of_service(citizens: Citizens, service: str, month: str) -> tuple[tuple[Rating, ...], tuple[Count, ...]]:
    ratings = tuple(
        Rating(one.value("stars"), from_iso(one.value("ratedAt")), one.value("unit", ""), one.value("group", ""))
        for one in _rows(citizens, RATING_TYPE, service, month)
    )
    return ratings, tuple(_count(one) for one in _rows(citizens, COUNT_TYPE, service, month))


def _count(one: Entity) -> Count:
    views, uses, asked = (int(one.value(name, 0)) for name in ("views", "uses", "asked"))
    return Count(views, uses, asked, one.value("unit", ""), one.value("group", ""))


def _rows(citizens: Citizens, kind: str, service: str, month: str) -> list[Entity]:
    found: list[Entity] = []
    terms = And((Compare(("service",), "==", service), Compare(("period",), "==", month)))
    while True:
        query = Query(TypeIs(kind), q=terms, limit=PAGE, offset=len(found))
        page = citizens.hub.query(SYSTEM, query).entities
        found += page
        if len(page) < PAGE:
            return found


def month_score(citizens: Citizens, found: Service, month: str | None = None, now: int | None = None) -> Score:
    """The measures of a month with the signs of doubt, seen beside the month before."""
    at = now_us() if now is None else now
    wanted = month or month_of(at)
    rules = rules_at(citizens, found.unit, at).services
    last, this = (material(citizens, found, one, at) for one in months_before(wanted, 2))
    now_score, before = (score(one.ratings, one.counts, one.days, rules, one.views) for one in (this, last))
    return replace(now_score, doubts=doubts(now_score, before if before.rated else None, this.ratings, rules))


def trend(
    citizens: Citizens, found: Service, month: str | None = None, now: int | None = None
) -> list[tuple[str, Score]]:
    """The measures of twelve months, oldest first."""
    at = now_us() if now is None else now
    rules = rules_at(citizens, found.unit, at).services
    months = [material(citizens, found, one, at) for one in months_before(month or month_of(at))]
    return [(one.month, score(one.ratings, one.counts, one.days, rules, one.views)) for one in months]


def by_part(
    citizens: Citizens, found: Service, what: str, month: str | None = None, now: int | None = None
) -> list[Part]:
    """The measures of a month by "unit" or "group", the most used first. Views of our own pages have neither."""
    at = now_us() if now is None else now
    rules = rules_at(citizens, found.unit, at).services
    whole = material(citizens, found, month or month_of(at), at)
    keys = {getattr(one, what) for one in (*whole.ratings, *whole.counts)}
    parts = [Part(key, score(*_only(whole, what, key), whole.days, rules)) for key in keys]
    return sorted(parts, key=lambda one: (-one.score.uses, -one.score.rated, one.key))


def _only(whole: Material, what: str, key: str) -> tuple[Sequence[Rating], Sequence[Count]]:
    return (
        [one for one in whole.ratings if getattr(one, what) == key],
        [one for one in whole.counts if getattr(one, what) == key],
    )
