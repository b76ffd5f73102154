"""Stores of every earlier version are taken to this one; killed between two steps they go on; others are refused."""

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from dothi.cli import main
from dothi.command.keeping import migrating
from dothi.ground.errors import Conflict, Invalid
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import prop
from dothi.hub.store.codec import Doc, Entry, encode, pack
from dothi.hub.store.opening import take
from dothi.hub.store.sqlite import schema, versions
from tests.command.cities import City, at_work, told

# The tables as each version made them, written down anew: what a city of that time has on its disk.
V1 = """
PRAGMA application_id = 1685025896;
CREATE TABLE tenant (tid INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE kind (kind INTEGER PRIMARY KEY, types TEXT NOT NULL UNIQUE);
CREATE TABLE entity (
  eid INTEGER PRIMARY KEY, tid INTEGER NOT NULL, id TEXT NOT NULL, kind INTEGER NOT NULL, version INTEGER NOT NULL,
  seq INTEGER NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL, ahead INTEGER NOT NULL, doc BLOB);
CREATE UNIQUE INDEX entity_id ON entity (tid, id);
CREATE INDEX entity_kind ON entity (tid, kind);
CREATE TABLE log (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, tid INTEGER NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL,
  blob BLOB NOT NULL);
CREATE TABLE receipt (key TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE cursor (consumer TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE timer (consumer TEXT, name TEXT, due INTEGER NOT NULL, payload TEXT NOT NULL,
  PRIMARY KEY (consumer, name)) WITHOUT ROWID;
CREATE INDEX timer_due ON timer (consumer, due);
"""
V2 = """
CREATE TABLE event (
  number INTEGER PRIMARY KEY, eid INTEGER NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, known INTEGER NOT NULL,
  kind TEXT NOT NULL, facts BLOB NOT NULL, clip TEXT NOT NULL, tag BLOB NOT NULL, sealed BLOB NOT NULL);
CREATE UNIQUE INDEX event_key ON event (eid, key);
CREATE INDEX event_at ON event (eid, at);
CREATE INDEX event_tag ON event (tag) WHERE tag <> x'';
INSERT INTO event VALUES (1, 1, 'a', 5, 6, 'smoke', '{}', '', x'', x'');
"""
V3 = """
CREATE TABLE parcel (
  number INTEGER PRIMARY KEY, queue TEXT NOT NULL, made INTEGER NOT NULL, tries INTEGER NOT NULL, dead INTEGER NOT NULL,
  reason TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX parcel_queue ON parcel (queue, dead, number);
CREATE TABLE tally (queue TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO parcel VALUES (1, 'q', 2, 3, 0, '', x'00');
"""
V4 = """
CREATE TABLE page (book TEXT, number INTEGER, body BLOB NOT NULL, PRIMARY KEY (book, number)) WITHOUT ROWID;
CREATE TABLE position (
  one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, eid INTEGER NOT NULL, at INTEGER NOT NULL);
INSERT INTO position SELECT 1, (SELECT coalesce(max(seq), 0) FROM log), (SELECT coalesce(max(eid), 0) FROM entity),
  (SELECT coalesce(max(at), 0) FROM log);
"""
GROWN = {1: V1, 2: V2, 3: V3, 4: V4}
ROWS = 300


def old_hub(data: Path, version: int) -> Path:
    """A hub's file of an earlier version, filled, as its dothi left it."""
    path = data / "hub/hub.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL;" + V1)
        connection.execute("INSERT INTO tenant VALUES (1, '')")
        connection.execute("INSERT INTO kind VALUES (1, ?)", (json.dumps(["Lamp"]),))
        for number in range(1, ROWS + 1):
            doc = encode(Doc(f"urn:x:{number}", ("Lamp",), {"power": prop(number)}))
            at = 1_000 * number
            row = (number, 1, f"urn:x:{number}", 1, 1, number, at, at, 0, doc)
            connection.execute("INSERT INTO entity VALUES (?,?,?,?,?,?,?,?,?,?)", row)
            blob = pack([Entry(number, 0, 1, "created", True, doc)])
            connection.execute("INSERT INTO log VALUES (?,?,?,?,?,?)", (number, at, 1, "system:old", "", blob))
        connection.execute("INSERT INTO cursor VALUES ('eye', 7)")
        connection.execute("INSERT INTO timer VALUES ('eye', 'ring', 1, 'bell')")
        connection.execute("INSERT INTO receipt VALUES ('a-key', ?)", (b"[5,5000,[]]",))
        for number in range(2, version + 1):
            connection.executescript(GROWN[number])
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
    return path


