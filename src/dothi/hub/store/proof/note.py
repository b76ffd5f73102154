"""Signed notes and checkpoints in the format of the transparency community (C2SP signed-note, tlog-checkpoint).

A note is text, a blank line and signature lines `— name base64(4 bytes of the key's hash ‖ Ed25519 signature)`. The
text of a checkpoint is the log's origin, its size and its root in base64; a fourth line says when it was signed.
"""

import base64
import binascii
import hashlib
import re
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dothi.ground.clock import iso
from dothi.ground.errors import Invalid

_ED25519 = b"\x01"
_KEY = 32  # Bytes of an Ed25519 key.
_PRIVATE = "PRIVATE+KEY+"
_NAME = re.compile(r"[^\s+]{1,200}")
_SIGNED = re.compile(r"— (\S+) (\S+)")


class Signer(NamedTuple):
    """Who signs: a name and a private key."""

    name: str
    key: Ed25519PrivateKey

    @property
    def public(self) -> "Verifier":
        """What others need to check what this one signs."""
        return Verifier(self.name, self.key.public_key())


class Verifier(NamedTuple):
    """Whose signature is believed: a name and a public key."""

    name: str
    key: Ed25519PublicKey

    @property
    def raw(self) -> bytes:
        """The 32 bytes of the key."""
        return self.key.public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def hash(self) -> bytes:
        """The 4 bytes by which a signature line names the key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:4]

    def __str__(self) -> str:
        """As it is published: name+hash+base64 (C2SP vkey)."""
        return f"{self.name}+{self.hash.hex()}+{_base64(_ED25519 + self.raw)}"


class Checkpoint(NamedTuple):
    """What a signed checkpoint says: so many leaves have this root; `signed` as ISO 8601, "" when it does not say."""

    origin: str
    size: int
    root: bytes
    signed: str = ""


def make_signer(name: str) -> Signer:
    """A new key."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name[:200]!r} cannot name a key: it may hold neither a blank nor a plus sign.")
    return Signer(name, Ed25519PrivateKey.generate())


def private_text(signer: Signer) -> str:
    """The private key as its file holds it."""
    seed = signer.key.private_bytes_raw()
    return f"{_PRIVATE}{signer.name}+{signer.public.hash.hex()}+{_base64(_ED25519 + seed)}"


def signer_of(text: str) -> Signer:
    """The signer of a key file. Invalid when it is none."""
    name, named, raw = _parts(text.strip().removeprefix(_PRIVATE), "private key")
    signer = Signer(name, Ed25519PrivateKey.from_private_bytes(raw))
    if signer.public.hash != named or not text.startswith(_PRIVATE):
        raise Invalid("The private key of the notary was changed: its own hash does not fit. Put the right file back.")
    return signer


def verifier_of(text: str) -> Verifier:
    """The verifier of a published key. Invalid when it is none."""
    name, named, raw = _parts(text.strip(), "public key")
    verifier = Verifier(name, Ed25519PublicKey.from_public_bytes(raw))
    if verifier.hash != named:
        raise Invalid("This public key was changed: its own hash does not fit.")
    return verifier


def signed(checkpoint: Checkpoint, signer: Signer) -> str:
    """The signed note of a checkpoint."""
    text = "".join(f"{line}\n" for line in _lines(checkpoint))
    signature = signer.public.hash + signer.key.sign(text.encode())
    return f"{text}\n— {signer.name} {_base64(signature)}\n"


def read(note: str) -> Checkpoint:
    """What a note says, its signatures not looked at. Invalid when it is no checkpoint."""
    try:
        origin, size, root, *more = note.partition("\n\n")[0].split("\n")
        said = next((line.removeprefix("signed ") for line in more if line.startswith("signed ")), "")
        found = Checkpoint(origin, int(size), base64.b64decode(root, validate=True), said)
    except (ValueError, binascii.Error) as cause:
        raise Invalid("This is no checkpoint: it must say origin, size and root, a line each.") from cause
    if len(found.root) != hashlib.sha256().digest_size or found.size < 0 or str(found.size) != size:
        raise Invalid("This is no checkpoint: its size or its root has not the right form.")
    return found


def opened(note: str, verifier: Verifier) -> Checkpoint:
    """What a note says, proved by its signature. Invalid when `verifier` did not sign it."""
    text, blank, lines = note.partition("\n\n")
    for name, signature in _SIGNED.findall(lines if blank else ""):
        if name == verifier.name and _holds(f"{text}\n", signature, verifier):
            return read(note)
    raise Invalid(f"This checkpoint is not signed by {verifier.name}: it was changed, or is of another log.")


def checkpoint(origin: str, size: int, root: bytes, now: int) -> Checkpoint:
    """The checkpoint of a tree at an instant (µs)."""
    return Checkpoint(origin, size, root, iso(now))


def _lines(said: Checkpoint) -> list[str]:
    lines = [said.origin, str(said.size), _base64(said.root)]
    return [*lines, f"signed {said.signed}"] if said.signed else lines


def _holds(text: str, signature: str, verifier: Verifier) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        verifier.key.verify(raw[4:], text.encode())
    except (InvalidSignature, ValueError):
        return False
    return raw[:4] == verifier.hash


def _parts(text: str, what: str) -> tuple[str, bytes, bytes]:
    try:
        name, named, body = text.split("+", 2)
        raw = base64.b64decode(body, validate=True)
        if raw[:1] != _ED25519 or len(raw) != 1 + _KEY:
            raise ValueError("not an Ed25519 key")
        return name, bytes.fromhex(named), raw[1:]
    except ValueError as cause:
        raise Invalid(f"This is not the {what} of a notary: it must read name+hash+base64.") from cause


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
