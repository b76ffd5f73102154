"""The three measures of a service, kept apart and each with its denominator: interest, usage and satisfaction."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from dothi.citizens.model import OWNER, SERVICE_TYPE, TYPE, Report, report_of
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.ground.clock import VIETNAM, from_datetime, iso, now_us, to_datetime
from dothi.ground.errors import Missing
from dothi.ground.ids import urn
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import ABSENT, Attribute, Commit, Entity, json_prop, prop, put, words

SERVICE = urn(SERVICE_TYPE, "phan-anh-hien-truong")
NAME = {"vi": "Phản ánh hiện trường", "en": "Reporting a problem"}
SATISFIED = 4  # Stars from which on a reporter counts as satisfied.
FEW = 5  # Fewer ratings than this say little, and the page says so.
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Measures:
    """One month of a service. `None` is "not known", never zero."""

    month: str  # 2026-11
    views: int  # Interest: pages opened, nobody counted twice or once.
    days: int  # Denominator of interest: days of the month so far.
    filed: int  # Usage: reports filed.
    answered: int  # Denominator of the response rate: reports answered.
    rated: int  # Denominator of satisfaction: reports rated.
    stars: float | None  # Satisfaction: mean of the ratings, 1 to 5.
    satisfied: int  # Reports rated 4 or 5.
    reopened: int  # Reports re-opened, to be read beside satisfaction.

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
        return min(1.0, self.rated / self.answered) if self.answered else None

    @property
    def few(self) -> bool:
        """Whether there are too few ratings to say much."""
        return self.rated < FEW


def month_of(instant: int) -> str:
    """The month in Vietnam of an instant (µs), e.g. 2026-11."""
    return f"{to_datetime(instant).astimezone(VIETNAM):%Y-%m}"


def measure(citizens: Citizens, month: str | None = None, now: int | None = None) -> Measures:
    """The measures of a month (now's by default) from the reports in the hub; imported ones do not count."""
    at = now or now_us()
    wanted = month or month_of(at)
    start, end = _span(wanted)
    rated = [one.rating for one in _reports(citizens, "ratedAt", start, end) if one.rating is not None]
    return Measures(
        month=wanted,
        views=_views(citizens, wanted) + (citizens.views.waiting if wanted == month_of(at) else 0),
        days=_days(wanted, at),
        filed=_count(citizens, "filedAt", start, end),
        answered=_count(citizens, "closedAt", start, end),
        rated=len(rated),
        stars=sum(rated) / len(rated) if rated else None,
        satisfied=sum(stars >= SATISFIED for stars in rated),
        reopened=_count(citizens, "reopenedAt", start, end),
    )


def _span(month: str) -> tuple[str, str]:
    """First instant of a month and of the next, ISO 8601."""
    year, number = (int(part) for part in month.split("-"))
    first = datetime(year, number, 1, tzinfo=VIETNAM)
    after = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=VIETNAM)
    return iso(from_datetime(first)), iso(from_datetime(after))


def _days(month: str, now: int) -> int:
    """Days of a month that have begun by `now`; at least one."""
    year, number = (int(part) for part in month.split("-"))
    today = to_datetime(now).astimezone(VIETNAM).date()
    last = date(year, number, monthrange(year, number)[1])
    return max(1, min((today - date(year, number, 1)).days + 1, last.day))


def _within(attribute: str, start: str, end: str) -> And:
    """The attribute lies in [start, end) in a report that is not imported; ISO texts of one form sort like instants."""
    return And(
        (
            Compare(("imported",), "==", False),
            Compare((attribute,), ">=", start),
            Compare((attribute,), "<", end),
        )
    )


def _count(citizens: Citizens, attribute: str, start: str, end: str) -> int:
    query = Query(TypeIs(TYPE), q=_within(attribute, start, end), limit=0, count=True)
    return citizens.hub.query(SYSTEM, query).count or 0


def _reports(citizens: Citizens, attribute: str, start: str, end: str) -> Iterator[Report]:
    offset = 0
    while True:
        query = Query(TypeIs(TYPE), q=_within(attribute, start, end), limit=PAGE, offset=offset)
        page = citizens.hub.query(SYSTEM, query).entities
        yield from (report_of(one) for one in page)
        if len(page) < PAGE:
            return
        offset += PAGE


def _service(citizens: Citizens) -> Entity | None:
    try:
        return citizens.hub.get(SYSTEM, SERVICE)
    except Missing:
        return None


def _views(citizens: Citizens, month: str) -> int:
    service = _service(citizens)
    kept = service.value("viewsByMonth", {}) if service else {}
    return int(kept.get(month, 0))


async def write_measures(citizens: Citizens, now: int | None = None) -> Measures:
    """Write the month's measures into the service's entity, with the views counted since; nothing when none changed."""
    at = now or now_us()
    before, waiting = _service(citizens), citizens.views.waiting
    found = measure(citizens, now=at)
    kept = dict(before.value("viewsByMonth", {})) if before else {}
    attrs = _attributes(found, kept | {found.month: found.views})
    if before is not None and all(before.attrs.get(name) == value for name, value in attrs.items()):
        return found
    expect = {SERVICE: before.version if before else ABSENT}
    change = put(SERVICE, SERVICE_TYPE, **attrs)
    await citizens.hub.commit(Commit(SYSTEM, (change,), "measures", expect, owner=OWNER))
    citizens.views.written(waiting)
    return found


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
