"""Both stores tell the same: random operations on the two side by side, every answer of the one is the other's."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Event, Parcel, Post, Timer
from dothi.hub.store.opening import open_store
from dothi.hub.store.port import Head, LogRow, Page, Store, Written
from tests.servers.postgres import Server


class Long(str):
    """A text too long for any index, which is not printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} letters>"


LONG = Long("ê" * 4000)
WORDS = st.sampled_from(["a", "b", "đ", "\x00", "\x01\x02", LONG, "'; --", ""])
SMALL = st.integers(0, 5)
BODIES = st.binary(max_size=40)
TYPES = st.sampled_from([("Lamp",), ("Lamp", "Thing"), ("Đèn",), (LONG,)])


@st.composite
def flushes(draw: st.DrawFn) -> dict[str, Any]:
    """What one flush may hold, of few names, so that operations meet."""
    return {
        "tenant": draw(st.sampled_from(["", "hue"])),
        "states": draw(st.dictionaries(WORDS, st.tuples(TYPES, st.none() | BODIES), max_size=4)),
        "log": draw(st.lists(st.tuples(WORDS, WORDS, BODIES), max_size=3)),
        "receipts": draw(st.lists(st.tuples(WORDS, BODIES), max_size=3)),
        "cursors": draw(st.lists(st.tuples(WORDS, SMALL), max_size=3)),
        "timers": draw(
            st.lists(st.builds(Timer, st.sampled_from(["rules", "other"]), WORDS, st.none() | SMALL, WORDS), max_size=4)
        ),
        "events": draw(st.lists(st.tuples(SMALL, WORDS, SMALL, WORDS, BODIES), max_size=4)),
        "disposals": draw(st.lists(st.tuples(SMALL, SMALL, SMALL), max_size=1)),
        "posts": draw(st.lists(posts(), max_size=1)),
        "pages": draw(st.lists(st.builds(Page, WORDS, SMALL, st.none() | BODIES), max_size=4)),
        "sealed": draw(st.none() | st.just((0, 1))),
        "rewritten": draw(st.lists(st.tuples(st.integers(1, 4), WORDS, BODIES), max_size=1)),
        "forgotten": draw(st.lists(st.integers(1, 4), max_size=1)),
    }


@st.composite
def posts(draw: st.DrawFn) -> Post:
    parcel = st.builds(Parcel, st.integers(1, 6), WORDS, SMALL, SMALL, SMALL, WORDS, BODIES)
    tallies = st.dictionaries(WORDS, BODIES, max_size=2)
    kept = st.lists(parcel, max_size=3, unique_by=lambda one: one.number).map(tuple)
    return draw(st.builds(Post, kept, st.tuples(SMALL), st.lists(WORDS, max_size=1).map(tuple), tallies))


def apply(store: Store, drawn: dict[str, Any], ids: dict[tuple[str, str], tuple[int, int]]) -> None:
    """Write what was drawn as the writer would: rows and sequences follow what the turn says."""
    tid = store.tenant(drawn["tenant"], make=True) or 0
    with store.turn() as (seq, eid, at):
        states = []
        for name, (types, doc) in drawn["states"].items():
            key = (drawn["tenant"], name)
            if key not in ids:
                eid += 1
            row, version = ids.get(key, (eid, 0))
            ids[key] = (row, version + 1)
            states.append((tid, name, Head(row, store.kind_of(types), version + 1, seq, 1, 2, 3, doc)))
        log = [
            LogRow(seq + n, at + n, tid, actor, why, blob) for n, (actor, why, blob) in enumerate(drawn["log"], start=1)
        ]
        known = {row for row, _ in ids.values()}
        store.write(
            Written(
                states,
                log,
                drawn["receipts"],
                drawn["cursors"],
                drawn["timers"],
                [
                    (row, Event("", key, when, kind, {"n": when}, key, tag, tag))
                    for row, key, when, kind, tag in drawn["events"]
                    if row in known
                ],
                drawn["disposals"],
                drawn["posts"],
                drawn["pages"],
                drawn["sealed"],
                [LogRow(number, 7, tid, "", why, blob) for number, why, blob in drawn["rewritten"]],
                [row for row in drawn["forgotten"] if row in known],
            )
        )
    for row in drawn["forgotten"]:
        for key in [key for key, (eid, _) in ids.items() if eid == row]:
            del ids[key]


