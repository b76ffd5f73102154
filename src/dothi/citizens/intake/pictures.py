"""The look of a photo as 64 bits (difference hash): a picture used before is a hint to staff, never a refusal."""

import io
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from PIL import Image

from dothi.citizens.model import TYPE
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.hub.language.nodes import Compare, Query, TypeIs
from dothi.hub.model import Entity

SIDE = 8
BITS = SIDE * SIDE
BAND = 16  # Two looks that differ in at most 3 of 64 bits have one of four bands in common.
CLOSE = 3
FLAT = 4  # A picture with so few edges (or so few without) looks like any other plain one.
LISTED = 200


def look_of(content: bytes) -> str:
    """16 hex digits that hardly change when a picture is shrunk or saved anew; "" for a plain one."""
    with Image.open(io.BytesIO(content)) as picture:
        grey = picture.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.LANCZOS)
    points = grey.tobytes()
    rows = (points[row * (SIDE + 1) : (row + 1) * (SIDE + 1)] for row in range(SIDE))
    bits = [left > right for row in rows for left, right in pairwise(row)]
    if not FLAT <= sum(bits) <= BITS - FLAT:
        return ""
    return f"{sum(bit << place for place, bit in enumerate(bits)):016x}"


def bands(looks: Iterable[str]) -> list[str]:
    """What an index finds near looks by: each quarter with its place."""
    step = BAND // 4
    return sorted(
        {f"{start // step}{look[start : start + step]}" for look in looks for start in range(0, len(look), step)}
    )


def differ(one: str, other: str) -> int:
    """In how many bits two looks differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def used_before(citizens: Citizens, looks: Sequence[str], but: str = "") -> list[str]:
    """Numbers of reports that hold a picture with nearly one of these looks, the newest first; `but` is left out."""
    if not looks:
        return []
    asked = Compare(("looks",), "==", tuple(bands(looks)))
    page = citizens.hub.query(SYSTEM, Query(TypeIs(TYPE), q=asked, limit=LISTED, order=("-filedAt",)))
    return [str(one.value("code")) for one in page if one.value("code") != but and _close(one, looks)]


def _close(entity: Entity, looks: Sequence[str]) -> bool:
    photos: list[dict[str, Any]] = entity.value("photos", [])
    theirs = [str(photo["look"]) for photo in photos if photo.get("look")]
    return any(differ(mine, other) <= CLOSE for mine in looks for other in theirs)
