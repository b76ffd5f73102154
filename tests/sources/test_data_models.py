"""Names and units of the shipped mappings follow smart-data-models where a model exists."""

import re
import tomllib
from pathlib import Path

import pytest

from dothi.sources.mapping import parse_mapping
from dothi.sources.mapping.library import find_mapping, mapping_paths
from dothi.sources.mapping.units import UNITS

# Attributes of the models (smart-data-models, 2026) that our mappings use, checked by hand against its catalogue.
MODELS = {
    "AirQualityObserved": "pm25 pm10 so2 no2 co o3 temperature pressure precipitation windSpeed windDirection",
    "TrafficFlowObserved": "averageVehicleSpeed occupancy",
    "WasteContainer": "fillingLevel cargoWeight dateLastEmptying storedWasteKind",
    "WaterObserved": "flow",
    "WeatherObserved": "temperature dewPoint relativeHumidity windSpeed atmosphericPressure weatherType",
    "PublicTransportStop": "stopCode transportationType",
}
COMMON = {"name", "location"}
OURS = {  # No model has a place for these.
    "AirQualityObserved": {"dewPoint"},
    "TrafficFlowObserved": {"travelTime"},
    "WasteContainer": {"storedVolume"},
}
PARTS_PER_ONE = {"occupancy", "fillingLevel", "relativeHumidity"}  # The models want 0 to 1, not percent.
MODELLED = [name for name in mapping_paths(None) if find_mapping(None, name).mapping.type in MODELS]


@pytest.mark.parametrize("name", MODELLED)
def test_names_follow_the_model(name: str) -> None:
    """Every attribute is one of its model, or stands in the short list of those that have none."""
    mapping = find_mapping(None, name).mapping
    known = {*MODELS[mapping.type].split(), *COMMON, *OURS.get(mapping.type, ())}
    assert set(mapping.attributes) <= known


@pytest.mark.parametrize("name", MODELLED)
def test_every_number_has_a_unit_and_a_plausible_range(name: str) -> None:
    """Each number is written with a UN/CEFACT code and judged by a range; ratios are parts per one."""
    for attribute, field in find_mapping(None, name).mapping.attributes.items():
        if field.kind == "number":
            assert field.unit in UNITS
            assert field.range is not None
            assert (field.unit == "C62") == (attribute in PARTS_PER_ONE)


def test_the_howto_names_every_key_of_the_language(repository: Path) -> None:
    """The example in the howto is a right mapping, and speaks of every key that a mapping may have."""
    text = (repository / "docs/howto/add-a-connector.md").read_text()
    example = re.search(r"## A mapping.*?```toml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    assert parse_mapping(example[1]).name == "air-hue"
    from_text = tomllib.loads(example[1])
    assert {"csv", "observed-at", "place", "attributes", "missing", "promised-every", "unit-column"} <= from_text.keys()
    fields = {key for field in from_text["attributes"].values() for key in field}
    for key in (
        "from-unit",
        "scale",
        "max-factor",
        "max-step",
        "within",
        "on-bad",
        "observed",
        "placeholders",
        "bounds",
    ):
        assert key in fields
