"""Tests: the terms of the Smart Data Models mean what their published contexts say, and need no network."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from dothi.hub.context import Contexts
from dothi.hub.context.core import KEYWORDS, PREFIXES, TERMS
from dothi.hub.context.subjects import subject_terms, subjects

RAW = "https://raw.githubusercontent.com/smart-data-models/dataModel.{}/master/context.jsonld"

# Of each published context as read on 22/11/2026: its terms beyond the core, and the SHA-256 of their table.
READ = {
    "Alert": (35, "c9cf7100386e87ca723cd8ebc2bc1ac305148f287c39b26601e5091a44a8c6a7"),
    "Device": (156, "8c96836905c1b27580f12c5a49dd955be6afb56c321390babcb812e9c93bff05"),
    "Environment": (222, "00fadd04742dc53b3283d916d88248c33639e21267754071e14817272fb4e09e"),
    "IssueTracking": (64, "15672f15f36aacd62e6e039377c89038e26316ada1e12dc94e676bb8af198d20"),
    "KeyPerformanceIndicator": (41, "b76ee591e8d466988a86a459274d83e93a1778c83cb9fdc09a9d03b53da6f3ec"),
    "Parking": (98, "3d8e6c2a5f672bb0728b3b2fdbceb1ebd4159827952a889a9fd70aeafd56253d"),
    "Streetlighting": (144, "aa379078596a5e5deb7c003517e1f73472d7e62f7fd7d14bd8a7bb56dec975d1"),
    "Transportation": (492, "6abbc4466304c25ffc52f158342fdeed00bd412aa9ca8ce332f499de827841b4"),
    "WasteManagement": (78, "b606ec23c5a2660f301faec8daaa2c378ccd75a6d88ed2569f89317213d67606"),
    "WaterConsumption": (31, "706dbf9a0baa79d029fc7aa9c2c088f51c120186fec025526ddecd0fd241b1cd"),
    "Weather": (75, "325b132a4c68089822cbce479fc90d3e07d8d9ede858bded465a33084512d23f"),
}


def published(shared_data: Path, subject: str) -> dict[str, str]:
    """Each term of a published context with its IRI."""
    file = shared_data / "schemas" / "smart-data-models" / f"dataModel.{subject}.jsonld"
    if not file.is_file():
        pytest.skip(f"left out: {file.name} is not among the shared data; the table is compared with its hash alone")
    context = json.loads(file.read_text(encoding="utf-8"))["@context"]
    return {term: value["@id"] if isinstance(value, dict) else value for term, value in context.items()}


def test_the_tables_are_those_that_were_compared() -> None:
    """Our tables hold what the published contexts held when they were read, term by term, and nothing else."""
    told = {
        subject: (len(terms), sha256(json.dumps(terms, sort_keys=True, ensure_ascii=False).encode()).hexdigest())
        for subject, terms in subjects().items()
    }
    assert told == READ


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
