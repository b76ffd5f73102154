"""From counts and ratings of a service to three measures, each with its denominator: pure functions.

Interest, usage and satisfaction are never added up. Satisfaction speaks for who answered only, so it stands with
response rate, interval and minimum sample; bursts and other signs of doubt are told beside it, never mended away.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dothi.citizens.rules.services import ServiceRules
from dothi.ground.clock import MINUTE, VIETNAM, to_datetime


class Rating(NamedTuple):
    """One rating: stars 1 to 5, when (µs), in which unit, by somebody of which group."""

    stars: int
    at: int
    unit: str = ""
    group: str = ""


class Count(NamedTuple):
    """What an agency counted in a month: views, uses, and how many people it asked for a rating."""

    views: int
    uses: int
    asked: int
    unit: str = ""
    group: str = ""


class Burst(NamedTuple):
    """Ratings that came closer together than people do."""

    first: int
    last: int
    size: int


class Doubt(NamedTuple):
    """A sign that a figure may be made rather than earned: its code, and what the sentence about it needs."""

    code: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Score:
    """Three measures of a service, of a month or of a part of it. `None` is "not known", never zero."""

    views: int  # Interest.
    days: int  # Denominator of interest.
    uses: int  # Usage; its denominator are the views.
    asked: int  # Denominator of the response rate: people who could rate.
    rated: int  # Denominator of satisfaction.
    satisfied: int
    stars: float | None  # Mean; None without ratings.
    low: float | None  # Interval of the share of satisfied (Wilson), 0 to 1.
    high: float | None
    few: bool  # Too few ratings: no score is shown.
    reported: bool  # Whether anybody counted its use at all: otherwise usage is not known, which is not zero.
    bursts: tuple[Burst, ...] = ()
    stars_without: float | None = None  # Mean without the bursts, where there are any.
    doubts: tuple[Doubt, ...] = ()

    @property
    def response_rate(self) -> float | None:
        """Rated of asked; None where nobody was asked, or more rated than were asked (then the count is wrong)."""
        return self.rated / self.asked if 0 < self.asked >= self.rated else None

    @property
    def satisfied_share(self) -> float | None:
        """Satisfied of those who rated; None while they are too few."""
        return None if self.few or not self.rated else self.satisfied / self.rated

    @property
    def usage_share(self) -> float | None:
        """Uses of views."""
        return self.uses / self.views if self.views else None


def wilson(good: int, whole: int, z: float) -> tuple[float, float] | None:
    """The interval of a share by Wilson's score method: right also for small samples and shares near 0 and 1."""
    if whole <= 0:
        return None
    share, square = good / whole, z * z
    middle = share + square / (2 * whole)
    half = z * math.sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    scale = 1 + square / whole
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def bursts(ratings: Iterable[Rating], rules: ServiceRules) -> tuple[Burst, ...]:
    """Stretches in which at least so many ratings of a service came within so many minutes."""
    times = sorted(one.at for one in ratings)
    span, least = rules.burst_minutes * MINUTE, rules.burst_ratings
    found: list[list[int]] = []
    for end in range(least - 1, len(times)):
        begin = end - least + 1
        if times[end] - times[begin] > span:
            continue
        if found and begin <= found[-1][1]:
            found[-1][1] = end
        else:
            found.append([begin, end])
    return tuple(Burst(times[begin], times[end], end - begin + 1) for begin, end in found)


def score(ratings: Sequence[Rating], counts: Sequence[Count], days: int, rules: ServiceRules, views: int = 0) -> Score:
    """The measures of what these ratings and counts are about; `views` are those of our own pages."""
    stars = [one.stars for one in ratings]
    satisfied = sum(one >= rules.satisfied for one in stars)
    interval = wilson(satisfied, len(stars), rules.z)
    hasty = bursts(ratings, rules)
    calm = [one.stars for one in ratings if not any(each.first <= one.at <= each.last for each in hasty)]
    return Score(
        views=views + sum(one.views for one in counts),
        days=days,
        uses=sum(one.uses for one in counts),
        asked=sum(one.asked for one in counts),
        rated=len(stars),
        satisfied=satisfied,
        stars=sum(stars) / len(stars) if stars else None,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        few=len(stars) < rules.minimum,
        reported=bool(counts),
        bursts=hasty,
        stars_without=sum(calm) / len(calm) if hasty and calm else None,
    )


def doubts(now: Score, before: Score | None, ratings: Sequence[Rating], rules: ServiceRules) -> tuple[Doubt, ...]:
    """What speaks against taking a month's satisfaction at its word."""
    found = [Doubt("burst", {"n": one.size, "at": one.first}) for one in now.bursts]
    if before is not None:
        found += _falling(now, before, rules)
    found += _last_day(ratings, rules)
    if len(ratings) >= rules.doubt.same and len({one.stars for one in ratings}) == 1:
        found.append(Doubt("same", {"n": len(ratings), "stars": ratings[0].stars}))
    if now.rated > now.asked > 0:
        found.append(Doubt("more_than_asked", {"n": now.rated, "asked": now.asked}))
    return tuple(found)


def _falling(now: Score, before: Score, rules: ServiceRules) -> list[Doubt]:
    """Fewer answer and those are happier: who is not happy may have stopped answering."""
    rates = (before.response_rate, now.response_rate)
    shares = (before.satisfied_share, now.satisfied_share)
    if None in rates or None in shares:
        return []
    (was, rate), (pleased, pleases) = rates, shares
    assert was is not None and rate is not None and pleased is not None and pleases is not None  # noqa: PT018
    fell = was > 0 and (was - rate) / was >= rules.doubt.rate_fall
    return [Doubt("falling", {"was": was, "rate": rate})] if fell and pleases > pleased else []


def _last_day(ratings: Sequence[Rating], rules: ServiceRules) -> list[Doubt]:
    """A rush on the last day on which anybody rated in a month."""
    days = [to_datetime(one.at).astimezone(VIETNAM).date() for one in ratings]
    if len(ratings) < rules.minimum:
        return []
    last = max(days)
    month_end = (last.replace(day=28).toordinal() + 4 - last.toordinal()) <= 4 and last.day >= 28
    others = [day for day in days if day != last]
    usual = len(others) / max(len(set(others)), 1)
    if month_end and others and days.count(last) >= rules.doubt.last_day * usual:
        return [Doubt("last_day", {"n": days.count(last), "usual": round(usual, 1)})]
    return []


def doubt_of_handling(on_time: float | None, returned: float | None, rules: ServiceRules) -> tuple[Doubt, ...]:
    """Answered in time, and then re-opened or reported again: quick on paper."""
    if on_time is None or returned is None:
        return ()
    if on_time >= rules.doubt.on_time and returned >= rules.doubt.reopened:
        return (Doubt("hasty", {"on_time": on_time, "returned": returned}),)
    return ()
