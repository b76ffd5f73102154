"""The real files, each imported wholly; counts and values are checked against the file read with csv and json."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dothi.citizens.intake.imported import write_imported
from dothi.ground.clock import iso
from dothi.ground.text import nfc
from dothi.hub.core import Hub
from dothi.sources.model import SYSTEM, ImportReport
from dothi.sources.service import import_file
from tests.sources.conftest import City

AIR = {
    "pm25": "PM2.5", "pm10": "PM10", "so2": "SO2", "no2": "NO2", "co": "CO", "o3": "O3",
    "temperature": "TEMP", "pressure": "PRES", "dewPoint": "DEWP", "precipitation": "RAIN", "windSpeed": "WSPM",
}  # fmt: skip


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, read without dothi."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def bring(city: City, path: Path, mapping: str) -> ImportReport:
    """Import a whole file."""
    report: ImportReport = city.run(import_file(city.sources, SYSTEM, path, mapping))
    return report


def series(hub: Hub, entity: str, attribute: str) -> dict[str, Any]:
    """The history of an attribute: observedAt → value."""
    return {one["observedAt"]: one["value"] for one in hub.history(SYSTEM, entity, (attribute,)).get(attribute, [])}


def utc(text: str, form: str, zone: str) -> str:
    """A local time of a file as the hub writes it."""
    local = datetime.strptime(text, form).replace(tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("station", ["Aotizhongxin", "Dongsi"])
def test_beijing_air(city: City, shared_data: Path, station: str) -> None:
    """Every hour of a Beijing station is in history as in the file; NA is no value, and no zero."""
    path = shared_data / "air" / f"beijing_{station}.csv"
    rows = table(path)
    report = bring(city, path, "beijing-air")
    assert (report.rows, report.accepted, report.quarantined) == (len(rows), len(rows), 0) == (35_064, 35_064, 0)
    entity = f"urn:ngsi-ld:AirQualityObserved:beijing:{station}"
    times = [utc(f"{r['year']} {r['month']} {r['day']} {r['hour']}", "%Y %m %d %H", "Asia/Shanghai") for r in rows]
    history = city.hub.history(SYSTEM, entity, (*AIR, "windDirection"))
    for attribute, column in AIR.items():
        expected = {at: float(row[column]) for at, row in zip(times, rows, strict=True) if row[column] != "NA"}
        assert {one["observedAt"]: one["value"] for one in history[attribute]} == expected
        assert len(history[attribute]) == len(expected)
        assert report.missing.get(attribute, 0) == len(rows) - len(expected) > 0
    assert (rows[0]["wd"], history["windDirection"][0]["value"]) in {("NNW", 337.5)}
    stands = city.get(entity)
    assert stands.types == ("AirQualityObserved",)
    assert stands.observed_at("pm25") == times[-1]
    assert stands.instance("pm25")["unitCode"] == "GQ"  # type: ignore[index]
    assert 116.3 < stands.value("location")["coordinates"][0] < 116.5  # The file has none: the mapping gives it.


@pytest.mark.parametrize(
    ("file", "mapping", "entity", "attribute", "factor", "unit"),
    [
        ("nab_speed_6005", "nab-traffic-speed", "6005", "averageVehicleSpeed", 1, "KMH"),
        ("nab_occupancy_6005", "nab-traffic-occupancy", "6005", "occupancy", 0.01, "C62"),
        ("nab_TravelTime_387", "nab-traffic-travel-time", "387", "travelTime", 1, "SEC"),
    ],
)
def test_nab_traffic(
    city: City, shared_data: Path, file: str, mapping: str, entity: str, attribute: str, factor: float, unit: str
) -> None:
    """Every reading of a traffic series is in history at its local time, in the unit of the data model."""
    path = shared_data / "traffic" / f"{file}.csv"
    rows = table(path)
    report = bring(city, path, mapping)
    assert (report.accepted, report.quarantined) == (len(rows), 0)
    form = "%Y-%m-%d %H:%M:%S"
    expected = {utc(row["timestamp"], form, "America/Chicago"): float(row["value"]) * factor for row in rows}
    assert series(city.hub, f"urn:ngsi-ld:TrafficFlowObserved:nab:{entity}", attribute) == pytest.approx(expected)
    stands = city.get(f"urn:ngsi-ld:TrafficFlowObserved:nab:{entity}")
    assert stands.instance(attribute)["unitCode"] == unit  # type: ignore[index]


def test_edinburgh_bins(city: City, shared_data: Path) -> None:
    """The file runs backwards: each of the 334 bins stands as its newest row says, and all collections are history."""
    path = shared_data / "waste" / "edinburgh_bin_sensor_2016.csv"
    rows = table(path)
    report = bring(city, path, "edinburgh-bins")
    assert (report.rows, report.accepted, report.quarantined) == (10_000, 10_000, 0)
    when = "Date & Time of bin collection (Europe/London)"
    fill = next(column for column in rows[0] if column.startswith("Fill level before collection"))
    by_bin: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_bin.setdefault(row["Site"], []).append(row)
    bins = {one.id: one for one in city.hub.find(SYSTEM, "WasteContainer")}
    assert len(bins) == len(by_bin) == 334
    for site, own in by_bin.items():
        stands = bins[f"urn:ngsi-ld:WasteContainer:edinburgh:{site}"]
        newest = max(own, key=lambda row: row[when])
        assert stands.value("fillingLevel") == pytest.approx(float(newest[fill]) / 100)
        assert stands.observed_at("cargoWeight") == utc(newest[when], "%Y-%m-%d %H:%M:%S", "Europe/London")
        assert stands.instance("location")["accuracy"]["value"] > 0  # type: ignore[index]
    site, own = max(by_bin.items(), key=lambda item: len(item[1]))
    history = series(city.hub, f"urn:ngsi-ld:WasteContainer:edinburgh:{site}", "cargoWeight")
    assert sorted(history.values()) == sorted(float(row["Weight (kg)"]) for row in own)


def test_river_water_flow(city: City, shared_data: Path) -> None:
    """All readings over the change to summer time, each at its own instant."""
    path = shared_data / "water" / "river_water_flow.csv"
    rows = table(path)
    assert bring(city, path, "river-flow").accepted == len(rows) == 1268
    expected = {
        datetime.fromisoformat(row["Time"]).astimezone(UTC).isoformat().replace("+00:00", "Z"): float(
            row["Water flow [l/s]"]
        )
        for row in rows
    }
    assert series(city.hub, "urn:ngsi-ld:WaterObserved:river:water-flow", "flow") == expected


def test_montreal_weather(city: City, shared_data: Path) -> None:
    """Weather in other units comes in as the data model wants it."""
    path = shared_data / "water" / "montreal_weather_2012.csv"
    rows = table(path)
    assert bring(city, path, "montreal-weather").accepted == len(rows) == 8784
    stands = city.get("urn:ngsi-ld:WeatherObserved:montreal:airport")
    assert stands.value("windSpeed") == pytest.approx(float(rows[-1]["Wind Spd (km/h)"]) / 3.6)
    assert stands.value("atmosphericPressure") == pytest.approx(float(rows[-1]["Stn Press (kPa)"]) * 10)
    assert stands.value("relativeHumidity") == float(rows[-1]["Rel Hum (%)"]) / 100


@pytest.mark.parametrize("file", ["hanoi_gtfs_stops.txt", "hanoi_gtfs_stops-enriched.txt"])
def test_hanoi_stops_of_gtfs(city: City, shared_data: Path, file: str) -> None:
    """Every stop of Hà Nội, with its name and its point."""
    rows = table(shared_data / "mobility" / file)
    report = bring(city, shared_data / "mobility" / file, "hanoi-stops-gtfs")
    assert (report.accepted, report.quarantined) == (len(rows), 0) == (6495, 0)
    for row in rows:
        stop = city.get(f"urn:ngsi-ld:PublicTransportStop:hanoi:{row['stop_id']}")
        assert stop.value("name") == nfc(row["stop_name"].strip())  # Some names come with decomposed letters.
        assert stop.value("location")["coordinates"] == [float(row["stop_lon"]), float(row["stop_lat"])]


def test_hanoi_stops_of_openstreetmap(city: City, shared_data: Path) -> None:
    """Every feature of the GeoJSON file."""
    path = shared_data / "osm" / "hanoi_bus_stops_osm.geojson"
    features = json.loads(path.read_text())["features"]
    assert bring(city, path, "hanoi-stops-osm").accepted == len(features) == 3326
    for feature in features:
        stop = city.get(f"urn:ngsi-ld:PublicTransportStop:osm:{feature['properties']['id']}")
        assert stop.value("name") == nfc(feature["properties"]["name"].strip())
        assert stop.value("location") == feature["geometry"]


def located(rows: list[dict[str, str]]) -> Iterator[tuple[str, str | None, list[float] | None]]:
    """(number, why it is held back, place) of each request, by reading the file."""
    for row in rows:
        place = [float(row["Longitude"]), float(row["Latitude"])] if row["Latitude"] else None
        if place == [-77, 39]:
            yield row["ServiceRequestNum"], "placeholder:location", place
        elif place == [-76, 39]:
            yield row["ServiceRequestNum"], "out-of-bounds:location", place
        else:
            yield row["ServiceRequestNum"], None, place


class Reports:
    """What write_imported asks of the citizens' module."""

    def __init__(self, hub: Hub) -> None:
        """Over this hub."""
        self.hub = hub


