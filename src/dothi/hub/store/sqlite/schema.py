"""The tables of the embedded store, and what each version added to the one before."""

from dothi.ground import digests
from dothi.hub.store.sqlite import lanes, outbox, pages

APPLICATION_ID = 0x646F7468  # "doth": tells our files from foreign ones.
FIRST = f"""
PRAGMA application_id = {APPLICATION_ID};
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
# The log's old part leaves for the cold tier, and erased entities leave for good: what was given out is kept apart.
_POSITION = """
CREATE TABLE position (
  one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, eid INTEGER NOT NULL, at INTEGER NOT NULL);
INSERT INTO position SELECT 1, (SELECT coalesce(max(seq), 0) FROM log), (SELECT coalesce(max(eid), 0) FROM entity),
  (SELECT coalesce(max(at), 0) FROM log);
"""
LATER = {2: lanes.SCHEMA, 3: outbox.SCHEMA, 4: pages.SCHEMA + _POSITION, 5: digests.SCHEMA}
VERSION = 5
WHOLE = "".join((FIRST, *LATER.values()))  # A new file is made at once.
# What nothing else proves: the log has its tree (proof/), entities and indexes follow from the log. A migration that
# changes one of these tables calls digests.begin() for it.
DIGESTED = ("tenant", "kind", "receipt", "cursor", "timer", "event", "parcel", "tally", "page", "position")
