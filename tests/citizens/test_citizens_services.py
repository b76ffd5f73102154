"""Public services: registry, three measures with denominators and doubt, ratings, and what agencies count."""

import json
import math
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from dothi.citizens.model import NotYours, TooManyReports
from dothi.citizens.needs import Allowance
from dothi.citizens.reading import desk
from dothi.citizens.rules import load
from dothi.citizens.services.counts import writers
from dothi.citizens.services.measures import SERVICE, write_measures, write_views
from dothi.citizens.services.ratings import rate_service
from dothi.citizens.services.reading import by_part, month_score, months_before, trend
from dothi.citizens.services.registry import (
    Entry,
    NewService,
    NoSuchService,
    Standing,
    keep_sample_services,
    register,
    service,
    services,
    set_standing,
)
from dothi.citizens.services.score import (
    Count,
    Rating,
    Score,
    bursts,
    doubt_of_handling,
    doubts,
    score,
    wilson,
)
from dothi.ground.clock import DAY, MINUTE, VIETNAM, from_datetime, from_iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.hub.model import Actor, Commit, amend, prop
from dothi.sources.model import SourceDefinition
from dothi.sources.service import define_source, open_sources, push

ALL = Actor("system:test", frozenset({"system"}))
OFFICER = Actor("user:programme", frozenset({"programme_officer"}), frozenset({"46"}))
STEWARD = Actor("user:steward", frozenset({"data_steward"}))
BUS = NewService(
    "xe-buyt",
    {"vi": "Xe buýt công cộng", "en": "Public buses"},
    "Trung tâm vận tải",
    "46",
    "Giao thông",
    (Entry("phone", "0234 000 000", "5:00–21:00"),),
)
COUNTER = replace(BUS, id="mot-cua", names={"vi": "Bộ phận Một cửa"}, unit="19789")
RULES = load().services
NOV = from_iso("2026-11-16T08:00:00+07:00")


def test_a_service_that_is_down_is_owed_by_its_unit_until_it_works(in_city: Any, official: Actor) -> None:
    """Since when, why and who said it are told; it stands in My work of the unit; another unit may not say so."""

    async def story(city: Any) -> None:
        here = city.citizens
        with pytest.raises(Forbidden):
            await register(here, official, COUNTER)  # A unit's official enters no service, the programme does.
        await register(here, OFFICER, COUNTER)
        await register(here, OFFICER, BUS)
        assert [one.name for one in services(here)] == ["mot-cua", "xe-buyt"], "B stands before X"
        with pytest.raises(NotYours):
            await set_standing(here, official, "xe-buyt", Standing.DOWN, "Hệ thống vé hỏng từ sáng")
        with pytest.raises(Invalid):
            await set_standing(here, official, "mot-cua", Standing.DOWN, "hỏng")
        await set_standing(here, official, "mot-cua", Standing.DOWN, "Mất mạng từ sáng, dự kiến xong trưa", now=NOV)
        down = service(here, "mot-cua")
        assert (down.standing, down.source, from_iso(down.since or "")) == (Standing.DOWN, "user:official", NOV)
        (item,) = desk(here, official).items
        assert (item.id, item.kind, item.due is not None) == (down.id, "PublicService", True)
        assert services(here)[0].name == "mot-cua", "what does not work stands first"
        again = await register(here, OFFICER, replace(COUNTER, agency="UBND phường"))
        assert (again.standing, again.agency) == (Standing.DOWN, "UBND phường"), "entering anew mends nothing"
        with pytest.raises(Conflict):
            await set_standing(here, official, "mot-cua", Standing.DOWN, "Vẫn mất mạng đến chiều")
        await set_standing(here, official, "mot-cua", Standing.WORKING, "")
        assert desk(here, official).count == 0
        with pytest.raises(NoSuchService):
            service(here, "khong-co")
        await write_measures(here)
        assert {one.id for one in services(here)} == {down.id, service(here, "xe-buyt").id, SERVICE}
        await keep_sample_services(here, "46")
        assert service(here, "mot-cua").agency == "UBND phường", "what a city entered stays"
        await write_measures(here)
        assert service(here, "phan-anh-hien-truong").sample, "the measures leave the registry's words alone"

    in_city(story)


