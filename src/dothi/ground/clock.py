"""Instants as whole microseconds since 1970 in UTC, and their ISO 8601 form.

The time of now is always handed down as a value (`now: int`), so that a test can choose it.
"""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_us() -> int:
    """The present instant in microseconds since 1970-01-01T00:00:00Z."""
    return time.time_ns() // 1000


def iso(instant: int) -> str:
    """`instant` (µs) as ISO 8601 in UTC, e.g. 2026-11-22T07:08:49.123456Z, without a zero fraction."""
    moment = to_datetime(instant)
    return moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def from_iso(text: str) -> int:
    """The instant (µs) of an ISO 8601 date-time or date; without a zone it is UTC. ValueError when it is neither."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return from_datetime(moment)


def from_datetime(moment: datetime) -> int:
    """The instant (µs) of an aware datetime."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def to_datetime(instant: int) -> datetime:
    """The aware UTC datetime of an instant (µs)."""
    return _EPOCH + timedelta(microseconds=instant)
