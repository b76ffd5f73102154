"""Tests: terms become house names and come back as the same terms."""

import pytest

from dothi.ground.errors import Invalid
from dothi.hub.context import CORE, Contexts, house_name, iri_of

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"


def test_without_a_context_names_stay_as_they_are() -> None:
    """Plain words and core terms are their own house names, in both directions."""
    for name in ("pm25", "location", "nhiệtĐộ", "no2"):
        assert CORE.inward(name) == name
        assert CORE.outward(name) == name


def test_full_and_prefixed_names_of_the_core_are_shortened() -> None:
    """An IRI of the core or the default vocabulary is the same name as its short form."""
    assert CORE.inward("https://uri.etsi.org/ngsi-ld/location") == "location"
    assert CORE.inward("ngsi-ld:location") == "location"
    assert CORE.inward(DEFAULT + "pm25") == "pm25"
    assert CORE.inward("https://schema.org/name") == "https://schema.org/name"


def test_a_default_word_that_looks_like_a_core_term_stays_an_iri() -> None:
    """The default vocabulary's own `location` is not the core's location."""
    assert house_name(DEFAULT + "location") == DEFAULT + "location"
    assert iri_of("location") == "https://uri.etsi.org/ngsi-ld/location"


def test_user_terms_translate_both_ways() -> None:
    """A user's term, prefixed name and coerced term are read to IRIs and written back short."""
    names = Contexts().resolve(
        {
            "fiware": "https://uri.fiware.org/ns#",
            "speed": "fiware:speed",
            "device": {"@id": "https://ex.org/device", "@type": "@id"},
            "kind": {"@id": "fiware:kind", "@type": "@vocab"},
        }
    )
    assert names.inward("speed") == "https://uri.fiware.org/ns#speed"
    assert names.inward("fiware:speed") == "https://uri.fiware.org/ns#speed"
    assert names.inward("device") == "https://ex.org/device"
    assert names.inward("kind") == "https://uri.fiware.org/ns#kind"
    assert names.inward("pm25") == "pm25"
    assert names.outward("https://uri.fiware.org/ns#speed") == "speed"
    assert names.outward("https://uri.fiware.org/ns#other") == "fiware:other"
    assert names.outward("https://elsewhere.org/x") == "https://elsewhere.org/x"


def test_a_user_term_for_a_default_name_is_used() -> None:
    """Who calls the default vocabulary's pm25 "bụi" reads and writes "bụi"."""
    names = Contexts().resolve({"bụi": DEFAULT + "pm25"})
    assert names.inward("bụi") == "pm25"
    assert names.outward("pm25") == "bụi"


def test_a_user_term_that_hides_a_default_name_forces_the_full_one() -> None:
    """When pm25 means something else to the user, the default pm25 is said in full, never confused."""
    names = Contexts().resolve({"pm25": "https://ex.org/pm25"})
    assert names.inward("pm25") == "https://ex.org/pm25"
    assert names.outward("https://ex.org/pm25") == "pm25"
    assert names.outward("pm25") == "ngsi-ld:default-context/pm25"
    assert names.inward(names.outward("pm25")) == "pm25"


def test_core_terms_are_protected() -> None:
    """A user context cannot redefine a core term, and its @vocab gives way to the core's (clause 5.5.7)."""
    names = Contexts().resolve({"location": "https://ex.org/place", "@vocab": "https://ex.org/"})
    assert names.inward("location") == "location"
    assert names.outward("https://ex.org/place") == "https://ex.org/place"
    assert names.inward("pm25") == "pm25"


def test_terms_may_lean_on_each_other_but_not_in_circles() -> None:
    """A term may be defined by another term; a circle defines nothing."""
    names = Contexts().resolve([{"a": "https://ex.org/a"}, {"b": "a", "c": "d", "d": "c"}])
    assert names.inward("b") == "https://ex.org/a"
    assert isinstance(names.inward("c"), str)


def test_null_takes_a_term_away() -> None:
    """A later null undoes a definition (JSON-LD 1.1)."""
    assert Contexts().resolve([{"a": "https://ex.org/a"}, {"a": None}]).inward("a") == "a"
    assert Contexts().resolve([{"a": "https://ex.org/a"}, None]).inward("a") == "a"


@pytest.mark.parametrize(
    "name", ["", "1st", "with space", "pm2.5", "a-b", "<b>", "_x", "id", "type", "urn:a:\u200b", "x" * 2000, "a\x00"]
)
def test_forbidden_names_are_refused(name: str) -> None:
    """Names outside the grammar of clause 4.6.2 are Invalid, and the error shows the name."""
    with pytest.raises(Invalid, match=r"4\.6\.2"):
        CORE.inward(name)


@pytest.mark.parametrize("value", [5, {"a": {"@id": "x", "@context": {}}}, {"a": ["x"]}, {"@import": "x"}, True])
def test_what_is_no_context_is_refused(value: object) -> None:
    """Numbers, scoped contexts (clause 5.5.7) and imports are Invalid."""
    with pytest.raises(Invalid):
        Contexts().resolve(value)


def test_nesting_has_an_end() -> None:
    """A context nested absurdly deep is refused, not followed."""
    value: object = {"a": "https://ex.org/a"}
    for _ in range(50):
        value = [value]
    with pytest.raises(Invalid, match="deep"):
        Contexts().resolve(value)
