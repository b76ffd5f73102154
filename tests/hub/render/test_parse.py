"""Tests: documents of entities become normalized, house-named values, or a clear error."""

import time
from typing import Any

import msgspec
import pytest

from dothi.ground.clock import from_iso
from dothi.ground.errors import Invalid
from dothi.hub.context import Contexts
from dothi.hub.render.parse import Given, read_entity, read_fragment
from dothi.hub.render.values import Reading

AT = "2026-11-22T07:30:00Z"
POINT = {"type": "Point", "coordinates": [107.59, 16.46]}


def entity(**attrs: Any) -> dict[str, Any]:
    """A document with these attributes."""
    return {"id": "urn:ngsi-ld:Thing:1", "type": "Thing", **attrs}


def read(**attrs: Any) -> dict[str, Any]:
    """The attributes of a document, read."""
    return read_entity(entity(**attrs), Reading()).attrs


CONCISE_AND_NORMALIZED = [
    (5, {"type": "Property", "value": 5}),
    ("text", {"type": "Property", "value": "text"}),
    (False, {"type": "Property", "value": False}),
    ([1, 2], {"type": "Property", "value": [1, 2]}),
    ([], {"type": "Property", "value": []}),
    ({"street": "Lê Lợi"}, {"type": "Property", "value": {"street": "Lê Lợi"}}),
    (POINT, {"type": "GeoProperty", "value": POINT}),
    ({"value": POINT}, {"type": "GeoProperty", "value": POINT}),
    ({"value": 5, "unitCode": "GQ"}, {"type": "Property", "value": 5, "unitCode": "GQ"}),
    ({"value": 5, "observedAt": AT}, {"type": "Property", "value": 5, "observedAt": AT}),
    ({"object": "urn:a:b"}, {"type": "Relationship", "object": "urn:a:b"}),
    ({"object": ["urn:a:b", "urn:a:c"]}, {"type": "Relationship", "object": ["urn:a:b", "urn:a:c"]}),
    ({"languageMap": {"vi": "Đèn"}}, {"type": "LanguageProperty", "languageMap": {"vi": "Đèn"}}),
    ({"vocab": "broken"}, {"type": "VocabProperty", "vocab": "broken"}),
    ({"vocab": ["non-commercial"]}, {"type": "VocabProperty", "vocab": ["non-commercial"]}),
    ({"json": {"id": None}}, {"type": "JsonProperty", "json": {"id": None}}),
    ({"valueList": [1, "a"]}, {"type": "ListProperty", "valueList": [1, "a"]}),
    ({"objectList": ["urn:a:b"]}, {"type": "ListRelationship", "objectList": [{"object": "urn:a:b"}]}),
    (
        {"value": 5, "accuracy": 0.1, "by": {"object": "urn:a:b"}},
        {
            "type": "Property",
            "value": 5,
            "accuracy": {"type": "Property", "value": 0.1},
            "by": {"type": "Relationship", "object": "urn:a:b"},
        },
    ),
    (
        {"@type": "Date", "@value": "2026-01-01"},
        {"type": "Property", "value": {"@type": "Date", "@value": "2026-01-01"}},
    ),
    (
        [{"value": 1}, {"value": 2, "datasetId": "urn:d:1"}],
        [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:1"}],
    ),
    ([{"value": 1}], {"type": "Property", "value": 1}),
    ({"value": 1, "datasetId": "@none"}, {"type": "Property", "value": 1}),
    ({"type": "Property", "value": 5, "createdAt": AT, "instanceId": "urn:x:1"}, {"type": "Property", "value": 5}),
]


@pytest.mark.parametrize(("given", "kept"), CONCISE_AND_NORMALIZED)
def test_each_form_of_an_attribute_is_read(given: Any, kept: Any) -> None:
    """Concise input of each attribute type becomes its normalized form; system members are left out."""
    assert read(a=given) == {"a": kept}


@pytest.mark.parametrize("kept", [kept for _, kept in CONCISE_AND_NORMALIZED])
def test_normalized_input_stays(kept: Any) -> None:
    """What is normalized already comes out equal."""
    assert read(a=kept) == {"a": kept}


WRONG = [
    ({"id": "no uri"}, "URI"),
    ({"id": None}, "URI"),
    ({"id": 7}, "URI"),
    ({"id": {"type": "Property", "value": 5}}, "URI"),
    ({"type": {"type": "Property", "value": 5}}, "type"),
    ({"scope": {"type": "Property", "value": 5}}, "scope"),
    ({"type": []}, "type"),
    ({"type": 5}, "type"),
    ({"type": "no name"}, r"4\.6\.2"),
    ({"a b": 5}, r"4\.6\.2"),
    ({"observedAt": AT}, "cannot name one"),
    ({"scope": "/a//b"}, "scope"),
    ({"scope": 5}, "scope"),
    ({"a": None}, "null"),
    ({"a": "urn:ngsi-ld:null"}, r"5\.5\.4"),
    ({"a": {"type": "Property", "value": "urn:ngsi-ld:null"}}, r"5\.5\.4"),
    ({"a": {"value": {"x": {"y": "urn:ngsi-ld:null"}}}}, r"5\.5\.4"),
    ({"a": {"type": "Property"}}, "without its member 'value'"),
    ({"a": {"type": "Nonsense", "value": 5}}, "must be one of Property"),
    ({"a": {"type": ["Property"], "value": 5}}, "must be one of Property"),
    ({"a": {"type": "Property", "value": 5, "object": "urn:a:b"}}, "no member 'object'"),
    ({"a": {"type": "Property", "value": 5, "observedAt": "yesterday"}}, "DateTime"),
    ({"a": {"type": "Property", "value": 5, "observedAt": "2026-02-30T00:00:00Z"}}, "DateTime"),
    ({"a": {"type": "Property", "value": 5, "observedAt": ["x"]}}, "DateTime"),
    ({"a": {"type": "Property", "value": 5, "observedAt": "2026-11-22T07:30:00"}}, "UTC"),
    ({"a": {"type": "Property", "value": 5, "observedAt": "2026-11-22T14:30:00+07:00"}}, "UTC"),
    ({"a": {"json": 5}}, "object or array"),
    ({"instanceId": "urn:a:b"}, "cannot name one"),
    ({"id": "urn:a:\u202eb"}, "URI"),
    ({"id": "urn:a:\u200bb"}, "URI"),
    ({"id": "urn:a:\u3164b"}, "URI"),
    ({"type": "type"}, r"4\.6\.2"),
    ({"location": {"type": "Property", "value": 5}}, "GeoProperty"),
    ({"location": "here"}, "GeoProperty"),
    ({"a": {"type": "Property", "value": 5, "unitCode": 7}}, "unitCode"),
    ({"a": {"type": "Property", "value": 2**70}}, "64 bits"),
    ({"a": {"type": "Relationship", "object": "no uri"}}, "URI"),
    ({"a": {"type": "Relationship", "object": []}}, "URI"),
    ({"a": {"type": "Relationship", "object": "urn:a:b", "unitCode": "GQ"}}, "no unitCode"),
    ({"a": {"type": "LanguageProperty", "languageMap": {}}}, "languageMap"),
    ({"a": {"type": "LanguageProperty", "languageMap": {"vi": 5}}}, "string"),
    ({"a": {"type": "LanguageProperty", "languageMap": {"": "x"}}}, "language tag"),
    ({"a": {"type": "VocabProperty", "vocab": 5}}, "name"),
    ({"a": {"type": "ListProperty", "valueList": 5}}, "array"),
    ({"a": {"type": "ListRelationship", "objectList": [5]}}, "URI"),
    ({"a": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [200, 16]}}}, "longitude"),
    ({"a": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [10, 1e400]}}}, "coordinates"),
    ({"a": {"type": "GeoProperty", "value": {"type": "Circle"}}}, "type"),
    ({"a": [{"value": 1}, {"value": 2}]}, "datasetId"),
    ({"a": {"value": 1, "datasetId": "x"}}, "datasetId"),
    ({"a": {"value": 1, "b": {"value": 2, "c": None}}}, "null"),
    ({"a": {"value": 1, "@context": {}}}, "@context"),
    ({"a": 1, "https://uri.etsi.org/ngsi-ld/default-context/a": 2}, "twice"),
]


