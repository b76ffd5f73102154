"""Tests: the terms of the Smart Data Models mean what their published contexts say, and need no network."""

import json
from pathlib import Path

import pytest

from dothi.hub.context import Contexts
from dothi.hub.context.core import KEYWORDS, PREFIXES, TERMS
from dothi.hub.context.subjects import subject_terms, subjects

RAW = "https://raw.githubusercontent.com/smart-data-models/dataModel.{}/master/context.jsonld"


def published(shared_data: Path, subject: str) -> dict[str, str]:
    """Each term of a published context with its IRI."""
    file = shared_data / "schemas" / "smart-data-models" / f"dataModel.{subject}.jsonld"
    context = json.loads(file.read_text(encoding="utf-8"))["@context"]
    return {term: value["@id"] if isinstance(value, dict) else value for term, value in context.items()}


@pytest.mark.parametrize("subject", sorted(subjects()))
def test_every_term_has_its_iri(shared_data: Path, subject: str) -> None:
    """Our table of a subject and the core together hold exactly what its published context defines."""
    theirs = published(shared_data, subject)
    core = {**TERMS, **KEYWORDS, **PREFIXES}
    ours = subjects()[subject]
    assert ours.keys() & core.keys() == set()
    assert {term: iri for term, iri in theirs.items() if term not in core} == ours
    assert {term for term, iri in theirs.items() if term in core and core[term] != iri} == set()


@pytest.mark.parametrize(
    "address",
    [
        RAW.format("Environment"),
        RAW.format("Environment").replace("/master/", "/refs/heads/master/"),
        "https://smart-data-models.github.io/dataModel.Environment/context.jsonld",
    ],
)
def test_known_by_the_addresses_of_the_examples(address: str) -> None:
    """Each address that published examples name is known, and its terms are read and written back."""
    contexts = Contexts()
    names = contexts.resolve([address, "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"])
    iri = "https://smartdatamodels.org/dataModel.Environment/AirQualityObserved"
    assert names.inward("AirQualityObserved") == iri
    assert names.outward(iri) == "AirQualityObserved"
    assert names.inward("location") == "location"
    assert contexts.knows(address)


def test_other_subjects_are_not_made_up() -> None:
    """A subject that is not in our table is nothing that we know."""
    assert subject_terms(RAW.format("Aeronautics")) is None
