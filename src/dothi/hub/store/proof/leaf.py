"""The leaf of a commit: canonical JSON that says who did what to what, with hashes in place of the content.

    ["dothi 1", seq, at (µs), tenant, actor, reason, [[previous, version, status, whole, content], …]]

`reason` and `content` are base64(SHA-256(salt ‖ UTF-8 of the reason, or of the entry's JSON)). The salt is empty, or 16
random bytes where what is written may be of people: these lie apart, and go with the content, so that nobody can find
it again by guessing while the chain holds. The number of an entity's row is left out, since it is the store's own
business: a city that moves to another store keeps its root. A sequence that no commit took: ["dothi 1", seq].
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache

import msgspec

from dothi.hub.store import codec
from dothi.hub.store.codec import Entry
from dothi.hub.store.port import LogRow

FORM = "dothi 1"
SALT = 16
BARE = b""
LOST = bytes(SALT)  # In the place of a salt that went with what it salted.
UNKNOWN = ("dothi:unknown",)  # The types of an entry whose types cannot be told at a glance.
_GONE = b'"gone":"'
_TYPES = b'"type":['
_sha256 = hashlib.sha256
_encode = msgspec.json.encode  # What is canonical (RFC 8785) for arrays of strings, booleans and whole numbers < 2^53.
Salted = Callable[[tuple[str, ...]], bool]


class Unfit(Exception):
    """The salts that are kept of a commit do not fit its entries."""


def salts_for(entries: list[Entry], salted: Salted) -> bytes:
    """New salts for a commit, its reason's first and then one an entry; none when nothing of it may be of people."""
    if not any(salted(_named(part)) for part in {_types_of(entry.body) for entry in entries}):
        return BARE
    lost = {slot: None for slot, entry in enumerate(entries, 1) if gone(entry)}
    return blank(secrets.token_bytes(SALT * (len(entries) + 1)), lost)


def leaf(row: LogRow, tenant: str, salts: bytes = BARE, reason: bytes | None = None) -> bytes:
    """The leaf of a commit; `reason` is the hash of one that is gone. Unfit when the salts are of another number."""
    return leaf_of(row, list(codec.unpack(row.blob)), tenant, salts, reason)


def leaf_of(row: LogRow, entries: list[Entry], tenant: str, salts: bytes, reason: bytes | None) -> bytes:
    """The same of a commit that is unpacked already."""
    if salts and len(salts) != SALT * (len(entries) + 1):
        raise Unfit(f"{len(salts)} bytes of salt for {len(entries)} entries")
    hashed = _content if _GONE in row.blob else content
    told = [
        (previous, version, status, whole, hashed(body, salts and _salt(salts, slot)))
        for slot, (_, previous, version, status, whole, body) in enumerate(entries, 1)
    ]
    said = content(row.reason.encode(), _salt(salts, 0)) if reason is None else reason
    return _encode((FORM, row.seq, row.at, tenant, row.actor, said, told))


def gap(seq: int) -> bytes:
    """The leaf of a sequence that no commit took."""
    return _encode((FORM, seq))


def content(body: bytes, salt: bytes = BARE) -> bytes:
    """What a leaf says in the place of content."""
    return _sha256(salt + body).digest()


def gone(entry: Entry) -> str:
    """The hash (hex) that an entry without its content carries; "" for one that has it."""
    return _lost(entry.body) if _GONE in entry.body else ""


def blank(salts: bytes, slots: Mapping[int, object]) -> bytes:
    """Salts without those of some slots (0 is the reason, entry n is n + 1)."""
    parts = [salts[at : at + SALT] for at in range(0, len(salts), SALT)]
    return b"".join(LOST if slot in slots else part for slot, part in enumerate(parts))


def _salt(salts: bytes, slot: int) -> bytes:
    return salts[slot * SALT : (slot + 1) * SALT]


def _content(body: bytes, salt: bytes) -> bytes:
    lost = _lost(body) if _GONE in body else ""
    return bytes.fromhex(lost) if lost else content(body, salt)


def _lost(body: bytes) -> str:
    return codec.decode(body).gone


def _types_of(body: bytes) -> bytes:
    """The part of an entry's JSON that names its types, which stands before anything that others write."""
    start = body.find(_TYPES)
    return body[start : body.find(b"]", start) + 1]


@lru_cache(1024)
def _named(part: bytes) -> tuple[str, ...]:
    try:
        return tuple(msgspec.json.decode(b"{" + part + b"}", type=dict[str, tuple[str, ...]])["type"])
    except (ValueError, KeyError):
        return UNKNOWN  # A name with a bracket in it: whoever judges takes it as one that may be of people.
