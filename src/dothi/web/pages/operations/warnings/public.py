"""Warnings as the public sees them: what is out for my place and what to do, one warning, its map, that I am safe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from dothi.citizens.api.reports import address_of
from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, Missing
from dothi.ground.geometry import bbox
from dothi.ground.ids import urn
from dothi.hub.model import Entity
from dothi.operations.warnings.areas import location
from dothi.operations.warnings.channels.model import ENDING, SYSTEM, Released
from dothi.operations.warnings.channels.page import is_over, of_identifier, of_thread, standing, told_by
from dothi.operations.warnings.channels.reach import names_of, units_of
from dothi.operations.warnings.channels.receipts import Deed, say
from dothi.operations.warnings.model import TYPE, Info, Kind
from dothi.territory.model import Unit
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.parts import parts

SHORT = {"Cache-Control": "public, max-age=60"}
LOOKS = {"Extreme": "bad", "Severe": "bad", "Moderate": "watch", "Minor": "note", "Unknown": "note"}
HERE_ZOOM = 10.5
SEARCHED = 50  # Units of one name over the whole country.


@dataclass(frozen=True)
class Shown:
    """A message as the page tells it."""

    key: str  # The end of its address.
    kind: Kind
    over: bool  # Its time has passed without an end being told.
    look: str
    severity: str
    text: Info
    area: str
    units: frozenset[str]
    start: str
    end: str
    sent: str
    by: str
    identifier: str
    bulletin: Entity | None  # Holds the legal level, which is the authority's own.

    @property
    def ended(self) -> bool:
        """Whether nobody needs to do anything any more."""
        return self.over or self.kind in ENDING


def shown(request: Request, one: Released) -> Shown:
    """The message in the reader's language."""
    here, warning, language = parts(request), one.warning, words(request).language
    over = is_over(one, now_us()) and warning.kind not in ENDING
    return Shown(
        key=warning.thread.rpartition(":")[2],
        kind=warning.kind,
        over=over,
        look="good" if warning.kind in ENDING else "grey" if over else LOOKS[warning.severity],
        severity=warning.severity,
        text=warning.text(language),
        area=names_of(here.territory, warning, language),
        units=units_of(here.territory, warning),
        start=warning.effective or warning.sent,
        end=warning.expires,
        sent=warning.sent,
        by=told_by(one, language) or here.city,
        identifier=warning.identifier,
        bulletin=_bulletin(request, warning.bulletin),
    )


def _bulletin(request: Request, name: str) -> Entity | None:
    try:
        return parts(request).hub.get(SYSTEM, name) if name else None
    except Missing:
        return None


async def alerts(request: Request) -> Response:
    """What is out for my place now, and what am I to do?"""
    if (asked := _asked(request)) is not None:
        return asked
    unit = _unit(request, request.query_params.get("unit", ""))
    found = [shown(request, one) for one in standing(parts(request).operations)]
    mine = [one for one in found if unit is None or unit.code in one.units]
    return render(
        request,
        "operations/public/list.html",
        unit=unit,
        lost=request.query_params.get("lost", ""),
        out=_by_weight([one for one in mine if not one.ended]),
        ended=[one for one in mine if one.ended],
        others=_by_weight([one for one in found if one not in mine and not one.ended]),
        places=_places(request),
        mail_on=any(channel.name == "mail" for channel in parts(request).messages.channels),
    )


def _asked(request: Request) -> Response | None:
    """A place that was typed, or that the device told (rounded by it): to the address of its commune."""
    given, territory = request.query_params, parts(request).territory
    if given.get("place", "").strip():
        return _to(_found(request, given["place"][:100]), given["place"][:100])
    if "lon" in given and "lat" in given:
        try:
            here = territory.resolve(float(given["lon"]), float(given["lat"])).unit
        except ValueError:
            here = None
        return _to(here.code if here else "", words(request).t("alerts.near"))
    return None


