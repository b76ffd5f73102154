"""The quarantine: rows that broke their mapping, by source and reason; corrected, replayed or dismissed."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.hub.model import Entity
from dothi.sources import quarantine
from dothi.sources.mapping.library import mapping_paths
from dothi.sources.model import ROW, RowState, explain
from dothi.sources.quarantine import STEWARDS, Selection, is_steward
from dothi.web.page import Level, Page, redirect, render, visit, words
from dothi.web.pages.shown import STAFF, attribute_name, bare, entity_id, named, unit_of
from dothi.web.parts import parts

LISTED = 50
READ = 500  # Rows read at a time while they are grouped.
GROUPED_MAX = 20_000  # Beyond this the counts say “at least”.
FAILED = 422


async def held(request: Request) -> Response:
    """Which rows are held back, and why?"""
    actor = visit(request).actor
    if not is_steward(actor):
        return render(request, "sources/closed.html", 403)
    source, reason = (request.query_params.get(name, "")[:300] for name in ("source", "reason"))
    if source or reason:
        return _rows(request, source, reason)
    groups, whole = _groups(request)
    total = sum(one["count"] for one in groups)
    return render(request, "sources/quarantine.html", groups=groups, total=total, whole=whole)


def _groups(request: Request) -> tuple[list[dict[str, Any]], bool]:
    """Open rows by source and reason, most first; and whether all of them were counted."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    read = 0
    while read < GROUPED_MAX:
        actor, here = visit(request).actor, parts(request).hub
        page = here.find(actor, ROW, f'state=="{RowState.OPEN}"', READ, offset=read).entities
        for one in page:
            _count(request, found, one)
        read += len(page)
        if len(page) < READ:
            break
    return sorted(found.values(), key=lambda group: -group["count"]), read < GROUPED_MAX


def _count(request: Request, found: dict[tuple[str, str], dict[str, Any]], row: Entity) -> None:
    key = row.value("source"), row.value("reason", "")
    if key not in found:
        found[key] = {"source": key[0], "reason": key[1], "name": named(request, key[0]), "text": _why(request, row)}
        found[key] |= {"count": 0, "first": row.created_at, "last": row.created_at}
    group = found[key]
    group["count"] += row.value("count", 1)
    group["first"], group["last"] = min(group["first"], row.created_at), max(group["last"], row.created_at)


def _why(request: Request, row: Entity) -> str:
    """Why a row is held back, in words, with names and units as people write them."""
    detail = dict(row.value("detail", {}))
    attribute = str(detail.get("attribute", ""))
    unit = detail.get("unit")
    detail["unit"] = unit_of(attribute, unit) if unit is None or isinstance(unit, str) else unit
    return explain(str(detail.get("code", "")), attribute_name(request, attribute), detail, words(request).language)


def _rows(
    request: Request, source: str, reason: str, problems: Mapping[str, str] | None = None, why: str = ""
) -> Response:
    """The rows of one source with one reason, and what can be done with all of them."""
    here, actor, language = parts(request).sources, visit(request).actor, words(request).language
    text = request.query_params.get("offset", "")
    offset = min(int(text), 1_000_000) if text.isascii() and text.isdigit() else 0
    page = quarantine.list_rows(here, actor, Selection((), source, reason), LISTED, offset, language)
    return render(
        request,
        "sources/rows.html",
        FAILED if problems else 200,
        rows=[
            (one, f"/quarantine/{bare(one.id)}", _brief(one.row), _why(request, _get(request, one.id)))
            for one in page.rows
        ],
        total=page.total,
        count=sum(one.count for one in page.rows),
        offset=offset,
        step=LISTED,
        source=source,
        reason=reason,
        name=named(request, source) if source else "",
        mappings=[("", words(request).t("sources.same_mapping"))]
        + [(name, name) for name in sorted(mapping_paths(here.mappings))],
        problems=problems or {},
        why=why,
    )


def _brief(row: Mapping[str, Any]) -> str:
    """A row in one line."""
    return "; ".join(f"{name} = {_text(value)}" for name, value in row.items())[:160]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _row(request: Request) -> Entity:
    found = _get(request, entity_id(ROW, request.path_params["row"]))
    if ROW not in found.types:
        raise Missing(f"{found.id} is no quarantined row.")
    return found


