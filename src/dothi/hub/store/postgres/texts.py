"""Texts on their way into PostgreSQL and back: it holds no NUL, and its indexes hold no key that is longer than a page.

So NUL is written as two characters, and what is looked up by text is looked up by the first half of its SHA-256, which
an operator can compute too: substring(sha256(convert_to('urn:…', 'UTF8')) for 16).
"""

import hashlib

_SHARDS = 4096  # As many as a cluster will ever have nodes, and more: what lies in one shard lies together.
_ESCAPED = (("\x01", "\x01\x02"), ("\x00", "\x01\x01"))  # In the order of the texts that they stand for.


def put(text: str) -> str:
    """A text as it is stored."""
    if "\x00" in text or "\x01" in text:
        for plain, escaped in _ESCAPED:
            text = text.replace(plain, escaped)
    return text


def got(text: str) -> str:
    """The text that was stored."""
    if "\x01" in text:
        for plain, escaped in reversed(_ESCAPED):
            text = text.replace(escaped, plain)
    return text


def hashed(text: str) -> bytes:
    """The 16 bytes by which a text is looked up."""
    return hashlib.sha256(text.encode()).digest()[:16]


def shard_of(digest: bytes) -> int:
    """The shard key of an entity whose id is `hashed` so: 0 to 4095."""
    return (digest[0] << 8 | digest[1]) % _SHARDS
