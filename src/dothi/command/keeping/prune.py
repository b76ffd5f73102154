"""Which backups are kept: all of the last day, then one a day, a week, a month, as the operator's policy says.

What no kept backup needs any more leaves the place with the rest; the newest backup always stays.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from dothi.command.keeping import manifest
from dothi.command.keeping.chunks import FILES, FOLDER, chunk_name, file_name, read_chunk
from dothi.command.keeping.manifest import Manifest, moment
from dothi.command.keeping.snapshot import Kept
from dothi.ground.clock import SECOND, to_datetime
from dothi.ground.errors import Invalid
from dothi.ground.places import Place

_WORD = re.compile(r"(\d{1,4})([dwm])")
_DAY = 86_400 * SECOND


class Policy(msgspec.Struct, frozen=True):
    """How many days, weeks and months have a backup kept, counted back from now."""

    days: int = 0
    weeks: int = 0
    months: int = 0


def read_policy(text: str) -> Policy:
    """The policy of a text such as 7d,4w,12m. Invalid when it cannot be one."""
    found = [_WORD.fullmatch(word.strip()) for word in text.split(",")]
    counts = {one[2]: int(one[1]) for one in found if one}
    if not all(found) or len(counts) != len(found):
        raise Invalid(f"--keep {text!r} cannot be read: say e.g. 7d,4w,12m (days, weeks, months).")
    return Policy(counts.get("d", 0), counts.get("w", 0), counts.get("m", 0))


def chosen(names: Iterable[str], policy: Policy, now: int) -> set[str]:
    """The names of the backups that stay: the last one of each day, week and month of the policy (times in UTC)."""
    ordered = sorted(names, key=moment)
    stay = {*ordered[-1:], *(name for name in ordered if now - moment(name) < _DAY)}
    for count, unit in ((policy.days, _day), (policy.weeks, _week), (policy.months, _month)):
        last = {unit(to_datetime(moment(name))): name for name in ordered}
        stay.update(last[key] for key in sorted(last)[-count:] if count)
    return stay


def _day(at: datetime) -> str:
    return at.strftime("%Y-%m-%d")


def _week(at: datetime) -> str:
    return (at - timedelta(days=at.weekday())).strftime("%Y-%m-%d")


def _month(at: datetime) -> str:
    return at.strftime("%Y-%m")


def prune(place: Place, policy: Policy, now: int) -> list[str]:
    """Take away backups beyond the policy, then what no other needs; returns the names of those that went."""
    names = manifest.listed(place)
    stay = chosen(names, policy, now)
    went = [name for name in names if name not in stay]
    if not went:
        return []
    needed = {name for one in sorted(stay) for name in _needed(place, manifest.read(place, one))}
    for name in went:
        place.remove(name)
    for folder in (FOLDER, FILES):
        for name in list(place.names(folder)):
            if name not in needed:
                place.remove(name)
    return went


def _needed(place: Place, one: Manifest) -> Iterable[str]:
    """The names of all chunks and files of a backup."""
    for image in one.images:
        yield from map(chunk_name, image.chunks)
    for digest in (digest for tree in one.trees for listed in tree.lists.values() for digest in listed):
        yield chunk_name(digest)
        yield from (file_name(kept.sha256) for kept in msgspec.json.decode(read_chunk(place, digest), type=list[Kept]))
