"""The wall screen: the situation in large type, dark, that needs no hand and says when it is cut off."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import now_us
from dothi.web.page import Page, render, visit, words
from dothi.web.pages.operations.situation import WATCHERS, answer, lines, open_rows, since
from dothi.web.pages.shown import KINDS, Kind, attribute_name, find, name_of, number_and_unit, observed, start_of
from dothi.web.pages.shown import OLD as STALE
from dothi.web.parts import parts

ROWS = 7
WORST = (("AirQualityObserved", "pm25"), ("WaterObserved", "level"), ("WasteContainer", "fillingLevel"))


@dataclass(frozen=True)
class Tile:
    """One figure on the wall with its age and source; `state` grey when it is too old to be trusted."""

    name: str
    value: str
    unit: str
    note: str
    at: int | None
    source: str
    state: str = "fresh"


async def wall(request: Request) -> Response:
    """What is wrong now, readable from across the room?"""
    visit(request).theme = "dark"  # The room is dark; the cookie of the desk stays as it is.
    rows = open_rows(request)
    said = answer(rows)
    return render(
        request,
        "operations/wall.html",
        rows=rows[:ROWS],
        more=max(0, len(rows) - ROWS),
        said=said,
        since=since(request, said.oldest) if said.oldest is not None else "",
        tiles=[*_worst(request), *_lines(request), *_reports(request)],
        start=start_of(request, 9.2),
        province=parts(request).province,
    )


def _worst(request: Request) -> list[Tile]:
    return [tile for kind, attribute in WORST if (tile := _highest(request, _kind(kind), attribute))]


def _kind(name: str) -> Kind:
    return next(one for one in KINDS if one.name == name)


def _highest(request: Request, kind: Kind, attribute: str) -> Tile | None:
    """The highest value that is fresh; when none is, the latest one, grey."""
    found = [one for one in find(request, kind.name, attribute) if isinstance(one.value(attribute), int | float)]
    if not found:
        return None
    now = now_us()
    fresh = [one for one in found if now - observed(one, attribute) <= STALE]
    shown = (
        max(fresh, key=lambda one: one.value(attribute)) if fresh else max(found, key=lambda o: observed(o, attribute))
    )
    unit = (shown.instance(attribute) or {}).get("unitCode")
    return Tile(
        words(request).t("operations.wall.highest", name=attribute_name(request, attribute)),
        *number_and_unit(request, attribute, shown.value(attribute), unit, 1),
        words(request).t("operations.wall.fresh", n=len(fresh), of=len(found)),
        observed(shown, attribute),
        name_of(request, shown),
        "fresh" if fresh else "late",
    )


def _lines(request: Request) -> list[Tile]:
    found, t = lines(request), words(request).t
    if not found:
        return []
    live = sum(state == "live" for _, state, *_ in found)
    late = ", ".join(name_of(request, one) for one, state, *_ in found if state != "live")
    note = t("operations.wall.not_live", names=late[:90]) if late else t("operations.wall.all_live")
    value = t("operations.wall.of", n=live, of=len(found))
    return [Tile(t("operations.wall.sources"), value, "", note, now_us(), t("operations.wall.by_rhythm"))]


def _reports(request: Request) -> list[Tile]:
    found, t = find(request, "CitizenReport", "open==true", limit=1000), words(request).t
    urgent = sum(bool(one.value("urgent")) for one in found)
    value, note = words(request).number(len(found)), t("operations.wall.urgent", n=urgent)
    return [Tile(t("operations.wall.reports"), value, "", note, now_us(), t("operations.wall.by_reports"))]


PAGES = (Page("/wall", wall, "operations.wall.title", roles=WATCHERS),)
