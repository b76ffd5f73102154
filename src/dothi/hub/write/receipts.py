"""Receipts kept for idempotency keys: a repeat of a commit gets the first one's receipt."""

from collections.abc import Iterable

import msgspec

from dothi.ground.errors import DothiError
from dothi.hub.model import Receipt, Result
from dothi.hub.write.jobs import Job


class _KeptResult(msgspec.Struct, array_like=True):
    id: str
    status: str
    version: int
    updated: tuple[str, ...]
    not_updated: tuple[tuple[str, str], ...]
    error: tuple[str, str] | None


class _KeptReceipt(msgspec.Struct, array_like=True):
    seq: int
    at: int
    results: tuple[_KeptResult, ...]


def receipt_name(job: Job) -> tuple[str, bytes]:
    """Under which name the receipt of a commit is kept, "" for none; and what must stand before it to be the same."""
    if job.commit.key is not None:
        return job.commit.key, b""
    return (job.mark.place, job.mark.nonce.encode()) if job.mark is not None else ("", b"")


def known_receipt(body: bytes | None, nonce: bytes = b"") -> Receipt | None:
    """The receipt that was kept, if it is that of the same commit; one that nobody was told of is no repeat."""
    if body is None or not body.startswith(nonce):
        return None
    found = receipt_of(body[len(nonce) :])
    return msgspec.structs.replace(found, replayed=False) if nonce else found


def kept(receipt: Receipt, nonce: bytes = b"") -> bytes:
    """The bytes of a receipt, behind what tells its commit from the one before in the same place."""
    return nonce + msgspec.json.encode(
        _KeptReceipt(
            receipt.seq,
            receipt.at,
            tuple(
                _KeptResult(
                    one.id,
                    one.status,
                    one.version,
                    one.updated,
                    one.not_updated,
                    (type(one.error).__name__, str(one.error)) if one.error else None,
                )
                for one in receipt.results
            ),
        )
    )


def seq_of(body: bytes) -> int:
    """The sequence of the commit whose receipt this is, whatever stands before it (see `kept`)."""
    return receipt_of(body[body.index(b"[") :]).seq


def receipt_of(body: bytes) -> Receipt:
    """The receipt that those bytes keep, marked as replayed."""
    old = msgspec.json.decode(body, type=_KeptReceipt)
    return Receipt(
        old.seq,
        old.at,
        tuple(
            Result(
                one.id,
                one.status,  # type: ignore[arg-type]
                one.version,
                one.updated,
                one.not_updated,
                _ERRORS.get(one.error[0], DothiError)(one.error[1]) if one.error else None,
            )
            for one in old.results
        ),
        replayed=True,
    )


def _subclasses(kind: type[DothiError]) -> Iterable[type[DothiError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _subclasses(narrower)


_ERRORS = {kind.__name__: kind for kind in _subclasses(DothiError)}
