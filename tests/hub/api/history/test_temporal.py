"""Tests: the past of entities is read, queried, paired and aggregated through the API."""

from typing import Any

import pytest

from tests.hub.api.conftest import Client

URL = "/temporal/entities/urn:s:1"


async def six_hours(client: Client) -> None:
    """A station with a reading each hour from 00:00 to 05:00, and one that never measured."""
    await client.post("/entities", json={"id": "urn:s:2", "type": "Station", "name": "silent"})
    for hour in range(6):
        reading = {"value": hour * 10, "observedAt": f"2026-11-22T0{hour}:00:00Z"}
        body = [{"id": "urn:s:1", "type": "Station", "pm25": reading, "name": "Huế"}]
        assert (await client.post("/entityOperations/upsert", json=body)).status_code in (201, 204)


def test_windows(tell: Any) -> None:
    """Before excludes its moment, after and between include their start, between excludes its end (clause 4.11)."""

    async def story(client: Client) -> None:
        await six_hours(client)
        windows = {
            "timerel=before&timeAt=2026-11-22T02:00:00Z": [0, 10],
            "timerel=after&timeAt=2026-11-22T04:00:00Z": [40, 50],
            "timerel=between&timeAt=2026-11-22T01:00:00Z&endTimeAt=2026-11-22T03:00:00Z": [10, 20],
            "lastN=2": [40, 50],
            "timerel=before&timeAt=2026-11-22T04:00:00Z&lastN=1": [30],
            "timerel=after&timeAt=2020-01-01T00:00:00Z&timeproperty=createdAt": [0, 10, 20, 30, 40, 50],
        }
        for query, values in windows.items():
            answer = (await client.get(f"{URL}?{query}")).json()
            assert [one["value"] for one in answer["pm25"]] == values, query

    tell(story)


def test_forms(tell: Any) -> None:
    """A history comes in full, as [value, time] pairs, and aggregated by period (clauses 4.5.7, 4.5.9, 4.5.19)."""

    async def story(client: Client) -> None:
        await six_hours(client)
        full = (await client.get(f"{URL}?attrs=pm25")).json()
        assert full["pm25"][0]["observedAt"] == "2026-11-22T00:00:00Z"
        assert full["pm25"][0]["instanceId"].startswith("urn:")
        pairs = (await client.get(f"{URL}?format=temporalValues&attrs=pm25")).json()["pm25"]
        assert pairs == {"type": "Property", "values": [[h * 10, f"2026-11-22T0{h}:00:00Z"] for h in range(6)]}
        window = "timerel=between&timeAt=2026-11-22T00:00:00Z&endTimeAt=2026-11-22T06:00:00Z"
        mean = await client.get(
            f"{URL}?options=aggregatedValues&aggrMethods=avg,totalCount&aggrPeriodDuration=PT3H&{window}&attrs=pm25"
        )
        assert mean.json()["pm25"]["avg"] == [
            [10.0, "2026-11-22T00:00:00Z", "2026-11-22T03:00:00Z"],
            [40.0, "2026-11-22T03:00:00Z", "2026-11-22T06:00:00Z"],
        ]

    tell(story)


def test_query(tell: Any) -> None:
    """A query gives the histories of the entities that match; those silent in the window are left out."""

    async def story(client: Client) -> None:
        await six_hours(client)
        query = "type=Station&timerel=after&timeAt=2026-11-22T03:30:00Z&options=temporalValues&count=true"
        found = await client.get(f"/temporal/entities?{query}")
        assert [one["id"] for one in found.json()] == ["urn:s:1"]
        posted = {
            "type": "Query",
            "entities": [{"type": "Station"}],
            "q": "pm25>=10",
            "temporalQ": {"timerel": "before", "timeAt": "2026-11-22T02:00:00Z", "timeproperty": "observedAt"},
        }
        answer = await client.post("/temporal/entityOperations/query", json=posted)
        assert [one["value"] for one in answer.json()[0]["pm25"]] == [0, 10]
        later = await client.post("/temporal/entityOperations/query", json=posted | {"q": "pm25>=50"})
        assert later.json() == [], "what was measured outside the window does not answer for it"

    tell(story)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/temporal/entities/urn:no:1", 404),
        (f"{URL}?timerel=after&timeAt=2100-01-01T00:00:00Z", 404),
        (f"{URL}?attrs=nothing", 404),
        (f"{URL}?timerel=after", 400),
        (f"{URL}?timerel=soon&timeAt=2026-11-22T00:00:00Z", 400),
        (f"{URL}?timerel=after&timeAt=yesterday", 400),
        (f"{URL}?lastN=0", 400),
        (f"{URL}?format=aggregatedValues", 400),
        (f"{URL}?format=aggregatedValues&aggrMethods=median", 400),
        (f"{URL}?format=aggregatedValues&aggrMethods=avg&aggrPeriodDuration=1H", 400),
        (f"{URL}?format=keyValues", 400),
        ("/temporal/entities?type=Station", 400),
        ("/temporal/entities?timerel=after&timeAt=2026-11-22T00:00:00Z", 400),
    ],
)
def test_wrong_questions(tell: Any, path: str, status: int) -> None:
    """What cannot be answered is a clear 400 or 404."""

    async def story(client: Client) -> None:
        await six_hours(client)
        answer = await client.get(path)
        assert answer.status_code == status
        assert answer.json()["detail"]

    tell(story)
