"""What comes before what where values are of several kinds (clause 4.23.2)."""

import re
from typing import Any, NamedTuple

import msgspec

from dothi.ground.clock import from_iso
from dothi.hub.language.collation import Key

# Clause 4.23.2: what comes before what where values are of several kinds; a place before all when sorting by distance.
PLACE, NUMBER, TEXT, OBJECT, ARRAY, TRUTH, TIME, DATE, MOMENT, NOTHING, ABSENT = range(-1, 10)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:[.,]\d{1,6})?Z?", re.ASCII)
_encode = msgspec.json.Encoder(order="sorted").encode


class Rank(NamedTuple):
    """Where a value stands: its kind, and among its kind."""

    kind: int
    value: Any


MISSING = object()  # The value of what is not there.


def rank(value: Any, key: Key) -> Rank:
    """Where a value stands; `key` is the sort key of texts."""
    if isinstance(value, bool):
        return Rank(TRUTH, value)
    if isinstance(value, int | float):
        return Rank(NUMBER, value)
    if isinstance(value, str):
        return _of_text(value, key)
    if isinstance(value, dict):
        return Rank(OBJECT, _encode(value))
    if isinstance(value, list):
        return Rank(ARRAY, [rank(one, key) for one in value])
    return Rank(ABSENT if value is MISSING else NOTHING, 0)


def _of_text(text: str, key: Key) -> Rank:
    try:
        if _MOMENT.fullmatch(text):
            return Rank(MOMENT, from_iso(text))
    except (ValueError, OverflowError):
        return Rank(TEXT, key(text))
    if _DATE.fullmatch(text):
        return Rank(DATE, text)
    return Rank(TIME, text) if _TIME.fullmatch(text) else Rank(TEXT, key(text))
