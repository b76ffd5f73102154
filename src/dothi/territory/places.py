"""Which commune a place lies in: exactly by official boundaries, else a guess by the units' middles, and said so."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import shapely
from shapely import Point, STRtree
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from dothi.ground.errors import Invalid
from dothi.ground.geometry import distance_m, haversine_m
from dothi.territory.gazetteer import Gazetteer
from dothi.territory.mergers import Merger
from dothi.territory.model import COMMUNE, TWO_TIERS_SINCE, Candidate, Resolution, Unit

COAST_DEG = 0.018  # 2 km: so far may the coarse outlines be off a coast or a border.
NEAR_DEG = 0.0045  # 500 m: a jetty or a bridge just off an official boundary.
CANDIDATES_MAX = 5
ISLAND_WIDTHS = 2.0  # An island missing from the outlines is a disc this many times its own radius.


@dataclass(frozen=True, slots=True)
class Zones:
    """Rough areas to guess within: each province's outline, and a disc around each island that no outline has."""

    tree: STRtree
    communes: tuple[tuple[Unit, ...], ...]  # In the order of the tree.


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Official outlines of communes, as imported."""

    codes: tuple[str, ...] = ()
    geometries: tuple[BaseGeometry, ...] = ()
    tree: STRtree = field(default_factory=lambda: STRtree([]))

    def holding(self, point: Point) -> list[str]:
        """Codes of the communes whose boundary holds the point, border included."""
        return sorted(self.codes[place] for place in self.tree.query(point, predicate="intersects"))

    def near(self, point: Point) -> list[tuple[str, float]]:
        """(code, metres) of the communes within 500 m of the point."""
        places = self.tree.query(point, predicate="dwithin", distance=NEAR_DEG)
        return [(self.codes[place], distance_m(point, self.geometries[place])) for place in places]


@dataclass(slots=True)
class Shelf:
    """Where the boundaries in force stand, and the mergers; replaced as a whole after an import or a decision."""

    boundaries: Boundaries = field(default_factory=Boundaries)
    gazetteer: Gazetteer | None = None  # With the mergers; None while there are none.
    zones: Zones | None = None
    mergers: tuple[Merger, ...] = ()
    watchers: list[Callable[[], None]] = field(default_factory=list)  # Called when the units have changed.


def make_zones(gazetteer: Gazetteer, provinces: Mapping[str, BaseGeometry]) -> Zones:
    """The zones of the outlines of provinces (by code) and of the islands off them."""
    geometries: list[BaseGeometry] = []
    communes: list[tuple[Unit, ...]] = []
    for code, outline in provinces.items():
        inside = tuple(unit for unit in gazetteer.children.get(code, ()) if _placed(unit))
        geometries.append(outline)
        communes.append(inside)
        for unit in inside:
            middle = Point(_middle(unit))
            if outline.distance(middle) > COAST_DEG:
                geometries.append(middle.buffer(_island_radius(unit)))
                communes.append((unit,))
    return Zones(STRtree(geometries), tuple(communes))


def make_boundaries(gazetteer: Gazetteer, outlines: Iterable[tuple[str, BaseGeometry]]) -> Boundaries:
    """The tree of official outlines by code; a code closed since is followed to its only heir, or dropped."""
    rows = [(heir, outline) for code, outline in outlines if (heir := present_code(gazetteer, code))]
    shapely.prepare([outline for _, outline in rows])
    return Boundaries(
        tuple(code for code, _ in rows), tuple(outline for _, outline in rows), STRtree([row[1] for row in rows])
    )


def present_code(gazetteer: Gazetteer, code: str) -> str | None:
    """The code itself while it is in force, that of its only heir when it was closed, else None."""
    if gazetteer.knows(code):
        return code
    heirs = gazetteer.successors(code) if code in gazetteer.states else ()
    return heirs[0].code if len(heirs) == 1 else None


def resolve(gazetteer: Gazetteer, zones: Zones, boundaries: Boundaries, lon: float, lat: float) -> Resolution:
    """The commune of a place (WGS 84 degrees). Invalid when the numbers are no place on Earth."""
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise Invalid(f"lon {lon}, lat {lat} is no place: lon goes from -180 to 180, lat from -90 to 90.")
    point = Point(lon, lat)
    holding = [gazetteer.unit(code) for code in _present(gazetteer, boundaries.holding(point))]
    if len(holding) == 1:
        return Resolution(holding[0], exact=True, distance_m=0.0)
    if holding:  # On a border, or two boundaries overlap: a person has to choose.
        return _guess([Candidate(unit, 0.0) for unit in holding])
    known = frozenset(boundaries.codes)
    guesses = _guesses(zones, point, known)
    beside = [Candidate(gazetteer.unit(code), metres) for code, metres in boundaries.near(point)]
    return _guess(guesses + sorted(beside, key=lambda one: one.distance_m))


def _present(gazetteer: Gazetteer, codes: Iterable[str]) -> list[str]:
    """The codes in force today: one that a merger has closed since is followed to its heir."""
    return sorted({present_code(gazetteer, code) or code for code in codes})


def _guesses(zones: Zones, point: Point, known: frozenset[str]) -> list[Candidate]:
    """Communes near the point by distance to their middle, the nearest of its own zone first.

    A commune whose official boundary is known does not hold the point, so it is left out.
    """
    own = set(zones.tree.query(point, predicate="intersects").tolist())
    around = set(zones.tree.query(point, predicate="dwithin", distance=COAST_DEG).tolist())
    units = {
        unit.code: (unit, place in own)
        for place in sorted(around, key=lambda place: place in own)
        for unit in zones.communes[place]
        if unit.code not in known
    }
    ranked = sorted((haversine_m(point.x, point.y, *_middle(unit)), code) for code, (unit, _) in units.items())
    nearest = [(Candidate(units[code][0], metres), units[code][1]) for metres, code in ranked]
    first = next((one for one, inside in nearest if inside), None)
    others = [one for one, _ in nearest if one is not first]
    return ([first] if first else []) + others


def _guess(candidates: list[Candidate]) -> Resolution:
    if not candidates:
        return Resolution()
    first, *others = candidates[:CANDIDATES_MAX]
    return Resolution(first.unit, False, first.distance_m, tuple(others))


def _placed(unit: Unit) -> bool:
    """Whether a unit is a commune of the two tiers with a middle, in force today or later."""
    two_tiers = unit.level == COMMUNE and (unit.valid_from or TWO_TIERS_SINCE) >= TWO_TIERS_SINCE
    return two_tiers and unit.valid_to is None and unit.middle is not None


def _middle(unit: Unit) -> tuple[float, float]:
    """Of a unit that has one, see _placed."""
    return unit.middle or (0.0, 0.0)


def _island_radius(unit: Unit) -> float:
    """Degrees; at least the slack that a coast gets."""
    return max(COAST_DEG, ISLAND_WIDTHS * math.sqrt((unit.area_km2 or 0) / math.pi) / 111.2)


def province_outlines(collection: Mapping[str, object]) -> dict[str, BaseGeometry]:
    """Outlines by code of the provinces in the country map's GeoJSON."""
    features = collection["features"]
    if not isinstance(features, list):
        raise Invalid("The country map's GeoJSON has no list of features; run python -m dothi.territory.build again.")
    return {
        one["properties"]["code"]: shape(one["geometry"]) for one in features if one["properties"]["role"] == "province"
    }
