"""Tests: the vocabulary we publish reads back as our own names."""

from dothi.hub.context import Contexts
from dothi.hub.context.published import vocabulary_document
from dothi.hub.vocabulary import NOUNS


def test_the_published_vocabulary_changes_no_name() -> None:
    """A client that uses our vocabulary document writes and reads exactly the house names."""
    document = vocabulary_document()
    names = Contexts().resolve(document["@context"])
    for kind, noun in NOUNS.items():
        for name in (kind, *noun.attributes):
            assert names.inward(name) == name
            assert names.outward(name) == name
