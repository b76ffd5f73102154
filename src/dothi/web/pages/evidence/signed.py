"""A signed report: as it was, beside what has changed since, with its files and versions."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.evidence.api import document
from dothi.evidence.api.reports import written
from dothi.evidence.reading import find
from dothi.evidence.report.model import Moved
from dothi.evidence.report.service import WRITERS, duty_of, snapshot_of
from dothi.evidence.report.signing import moved
from dothi.ground.errors import Missing
from dothi.hub.model import Entity
from dothi.web.page import Page, render, visit, words
from dothi.web.pages.evidence.drafting import rows_page
from dothi.web.pages.evidence.figures import reason_words
from dothi.web.pages.evidence.telling import address_at, home_of, lines, parts_of
from dothi.web.pages.shown import STAFF, bare, entity_id, who
from dothi.web.parts import parts

FILES = {"docx": "file", "xlsx": "annex", "json": "data"}


def _report(request: Request) -> Entity:
    name = entity_id("PublishedReport", str(request.path_params["report"]))
    return written(parts(request).evidence, visit(request).actor, name)


async def one_report(request: Request) -> Response:
    """What did we sign, and does it still hold?"""
    evidence, report = parts(request).evidence, _report(request)
    snapshot = snapshot_of(evidence, report)
    if snapshot is None:
        raise Missing("This report was written before reports were kept whole: its document is all there is.")
    home = home_of(bare(report.id), signed=True)
    address, staff = address_at(home), bool(STAFF & visit(request).actor.roles)
    changed = moved(evidence, report) if staff else []
    return render(
        request,
        "evidence/signed.html",
        report=report,
        name=words(request).pick(report.value("name")),
        sign=snapshot.template.sign,
        home=home,
        told=parts_of(snapshot, snapshot.wording, address),
        lines=lines(request, snapshot.data, address),
        changed=[_changed(request, one) for one in changed if not _expected(one)],
        since=[_changed(request, one) for one in changed if _expected(one)],
        staff=staff,
        files=[(kind, f"{home}/{kind}", report.value(name)) for kind, name in FILES.items() if report.value(name)],
        made=snapshot.data.made,
        duty=_duty_home(request, report),
        revisable=bool(WRITERS & visit(request).actor.roles) and _is_latest(request, report),
        before=_version(request, report.value("replaces")),
        after=_after(request, report),
        by=who(request, report.value("signedBy")) if staff and report.value("signedBy") else "",
        problems={},
    )


def _expected(one: Moved) -> bool:
    """A figure told as of the day of signing moves by itself."""
    return any(reason["code"] == "asOf" for reason in one.reasons)


def _changed(request: Request, one: Moved) -> dict[str, Any]:
    here = words(request)

    def told(reason: dict[str, Any]) -> str:
        revised = f"revised_{reason['code']}"
        return reason_words(request, {**reason, "code": revised} if here.has(f"evidence.reason.{revised}") else reason)

    reasons = [told(dict(reason)) for reason in one.reasons if reason["code"] != "asOf"]
    return {"id": one.id, "name": one.name, "was": one.was, "now": one.now, "reasons": reasons}


def _duty_home(request: Request, report: Entity) -> str:
    name = report.value("duty")
    return home_of(bare(name)) if name else ""


def _is_latest(request: Request, report: Entity) -> bool:
    """Whether no other version took its place or is being written."""
    name = report.value("duty")
    if not name:
        return False
    try:
        duty = duty_of(parts(request).evidence, visit(request).actor, name)
    except Missing:
        return False
    return bool(duty.value("report") == report.id and duty.value("state") == "signed")


def _version(request: Request, name: str | None) -> str:
    return home_of(bare(name), signed=True) if name else ""


def _after(request: Request, report: Entity) -> str:
    """The version that took its place."""
    stem, _, number = report.id.rpartition(":")
    later = f"{stem}:{int(number) + 1}" if number.isdigit() else ""
    found = find(parts(request).evidence, later, visit(request).actor) if later else None
    return home_of(bare(found.id), signed=True) if found and found.value("replaces") == report.id else ""


async def file(request: Request) -> Response:
    """The signed document, its annexes or its data: the same bytes as on the day of signing."""
    kind = FILES.get(str(request.path_params["kind"]))
    if kind is None or (kind != "file" and not STAFF & visit(request).actor.roles):
        raise Missing("There is no such file, or you may not see it.")
    return document(parts(request).evidence, _report(request), kind)


async def rows(request: Request) -> Response:
    """Which entities stood behind this figure?"""
    report = _report(request)
    snapshot, home = snapshot_of(parts(request).evidence, report), home_of(bare(report.id), signed=True)
    return rows_page(request, snapshot, home, words(request).pick(report.value("name")))


PAGES = (
    Page("/signed/{report}", one_report, "periodic.signed"),
    Page("/signed/{report}/list/{list}", rows, "periodic.list", roles=STAFF),
    Page("/signed/{report}/{kind}", file, "periodic.signed", page=False),
)
