"""What passes between a worker and the writer: frames of JSON, each behind its length; errors keep their kind."""

import asyncio
import struct
from collections.abc import Iterator
from typing import Any

import msgspec

from dothi.ground.errors import DothiError, Unavailable
from dothi.hub.model import Commit, Receipt

_LENGTH = struct.Struct("<I")
MOST = 1 << 30  # Bytes of one frame: a body of the largest size that is taken in, and what stands around it.


class Asked(msgspec.Struct, array_like=True, frozen=True):
    """A commit on its way. `place` and `nonce` name it durably: the same place is used again for another one."""

    number: int  # Within the connection's worker; the answer names it.
    place: str
    nonce: str
    again: bool  # It was sent before, to a writer that died meanwhile: it may be written already.
    commit: Commit


class Told(msgspec.Struct, array_like=True, frozen=True):
    """What became of it."""

    number: int
    receipt: Receipt | None = None
    error: Exception | None = None


def _plain(value: Any) -> Any:
    """What JSON has no word for: an error as its kind, detail and fields; sets as lists."""
    if isinstance(value, DothiError):
        return [_name(type(value)), value.detail, value.fields]
    if isinstance(value, Exception):
        return ["", f"The writer failed: {type(value).__name__}. What was asked is in its log.", {}]
    return sorted(value) if isinstance(value, set | frozenset) else str(value)


def _whole(kind: type, value: Any) -> Any:
    """The error that a list tells of."""
    if kind is not Exception:
        raise NotImplementedError(kind)
    name, detail, fields = value
    known = {_name(one): one for one in _kinds(DothiError)}
    made = known.get(name, Broken)
    error = made.__new__(made)  # Some kinds take other arguments than these; what they made of them came along.
    DothiError.__init__(error, detail, **fields)
    return error


class Broken(RuntimeError, DothiError):
    """A defect showed itself in the writing process."""


def _kinds(kind: type[DothiError]) -> Iterator[type[DothiError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_asked = msgspec.json.Decoder(Asked)
_told = msgspec.json.Decoder(Told, dec_hook=_whole)


def frame(message: Asked | Told) -> bytes:
    """The bytes of a message. Unavailable where they are too many for one frame."""
    body = _encoder.encode(message)
    if len(body) > MOST:
        raise Unavailable("This commit is too large to be handed to the writing process: send it in parts.")
    return _LENGTH.pack(len(body)) + body


def asked(body: bytes) -> Asked:
    """The commit of a frame."""
    return _asked.decode(body)


def told(body: bytes) -> Told:
    """The answer of a frame."""
    return _told.decode(body)


async def receive(stream: asyncio.StreamReader) -> bytes | None:
    """The body of the next frame; None when the other side is gone."""
    try:
        (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
        return await stream.readexactly(length) if length <= MOST else None
    except (asyncio.IncompleteReadError, OSError):
        return None
