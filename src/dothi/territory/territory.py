"""The territory as other modules use it: loaded once from the built data files, then asked plainly."""

import hashlib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import msgspec

from dothi.ground.errors import Unavailable
from dothi.territory.gazetteer import Gazetteer, make_gazetteer
from dothi.territory.mergers import Merger, merged
from dothi.territory.model import Register, Resolution, Unit
from dothi.territory.places import Shelf, Zones, make_zones, province_outlines, resolve

DATA = Path(__file__).with_name("data")
UNITS, OUTLINES = "units.json", "provinces.geojson"
HINT = "run scripts/setup, or python -m dothi.territory.build"
PROVINCES_GEOJSON = DATA / OUTLINES
START_VIEW = (102.0, 7.5, 116.5, 23.6)  # West, south, east, north: the country with both archipelagos.


@dataclass(frozen=True, slots=True, repr=False)
class Territory:
    """Units in time, outlines of the provinces, and which commune a place lies in. Every `at` is a day, None today."""

    register: Register  # As built; what was decided since stands on the shelf.
    built: Gazetteer
    built_zones: Zones
    outlines: bytes  # GeoJSON of the country map: 34 provinces, both archipelagos, a label point for each.
    outlines_tag: str  # Changes with the outlines.
    attribution: str  # Of the outlines; must stand on the map.
    shelf: Shelf = field(default_factory=Shelf)  # Official boundaries, once imported, and mergers, once decided.

    @classmethod
    def load(cls, folder: Path = DATA) -> "Territory":
        """The territory of the data files in `folder`. Unavailable when they were not built."""
        register = _register(folder / UNITS)
        outlines = _read(folder / OUTLINES)
        collection = msgspec.json.decode(outlines)
        gazetteer = make_gazetteer(register)
        zones = make_zones(gazetteer, province_outlines(collection))
        tag = hashlib.sha256(outlines).hexdigest()[:16]
        return cls(register, gazetteer, zones, outlines, tag, collection["attribution"])

    def __repr__(self) -> str:
        """Short: logs and failing tests print what holds a territory, and ten thousand units help nobody."""
        return f"<Territory of {len(self.gazetteer.states)} codes>"

    @property
    def gazetteer(self) -> Gazetteer:
        """All units there are or were, with the mergers decided since the data were built."""
        return self.shelf.gazetteer or self.built

    @property
    def zones(self) -> Zones:
        """The rough areas to guess within."""
        return self.shelf.zones or self.built_zones

    def take_mergers(self, mergers: tuple[Merger, ...]) -> None:
        """Let the decided mergers hold, all of them at once; whoever keeps something of the units is told."""
        if mergers == self.shelf.mergers:
            return
        gazetteer = make_gazetteer(merged(self.register, mergers))
        outlines = province_outlines(msgspec.json.decode(self.outlines))
        self.shelf.gazetteer, self.shelf.zones = gazetteer, make_zones(gazetteer, outlines)
        self.shelf.mergers = mergers
        for told in self.shelf.watchers:
            told()

    def unit(self, code: str, at: date | None = None) -> Unit:
        """The unit of a code; without a day as it is today, or was last. Missing when there was none."""
        return self.gazetteer.unit(code, at)

    def knows(self, code: str, at: date | None = None) -> bool:
        """Whether a unit of this code is in force on the day."""
        return self.gazetteer.knows(code, at)

    def valid_at(self, at: date | None = None, level: str | None = None) -> tuple[Unit, ...]:
        """All units in force on a day; `level` is province, district or commune."""
        return self.gazetteer.valid_at(at, level)

    def provinces(self, at: date | None = None) -> tuple[Unit, ...]:
        """The provinces in force on a day."""
        return self.gazetteer.valid_at(at, "province")

    def communes_of(self, province: str, at: date | None = None) -> tuple[Unit, ...]:
        """The communes of a province on a day. Missing when there was no such province."""
        return self.gazetteer.communes_of(province, at)

    def province_of(self, code: str, at: date | None = None) -> Unit:
        """The province that a unit belongs to; a province is its own."""
        return self.gazetteer.province_of(code, at)

    def within(self, code: str) -> frozenset[str]:
        """The codes at and below a unit, those closed since July 2025 too: what somebody of that area may see."""
        return self.gazetteer.within(code)

    def with_former(self, code: str, at: date | None = None) -> frozenset[str]:
        """A code and those that closed since July 2025 with it as their only heir: whose work it has taken over."""
        return self.gazetteer.with_former(code, at)

    def chain(self, code: str, at: date | None = None) -> tuple[Unit, ...]:
        """Province first, the unit itself last: the order in which settings are inherited and overridden."""
        return self.gazetteer.chain(code, at)

    def successors(self, code: str, at: date | None = None) -> tuple[Unit, ...]:
        """The units that took the place of an old code; several when it was split, the main heir first."""
        return self.gazetteer.successors(code, at)

    def predecessors(self, code: str, at: date | None = None) -> tuple[Unit, ...]:
        """The units that a unit was made of."""
        return self.gazetteer.predecessors(code, at)

    def search(
        self, text: str, at: date | None = None, limit: int = 20, level: str | None = None, closed: bool = False
    ) -> list[Unit]:
        """Units by name or code, best first; marks and tone placement do not matter; "ba đình, hà nội" narrows."""
        return self.gazetteer.search(text, at, limit, level, closed)

    def resolve(self, lon: float, lat: float) -> Resolution:
        """The commune of a place (WGS 84 degrees). One that is not `exact` routes nothing without a person's yes."""
        return resolve(self.gazetteer, self.zones, self.shelf.boundaries, lon, lat)


def _register(file: Path) -> Register:
    try:
        return msgspec.json.decode(_read(file), type=Register)
    except msgspec.DecodeError as cause:
        raise Unavailable(f"{file.name} was built by another version of dothi: {HINT}.") from cause


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as cause:
        raise Unavailable(f"{file.name} was not built yet: {HINT}.") from cause
