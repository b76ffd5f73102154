"""The map of the country and the city: communes, what sensors say and since when, reports near enough, alarms."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dothi.citizens.model import CLOSED
from dothi.citizens.reading import PublicReport, public_list
from dothi.ground.clock import from_iso
from dothi.hub.model import Entity
from dothi.operations.alarms import service
from dothi.web.page import Menu, Page, render, visit, words
from dothi.web.pages.operations.situation import alarm_feature, row
from dothi.web.pages.shown import (
    KINDS,
    STAFF,
    Kind,
    bare,
    collection,
    feature,
    find,
    name_of,
    point,
    reading,
    short,
    start_of,
    unit_name,
)
from dothi.web.parts import parts

REPORTS, ALARMS = "CitizenReport", "Alarm"
LAYERS = (*(one.name for one in KINDS), REPORTS, ALARMS)
USUAL = frozenset(LAYERS) - {"PublicTransportStop"}
LISTED = 60  # Rows of a layer in the list beside the map; the rest is counted.
MOST = 5000
FOUND = 12
COMMUNE_ZOOM = 13.0


@dataclass(frozen=True)
class Point:
    """One line of the list beside the map."""

    name: str
    href: str
    text: str
    at: int | None
    old: bool
    place: str


@dataclass(frozen=True)
class Layer:
    """Things of one type: those listed, and how many there are."""

    name: str
    icon: str
    points: list[Point]
    count: int
    old: int


async def city_map(request: Request) -> Response:
    """What is where, and what does it say now?"""
    chosen = _chosen(request)
    asked = request.query_params.get("q", "").strip()[:80]
    territory, province = parts(request).territory, parts(request).province
    found = territory.search(asked, None, FOUND, "commune") if asked else []
    inside = territory.within(province) if province else frozenset()
    found = sorted(found, key=lambda unit: unit.code not in inside)
    layers = [_layer(request, name) for name in LAYERS if name in chosen]
    return render(
        request,
        "map/map.html",
        layers=[one for one in layers if one.count],
        ways=[(name, name in chosen) for name in LAYERS if name in USUAL or name == "PublicTransportStop"],
        chosen=",".join(name for name in LAYERS if name in chosen),
        live=" ".join(name for name in LAYERS if name in chosen),
        count=sum(one.count for one in layers),
        old=sum(one.old for one in layers),
        asked=asked,
        found=[(unit.name_in(words(request).language), unit_name(request, unit.parent), _look(unit)) for unit in found],
        start=_start(request),
        province=province,
        attribution=territory.attribution,
    )


def _look(unit: Any) -> str:
    """Where the map goes to show a commune; empty where it has no place."""
    return f"{unit.lon:.5f},{unit.lat:.5f},{COMMUNE_ZOOM:g}" if unit.middle else ""


def _start(request: Request) -> tuple[float, float, float] | None:
    """The place asked for, the city, or (None) the country with both archipelagos."""
    asked = request.query_params.get("at", "")
    if asked == "city":
        return start_of(request)
    try:
        lon, lat, zoom = (float(part) for part in asked.split(","))
    except ValueError:
        return None
    return (lon, lat, zoom) if abs(lon) <= 180 and abs(lat) <= 85 and 2 <= zoom <= 17 else None


def _chosen(request: Request) -> frozenset[str]:
    """The layers asked for; the usual ones when none is named."""
    asked = {name for text in request.query_params.getlist("show") for name in text.split(",")} & set(LAYERS)
    return frozenset(asked) or USUAL


def _layer(request: Request, name: str) -> Layer:
    if name == ALARMS:
        return _alarms(request)
    if name == REPORTS:
        reports = _reports(request)
        return Layer(name, "report", [_told(request, one) for one in reports[:LISTED]], len(reports), 0)
    kind = _kind(name)
    found = [one for one in _entities(request, name) if point(one) is not None]
    points = [_listed(request, kind, one) for one in found[:LISTED]]
    old = sum(reading(request, kind, one)[2] for one in found) if kind.attributes else 0
    return Layer(name, kind.icon, points, len(found), old)


def _kind(name: str) -> Kind:
    return next((one for one in KINDS if one.name == name), Kind(name, "report"))


def _entities(request: Request, name: str) -> list[Entity]:
    return find(request, name, "", MOST)


def _listed(request: Request, kind: Kind, entity: Entity) -> Point:
    text, at, old = reading(request, kind, entity)
    place = unit_name(request, entity.value("unit"))
    return Point(name_of(request, entity), f"/walk/{entity.id}", text, at, old, place)


def _reports(request: Request) -> list[PublicReport]:
    """What everybody may see of the reports that wait for an answer: the place rounded, no words, no photos."""
    found, _ = public_list(parts(request).citizens, limit=MOST)
    return [one for one in found if one.place is not None and one.state not in CLOSED]


def _told(request: Request, report: PublicReport) -> Point:
    category = parts(request).citizens.rules.categories.get(report.category)
    name = words(request).pick(category.names) if category else words(request).t("type.CitizenReport")
    text = words(request).t(f"citizens.state.{report.state}")
    place = unit_name(request, report.unit)
    return Point(name, f"/reports/{report.code}", text, from_iso(report.filed_at), False, place)


def _report_feature(request: Request, report: PublicReport) -> dict[str, object] | None:
    said = _told(request, report)
    text = f"{said.text} · {words(request).age(said.at)}" if said.at is not None else said.text
    if report.place is None:
        return None
    return feature(report.place, id=report.code, name=said.name, kind="note", icon="report", text=text)


def _alarms(request: Request) -> Layer:
    alarms = _open_alarms(request)
    rows = [row(request, one) for one in alarms]
    points = [
        Point(
            f"{one.name}: {one.subject}",
            one.href,
            one.value or words(request).t(f"operations.state.{one.state}"),
            one.since,
            False,
            one.place,
        )
        for one in rows[:LISTED]
    ]
    return Layer(ALARMS, "alarm", points, len(rows), 0)


def _open_alarms(request: Request) -> list[Entity]:
    actor = visit(request).actor
    return service.open_alarms(parts(request).operations, actor) if actor.roles & STAFF else []


async def map_points(request: Request) -> Response:
    """GET /map/points.json?show=Type,Type: the points of the chosen layers, as map.js wants them."""
    found = collection(one for name in LAYERS if name in _chosen(request) for one in _features(request, name))
    return JSONResponse(found, media_type="application/geo+json")


def _features(request: Request, name: str) -> Iterable[dict[str, object] | None]:
    if name == ALARMS:
        return (alarm_feature(request, one) for one in _open_alarms(request))
    if name == REPORTS:
        return (_report_feature(request, one) for one in _reports(request))
    kind = _kind(name)
    return (_feature(request, kind, one) for one in _entities(request, name))


def _feature(request: Request, kind: Kind, entity: Entity) -> dict[str, object] | None:
    place, said = point(entity), _listed(request, kind, entity)
    if place is None:
        return None
    age = words(request).age(said.at) if said.at is not None else ""
    text = " · ".join(part for part in (said.text, age) if part)
    state = "grey" if said.old or not kind.attributes else "note"
    known = {"value": value} if (value := short(request, kind, entity)) else {}
    return feature(place, id=bare(entity.id), name=said.name, kind=state, icon=kind.icon, text=text, **known)


PAGES = (
    Page("/map", city_map, "map.title", menu=Menu("public", 40)),
    Page("/map/points.json", map_points, "map.title", page=False),
)
