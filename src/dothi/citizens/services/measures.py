"""The three measures of reporting itself, kept apart and each with its denominator: interest, usage, satisfaction.

The definitions are those of the shipped indicators: what is imported does not count; an answer counts as given while
it stands (`answered`), and everybody who ever got one could rate it (`asked`), re-opened or not.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from dothi.citizens.model import OWNER, SERVICE_TYPE, TYPE
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.ground.clock import VIETNAM, from_datetime, iso, now_us, to_datetime
from dothi.ground.errors import Missing
from dothi.ground.ids import urn
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import ABSENT, Attribute, Commit, Entity, Instance, amend, create, json_prop, prop, words

SERVICE = urn(SERVICE_TYPE, "phan-anh-hien-truong")
NAME = {"vi": "Phản ánh hiện trường", "en": "Reporting a problem"}
PAGE = 1000
STAMPS = frozenset({"createdAt", "modifiedAt", "instanceId"})


@dataclass(frozen=True, slots=True)
class Measures:
    """One month of a service. `None` is "not known", never zero."""

    month: str  # 2026-11
    views: int  # Interest: pages opened, nobody counted twice or once.
    days: int  # Denominator of interest: days of the month so far.
    filed: int  # Usage: reports filed.
    answered: int  # Reports answered, whose answer stands.
    asked: int  # Denominator of the response rate: reports answered, those included that were re-opened since.
    rated: int  # Denominator of satisfaction: reports rated.
    stars: float | None  # Satisfaction: mean of the ratings, 1 to 5.
    satisfied: int  # Reports rated 4 or 5.
    reopened: int  # Reports re-opened, to be read beside satisfaction.
    least: int  # Ratings below which they say little.

    @property
    def views_a_day(self) -> float:
        """Interest by day."""
        return self.views / self.days

    @property
    def usage_share(self) -> float | None:
        """Reports filed of pages opened."""
        return self.filed / self.views if self.views else None

    @property
    def satisfied_share(self) -> float | None:
        """Satisfied of those who rated."""
        return self.satisfied / self.rated if self.rated else None

    @property
    def response_rate(self) -> float | None:
        """Rated of answered."""
        return min(1.0, self.rated / self.asked) if self.asked else None

    @property
    def few(self) -> bool:
        """Whether there are too few ratings to say much."""
        return self.rated < self.least


def month_of(instant: int) -> str:
    """The month in Vietnam of an instant (µs), e.g. 2026-11."""
    return f"{to_datetime(instant).astimezone(VIETNAM):%Y-%m}"


def measure(citizens: Citizens, month: str | None = None, now: int | None = None) -> Measures:
    """The measures of a month (now's by default) from the reports in the hub; imported ones do not count."""
    at = now or now_us()
    wanted = month or month_of(at)
    start, end = span_of(wanted)
    rated = [stars for one in dated(citizens, "ratedAt", start, end) if (stars := one.value("rating")) is not None]
    rules = rules_at(citizens).services
    return Measures(
        month=wanted,
        views=_views(citizens, wanted) + (citizens.views.waiting if wanted == month_of(at) else 0),
        days=days_of(wanted, at),
        filed=_count(citizens, "filedAt", start, end),
        answered=_count(citizens, "closedAt", start, end, Compare(("open",), "==", False)),
        asked=_count(citizens, "closedAt", start, end),
        rated=len(rated),
        stars=sum(rated) / len(rated) if rated else None,
        satisfied=sum(stars >= rules.satisfied for stars in rated),
        reopened=_count(citizens, "reopenedAt", start, end),
        least=rules.minimum,
    )


def span_of(month: str) -> tuple[str, str]:
    """First instant of a month and of the next, ISO 8601."""
    year, number = (int(part) for part in month.split("-"))
    first = datetime(year, number, 1, tzinfo=VIETNAM)
    after = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=VIETNAM)
    return iso(from_datetime(first)), iso(from_datetime(after))


def days_of(month: str, now: int) -> int:
    """Days of a month that have begun by `now`; at least one."""
    year, number = (int(part) for part in month.split("-"))
    today = to_datetime(now).astimezone(VIETNAM).date()
    last = date(year, number, monthrange(year, number)[1])
    return max(1, min((today - date(year, number, 1)).days + 1, last.day))


def _within(attribute: str, start: str, end: str, *more: Compare) -> And:
    """The attribute lies in [start, end) in a report that is not imported; ISO texts of one form sort like instants."""
    return And(
        (
            Compare(("imported",), "==", False),
            Compare((attribute,), ">=", start),
            Compare((attribute,), "<", end),
            *more,
        )
    )


