"""Past shifts: found by words with or without marks, and one frozen note with its signatures, to read and to print."""

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import from_iso
from dothi.operations.shifts import handover, service
from dothi.web.page import Page, render, visit, words
from dothi.web.pages.operations.shifts.mine import READERS
from dothi.web.pages.operations.shifts.shown import DUTY, home_of, note_sections, shift_told
from dothi.web.pages.shown import unit_name
from dothi.web.parts import parts

LISTED = 40
LETTERS = 140


async def books(request: Request) -> Response:
    """Which shift wrote what?"""
    text, unit = request.query_params.get("q", "").strip()[:LETTERS], home_of(request)
    found = handover.past_notes(parts(request).operations, visit(request).actor, text, unit, LISTED)
    return render(
        request,
        "operations/shifts/books.html",
        text=text,
        unit_word=unit_name(request, unit),
        shifts=[(shift_told(request, one), len(one.signatures), words(request).date(one.starts)) for one in found],
    )


async def book(request: Request) -> Response:
    """What was handed over, and do the signatures fit what stands here?"""
    here, actor = parts(request).operations, visit(request).actor
    one = service.shift(here, actor, request.path_params["shift"])
    note = one.note or {}
    signed_at = from_iso(note["at"]) if note.get("at") else None
    return render(
        request,
        "operations/shifts/book.html",
        told=shift_told(request, one),
        shift=one,
        unit_word=unit_name(request, one.unit),
        sections=note_sections(request, note.get("sections", []), note.get("words", {}), signed_at),
        words_all=note.get("words", {}).get(handover.ALL, ""),
        signed_at=signed_at,
        broken=handover.broken(one),
        may_act=bool(DUTY & actor.roles),
        before=f"/shift/book/{one.after.split(':', 3)[3]}" if one.after else "",
    )


PAGES = (
    Page("/shift/books", books, "shifts.books.title", roles=READERS),
    Page("/shift/book/{shift}", book, "shifts.book.title", roles=READERS),
)
