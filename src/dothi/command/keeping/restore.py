"""`dothi restore`: a city put together again from its backups in a new folder, with whoever was erased erased again.

Everything is proved by its hash on the way. The folder takes its name when it is whole: before that it is a draft.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from dothi.accounts.model import Erasure
from dothi.command.keeping import dumping, gone, manifest, sealing
from dothi.command.keeping.backup import look
from dothi.command.keeping.chunks import read_chunk, read_file, write_image
from dothi.command.keeping.manifest import Manifest
from dothi.command.keeping.rolling import roll_to
from dothi.command.keeping.snapshot import ACCOUNTS, HUB, VAULT, Kept
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.places import Place

PEOPLE = (VAULT, ACCOUNTS)
HELD = "held"  # In the data folder: while it is there, the city sends nothing outside.


class Asked(msgspec.Struct, frozen=True):
    """What the operator asked of a restore."""

    at: int | None = None  # The city as it was then (µs); None: the newest state.
    store: str = ""  # URL of an empty database, for the backup of one.
    key: bytes | None = None  # The vault's key, where it was kept elsewhere.
    password: str = ""  # Opens the keys that were sealed into the backup.


class Restored(msgspec.Struct, frozen=True):
    """What came of a restore."""

    backup: str  # The manifest that it began from.
    seq: int  # The last commit in it, and its time (µs).
    known: int
    rolled: int  # Commits that were replayed on top.
    erased: int  # People and lockers that the backup still held, and that are gone again.
    missing: list[str]  # Files that no backup holds any more: erased, or disposed of.
    keys: bool  # Whether the vault can be opened.
    held: bool  # Whether it sends nothing outside until somebody says so.


def restore(place: Place, target: Path, asked: Asked = Asked(), erased: Sequence[Erasure] = ()) -> Restored:
    """Restore into the new folder `target`; `erased`: who must be gone beside those whom the place knows.

    Conflict unless the folder is empty, Missing when there is no such backup, Invalid when something is damaged (it is
    named) or newer than this dothi. Nothing has the folder's name unless all went well.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Conflict(f"{target} is not empty: restore into a new folder.")
    base, last = (manifest.newest(place, asked.at), None) if asked.store else chosen(place, asked.at)
    if bool(asked.store) != (base.store == "postgresql"):
        raise Invalid(_OTHER_STORE[base.store])
    draft = target.with_name(target.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        restored = _restore(place, draft, asked, (base, last), erased)
        if target.exists():
            target.rmdir()
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return restored


_OTHER_STORE = {
    "postgresql": "This is the backup of a city on PostgreSQL: name an empty database with --store postgresql://…",
    "sqlite": "This is the backup of a city in a file: restore it without --store; `dothi export` and `load` move it.",
}


def chosen(place: Place, at: int | None) -> tuple[Manifest, Manifest | None]:
    """The backup to begin from, and the one that holds the commits from there up to `at`, if any are needed.

    Missing when there is none, Invalid when `at` is later than the newest backup: nobody knows what was then.
    """
    newest = manifest.newest(place)
    if at is None:
        return newest, None
    if at > newest.at:
        raise Invalid(f"The newest backup is of {iso(newest.at)}: what was at {iso(at)} is not known. Leave --at out.")
    later = next(name for name in manifest.listed(place) if manifest.moment(name) >= at)
    after = manifest.read(place, later)
    try:
        before = manifest.newest(place, at)
    except Missing:
        return after, after  # Nothing older is kept: the log itself tells what was.
    return before, after if after.position.seq > before.position.seq else None


def _restore(
    place: Place, draft: Path, asked: Asked, backups: tuple[Manifest, Manifest | None], erased: Sequence[Erasure]
) -> Restored:
    base, later = backups
    must_go = _united(gone.known(place), erased)
    missing = fetch(place, base, draft, asked.store)
    _put_keys(place, base, draft, asked)
    rolled = 0
    if later is not None and asked.at is not None:
        with_it = draft.with_name(draft.name + ".later")
        shutil.rmtree(with_it, ignore_errors=True)
        try:
            fetch(place, later, with_it, "", photos=False)
            rolled = roll_to(draft, with_it, asked.at, anew=base is later)
        finally:
            shutil.rmtree(with_it, ignore_errors=True)
    known = base.position.known if later is None or asked.at is None else asked.at
    again = asyncio.run(gone.erase_again(draft, asked.store, must_go, known))
    if asked.at is not None and not asked.store:
        _people_of(place, manifest.newest(place), draft)
    again = max(again, asyncio.run(gone.forget_again(draft, asked.store, must_go)))
    return _finish(draft, asked, base, rolled, again, missing)


def _finish(draft: Path, asked: Asked, base: Manifest, rolled: int, again: int, missing: list[str]) -> Restored:
    position = dumping.look(asked.store) if asked.store else look(draft / HUB)
    restored = Restored(
        base.name,
        position.seq,
        position.known,
        rolled,
        again,
        missing,
        (draft / "vault.key").is_file(),
        asked.at is not None,
    )
    if restored.held:
        (draft / HELD).write_text("Restored to an earlier moment: nothing is sent outside while this file is here.\n")
    told: dict[str, Any] = {"kind": "restore", "at": now_us(), **msgspec.to_builtins(restored)}
    (draft / "restored.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return restored


def fetch(place: Place, one: Manifest, folder: Path, store: str, photos: bool = True) -> list[str]:
    """Put a backup's files together in a new folder; returns the names of kept files that are not there any more."""
    folder.mkdir(parents=True, mode=0o700)
    for image in one.images:
        write_image(place, image, folder / image.name)
    if store:
        dumping.copy_in(folder / dumping.DUMP, store)
        (folder / dumping.DUMP).unlink()
    missing = []
    for tree in one.trees if photos else (tree for tree in one.trees if tree.name != "hub/files"):
        for digest in (digest for listed in tree.lists.values() for digest in listed):
            for kept in msgspec.json.decode(read_chunk(place, digest), type=list[Kept]):
                if not _put_file(place, folder / tree.name, kept):
                    missing.append(f"{tree.name}/{kept.path}")
    return missing


def _put_file(place: Place, folder: Path, kept: Kept) -> bool:
    """Put one file; False when the place does not hold it any more."""
    try:
        body = read_file(place, kept.sha256)
    except Missing:
        return False
    path = folder / kept.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())
    return True


def _people_of(place: Place, newest: Manifest, draft: Path) -> None:
    """Accounts and vault as they are now: who was locked out, or erased, since that moment stays so."""
    for image in newest.images:
        if image.name in PEOPLE:
            (draft / image.name).unlink(missing_ok=True)
            write_image(place, image, draft / image.name)


def _put_keys(place: Place, base: Manifest, draft: Path, asked: Asked) -> None:
    keys = {"vault.key": asked.key} if asked.key is not None else {}
    if asked.password:
        if not base.keys:
            raise Missing("This backup holds no keys: they were kept elsewhere. Give the vault's key with --key.")
        keys |= sealing.unseal(place, base.keys, asked.password)
    for name, key in keys.items():
        path = draft / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(key)


def _united(*lists: Sequence[Erasure]) -> list[Erasure]:
    found = {one.pseudonym: one for listed in lists for one in listed}
    return sorted(found.values(), key=lambda one: (one.at, one.pseudonym))
