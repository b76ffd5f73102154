"""What the tree needs when content leaves the log: hashes that stay, salts that go, and a page that says what is gone.

The leaf holds. What is left of a rewritten commit is no longer told by its leaf, so its page in the book "gone" keeps
a hash of it. A commit that left as a whole (the end of a retention) has a page too: {"record": id of the record of
disposal, "until": the last sequence of a range}.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from dothi.hub.store.codec import Entry
from dothi.hub.store.port import LogRow, Page, Store
from dothi.hub.store.proof.leaf import SALT, blank, content
from dothi.hub.store.proof.tiles import size

SALTS = "salts"  # Number: sequence of the commit.
GONE = "gone"  # Number: sequence of the commit.


class Gone(msgspec.Struct, omit_defaults=True):
    """What is gone of a commit."""

    row: str = ""  # SHA-256 (hex) of what is left, see left().
    reason: str = ""  # The salted hash (hex) of its reason, when that is gone.
    record: str = ""  # The record of disposal, when the whole commit left,
    until: int = 0  # and all up to this sequence with it.


class Purged(NamedTuple):
    """The hash (hex) that stays of each entry, and the pages to write with the rewritten commits."""

    hashes: list[str]
    pages: list[Page]


def purged(store: Store, entries: Iterable[tuple[int, int, Entry]], reasons: Mapping[int, str] = {}) -> Purged:
    """What stays of entries (seq, slot, entry as it stands) that lose content, and of reasons that are emptied.

    To be called within the turn that rewrites them. A commit that is not in the tree yet is salted here, with salts
    that nobody keeps: its leaf will be made of the hashes.
    """
    known = size(store.page)
    salts: dict[int, bytes] = {}
    slots: dict[int, dict[int, None]] = {}

    def hashed(seq: int, slot: int, body: bytes) -> bytes:
        if seq not in salts:
            salts[seq] = store.page(SALTS, seq) or b""
        slots.setdefault(seq, {})[slot] = None
        salt = salts[seq][slot * SALT : (slot + 1) * SALT] if seq <= known else secrets.token_bytes(SALT)
        return content(body, salt)

    hashes = [hashed(seq, slot + 1, entry.body).hex() for seq, slot, entry in entries]
    said = {seq: hashed(seq, 0, reason.encode()).hex() for seq, reason in reasons.items()}
    pages = [Page(SALTS, seq, blank(kept, slots[seq])) for seq, kept in salts.items() if kept]
    for seq in slots:
        before = gone_of(store.page, seq) or Gone()
        pages.append(_page(seq, Gone(reason=said.get(seq, before.reason))))
    return Purged(hashes, pages)


def told(pages: Iterable[Page], rewritten: Iterable[LogRow]) -> list[Page]:
    """The pages of purged(), with a hash of what is left of each rewritten commit."""
    rows = {row.seq: row for row in rewritten}
    return [
        _page(page.number, msgspec.structs.replace(read(page.body or b"{}"), row=left(rows[page.number])))
        if page.book == GONE and page.number in rows
        else page
        for page in pages
    ]


def left(row: LogRow) -> str:
    """SHA-256 (hex) of what a commit says beside its head."""
    return hashlib.sha256(row.reason.encode() + b"\x00" + row.blob).hexdigest()


def gone_of(page: Callable[[str, int], bytes | None], seq: int) -> Gone | None:
    """What is gone of a commit, None when nothing is."""
    body = page(GONE, seq)
    return read(body) if body is not None else None


def reason_of(page: Callable[[str, int], bytes | None], seq: int) -> bytes | None:
    """The hash of a commit's reason, when that is gone."""
    known = gone_of(page, seq)
    return bytes.fromhex(known.reason) if known and known.reason else None


def read(body: bytes) -> Gone:
    """What a page of the book says."""
    return msgspec.json.decode(body, type=Gone)


def _page(seq: int, known: Gone) -> Page:
    return Page(GONE, seq, msgspec.json.encode(known))