def answers(store: Store, names: list[str]) -> dict[str, Any]:
    """Everything that a store can be asked about what few names there are; numbers of kinds told as their types."""
    tids = {name: store.tenant(name) for name in ("", "hue")}

    def plain(head: Head) -> tuple[Any, ...]:
        return (*head._replace(kind=0), store.types_of(head.kind))

    told: dict[str, Any] = {"last": store.last(), "tenants": sorted(store.tenants()), "log": _log(store, tids)}
    for name, tid in tids.items():
        if tid is not None:
            every = store.kinds(tid)
            told[f"heads {name}"] = [(key, plain(head)) for key, head in store.heads(tid, names).items()]
            told[f"bare {name}"] = {key: plain(head) for key, head in store.heads(tid, names, docs=False).items()}
            told[f"scan {name}"] = {
                types: [(row, plain(head)) for row, head in store.scan(tid, kind)] for kind, types in every.items()
            }
            told[f"ever {name}"] = store.ever(tid, every)
    told["rows"] = {row: plain(head) for row, head in store.rows(range(12)).items()}
    told["receipts"] = [store.receipt(name) for name in names]
    told["cursors"] = [store.cursor(name) for name in names]
    told["due"] = [store.due(who, 4, limit) for who in ("rules", "other") for limit in (2, 100)]
    told["events"] = [_events(store, row) for row in range(8)]
    told["parcels"] = [store.parcels(name, dead, 1, 5) for name in names for dead in (True, False)]
    told["outbox"] = store.parcel_counts(), store.tallies(), store.last_parcel()
    told["pages"] = [(store.pages(name, 0, 10), store.page(name, 2)) for name in names]
    return told


def _log(store: Store, tids: dict[str, int | None]) -> list[Any]:
    """The log in pages and by sequence, with the names of tenants for their numbers."""
    rows = [*store.log(0, 3), *store.log(2, 100), *store.commits(range(9)).values()]
    return [(*row._replace(tid=0), store.tenant_name(row.tid)) for row in rows]


def _events(store: Store, row: int) -> list[Any]:
    asked = [
        EventQuery(),
        EventQuery(1, 4),
        EventQuery(kinds=("a", "đ")),
        EventQuery(keys=("\x00", "a")),
        EventQuery(clips=True),
    ]
    return [(store.count_events(row, one), store.events(row, one)) for one in asked]


def agree(one: dict[str, Any], other: dict[str, Any]) -> None:
    """The first answer that differs fails."""
    for asked, told in one.items():
        assert told == other[asked], asked


@pytest.fixture(scope="module")
def fresh(postgres: Server) -> Callable[[], str]:
    """Databases for many rounds."""
    return postgres.fresh


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(flushes(), min_size=1, max_size=6))
def test_every_answer_is_the_others(fresh: Callable[[], str], drawn: list[dict[str, Any]]) -> None:
    """After every flush all answers are equal; after opening again too."""
    names = ["a", "b", "đ", "\x00", "\x01\x02", LONG, "'; --", "", "never"]
    url = fresh()
    with tempfile.TemporaryDirectory() as folder:
        one, other = open_store(Path(folder)), open_store(Path(folder), url)
        mine: dict[tuple[str, str], tuple[int, int]] = {}
        theirs: dict[tuple[str, str], tuple[int, int]] = {}
        try:
            for flush in drawn:
                apply(one, flush, mine)
                apply(other, flush, theirs)
                agree(answers(one, names), answers(other, names))
            again = open_store(Path(folder), url)
            agree(answers(one, names), answers(again, names))
            again.close()
        finally:
            one.close()
            other.close()