def _count(citizens: Citizens, attribute: str, start: str, end: str, *more: Compare) -> int:
    query = Query(TypeIs(TYPE), q=_within(attribute, start, end, *more), limit=0, count=True)
    return citizens.hub.query(SYSTEM, query).count or 0


def dated(citizens: Citizens, attribute: str, start: str, end: str) -> Iterator[Entity]:
    """The reports, none imported, of which an instant lies in [start, end): `filedAt`, `closedAt` or another."""
    offset = 0
    while True:
        query = Query(TypeIs(TYPE), q=_within(attribute, start, end), limit=PAGE, offset=offset)
        page = citizens.hub.query(SYSTEM, query).entities
        yield from page
        if len(page) < PAGE:
            return
        offset += PAGE


def views_by_month(citizens: Citizens, service: str) -> dict[str, int]:
    """How often the pages of a service were opened, by month, as it stands in the hub."""
    found = _entity(citizens, service)
    return dict(found.value("viewsByMonth", {})) if found else {}


def _entity(citizens: Citizens, service: str) -> Entity | None:
    try:
        return citizens.hub.get(SYSTEM, service)
    except Missing:
        return None


def _views(citizens: Citizens, month: str) -> int:
    return int(views_by_month(citizens, SERVICE).get(month, 0))


async def write_measures(citizens: Citizens, now: int | None = None) -> Measures:
    """Write the month's measures into the service's entity, with the views counted since; nothing when none changed.

    Reporting that nobody opened or used, in a city that keeps no services, is not there: a hub of data alone has none.
    """
    at = now or now_us()
    before, waiting = _entity(citizens, SERVICE), citizens.views.waiting
    found = measure(citizens, now=at)
    if before is None and not (found.views or found.filed or citizens.hub.find(SYSTEM, SERVICE_TYPE, limit=1).entities):
        return found
    kept = dict(before.value("viewsByMonth", {})) if before else {}
    attrs = _attributes(found, kept | {found.month: found.views})
    if before is not None and before.value("agency"):
        attrs.pop("name")  # The registry names it.
    if before is not None and all(_told(before, name) == value for name, value in attrs.items()):
        return found
    expect = {SERVICE: before.version if before else ABSENT}
    # What the registry says of it stays.
    change = amend(SERVICE, **attrs) if before is not None else create(SERVICE, SERVICE_TYPE, **attrs)
    await citizens.hub.commit(Commit(SYSTEM, (change,), "measures", expect, owner=OWNER))
    citizens.views.written(waiting)
    return found


def _told(before: Entity, name: str) -> Instance:
    """What an attribute says, without the stamps of when it was written."""
    said = before.instance(name) or {}
    bare = {key: value for key, value in said.items() if key not in STAMPS}
    return {key: _bare(value) if isinstance(value, dict) and key != "json" else value for key, value in bare.items()}


def _bare(part: Instance) -> Instance:
    return {key: value for key, value in part.items() if key not in STAMPS}


def _attributes(found: Measures, kept: dict[str, int]) -> dict[str, Attribute]:
    month = prop(found.month)
    attrs: dict[str, Attribute] = {
        "name": words(**NAME),
        "interest": prop(found.views, period=month, days=prop(found.days)),
        "usage": prop(found.filed, period=month, views=prop(found.views)),
        "viewsByMonth": json_prop(kept),
        "answered": prop(found.answered, period=month),
        "reopened": prop(found.reopened, period=month),
    }
    if found.stars is not None and found.response_rate is not None:
        attrs["satisfaction"] = prop(
            round(found.stars, 3),
            period=month,
            rated=prop(found.rated),
            satisfied=prop(found.satisfied),
            responseRate=prop(round(found.response_rate, 4)),
        )
    return attrs


async def write_views(citizens: Citizens, now: int | None = None) -> int:
    """Write how often the pages of the other services were opened; how many services had visitors."""
    month = month_of(now or now_us())
    waiting = {name: count for name, count in citizens.views.others.items() if count}
    for name, count in waiting.items():
        found = _entity(citizens, name)
        if found is not None:
            kept = dict(found.value("viewsByMonth", {}))
            kept[month] = int(kept.get(month, 0)) + count
            change = amend(name, viewsByMonth=json_prop(kept))
            await citizens.hub.commit(Commit(SYSTEM, (change,), "views", {name: found.version}, owner=OWNER))
        citizens.views.others[name] -= count
    return len(waiting)