@pytest.mark.parametrize(("wrong", "says"), WRONG)
def test_what_is_wrong_is_said(wrong: dict[str, Any], says: str) -> None:
    """Each mistake is Invalid with a detail that names what to mend."""
    with pytest.raises(Invalid, match=says):
        read_entity(entity() | wrong, Reading())


def test_the_error_names_entity_attribute_and_member() -> None:
    """The detail leads to the spot: entity, attribute, sub-attribute, member."""
    with pytest.raises(Invalid, match=r"urn:ngsi-ld:Thing:1: attribute pm25\.by\.object"):
        read(pm25={"value": 5, "by": {"type": "Relationship", "object": "x"}})


@pytest.mark.parametrize("document", [None, 5, "x", [], {}, {"id": "urn:a:b"}, {"type": "A"}])
def test_what_is_no_entity_is_refused(document: Any) -> None:
    """An entity is an object with id and type."""
    with pytest.raises(Invalid):
        read_entity(document, Reading())


def test_two_plain_names_with_one_meaning_are_refused() -> None:
    """A name and its full IRI together would lose one of two readings, so they are refused."""
    plain = {"type": "Property", "value": 5}
    with pytest.raises(Invalid, match="mean the same"):
        read_entity(entity(a=plain) | {"https://uri.etsi.org/ngsi-ld/default-context/a": plain}, Reading())


