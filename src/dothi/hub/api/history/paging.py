"""Histories too long for one answer: which part of the time comes first, and how that is said (clause 6.3.10)."""

from collections.abc import Sequence
from typing import NamedTuple

from dothi.ground.clock import iso
from dothi.hub.language.nodes import Window
from dothi.hub.read.past.evolution import Series

UNIT = "DateTime"


class Part(NamedTuple):
    """A part of some evolutions, and the Content-Range that says so; None when it is all of them."""

    series: list[Series]
    content_range: str | None


def part_of(all_series: Sequence[Series], window: Window, last: int | None, limit: int) -> Part:
    """The first `limit` instances in time, over all attributes and entities; with lastN the latest ones.

    An instant is never divided: what was told at the same moment comes together. An attribute of which nothing lies
    in this part is kept, with no instance.
    """
    times = sorted(told.at for series in all_series for listed in series.values() for told in listed)
    if len(times) <= limit:
        return Part(list(all_series), None)
    if last is None:
        end = _last_whole(times, limit)
        kept = _between(all_series, times[0], end)
        start = window.start if window.start is not None else times[0]
        return Part(kept, f"{UNIT} {iso(start)}-{iso(end)}/*")
    end = -_last_whole([-at for at in reversed(times)], limit)
    kept = _between(all_series, end, times[-1])
    start = window.end if window.end is not None else times[-1]
    return Part(kept, f"{UNIT} {iso(start)}-{iso(end)}/{last}")


def _last_whole(times: Sequence[int], limit: int) -> int:
    """The last moment of which everything lies among the first `limit`; the first moment when it alone is more."""
    if times[limit] != times[limit - 1]:
        return times[limit - 1]
    return next((at for at in reversed(times[:limit]) if at != times[limit]), times[0])


def _between(all_series: Sequence[Series], first: int, last: int) -> list[Series]:
    return [
        {name: [told for told in listed if first <= told.at <= last] for name, listed in series.items()}
        for series in all_series
    ]