def test_one_rating_for_each_device_and_month(in_city: Any) -> None:
    """The later takes the place of the first; another device, another month count anew; too many are braked."""

    async def story(city: Any) -> None:
        here = city.citizens
        await register(here, OFFICER, BUS)
        for stars, token in ((1, "device one"), (5, "device one"), (4, "device two")):
            await rate_service(here, "xe-buyt", stars, token, "19789", "resident", now=NOV)
        await rate_service(here, "xe-buyt", 2, "device one", now=NOV - 30 * DAY)
        (one, before) = (month_score(here, service(here, "xe-buyt"), month, NOV) for month in ("2026-11", "2026-10"))
        assert (one.rated, one.stars, one.satisfied, one.few) == (2, 4.5, 2, True)
        assert one.satisfied_share is None, "two ratings are no score"
        assert (before.rated, before.stars) == (1, 2.0)
        kept = {entity.id.rpartition(":")[2] for entity in city.hub.find(ALL, "ServiceRating")}
        assert len(kept) == 3, "the mark of one device differs by month"
        for wrong in ({"stars": 6}, {"token": "short"}, {"unit": "99999"}, {"group": "nobody"}):
            said: dict[str, Any] = {"stars": 5, "token": "a device", "unit": "", "group": ""} | wrong
            with pytest.raises(Invalid):
                await rate_service(here, "xe-buyt", **said, now=NOV)
        await write_measures(here)
        with pytest.raises(Conflict):
            await rate_service(here, "phan-anh-hien-truong", 5, "a device")
        small = replace(here, ratings=Allowance(2, 60))
        for number in range(2):
            await rate_service(small, "xe-buyt", 5, f"device {number}", address="192.0.2.1", now=NOV)
        with pytest.raises(TooManyReports):
            await rate_service(small, "xe-buyt", 5, "device 3", address="192.0.2.1", now=NOV)

    in_city(story)


def test_agencies_report_in_batches(in_city: Any, tmp_path: Any) -> None:
    """With a key of its source; the same batch counts once, a corrected month replaces, bad rows are held."""

    async def story(city: Any) -> None:
        here = city.citizens
        await register(here, OFFICER, BUS)
        sources = open_sources(city.hub, tmp_path / "sources", writers(here))
        for name in ("service-counts", "service-ratings"):
            said = SourceDefinition(f"xe-buyt-{name[8:]}", "Trung tâm vận tải (mẫu)", "http_push", name)
            await define_source(sources, STEWARD, said)
        key = Actor("key:bus", scopes=frozenset({"source:xe-buyt-counts", "source:xe-buyt-ratings"}))
        month = f"{datetime.now(VIETNAM):%Y-%m}"
        row = {"service": "xe-buyt", "period": month, "unit": "19789", "group": "all", "views": 900, "uses": 400}
        rows = [
            row | {"asked": 50},
            row | {"unit": "19753", "asked": 20, "uses": 100},
            row | {"service": "tau-dien", "asked": 0},
            row | {"unit": "19777", "asked": 401},
            row | {"period": "2099-01", "asked": 0},
        ]
        body = json.dumps(rows).encode()
        for _ in range(2):
            done = await push(sources, key, "xe-buyt-counts", body, "application/json", "batch 1")
        assert (done.accepted, done.quarantined) in {(2, 3), (0, 0)}, "a repeat changes nothing"
        held = [str(one.value("detail")) for one in city.hub.find(ALL, "QuarantinedRow")]
        assert all(any(name in said for said in held) for name in ("asked", "period", "tau-dien")), held
        fixed = json.dumps([row | {"uses": 410, "asked": 60}]).encode()
        await push(sources, key, "xe-buyt-counts", fixed, "application/json", "batch 2")
        told = [
            {"service": "xe-buyt", "receipt": f"v{n}", "stars": 5 - n % 2, "ratedAt": f"{month}-01T0{n}:00:00+07:00"}
            | {"unit": "19789", "group": "all"}
            for n in range(8)
        ]
        await push(sources, key, "xe-buyt-ratings", json.dumps(told).encode(), "application/json", "batch 3")
        with pytest.raises(Forbidden):
            await push(sources, Actor("key:other"), "xe-buyt-counts", body, "application/json", "batch 4")

        found = service(here, "xe-buyt")
        for _ in range(3):
            here.views.count(found.id)
        assert await write_views(here) == 1
        one = month_score(here, found)
        assert (one.views, one.uses, one.asked, one.rated) == (1803, 510, 80, 8)
        assert (one.stars, one.response_rate, one.few) == (4.5, 0.1, False)
        assert [(part.key, part.score.uses) for part in by_part(here, found, "unit")] == [
            ("19789", 410),
            ("19753", 100),
        ]
        assert trend(here, found)[-1][1].rated == 8

    in_city(story)


