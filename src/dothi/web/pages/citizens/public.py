"""What everybody sees of reports: the list with its map and measures, one report, and the files of answers."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dothi.citizens.model import State
from dothi.citizens.reading import Asked, PublicReport, file_of, public_by_id, public_list
from dothi.citizens.services.measures import measure
from dothi.web.page import Menu, Page, render, visit, words
from dothi.web.pages.citizens.report import EXAMPLE, answer_file, communes_of, ours, pictures, shown, town_of
from dothi.web.parts import parts

LISTED = 30
MARKED = 200


async def reports(request: Request) -> Response:
    """What people report here, and what becomes of it."""
    ours(request).views.count()
    asked = _asked(request)
    page = _page_number(request)
    found, count = public_list(ours(request), asked, LISTED, (page - 1) * LISTED)
    here, t = ours(request), words(request).t
    return render(
        request,
        "citizens/reports.html",
        rows=[(one, shown(request, one)) for one in found],
        count=count,
        asked=asked,
        page=page,
        pages=-(-count // LISTED),
        categories=[
            ("", t("citizens.any")),
            *((one.id, words(request).pick(one.names)) for one in here.rules.categories.values()),
        ],
        states=[("", t("citizens.any")), *((state.value, t(f"citizens.state.{state}")) for state in State)],
        communes=[("", t("citizens.any")), *communes_of(here, parts(request).province, words(request).language)],
        measures=measure(here),
        start=town_of(here, parts(request).province),
        query=str(request.url.query),
    )


def _asked(request: Request) -> Asked:
    given = request.query_params
    return Asked(*(given.get(name, "") for name in ("unit", "category", "state")))


def _page_number(request: Request) -> int:
    given = request.query_params.get("page", "1")
    return max(1, int(given)) if given.isascii() and given.isdigit() and len(given) < 7 else 1


async def markers(request: Request) -> Response:
    """The same reports as points: rounded, without words of the reporter."""
    found, _ = public_list(ours(request), _asked(request), MARKED)
    features = []
    for one in found:
        if one.place is not None:
            said = shown(request, one)
            state = words(request).t(f"citizens.state.{one.state}")
            properties = {
                "id": one.code,
                "name": f"{said['category']}: {state}",
                "href": f"/reports/{one.code}",
                "kind": said["kind"],
                "icon": said["icon_name"],
            }
            geometry = {"type": "Point", "coordinates": one.place}
            features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    return JSONResponse({"type": "FeatureCollection", "features": features}, media_type="application/geo+json")


async def public_report(request: Request) -> Response:
    """What everybody may know of one report."""
    found = _public(request)
    proof = [one for one in found.proof if one.is_photo]
    end = f"?of={found.id}"
    return render(
        request,
        "citizens/public.html",
        report=found,
        after=pictures(request, proof, "/file/", "after", end),
        documents=[f"/file/{one.sha256}{end}" for one in found.proof if not one.is_photo],
        **shown(request, found),
    )


def _public(request: Request) -> PublicReport:
    """By public number; an imported report also by what follows the type in its id."""
    number = str(request.path_params["number"])
    found, _ = public_list(ours(request), Asked(code=number.upper()), 1)
    return found[0] if found else public_by_id(ours(request), number)


async def kept_file(request: Request) -> Response:
    """A kept file, for who may see the entity that holds it (`of`)."""
    digest = str(request.path_params["digest"])
    found = file_of(ours(request), visit(request).actor, request.query_params.get("of", ""), digest)
    return answer_file(request, digest, found.media_type)


_NUMBER = {"number": EXAMPLE[:6]}
PAGES = (
    Page("/reports", reports, "citizens.reports.title", menu=Menu("public", 25)),
    Page("/reports.geojson", markers, "citizens.reports.title", page=False),
    Page("/reports/{number}", public_report, "citizens.public.title", sample=_NUMBER),
    Page("/file/{digest}", kept_file, "citizens.photo.title", sample={"digest": "0"}, page=False),
)
