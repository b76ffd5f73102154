"""Which reports are owed, which are signed, and a report begun by hand."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.evidence.api import document
from dothi.evidence.api.reports import duties
from dothi.evidence.model import COUNTRY, REPORT, PeriodKind, period_of
from dothi.evidence.report.model import ReportKind
from dothi.evidence.report.periods import told_period
from dothi.evidence.report.schemes import schemes, title_of
from dothi.evidence.report.service import WRITERS, asked_about, begin
from dothi.evidence.report.templates import templates_at
from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Invalid, Missing
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import Entity
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.evidence.telling import home_of, stage_words
from dothi.web.pages.shown import STAFF, bare
from dothi.web.parts import parts

LISTED = 100
RECENT = {PeriodKind.MONTH: 6, PeriodKind.QUARTER: 3, PeriodKind.YEAR: 2, PeriodKind.WEEK: 4}
KINDS = {"owed": "watch", "draft": "note", "submitted": "note", "signed": "good"}
ICONS = {"owed": "todo", "draft": "todo", "submitted": "file", "signed": "lock"}


async def overview(request: Request) -> Response:
    """Which reports do we owe, and which are signed?"""
    return _overview(request, {}, {})


def _overview(request: Request, problems: dict[str, str], said: dict[str, str]) -> Response:
    evidence, actor, now = parts(request).evidence, visit(request).actor, now_us()
    asked = {name: request.query_params.get(name, "") for name in ("unit", "kind", "state")}
    wanted = {name: value for name, value in asked.items() if name != "state"}
    owed = [one for one in duties(evidence, actor, wanted, LISTED) if one.value("open")]
    done = _signed(request, wanted)
    signed = asked["state"] == "signed"
    return render(
        request,
        "evidence/periodic.html",
        422 if problems else 200,
        rows=[_signed_row(request, one) for one in done] if signed else [_row(request, one, now) for one in owed],
        signed=signed,
        count=len(owed),
        late=sum(_late(one, now) for one in owed),
        done=len(done),
        asked=asked,
        units=_units(request),
        kinds=[(kind.value, words(request).t(f"periodic.kind.{kind}")) for kind in ReportKind],
        periods=_periods(request, now),
        templates=[(one.id, one.name) for one in templates_at(evidence, _own_unit(request), now)],
        may_write=bool(WRITERS & actor.roles),
        problems=problems,
        said={"unit": "", "report": "", "template": ""} | said,
    )


def _late(duty: Entity, now: int) -> bool:
    return bool(duty.value("due")) and from_iso(duty.value("due")) < now


def _row(request: Request, duty: Entity, now: int) -> dict[str, Any]:
    state, due = duty.value("state"), duty.value("due")
    return {
        "key": bare(duty.id).replace(":", "-"),
        "href": home_of(bare(duty.id)),
        "what": words(request).pick(duty.value("name")),
        "state": stage_words(request, state),
        "kind": KINDS[state],
        "icon": ICONS[state],
        "where": "",
        "due": words(request).left(from_iso(due), now) if due else "",
        "due_kind": "bad" if _late(duty, now) else "",
    }


def _signed(request: Request, wanted: dict[str, str]) -> list[Entity]:
    """The signed reports, the latest first."""
    terms = (Compare(("signedAt",), ">", "1970"), *(Compare((k,), "==", v) for k, v in wanted.items() if v))
    query = Query(TypeIs(REPORT), q=And(terms), limit=LISTED, order=("-createdAt",))
    return list(parts(request).hub.query(visit(request).actor, query).entities)


def _signed_row(request: Request, report: Entity) -> dict[str, Any]:
    number, day = report.value("number"), words(request).date(report.value("signedAt"))
    return {
        "key": bare(report.id).replace(":", "-"),
        "href": home_of(bare(report.id), signed=True),
        "what": words(request).pick(report.value("name")),
        "state": stage_words(request, "signed"),
        "kind": "good",
        "icon": "lock",
        "where": words(request).t("periodic.signed_line", number=number, day=day, signer=report.value("signer")),
        "due": "",
        "due_kind": "",
    }


def _own_unit(request: Request) -> str:
    """A unit whose rules stand for what this visitor may choose."""
    areas, here = sorted(visit(request).actor.areas), parts(request)
    return areas[0] if areas else here.province or here.evidence.territory.provinces()[0].code


def _units(request: Request) -> list[tuple[str, str]]:
    """The units of the city that this visitor may report for, the province first."""
    here, areas = parts(request), visit(request).actor.areas
    province = here.province
    if not province and here.evidence.unit == COUNTRY and not areas:
        found = here.territory.provinces()
    else:
        codes = [province] if province else sorted({here.territory.province_of(area).code for area in areas})
        found = tuple(
            one
            for code in codes
            for one in (here.territory.unit(code), *sorted(here.territory.communes_of(code), key=lambda one: one.name))
        )
    allowed = frozenset().union(*(here.territory.within(area) for area in areas)) if areas else None
    return [(one.code, one.name) for one in found if allowed is None or one.code in allowed]


def _periods(request: Request, now: int) -> list[tuple[str, str]]:
    """What can be reported on: kind:period, the latest that ended first, then those running; schemes last."""
    found = []
    for kind, count in RECENT.items():
        at = now
        for _ in range(count):
            period = period_of(kind, at)
            told = told_period(kind.value, period.name, period.start, period.end)
            found.append((f"{kind.value}:{period.name}", told[0].upper() + told[1:]))
            at = period.start - 1
    known = schemes(parts(request).evidence, visit(request).actor)
    return found + [(f"scheme:{one.id}", words(request).t("periodic.sum_up", name=title_of(one))) for one in known]


async def start(request: Request) -> Response:
    """A report begun by hand is drafted at once."""
    here, actor, form = parts(request).evidence, visit(request).actor, await request.form()
    said = {name: str(form.get(name, "")) for name in ("unit", "report", "template")}
    kind, _, name = said["report"].partition(":")
    try:
        if not said["unit"]:
            raise Invalid(field="unit")
        target = name if kind == ReportKind.SCHEME else ""
        about = asked_about(here, actor, kind, said["unit"], name, target, now_us())
        duty = await begin(here, actor, about, said["template"])
    except (Invalid, Missing) as wrong:
        field = str(wrong.fields.get("field", "unit" if not said["unit"] else "report"))
        shown = field if field in said else "report"
        return _overview(request, {shown: words(request).t(f"periodic.wrong.{shown}")}, said)
    return redirect(request, home_of(bare(duty.id)), "periodic.begun")


async def former(request: Request) -> Response:
    """The former address of the month's report."""
    return redirect(request, "/periodic")


async def former_file(request: Request) -> Response:
    """The document of a written report, under its former address."""
    found = parts(request).hub.get(visit(request).actor, request.path_params["report"])
    if REPORT not in found.types:
        raise Missing("There is no such report.")
    return document(parts(request).evidence, found)


PAGES = (
    Page("/periodic", overview, "periodic.title", roles=STAFF, menu=Menu("work", 45)),
    Page("/periodic", start, "periodic.begin", methods=("POST",), roles=WRITERS, page=False),
    Page("/monthly", former, "periodic.title", roles=STAFF, page=False),
    Page("/monthly/{report}/file", former_file, "periodic.title", page=False),
)
