"""Tests: a cached context holds as long as its server says, and an old copy is better than none (clause 6.3.16)."""

import asyncio
from datetime import UTC, datetime

import pytest

from dothi.ground.errors import ContextUnavailable, Invalid
from dothi.hub.context import Contexts
from dothi.hub.context.contexts import BROKEN_S, FRESH_S
from dothi.hub.context.fetch import Fetched, freshness

NOW = datetime(2026, 11, 22, 7, 0, 0, tzinfo=UTC)
ADDRESS = "http://vocab.example/city/context.jsonld"


class Web:
    """Documents by address, a clock, and what was asked."""

    def __init__(self, **documents: object) -> None:
        """Each document by the last part of its address; a Fetched, an exception, or the context itself."""
        self.documents, self.now, self.asked = documents, 0.0, 0

    def fetch(self, address: str) -> Fetched:
        """What the address holds now."""
        self.asked += 1
        found = self.documents[address.rpartition("/")[2].partition(".")[0]]
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, Fetched) else Fetched({"@context": found})

    def contexts(self) -> Contexts:
        """Contexts that read this web."""
        return Contexts(["vocab.example"], fetch=self.fetch, clock=lambda: self.now)


def meaning(contexts: Contexts, term: str) -> str:
    """What a term means in the context at ADDRESS."""
    return asyncio.run(contexts.obtain(ADDRESS)).inward(term)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"cache-control": "public, max-age=60"}, 60.0),
        ({"cache-control": "max-age=60, s-maxage=5"}, 5.0),
        ({"cache-control": "no-store"}, 0.0),
        ({"cache-control": "no-cache"}, 0.0),
        ({"expires": "Sun, 22 Nov 2026 07:01:00 GMT"}, 60.0),
        ({"expires": "Sun, 22 Nov 2026 06:00:00 GMT"}, 0.0),
        ({"expires": "0"}, 0.0),
        ({"cache-control": "max-age=10", "expires": "Sun, 22 Nov 2026 07:01:00 GMT"}, 10.0),
    ],
)
def test_how_long_an_answer_holds(headers: dict[str, str], seconds: float | None) -> None:
    """Cache-Control goes before Expires; a date that cannot be read is in the past; silence says nothing."""
    assert freshness(headers, NOW) == seconds


def test_it_is_fetched_again_when_its_time_is_over() -> None:
    """Until then it comes from memory; where the server says nothing it holds a day."""
    web = Web(context=Fetched({"@context": {"a": "urn:x:1"}}, 60.0))
    contexts = web.contexts()
    assert (meaning(contexts, "a"), meaning(contexts, "a"), web.asked) == ("urn:x:1", "urn:x:1", 1)
    web.documents["context"] = {"a": "urn:x:2"}
    web.now = 61.0
    assert (meaning(contexts, "a"), web.asked) == ("urn:x:2", 2)
    web.now += FRESH_S - 1
    assert (meaning(contexts, "a"), web.asked) == ("urn:x:2", 2)


@pytest.mark.parametrize("broken", [OSError("refused"), Fetched({"no": "context"}), Fetched({"@context": 7})])
def test_an_old_copy_is_better_than_none(broken: object) -> None:
    """Where it cannot be fetched again, or came back broken, the copy serves on, and is tried again soon."""
    web = Web(context=Fetched({"@context": {"a": "urn:x:1"}}, 60.0))
    contexts = web.contexts()
    assert meaning(contexts, "a") == "urn:x:1"
    web.documents["context"], web.now = broken, 61.0
    assert (meaning(contexts, "a"), meaning(contexts, "a"), web.asked) == ("urn:x:1", "urn:x:1", 2)
    web.documents["context"], web.now = {"a": "urn:x:2"}, 61.0 + BROKEN_S
    assert (meaning(contexts, "a"), web.asked) == ("urn:x:2", 3)


@pytest.mark.parametrize(("broken", "kind"), [(OSError("refused"), ContextUnavailable), (Fetched([]), Invalid)])
def test_a_broken_one_is_never_kept_for_long(broken: object, kind: type[Exception]) -> None:
    """A failure is remembered for seconds, so that a dead host is not asked by every request, then tried again."""
    web = Web(context=broken)
    contexts = web.contexts()
    for _ in range(2):
        with pytest.raises(kind):
            meaning(contexts, "a")
    assert web.asked == 1
    web.documents["context"], web.now = {"a": "urn:x:1"}, BROKEN_S
    assert meaning(contexts, "a") == "urn:x:1"


def test_addresses_in_a_document_are_relative_to_it() -> None:
    """A fetched context may name its neighbours by relative addresses (JSON-LD 1.1, 4.1.3)."""
    web = Web(
        context=["other.jsonld", "../third.jsonld", {"a": "urn:x:1"}], other={"b": "urn:x:2"}, third={"c": "urn:x:3"}
    )
    contexts = web.contexts()
    assert [meaning(contexts, term) for term in "abc"] == ["urn:x:1", "urn:x:2", "urn:x:3"]
