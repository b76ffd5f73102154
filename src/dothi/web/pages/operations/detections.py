"""Cameras and gates on the screen: what they are kept for, what they saw, and a number plate with a reason only."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import HOUR, now_us
from dothi.ground.errors import Invalid
from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Event
from dothi.operations.events import looking
from dothi.operations.events.model import PERSONAL, EventSource
from dothi.operations.events.rules import Rules, rules_at
from dothi.operations.events.sources import (
    KINDS,
    NewSource,
    define_source,
    is_keeper,
    one_source,
    read_events,
    seen,
    sources,
)
from dothi.operations.incidents.suggestions import DETECTION, suggestions
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.shown import STAFF, unit_name
from dothi.web.pages.system.rule_sets import units_of
from dothi.web.parts import parts

KEEPERS = frozenset({"data_steward", "administrator"})
OPENERS = frozenset({"data_steward"})
PAGE_ROWS = 12
FIELDS = ("code", "name_vi", "name_en", "kind", "purpose", "unit", "place", "keep_days", "clip_days", "personal_days")
FAILED = 422


@dataclass(frozen=True)
class Row:
    """One source as the list shows it."""

    source: EventSource
    name: str
    place: str
    last: Event | None
    last_kind: str
    hours: tuple[tuple[float, int], ...]  # (height from 0 to 24, how many) of each hour.
    day: int
    confirmed: int
    rejected: int
    waiting: int


async def detections(request: Request) -> Response:
    """What do cameras and gates see, and may they?"""
    here, actor = parts(request).operations, visit(request).actor
    rules, decided = rules_at(here), _decisions(request)
    rows = [_row(request, one, rules, decided.get(one.id, {})) for one in sources(here, actor)]
    rows.sort(key=lambda one: (-one.waiting, one.name))
    return render(
        request,
        "operations/events/sources.html",
        rows=rows,
        waiting=sum(one.waiting for one in rows),
        may_keep=is_keeper(actor),
        may_open=bool(actor.roles & OPENERS),
    )


def _decisions(request: Request) -> dict[str, dict[str, int]]:
    """What became of the suggestions of each source."""
    counts: dict[str, dict[str, int]] = {}
    for one in suggestions(parts(request).operations, visit(request).actor, state="", kind=DETECTION, limit=1000):
        for source in one.sources:
            of = counts.setdefault(source, {})
            of[one.state] = of.get(one.state, 0) + 1
    return counts


def _row(request: Request, source: EventSource, rules: Rules, decided: Mapping[str, int]) -> Row:
    found = seen(parts(request).operations, source, now_us())
    most = max(found.hours) or 1
    return Row(
        source,
        words(request).pick(source.name),
        unit_name(request, source.unit),
        found.last,
        words(request).pick(rules.kinds.get(found.last.kind, {"vi": found.last.kind})) if found.last else "",
        tuple((round(24 * count / most, 1), count) for count in found.hours),
        sum(found.hours),
        decided.get("confirmed", 0),
        decided.get("rejected", 0),
        decided.get("suggested", 0),
    )


async def one_lane(request: Request) -> Response:
    """What did this camera see?"""
    return _lane(request)


def _lane(request: Request, opened: Mapping[str, str] | None = None, problems: Mapping[str, str] = {}) -> Response:
    here, actor = parts(request).operations, visit(request).actor
    source = one_source(here, actor, request.path_params["source"])
    text = request.query_params.get("before", "")
    before = int(text) if text.isdecimal() and len(text) < 18 else EventQuery().before  # 64 bits.
    found = read_events(here, actor, source.id, EventQuery(before=before, limit=PAGE_ROWS + 1))
    rules = rules_at(here, source.unit or None)
    return render(
        request,
        "operations/events/source.html",
        FAILED if problems else 200,
        row=_row(request, source, rules, _decisions(request).get(source.id, {})),
        events=found[:PAGE_ROWS],
        older=found[PAGE_ROWS - 1].number if len(found) > PAGE_ROWS else 0,
        kinds={key: words(request).pick(name) for key, name in rules.kinds.items()},
        start=now_us() // HOUR * HOUR - 23 * HOUR,
        may_keep=is_keeper(actor),
        may_open=bool(actor.roles & OPENERS),
        opened=opened or {},
        problems=problems,
    )


async def open_one(request: Request) -> Response:
    """Open what is sealed in one detection, for a reason that is kept."""
    form = await request.form()
    key, reason = str(form.get("key", "")), str(form.get("reason", "")).strip()
    here, actor = parts(request).operations, visit(request).actor
    try:
        found = await looking.open_detection(here, actor, request.path_params["source"], key, reason)
    except Invalid:
        return _lane(request, problems={"reason": words(request).t("detections.mend.reason")})
    return _lane(request, {"key": key, **found})


async def find_plate(request: Request) -> Response:
    """Where was this number plate seen?"""
    given = {"plate": "", "reason": ""}
    if request.method == "GET":
        return _found(request, given)
    form = await request.form()
    given = {name: str(form.get(name, "")).strip() for name in given}
    try:
        found = await looking.find_plate(
            parts(request).operations, visit(request).actor, given["plate"], given["reason"]
        )
    except Invalid as wrong:
        field = str(wrong.fields.get("field", "reason"))
        return _found(request, given, problems={field: words(request).t(f"detections.mend.{field}")})
    return _found(request, given, found)


def _found(
    request: Request,
    given: Mapping[str, str],
    found: list[Event] | None = None,
    problems: Mapping[str, str] = {},
) -> Response:
    here = {one.id: one for one in sources(parts(request).operations, visit(request).actor)} if found else {}
    return render(
        request,
        "operations/events/plates.html",
        FAILED if problems else 200,
        given=given,
        found=found,
        names={key: (words(request).pick(one.name), one.code) for key, one in here.items()},
        problems=problems,
    )


async def edit_source(request: Request) -> Response:
    """For what does this camera see, and how long is that kept?"""
    code = request.path_params.get("source", "")
    known = one_source(parts(request).operations, visit(request).actor, code) if code else None
    if request.method == "GET":
        return _form(request, known, _values(request, known))
    form = await request.form()
    given = {name: str(form.get(name, "")).strip() for name in FIELDS}
    personal = tuple(str(one) for one in form.getlist("personal") if one in PERSONAL)
    enabled = form.get("enabled") == "on"
    try:
        new = _new(known, given, personal, enabled)
        made = await define_source(
            parts(request).operations, visit(request).actor, new, known.version if known else None
        )
    except Invalid as wrong:
        field = {"name": "name_vi"}.get(str(wrong.fields.get("field", "")), str(wrong.fields.get("field", "purpose")))
        problem = {field: words(request).t(f"detections.mend.{field}")}
        return _form(request, known, given | {"personal": " ".join(personal), "enabled": "on" * enabled}, problem)
    return redirect(request, f"/detections/{made.code}", "detections.kept", name=words(request).pick(made.name))


def _new(known: EventSource | None, given: Mapping[str, str], personal: tuple[str, ...], enabled: bool) -> NewSource:
    return NewSource(
        known.code if known else given["code"],
        {"vi": given["name_vi"], "en": given["name_en"] or given["name_vi"]},
        given["kind"],
        given["purpose"],
        _days(given, "keep_days"),
        _days(given, "clip_days"),
        given["unit"],
        personal,
        _days(given, "personal_days"),
        _place(given["place"]),
        enabled,
        known.simulated if known else False,
    )


def _days(given: Mapping[str, str], field: str) -> int:
    if not given[field].isdecimal() or len(given[field]) > 5:  # More is no number of days.
        raise Invalid(f"{field} is a whole number of days.", field=field)
    return int(given[field])


def _place(text: str) -> tuple[float, float] | None:
    """Longitude and latitude as they are written on maps: latitude first, “16.468, 107.590”."""
    if not text:
        return None
    parts_of = text.split(",")
    try:
        north, east = (float(one) for one in parts_of)
    except ValueError as wrong:
        raise Invalid("Write latitude and longitude.", field="place") from wrong
    if not (abs(north) <= 90 and abs(east) <= 180):  # Degrees.
        raise Invalid("Latitude comes first.", field="place")
    return east, north


def _values(request: Request, known: EventSource | None) -> dict[str, str]:
    if known is None:
        areas = sorted(visit(request).actor.areas)
        unit = areas[0] if areas else parts(request).province
        return dict.fromkeys(FIELDS, "") | {"kind": "camera", "unit": unit, "personal": "", "enabled": "on"} | {
            "keep_days": "7", "clip_days": "2", "personal_days": "1"
        }  # fmt: skip
    return {
        "code": known.code,
        "name_vi": known.name.get("vi", ""),
        "name_en": known.name.get("en", ""),
        "kind": known.kind,
        "purpose": known.purpose,
        "unit": known.unit,
        "place": f"{known.place[1]:.5f}, {known.place[0]:.5f}" if known.place else "",
        "keep_days": str(known.keep_days),
        "clip_days": str(known.clip_days),
        "personal_days": str(known.personal_days),
        "personal": " ".join(known.personal),
        "enabled": "on" if known.enabled else "",
    }


def _form(
    request: Request, known: EventSource | None, values: Mapping[str, str], problems: Mapping[str, str] = {}
) -> Response:
    t = words(request).t
    return render(
        request,
        "operations/events/form.html",
        FAILED if problems else 200,
        known=known,
        name=words(request).pick(known.name) if known else "",
        values=values,
        problems=problems,
        rules=rules_at(parts(request).operations),
        units=[one for one in units_of(request) if one[0]],
        kinds=[(one, t(f"detections.kind.{one}")) for one in KINDS],
        personal=[(one, t(f"detections.personal.{one}")) for one in PERSONAL],
    )


_SAMPLE = {"source": "camera-sample"}
PAGES = (
    Page("/detections", detections, "detections.title", roles=STAFF),
    Page("/detections/new", edit_source, "detections.new", methods=("GET", "POST"), roles=KEEPERS),
    Page("/detections/plates", find_plate, "detections.plates.title", methods=("GET", "POST"), roles=OPENERS),
    Page("/detections/{source}", one_lane, "detections.one.title", roles=STAFF, sample=_SAMPLE),
    Page("/detections/{source}/open", open_one, "detections.open", methods=("POST",), roles=OPENERS, sample=_SAMPLE),
    Page(
        "/detections/{source}/edit",
        edit_source,
        "detections.edit",
        methods=("GET", "POST"),
        roles=KEEPERS,
        sample=_SAMPLE,
    ),
)
