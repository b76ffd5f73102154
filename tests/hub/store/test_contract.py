"""The contract of the Store port: one suite that every adapter passes."""

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from dothi.ground.errors import Invalid
from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Event, Timer
from dothi.hub.store.codec import Doc, Entry, encode, pack, unpack
from dothi.hub.store.opening import open_store
from dothi.hub.store.port import Head, LogRow, Page, Store, Written
from dothi.hub.store.sqlite import versions
from dothi.hub.store.sqlite.store import SqliteStore

Opens = Callable[[], Store]


@pytest.fixture(params=["sqlite", "postgresql"])
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Opens:
    """Opens the same store again and again."""
    url = request.getfixturevalue("database") if request.param == "postgresql" else ""
    return lambda: open_store(tmp_path, url)


@pytest.fixture
def store(opens: Opens) -> Iterator[Store]:
    opened = opens()
    yield opened
    opened.close()


def head(store: Store, eid: int, seq: int = 1, version: int = 1, doc: bytes | None = b"{}") -> Head:
    return Head(eid, store.kind_of(("Lamp",)), version, seq, 10, 20, 0, doc)


def row(seq: int, tid: int, eids: tuple[int, ...] = (1,)) -> LogRow:
    body = encode(Doc("urn:x:1", ("Lamp",)))
    return LogRow(seq, seq * 100, tid, "user:lan", "", pack([Entry(e, 0, 1, "created", True, body) for e in eids]))


def write(store: Store, **parts: object) -> None:
    given = {name: parts.get(name, Written._field_defaults.get(name, ())) for name in Written._fields}
    with store.turn():
        store.write(Written(**given))  # type: ignore[arg-type]


def test_what_is_written_is_read(store: Store) -> None:
    """State, log, receipt, cursor and timer of one write are all there after it."""
    tid = store.tenant("", make=True) or 0
    stands = head(store, 1)
    write(
        store,
        states=[(tid, "urn:x:1", stands)],
        log=[row(1, tid)],
        receipts=[("key", b"receipt")],
        cursors=[("rules", 7)],
        timers=[Timer("rules", "a", 5, "payload")],
    )
    assert store.heads(tid, ["urn:x:1", "urn:x:2"]) == {"urn:x:1": stands}
    assert store.rows([1, 2]) == {1: stands}
    assert list(store.scan(tid, stands.kind)) == [(1, stands)]
    assert store.log(0, 10) == [row(1, tid)]
    assert store.commits([1, 2]) == {1: row(1, tid)}
    assert store.receipt("key") == b"receipt"
    assert store.receipt("other") is None
    assert (store.cursor("rules"), store.cursor("other")) == (7, 0)
    assert store.due("rules", 5, 10) == [("a", "payload")]
    assert store.due("rules", 4, 10) == []
    assert store.last() == (1, 1)


def test_a_failed_write_leaves_nothing(store: Store) -> None:
    """When one part cannot be written, no part of it is."""
    tid = store.tenant("", make=True) or 0
    write(store, states=[(tid, "urn:x:1", head(store, 1))], log=[row(1, tid)])
    with pytest.raises(Exception, match=r"(?i)unique"):
        write(store, states=[(tid, "urn:x:2", head(store, 2))], log=[row(1, tid)], cursors=[("rules", 1)])
    assert store.heads(tid, ["urn:x:2"]) == {}
    assert store.cursor("rules") == 0
    assert store.last() == (1, 1)


def test_a_reader_sees_whole_commits_only(store: Store) -> None:
    """A reader in another thread never finds a log row without its state."""
    tid = store.tenant("", make=True) or 0
    wrong: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen = store.log(0, 1000)
            rows = store.rows([one.seq for one in seen])
            wrong.extend(one.seq for one in seen if one.seq not in rows)

    reader = threading.Thread(target=watch)
    reader.start()
    for number in range(1, 60):
        state = head(store, number, seq=number)
        write(store, states=[(tid, f"urn:x:{number}", state)], log=[row(number, tid, (number,))])
    stop.set()
    reader.join()
    assert wrong == []


def test_an_update_changes_kind_and_hides_the_deleted(store: Store) -> None:
    """A new kind moves an entity to another scan; one without a document is in none."""
    tid = store.tenant("", make=True) or 0
    first = head(store, 1)
    write(store, states=[(tid, "urn:x:1", first)])
    other = first._replace(kind=store.kind_of(("Lamp", "Thing")), version=2)
    write(store, states=[(tid, "urn:x:1", other)])
    assert list(store.scan(tid, first.kind)) == []
    assert list(store.scan(tid, other.kind)) == [(1, other)]
    write(store, states=[(tid, "urn:x:1", other._replace(doc=None))])
    assert list(store.scan(tid, other.kind)) == []
    assert store.heads(tid, ["urn:x:1"])["urn:x:1"].doc is None


