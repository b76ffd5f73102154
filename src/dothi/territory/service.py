"""The verbs of the territory: import official boundaries into the hub, and read them from it."""

import msgspec
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from dothi.ground.ids import urn
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Change, Commit, Entity, Receipt, geo, prop, put, system, words
from dothi.territory.boundaries import Checked, Mended, Overlap, as_geojson, check_boundaries
from dothi.territory.model import Unit
from dothi.territory.places import make_boundaries
from dothi.territory.territory import Territory

OWNER = "territory"
KIND = "AdministrativeUnit"
VERB = "dothi import FILE.geojson with official boundaries by commune code (territory.import_boundaries)"
PAGE = 1000


class ImportReport(msgspec.Struct, frozen=True):
    """What became of a file of boundaries."""

    imported: tuple[str, ...]  # Codes in force.
    mended: tuple[Mended, ...]
    followed: tuple[tuple[str, str], ...]  # (closed code in the file, code in force).
    overlaps: tuple[Overlap, ...]
    lacking: tuple[str, ...]  # Communes of the same provinces that still have no boundary.
    receipt: Receipt


def guard(hub: Hub) -> None:
    """Let nobody but the import write boundaries; app.py calls this once."""
    hub.own(OWNER, {KIND: VERB})
    hub.index(KIND, "code")


async def import_boundaries(
    hub: Hub, territory: Territory, actor: Actor, geojson: object, code_property: str = "code"
) -> ImportReport:
    """Take official boundaries of communes (a decoded FeatureCollection); places resolve exactly from then on.

    Raises Invalid with `errors` when a code or an outline cannot be used, Forbidden when `actor` may not: nothing is
    written then; otherwise all of it is one commit. Importing a commune again replaces its boundary; history keeps
    the old one.
    """
    known = dict(zip(territory.shelf.boundaries.codes, territory.shelf.boundaries.geometries, strict=True))
    checked = check_boundaries(territory.gazetteer, geojson, known, code_property)
    changes = tuple(_change(unit, outline) for unit, outline in checked.outlines)
    receipt = await hub.commit(Commit(actor, changes, reason="official boundaries imported", owner=OWNER))
    refresh(territory, hub)
    return _report(territory, checked, receipt)


def _change(unit: Unit, outline: BaseGeometry) -> Change:
    attrs = {
        "code": prop(unit.code),
        "name": words(vi=unit.name, en=unit.name_en),
        "kind": prop(unit.kind.value),
        "unit": prop(unit.code),
        "location": geo(as_geojson(outline)),
    }
    if unit.parent:
        attrs["parent"] = prop(unit.parent)
    if unit.valid_from:
        attrs["validFrom"] = prop(unit.valid_from.isoformat())
    return put(urn(KIND, unit.code), KIND, **attrs)


def _report(territory: Territory, checked: Checked, receipt: Receipt) -> ImportReport:
    have = set(territory.shelf.boundaries.codes)
    provinces = {unit.parent for unit, _ in checked.outlines if unit.parent}
    lacking = sorted(
        unit.code for province in provinces for unit in territory.communes_of(province) if unit.code not in have
    )
    imported = tuple(unit.code for unit, _ in checked.outlines)
    return ImportReport(imported, checked.mended, checked.followed, checked.overlaps, tuple(lacking), receipt)


def refresh(territory: Territory, hub: Hub) -> int:
    """Read the official boundaries from the hub anew, at start and after an import; returns how many there are."""
    outlines = [(entity.value("code"), shape(entity.value("location"))) for entity in _entities(hub)]
    territory.shelf.boundaries = make_boundaries(territory.gazetteer, outlines)
    return len(territory.shelf.boundaries.codes)


def _entities(hub: Hub) -> list[Entity]:
    found: list[Entity] = []
    while True:
        page = hub.find(system(OWNER), KIND, limit=PAGE, offset=len(found)).entities
        found.extend(page)
        if len(page) < PAGE:
            return found


async def keep_fresh(territory: Territory, hub: Hub, after: int) -> None:
    """Follow the feed from position `after` and refresh after each import of boundaries. Runs until cancelled."""
    async for commit in hub.follow(after, lambda types: KIND in types, whole=False):
        if commit.entries:
            refresh(territory, hub)