def test_an_expiry_is_a_moment() -> None:
    """An entity's expiresAt is a DateTime that is kept apart; what is none is refused where it stands (clause 4.22)."""
    given = read_entity(entity() | {"expiresAt": "2026-11-22T07:30:00Z"}, Reading())
    assert given.expires == from_iso("2026-11-22T07:30:00Z")
    assert "expiresAt" not in given.attrs
    assert read(a={"value": 1, "expiresAt": "2026-11-22T07:30:00Z"})["a"]["expiresAt"] == "2026-11-22T07:30:00Z"
    for bad in ("soon", "2026-13-45T00:00:00Z", 5, None, "urn:ngsi-ld:null"):
        with pytest.raises(Invalid, match="expiresAt"):
            read_entity(entity() | {"expiresAt": bad}, Reading())
        with pytest.raises(Invalid, match="expiresAt"):
            read(a={"value": 1, "expiresAt": bad})


def test_a_null_takes_an_expiry_away() -> None:
    """In updates and merges a null expiresAt makes an entity last (clause 5.5.12)."""
    assert read_fragment({"expiresAt": "urn:ngsi-ld:null"}, Reading(nulls=True)).expires == 0


def test_nesting_is_limited() -> None:
    """Values and attributes of attributes nest so deep and no deeper."""
    value: Any = 1
    attribute: Any = {"value": 1}
    for _ in range(70):
        value = [value]
        attribute = {"value": 1, "sub": attribute}
    for deep in (value, {"value": {"a": value}}, attribute):
        with pytest.raises(Invalid, match="levels deep"):
            read(a=deep)


def test_nulls_delete_where_they_may() -> None:
    """In updates and merges the null URN stands as a value, in each attribute type's own form."""
    reading = Reading(nulls=True, deep_nulls=True)
    null = "urn:ngsi-ld:null"
    given = read_fragment(
        {
            "a": null,
            "b": {"type": "Relationship", "object": null},
            "c": {"languageMap": {"@none": null}},
            "d": {"value": {"street": null}},
            "scope": null,
        },
        reading,
    )
    assert given.attrs["a"] == {"type": "Property", "value": null}
    assert given.attrs["b"]["object"] == null
    assert given.attrs["c"]["languageMap"] == {"@none": null}
    assert given.attrs["d"]["value"] == {"street": null}
    assert given.scope == ()


def test_updates_delete_whole_values_only() -> None:
    """Outside merges a null deletes an attribute, but not a part of its value (clause 5.5.4)."""
    with pytest.raises(Invalid, match=r"5\.5\.4"):
        read_fragment({"d": {"value": {"street": "urn:ngsi-ld:null"}}}, Reading(nulls=True))


def test_a_fragment_needs_neither_id_nor_type() -> None:
    """A fragment may hold attributes alone."""
    assert read_fragment({"a": 5}, Reading()) == Given("", (), {"a": {"type": "Property", "value": 5}}, None)


def test_types_and_scopes_may_be_several() -> None:
    """Types and scopes come as one or many; a scope gets its leading slash."""
    given = read_entity({"id": "urn:a:b", "@type": ["A", "B", "A"], "scope": ["VN/Hue", "/VN/Hue/PhuXuan"]}, Reading())
    assert given.types == ("A", "B")
    assert given.scope == ("/VN/Hue", "/VN/Hue/PhuXuan")


def test_names_come_in_house_form_at_every_level() -> None:
    """The user's terms for types, attributes, sub-attributes and vocabularies are all translated."""
    names = Contexts().resolve({"bụi": "https://uri.etsi.org/ngsi-ld/default-context/pm25", "x": "https://ex.org/x"})
    given = read_entity(
        {"id": "urn:a:b", "type": "x", "bụi": {"value": 5, "x": 1}, "state": {"vocab": ["x", "other"]}}, Reading(names)
    )
    assert given.types == ("https://ex.org/x",)
    assert given.attrs["pm25"]["https://ex.org/x"] == {"type": "Property", "value": 1}
    assert given.attrs["state"]["vocab"] == ["https://ex.org/x", "other"]


def test_moments_keep_how_they_were_written() -> None:
    """An observedAt is validated, and kept as it came."""
    for moment in (AT, "2026-11-22T07:30:00.123456Z", "2026-11-22T07:30:00,5Z"):
        assert read(a={"value": 1, "observedAt": moment})["a"]["observedAt"] == moment
        assert read(a={"type": "Property", "value": 1, "observedAt": moment})["a"]["observedAt"] == moment


def test_reading_is_quick() -> None:
    """A batch of 100 test entities is decoded and read at 40,000 attributes a second at the very least."""
    place = {"type": "GeoProperty", "value": POINT}
    readings = {
        name: {"type": "Property", "value": 35.5, "observedAt": AT} for name in ("pm25", "pm10", "no2", "co", "o3")
    }
    body = msgspec.json.encode([entity(**readings, location=place) for _ in range(100)])
    best = min(_seconds(body) for _ in range(5))
    assert 600 / best > 40_000


def _seconds(body: bytes) -> float:
    start = time.perf_counter()
    reading = Reading()
    for document in msgspec.json.decode(body):
        read_entity(document, reading)
    return time.perf_counter() - start