def prints(folder: Path) -> dict[str, str]:
    """The hash of every file of a folder."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_every_earlier_version_is_taken_to_this_one(version: int, tmp_path: Path) -> None:
    """The dry run tells what and touches nothing; after it all stands as before, and what was is kept beside it."""
    path = old_hub(tmp_path, version)
    before = prints(tmp_path)
    (plan,) = migrating.plans(tmp_path)
    assert (plan.found, plan.wanted, len(plan.steps)) == (version, schema.VERSION, schema.VERSION - version)
    assert (plan.rows["entity"], plan.rows["log"]) == (ROWS, ROWS)
    with pytest.raises(Invalid, match="run `dothi migrate`"):
        Hub(tmp_path / "hub", Open())
    assert prints(tmp_path) == before
    migrating.migrate(tmp_path)
    assert Path(plan.copy).is_file()

    async def stands(city: City) -> None:
        hub = city.hub
        assert (hub.last_seq(), hub.cursor("eye"), hub.due_timers("eye", 9)) == (ROWS, 7, [("ring", "bell")])
        assert hub.fingerprint().entities == ROWS
        assert len(list(hub.dump_events())) == (version >= 2)
        assert hub.outbox().counts == ({"q": (1, 0)} if version >= 3 else {})

    at_work(tmp_path, stands)
    assert migrating.plans(tmp_path)[0].steps == []
    assert versions.look(path).found == schema.VERSION


_DIES = """
import os, signal, sys
from pathlib import Path
from dothi.hub.store.sqlite import versions
def told(step, left=[int(sys.argv[2])]):
    left[0] -= 1
    if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)
versions.migrate(Path(sys.argv[1]), told)
"""


@pytest.mark.parametrize("steps", [1, 3])
def test_killed_between_two_steps_it_goes_on(steps: int, tmp_path: Path) -> None:
    """Kill -9 after a step: nobody opens the file, the sentence says what to do, and going on ends well."""
    path = old_hub(tmp_path, 1)
    dead = subprocess.run([sys.executable, "-c", _DIES, str(path), str(steps)], check=False)
    assert dead.returncode == -signal.SIGKILL
    with pytest.raises(Invalid, match=rf"interrupted at version {1 + steps}: run `dothi migrate` to go on"):
        Hub(tmp_path / "hub", Open())
    with pytest.raises(Invalid, match="interrupted"):
        migrating.bring_up(tmp_path)
    assert migrating.plans(tmp_path)[0].found == 1 + steps
    assert main(["migrate", "--data", str(tmp_path)]) == 0
    assert versions.look(path).found == schema.VERSION
    assert versions.look(Path(f"{path}.v1")).found == 1
    assert not Path(f"{path}.migrating").exists()


def test_an_embedded_city_brings_itself_up(tmp_path: Path) -> None:
    """Before it is served a city in a file is migrated after a copy; one of this version is left alone."""
    old_hub(tmp_path, 3)
    assert len(migrating.bring_up(tmp_path)) == schema.VERSION - 3
    assert (tmp_path / "hub/hub.db.v3").is_file()
    before = prints(tmp_path)
    assert migrating.bring_up(tmp_path) == []
    assert prints(tmp_path) == before


def test_accounts_and_vault_of_the_first_version_are_taken_on(city: Path) -> None:
    """Files without a number and without digests get both, and keep everybody."""
    for name in ("accounts.db", "vault.db"):
        with closing(sqlite3.connect(city / name)) as connection:
            triggers = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
            for trigger in triggers:
                if trigger.startswith("digest_"):
                    connection.execute(f"DROP TRIGGER {trigger}")
            connection.executescript("DROP TABLE digest; PRAGMA user_version = 0; PRAGMA application_id = 0;")
    was = at_work_plans(city)
    assert was == {"accounts.db": (1, 2), "vault.db": (1, 2)}
    assert main(["migrate", "--data", str(city)]) == 0
    assert at_work_plans(city) == {"accounts.db": (2, 2), "vault.db": (2, 2)}
    assert at_work(city, told)["photo"]


def at_work_plans(data: Path) -> dict[str, tuple[int, int]]:
    """Versions found and wanted of the files of people."""
    return {plan.name: (plan.found, plan.wanted) for plan in migrating.plans(data) if plan.name != "hub/hub.db"}


def test_a_city_that_is_served_is_not_migrated(city: Path) -> None:
    """While somebody holds the folder nothing is done to it."""
    with take(city / "hub"), pytest.raises(Conflict, match="in use"):
        migrating.migrate(city)
