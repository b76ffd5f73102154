"""All 10,000 requests of a real city, replayed in order of time through the engine, against plain arithmetic."""

import bisect
import csv
import math
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import holidays
import pytest

from dothi.citizens import Filing, Outcome, State, Upload, answer, file_report, rate, receive, reopen, write_imported
from dothi.citizens.intake import filing as filing_door
from dothi.citizens.model import StoredFile, report_of
from dothi.citizens.services.measures import measure
from dothi.citizens.services.statistics import imported_count, tallies
from dothi.command.trial.replay import Past, replay
from dothi.evidence.definitions import keep_sample_indicators
from dothi.evidence.engine import catch_up, start
from dothi.evidence.model import value_id
from dothi.evidence.service import open_evidence
from dothi.ground.clock import from_iso
from dothi.hub.model import Actor
from dothi.sources.service import import_file, open_sources

ALL = Actor("system:test", frozenset({"system"}))
CREW = Actor("user:crew", frozenset({"official"}), frozenset({"46"}))
FORM = "%m/%d/%Y %I:%M:%S %p"
NEW_YORK, VIETNAM = ZoneInfo("America/New_York"), ZoneInfo("Asia/Ho_Chi_Minh")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3600 * 10**6
KINDS = (  # Beginning or part of the portal's type → category.
    ("StLight", "street_light"),
    ("TRM-P", "road"),
    ("TRM", "road"),
    ("SW-", "waste"),
    ("HCD-Sanitation", "waste"),
    ("WW-Water", "flooding"),
    ("Tree", "tree"),
    ("FOR", "tree"),
)
STATES = {"Closed": "answered", "Open": "received", "New": "filed", "Pending": "in_progress", "In": "in_progress"}
OUTCOMES = {"Duplicate": "no_fault_found", "Transferred": "not_our_competence"}


class Row(NamedTuple):
    """One request of the portal, read plainly."""

    number: str
    category: str
    unit: str
    place: tuple[float, float] | None
    filed: int  # µs
    closed: int | None
    state: str
    outcome: str


def instant(text: str) -> int:
    """The portal's local time in µs."""
    moment = datetime.strptime(text, FORM).replace(tzinfo=NEW_YORK)
    return round((moment - EPOCH) / timedelta(microseconds=1))


def rows(path: Path, units: list[str]) -> list[Row]:
    """Every request, in order of time; council districts stand for communes."""
    found = []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for one in csv.DictReader(stream):
            kind = next((name for part, name in KINDS if part in one["SRType"]), "other")
            word, _, inside = one["SRStatus"].partition(" ")
            known = (one["Latitude"], one["Longitude"]) not in (("39", "-77"), ("", ""))
            found.append(
                Row(
                    one["ServiceRequestNum"],
                    kind,
                    units[int(one["CouncilDistrict"] or 0) % len(units)],
                    (float(one["Longitude"]), float(one["Latitude"])) if known else None,
                    instant(one["CreatedDate"]),
                    instant(one["CloseDate"]) if word == "Closed" else None,
                    STATES[word],
                    next((said for part, said in OUTCOMES.items() if part in inside), "resolved"),
                )
            )
    return sorted(found, key=lambda row: (row.filed, row.number))


@dataclass(frozen=True)
class Office:
    """Working time by plain arithmetic: the shifts of every day from 2013 on, with the time worked before each."""

    opens: list[int]
    worked: list[int]  # µs of work before each opening.

    @classmethod
    def of_vietnam(cls) -> "Office":
        """Monday to Friday, 7:30–11:30 and 13:00–17:00, without the days that the Labour Code names."""
        free = holidays.country_holidays("VN", years=range(2013, 2021))
        opens, worked, total = [], [], 0
        day = date(2013, 12, 1)
        while day < date(2020, 6, 1):
            swapped = day in free.weekend_workdays
            if (day.weekday() < 5 or swapped) and day not in free:
                for begin in (time(7, 30), time(13)):
                    moment = datetime.combine(day, begin, VIETNAM)
                    opens.append(round((moment - EPOCH) / timedelta(microseconds=1)))
                    worked.append(total)
                    total += 4 * 3600 * 10**6
            day += timedelta(days=1)
        return cls(opens, worked)

    def after(self, start: int, hours: float) -> int:
        """The instant at which so many working hours have passed since `start`."""
        shift = 4 * 3600 * 10**6
        at = bisect.bisect_right(self.opens, start) - 1
        done = self.worked[at] + min(start - self.opens[at], shift) if at >= 0 else 0
        wanted = done + round(hours * 3600 * 10**6)
        place = bisect.bisect_left(self.worked, wanted) - 1
        return self.opens[place] + wanted - self.worked[place]