def _get(request: Request, name: str) -> Entity:
    return parts(request).hub.get(visit(request).actor, name)


async def one_row(request: Request) -> Response:
    """What is wrong with this row, and how is it mended?"""
    return _one(request, {}, {})


def _one(request: Request, edits: Mapping[str, Any], problems: Mapping[str, str]) -> Response:
    entity = _row(request)
    shown = quarantine.view(parts(request).sources, entity, words(request).language)
    detail = entity.value("detail", {})
    back = f"/quarantine?source={shown.source}&reason={shown.reason}"
    return render(
        request,
        "sources/row.html",
        FAILED if problems else 200,
        row=shown,
        reason_text=_why(request, entity),
        href=f"/quarantine/{bare(entity.id)}",
        cells=[(name, _text({**shown.row, **edits}[name])) for name in shown.row],
        guilty=str(detail.get("column") or detail.get("attribute", "")),
        name=named(request, shown.source),
        source_href=f"/sources/{bare(shown.source)}",
        back=back,
        why=entity.value("why", ""),
        problems=problems,
    )


async def correct(request: Request) -> Response:
    """Replay one row with the cells as edited."""
    form, entity = await request.form(), _row(request)
    before = quarantine.view(parts(request).sources, entity).row
    edits = {name: _value(str(form.get(f"cell.{name}", _text(value))), value) for name, value in before.items()}
    try:
        await quarantine.correct_row(parts(request).sources, visit(request).actor, entity.id, edits)
    except Conflict:
        return redirect(request, "/quarantine", "sources.row.closed_already", "warning")
    except Invalid as error:
        said = error.fields.get("vi") if words(request).language == "vi" else None
        return _one(request, edits, {"cells": str(said or error.detail)})
    return redirect(request, f"/quarantine/{bare(entity.id)}", "sources.row.entered")


def _value(text: str, before: Any) -> Any:
    """A cell as typed: text where it was text, JSON where it was a number or more."""
    if isinstance(before, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _chosen(form: Mapping[str, Any]) -> Selection:
    """The rows that a form is about: one by id, or all open ones of a source and reason."""
    row, source, reason = (str(form.get(name, "")) for name in ("row", "source", "reason"))
    if not (row or source):
        raise Invalid("Say which rows: one row, or a source and a reason.")
    return Selection((entity_id(ROW, row),), "", "") if row else Selection((), source, reason)


async def replay(request: Request) -> Response:
    """Send rows through their mapping again."""
    form = await request.form()
    chosen, mapping = _chosen(form), str(form.get("mapping", ""))
    done = await quarantine.replay_rows(parts(request).sources, visit(request).actor, chosen, mapping)
    level: Level = "warning" if done.still_held else "done"
    said = {"n": words(request).number(done.replayed), "held": words(request).number(done.still_held)}
    return redirect(request, "/quarantine", "sources.replayed", level, **said)


async def dismiss(request: Request) -> Response:
    """Close rows without letting them in, and say why."""
    form = await request.form()
    chosen, why = _chosen(form), str(form.get("why", "")).strip()
    if not why:
        problem = {"why": words(request).t("sources.mend.why")}
        if chosen.ids:
            request.path_params["row"] = bare(chosen.ids[0])
            return _one(request, {}, problem)
        return _rows(request, chosen.source, chosen.reason, problem)
    done = await quarantine.dismiss_rows(parts(request).sources, visit(request).actor, chosen, why)
    return redirect(request, "/quarantine", "sources.dismissed", n=words(request).number(done))


PAGES = (
    Page("/quarantine", held, "sources.quarantine.title", roles=STAFF),
    Page("/quarantine/replay", replay, "sources.replay", methods=("POST",), roles=STEWARDS, page=False),
    Page("/quarantine/dismiss", dismiss, "sources.dismiss", methods=("POST",), roles=STEWARDS, page=False),
    Page("/quarantine/{row}", one_row, "sources.row.title", roles=STEWARDS),
    Page("/quarantine/{row}", correct, "sources.correct", methods=("POST",), roles=STEWARDS),
)
