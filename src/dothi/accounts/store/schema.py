"""The tables of accounts and vault, as SQLite reads them; postgres.py reads the same in its own words."""

ACCOUNTS = """
CREATE TABLE IF NOT EXISTS user (
  id TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE, display_name TEXT NOT NULL, roles TEXT NOT NULL,
  areas TEXT NOT NULL, organisation TEXT NOT NULL, disabled INTEGER NOT NULL, created_at INTEGER NOT NULL,
  password TEXT NOT NULL  -- The argon2id hash; empty: the person has not set one yet.
) STRICT;

CREATE TABLE IF NOT EXISTS session (
  token_hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES user(id), created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS session_by_user ON session(user);

CREATE TABLE IF NOT EXISTS key (
  id TEXT PRIMARY KEY, token_hash BLOB NOT NULL UNIQUE, name TEXT NOT NULL, scopes TEXT NOT NULL,
  areas TEXT NOT NULL, created_at INTEGER NOT NULL, created_by TEXT NOT NULL, last_used_at INTEGER NOT NULL,
  revoked INTEGER NOT NULL
) STRICT;

-- One-time links: `user` is empty for the link that makes the first administrator.
CREATE TABLE IF NOT EXISTS link (token_hash BLOB PRIMARY KEY, user TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT;

-- Failed sign-ins by name and by address ("login:…", "address:…"); hashed, since a name may be a typed password.
CREATE TABLE IF NOT EXISTS attempt (
  subject BLOB PRIMARY KEY, failures INTEGER NOT NULL, last_at INTEGER NOT NULL, blocked_until INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS event (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, subject TEXT NOT NULL,
  reason TEXT NOT NULL, address TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS event_by_actor ON event(actor, seq);
CREATE INDEX IF NOT EXISTS event_by_subject ON event(subject, seq);
CREATE TRIGGER IF NOT EXISTS event_stays BEFORE UPDATE ON event
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER IF NOT EXISTS event_kept BEFORE DELETE ON event
  BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
"""

VAULT = """
CREATE TABLE IF NOT EXISTS person (
  pseudonym TEXT PRIMARY KEY, wrapped_key BLOB NOT NULL, sealed BLOB NOT NULL, phone_tag BLOB, account_tag BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS person_by_phone ON person(phone_tag);
CREATE INDEX IF NOT EXISTS person_by_account ON person(account_tag);

CREATE TABLE IF NOT EXISTS erasure (
  pseudonym TEXT PRIMARY KEY, at INTEGER NOT NULL, by_whom TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;

-- The key of what is sealed together and ends together, such as a day of one camera's number plates.
CREATE TABLE IF NOT EXISTS locker (name TEXT PRIMARY KEY, wrapped_key BLOB NOT NULL) STRICT;

-- What proves that a master key belongs to this vault.
CREATE TABLE IF NOT EXISTS proof (one INTEGER PRIMARY KEY CHECK (one = 1), tag BLOB NOT NULL) STRICT;
"""
