"""Following an area: ask to be told by mail, confirm it, end it; and a feed of its public reports for feed readers."""

import xml.etree.ElementTree as Xml
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.api.reports import address_of
from dothi.citizens.channels import areas
from dothi.citizens.channels.areas import Area, Wish
from dothi.citizens.channels.links import CONFIRM, STOP
from dothi.citizens.reading import PublicReport
from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Invalid
from dothi.web.page import Page, redirect, render, words
from dothi.web.pages.citizens.report import FAILED, communes_of, ours, shown, town_of
from dothi.web.parts import parts

Values = Mapping[str, str]
Kinds = tuple[str, ...]
FIELDS = ("unit", "lon", "lat", "radius", "email")
LISTED = 50
REPORTS, WARNINGS = "reports", "warnings"  # What can be told.
ATOM = "http://www.w3.org/2005/Atom"
GEORSS = "http://www.georss.org/georss"


async def follow(request: Request) -> Response:
    """Where, and of what, do I want to be told?"""
    given = request.query_params
    values = {name: given.get(name, "") for name in FIELDS}
    tells = (WARNINGS,) if given.get(WARNINGS) else (WARNINGS, REPORTS)
    return _form(request, values, (tuple(one for one in given.getlist("category") if one), tells), {})


def _form(
    request: Request,
    values: Mapping[str, str],
    ticked: tuple[Kinds, Kinds],
    problems: Mapping[str, str],
    *,
    done: bool = False,
) -> Response:
    here, language, home = ours(request), words(request).language, parts(request).province
    provinces = [(one.code, one.name_in(language)) for one in here.territory.provinces()]
    return render(
        request,
        "citizens/areas/follow.html",
        FAILED if problems else 200,
        values=values,
        chosen=ticked[0],
        tells=ticked[1],
        problems=problems,
        done=done,
        mail_on=any(channel.name == "mail" for channel in parts(request).messages.channels),
        communes=communes_of(here, home, language) if home else provinces,
        home=home,
        start=town_of(here, home),
        kinds=[(one.id, words(request).pick(one.names)) for one in here.rules.categories.values()],
        rule=here.rules.notices.area,
        feed=f"/reports.atom?{urlencode({'unit': values['unit'] or home})}",
    )


async def ask(request: Request) -> Response:
    """Send the link that confirms, or say what to mend."""
    form = await request.form()
    values = {name: str(form.get(name, "")).strip() for name in FIELDS}
    kinds, tells = (tuple(str(one) for one in form.getlist(name)) for name in ("category", "tells"))
    here = ours(request)
    try:
        wish = Wish(_area(values), kinds, values["email"], words(request).language, REPORTS in tells, WARNINGS in tells)
        areas.checked(here, wish.area, here.rules)
        here.filings.take(address_of(request), now_us())
        await areas.ask(here, parts(request).messages, wish)
    except Invalid as error:
        field = str(error.fields.get("field", "place"))
        rule = here.rules.notices.area
        told = words(request).t(f"areas.problem.{field}", least=rule.radius_m_least, most=rule.radius_m_most)
        return _form(request, values, (kinds, tells), {field: told})
    return _form(request, values, (kinds, tells), {}, done=True)


def _area(values: Mapping[str, str]) -> Area:
    """A unit, else the circle around the place of the map. Invalid when neither can be read."""
    if values["unit"]:
        return Area(values["unit"])
    try:
        return Area("", float(values["lon"]), float(values["lat"]), int(values["radius"] or 0))
    except ValueError as cause:
        raise Invalid(field="radius" if values["lon"] else "place") from cause


async def confirm_page(request: Request) -> Response:
    """Do I want this? One button: programs that open links in mails press none."""
    return _question(request, CONFIRM, str(request.path_params["confirm_link"]), "confirm")


async def stop_page(request: Request) -> Response:
    """Do I want to end this? One button."""
    return _question(request, STOP, str(request.path_params["stop_link"]), "stop")


def _question(request: Request, purpose: str, token: str, name: str) -> Response:
    found = areas.of_link(ours(request), purpose, token)
    here, language = ours(request), words(request).language
    area, what = areas.area_name(here, found.area, language), areas.what_of(here.rules, found, language)
    return render(request, "citizens/areas/question.html", name=name, area=area, what=what)


async def confirm(request: Request) -> Response:
    """Begin to be told."""
    await areas.confirm(ours(request), str(request.path_params["confirm_link"]))
    return redirect(request, "/areas", "areas.confirmed")


async def stop(request: Request) -> Response:
    """End it; the address is erased."""
    await areas.stop(ours(request), str(request.path_params["stop_link"]))
    return redirect(request, "/areas", "areas.stopped")


async def feed(request: Request) -> Response:
    """The newest public reports of an area as an Atom feed (RFC 4287), places rounded (GeoRSS)."""
    given, here = request.query_params, ours(request)
    values = {name: given.get(name, "") for name in FIELDS}
    values["unit"] = values["unit"] or ("" if values["lon"] else parts(request).province)
    area = areas.checked(here, _area(values), here.rules) if values["unit"] or values["lon"] else Area()
    kinds = tuple(one for one in given.getlist("category") if one in here.rules.categories)
    found, _ = areas.in_area(here, area, kinds, limit=LISTED)
    start = parts(request).messages.address
    name = areas.area_name(here, area, words(request).language) if area != Area() else parts(request).city
    root = Xml.Element("feed", {"xmlns": ATOM, "xmlns:georss": GEORSS, "xml:lang": words(request).language})
    _line(root, "title", words(request).t("areas.feed", area=name))
    _line(root, "id", f"{start}/reports.atom?{request.url.query}")
    _line(root, "updated", max((_changed(one) for one in found), default=iso(0)))
    _line(root, "link", rel="self", href=f"{start}/reports.atom?{request.url.query}")
    for one in found:
        _entry(request, root, one, start)
    body = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(body, media_type="application/atom+xml", headers={"Cache-Control": "public, max-age=300"})


def _entry(request: Request, root: Xml.Element, one: PublicReport, start: str) -> None:
    said, entry = shown(request, one), Xml.SubElement(root, "entry")
    state = words(request).t(f"citizens.state.{one.state}")
    _line(entry, "title", f"{said['category']}: {state}")
    _line(entry, "id", one.id)
    _line(entry, "link", href=f"{start}/reports/{one.code}")
    _line(entry, "published", one.filed_at)
    _line(entry, "updated", _changed(one))
    _line(entry, "category", term=one.category)
    _line(entry, "summary", f"{said['place']} · {words(request).when(one.filed_at)} · {state}")
    _line(_line(entry, "author"), "name", parts(request).city)
    if one.place:
        _line(entry, "georss:point", f"{one.place[1]} {one.place[0]}")


def _line(parent: Xml.Element, tag: str, text: str = "", **attributes: str) -> Xml.Element:
    made = Xml.SubElement(parent, tag, attributes)
    made.text = text or None
    return made


def _changed(one: PublicReport) -> str:
    return iso(from_iso(one.closed_at or one.filed_at))


PAGES = (
    Page("/areas", follow, "areas.title"),
    Page("/areas", ask, "areas.title", methods=("POST",), page=False),
    Page("/areas/confirm/{confirm_link}", confirm_page, "areas.question.confirm.title"),
    Page("/areas/confirm/{confirm_link}", confirm, "areas.question.confirm.title", methods=("POST",), page=False),
    Page("/areas/stop/{stop_link}", stop_page, "areas.question.stop.title"),
    Page("/areas/stop/{stop_link}", stop, "areas.question.stop.title", methods=("POST",), page=False),
    Page("/reports.atom", feed, "areas.title", page=False),
)
