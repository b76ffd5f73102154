"""Tests: entities are rendered in each form, narrowed as asked, in the client's names."""

from typing import Any

import pytest

from dothi.hub.context import Contexts
from dothi.hub.model import Entity
from dothi.hub.render.entity import collection, feature, render
from dothi.hub.render.parse import read_entity
from dothi.hub.render.shape import Shape, ranked_languages
from dothi.hub.render.values import Reading

POINT = {"type": "Point", "coordinates": [107.59, 16.46]}
AT = "2026-11-22T07:30:00Z"
ATTRS: dict[str, Any] = {
    "pm25": {"type": "Property", "value": 35.5, "observedAt": AT, "unitCode": "GQ"},
    "name": {"type": "Property", "value": "Trạm Huế"},
    "location": {"type": "GeoProperty", "value": POINT},
    "owner": {"type": "Relationship", "object": "urn:a:b", "since": {"type": "Property", "value": 2020}},
    "title2": {"type": "LanguageProperty", "languageMap": {"vi": "Đèn", "en": "Lamp"}},
    "state": {"type": "VocabProperty", "vocab": "broken"},
    "raw": {"type": "JsonProperty", "json": {"type": "x"}},
    "list": {"type": "ListProperty", "valueList": [1, 2]},
    "targets": {"type": "ListRelationship", "objectList": [{"object": "urn:a:b"}]},
    "speed": [
        {"type": "Property", "value": 1},
        {"type": "Property", "value": 2, "datasetId": "urn:d:1"},
    ],
}
ENTITY = Entity("urn:a:1", ("Station",), ATTRS, ("/VN/Hue",), created_at=1_000_000, modified_at=2_000_000, version=3)


def test_normalized_is_what_is_kept() -> None:
    """In normalized form an entity reads as it is kept, with id, type and scope in front."""
    assert render(ENTITY, Shape()) == {"id": "urn:a:1", "type": "Station", "scope": "/VN/Hue", **ATTRS}


def test_concise_is_short_and_loses_nothing() -> None:
    """Concise form drops what can be inferred, and reads back as the same entity."""
    document = render(ENTITY, Shape(form="concise"))
    assert document["name"] == "Trạm Huế"
    assert document["location"] == POINT
    assert document["pm25"] == {"value": 35.5, "observedAt": AT, "unitCode": "GQ"}
    assert document["owner"] == {"object": "urn:a:b", "since": 2020}
    assert document["speed"] == [{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}]
    assert read_entity(document, Reading()).attrs == ATTRS


@pytest.mark.parametrize(
    "instance",
    [
        {"type": "Property", "value": {"type": "x"}},
        {"type": "Property", "value": {"value": 5}},
        {"type": "Property", "value": POINT},
        {"type": "Property", "value": [{"value": 5}]},
        {"type": "Property", "value": [{"value": 5}, {"object": "urn:a:b"}]},
        {"type": "Property", "value": POINT, "observedAt": AT},
        {"type": "Property", "value": {"json": {"a": 1}}, "sub": {"type": "Property", "value": {"type": "y"}}},
    ],
)
def test_concise_keeps_what_would_be_misread(instance: dict[str, Any]) -> None:
    """Values that look like instances or geometries keep enough around them to come back unchanged."""
    document = render(Entity("urn:a:1", ("T",), {"a": instance}), Shape(form="concise"))
    assert read_entity(document, Reading()).attrs == {"a": instance}


def test_simplified_is_the_bare_values() -> None:
    """Simplified form holds values only; several datasets become an object by dataset (clause 4.5.4)."""
    assert render(ENTITY, Shape(form="simplified")) == {
        "id": "urn:a:1",
        "type": "Station",
        "scope": "/VN/Hue",
        "pm25": 35.5,
        "name": "Trạm Huế",
        "location": POINT,
        "owner": "urn:a:b",
        "title2": {"languageMap": {"vi": "Đèn", "en": "Lamp"}},
        "state": {"vocab": "broken"},
        "raw": {"json": {"type": "x"}},
        "list": [1, 2],
        "targets": ["urn:a:b"],
        "speed": {"dataset": {"@none": 1, "urn:d:1": 2}},
    }


