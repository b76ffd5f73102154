"""Tests: histories too long for one answer come in parts of the time (clause 6.3.10)."""

from collections.abc import Sequence
from typing import Any

import pytest

from dothi.ground.clock import from_iso
from dothi.hub.api import Limits
from dothi.hub.api.history.paging import Part, part_of
from dothi.hub.language.nodes import Window
from dothi.hub.read.past.evolution import Told
from tests.hub.api.conftest import Client

MINUTE = 60_000_000
START = from_iso("2026-11-22T00:00:00Z")


def series(*minutes: int) -> list[Told]:
    """Instances at these minutes after START."""
    return [Told(START + minute * MINUTE, None, {"value": minute}) for minute in minutes]


def minutes(part: Part) -> list[dict[str, list[int]]]:
    """What a part holds, by entity and attribute."""
    return [{name: [told.instance["value"] for told in listed] for name, listed in one.items()} for one in part.series]


def cut(evolutions: Sequence[Any], limit: int, last: int | None = None, window: Window = Window()) -> Part:
    """The first part of some evolutions."""
    return part_of(evolutions, window, last, limit)


def test_what_fits_is_whole() -> None:
    """Up to the limit nothing is cut and nothing is said."""
    part = cut([{"a": series(1, 2), "b": series(3)}], 3)
    assert part.content_range is None
    assert minutes(part) == [{"a": [1, 2], "b": [3]}]


def test_forwards_over_attributes_and_entities() -> None:
    """Without lastN the earliest come first, over all; what lies outside of the part is an attribute without values."""
    part = cut([{"a": series(1, 2, 9), "b": series(8)}, {"a": series(3)}], 3)
    assert minutes(part) == [{"a": [1, 2], "b": []}, {"a": [3]}]
    assert part.content_range == "DateTime 2026-11-22T00:01:00Z-2026-11-22T00:03:00Z/*"


def test_backwards_with_last_n() -> None:
    """With lastN the latest come first; the range runs from the latest to the earliest of the part."""
    part = cut([{"a": series(1, 2, 9), "b": series(8)}], 2, last=3)
    assert minutes(part) == [{"a": [9], "b": [8]}]
    assert part.content_range == "DateTime 2026-11-22T00:09:00Z-2026-11-22T00:08:00Z/3"


@pytest.mark.parametrize(
    ("window", "forwards", "backwards"),
    [
        (Window("after", START), "00:00:00Z-2026-11-22T00:02", "00:04:00Z-2026-11-22T00:03"),
        (Window("before", end=START + 60 * MINUTE), "00:01:00Z-2026-11-22T00:02", "01:00:00Z-2026-11-22T00:03"),
        (Window("between", START, START + 60 * MINUTE), "00:00:00Z-2026-11-22T00:02", "01:00:00Z-2026-11-22T00:03"),
    ],
)
def test_where_the_range_begins(window: Window, forwards: str, backwards: str) -> None:
    """The range begins at the bound that was asked for, else at the first instance on that side."""
    evolutions = [{"a": series(1, 2, 3, 4)}]
    assert cut(evolutions, 2, window=window).content_range == f"DateTime 2026-11-22T{forwards}:00Z/*"
    assert cut(evolutions, 2, last=9, window=window).content_range == f"DateTime 2026-11-22T{backwards}:00Z/9"


def test_an_instant_is_never_divided() -> None:
    """What was told at one moment comes together: a part ends before it, or holds all of it."""
    assert minutes(cut([{"a": series(1, 2, 2, 2, 3)}], 3)) == [{"a": [1]}]
    assert minutes(cut([{"a": series(1, 2, 2, 2, 3)}], 2, last=9)) == [{"a": [3]}]
    assert minutes(cut([{"a": series(5, 5, 5)}], 2)) == [{"a": [5, 5, 5]}]


def test_parts_cover_everything(tell: Any) -> None:
    """Who goes on from the end of each part meets every instance, forwards over HTTP."""

    async def story(client: Client) -> None:
        moments = [f"2026-11-22T00:{minute:02}:00Z" for minute in range(25)]
        for moment in moments:
            body = [{"id": "urn:s:1", "type": "Station", "pm25": {"value": 1, "observedAt": moment}}]
            assert (await client.post("/entityOperations/upsert", json=body)).status_code in (201, 204)
        met: list[str] = []
        begin = moments[0]
        while True:
            answer = await client.get(f"/temporal/entities/urn:s:1?attrs=pm25&timerel=after&timeAt={begin}")
            found = [one["observedAt"] for one in answer.json()["pm25"]]
            met += [moment for moment in found if moment not in met]
            if answer.status_code == 200:
                assert "content-range" not in answer.headers
                break
            assert answer.status_code == 206
            begin = answer.headers["content-range"].removesuffix("/*")[-len(begin) :]
            assert begin == found[-1]
        assert met == moments
        latest = await client.get("/temporal/entities/urn:s:1?lastN=20&options=temporalValues&attrs=pm25")
        assert latest.status_code == 206
        assert [moment for _, moment in latest.json()["pm25"]["values"]] == moments[-10:]
        mean = await client.get("/temporal/entities/urn:s:1?options=aggregatedValues&aggrMethods=totalCount&attrs=pm25")
        assert (mean.status_code, mean.json()["pm25"]["totalCount"][0][0]) == (200, 25)

    tell(story, limits=Limits(instances=10))
