"""All that a check of one hub looks at: its file, log, tree, entities, checkpoints, keys and kept files."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from dothi.ground.errors import DothiError, Missing
from dothi.ground.places import Place as Photos
from dothi.ground.places import open_place
from dothi.hub.peers.checking import log
from dothi.hub.peers.checking.fault import KEYS, REBUILD, Fault, Progress, Report
from dothi.hub.store import files
from dothi.hub.store.cold.archive import Archive
from dothi.hub.store.cold.erasing import verify
from dothi.hub.store.cold.place import Place
from dothi.hub.store.opening import open_store, take
from dothi.hub.store.port import Store
from dothi.hub.store.proof import note, tiles
from dothi.hub.store.proof.notary import KEY_FILE, KEYS_BOOK, PUBLIC_FILE
from dothi.hub.store.sqlite.checking import hub_faults

_ALIAS = "alias"
_MANY = 1000
# Files in a hub's folder that say nothing of the city: who holds it, where the log stood last, sockets.
PASSING = frozenset({"lock", "position", "commits.sock", "hub.db-wal", "hub.db-shm"})
KNOWN = PASSING | {"hub.db", "files", "archive", _ALIAS, KEY_FILE, PUBLIC_FILE}


@dataclass(frozen=True)
class Where:
    """Where a hub lies: its folder, and the addresses of its store, photos and sealed history ("": in the folder)."""

    folder: Path
    url: str = ""
    photos: str = ""
    archive: str = ""


def check_hub(where: Where, since: str, progress: Progress) -> Report:
    """Everything of a hub; `since` is a checkpoint kept elsewhere. Conflict while it is served, Missing without one."""
    folder = where.folder
    if not folder.is_dir():
        raise Missing(f"There is no city in {folder.parent}.")
    lock = take(folder)
    try:
        photos = open_place(where.photos or str(folder / "files"))
        faults = [*_file(folder, where.url), *_keys(folder), *_strangers(folder), *_kept(photos)]
        if any(fault.what.startswith("it is damaged") for fault in faults):
            return Report((), tuple(faults))
        return _opened(where, faults, since, progress)
    finally:
        lock.close()


def _opened(where: Where, faults: list[Fault], since: str, progress: Progress) -> Report:
    """What is seen of an opened store; a damaged one breaks where nobody foresees, and a report comes all the same."""
    with ExitStack() as open_now:
        try:
            store = open_now.enter_context(closing(open_store(where.folder, where.url, follows=True)))
            archive = Archive(Place(where.archive or str(where.folder / "archive")), store)
            store.older = open_now.enter_context(closing(archive))
            faults += [Fault("the sealed history", what) for what in verify(archive)]
            return _checked(store, where.folder, faults, since, progress)
        except Exception as broken:
            said = broken.detail if isinstance(broken, DothiError) else f"{type(broken).__name__}: {broken}"
            return Report((), (*faults, Fault("the store", f"the check broke off: {said}")))


def _checked(store: Store, folder: Path, faults: list[Fault], since: str, progress: Progress) -> Report:
    verifiers = list(_verifiers(store, folder))
    walked = log.walk(store, progress)
    faults += [*walked.faults, *log.checkpoints(store, verifiers, since)]
    notes = [
        f"{walked.commits:,} commits with {walked.entries:,} entries, {tiles.size(store.page):,} leaves in the tree"
    ]
    if walked.emptied:
        notes.append(f"{walked.emptied:,} entries whose content was taken out, their hashes in the tree")
    if walked.unnoted:
        notes.append(f"{walked.unnoted:,} commits are not in the tree yet: serving the city once notes them down")
    return Report(tuple(notes), tuple(faults))


def _file(folder: Path, url: str) -> Iterator[Fault]:
    if url:
        return
    path = folder / "hub.db"
    if not path.is_file():
        raise Missing(f"There is no city in {folder}: {path.name} is not there.")
    with tempfile.TemporaryDirectory() as aside:
        for what in hub_faults(path, Path(aside) / "hub.db"):
            follows = "index" in what or what.startswith("entity")
            yield Fault(str(path.name), what, REBUILD) if follows else Fault(str(path.name), what)


def _keys(folder: Path) -> Iterator[Fault]:
    key, public, alias = folder / KEY_FILE, folder / PUBLIC_FILE, folder / _ALIAS
    if not key.is_file() and not public.is_file():
        return
    try:
        signer = note.signer_of(key.read_text("utf-8"))
        verifier = note.verifier_of(public.read_text("utf-8"))
    except (DothiError, OSError, ValueError) as cause:
        yield Fault(f"{KEY_FILE} or {PUBLIC_FILE}", str(cause), KEYS)
        return
    if str(signer.public) != str(verifier):
        yield Fault(PUBLIC_FILE, f"it is not the public half of {KEY_FILE}", KEYS)
    if alias.is_file() and alias.read_bytes() != f"{signer.name}\n".encode():
        yield Fault(_ALIAS, f"the hub's name is not {signer.name}, as its key says", f"Write {signer.name} into it.")


def _verifiers(store: Store, folder: Path) -> Iterator[note.Verifier]:
    """The keys that ever signed: as the store keeps them, and in files, that of now among them."""
    texts = [body for _, body in store.pages(KEYS_BOOK, -1, _MANY)]
    for text in {*texts, *(path.read_bytes() for path in folder.glob("*.pub"))}:
        try:
            yield note.verifier_of(text.decode())
        except (DothiError, ValueError):
            continue  # _keys() tells of a file, the table's digest of a page.


def _strangers(folder: Path) -> Iterator[Fault]:
    for path in sorted(folder.iterdir()):
        if path.name not in KNOWN and path.suffix != ".pub":
            yield Fault(path.name, "dothi knows no such file", "Look what it is, and put it elsewhere.")


def _kept(photos: Photos) -> Iterator[Fault]:
    for name in photos.names(""):
        digest = name.rpartition("/")[2]
        try:
            right = hashlib.sha256(files.read(photos, digest)).hexdigest() == digest
        except (DothiError, OSError):
            right = False
        if not right:
            yield Fault(f"file {name}", "its content does not have the hash that is its name")
