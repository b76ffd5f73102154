"""My shift: until when, what is open, and what I can do now; the verbs of the shift book as one form."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import DAY, MINUTE, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.operations.shifts import promises, service
from dothi.operations.shifts.matters import counted, is_late, sections
from dothi.operations.shifts.model import Shift
from dothi.operations.shifts.rules import day_of, keeps_book, roster_at
from dothi.operations.wall import wall_at
from dothi.web.page import Menu, Page, redirect, render, visit, within, words
from dothi.web.pages.operations.shifts.shown import DUTY, home_of, instant_of, note_sections, shift_told
from dothi.web.pages.operations.wall.open import highest_bulletin
from dothi.web.pages.operations.wall.tiles import Shown, tiles_of
from dothi.web.pages.shown import STAFF, unit_name, who
from dothi.web.parts import parts

TOP = 4  # Lines of a section before the rest is folded.
SECTIONS = ("incidents", "alarms", "orders", "warnings", "promises", "sources")
READERS = STAFF - {"assessor"}


async def my_shift(request: Request) -> Response:
    """Until when am I on duty, and what is open?"""
    here, actor, now = parts(request).operations, visit(request).actor, now_us()
    unit = home_of(request)
    duty = service.on_duty(here, unit)
    found = sections(here, actor, unit, now)
    coming = service.next_shift(here, unit, now)
    ahead = service.shifts_between(here, actor, unit, now, now + 15 * DAY)
    mine = [one for one in ahead if one.officer == actor.id and not one.ended and not one.serving]
    return render(
        request,
        "operations/shifts/mine.html",
        duty=shift_told(request, duty, now) if duty else None,
        mine=bool(duty and duty.officer == actor.id),
        answer=answer(request, duty, found, now),
        unit=unit,
        unit_word=unit_name(request, unit),
        own_book=keeps_book(here, unit) or unit == (here.home or parts(request).province),
        coming=shift_told(request, coming, now) if coming else None,
        coming_near=bool(coming and coming.starts - roster_at(here, unit, now).near_minutes * MINUTE <= now),
        later=[shift_told(request, one, now) for one in mine[:3]],
        asked=[shift_told(request, one, now) for one in ahead if one.swap and one.swap.to == actor.id],
        asked_by={one.id: who(request, one.swap.by) for one in ahead if one.swap},
        sections=[one for one in note_sections(request, found, now=now) if one.kind in SECTIONS],
        counts=counted(found),
        tiles=_tiles(request, unit),
        bulletin=highest_bulletin(request),
        top=TOP,
        may_act=bool(DUTY & actor.roles),
        today=day_of(now).isoformat(),
    )


def answer(request: Request, duty: Shift | None, found: list[dict[str, object]], now: int) -> str:
    """The first line: until when, and what waits."""
    here, t = words(request), words(request).t
    counts = counted(found)
    orders = next((one["lines"] for one in found if one["kind"] == "orders"), [])
    late = sum(is_late(line, now) for line in orders)  # type: ignore[attr-defined]
    open_now = {"alarms": counts["alarms"], "incidents": counts["incidents"], "orders_late": late}
    said = ", ".join(t(f"shifts.count.{name}", n=n) for name, n in open_now.items())
    if duty is None:
        return t("shifts.answer_none", open=said)
    if duty.officer == visit(request).actor.id:
        return t("shifts.answer_mine", until=here.time(duty.ends), open=said)
    return t("shifts.answer_other", who=who(request, duty.officer), until=here.time(duty.ends), open=said)


def _tiles(request: Request, unit: str) -> list[Shown]:
    """The first figures of the centre's wall: weather and air at a glance."""
    wall = wall_at(parts(request).operations, unit)
    scenes = [one for one in wall.scenes if one.show == "numbers"]
    return [tile for scene in scenes for tile in tiles_of(request, wall, scene)][:3]


async def do(request: Request) -> Response:
    """One verb of the book, by the field `verb`; back to where the form stood."""
    form = await request.form()
    verb, back = str(form.get("verb", "")), within(str(form.get("back", "/shift")))
    deed = VERBS.get(verb)
    if deed is None:
        raise Invalid("There is no such verb of the shift book.", field="verb")
    try:
        await deed(request, form)
    except Invalid as wrong:
        key = f"shifts.mend.{wrong.fields.get('field', 'reason')}"
        return redirect(request, back, key if words(request).has(key) else "shifts.mend.reason", "warning")
    except (Conflict, Forbidden):
        return redirect(request, back, "shifts.moved", "warning")
    return redirect(request, back, f"shifts.done.{verb}")


def _said(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()


def _by_name(verb: Callable[..., Awaitable[object]], *fields: str) -> Callable[[Request, FormData], Awaitable[object]]:
    """A verb of one shift with the fields that it wants."""

    async def deed(request: Request, form: FormData) -> object:
        said = [_said(form, name) for name in ("shift", *fields)]
        return await verb(parts(request).operations, visit(request).actor, *said)

    return deed


async def _open(request: Request, form: FormData) -> object:
    unit, reason = _said(form, "unit"), _said(form, "reason")
    return await service.open_duty(parts(request).operations, visit(request).actor, unit, reason)


async def _promise(request: Request, form: FormData) -> object:
    when = instant_of(_said(form, "day"), _said(form, "time"))
    if when is None:
        raise Invalid("No such time.", field="by_when")
    unit, said, about = (_said(form, name) for name in ("unit", "words", "about"))
    return await promises.promise(parts(request).operations, visit(request).actor, unit, said, when, about)


async def _kept(request: Request, form: FormData) -> object:
    name, said = _said(form, "promise"), _said(form, "words")
    return await promises.keep(parts(request).operations, visit(request).actor, name, said)


VERBS: Mapping[str, Callable[[Request, FormData], Awaitable[object]]] = {
    "begin": _by_name(service.begin),
    "step_in": _by_name(service.step_in, "reason"),
    "relieve": _by_name(service.relieve, "reason"),
    "stand_in": _by_name(service.stand_in, "reason"),
    "absent": _by_name(service.report_absent, "reason"),
    "swap": _by_name(service.ask_swap, "to", "back_shift", "reason"),
    "agree": _by_name(service.agree_swap),
    "refuse": _by_name(service.refuse_swap),
    "open": _open,
    "promise": _promise,
    "kept": _kept,
}
PAGES = (
    Page("/shift", my_shift, "shifts.title", roles=READERS, menu=Menu("work", 24)),
    Page("/shift/do", do, "shifts.title", methods=("POST",), roles=DUTY, page=False),
)