def test_the_interval_is_wilsons() -> None:
    """Against the published formula, worked out by hand, and its behaviour at the ends."""
    low, high = wilson(8, 10, 1.96) or (0, 0)
    root = 1.96 * math.sqrt(0.8 * 0.2 / 10 + 1.96**2 / 400)
    assert (low, high) == pytest.approx(
        ((0.8 + 1.96**2 / 20 - root) / (1 + 1.96**2 / 10), (0.8 + 1.96**2 / 20 + root) / (1 + 1.96**2 / 10))
    )
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)
    low, high = wilson(0, 5, 1.96) or (1, 1)
    assert (low, round(high, 4)) == (0.0, 0.4345)
    assert wilson(0, 0, 1.96) is None


def at(day: int, minute: float = 0, month: int = 11) -> int:
    return from_datetime(datetime(2026, month, day, 9, tzinfo=VIETNAM)) + round(minute * MINUTE)


def ratings(*stars: int, day: int = 3, apart: float = 60) -> list[Rating]:
    return [Rating(one, at(day, number * apart)) for number, one in enumerate(stars)]


def test_a_burst_is_told_and_the_score_stands_without_it_too() -> None:
    """Ten ratings in ten minutes are a burst; nine are none; two bursts far apart are two."""
    rush = [Rating(5, at(4, n * 0.9)) for n in range(12)]
    calm = ratings(2, 3, 2, 3, 2)
    (found,) = bursts([*calm, *rush], RULES)
    assert found.size == 12
    assert bursts(rush[:9], RULES) == ()
    assert len(bursts([*rush, *(Rating(5, one.at + DAY) for one in rush)], RULES)) == 2
    scored = score([*calm, *rush], [Count(0, 40, 40)], 20, RULES)
    assert (round(scored.stars or 0, 6), scored.stars_without) == (round(72 / 17, 6), 2.4)
    assert [one.code for one in doubts(scored, None, [*calm, *rush], RULES)] == ["burst"]


def scored(rated: int, satisfied: int, asked: int) -> Score:
    stars = [5] * satisfied + [2] * (rated - satisfied)
    return score(ratings(*stars), [Count(0, asked, asked)], 30, RULES)


def test_signs_that_a_figure_is_made_rather_than_earned() -> None:
    """Fewer answer and those are happier; a rush on the last day; all the same; more ratings than people asked."""

    def codes(now: Score, before: Score | None = None, given: list[Rating] | None = None) -> list[str]:
        return [one.code for one in doubts(now, before, given or [], RULES)]

    assert codes(scored(20, 18, 100), scored(40, 24, 100)) == ["falling"]
    assert codes(scored(39, 30, 100), scored(40, 24, 100)) == [], "as many answer as before"
    assert codes(scored(20, 10, 100), scored(40, 24, 100)) == [], "fewer answer, and they are no happier"
    assert codes(scored(8, 8, 5)) == ["more_than_asked"]
    usual = [one for day in range(1, 11) for one in ratings(4, day=day)]
    assert codes(scored(5, 5, 50), None, [*usual, *ratings(5, 5, 5, 3, 5, day=30)]) == ["last_day"]
    assert codes(scored(5, 5, 50), None, [*usual, *ratings(5, 5, 5, 3, 5, day=12)]) == [], "no end of a month"
    assert codes(scored(25, 25, 100), None, ratings(*[5] * 25)) == ["same"]
    assert [one.code for one in doubt_of_handling(0.97, 0.3, RULES)] == ["hasty"]
    assert doubt_of_handling(0.97, 0.1, RULES) == doubt_of_handling(None, 0.9, RULES) == ()


def test_nothing_known_is_not_zero() -> None:
    """Without ratings there is no score, no interval and no response rate; without views no share of use."""
    empty = score([], [], 30, RULES)
    known = (empty.stars, empty.low, empty.response_rate, empty.usage_share, empty.satisfied_share)
    assert known == (None, None, None, None, None)
    assert months_before("2026-01", 3) == ("2025-11", "2025-12", "2026-01")


def test_a_later_change_of_reporting_leaves_other_services_alone(in_city: Any) -> None:
    """Interest and usage of one service do not move when another is rated."""

    async def story(city: Any) -> None:
        here = city.citizens
        await register(here, OFFICER, BUS)
        await write_measures(here)
        before = month_score(here, service(here, "phan-anh-hien-truong"))
        await rate_service(here, "xe-buyt", 1, "device one", now=now_us())
        assert month_score(here, service(here, "phan-anh-hien-truong")) == before
        assert month_score(here, service(here, "xe-buyt")).uses == 0
        change = amend(SERVICE, name=prop("forged"))
        with pytest.raises(Forbidden):
            await city.hub.commit(Commit(OFFICER, (change,)))

    in_city(story)
