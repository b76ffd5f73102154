"""What everybody reads: the consultations, one by article, the results, the log of moderation, what changed."""

import io
from collections import Counter

import segno
from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.consultations import moderating, reading
from dothi.citizens.consultations.model import Consultation, NoSuchConsultation, State, as_round
from dothi.citizens.consultations.text import compare
from dothi.citizens.consultations.workflow import rules_for
from dothi.ground.clock import now_us
from dothi.web.page import Menu, Page, render, visit
from dothi.web.pages.consultations.shown import (
    STAFF_ROLES,
    WHOLE_PART,
    blocks,
    first_line,
    look,
    ours,
    place_name,
    supports_told,
)
from dothi.web.pages.shown import unit_name

GROUPS = (("open", (State.OPEN,)), ("coming", (State.PREPARED,)), ("answering", (State.CLOSED, State.ANSWERED)),
          ("done", (State.PUBLISHED,)))  # fmt: skip


def seen(request: Request) -> Consultation:
    """The consultation of the address, as the public knows it."""
    return reading.visible(ours(request), str(request.path_params["consultation"]))


async def consultations(request: Request) -> Response:
    """What am I asked, and what became of what was asked?"""
    now = now_us()
    found = reading.listed(ours(request))
    groups = [
        (
            name,
            [(one, look(request, one), first_line(request, one, now), unit_name(request, one.unit)) for one in chosen],
        )
        for name, states in GROUPS
        if (chosen := [one for one in map(_public, found) if one.state in states])
    ]
    staff = bool(visit(request).actor.roles & STAFF_ROLES)
    running = sum(one.state is State.OPEN for one in found)
    return render(request, "consultations/list.html", groups=groups, staff=staff, running=running)


def _public(found: Consultation) -> Consultation:
    hidden = found.state is State.PREPARED and not found.announced and found.rounds
    return as_round(found, found.round - 1) if hidden else found


async def one(request: Request) -> Response:
    """What is asked, until when, and where do I speak?"""
    found = seen(request)
    part = reading.participation(ours(request), found)
    staff = bool(visit(request).actor.roles & STAFF_ROLES)
    return render(
        request,
        "consultations/one.html",
        blocks=blocks(found, part.by_article),
        whole=part.by_article.get("", 0),
        part=part,
        rules=rules_for(ours(request), found.unit),
        staff=staff,
        whole_part=WHOLE_PART,
        **about(request, found),
    )


def about(request: Request, found: Consultation) -> dict[str, object]:
    """What every page of one consultation says at its top."""
    now = now_us()
    return {
        "consultation": found,
        "look": look(request, found),
        "answer": first_line(request, found, now),
        "unit": unit_name(request, found.unit),
        "takes": found.takes_comments(now),
        "here": f"/consultations/{found.key}",
    }


def _round_asked(request: Request) -> int | None:
    given = request.query_params.get("round", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 5 and int(given) else None


async def results(request: Request) -> Response:
    """What was accepted, what not, and why?"""
    here = ours(request)
    found = seen(request)
    try:
        found = reading.answered_round(here, visit(request).actor, found.key, _round_asked(request))
    except NoSuchConsultation:
        return render(request, "consultations/unanswered.html", **about(request, found))
    table = reading.table_of(here, found)
    rows = [
        (row, place_name(request, found, row.cluster.article), supports_told(request, row.supports))
        for row in table.rows
    ]
    counts = Counter(row.cluster.decision for row in table.rows)
    return render(
        request, "consultations/results.html", rows=rows, part=table.took_part, counts=counts, **about(request, found)
    )


async def log(request: Request) -> Response:
    """What was hidden, and for which published reason?"""
    found = seen(request)
    lines = [(line, place_name(request, found, line.article)) for line in moderating.public_log(ours(request), found)]
    rules = rules_for(ours(request), found.unit)
    return render(request, "consultations/log.html", lines=lines, rules=rules, **about(request, found))


async def changes(request: Request) -> Response:
    """What changed in the text since the round before?"""
    found = seen(request)
    since = _round_asked(request) or max(1, found.round - 1)
    listed = compare(as_round(found, since).articles, found.articles)
    told = [one for one in listed if one.kind != "same"]
    return render(
        request,
        "consultations/changes.html",
        listed=told,
        same=len(listed) - len(told),
        since=since,
        **about(request, found),
    )


async def printed(request: Request) -> Response:
    """A form on paper for who has no phone: the questions, lines to write on, the address as a picture."""
    found = seen(request)
    address = f"{request.base_url.netloc}/consultations/{found.key}"
    return render(
        request, "consultations/print.html", blocks=blocks(found, {}), address=address, **about(request, found)
    )


async def picture(request: Request) -> Response:
    """The address as a QR code."""
    out = io.BytesIO()
    address = f"{str(request.base_url).rstrip('/')}/consultations/{seen(request).key}"
    segno.make(address, micro=False).save(out, kind="svg", scale=4, border=2, dark="#000", light="#fff")
    return Response(out.getvalue(), media_type="image/svg+xml", headers={"Cache-Control": "private, max-age=3600"})


PAGES = (
    Page("/consultations", consultations, "consultations.list.title", menu=Menu("public", 27)),
    Page("/consultations/{consultation}", one, "consultations.one.title"),
    Page("/consultations/{consultation}/results", results, "consultations.results.title"),
    Page("/consultations/{consultation}/log", log, "consultations.log.title"),
    Page("/consultations/{consultation}/changes", changes, "consultations.changes.title"),
    Page("/consultations/{consultation}/print", printed, "consultations.print.title"),
    Page("/consultations/{consultation}/qr.svg", picture, "consultations.print.title", page=False),
)
