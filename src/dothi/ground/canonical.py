"""Canonical JSON (RFC 8785): the same value always gives the same bytes, and so the same hash."""

import hashlib
from typing import Any

import rfc8785

from dothi.ground.errors import Invalid


def canonical(value: Any) -> bytes:
    """The canonical bytes of a JSON value. Invalid when it is none (NaN, a lone surrogate, a key that is no string).

    JSON numbers are doubles there (RFC 8785 section 3.2.2.3), so an integer beyond 2^53 stands as its nearest double.
    """
    try:
        return _dump(value)
    except (rfc8785.CanonicalizationError, UnicodeError, OverflowError, RecursionError) as cause:
        raise Invalid(f"This value has no canonical JSON form: {cause}") from cause


def sha256(value: Any) -> str:
    """SHA-256 (hex) of the canonical bytes of a JSON value."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _dump(value: Any) -> bytes:
    try:
        return rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_doubles(value))


def _doubles(value: Any) -> Any:
    """The value with each integer that a double cannot hold exactly replaced by the nearest double."""
    if isinstance(value, dict):
        return {key: _doubles(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_doubles(member) for member in value]
    return float(value) if isinstance(value, int) and abs(value) > 2**53 - 1 else value
