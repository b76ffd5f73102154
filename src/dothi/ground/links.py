"""Signed links that expire: who holds one may do one thing with one subject until a day, without an account.

A token is a text and its HMAC-SHA256 under a key that only this server has. The text is no secret and holds none: the
purpose, the subject and the instant of expiry. A token that was tampered with and one that is too old are told apart.
"""

import base64
import binascii
import hmac

from dothi.ground.clock import SECOND
from dothi.ground.errors import Forbidden, Missing

KEY_MIN = 32  # Bytes.
TAG = 16  # Bytes of the code in the token: forging one needs 2¹²⁷ tries.
LONGEST = 400  # Characters of a token; longer ones are not even decoded.
_PARTS = 3


class BadLink(Missing):
    """This link is not one of ours: a letter may be missing. Copy it whole, or ask for a new one."""


class ExpiredLink(Forbidden):
    """This link is too old. Ask who sent it for a new one."""


def sign(key: bytes, purpose: str, subject: str, expires: int) -> str:
    """The token with which its holder may do `purpose` with `subject` until `expires` (µs, rounded up to seconds)."""
    text = "\n".join((purpose, str(-(-expires // SECOND)), subject)).encode()
    return _encode(text + _tag(key, text))


def subject_of(key: bytes, token: str, purpose: str, now: int) -> str:
    """The subject of a token. BadLink when it was not signed by us for `purpose`, ExpiredLink when `now` is after."""
    raw = _decode(token)
    text, tag = raw[:-TAG], raw[-TAG:]
    if not hmac.compare_digest(_tag(key, text), tag):
        raise BadLink
    parts = text.decode().split("\n", _PARTS - 1)
    if len(parts) != _PARTS or parts[0] != purpose:
        raise BadLink
    if now > int(parts[1]) * SECOND:
        raise ExpiredLink(expired=int(parts[1]) * SECOND)
    return parts[2]


def _tag(key: bytes, text: bytes) -> bytes:
    if len(key) < KEY_MIN:
        raise ValueError(f"A key that signs links has {KEY_MIN} bytes or more; this one has {len(key)}.")
    return hmac.digest(key, text, "sha256")[:TAG]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(token: str) -> bytes:
    """The bytes of a token; BadLink for what is none, also for a second way to write the same bytes."""
    if not 2 * TAG <= len(token) <= LONGEST or not token.isascii():
        raise BadLink
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as cause:
        raise BadLink from cause
    if _encode(raw) != token:
        raise BadLink
    return raw