def past(row: Row) -> Past:
    """The request as the replay takes it."""
    lon, lat = row.place or (None, None)
    words = f"{row.category} {row.number}"
    filing = Filing(row.category, words, lon, lat, row.unit, key=f"baltimore {row.number}", channel="phone")
    text = f"Đội {row.unit} kiểm tra tại đường {row.number}, hoàn thành ngày 12/4 theo biên bản số {row.number}"
    return Past(row.number, filing, row.filed, State(row.state), row.closed, Outcome(row.outcome), text)


class Told(NamedTuple):
    """What plain arithmetic says of one request."""

    handle_by: int
    due: int  # Of one that nobody received.
    on_time: bool | None


def plain(row: Row, office: Office, table: dict[str, Any]) -> Told:
    """Deadlines by the hours in the table of categories, and whether the answer came within them."""
    category = next(one for one in table["category"] if one["id"] == row.category)
    if category.get("urgent"):  # Day and night.
        due, handle_by = (
            row.filed + table["receive"]["urgent_hours"] * HOUR,
            row.filed + category["handle_hours"] * HOUR,
        )
    else:
        due = office.after(row.filed, table["receive"]["normal_hours"])
        handle_by = office.after(row.filed, category["handle_hours"])
    return Told(handle_by, due, None if row.closed is None else row.closed <= handle_by)


def month_of(at: int) -> str:
    return (EPOCH + timedelta(microseconds=at)).astimezone(VIETNAM).strftime("%Y-%m")


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """On a sphere of 6371 km, by the law of haversines."""
    (a, b), (c, d) = (map(math.radians, place) for place in (one, other))
    root = math.sin((d - b) / 2) ** 2 + math.cos(b) * math.cos(d) * math.sin((c - a) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(root))


def told_again(every: list[Row], table: dict[str, Any]) -> set[str]:
    """Requests that were filed near one of their category, answered at most so many days before: each with each."""
    rule, found = table["recurrence"], set()
    by_kind: dict[str, list[Row]] = defaultdict(list)
    for row in every:
        by_kind[row.category].append(row)
    for some in by_kind.values():
        ended = sorted((one.closed, one.place, one.number) for one in some if one.closed and one.place)
        times = [closed for closed, _, _ in ended]
        for row in (one for one in some if one.place):
            first = bisect.bisect_left(times, row.filed - rule["days"] * 24 * HOUR)
            before = ended[first : bisect.bisect_right(times, row.filed)]
            assert row.place is not None
            lon, lat = row.place
            others = (place for _, place, number in before if number != row.number)
            near = (place for place in others if abs(place[1] - lat) < 0.002 and abs(place[0] - lon) < 0.002)
            if any(metres(row.place, place) <= rule["radius_m"] for place in near):
                found.add(row.number)
    return found


