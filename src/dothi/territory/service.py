"""The verbs of the territory: import official boundaries into the hub, and read them from it."""

import logging
from datetime import date

import msgspec
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from dothi.ground.ids import urn
from dothi.hub.core import Hub
from dothi.hub.model import ABSENT, Actor, Change, Commit, Entity, Receipt, create, geo, prop, put, system, words
from dothi.territory.boundaries import Checked, Mended, Overlap, as_geojson, check_boundaries
from dothi.territory.mergers import Merger, check
from dothi.territory.model import Kind, Unit
from dothi.territory.places import make_boundaries
from dothi.territory.territory import Territory

log = logging.getLogger("dothi.territory")
OWNER = "territory"
KIND = "AdministrativeUnit"
MERGER = "UnitMerger"
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
    """Let nobody but the import write boundaries, and the verb mergers; app.py calls this once."""
    hub.own(OWNER, {KIND: VERB, MERGER: "POST /api/mergers"})
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


async def record_merger(hub: Hub, territory: Territory, actor: Actor, merger: Merger) -> Receipt:
    """Let communes be one from a day on. Invalid (with `field`) when it cannot be; Conflict when it is recorded.

    What was filed, owed and measured under a closed code stays under it, and the heir answers for it.
    """
    check(territory.gazetteer, merger)
    name = urn(MERGER, merger.code, merger.effective.isoformat())
    attrs = {
        "code": prop(merger.code),
        "codes": prop(list(merger.codes)),
        "name": prop(merger.name),
        "kind": prop(merger.kind.value),
        "unit": prop(merger.code),
        "validFrom": prop(merger.effective.isoformat()),
        "decision": prop(merger.decision.strip()),
    }
    change = create(name, MERGER, **attrs)
    receipt = await hub.commit(Commit(actor, (change,), merger.decision.strip(), {name: ABSENT}, owner=OWNER))
    refresh(territory, hub)
    return receipt


def mergers(hub: Hub) -> tuple[Merger, ...]:
    """The mergers that were recorded, in order of their days."""
    found = hub.find(system(OWNER), MERGER, limit=PAGE, order=("validFrom",))
    return tuple(filter(None, map(_merger, found)))


def _merger(entity: Entity) -> Merger | None:
    """The merger that an entity holds; one that cannot be read (of a newer dothi, say) is told of and left out."""
    value = entity.value
    try:
        day, kind = date.fromisoformat(value("validFrom")), Kind(value("kind"))
        return Merger(tuple(value("codes")), value("code"), value("name"), kind, day, value("decision"))
    except (TypeError, ValueError) as unreadable:
        log.warning("%s cannot be read and is left out: %r", entity.id, unreadable)
        return None


def refresh(territory: Territory, hub: Hub) -> int:
    """Read mergers and official boundaries from the hub anew, at start and after each; returns how many boundaries."""
    territory.take_mergers(mergers(hub))
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
    """Follow the feed from `after` and refresh after each import of boundaries and each merger; until cancelled."""
    async for commit in hub.follow(after, lambda types: KIND in types or MERGER in types, whole=False):
        if commit.entries:
            refresh(territory, hub)
