"""dothi's own vocabulary as a JSON-LD context document, so that any client can give its names their full meaning."""

from dothi.hub.context.core import DEFAULT_VOCAB, TERMS
from dothi.hub.vocabulary import NOUNS

VOCABULARY_PATH = "/vocabulary.jsonld"  # Below /ngsi-ld/v1.


def vocabulary_document() -> dict[str, object]:
    """The @context of the shared types and attributes; core terms are left to the core context."""
    words = sorted({*NOUNS, *(name for noun in NOUNS.values() for name in noun.attributes)} - TERMS.keys())
    return {"@context": {word: DEFAULT_VOCAB + word for word in words}}
