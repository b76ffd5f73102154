"""A bundle: wheels of dothi and of all it needs in one file, with a manifest of their hashes signed by who made it.

It is a ZIP file: manifest.json (version, store versions, the SHA-256 of every wheel), manifest.sig (Ed25519 over the
manifest's bytes) and wheels/. The vendor files and the territory's data lie in dothi's own wheel.
"""

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from dothi import __version__
from dothi.accounts.store import versions
from dothi.ground.errors import Conflict, Invalid, Missing, Unavailable
from dothi.hub.store.sqlite import schema

FORMAT = 1
_MANIFEST, _SIGNATURE, _WHEELS = "manifest.json", "manifest.sig", "wheels/"
Run = Callable[[Sequence[str]], None]


class Manifest(msgspec.Struct, frozen=True):
    """What a bundle holds."""

    format: int
    dothi: str
    python: str  # For which Python, e.g. "3.11".
    stores: dict[str, int]  # Versions of the stores that it works with.
    wheels: dict[str, str]  # File name → SHA-256.


def make(target: Path, source: Path, pins: Path, key: Path, run: Run | None = None) -> Manifest:
    """Make a bundle of the clone at `source` with the dependencies that `pins` names by hash, signed with `key` (PEM).

    Conflict when `target` exists, Missing without a key, Unavailable when a wheel cannot be had.
    """
    if target.exists():
        raise Conflict(f"{target} exists: name a new file.")
    signer, run = _private(key), run or _run
    folder = target.with_name(f"{target.name}.wheels")
    folder.mkdir(parents=True)
    try:
        pip = [sys.executable, "-m", "pip", "wheel", "-q", "--wheel-dir", str(folder)]
        run([*pip, "--no-deps", "--require-hashes", "-r", str(pins)])
        run([*pip, "--no-deps", "--no-build-isolation", str(source)])
        return write(target, sorted(folder.glob("*.whl")), signer)
    finally:
        for wheel in folder.glob("*"):
            wheel.unlink()
        folder.rmdir()


def write(target: Path, wheels: Sequence[Path], signer: Ed25519PrivateKey) -> Manifest:
    """Put wheels into a signed bundle, which takes its name when it is whole."""
    hashes = {wheel.name: hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    stores = {"hub": schema.VERSION, "accounts": versions.VERSION}
    made = Manifest(FORMAT, __version__, python, stores, hashes)
    body = json.dumps(msgspec.to_builtins(made), indent=1, sort_keys=True).encode()
    draft = target.with_name(f"{target.name}.part")
    with zipfile.ZipFile(draft, "w") as bundle:  # Stored: wheels are compressed already.
        bundle.writestr(_MANIFEST, body)
        bundle.writestr(_SIGNATURE, signer.sign(body))
        for wheel in wheels:
            bundle.write(wheel, f"{_WHEELS}{wheel.name}")
    draft.rename(target)
    return made


def read(path: Path, trusted: Path) -> Manifest:
    """The manifest of a bundle that the owner of `trusted` (PEM) signed, with every wheel as it was then.

    Missing when there is no such file; Invalid when it is foreign, signed by nobody known, damaged or newer.
    """
    signers = _public(trusted)
    if not path.is_file():
        raise Missing(f"{path}: there is no such file.")
    try:
        with zipfile.ZipFile(path) as bundle:
            body, signature = bundle.read(_MANIFEST), bundle.read(_SIGNATURE)
            _verify(path, trusted, signers, body, signature)
            return _checked(path, bundle, body)
    except (zipfile.BadZipFile, KeyError) as cause:
        raise Invalid(f"{path} is no bundle of dothi, or damaged ({cause}): take a good copy.") from cause


def _verify(path: Path, trusted: Path, signer: Ed25519PublicKey, body: bytes, signature: bytes) -> None:
    try:
        signer.verify(signature, body)
    except InvalidSignature:
        raise Invalid(f"{path} is not signed with the key of {trusted}, or was changed: nothing was done.") from None


def _checked(path: Path, bundle: zipfile.ZipFile, body: bytes) -> Manifest:
    if json.loads(body).get("format", 0) > FORMAT:
        raise Invalid(f"{path} was made by a newer dothi, in a form that this one does not know.")
    manifest = msgspec.json.decode(body, type=Manifest)
    held = {name.removeprefix(_WHEELS) for name in bundle.namelist() if name.startswith(_WHEELS)}
    if held != manifest.wheels.keys():
        raise Invalid(f"{path} does not hold the wheels that were signed: {held ^ manifest.wheels.keys()}.")
    for name, digest in manifest.wheels.items():
        if hashlib.sha256(bundle.read(f"{_WHEELS}{name}")).hexdigest() != digest:
            raise Invalid(f"{path}: {name} is not what was signed: its hash differs. Nothing was done.")
    return manifest


def unpack(path: Path, manifest: Manifest, folder: Path) -> None:
    """The wheels of a bundle that was read, into a folder."""
    with zipfile.ZipFile(path) as bundle:
        for name in manifest.wheels:
            (folder / name).write_bytes(bundle.read(f"{_WHEELS}{name}"))


def _private(path: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(_bytes(path), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid(f"{path} is no Ed25519 key: make one with `openssl genpkey -algorithm ed25519`.")
    return key


def _public(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(_bytes(path))
    except ValueError as wrong:
        raise Invalid(f"{path} is no public key in PEM form: {wrong}") from wrong
    if not isinstance(key, Ed25519PublicKey):
        raise Invalid(f"{path} is no Ed25519 key.")
    return key


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise Missing(f"{path}: there is no such file.")
    return path.read_bytes()


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # Our own words.
    if done.returncode:
        raise Unavailable(f"{' '.join(command[:4])} failed: {done.stderr.strip()[-500:]}")