def _found(request: Request, typed: str) -> str:
    """The code of the unit that was meant: of this city where it has one of the name, "" when there is none."""
    here = parts(request)
    found = here.territory.search(typed, limit=SEARCHED)
    own = [one for one in found if here.province and here.territory.province_of(one.code).code == here.province]
    return next((one.code for one in (*own, *found)), "")


def _to(unit: str, typed: str) -> Response:
    query = {"unit": unit} if unit else {"lost": typed}
    return RedirectResponse(f"/alerts?{urlencode(query)}", 303)


def _unit(request: Request, code: str) -> Unit | None:
    try:
        return parts(request).territory.unit(code) if code else None
    except Missing:
        return None


def _places(request: Request) -> list[str]:
    """The communes of the city, by name, for the list under the field."""
    here, language = parts(request), words(request).language
    found = here.territory.communes_of(here.province) if here.province else here.territory.provinces()
    return [one.name_in(language) for one in sorted(found, key=lambda one: one.short)]


def _by_weight(found: list[Shown]) -> list[Shown]:
    order = list(LOOKS)
    return sorted(found, key=lambda one: (order.index(one.severity), one.end))


async def one_alert(request: Request) -> Response:
    """What does this warning say, where, until when, who says so, and what came before?"""
    found = of_thread(parts(request).operations, _thread(request))
    newest = shown(request, found[0])
    place = location(parts(request).territory, found[0].warning.units, found[0].warning.shapes)
    return render(
        request,
        "operations/public/one.html",
        one=newest,
        earlier=[shown(request, one) for one in found[1:]],
        start=_start(place),
    )


def _thread(request: Request) -> str:
    return urn(TYPE, request.path_params["alert"])


def _start(place: Mapping[str, Any] | None) -> tuple[float, float, float] | None:
    if place is None:
        return None
    west, south, east, north = bbox(place)
    return round((west + east) / 2, 4), round((south + north) / 2, 4), HERE_ZOOM


async def area(request: Request) -> Response:
    """The area of a warning as GeoJSON, for its map."""
    one = of_thread(parts(request).operations, _thread(request))[0]
    place = location(parts(request).territory, one.warning.units, one.warning.shapes)
    said = shown(request, one)
    properties = {"name": said.text.headline, "kind": said.look, "icon": "alarm", "text": said.area}
    features = [{"type": "Feature", "properties": properties, "geometry": part} for part in _parts(place)]
    collection = {"type": "FeatureCollection", "features": features}
    return JSONResponse(collection, headers=SHORT, media_type="application/geo+json")


def _parts(place: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """A map draws a pin for each point; everything else it draws whole."""
    if place and place["type"] == "MultiPoint":
        return [{"type": "Point", "coordinates": at} for at in place["coordinates"]]
    return [place] if place else []


async def said(request: Request) -> Response:
    """Somebody has read it, or is safe: counted once for each device, and nothing else is kept."""
    form, key = await request.form(), str(request.path_params["alert"])
    deed = Deed.SAFE if form.get("deed") == Deed.SAFE else Deed.READ
    parts(request).said.take(address_of(request), now_us())
    try:
        await say(parts(request).operations, urn(TYPE, key), deed, visit(request).csrf)
    except Conflict:
        return redirect(request, f"/alerts/{key}", "alerts.said.over", "info")
    return redirect(request, f"/alerts/{key}", f"alerts.said.{deed}")


async def cap(request: Request) -> Response:
    """The CAP 1.2 file of one message."""
    one = of_identifier(parts(request).operations, request.path_params["identifier"])
    return Response(one.cap, media_type="application/cap+xml", headers=SHORT)


PAGES = (
    Page("/alerts", alerts, "alerts.title", menu=Menu("public", 29)),
    Page("/alerts/{alert}/area.geojson", area, "alerts.title", page=False),
    Page("/alerts/{identifier}.cap", cap, "alerts.title", page=False),
    Page("/alerts/{alert}", one_alert, "alerts.one"),
    Page("/alerts/{alert}/said", said, "alerts.one", methods=("POST",), page=False),
)
