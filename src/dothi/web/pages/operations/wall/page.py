"""The wall page: dark, in letters that carry across a room, and the points of its map."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dothi.ground.clock import DAY, now_us
from dothi.hub.model import Entity
from dothi.operations.shifts.rules import book_for
from dothi.operations.wall import wall_at
from dothi.web.page import Page, render, visit, words
from dothi.web.pages.operations.wall.open import Open, Row, everything
from dothi.web.pages.operations.wall.tiles import COUNTED, counted, lines, lists_of, tiles_of
from dothi.web.pages.shown import STAFF, collection, feature, find, point, start_of, who
from dothi.web.parts import parts

WATCHERS = STAFF - {"assessor"}
ROWS, BESIDE = 7, 2  # Matters of the situation; late orders and warnings that stand below them.
_URGENT_TOLD = 40  # Ids of urgent alarms that the page tells its own script.


async def wall(request: Request) -> Response:
    """What is wrong now, since when, and who has it: readable from across the room, without a hand.

    With `lean` only what people must act on: so a new alarm is there before thousands of figures are read again.
    """
    visit(request).theme = "dark"  # The room is dark; the cookie of the desk stays as it is.
    unit = home_of(request)
    shown = wall_at(parts(request).operations, unit)
    found = everything(request)
    now, lean = now_us(), "lean" in request.query_params
    scenes = [one for one in shown.scenes if one.show in ("numbers", "outside") and not lean]
    beside = [*[one for one in found.orders if one.late][:BESIDE], *found.warnings[:BESIDE]]
    room = ROWS - 1 - (len(beside) + 1) // 2 if beside else ROWS
    return render(
        request,
        "operations/wall/wall.html",
        wall=shown,
        open=found,
        answer=answer(request, found),
        calm=not (found.waiting or found.incidents or found.alarms),
        rows=(*found.incidents, *found.alarms)[:room],
        more=max(0, len(found.incidents) + len(found.alarms) - room),
        beside=beside,
        duty=duty_line(request, found, unit),
        gap=book_for(parts(request).operations, unit, unit) not in found.duty,
        lean=lean,
        tiles={one.id: tiles_of(request, shown, one) for one in scenes},
        lists={one.id: lists_of(request, shown, one) for one in scenes},
        lines=[] if lean else lines(request),
        reports=counted(request) if not lean and any(one.show == "reports" for one in shown.scenes) else [],
        urgent=" ".join(found.urgent[:_URGENT_TOLD]),
        grey_at=now + COUNTED,
        start=start_of(request, 9.2),
        province=parts(request).province,
    )


def home_of(request: Request) -> str:
    """The unit whose centre this visitor works in: his own, else the city's."""
    areas = sorted(visit(request).actor.areas)
    return areas[0] if areas else parts(request).province or parts(request).operations.home


def answer(request: Request, found: Open) -> str:
    """The first line: what waits and since when, then what goes on."""
    t, said = words(request).t, []
    if found.oldest is not None:
        said.append(t("wall.waiting", n=found.waiting, since=since(request, found.oldest)))
    elif found.alarms or found.grouped:
        said.append(t("wall.taken", n=len(found.alarms) + found.grouped))
    counts = {"incidents": len(found.incidents), "orders_late": found.late_orders, "warnings": len(found.warnings)}
    said += [t(f"wall.{name}", n=n) for name, n in counts.items() if n]
    return "; ".join(said) or t("wall.calm")


def since(request: Request, instant: int) -> str:
    """A moment with its age: the time alone while it is of the last hours."""
    said = words(request)
    moment = said.time(instant) if now_us() - instant < DAY // 2 else said.when(instant)
    return f"{moment} ({said.age(instant)})"


def duty_line(request: Request, found: Open, unit: str) -> str:
    """Who is on duty and until when; what it means when nobody is."""
    shift = found.duty.get(book_for(parts(request).operations, unit, unit))
    if shift is None:
        return words(request).t("wall.no_duty")
    return words(request).t("wall.on_duty", who=who(request, shift.officer), until=words(request).time(shift.ends))


async def points(request: Request) -> Response:
    """GET /wall/points.json: open alarms and incidents as GeoJSON, as maps want them."""
    found = everything(request)
    rows = {one.id: one for one in (*found.incidents, *found.alarms)}
    things = [*find(request, "Incident", "open==true"), *find(request, "Alarm", "open==true")]
    made = collection(_feature(one, rows) for one in things)
    return JSONResponse(made, media_type="application/geo+json")


def _feature(thing: Entity, rows: Mapping[str, Row]) -> dict[str, object] | None:
    place, row = point(thing), rows.get(thing.id)
    if place is None or row is None:
        return None
    text = " · ".join(filter(None, [row.measure, row.state_word, row.who]))
    icon = "alarm" if row.type == "Alarm" else "watch"
    return feature(
        place, id=row.id, name=f"{row.what}: {row.where}", href=row.href, kind=row.kind, icon=icon, text=text
    )


PAGES = (
    Page("/wall", wall, "wall.title", roles=WATCHERS),
    Page("/wall/points.json", points, "wall.title", roles=WATCHERS, page=False),
)
