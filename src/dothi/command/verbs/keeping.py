"""`dothi backup`, `restore` and `drill`: a city carried elsewhere, brought back, and the proof that it can be."""

import argparse
import time
from pathlib import Path
from typing import Any

import msgspec

from dothi.command.keeping import backup as backups
from dothi.command.keeping import drill as drills
from dothi.command.keeping import gone, prune
from dothi.command.keeping import restore as restores
from dothi.command.keeping.backup import Wanted
from dothi.command.keeping.restore import Asked
from dothi.command.verbs.saying import say, show
from dothi.ground.clock import from_iso, iso
from dothi.ground.errors import DothiError, Forbidden, Invalid, Missing
from dothi.ground.places import Place, open_place
from dothi.settings import Settings

_OTHERS = 0o077  # Bits that let anybody else read a file.


def backup(given: argparse.Namespace, settings: Settings) -> None:
    """Back a city up, once or again and again."""
    keep = prune.read_policy(given.keep) if given.keep else None
    wanted = Wanted(settings.store, keep, _password(given))
    place = open_place(given.place)
    if given.every is None:
        _backup(settings, place, wanted)
        return
    if given.every < 1:
        raise Invalid(f"--every {given.every}: it must be a whole number of seconds from 1.")
    while True:
        began = time.monotonic()
        try:
            _backup(settings, place, wanted)
        except (DothiError, OSError) as fault:  # The next turn may go well: the place may be there again.
            say(f"dothi: this backup failed: {getattr(fault, 'detail', fault)}", quiet=True)
        time.sleep(max(0.0, given.every - (time.monotonic() - began)))


def _backup(settings: Settings, place: Place, wanted: Wanted) -> None:
    made = backups.backup(settings.data, place, wanted)
    say(
        f"{iso(made.at)}  commit {made.position.seq:,}  {made.new_bytes:,} bytes travelled in {made.seconds:.2f} s  "
        f"{place.address}/{made.name}"
    )


def restore(given: argparse.Namespace, settings: Settings) -> None:
    """Put a city together again."""
    erased = gone.of_city(_folder(given.erased)) if given.erased else ()
    asked = Asked(
        None if given.at is None else _instant(given.at),
        settings.store,
        _secret(Path(given.key)) if given.key else None,
        _password(given),
    )
    target = Path(given.folder)
    done = restores.restore(open_place(given.place), target, asked, erased)
    say(f"{target} holds the city as of {iso(done.known)}, commit {done.seq:,}.")
    if done.erased:
        say(f"{done.erased:,} that the backup still held were erased again.")
    if done.missing:
        say(f"{len(done.missing):,} files are kept no more (erased or disposed of): see restored.json.")
    if not done.keys:
        say(f"It has no key: put the vault's key at {target / 'vault.key'}, readable by you only, before you serve it.")
    if done.held:
        say(f"Nothing is sent outside while {target / restores.HELD} is there: remove it to let the city speak again.")


def drill(given: argparse.Namespace, settings: Settings) -> None:
    """Prove the newest backup, and note what was measured."""
    place = open_place(given.place)
    found = drills.drill(place, settings.store, _password(given))
    line: dict[str, Any] = {"kind": "drill", "place": place.address, **msgspec.to_builtins(found)}
    if settings.data.is_dir():
        backups.note(settings.data, line)
    show(line)


def _instant(text: str) -> int:
    try:
        return from_iso(text)
    except (Invalid, ValueError) as wrong:
        raise Invalid(f"--at {text!r} is no time: say e.g. 2026-11-22T08:00:00+07:00.") from wrong


def _folder(name: str) -> Path:
    if not Path(name).is_dir():
        raise Missing(f"{name}: there is no such folder.")
    return Path(name)


def _password(given: argparse.Namespace) -> str:
    return _secret(Path(given.password_file)).decode().strip() if given.password_file else ""


def _secret(path: Path) -> bytes:
    """What a file holds that only its owner may read."""
    if not path.is_file():
        raise Missing(f"{path}: there is no such file.")
    if path.stat().st_mode & _OTHERS:
        raise Forbidden(f"Others on this machine may read {path}; run: chmod 600 {path}")
    return path.read_bytes()
