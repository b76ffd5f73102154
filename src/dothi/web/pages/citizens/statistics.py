"""The page of statistics: what became of reports by commune, category and month, each share with its denominator."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.needs import Citizens, rules_at
from dothi.citizens.services.measures import month_of
from dothi.citizens.services.reading import months_before
from dothi.citizens.services.score import doubt_of_handling
from dothi.citizens.services.statistics import Only, Tally, imported_count, tallies
from dothi.ground.clock import now_us
from dothi.web.page import Page, render, words
from dothi.web.pages.citizens.report import communes_of, ours, unit_name
from dothi.web.parts import parts

MONTHS = 6
WAYS = ("unit", "category", "month")


async def statistics(request: Request) -> Response:
    """Were people answered in time, and did it last?"""
    here, now = ours(request), now_us()
    asked = _asked(request, now)
    only = Only(_codes(here, asked["unit"]), asked["category"])
    rules = rules_at(here).services
    whole = tallies(here, asked["month"], "all", only, now).get("", Tally())
    any_ = [("", words(request).t("citizens.any"))]
    named = [(one.id, words(request).pick(one.names)) for one in here.rules.categories.values()]
    return render(
        request,
        "citizens/statistics.html",
        rows=_rows(request, asked, only, now),
        whole=whole,
        few=whole.few(rules.minimum),
        least=rules.minimum,
        hasty=not whole.few(rules.minimum)
        and bool(doubt_of_handling(whole.on_time_share, whole.returned_share, rules)),
        asked=asked,
        ways=[(word, "?" + _query(asked | {"by": way}), way == asked["by"], None) for way, word in _ways(request)],
        months=[(one, one[5:] + "/" + one[:4]) for one in reversed(months_before(month_of(now)))],
        categories=[*any_, *named],
        communes=[*any_, *communes_of(here, parts(request).province, words(request).language)],
        imported=imported_count(here),
        days=rules_at(here).recurrence.days,
        radius=round(rules_at(here).recurrence.radius_m),
    )


def _ways(request: Request) -> list[tuple[str, str]]:
    return [(way, words(request).t(f"problems.statistics.by_{way}")) for way in WAYS]


def _query(asked: Mapping[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in asked.items() if value)


def _asked(request: Request, now: int) -> dict[str, str]:
    """What the reader asks for, with what is not known left out."""
    given, here = request.query_params, ours(request)
    month, by = given.get("month", ""), given.get("by", "")
    unit, category = given.get("unit", ""), given.get("category", "")
    current = month_of(now)
    return {
        "month": month if month in months_before(current) else current,
        "by": by if by in WAYS else "unit",
        "unit": unit if unit and here.territory.knows(unit) else "",
        "category": category if category in here.rules.categories else "",
    }


def _codes(here: Citizens, unit: str) -> frozenset[str] | None:
    return here.territory.within(unit) | {unit} if unit else None


def _rows(request: Request, asked: Mapping[str, str], only: Only, now: int) -> list[tuple[str, Tally]]:
    """(name, counts), the most reports first; months in their order."""
    here = ours(request)
    if asked["by"] == "month":
        months = months_before(asked["month"], MONTHS)
        return [(one[5:] + "/" + one[:4], tallies(here, one, "all", only, now).get("", Tally())) for one in months]
    found: dict[str, Any] = tallies(here, asked["month"], asked["by"], only, now)
    ordered = sorted(found.items(), key=lambda row: (-row[1].filed, -row[1].decided, row[0]))
    return [(_name(request, asked["by"], key), tally) for key, tally in ordered]


def _name(request: Request, by: str, key: str) -> str:
    if by == "unit":
        return unit_name(request, key) or words(request).t("citizens.reports.no_place")
    known = ours(request).rules.categories.get(key)
    return words(request).pick(known.names) if known else key


PAGES = (Page("/reports/statistics", statistics, "problems.statistics.title"),)
