"""The nouns of the territory: units in time, how one follows another, and the answer to "which unit is here?"."""

from datetime import date, timedelta
from enum import StrEnum

import msgspec

TWO_TIERS_SINCE = date(2025, 7, 1)  # Province and commune, no district: Law on local government of 2025.
PROVINCE, DISTRICT, COMMUNE = "province", "district", "commune"
LEVELS = {2: PROVINCE, 3: DISTRICT, 5: COMMUNE}  # By the number of digits of a code.


class Kind(StrEnum):
    """What the law calls a unit; a city is a province or a district, its code says which."""

    PROVINCE = "tỉnh"
    CITY = "thành phố"
    COMMUNE = "xã"
    WARD = "phường"
    SPECIAL_ZONE = "đặc khu"
    URBAN_DISTRICT = "quận"  # The rest ended on 30/06/2025.
    RURAL_DISTRICT = "huyện"
    TOWN = "thị xã"
    TOWNSHIP = "thị trấn"


class Unit(msgspec.Struct, frozen=True, array_like=True):
    """One administrative unit as it stood from `valid_from` to `valid_to` (its last day); a change begins a new one.

    `lon` and `lat` (WGS 84) are its middle: enough to draw a point, never enough to route a case.
    """

    code: str  # Of the General Statistics Office: 2 digits a province, 3 a district, 5 a commune.
    kind: Kind
    name: str  # In full, as the source writes it: "Phường Thuận Hóa".
    name_en: str
    parent: str | None  # Code of the unit above it in its time.
    lon: float | None
    lat: float | None
    area_km2: float | None
    valid_from: date | None  # None: from before the source begins.
    valid_to: date | None  # None: still so.
    source: str

    @property
    def level(self) -> str:
        """province, district or commune."""
        return LEVELS[len(self.code)]

    @property
    def short(self) -> str:
        """The name without its kind: "Thuận Hóa"; numbered wards keep it ("Phường 1")."""
        bare = self.name[len(self.kind) :].strip()
        return self.name if bare.isdecimal() else bare

    @property
    def middle(self) -> tuple[float, float] | None:
        """(lon, lat), or None where the source has no place for the unit."""
        return None if self.lon is None or self.lat is None else (self.lon, self.lat)

    def name_in(self, language: str) -> str:
        """The full name in "vi" or "en"."""
        return self.name_en if language == "en" else self.name

    def held(self, day: date) -> bool:
        """Whether the unit was so on `day`."""
        return (self.valid_from or date.min) <= day <= (self.valid_to or date.max)

    def closed_before(self, day: date) -> bool:
        """Whether the unit had ended before `day`."""
        return self.valid_to is not None and self.valid_to < day


class Register(msgspec.Struct, frozen=True):
    """All units there are, with who followed whom: pairs of places in `units`, the main heir of a split unit first."""

    source: str
    units: tuple[Unit, ...]
    followed: tuple[tuple[int, int], ...]


class Candidate(msgspec.Struct, frozen=True):
    """A commune that a place may lie in, and the metres from the place to its middle (or boundary, where known)."""

    unit: Unit
    distance_m: float


class Resolution(msgspec.Struct, frozen=True):
    """Which commune a place lies in. Nothing may be routed by one that is not `exact` without a person's yes.

    `exact`: one official boundary holds the place. Else `unit` is the nearest guess, `distance_m` the metres to its
    middle, `alternatives` the next ones. `unit` is None in the sea and abroad.
    """

    unit: Unit | None = None
    exact: bool = False
    distance_m: float | None = None
    alternatives: tuple[Candidate, ...] = ()


def day_before(day: date) -> date:
    """The day before."""
    return day - timedelta(days=1)
