"""Tests: our term tables say what ETSI's published core contexts say."""

import json
from pathlib import Path

import pytest

from dothi.hub.context.core import KEYWORDS, KNOWN_URLS, PREFIXES, TERMS

# V1.3 left these two relative by mistake; later versions mended them.
MENDED = {"attributeCount", "attributeDetails"}


def published(shared_data: Path, version: str) -> dict[str, str]:
    """Each term of a published core context with its IRI, prefixes written out."""
    text = (shared_data / "schemas" / f"ngsi-ld-core-context-{version}.jsonld").read_text(encoding="utf-8")
    context = json.loads(text)["@context"]
    terms = {
        term: value["@id"] if isinstance(value, dict) else value for term, value in context.items() if "@" not in term
    }
    return {term: full(iri) for term, iri in terms.items()}


def full(iri: str) -> str:
    """A prefixed name written out."""
    prefix, _, rest = iri.partition(":")
    return PREFIXES[prefix] + rest if prefix in PREFIXES else iri


def test_every_term_of_v1_9_has_its_iri(shared_data: Path) -> None:
    """Our tables hold exactly the terms of V1.9, each with its IRI."""
    assert published(shared_data, "v1.9") == {**TERMS, **KEYWORDS, **PREFIXES}


def test_every_term_of_v1_3_kept_its_iri(shared_data: Path) -> None:
    """A client of V1.3 means the same IRIs as we do."""
    ours = {**TERMS, **KEYWORDS, **PREFIXES}
    theirs = published(shared_data, "v1.3")
    assert {term for term, iri in theirs.items() if ours.get(term) != iri} == MENDED


@pytest.mark.parametrize("version", ["", "-v1.0", "-v1.3", "-v1.8", "-v1.9"])
def test_core_addresses_are_built_in(version: str) -> None:
    """Each published version of the core context is known without a fetch."""
    assert f"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context{version}.jsonld" in KNOWN_URLS
