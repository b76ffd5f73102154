"""The outbox: what is still owed to somebody outside is kept until it is delivered, in order, queue by queue."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dothi.hub.model import Parcel, Post
from dothi.hub.store.port import Written
from dothi.hub.store.sqlite.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "hub.db")
    yield opened
    opened.close()


def post(store: SqliteStore, *posts: Post) -> None:
    store.write(Written((), (), (), [("notify", 7)], (), posts=posts))


def test_parcels_wait_in_order_until_they_are_gone(store: SqliteStore) -> None:
    """What is kept comes back in the order of numbers, changed as it was written last, until it is forgotten."""
    one, two, three = (Parcel(n, "a", 100 + n, body=b"x%d" % n) for n in (1, 2, 3))
    post(store, Post(kept=(two, one)), Post(kept=(three, Parcel(4, "b", 5))))
    assert store.parcels("a", False, 0, 10) == [one, two, three]
    assert store.parcels("a", False, 1, 1) == [two]
    failed = Parcel(2, "a", 102, tries=3, dead=999, reason="refused", body=b"x2")
    post(store, Post(kept=(failed,), gone=(1,)))
    assert store.parcels("a", False, 0, 10) == [three]
    assert store.parcels("a", True, 0, 10) == [failed]
    assert store.parcel_counts() == {"a": (1, 1), "b": (1, 0)}
    assert store.last_parcel() == 4
    assert store.cursor("notify") == 7


def test_a_queue_that_ends_takes_all_with_it(store: SqliteStore) -> None:
    """A closed queue has neither parcels nor a tally; the others keep theirs."""
    post(store, Post(kept=(Parcel(1, "a", 1), Parcel(2, "b", 1)), tallies={"a": b"1", "b": b"2"}))
    post(store, Post(closed=("a",)))
    assert store.parcel_counts() == {"b": (1, 0)}
    assert store.tallies() == {"b": b"2"}
