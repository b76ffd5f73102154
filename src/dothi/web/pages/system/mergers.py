"""The page of mergers: which communes become one, what hangs on the codes that close, and recording the decision."""

from collections.abc import Mapping
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.errors import Conflict, Invalid
from dothi.ground.text import fold
from dothi.office.mergers import open_work
from dothi.territory.mergers import Merger, check
from dothi.territory.model import Unit
from dothi.territory.names import capitalised, kind_of
from dothi.territory.service import mergers as recorded
from dothi.territory.service import record_merger
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.shown import STAFF, unit_name
from dothi.web.parts import parts

KEEPERS = frozenset({"data_steward", "administrator", "planner"})
FAILED = 422
FIELDS = ("communes", "code", "name", "day", "decision")


async def mergers(request: Request) -> Response:
    """Which communes were merged, and how is a new merger recorded?"""
    return _page(request, dict.fromkeys(FIELDS, ""), {})


async def merge(request: Request) -> Response:
    """First what it would mean, then the decision."""
    form = await request.form()
    given = {name: str(form.get(name, "")).strip() for name in FIELDS}
    if "back" in form:
        return _page(request, given, {})
    try:
        units = _communes(request, given["communes"])
        one = _merger(request, units, given)
        check(parts(request).territory.gazetteer, one)
        if "record" not in form:
            return _preview(request, units, one, given)
        await record_merger(parts(request).hub, parts(request).territory, visit(request).actor, one)
    except (Invalid, Conflict) as error:
        return _page(request, given, {_field(error): _said(request, error)})
    return redirect(request, "/mergers", "accounts.mergers.recorded", name=one.name, day=f"{one.effective:%d/%m/%Y}")


def _field(error: Invalid | Conflict) -> str:
    field = str(error.fields.get("field", "decision"))
    return {"codes": "communes", "effective": "day"}.get(field, field)


def _said(request: Request, error: Invalid | Conflict) -> str:
    key = f"accounts.mergers.mend.{_field(error)}"
    return f"{words(request).t(key)} ({error.detail})" if words(request).has(key) else error.detail


def _communes(request: Request, text: str) -> list[Unit]:
    """The communes named by codes or names, a comma or a line between two. Invalid names the one that is unclear."""
    found = []
    here = parts(request)
    for part in filter(None, (piece.strip() for piece in text.replace("\n", ",").split(","))):
        asked = f"{part}, {here.territory.unit(here.province).name}" if here.province and not part.isdigit() else part
        hits = here.territory.search(asked, level="commune", limit=5)
        exact = [one for one in hits if fold(part) in (fold(one.name), fold(one.short), one.code)] or hits
        if len(exact) != 1:
            raise Invalid(words(request).t("accounts.mergers.unclear", name=part[:60]), field="communes")
        found.append(exact[0])
    return found


def _merger(request: Request, units: list[Unit], given: Mapping[str, str]) -> Merger:
    name = capitalised(given["name"])
    try:
        day = date.fromisoformat(given["day"])
        kind = kind_of(name)
    except ValueError as cause:
        field = "name" if _is_day(given["day"]) else "day"
        raise Invalid(str(cause), field=field) from cause
    seat = _communes(request, given["code"])
    if len(seat) != 1:
        raise Invalid(field="code")
    return Merger(tuple(one.code for one in units), seat[0].code, name, kind, day, given["decision"])


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _preview(request: Request, units: list[Unit], one: Merger, given: Mapping[str, str]) -> Response:
    hub, actor = parts(request).hub, visit(request).actor
    return render(
        request,
        "accounts/merger.html",
        merger=one,
        rows=[(unit, open_work(hub, actor, unit.code), unit.code == one.code) for unit in units],
        given=given,
    )


def _page(request: Request, given: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    return render(
        request,
        "accounts/mergers.html",
        FAILED if problems else 200,
        found=[
            (one, ", ".join(unit_name(request, code) for code in one.codes))
            for one in reversed(recorded(parts(request).hub))
        ],
        given=given,
        problems=problems,
        may_keep=bool(visit(request).actor.roles & KEEPERS),
    )


PAGES = (
    Page("/mergers", mergers, "accounts.mergers.title", roles=STAFF, menu=Menu("system", 70)),
    Page("/mergers", merge, "accounts.mergers.record", methods=("POST",), roles=KEEPERS),
)