def test_thousands_of_new_rows_come_in_one_flush(store: Store) -> None:
    """A flush far larger than a page of a scan: all of it is there, in order of creation, and can be changed."""
    tid = store.tenant("", make=True) or 0
    states = [(tid, f"urn:x:{number}", head(store, number)) for number in range(1, 4501)]
    write(store, states=states, log=[row(1, tid)])
    assert list(store.scan(tid, states[0][2].kind)) == [(one.eid, one) for _, _, one in states]
    assert store.heads(tid, [name for _, name, _ in states]) == {name: one for _, name, one in states}
    changed = [(tid, name, one._replace(version=2, doc=b"[]")) for _, name, one in states]
    write(store, states=changed)
    assert store.rows(range(1, 4501)) == {one.eid: one for _, _, one in changed}
    assert store.last() == (1, 4500)


def test_timers_move_and_go(store: Store) -> None:
    """A timer of the same name moves; with no due time it is removed; they come oldest first."""
    write(store, timers=[Timer("rules", "a", 50), Timer("rules", "b", 40), Timer("other", "c", 1)])
    assert store.due("rules", 100, 10) == [("b", ""), ("a", "")]
    write(store, timers=[Timer("rules", "b", 60), Timer("rules", "a", None)])
    assert store.due("rules", 100, 10) == [("b", "")]


def test_events_are_appended_and_end(store: Store, tmp_path: Path) -> None:
    """A lane keeps each event once, gives them by page, kind, key and tag, and ends what is old: recordings first."""
    tid = store.tenant("", make=True) or 0
    write(store, states=[(tid, "urn:x:1", head(store, 1)), (tid, "urn:x:2", head(store, 2))])
    some = [Event("", str(n), n * 10, "smoke" if n % 3 else "crowd", {"n": n}, f"clip{n}") for n in range(1, 10)]
    write(store, events=[(1, one) for one in some])
    write(store, events=[(1, Event("", "3", 1, "other")), (2, Event("", "3", 1, "plate", tag=b"t", sealed=b"s"))])
    found = store.events(1, EventQuery())
    assert [one.key for one in found] == [str(n) for n in range(9, 0, -1)]
    assert found[6] == msgspec.structs.replace(some[2], number=3)
    assert [one.key for one in store.events(1, EventQuery(before=found[2].number, limit=2))] == ["6", "5"]
    assert [one.key for one in store.events(1, EventQuery(20, 70, ("crowd",)))] == ["6", "3"]
    assert [one.key for one in store.events(1, EventQuery(keys=("4", "40")))] == ["4"]
    assert [one.sealed for one in store.events(2, EventQuery(tag=b"t"))] == [b"s"]
    assert store.count_events(1, EventQuery(kinds=("smoke",), limit=1)) == 6
    assert store.lanes() == [(1, tid, "urn:x:1"), (2, tid, "urn:x:2")]
    write(store, disposals=[(1, 30, 60)])
    left = [(one.key, one.clip) for one in store.events(1, EventQuery(end=70))]
    assert left == [("6", "clip6"), ("5", ""), ("4", ""), ("3", "")]
    assert store.count_events(2, EventQuery()) == 1


def test_a_store_of_the_first_version_is_taken_further(tmp_path: Path) -> None:
    """A file written before there were lanes and an outbox gets them, and keeps what it held."""
    store = SqliteStore(tmp_path / "hub.db")
    tid = store.tenant("", make=True) or 0
    write(store, states=[(tid, "urn:x:1", head(store, 1))], log=[LogRow(7, 70, tid, "system:test", "", b"")])
    later = ("event", "parcel", "tally", "page", "position", "digest")
    store._writer.executescript(f"{''.join(f'DROP TABLE {name};' for name in later)} PRAGMA user_version = 1;")
    store.close()
    with pytest.raises(Invalid, match="run `dothi migrate`"):
        SqliteStore(tmp_path / "hub.db")
    versions.migrate(tmp_path / "hub.db")
    store = SqliteStore(tmp_path / "hub.db")
    write(store, events=[(1, Event("", "a", 5, "smoke"))])
    assert [one.key for one in store.events(1, EventQuery())] == ["a"]
    assert set(store.heads(tid, ["urn:x:1"])) == {"urn:x:1"}
    assert store.last() == (7, 1)
    with store.turn() as position:
        assert position == (7, 1, 70)
    store.close()


