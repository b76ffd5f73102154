"""Identifiers: URNs of entities, short public codes, unguessable secrets."""

import secrets
import uuid

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # No 0/O, 1/I/L: people read these aloud over the phone.


def urn(kind: str, *parts: str) -> str:
    """The URN of an entity of `kind` named by `parts`, or by a new random name when there are none."""
    return f"urn:ngsi-ld:{kind}:{':'.join(parts) or uuid.uuid4().hex}"


def public_code(length: int = 8) -> str:
    """A random code for people, e.g. to follow a report."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(length))


def secret() -> str:
    """An unguessable token of 256 bits, safe in an address."""
    return secrets.token_urlsafe(32)
