"""The tiles of the wall: each figure in words with its unit, age and source, and from when on it is grey."""

from dataclasses import dataclass

from starlette.requests import Request

from dothi.ground.clock import MINUTE, from_iso, now_us
from dothi.hub.model import Entity
from dothi.operations.wall import ROWS_MAX, Scene, Tile, Wall, figure, measured_at
from dothi.sources.model import SourceState
from dothi.sources.rhythm import late_at, state_of
from dothi.web.page import words
from dothi.web.pages.shown import find, measured, name_of, named, number_and_unit

COUNTED = 5 * MINUTE  # What is counted in the hub is grey when the page could not ask anew for so long.
NEVER = 1 << 62
_MOST = 5000


@dataclass(frozen=True)
class Shown:
    """One tile; `grey_at` (µs) is when it stops being trusted if nothing new comes, None where nothing came at all."""

    name: str
    value: str
    unit: str
    note: str
    at: int | None
    source: str
    grey_at: int | None
    late: bool


@dataclass(frozen=True)
class Row:
    """One line of a list of values: what, how much, how old."""

    name: str
    value: str
    at: int
    grey_at: int
    late: bool


@dataclass(frozen=True)
class Listed:
    """A list of the values that a source of another system brings."""

    name: str
    source: str
    rows: tuple[Row, ...]
    more: int
    source_late: bool


def tiles_of(request: Request, wall: Wall, scene: Scene) -> list[Shown]:
    """The figures of a scene."""
    now = now_us()
    return [_shown(request, one, now) for one in wall.tiles_of(scene) if one.take != "list"]


def lists_of(request: Request, wall: Wall, scene: Scene) -> list[Listed]:
    """The lists of a scene."""
    now = now_us()
    return [_listed(request, one, now) for one in wall.tiles_of(scene) if one.take == "list"]


def _found(request: Request, tile: Tile) -> list[Entity]:
    q = f'source=="{tile.source}"' if tile.source else ""
    return find(request, tile.kind, q, _MOST)


def _shown(request: Request, tile: Tile, now: int) -> Shown:
    found = _found(request, tile)
    said, t = figure(tile, found, now), words(request).t
    late = said.late or (bool(tile.source) and _source_late(request, tile.source, now))
    unit = ((said.of or found[0]).instance(tile.attribute) or {}).get("unitCode") if found else None
    value, measure = number_and_unit(request, tile.attribute, said.value, unit, 0 if tile.take == "count" else 1)
    source = _source_name(request, tile, said.of)
    return Shown(
        words(request).pick(tile.names),
        value,
        "" if tile.take == "count" else measure,
        t("wall.fresh", n=said.fresh, of=said.count) if said.count else t("wall.no_data"),
        said.at,
        " · ".join(filter(None, [name_of(request, said.of) if said.of else "", source])),
        None if said.at is None else said.at + tile.stale,
        late,
    )


def _source_name(request: Request, tile: Tile, of: Entity | None) -> str:
    """Whose data it is: the configured system, else the source that the thing itself names."""
    if tile.source:
        return words(request).t("wall.from_system", name=named(request, tile.source))
    source = of.value("source") if of else None
    return named(request, source) if isinstance(source, str) else ""


def _listed(request: Request, tile: Tile, now: int) -> Listed:
    found = [one for one in _found(request, tile) if tile.attribute in one.attrs]
    newest = sorted(found, key=lambda one: -measured_at(one, tile.attribute))
    late = bool(tile.source) and _source_late(request, tile.source, now)
    rows = tuple(_row(request, tile, one, now, late) for one in newest[:ROWS_MAX])
    source = words(request).t("wall.from_system", name=named(request, tile.source)) if tile.source else ""
    return Listed(words(request).pick(tile.names), source, rows, max(0, len(found) - ROWS_MAX), late)


def _row(request: Request, tile: Tile, one: Entity, now: int, source_late: bool) -> Row:
    at, unit = measured_at(one, tile.attribute), (one.instance(tile.attribute) or {}).get("unitCode")
    value = one.value(tile.attribute)
    text = measured(request, tile.attribute, value, unit, 1) if isinstance(value, int | float) else str(value)
    return Row(name_of(request, one), text, at, at + tile.stale, source_late or now - at > tile.stale)


def _source_late(request: Request, source: str, now: int) -> bool:
    found = [one for one in find(request, "DataSource", limit=_MOST) if one.id == source]
    return not found or state_of(found[0], now) is not SourceState.LIVE


@dataclass(frozen=True)
class Line:
    """One source of data on the wall."""

    name: str
    state: str
    kind: str
    icon: str
    seen: int | None
    grey_at: int | None
    simulated: bool


_STATES = {  # Never green by itself: a source that is late or silent stands first, in words.
    SourceState.LIVE: ("good", "good"),
    SourceState.LATE: ("watch", "late"),
    SourceState.NEVER: ("grey", "grey"),
}


def lines(request: Request) -> list[Line]:
    """The sources of data, those that need a look first."""
    now = now_us()
    found = [(state_of(one, now), one) for one in find(request, "DataSource", limit=_MOST)]
    order = [SourceState.LATE, SourceState.NEVER, SourceState.LIVE]
    return [
        Line(
            name_of(request, one),
            state.value,
            *_STATES[state],
            from_iso(one.value("lastSeen")) if one.value("lastSeen") else None,
            late_at(one),
            bool(one.value("simulated")),
        )
        for state, one in sorted(found, key=lambda pair: order.index(pair[0]))
    ]


def counted(request: Request) -> list[Shown]:
    """Citizens' reports: open, urgent, late."""
    now, t = now_us(), words(request).t
    found = find(request, "CitizenReport", "open==true", limit=_MOST)
    late = sum(_due(one) < now for one in found)
    urgent = sum(bool(one.value("urgent")) for one in found)
    today = find(request, "CitizenReport", limit=1, order=("-filedAt",))
    rows = [("reports", len(found), t("wall.reports_note")), ("urgent", urgent, ""), ("late", late, "")]
    newest = today[0].value("filedAt") if today else None
    note = t("wall.newest", age=words(request).age(newest)) if newest else ""
    number, by = words(request).number, t("wall.by_reports")
    return [
        Shown(t(f"wall.count.{name}"), number(n), "", said or note, now, by, now + COUNTED, late=False)
        for name, n, said in rows
    ]


def _due(report: Entity) -> int:
    due = report.value("due")
    return from_iso(due) if isinstance(due, str) else NEVER
