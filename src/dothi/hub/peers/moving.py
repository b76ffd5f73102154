"""Moving a city: `dothi export` takes out its log and files in open formats, `dothi load` fills an empty one with them.

The folder holds manifest.json (counts and fingerprint), log.ndjson (one commit a line, in order), events.ndjson (the
lanes of cameras and gates) and files/. People's identities are not in it: the vault and the accounts are moved by
their operator, under their own rules.
"""

import asyncio
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dothi import __version__
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub, load
from dothi.hub.model import Event, LoggedCommit

FORMAT = 2  # Version 1 had no events.
_FILES = {"log": "log.ndjson", "lanes": "events.ndjson"}  # What the manifest says the hash of.
Progress = Callable[[int], None]


class Kept(NamedTuple):
    """Where a city lies: its data folder, the URL of its store, the addresses of its photos and sealed history.

    "" is the folder.
    """

    data: Path
    store: str = ""
    photos: str = ""
    archive: str = ""

    def hub(self) -> Hub:
        """The hub, opened for whoever may read the data folder."""
        return Hub(self.data / "hub", Open(), self.store, photos=self.photos, archive=self.archive)


def export(city: Kept, target: Path, progress: Progress = lambda count: None) -> dict[str, Any]:
    """Take the city out into the new folder `target`; returns the manifest.

    Conflict when `target` exists or a running server holds the city, Missing when there is no city.
    """
    if not city.store and not (city.data / "hub" / "hub.db").is_file():
        raise Missing(f"There is no city in {city.data}: name its data folder with --data.")
    if target.exists() and any(target.iterdir()):
        raise Conflict(f"{target} is not empty: export into a new folder.")
    return asyncio.run(_export(city, target, progress))


async def _export(city: Kept, target: Path, progress: Progress) -> dict[str, Any]:
    hub = city.hub()
    try:
        draft = target.with_name(target.name + ".part")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        _write_log(hub, draft / "log.ndjson", progress)
        events = _write_events(hub, draft / "events.ndjson")
        for digest in hub.kept_files():
            _write_file(draft / "files" / digest[:2] / digest[2:4] / digest, hub.read_file(digest))
        print_ = hub.fingerprint()
        hashes = {name: _digest(draft / file) for name, file in _FILES.items()}
        manifest = {"format": FORMAT, "dothi": __version__, "events": events, **hashes, **print_._asdict()}
        (draft / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")
        if target.exists():
            target.rmdir()
        draft.rename(target)
        return manifest
    finally:
        await hub.close()


def _write_log(hub: Hub, path: Path, progress: Progress) -> None:
    encoder = msgspec.json.Encoder()
    with path.open("wb") as out:
        for count, commit in enumerate(hub.dump(), 1):
            out.write(encoder.encode(commit) + b"\n")
            if count % 1000 == 0:
                progress(count)


def _write_events(hub: Hub, path: Path) -> int:
    """The events of cameras and gates that are still kept; returns how many."""
    encoder = msgspec.json.Encoder()
    with path.open("wb") as out:
        return sum(bool(out.write(encoder.encode(line) + b"\n")) for line in hub.dump_events())


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def load_city(source: Path, city: Kept) -> dict[str, Any]:
    """Fill an empty city with an exported one, and prove it: same counts, same fingerprint.

    Invalid when the export is damaged or of a newer format (nothing is written then), Conflict unless it is empty.
    """
    manifest = _manifest(source)
    _check_files(source / "files")
    events = _read(source / _FILES["lanes"], tuple[str, Event]) if "lanes" in manifest else iter(())
    load(city.data / "hub", _read(source / _FILES["log"], LoggedCommit), events, city.store)
    found = asyncio.run(_filled(city, source / "files"))
    if any(found[key] != manifest[key] for key in found):
        raise Invalid(f"The loaded city differs from the exported one: {found} instead of {manifest}.")
    return manifest


async def _filled(city: Kept, photos: Path) -> dict[str, Any]:
    """The fingerprint of the loaded city, once it has its files."""
    hub = city.hub()
    try:
        for path in photos.rglob("*"):
            if path.is_file():
                hub.keep_file(path.read_bytes())
        return hub.fingerprint()._asdict()
    finally:
        await hub.close()


def _manifest(source: Path) -> dict[str, Any]:
    path = source / "manifest.json"
    if not path.is_file():
        raise Missing(f"{source} holds no exported city: manifest.json is missing.")
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
        newer = manifest["format"] > FORMAT
    except (ValueError, KeyError, TypeError) as cause:
        raise Invalid(f"{path} cannot be read: {cause}") from cause
    if newer:
        raise Invalid(f"{source} was exported by a newer dothi ({manifest.get('dothi')}): upgrade dothi, then load it.")
    for name in _FILES.keys() & manifest.keys():
        if _digest(source / _FILES[name]) != manifest[name]:
            raise Invalid(f"{source / _FILES[name]} is not what was exported: its hash differs. Take a good copy.")
    return manifest


def _check_files(folder: Path) -> None:
    """Every file must be what its name says."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
            raise Invalid(f"{path} is damaged: its content does not have the hash that names it. Take a good copy.")


def _read(path: Path, kind: Any) -> Iterator[Any]:
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield decoder.decode(line)
            except msgspec.DecodeError as cause:
                raise Invalid(f"{path}, line {number}: {cause}") from cause


def _digest(path: Path) -> str:
    if not path.is_file():
        raise Missing(f"{path} is missing.")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
