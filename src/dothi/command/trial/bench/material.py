"""What is sent and asked: the entity of 720 bytes, batches of them, updates, queries by q and place, aggregates."""

import json
from collections.abc import Sequence
from random import Random
from urllib.parse import quote

from dothi.command.trial.bench.load import STAMP, Shape

API = "/ngsi-ld/v1"
KIND = "AirQualityObserved"
BATCH = 100
MIDDLE = (107.58, 16.46)  # The entities lie within 0.25 degrees of it.
NAMES = ("pm25", "pm10", "no2", "temperature", "relativeHumidity")
_JSON = "application/json"


def entity_id(number: int) -> str:
    """The id of one of the entities."""
    return f"urn:ngsi-ld:{KIND}:bench:thanh-pho-hue:{number:06}"


def entity(number: int, stamp: str = STAMP) -> dict[str, object]:
    """An air station with five measured Properties and a place: 720 bytes of compact JSON (engines.md, section 0)."""
    chance = Random(number)  # noqa: S311  # The same entity for the same number.
    attributes = {name: _property(round(chance.uniform(10, 99), 4), stamp) for name in NAMES}
    lon, lat = (round(middle + chance.uniform(-0.25, 0.25), 6) for middle in MIDDLE)
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, lat]}}
    return {"id": entity_id(number), "type": KIND, **attributes, "location": place}


def _property(value: float, stamp: str) -> dict[str, object]:
    return {"type": "Property", "value": value, "unitCode": "GQ", "observedAt": stamp}


def upserts(count: int, options: str = "") -> list[Shape]:
    """Batch upserts of 100 entities each over `count` different entities; every request has a new observedAt."""
    path = f"{API}/entityOperations/upsert{options}"
    return [
        Shape("POST", path, _body([entity(number) for number in range(first, first + BATCH)]), _JSON)
        for first in range(0, count, BATCH)
    ]


def patches(count: int) -> list[Shape]:
    """Updates of one attribute of one entity each."""
    body = _body({"pm25": _property(41.5, STAMP)})
    return [Shape("PATCH", f"{API}/entities/{quote(entity_id(one))}/attrs", body, _JSON) for one in range(count)]


def creates() -> list[Shape]:
    """Creations of one entity each; the id of every request is new, since a stamp is part of it."""
    return [
        Shape("POST", f"{API}/entities", _body(entity(0) | {"id": f"urn:ngsi-ld:new:{STAMP}", "type": "New"}), _JSON)
    ]


def retrieves(count: int) -> list[Shape]:
    """Retrievals of one entity each, spread over `count` of them."""
    step = max(1, count // 1000)
    return [Shape("GET", f"{API}/entities/{quote(entity_id(one), safe=':')}") for one in range(0, count, step)]


def by_type() -> list[Shape]:
    """The first page of a type."""
    return [Shape("GET", f"{API}/entities?type={KIND}&limit=20")]


def by_q_near() -> list[Shape]:
    """Queries by q for what lies within a kilometre of a point."""
    return [Shape("GET", f"{one.path}&q={quote('pm25>50')}") for one in near(count=False)]


def by_q(count: bool, broad: bool) -> list[Shape]:
    """Queries by type and q that about 1 % of the entities meet, or (`broad`) about half of them."""
    floor = 50 if broad else 97.5
    conditions = [f"pm25>{floor + step / 100};temperature>{20 if broad else 60}" for step in range(0, 100, 5)]
    return _queries([f"q={quote(one)}" for one in conditions], count)


def near(count: bool) -> list[Shape]:
    """Queries for what lies within a kilometre of a point: about 130 of 100,000 entities."""
    chance = Random(1)  # noqa: S311  # The same points in every run.
    points = [[round(middle + chance.uniform(-0.2, 0.2), 5) for middle in MIDDLE] for _ in range(20)]
    places = [f"georel=near;maxDistance==1000&geometry=Point&coordinates={quote(json.dumps(one))}" for one in points]
    return _queries(places, count)


def _queries(conditions: Sequence[str], count: bool) -> list[Shape]:
    end = "&limit=20" + ("&count=true" if count else "")
    return [Shape("GET", f"{API}/entities?type={KIND}&{one}{end}") for one in conditions]


def aggregates(start: str, end: str, entities: int = 10) -> list[Shape]:
    """Daily mean and maximum of one attribute of one entity over `start` to `end`."""
    asked = f"attrs=pm25&timerel=between&timeAt={start}&endTimeAt={end}"
    asked += "&options=aggregatedValues&aggrMethods=avg,max&aggrPeriodDuration=P1D"
    return [Shape("GET", f"{API}/temporal/entities/{quote(series_id(one))}?{asked}") for one in range(entities)]


def series_id(number: int) -> str:
    """The id of one of the entities that have a month of hourly readings."""
    return f"urn:ngsi-ld:{KIND}:bench-series:{number}"


def _body(document: object) -> str:
    return json.dumps(document, separators=(",", ":"))