def test_pages_are_kept_in_order_and_removed(store: Store) -> None:
    """A page is replaced by the same number, told in order, and gone with None; books do not mix."""
    write(store, pages=[Page("salts", 2, b"two"), Page("salts", 1, b"one"), Page("seals", 1, b"other")])
    write(store, pages=[Page("salts", 1, b"uno"), Page("salts", 2, None), Page("salts", 3, b"three")])
    assert store.pages("salts", 0, 10) == [(1, b"uno"), (3, b"three")]
    assert store.pages("salts", 1, 1) == [(3, b"three")]
    assert (store.page("salts", 2), store.page("seals", 1)) == (None, b"other")


class Kept:
    """The commits that were sealed, kept in a dict."""

    def __init__(self, rows: list[LogRow]) -> None:
        """By sequence."""
        self.rows = {row.seq: row for row in rows}

    def commits(self, seqs: Iterable[int]) -> dict[int, LogRow]:
        return {seq: self.rows[seq] for seq in seqs if seq in self.rows}

    def log(self, after: int, until: int, limit: int) -> list[LogRow]:
        return [row for seq, row in sorted(self.rows.items()) if after < seq <= until]


def test_what_is_sealed_is_told_by_who_keeps_it(store: Store) -> None:
    """Commits leave the hot log, every answer stays, and no number is given out twice."""
    rows = [LogRow(seq, 10 * seq, 1, "system:test", "", b"%d" % seq) for seq in range(1, 7)]
    write(store, log=rows)
    store.older = Kept(rows[:4])
    write(store, sealed=(0, 4))
    for after, limit in ((0, 10), (0, 3), (2, 2), (2, 3), (4, 10), (6, 10)):
        assert store.log(after, limit) == rows[after : after + limit]
    assert store.commits((2, 5, 9)) == {2: rows[1], 5: rows[4]}
    write(store, sealed=(4, 6))
    store.older = Kept(rows)
    assert store.log(3, 10) == rows[3:]
    assert store.last()[0] == 6
    with store.turn() as position:
        assert (position.seq, position.at) == (6, 60)


def test_what_is_erased_is_written_anew_or_goes(store: Store) -> None:
    """A commit keeps its place with other content; a forgotten row is gone, and its number is not given again."""
    tid = store.tenant("", make=True) or 0
    write(
        store,
        states=[(tid, f"urn:x:{eid}", head(store, eid)) for eid in (1, 2)],
        log=[LogRow(1, 5, tid, "a", "r", b"x")],
    )
    write(store, rewritten=[LogRow(1, 5, tid, "a", "", b"y")], forgotten=[2])
    assert store.commits((1,)) == {1: LogRow(1, 5, tid, "a", "", b"y")}
    assert set(store.heads(tid, ["urn:x:1", "urn:x:2"])) == {"urn:x:1"}
    assert store.last() == (1, 2)


def test_tenants_and_kinds_keep_their_numbers(store: Store, opens: Opens) -> None:
    """The same name gets the same number, also after opening again."""
    assert store.tenant("hue") is None
    tid = store.tenant("hue", make=True)
    kind = store.kind_of(("A", "B"))
    assert store.tenant("hue", make=True) == tid
    assert store.kind_of(("A", "B")) == kind != store.kind_of(("B", "A"))
    assert store.tenant_name(tid or 0) == "hue"
    again = opens()
    assert (again.tenant("hue"), again.kind_of(("A", "B"))) == (tid, kind)
    again.close()


def test_a_foreign_or_newer_file_is_refused(tmp_path: Path) -> None:
    """A file that is not ours, or of a newer version, is refused in one clear sentence and not touched."""
    store = SqliteStore(tmp_path / "hub.db")
    store._writer.execute("PRAGMA user_version = 999")
    store.close()
    before = (tmp_path / "hub.db").read_bytes()
    with pytest.raises(Invalid, match="newer dothi"):
        SqliteStore(tmp_path / "hub.db")
    assert (tmp_path / "hub.db").read_bytes() == before
    (tmp_path / "text.db").write_text("this is no database, but long enough to look at " * 40)
    with pytest.raises(Invalid, match="not a file of dothi"):
        SqliteStore(tmp_path / "text.db")


def test_a_blob_gives_back_each_entry_alone() -> None:
    """One entity's entries are found in a packed commit without its neighbours."""
    entries = [Entry(eid, eid * 2, 3, "updated", eid % 2 == 0, b"x" * eid) for eid in (1, 2, 3, 2)]
    blob = pack(entries)
    assert list(unpack(blob)) == entries
    assert list(unpack(blob, 2)) == [entries[1], entries[3]]
    assert list(unpack(blob, 9)) == []
