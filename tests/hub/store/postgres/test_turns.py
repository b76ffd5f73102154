"""A database that goes away is said to be away, never waited for without end; what it was writing has a known fate."""

import threading
import time
from collections.abc import Iterator

import pytest

from dothi.ground.errors import Unavailable
from dothi.hub.store.port import Head, LogRow, Written
from dothi.hub.store.postgres.store import PostgresStore
from tests.servers.postgres import Server, serving
from tests.servers.wire import Wire, wire


@pytest.fixture
def line(postgres: Server) -> Iterator[Wire]:
    """A wire to the server that can be cut."""
    with wire(postgres.port) as made:
        yield made


@pytest.fixture
def far(postgres: Server, database: str, line: Wire) -> Iterator[PostgresStore]:
    """A store at the other end of the wire, which gives up after a second."""
    url = database.replace(f":{postgres.port}/", f":{line.port}/")
    store = PostgresStore(f"{url}?timeout=1")
    yield store
    store.close()


def written(store: PostgresStore, seq: int) -> Written:
    head = Head(seq, store.kind_of(("Lamp",)), 1, seq, 10, 20, 0, b"{}")
    return Written([(1, f"urn:x:{seq}", head)], [LogRow(seq, 100, 1, "user:lan", "", b"blob")], (), (), ())


def test_a_silent_network_is_unavailable_in_seconds_and_mends_itself(far: PostgresStore, line: Wire) -> None:
    """Reading and writing over a cut cable raise Unavailable in time; when it is mended both go on."""
    far.tenant("", make=True)
    far.write(written(far, 1))
    line.silence()
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="does not answer"):
        far.rows([1])
    with pytest.raises(Unavailable, match="does not answer"):
        far.write(written(far, 2))
    assert time.monotonic() - begun < 8
    line.mend()
    assert set(far.rows([1, 2])) == {1}
    far.write(written(far, 2))
    assert far.last() == (2, 2)


def test_a_torn_connection_leaves_nothing_half_written(far: PostgresStore, line: Wire) -> None:
    """Cut while the rows of a flush are on their way: nothing of it is there, and the next one is whole."""
    far.tenant("", make=True)
    far.write(written(far, 1))
    line.watch = lambda data: b"urn:x:2" in data
    with pytest.raises(Unavailable):
        far.write(written(far, 2))
    line.mend()
    assert far.last() == (1, 1)
    assert set(far.rows([1, 2])) == {1}
    far.write(written(far, 2))
    assert set(far.rows([1, 2])) == {1, 2}


def test_a_commit_without_an_answer_is_asked_after(far: PostgresStore, line: Wire) -> None:
    """The cable goes just behind COMMIT: it was written, and the writer is told so once the cable is mended."""
    far.tenant("", make=True)
    far.write(written(far, 1))
    line.watch = lambda data: data.startswith(b"Q") and b"COMMIT" in data
    mending = threading.Timer(0.5, line.mend)
    mending.start()
    far.write(written(far, 2))
    mending.join()
    assert far.last() == (2, 2)
    assert set(far.rows([1, 2])) == {1, 2}


def test_a_commit_that_never_arrived_is_told_as_lost(far: PostgresStore, line: Wire) -> None:
    """The cable goes just before COMMIT: nothing was written, and the writer is told so."""
    far.tenant("", make=True)
    far.write(written(far, 1))

    def before(data: bytes) -> bool:
        if data.startswith(b"Q") and b"COMMIT" in data:
            line.watch = None
            line.tear()
            raise OSError
        return False

    line.watch = before
    mending = threading.Timer(0.5, line.mend)
    mending.start()
    with pytest.raises(Unavailable, match="does not answer"):
        far.write(written(far, 2))
    mending.join()
    assert far.last() == (1, 1)


def test_a_server_that_was_killed_is_found_again() -> None:
    """Killed as by a power cut and started again: what was answered is there, and writing goes on by itself."""
    with serving() as server:
        store = PostgresStore(server.fresh() + "?timeout=2")
        store.tenant("", make=True)
        store.write(written(store, 1))
        server.kill()
        with pytest.raises(Unavailable):
            store.rows([1])
        with pytest.raises(Unavailable):
            store.write(written(store, 2))
        server.start()
        assert set(store.rows([1])) == {1}
        store.write(written(store, 2))
        assert store.last() == (2, 2)
        store.close()


def test_positions_are_given_one_process_at_a_time(database: str) -> None:
    """Four stores over one database write in turns: no sequence is given twice, none is left out."""
    stores = [PostgresStore(database) for _ in range(4)]
    tid = stores[0].tenant("", make=True) or 0
    kind = stores[0].kind_of(("Lamp",))

    def work(store: PostgresStore) -> None:
        for _ in range(25):
            with store.turn() as (seq, eid, _):
                head = Head(eid + 1, kind, 1, seq + 1, 1, 1, 0, b"{}")
                row = LogRow(seq + 1, 100, tid, store.name, "", b"blob")
                store.write(Written([(tid, f"urn:x:{eid + 1}", head)], [row], (), (), ()))

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert stores[0].last() == (100, 100)
    rows = stores[1].log(0, 1000)
    assert [row.seq for row in rows] == list(range(1, 101))
    assert {row.actor for row in rows} == {store.name for store in stores}
    assert stores[2].kinds(tid) == {kind: ("Lamp",)}
    for store in stores:
        store.close()


def test_who_listens_hears_of_others_and_one_leads(database: str) -> None:
    """Another process's commit rings at once; the lock of the leader passes on when it resigns or its line ends."""
    one, other = PostgresStore(database), PostgresStore(database)
    one.tenant("", make=True)
    heard, lost = threading.Event(), threading.Event()
    other.listen(heard.set)
    assert heard.wait(5)  # It may have missed something before.
    time.sleep(0.2)
    heard.clear()
    one.write(written(one, 1))
    assert heard.wait(0.9)
    assert one.lead(lost.set)
    assert not other.lead(lost.set)
    one.resign()
    assert other.lead(lost.set)
    assert not lost.is_set()
    one.close()
    other.close()
