"""Registrations found by what they may have (GS CIM 009 clauses 5.10.2 and 6.8.3.2)."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.hub.api.sources.documents import ERRORS, registration

PATH = "/csourceRegistrations"
Client = httpx.AsyncClient
Tell = Callable[..., None]
PLACE = {"type": "Point", "coordinates": [107.6, 16.4]}
SPAN = {"startAt": "2021-01-01T00:00:00Z", "endAt": "2021-12-31T00:00:00Z"}
KNOWN: dict[str, dict[str, Any]] = {
    "air": {"information": [{"entities": [{"type": "Air"}], "propertyNames": ["pm25"]}], "scope": "/VN/46"},
    "road": {"information": [{"entities": [{"type": "Road", "idPattern": "^urn:r"}]}], "location": PLACE},
    "past": {"information": [{"entities": [{"type": "Air"}]}], "observationInterval": SPAN},
    "any": {"information": [{"propertyNames": ["pm25"]}], "grade": 7},
}


async def found(client: Client, query: str) -> list[str]:
    answer = await client.get(f"{PATH}?{query}")
    assert answer.status_code == 200, answer.text
    return [one["id"].removeprefix("urn:reg:") for one in answer.json()]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("type=Air", "air any"),
        ("type=Road", "road any"),
        ("type=Road&id=urn:x:1", "any"),
        ("type=Road&idPattern=1$", "road any"),
        ("type=Air&attrs=pm10", ""),
        ("type=Road&attrs=pm10", "road"),
        ("attrs=pm25", "air road any"),
        ("pick=id,pm25", "air road any"),
        ("q=pm25>35", "air road any"),
        ("type=Air&scopeQ=/VN/%23", "air"),
        ("type=Road&georel=near;maxDistance==2000&geometry=Point&coordinates=[107.6,16.4]", "road"),
        ("georel=near;maxDistance==2000&geometry=Point&coordinates=[106,16.4]", ""),
        ("type=Air&timerel=before&timeAt=2021-08-01T00:00:00Z", "past"),
        ("type=Air&timerel=after&timeAt=2022-08-01T00:00:00Z", ""),
        ("type=Air&timerel=before&timeAt=2021-08-01T00:00:00Z&timeproperty=modifiedAt", ""),
        ("type=Air&csf=grade==7", "any"),
        ('type=Air&csf=endpoint~="there"', "air any"),
    ],
)
def test_registrations_are_found_by_what_they_may_have(tell: Tell, query: str, names: str) -> None:
    """Each condition of clause 5.10.2.4 narrows; what is now and what was are kept apart."""

    async def story(client: Client) -> None:
        for name, members in KNOWN.items():
            await client.post(PATH, json=registration(id=f"urn:reg:{name}", **members))
        assert await found(client, query) == names.split()

    tell(story)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "id=urn:x:1",
        "scopeQ=/VN",
        "type=Air&id=nothing",
        "q=(pm25",
        "georel=within",
        "type=Air&georel=near;maxDistance==1&geometry=Point&coordinates=[200]",
        "type=Air&timerel=before",
        "type=Air&timeAt=2021-08-01T00:00:00Z",
        "type=(Air",
        "type=Air&csf=(grade",
        "type=Air&limit=-1",
    ],
)
def test_a_question_that_is_too_wide_or_wrong_is_refused(tell: Tell, query: str) -> None:
    """BadRequestData, with what is wrong (clause 5.10.2.4)."""

    async def story(client: Client) -> None:
        answer = await client.get(f"{PATH}?{query}")
        assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")
        assert answer.json()["detail"]

    tell(story)


def test_pages_and_count(tell: Tell) -> None:
    """Registrations come in the order of making, page by page, with their total (clauses 6.3.10 and 6.3.13)."""

    async def story(client: Client) -> None:
        for number in range(5):
            await client.post(PATH, json=registration(id=f"urn:reg:{number}"))
        assert await found(client, "type=Sensor&limit=2&offset=2") == ["2", "3"]
        answer = await client.get(f"{PATH}?type=Sensor&limit=2&offset=2&count=true")
        assert answer.headers["NGSILD-Results-Count"] == "5"
        assert {'rel="next"' in answer.headers["link"], 'rel="prev"' in answer.headers["link"]} == {True}
        assert (await client.get(f"{PATH}?type=Sensor&limit=0&count=true")).json() == []
        await client.patch(f"{PATH}/urn:reg:3", json={"information": [{"entities": [{"type": "Car"}]}]})
        assert await found(client, "type=Sensor") == ["0", "1", "2", "4"]
        await client.delete(f"{PATH}/urn:reg:0")
        assert await found(client, "type=Sensor") == ["1", "2", "4"]

    tell(story)
