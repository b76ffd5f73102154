"""Bytes of the store: an entity's document, and one commit's part of the log as a packed blob.

A log blob is a table of contents (one fixed record an entry) followed by the entries' JSON. So one entity's entry is
found and decoded without touching its neighbours, and each entry points back to the commit that changed its entity
before: an entity's trail is a chain of primary-key look-ups.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from dothi.hub.model import Attribute, Entity, Instance, Logged, Status

_RECORD = struct.Struct("<QQIIB")
_COUNT = struct.Struct("<I")
STATUSES: tuple[Status, ...] = ("created", "updated", "deleted", "recorded")
WHOLE = 8


class Doc(msgspec.Struct, omit_defaults=True):
    """What is written of an entity: its state, or the part that one change touched."""

    id: str
    type: tuple[str, ...]
    attrs: dict[str, Attribute] = {}
    scope: tuple[str, ...] | None = None
    dropped: tuple[str, ...] = ()
    late: dict[str, Attribute] = {}
    erased: tuple[str, ...] = ()
    amended: dict[str, Instance] = {}
    expires: int | None = None
    fades: int = 0  # Of a state: the first moment when anything of it expires.
    gone: str = ""  # Of an entry whose content was taken out (write/purge.py): the salted hash of what stood there.


class Headline(msgspec.Struct):
    """A document without its attributes, which are skipped undecoded."""

    id: str
    type: tuple[str, ...]
    scope: tuple[str, ...] | None = None


class Entry(NamedTuple):
    """One record of the table of contents, with its JSON."""

    eid: int
    previous: int
    version: int
    status: Status
    whole: bool
    body: bytes


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Doc)
_headline = msgspec.json.Decoder(Headline)


def encode(doc: Doc) -> bytes:
    """The JSON of a document."""
    return _encoder.encode(doc)


def decode(body: bytes) -> Doc:
    """The document of its JSON."""
    return _decoder.decode(body)


def headline(body: bytes) -> Headline:
    """Id, types and scope of a document."""
    return _headline.decode(body)


def entity_of(body: bytes, created: int, modified: int, version: int) -> Entity:
    """The entity that a row of state holds."""
    doc = _decoder.decode(body)
    return Entity(doc.id, doc.type, doc.attrs, doc.scope or (), created, modified, version, doc.expires or 0, doc.fades)


def pack(entries: list[Entry]) -> bytes:
    """One commit's entries as a blob."""
    contents = b"".join(
        _RECORD.pack(
            entry.eid,
            entry.previous,
            entry.version,
            len(entry.body),
            STATUSES.index(entry.status) | (WHOLE if entry.whole else 0),
        )
        for entry in entries
    )
    return b"".join((_COUNT.pack(len(entries)), contents, *(entry.body for entry in entries)))


def unpack(blob: bytes, eid: int | None = None) -> Iterator[Entry]:
    """The entries of a blob, or only those of one entity."""
    (count,) = _COUNT.unpack_from(blob)
    start = _COUNT.size + count * _RECORD.size
    for found, previous, version, length, flags in _RECORD.iter_unpack(blob[_COUNT.size : start]):
        if eid is None or found == eid:
            yield Entry(
                found, previous, version, STATUSES[flags & 7], bool(flags & WHOLE), blob[start : start + length]
            )
        start += length


def touched(blob: bytes) -> Iterator[tuple[int, Status]]:
    """The rows of a blob and what became of each, without a look at what was written."""
    (count,) = _COUNT.unpack_from(blob)
    for eid, _, _, _, flags in _RECORD.iter_unpack(blob[_COUNT.size : _COUNT.size + count * _RECORD.size]):
        yield eid, STATUSES[flags & 7]


def logged(entry: Entry) -> Logged:
    """The value that consumers of the log see."""
    doc = _decoder.decode(entry.body)
    return Logged(
        doc.id,
        entry.status,
        doc.type,
        entry.version,
        doc.attrs,
        doc.dropped,
        doc.late,
        entry.whole,
        doc.scope,
        entry.previous,
        doc.erased,
        doc.amended,
        doc.expires,
        doc.gone,
    )