def test_system_times_are_shown_when_asked() -> None:
    """With sysAttrs an instance without stamps has the entity's last change; stamps of its own win."""
    stamped = {
        "type": "Property",
        "value": 1,
        "createdAt": "1970-01-01T00:00:01Z",
        "modifiedAt": "1970-01-01T00:00:01Z",
    }
    entity = Entity("urn:a:1", ("T",), {"a": stamped, "b": {"type": "Property", "value": 2}}, (), 1_000_000, 2_000_000)
    shown = render(entity, Shape(sys_attrs=True))
    assert (shown["createdAt"], shown["modifiedAt"]) == ("1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z")
    assert shown["a"] == stamped
    assert shown["b"]["createdAt"] == shown["b"]["modifiedAt"] == "1970-01-01T00:00:02Z"
    assert render(entity, Shape())["a"] == {"type": "Property", "value": 1}
    assert stamped["createdAt"], "rendering changes nothing that is kept"


def test_projection() -> None:
    """Attrs keeps id and type, pick keeps only what it names, omit takes away (clause 4.21)."""
    assert render(ENTITY, Shape(attrs=frozenset({"name"}))).keys() == {"id", "type", "scope", "name"}
    assert render(ENTITY, Shape(pick=frozenset({"name", "id"}))).keys() == {"id", "name"}
    assert render(ENTITY, Shape(omit=frozenset({"name", "scope"}))).keys() == {"id", "type", *ATTRS} - {"name"}


def test_datasets_are_filtered() -> None:
    """Asked for one dataset, attributes show that instance only; @none is the default instance."""
    shape = Shape(datasets=frozenset({"urn:d:1"}))
    assert render(ENTITY, shape) == {
        "id": "urn:a:1",
        "type": "Station",
        "scope": "/VN/Hue",
        "speed": {"type": "Property", "value": 2, "datasetId": "urn:d:1"},
    }
    assert render(ENTITY, Shape(datasets=frozenset({"@none"})))["speed"] == {"type": "Property", "value": 1}


@pytest.mark.parametrize(
    ("asked", "word", "tag"),
    [
        ("en", "Lamp", "en"),
        ("en-GB", "Lamp", "en"),
        ("fr,vi;q=0.5", "Đèn", "vi"),
        ("*", "Đèn", "vi"),
        ("xx", "Đèn", "vi"),
    ],
)
def test_one_language_is_chosen(asked: str, word: str, tag: str) -> None:
    """A language filter turns a map into a Property with the best word and says which language it is."""
    document = render(ENTITY, Shape(languages=ranked_languages(asked)))
    assert document["title2"] == {"type": "Property", "value": word, "lang": tag}


def test_a_feature_has_the_geometry_on_top() -> None:
    """GeoJSON shows the chosen GeoProperty as geometry, null when there is none, and all else as properties."""
    shown = feature(ENTITY, Shape(form="simplified"))
    assert (shown["type"], shown["id"], shown["geometry"]) == ("Feature", "urn:a:1", POINT)
    assert shown["properties"]["pm25"] == 35.5
    assert shown["properties"]["type"] == "Station"
    assert feature(ENTITY, Shape(geometry="name"))["geometry"] is None
    assert collection([shown]) == {"type": "FeatureCollection", "features": [shown]}


def test_names_go_out_in_the_clients_words() -> None:
    """Types, attributes, sub-attributes and vocabulary values are compacted by the client's context."""
    names = Contexts().resolve({"x": "https://ex.org/x"})
    entity = Entity(
        "urn:a:1",
        ("https://ex.org/x",),
        {
            "https://ex.org/x": {"type": "Property", "value": 1, "https://ex.org/x": {"type": "Property", "value": 2}},
            "state": {"type": "VocabProperty", "vocab": ["https://ex.org/x"]},
        },
    )
    assert render(entity, Shape(names=names)) == {
        "id": "urn:a:1",
        "type": "x",
        "x": {"type": "Property", "value": 1, "x": {"type": "Property", "value": 2}},
        "state": {"type": "VocabProperty", "vocab": ["x"]},
    }
