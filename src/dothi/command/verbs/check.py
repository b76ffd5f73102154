"""`dothi check --log`: proves a city that is not served just now, and ends in a list of what is wrong."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from dothi.accounts.events import verify
from dothi.accounts.store.opening import open_database
from dothi.accounts.vault import check_key
from dothi.command.verbs.saying import say
from dothi.ground.errors import Conflict, DothiError, Missing
from dothi.hub.peers.checking.fault import KEYS, RESTORE, Fault, Report
from dothi.hub.peers.checking.hub import Where, check_hub
from dothi.hub.store.sqlite.checking import file_faults, schema_of
from dothi.settings import Settings

_SOON_S = 2.0  # What takes longer says how far it is,
_EVERY_S = 0.5  # so often.
_DATABASES = ("accounts", "vault")
# What else lies in a data folder: sockets and notes of processes that run or ran, and the notes of backups.
_NOTES = ("running.json", "backups.ndjson", "exports.ndjson", "archives", "mappings")
_BESIDE = ("hub", "vault.key", *_NOTES, "*.db-wal", "*.db-shm", "*.sock")


def check(given: argparse.Namespace, settings: Settings) -> None:
    """Check the log and all that follows from it. Conflict (exit code 1) when anything is wrong."""
    report = report_of(settings, _since(given.since))
    for note in report.notes:
        say(note)
    for fault in report.faults:
        say(f"WRONG  {fault.where}: {fault.what}\n       {fault.do}")
    if report.faults:
        raise Conflict(f"{len(report.faults):,} things are wrong in {settings.data}.")
    say("Nothing is wrong: every commit is in the signed tree, and everything follows from the log.")


def report_of(settings: Settings, since: str = "") -> Report:
    """What is wrong with a city's data folder; `since` is a checkpoint that was kept elsewhere."""
    where = Where(settings.data / "hub", settings.store, settings.files, settings.archive)
    report = check_hub(where, since, _Telling())
    beside = [] if settings.store else [*_databases(settings), *_strangers(settings.data)]
    return Report(report.notes, (*report.faults, *beside))


def _since(given: str | None) -> str:
    if given is None:
        return ""
    try:
        return Path(given).read_text("utf-8")
    except (OSError, UnicodeError) as cause:
        raise Missing(f"{given}: the checkpoint cannot be read ({cause}).") from cause


def _databases(settings: Settings) -> Iterator[Fault]:
    """Accounts and vault: their files, their tables, the register's chain, the vault's key."""
    sound = True
    with tempfile.TemporaryDirectory() as aside:
        for name in _DATABASES:
            empty, path = Path(aside) / f"{name}.db", settings.data / f"{name}.db"
            open_database(Path(aside), name).close()
            if not path.is_file():
                yield Fault(path.name, "it is gone")
                sound = False
                continue
            expected = schema_of(empty)
            tables = [table for table in expected if f"digest_{table}_insert" in expected]
            for what in file_faults(path, expected, tables):
                sound = False
                yield Fault(path.name, what, RESTORE)
    if sound:
        yield from _contents(settings)


def _contents(settings: Settings) -> Iterator[Fault]:
    try:
        with closing(open_database(settings.data, "accounts")) as accounts:
            verify(accounts)
    except DothiError as broken:
        yield Fault("accounts.db", broken.detail)
    try:
        check_key(settings.data, settings.vault_key)
    except DothiError as broken:
        yield Fault("vault.key", broken.detail, KEYS)


def _strangers(data: Path) -> Iterator[Fault]:
    known = (*_BESIDE, *(f"{name}.db" for name in _DATABASES))
    for path in sorted(data.iterdir()):
        if not any(path.match(pattern) for pattern in known):
            yield Fault(path.name, "dothi knows no such file", "Look what it is, and put it elsewhere.")


class _Telling:
    """Says how far a check is, once it takes long and somebody looks."""

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._began > _SOON_S and now - self._told > _EVERY_S and sys.stderr.isatty():
            self._told = now
            print(f"\r{done:,} of {total:,} commits", end="", file=sys.stderr, flush=True)


__all__ = ("check", "report_of")