def test_baltimore_requests(city: City, shared_data: Path) -> None:
    """Blank places come in without one, false places wait in quarantine; the reports are written by their owner."""
    path = shared_data / "reports" / "baltimore_311_sample_10k.csv"
    rows = table(path)
    city.hub.own("citizens", {"CitizenReport": "POST /api/reports"})

    async def write(actor: Any, changes: Any, reason: str, key: str | None) -> Any:
        return await write_imported(Reports(city.hub), actor, changes, reason, key)  # type: ignore[arg-type]

    city.sources.writers["CitizenReport"] = write  # type: ignore[index]
    report = bring(city, path, "baltimore-311")
    expected = list(located(rows))
    assert (report.rows, report.quarantined) == (10_000, 892)
    assert report.reasons == {"placeholder:location": 885, "out-of-bounds:location": 7}
    assert report.missing["location"] == 590
    assert report.accepted == sum(why is None for _, why, _ in expected) == 9108
    for (number, why, place), row in zip(expected[:2000], rows, strict=False):
        if why is None:
            found = city.get(f"urn:ngsi-ld:CitizenReport:baltimore:{number}")
            assert found.value("category") == row["SRType"]
            assert (found.value("location") or {}).get("coordinates") == place
            assert found.value("filedAt") == utc(row["CreatedDate"], "%m/%d/%Y %I:%M:%S %p", "America/New_York")
    held = {one.value("row")["ServiceRequestNum"] for one in city.rows()}
    assert held == {number for number, why, _ in expected if why}
    assert bring(city, path, "baltimore-311").repeated
    assert city.hub.types(SYSTEM)["CitizenReport"] == 9108


def test_counters_say_when(city: City, shared_data: Path) -> None:
    """An imported source knows how many rows it brought and when."""
    bring(city, shared_data / "water" / "river_water_flow.csv", "river-flow")
    source = city.get("urn:ngsi-ld:DataSource:river-flow")
    assert (source.value("accepted"), source.value("quarantined"), source.value("state")) == (1268, 0, "live")
    assert source.value("lastSeen")[:10] == iso(source.modified_at)[:10]
