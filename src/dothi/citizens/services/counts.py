"""What other agencies report of their services: counts and ratings, each row checked; bad ones are held back.

`sources` receives the batches (API keys, idempotency keys, quarantine with the reason) and hands the rows here.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from dothi.citizens.model import COUNT_TYPE, OWNER, RATING_TYPE
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.citizens.services.measures import SERVICE, month_of
from dothi.citizens.services.registry import NoSuchService, service
from dothi.ground.clock import DAY, from_iso, iso, now_us
from dothi.ground.errors import DothiError, Invalid
from dothi.hub.model import (
    Actor,
    Attribute,
    Change,
    Commit,
    Op,
    Receipt,
    Result,
    default_instance,
    instance_value,
    prop,
    rel,
)

ALL = "all"  # What a row says that is about no unit or group in particular.
MOST = 100_000_000
Row = Mapping[str, Any]
Check = Callable[[Citizens, Row], dict[str, Attribute]]


async def write_rows(
    citizens: Citizens, check: Check, actor: Actor, changes: Sequence[Change], reason: str, key: str | None
) -> Receipt:
    """Write rows of one type, each for itself (the Writer of dothi.sources); the same key twice writes once."""
    checked = [_checked(citizens, check, change) for change in changes]
    good = tuple(change for change in checked if isinstance(change, Change))
    commit = Commit(SYSTEM, good, f"{reason} (by {actor.id})", key=key, partial=True, owner=OWNER)
    receipt = await citizens.hub.commit(commit)
    written = iter(receipt.results)
    results = tuple(
        next(written) if isinstance(one, Change) else Result(change.id, "failed", error=one)
        for change, one in zip(changes, checked, strict=True)
    )
    return msgspec.structs.replace(receipt, results=results)


def _checked(citizens: Citizens, check: Check, change: Change) -> Change | DothiError:
    row = {name: instance_value(default_instance(attribute)) for name, attribute in change.attrs.items()}
    try:
        attrs = check(citizens, row)
    except DothiError as fault:
        return fault
    source = {"source": change.attrs["source"]} if "source" in change.attrs else {}
    # A month reported anew replaces what was said of it: a batch corrects, it never adds up.
    return msgspec.structs.replace(change, op=Op.PUT, attrs=attrs | source)


def _named(citizens: Citizens, row: Row) -> str:
    try:
        found = service(citizens, str(row.get("service", "")))
    except NoSuchService as cause:
        told = str(row.get("service"))[:40]
        raise Invalid(f"service: no service “{told}” is registered.", attribute="service") from cause
    if found.id == SERVICE:
        raise Invalid("service: reporting is counted here and by nobody else.", attribute="service")
    return found.id


def _place(citizens: Citizens, row: Row) -> dict[str, Attribute]:
    unit, group = (str(row.get(name) or ALL) for name in ("unit", "group"))
    if unit != ALL and not citizens.territory.knows(unit):
        raise Invalid(f"unit: no unit with code {unit[:10]} is in force.", attribute="unit")
    attrs: dict[str, Attribute] = {}
    if unit != ALL:
        attrs["unit"] = prop(unit)
    if group != ALL:
        attrs["group"] = prop(group[:40])
    return attrs


def count_row(citizens: Citizens, row: Row) -> dict[str, Attribute]:
    """The attributes of one row of counts. Invalid names the attribute that is wrong."""
    period = _period(str(row.get("period", "")))
    numbers = {name: _whole(row, name) for name in ("views", "uses", "asked")}
    if numbers["asked"] > numbers["uses"]:
        raise Invalid("asked: more people were asked than used the service.", attribute="asked")
    attrs: dict[str, Attribute] = {"service": rel(_named(citizens, row)), "period": prop(period)}
    return attrs | _place(citizens, row) | {name: prop(value) for name, value in numbers.items()}


def rating_row(citizens: Citizens, row: Row) -> dict[str, Attribute]:
    """The attributes of one rating that an agency collected. Invalid names the attribute that is wrong."""
    stars, at = _whole(row, "stars"), _instant(row)
    if not 1 <= stars <= 5:
        raise Invalid("stars: a rating is from 1 to 5.", attribute="stars")
    attrs: dict[str, Attribute] = {
        "service": rel(_named(citizens, row)),
        "stars": prop(stars),
        "ratedAt": prop(iso(at)),
        "period": prop(month_of(at)),
        "channel": prop("agency"),
    }
    return attrs | _place(citizens, row)


def _period(text: str) -> str:
    shape = len(text) == 7 and text[4] == "-" and (text[:4] + text[5:]).isdigit() and 1 <= int(text[5:]) <= 12
    if not shape or not "2000-01" <= text <= month_of(now_us()):
        raise Invalid(f"period: “{text[:20]}” is no month that has begun; write it as 2026-11.", attribute="period")
    return text


def _instant(row: Row) -> int:
    try:
        at = from_iso(str(row.get("ratedAt", "")))
    except ValueError as cause:
        raise Invalid(f"ratedAt: “{str(row.get('ratedAt'))[:40]}” is no date-time.", attribute="ratedAt") from cause
    if at > now_us() + DAY:
        raise Invalid("ratedAt: this lies in the future.", attribute="ratedAt")
    return at


def _whole(row: Row, name: str) -> int:
    value = row.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or not 0 <= value <= MOST:
        raise Invalid(f"{name}: “{str(value)[:20]}” is no count.", attribute=name)
    return int(value)


def writers(citizens: Citizens) -> dict[str, Any]:
    """The writers that `sources` hands rows of these types to."""
    return {
        COUNT_TYPE: partial(write_rows, citizens, count_row),
        RATING_TYPE: partial(write_rows, citizens, rating_row),
    }
