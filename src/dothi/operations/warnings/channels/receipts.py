"""Who says that a warning arrived: receivers of requests sign it; people press a button, only the number is kept."""

import hashlib
import hmac
import json
from enum import StrEnum
from typing import Any

from dothi.ground.clock import MINUTE, SECOND, now_us
from dothi.ground.errors import Conflict, Invalid, Missing, Unauthenticated
from dothi.hub.model import Commit, Entity, amend, prop
from dothi.office.messages.gateway import signature
from dothi.operations.model import OWNER, Operations
from dothi.operations.warnings.channels.delivery import delivery_id
from dothi.operations.warnings.channels.model import PAGE, SYSTEM, TYPE, Channels
from dothi.operations.warnings.channels.page import is_over, of_thread

SIGNED_WITHIN = 5 * MINUTE
RECEIVER_LETTERS, RECEIVERS_MOST = 80, 1_000_000
DEVICE_LETTERS = 8
_RACES = 20


class Deed(StrEnum):
    """What somebody says on the page; each device once for each warning."""

    READ = "read"
    SAFE = "safe"


class NotSigned(Unauthenticated):
    """The acknowledgement is not signed with the secret of the channel, or its time is too far from ours."""


async def acknowledge(
    operations: Operations, channels: Channels, key: str, body: bytes, at: str, signed: str, now: int | None = None
) -> int:
    """A receiver says that it got the message `key`; returns how many did. The same receiver again counts once.

    `body` is JSON {"receiver": its name, "count": people or devices behind it (1)}; `at` and `signed` are the headers
    X-Dothi-Time and X-Dothi-Signature. NotSigned, Missing, Invalid.
    """
    _check_signature(channels, body, at, signed, now_us() if now is None else now)
    receiver, count = _read(body)
    kept = operations.hub.get(SYSTEM, key)
    if TYPE not in kept.types:
        raise Missing(f"There is no delivery {key[:100]}.")
    return await _count(operations, kept.id, "acknowledged", count, f"ack {key} {receiver}")


def _check_signature(channels: Channels, body: bytes, at: str, signed: str, now: int) -> None:
    fresh = at.isascii() and at.isdigit() and len(at) <= 12 and abs(now - int(at) * SECOND) <= SIGNED_WITHIN
    if not channels.secret or not fresh:
        raise NotSigned
    if not hmac.compare_digest(signature(channels.secret, at, body).encode(), signed.encode()):
        raise NotSigned


def _read(body: bytes) -> tuple[str, int]:
    try:
        said: Any = json.loads(body)
    except ValueError as cause:
        raise Invalid("The body is not JSON.") from cause
    receiver, count = (said.get("receiver"), said.get("count", 1)) if isinstance(said, dict) else (None, 1)
    if not isinstance(receiver, str) or not 0 < len(receiver) <= RECEIVER_LETTERS:
        raise Invalid(f"receiver: the name of who received it, {RECEIVER_LETTERS} letters at most.", field="receiver")
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= RECEIVERS_MOST:
        raise Invalid(f"count: a whole number from 1 to {RECEIVERS_MOST}.", field="count")
    return receiver, count


async def say(operations: Operations, thread: str, deed: Deed, device: str, now: int | None = None) -> None:
    """Somebody read a warning that is out, or is safe. `device` is a secret of the browser; only a hash is kept.

    Missing when there is no such warning, Conflict when it is over.
    """
    if len(device) < DEVICE_LETTERS:
        raise Invalid("This form is no longer valid: open the page again.")
    newest = of_thread(operations, thread)[0]
    if is_over(newest, now_us() if now is None else now):
        raise Conflict("This warning is over.")
    mark = hashlib.sha256(f"dothi warning {thread} {deed} {device}".encode()).hexdigest()[:32]
    name = "acknowledged" if deed is Deed.READ else "safe"
    await _count(operations, delivery_id(newest.warning.id, PAGE), name, 1, f"said {mark}")


async def _count(operations: Operations, key: str, name: str, more: int, once: str) -> int:
    """Add to a count, once for each `once`; returns what it is then."""
    for _ in range(_RACES):
        kept = operations.hub.get(SYSTEM, key)
        change = amend(key, **{name: prop(_number(kept, name) + more)})
        commit = Commit(SYSTEM, (change,), "received", {key: kept.version}, key=once, owner=OWNER)
        try:
            await operations.hub.commit(commit)
        except Conflict:
            continue  # Somebody else was counted meanwhile.
        return _number(operations.hub.get(SYSTEM, key), name)
    raise Conflict("Too many acknowledge at once; try again.")


def _number(entity: Entity, name: str) -> int:
    return int(entity.value(name, 0))
