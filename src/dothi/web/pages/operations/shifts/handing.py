"""The handover in two steps: who goes reads, adds his words and signs; who comes reads, may reserve, and signs."""

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import MINUTE, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.operations.shifts import handover, service
from dothi.operations.shifts.matters import SECTIONS, counted
from dothi.operations.shifts.model import Shift, State
from dothi.operations.shifts.owners import held_by
from dothi.operations.shifts.rules import roster_at
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.operations.shifts.shown import DUTY, home_of, note_sections, shift_told
from dothi.web.pages.shown import unit_name, who
from dothi.web.parts import parts

FAILED = 422
MOVED = 409


async def hand_over(request: Request) -> Response:
    """What do I hand over, or take over, and whose signature is next?"""
    return _page(request, home_of(request))


def _page(
    request: Request, unit: str, status: int = 200, problem: str = "", typed: dict[str, str] | None = None
) -> Response:
    here, actor, now = parts(request).operations, visit(request).actor, now_us()
    duty = service.on_duty(here, unit)
    if duty is None:
        return render(request, "operations/shifts/nobody.html", status, unit_word=unit_name(request, unit))
    step = _step(request, duty)
    signed = duty.state is State.HANDING_OVER
    found = (duty.note or {}).get("sections", []) if signed else handover.draft(here, actor, duty, now)
    said = dict((duty.note or {}).get("words", {})) if signed else dict(typed or {})
    return render(
        request,
        "operations/shifts/handover.html",
        status,
        step=step,
        duty=shift_told(request, duty, now),
        first=duty.signatures[0] if duty.signatures else None,
        sections=note_sections(request, found, said, now),
        counts=counted(found),
        words_all=said.get(handover.ALL, ""),
        mark=duty.signatures[0].sha256 if signed else handover.seen(found),
        fresh=note_sections(request, handover.new_since(here, actor, duty, now), now=now) if signed else [],
        reservation=(typed or {}).get("reservation", ""),
        reason=(typed or {}).get("reason", ""),
        needs=_needs_reason(request, duty, now),
        coming=_coming(request, duty, now),
        passes=len(held_by(here, actor, duty.officer)),
        problem=problem,
        unit=unit,
        may_sign=bool(DUTY & actor.roles),
    )


def _step(request: Request, duty: Shift) -> str:
    """Where this visitor stands: sign, wait, take, or look."""
    mine = duty.officer == visit(request).actor.id
    if duty.state is State.HANDING_OVER:
        return "wait" if mine else "take"
    return "sign" if mine else "look"


def _next(request: Request, duty: Shift, now: int) -> Shift | None:
    """The shift that a handover now begins; None in a gap of the roster."""
    coming = service.next_shift(parts(request).operations, duty.unit, now)
    near = roster_at(parts(request).operations, duty.unit, now).near_minutes * MINUTE
    return coming if coming and handover.follows(duty, coming, near, now) else None


def _needs_reason(request: Request, duty: Shift, now: int) -> bool:
    coming = _next(request, duty, now)
    return coming is None or coming.officer not in ("", visit(request).actor.id)


def _coming(request: Request, duty: Shift, now: int) -> str:
    """Which shift begins, and whose it is, in words."""
    coming, t = _next(request, duty, now), words(request).t
    if coming is None:
        return t("shifts.coming_none")
    officer = who(request, coming.officer) if coming.officer else t("shifts.anyone")
    return t(
        "shifts.coming", name=words(request).pick(coming.names), who=officer, until=words(request).time(coming.ends)
    )


async def sign(request: Request) -> Response:
    """One signature, or taking the first one back."""
    form = await request.form()
    said = {name: str(value) for name, value in form.items() if isinstance(value, str)}
    here, actor, name, mark = (
        parts(request).operations,
        visit(request).actor,
        said.get("shift", ""),
        said.get("mark", ""),
    )
    typed = {key: said.get(key, "").strip() for key in (*SECTIONS, handover.ALL, "reservation", "reason")}
    unit = service.shift(here, actor, name).unit
    try:
        if said.get("verb") == "take_back":
            await handover.take_back(here, actor, name)
            return redirect(request, f"/shift/handover?unit={unit}", "shifts.done.take_back")
        if said.get("verb") == "take_over":
            await handover.take_over(here, actor, name, mark, typed["reservation"], typed["reason"])
            return redirect(request, f"/shift?unit={unit}", "shifts.done.take_over")
        await handover.sign_out(here, actor, name, mark, typed)
    except handover.NoteMoved:
        return _page(request, unit, MOVED, words(request).t("shifts.mend.read_again"), typed)
    except Invalid:
        return _page(request, unit, FAILED, words(request).t("shifts.mend.reason"), typed)
    except (Conflict, Forbidden):
        return _page(request, unit, MOVED, words(request).t("shifts.moved"), typed)
    return redirect(request, f"/shift/handover?unit={unit}", "shifts.done.sign_out")


PAGES = (
    Page("/shift/handover", hand_over, "shifts.handover.title", roles=DUTY),
    Page("/shift/handover", sign, "shifts.handover.title", methods=("POST",), roles=DUTY, page=False),
)