def expected(every: list[Row], said: dict[str, Told], again: set[str], now: int) -> dict[tuple[str, str], Counter[str]]:
    """(month, unit) → counts, from the rows alone."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in every:
        told = said[row.number]
        found[month_of(row.filed), row.unit]["filed"] += 1
        found[month_of(row.filed), row.unit]["returned"] += row.number in again
        if row.closed is not None:
            found[month_of(row.closed), row.unit].update({"answered": 1, "on_time": int(told.on_time or False)})
        elif told.handle_by < now:
            found[month_of(told.handle_by), row.unit]["overdue"] += 1
    return found


def test_ten_thousand_requests_replayed(
    in_city: Any, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deadlines, states and statistics of each agree with arithmetic that knows nothing of dothi."""
    # The slow hash of a reporter's secret is another test's matter, and ten thousand of them take minutes.
    monkeypatch.setattr(filing_door, "follow_key", lambda number, pin: f"{number}{pin}")
    path = shared_data / "reports/baltimore_311_sample_10k.csv"
    table = tomllib.loads((files("dothi.citizens.rules") / "categories.toml").read_text("utf-8"))
    office, now = Office.of_vietnam(), instant("02/20/2019 12:00:00 PM")

    async def story(city: Any) -> None:
        units = [one.code for one in city.citizens.territory.communes_of("46")][:15]
        every = rows(path, units)
        assert len(every) == 10_000
        said = {row.number: plain(row, office, table) for row in every}
        rules = city.citizens.rules
        # Each answer is compared with the newest of its unit; how many that are is tested elsewhere.
        quick = replace(city.citizens, rules=replace(rules, answers=replace(rules.answers, history=1)))
        digest = city.hub.keep_file(b"photo")
        here = await replay(quick, CREW, [past(row) for row in every], StoredFile(digest, "image/png", 8, 8))

        found = {one.value("code"): report_of(one) for one in city.hub.find(ALL, "CitizenReport", limit=20_000)}
        assert len(found) == 10_000
        for row in every:
            report, told = found[here[row.number]], said[row.number]
            assert (report.state, from_iso(report.handle_by or "")) == (row.state, told.handle_by), row
            assert (report.on_time, report.unit, report.open) == (told.on_time, row.unit, row.closed is None), row
            if row.state == "filed":
                assert from_iso(report.due or "") == told.due, row

        again = told_again(every, table)
        wanted = expected(every, said, again, now)
        months = sorted({month for month, _ in wanted})
        assert len(months) > 60
        assert len(again) > 100
        assert counted(city.citizens, months, now) == {key: dict(+counts) for key, counts in wanted.items() if +counts}

        sources = open_sources(
            city.hub, tmp_path / "sources", {"CitizenReport": partial(write_imported, city.citizens)}
        )
        part = tmp_path / "part.csv"
        part.write_text("".join(path.read_text("utf-8-sig").splitlines(keepends=True)[:801]), "utf-8")
        brought = await import_file(sources, Actor("user:steward", frozenset({"data_steward"})), part, "baltimore-311")
        assert (brought.accepted, imported_count(city.citizens)) == (800 - brought.quarantined, brought.accepted)
        first = months[0]
        assert counted(city.citizens, [first], now) == {
            key: dict(+counts) for key, counts in wanted.items() if key[0] == first and +counts
        }, "what is imported does not count"

    in_city(story)


def counted(citizens: Any, months: list[str], now: int) -> dict[tuple[str, str], dict[str, int]]:
    """(month, unit) → counts, as the statistics page has them."""
    names = ("filed", "answered", "on_time", "overdue", "returned")
    found = {}
    for month in months:
        for unit, tally in tallies(citizens, month, "unit", now=now).items():
            counts = {name: getattr(tally, name) for name in names if getattr(tally, name)}
            if counts:
                found[month, unit] = counts
    return found


def test_pages_and_indicators_tell_one_figure(in_city: Any, official: Actor, lamp: Filing, proof: Upload) -> None:
    """Answered, in time, overdue and rated are the same on /reports, in the statistics and as indicators."""
    monday = from_iso("2026-11-16T08:00:00+07:00")
    at, day = monday + 8 * 24 * HOUR, 24 * HOUR

    async def story(city: Any) -> None:
        here = city.citizens
        filed = [await file_report(here, lamp, monday + number * HOUR) for number in range(7)]
        for number, one in enumerate(filed[:5]):
            await receive(here, official, one.number, now=monday + day)
            words = f"Tổ điện thay bóng số {number} tại cột {number} đường Lê Lợi lúc 15 giờ ngày {17 + number}/11."
            await answer(here, official, one.number, Outcome.RESOLVED, words, [proof], now=monday + (1 + number) * day)
            await rate(here, one.follow_code, 3 + number % 3, now=at)
        await reopen(here, filed[0].follow_code, "Đèn lại tắt từ tối qua", now=at)
        evidence = open_evidence(city.hub, here.territory, "46")
        await keep_sample_indicators(evidence)
        await catch_up(start(evidence, lambda: at))
        names = ("reports-filed", "reports-answered", "reports-answered-in-time", "reports-overdue", "satisfaction")
        told = [value(city, name) for name in names]
        told_of, page = tallies(here, "2026-11", "all", now=at)[""], measure(here, "2026-11", at)
        assert told == [told_of.filed, told_of.answered, told_of.on_time, told_of.overdue, page.stars]
        both = ("filed", "answered", "asked", "reopened")
        assert [getattr(page, name) for name in both] == [getattr(told_of, name) for name in both]
        share = value(city, "reports-on-time")
        assert share is not None
        assert round(share / 100, 6) == round(told_of.on_time_share or 0, 6)
        assert (told_of.filed, told_of.answered, told_of.asked, told_of.reopened) == (7, 4, 5, 1)

    in_city(story)


def value(city: Any, name: str) -> float | None:
    """The figure of the whole city in the month of the story."""
    entity = city.hub.get(ALL, value_id(f"urn:ngsi-ld:Indicator:{name}", "46", "2026-11"))
    number = entity.value("value")
    return None if number is None else float(number)
