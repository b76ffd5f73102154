"""The home page: three doors for residents, the figures of the city and its map; the points of maps; the words."""

from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dothi.citizens.model import CLOSED, State
from dothi.citizens.reading import Asked, public_list
from dothi.ground.clock import HOUR, from_iso, now_us
from dothi.ground.errors import Forbidden, Missing
from dothi.ground.text import sort_key
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.language.q import parse_q
from dothi.hub.model import Entity
from dothi.hub.vocabulary import NOUNS
from dothi.web.page import Page, menu, render, visit, words
from dothi.web.parts import parts

DOORS = 3
DOOR_ICONS = {"/report": "report", "/follow": "follow", "/reports": "people", "/promises": "promise"}
STATIONS = "AirQualityObserved"
POINTS_MAX = 1000  # On the map, and in the list that says the same.
OLD = 2 * HOUR  # A reading older than this is shown grey.
CITY_ZOOM = 8.6
MAP_ICONS = {
    "AirQualityObserved": "air",
    "TrafficFlowObserved": "traffic",
    "WasteContainer": "waste",
    "WaterObserved": "water",
    "CitizenReport": "report",
    "Alarm": "alarm",
}


@dataclass(frozen=True)
class Figure:
    """One tile: its name as a key, what it says, when it was so, and whether it still holds."""

    name: str
    value: float | None
    of: int | None = None  # The whole, where the value is a part of it.
    unit: str = ""
    at: int | None = None
    source: str = ""
    state: str = "fresh"


async def home(request: Request) -> Response:
    """What anybody can do here, then how the city is now."""
    doors = [(page, DOOR_ICONS.get(page.path, "next"), _hint(request, page)) for page in menu(request, "public")]
    stations = sorted(_stations(request), key=lambda one: -(one.value("pm25") or 0))
    return render(
        request,
        "home/home.html",
        doors=doors[:DOORS],
        figures=list(_figures(request, stations)),
        stations=[(one, _name(request, one), _read_at(one), _is_old(one)) for one in stations[:POINTS_MAX]],
        start=_start(request),
    )


def _hint(request: Request, page: Page) -> str:
    key = f"home.hint.{page.path.strip('/')}"
    return words(request).t(key) if words(request).has(key) else ""


def _figures(request: Request, stations: list[Entity]) -> Iterator[Figure]:
    """The figures that this visitor may see; what is not there yet is said, never zero."""
    if stations:
        worst = stations[0]
        state = "late" if _is_old(worst) else "fresh"
        yield Figure("air", worst.value("pm25"), None, "µg/m³", _read_at(worst), _name(request, worst), state)
    now = visit(request).seq and now_us()
    reports = _reports(request)
    if sum(reports.values()):
        answered = reports.pop(State.ANSWERED)
        waiting = sum(count for state, count in reports.items() if state not in CLOSED)
        yield Figure("open_reports", waiting, waiting + answered, at=now)
    sources = _count(request, "DataSource", "")
    if sources:
        yield Figure("live_sources", _count(request, "DataSource", 'state=="live"'), sources, at=now)


def _reports(request: Request) -> dict[State, int]:
    """How many reports are in each state: this much everybody may know."""
    return {state: public_list(parts(request).citizens, Asked(state=state), 1)[1] for state in State}


def _count(request: Request, kind: str, q: str) -> int | None:
    """How many there are; None when the visitor may not know."""
    query = Query(types=TypeIs(kind), q=parse_q(q) if q else None, limit=0, count=True)
    try:
        return parts(request).hub.query(visit(request).actor, query).count
    except Forbidden:
        return None


def _stations(request: Request) -> list[Entity]:
    try:
        found = parts(request).hub.find(visit(request).actor, STATIONS, "pm25")
    except Forbidden:
        return []
    return [one for one in found if isinstance(one.value("pm25"), int | float)]


def _read_at(entity: Entity) -> int:
    observed = entity.observed_at("pm25")
    return from_iso(observed) if observed else entity.modified_at


def _is_old(entity: Entity) -> bool:
    return now_us() - _read_at(entity) > OLD


def _name(request: Request, entity: Entity) -> str:
    """What people call the thing: its name, else the unit it stands in, else the end of its id."""
    name = words(request).pick(entity.value("name"))
    if name:
        return name
    try:
        return str(parts(request).territory.unit(str(entity.value("unit"))).name)
    except Missing:
        return entity.id.rpartition(":")[2]


def _start(request: Request) -> tuple[float, float, float] | None:
    """Where the map begins: the city's province, else (None) the country."""
    province = parts(request).province
    middle = parts(request).territory.unit(province).middle if province else None
    return (*middle, CITY_ZOOM) if middle else None


async def points(request: Request) -> Response:
    """GET /points/{kind}: GeoJSON of the things of a type that this visitor may see, as maps want it."""
    kind = request.path_params["kind"]
    found = parts(request).hub.find(visit(request).actor, kind, limit=POINTS_MAX, attrs=("location",))
    features = [_feature(request, kind, one) for one in found]
    return JSONResponse({"type": "FeatureCollection", "features": features}, media_type="application/geo+json")


def _feature(request: Request, kind: str, entity: Entity) -> dict[str, object]:
    value, old = entity.value("pm25"), kind == STATIONS and _is_old(entity)
    text = f"PM2.5 {words(request).number(value, 1)} µg/m³ · {words(request).age(_read_at(entity))}" if value else ""
    shown = {"name": _name(request, entity), "kind": "grey" if old else "note", "icon": MAP_ICONS.get(kind, "place")}
    if value:
        shown["value"] = words(request).number(value, 0)
    return {
        "type": "Feature",
        "id": entity.id,
        "properties": shown | {"text": text},
        "geometry": entity.value("location"),
    }


async def glossary(request: Request) -> Response:
    """What do the words on these pages mean."""
    t, has = words(request).t, words(request).has
    rows = [(t(f"type.{kind}"), kind, t(f"type.meaning.{kind}")) for kind in NOUNS if has(f"type.{kind}")]
    return render(request, "home/glossary.html", rows=sorted(rows, key=lambda row: sort_key(row[0])))


PAGES = (
    Page("/", home, "home.title"),
    Page("/points/{kind}", points, "home.points", page=False),
    Page("/glossary", glossary, "home.glossary.title"),
)
