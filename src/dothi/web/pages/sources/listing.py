"""The pages of the sources: which keep their promise, how much came in, and one source day by day."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import DAY, now_us, to_datetime
from dothi.hub.model import Entity
from dothi.sources import service
from dothi.sources.mapping.durations import seconds_of
from dothi.sources.model import SourceState
from dothi.sources.quarantine import is_steward
from dothi.sources.rhythm import late_at, state_of
from dothi.web.page import Menu, Page, render, visit
from dothi.web.pages.shown import STAFF, bare, find, lasting
from dothi.web.parts import parts

DAYS = 14  # Of the small columns.
KINDS = {SourceState.LIVE: ("good", "good"), SourceState.LATE: ("watch", "late"), SourceState.NEVER: ("grey", "grey")}
ORDER = list(KINDS)


def row(request: Request, source: Entity, now: int) -> dict[str, Any]:
    """One source as lists show it."""
    state, promised = state_of(source, now), source.value("promisedEvery")
    kind, icon = KINDS[state]
    return {
        "id": bare(source.id),
        "urn": source.id,
        "name": source.value("name", ""),
        "state": state.value,
        "kind": kind,
        "icon": icon,
        "promise": lasting(request, seconds_of(promised)) if promised else "",
        "seen": source.value("lastSeen"),
        "accepted": source.value("accepted", 0),
        "held": source.value("quarantined", 0),
        "simulated": bool(source.value("simulated")),
        "enabled": bool(source.value("enabled", True)),
        "late_at": late_at(source),
    }


async def sources(request: Request) -> Response:
    """Which sources keep their promise?"""
    now = now_us()
    rows = [row(request, one, now) for one in find(request, "DataSource")]
    rows.sort(key=lambda one: (-ORDER.index(one["state"]), one["name"]))
    days = {one["id"]: bars(service.days_of(parts(request).sources, one["urn"], DAYS), now) for one in rows}
    counts = {state.value: sum(one["state"] == state for one in rows) for state in SourceState}
    steward = is_steward(visit(request).actor)
    return render(request, "sources/sources.html", rows=rows, bars=days, counts=counts, steward=steward)


async def one_source(request: Request) -> Response:
    """What does this source bring, and does it keep its promise?"""
    here, actor, now = parts(request).sources, visit(request).actor, now_us()
    source = parts(request).hub.get(actor, service.get_source(here, request.path_params["source"]).id)
    days = service.days_of(here, source.id)
    return render(
        request,
        "sources/source.html",
        row=row(request, source, now),
        source=source,
        days=days,
        bars=bars(days, now),
        feeds=source.value("feeds", []),
        problem=source.value("problem") if is_steward(actor) else None,
        steward=is_steward(actor),
    )


def bars(days: Sequence[dict[str, Any]], now: int) -> list[dict[str, Any]]:
    """The last days, oldest first, as columns of 0 to 24: rows accepted and, on top, rows held back.

    A day on which nothing came stays empty: that is not the same as zero rows accepted of some.
    """
    by_day = {one["day"]: one for one in days}
    names = [to_datetime(now - back * DAY).strftime("%Y-%m-%d") for back in reversed(range(DAYS))]
    shown = [by_day.get(name, {"day": name, "accepted": 0, "quarantined": 0}) for name in names]
    most = max((one["accepted"] + one["quarantined"] for one in shown), default=0) or 1
    return [one | {"good": _height(one["accepted"], most), "bad": _height(one["quarantined"], most)} for one in shown]


def _height(count: int, most: int) -> float:
    return round(max(1.5, 24 * count / most), 1) if count else 0


PAGES = (
    Page("/sources", sources, "sources.title", roles=STAFF, menu=Menu("work", 50)),
    Page("/sources/{source}", one_source, "sources.one.title", roles=STAFF),
)
