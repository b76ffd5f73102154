"""Contexts that outlive a process: those that the hub hosts, those it made itself, and copies of those fetched.

Where they are kept is none of this room's business: the door hands down a Shelf (hub/peers/hosting.py).
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

HOSTED, CACHED, IMPLICIT = "Hosted", "Cached", "ImplicitlyCreated"  # Clause 5.13.1.
KINDS = (CACHED, HOSTED, IMPLICIT)
LOCAL = "urn:ngsi-ld:jsonldContext:"
PATH = "/ngsi-ld/v1/jsonldContexts/"
_LOCAL_ADDRESS = re.compile(rf"(?:(?:https?://[^/]+)?{PATH})?({LOCAL}\w+)")


class Shelved(NamedTuple):
    """One kept context: a JSON document with the one member @context."""

    id: str  # Local identifier (clause 5.13.1).
    kind: str
    document: Any
    tenant: str = ""
    url: str = ""  # Where a cached one came from.
    created_at: int = 0  # µs
    expires_at: int = 0  # µs; 0: it does not.


class Shelf(NamedTuple):
    """Where contexts are kept: reading by local identifier, whichever the tenant, and keeping one (or another copy)."""

    read: Callable[[str], Shelved | None]
    keep: Callable[[Shelved], Awaitable[None]]


async def _forget(_: Shelved) -> None:
    """Keep nothing."""


NO_SHELF = Shelf(lambda _: None, _forget)


def local_id(address: str) -> str | None:
    """The local identifier in an address of this or another hub, None when there is none."""
    found = _LOCAL_ADDRESS.fullmatch(unquote(address))
    return found[1] if found is not None else None


def id_for(text: str) -> str:
    """The local identifier of what is known by an address or by its content: the same each time."""
    return LOCAL + hashlib.sha256(text.encode()).hexdigest()[:32]
