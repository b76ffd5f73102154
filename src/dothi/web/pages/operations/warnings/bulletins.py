"""The pages of official bulletins: what is in force with its legal level, and how one is taken in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import VIETNAM, from_datetime, from_iso, iso, now_us, to_datetime
from dothi.ground.errors import Conflict, DothiError, Invalid, Missing, TooLarge, Unsupported
from dothi.operations.warnings.bulletins import (
    IN_FORCE,
    Entry,
    Together,
    bulletin,
    bulletins,
    enter,
    take_cap,
    together,
)
from dothi.operations.warnings.cap.reading import BYTES_MAX
from dothi.operations.warnings.model import LEVELS, Bulletin
from dothi.operations.warnings.workflow import WRITERS
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.operations.warnings.form import rules_here, unit_choices
from dothi.web.pages.operations.warnings.writing import problem
from dothi.web.pages.shown import STAFF, bare, unit_name, who
from dothi.web.parts import parts

PAST_SHOWN = 20
FIELDS = (
    *("title", "hazard", "sender", "identifier", "level", "raisedBy", "raisedWhy", "sent", "expires"),
    *("description", "note", "replaces", "cancels", "drill"),
)


@dataclass(frozen=True)
class Row:
    """A bulletin in the list."""

    one: Bulletin
    key: str
    hazard: str
    units: str
    by: str


@dataclass(frozen=True)
class Pair:
    """Two bulletins that share units."""

    one: Bulletin
    other: Bulletin
    names: str


def _row(request: Request, one: Bulletin) -> Row:
    hazard = rules_here(request, one.unit).hazards.get(one.hazard)
    return Row(
        one,
        bare(one.id),
        words(request).pick(hazard.name) if hazard else words(request).t("warnings.bulletin.other_hazard"),
        ", ".join(unit_name(request, code) for code in one.units[:12]) + (" …" if len(one.units) > 12 else ""),
        who(request, one.entered_by),
    )


def _pair(request: Request, one: Together) -> Pair:
    return Pair(one.one, one.other, ", ".join(unit_name(request, code) for code in one.units[:5]))


async def listing(request: Request) -> Response:
    """Which official bulletins are in force here, at which level?"""
    here, actor = parts(request), visit(request).actor
    every = bulletins(here.operations, actor, "", 100)
    found = [one for one in every if one.state == IN_FORCE]
    return render(
        request,
        "operations/warnings/bulletins.html",
        found=[_row(request, one) for one in found],
        past=[_row(request, one) for one in every if one.state != IN_FORCE][:PAST_SHOWN],
        together=[_pair(request, one) for one in together(here.territory, found)],
        writer=bool(actor.roles & WRITERS),
    )


async def new(request: Request) -> Response:
    """A bulletin comes in: as a CAP file, or copied from its paper."""
    asked = request.query_params
    values: dict[str, Any] = dict.fromkeys(FIELDS, "") | {"units": [], "sent": _local(now_us())}
    if asked.get("replaces"):
        before = bulletin(parts(request).operations, visit(request).actor, asked["replaces"])
        values |= {"replaces": before.id, "sender": before.sender, "title": before.title, "hazard": before.hazard}
        values |= {
            "units": list(before.units),
            "level": str(before.level or ""),
            "expires": _local(from_iso(before.expires)),
        }
    return _form(request, values, {})


def _form(
    request: Request,
    values: Mapping[str, Any],
    problems: Mapping[str, str],
    status: int = 200,
    errors: list[str] | None = None,
) -> Response:
    t = words(request).t
    return render(
        request,
        "operations/warnings/bulletin.html",
        status,
        values=values,
        problems=problems,
        errors=errors or [],
        replaced=_title(request, str(values["replaces"])),
        units=sorted(unit_choices(request), key=lambda unit: unit[0] not in values["units"]),
        hazards=[(one.id, words(request).pick(one.name)) for one in rules_here(request).hazards.values()],
        levels=[("", t("warnings.bulletin.no_level")), *((str(n), t(f"warnings.colour.{n}")) for n in LEVELS)],
        raises=[(str(n), t(f"warnings.bulletin.raise.{n}")) for n in range(3)],
    )


def _title(request: Request, name: str) -> str:
    try:
        return bulletin(parts(request).operations, visit(request).actor, name).title if name else ""
    except Missing:
        return ""


async def write(request: Request) -> Response:
    """Keep a bulletin as its paper says."""
    form = await request.form()
    values: dict[str, Any] = {name: str(form.get(name, ""))[:8000] for name in FIELDS}
    values["units"] = [str(one) for one in form.getlist("units")]
    try:
        await enter(parts(request).operations, visit(request).actor, _entry(request, values))
    except (Invalid, Conflict) as error:
        return _form(request, values, _told(request, error), 409 if isinstance(error, Conflict) else 422)
    return redirect(request, "/bulletins", "warnings.bulletin.kept")


def _entry(request: Request, said: Mapping[str, Any]) -> Entry:
    before = bulletin(parts(request).operations, visit(request).actor, said["replaces"]) if said["replaces"] else None
    return Entry(
        title=said["title"],
        hazard=said["hazard"],
        sender=said["sender"],
        identifier=said["identifier"],
        sent=_instant(said["sent"], "sent"),
        expires=_instant(said["expires"], "expires"),
        units=tuple(said["units"]),
        level=int(said["level"]) if said["level"] in map(str, LEVELS) else None,
        description=said["description"],
        raised_by=int(said["raisedBy"]) if said["raisedBy"] in ("0", "1", "2") else 0,
        raised_why=said["raisedWhy"],
        note=said["note"],
        replaces=said["replaces"],
        cancels=said["cancels"] == "yes",
        drill=before.drill if before else said["drill"] == "yes",
    )


async def take(request: Request) -> Response:
    """Take in a CAP 1.2 file."""
    form = await request.form()
    content = await _content(form)
    blank: dict[str, Any] = dict.fromkeys(FIELDS, "") | {"units": [], "sent": _local(now_us())}
    try:
        if not content:
            raise Invalid("Choose a file.", field="file")
        await take_cap(parts(request).operations, visit(request).actor, content)
    except (Invalid, Conflict, TooLarge, Unsupported) as error:
        told = {"file": problem(request, "no_file")} if not content else {"form": problem(request, "cap_file")}
        listed = error.fields.get("errors")
        errors = [str(one) for one in listed] if isinstance(listed, list) else [error.detail] if content else []
        return _form(request, blank, told, 409 if isinstance(error, Conflict) else 422, errors)
    return redirect(request, "/bulletins", "warnings.bulletin.kept")


async def _content(form: FormData) -> bytes:
    found = form.get("file")
    return await found.read(BYTES_MAX + 1) if isinstance(found, UploadFile) else b""


def _told(request: Request, error: DothiError) -> dict[str, str]:
    if isinstance(error, Conflict):
        return {"identifier": problem(request, "same_number")}
    name = str(error.fields.get("field") or "form")
    return {name: problem(request, f"bulletin_{name}")}


def _instant(text: str, name: str) -> str:
    try:
        return iso(from_datetime(datetime.fromisoformat(text).replace(tzinfo=VIETNAM)))
    except (ValueError, OverflowError) as cause:
        raise Invalid(f"“{text[:30]}” is no day and time.", field=name) from cause


def _local(instant: int) -> str:
    return f"{to_datetime(instant).astimezone(VIETNAM):%Y-%m-%dT%H:%M}"


PAGES = (
    Page("/bulletins", listing, "warnings.bulletin.title", roles=STAFF),
    Page("/bulletins/new", new, "warnings.bulletin.new", roles=WRITERS),
    Page("/bulletins/new", write, "warnings.bulletin.new", methods=("POST",), roles=WRITERS, page=False),
    Page("/bulletins/file", take, "warnings.bulletin.take", ("POST",), WRITERS, body_max=BYTES_MAX * 2, page=False),
)
