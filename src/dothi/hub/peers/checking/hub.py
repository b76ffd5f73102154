"""All that a check of one hub looks at: its file, log, tree, entities, checkpoints, keys and kept files."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from dothi.ground.errors import DothiError, Missing
from dothi.ground.places import Place
from dothi.hub.peers.checking import log
from dothi.hub.peers.checking.fault import KEYS, REBUILD, Fault, Progress, Report
from dothi.hub.store import files
from dothi.hub.store.opening import open_store, take
from dothi.hub.store.port import Store
from dothi.hub.store.proof import note, tiles
from dothi.hub.store.proof.notary import KEY_FILE, PUBLIC_FILE
from dothi.hub.store.sqlite.checking import hub_faults

_ALIAS = "alias"
_OLD = "*.pub"  # A key that was replaced keeps its public half under another name.
# Files in a hub's folder that say nothing of the city: who holds it, where the log stood last, sockets.
PASSING = frozenset({"lock", "position", "commits.sock", "hub.db-wal", "hub.db-shm"})
KNOWN = PASSING | {"hub.db", "files", "archive", "cold", _ALIAS, KEY_FILE, PUBLIC_FILE}
Attach = Callable[[Store], None]  # Gives a store its cold tier.


def check_hub(
    folder: Path, url: str, photos: Place, since: str, progress: Progress, attach: Attach = lambda store: None
) -> Report:
    """Everything of the hub in `folder` that nobody serves just now. Conflict while it is served."""
    lock = take(folder)
    try:
        faults = [*_file(folder, url), *_keys(folder), *_strangers(folder), *_kept(photos)]
        if any(fault.what.startswith("it is damaged") for fault in faults):
            return Report((), tuple(faults))
        return _opened(folder, url, attach, lambda store: _checked(store, folder, faults, since, progress), faults)
    finally:
        lock.close()


def _opened(folder: Path, url: str, attach: Attach, look: Callable[[Store], Report], faults: list[Fault]) -> Report:
    """What is seen of an opened store; a damaged one breaks where nobody foresees, and the report comes all the same."""
    store: Store | None = None
    try:
        store = open_store(folder, url, follows=True)
        attach(store)
        return look(store)
    except Exception as broken:
        said = broken.detail if isinstance(broken, DothiError) else f"{type(broken).__name__}: {broken}"
        return Report((), (*faults, Fault("the store", f"the check broke off: {said}")))
    finally:
        if store is not None:
            store.close()


def _checked(store: Store, folder: Path, faults: list[Fault], since: str, progress: Progress) -> Report:
    verifiers = list(_verifiers(folder))
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


def _verifiers(folder: Path) -> Iterator[note.Verifier]:
    for path in sorted(folder.glob(_OLD)):
        try:
            yield note.verifier_of(path.read_text("utf-8"))
        except (DothiError, OSError, ValueError):
            continue  # _keys() tells of it.


def _strangers(folder: Path) -> Iterator[Fault]:
    for path in sorted(folder.iterdir()):
        if path.name not in KNOWN and path.suffix != ".pub":
            yield Fault(path.name, "dothi knows no such file", "Look what it is, and put it elsewhere.")


def _kept(photos: Place) -> Iterator[Fault]:
    for name in photos.names(""):
        digest = name.rpartition("/")[2]
        try:
            right = hashlib.sha256(files.read(photos, digest)).hexdigest() == digest
        except (DothiError, OSError):
            right = False
        if not right:
            yield Fault(f"file {name}", "its content does not have the hash that is its name")
