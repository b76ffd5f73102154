"""Schemes and plans: where one stands, what it promises, what carries it out, how it changed, and its next step."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.programme import law
from dothi.programme.plans import documents, projects, reading, targets, versions
from dothi.programme.plans.model import NEEDS, NEXT, Document, NewDocument, NewTarget, Stage, Stand, Step
from dothi.programme.tasks.workflow import check_instant, today
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.programme.overview import FAILED, OFFICERS, PAGE, document_row, mended, row, units_of_city
from dothi.web.pages.programme.projects import number, project_row
from dothi.web.pages.programme.tasks import basis_of
from dothi.web.pages.shown import STAFF, bare, entity_id, find, measured, name_of, named, unit_name, who
from dothi.web.parts import parts

DRAFTERS = {"Scheme": frozenset({"programme_officer"}), "Plan": OFFICERS}
ROWS = 3  # Stages that the form offers.
STEP_FIELDS = ("note", "number", "date", "by")
STANDING = {"met": ("good", "good"), "missed": ("watch", "watch"), "unknown": ("grey", "grey")}


def _kind(request: Request) -> str:
    return "Scheme" if request.url.path.startswith("/scheme") else "Plan"


def _name(request: Request) -> str:
    return entity_id(_kind(request), request.path_params["name"])


async def one_document(request: Request) -> Response:
    """Where does it stand, what does it promise, and what carries it out?"""
    return _shown(request, {}, {})


def _shown(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here, actor, now = parts(request).programme, visit(request).actor, now_us()
    one = documents.document(here, actor, _name(request), _kind(request))
    may = bool(actor.roles & DRAFTERS[one.type])
    following = next((verb for state, verb in reversed(tuple(NEXT[one.type])) if state is one.state), None)
    listed = projects.projects(here, actor, one.id) if one.type == "Plan" else []
    links = (one.parent, one.scheme)
    return render(
        request,
        "programme/plans/document.html",
        FAILED if problems else 200,
        row=document_row(request, one, now),
        document=one,
        lead=unit_name(request, one.lead),
        above=[(named(request, name), f"/{_path(name)}/{bare(name)}") for name in links if name],
        bases=[basis_of(request, name) for name in one.legal_bases],
        targets=_targets(request, one) if one.type == "Scheme" else [],
        components=_beneath(request, one, "Scheme", now),
        plans=_beneath(request, one, "Plan", now),
        counts=reading.counts(here, actor, now, plan=one.id) if one.type == "Plan" else None,
        tasks=_tasks(request, one, now),
        projects=[project_row(request, each) for each in listed],
        money=projects.totals(listed),
        steps=[_step_row(request, each) for each in one.steps],
        revisions=[_revision(request, one, each) for each in one.revisions],
        may=may,
        step=following.value if following and may else "",
        needs=NEEDS[following] if following else (),
        may_adjust=may and one.state is not Stand.SUMMED_UP,
        may_review=may and one.state is Stand.IN_FORCE,
        may_promise=may and one.type == "Scheme" and one.state is not Stand.SUMMED_UP,
        indicators=[(each.id, name_of(request, each)) for each in find(request, "Indicator", limit=200)],
        laws=_laws(request),
        units=units_of_city(request),
        today=today(now),
        problems=problems,
        values=dict.fromkeys(STEP_FIELDS, "") | _adjustable(one) | dict(values),
    )


def _path(name: str) -> str:
    return name.split(":")[2].lower()


def _adjustable(one: Document) -> dict[str, str]:
    stages = {
        f"stage_{field}_{place}": str(getattr(stage, field))
        for place, stage in enumerate(one.stages)
        for field in ("first", "last", "level")
    }
    return {"a_title": one.title, "a_vision": one.vision, "a_sector": one.sector, **stages}


def _targets(request: Request, one: Document) -> list[dict[str, Any]]:
    here, actor, now = parts(request).programme, visit(request).actor, now_us()
    rows = []
    for goal in targets.targets_of(here, actor, one.id):
        found = targets.reached(here, actor, goal)
        rows.append(
            {
                "target": goal,
                "unit": unit_name(request, goal.unit),
                "wanted": words(request).t("plans.level", n=goal.level)
                if goal.level is not None
                else measured(request, "value", goal.value, goal.unit_code),
                "indicator": named(request, goal.indicator) if goal.indicator else "",
                "standing": found.standing,
                "kind": STANDING[found.standing][0],
                "icon": STANDING[found.standing][1],
                "value": measured(request, "value", found.value, found.unit_code) if found.value is not None else "",
                "figure": f"/walk/{found.figure}" if found.figure else "",
                "counts": reading.counts(here, actor, now, targets=goal.id),
                "basis": basis_of(request, goal.legal_basis),
            }
        )
    return rows


def _beneath(request: Request, one: Document, kind: str, now: int) -> list[dict[str, object]]:
    wanted = {"parent": one.id} if kind == one.type else {"scheme": one.id}
    if one.type == "Plan" and kind == "Scheme":
        return []
    found = documents.documents(parts(request).programme, visit(request).actor, kind, **wanted)
    return [document_row(request, each, now) for each in found]


def _tasks(request: Request, one: Document, now: int) -> list[Any]:
    if one.type == "Scheme":
        return []
    found = reading.tasks_shown(parts(request).programme, visit(request).actor, "all", now, PAGE, plan=one.id)
    return [row(request, each, now) for each in found]


def _step_row(request: Request, one: Mapping[str, Any]) -> dict[str, object]:
    said = ", ".join(
        words(request).date(one[field]) if field == "date" else str(one[field])
        for field in ("number", "date", "by", "note")
        if one.get(field)
    )
    return {
        "what": words(request).t(f"plans.step.{one['verb']}"),
        "at": from_iso(one["at"]),
        "who": who(request, one["actor"]),
        "words": said,
        "state": "done",
    }


def _revision(request: Request, one: Document, said: Mapping[str, Any]) -> dict[str, object]:
    at = from_iso(said["at"])
    fields = ", ".join(words(request).t(f"plans.field.{field}") for field in said["fields"])
    return {**said, "at": at, "by": who(request, said["by"]), "fields": fields, "moment": at}


def _laws(request: Request) -> list[tuple[str, str]]:
    here, actor = parts(request).programme, visit(request).actor
    return [(name, f"{law.cite(one)}: {one.summary}"[:140]) for name, one in law.provisions(here, actor)]


async def step(request: Request) -> Response:
    """One step along the table."""
    form, here, actor = await request.form(), parts(request).programme, visit(request).actor
    said = {field: str(form.get(field, "")).strip() for field in STEP_FIELDS}
    try:
        verb = Step(request.path_params["verb"])
        await documents.step(here, actor, _name(request), verb, said)
    except Conflict:
        return redirect(request, _address(request), "programme.changed", "warning")
    except ValueError:
        return redirect(request, _address(request))
    except Invalid as error:
        lacking = error.fields.get("missing", ())
        fields = lacking if isinstance(lacking, list) else [str(error.fields.get("field", "note"))]
        return _shown(request, {field: words(request).t(f"plans.mend.step_{field}") for field in fields}, said)
    return redirect(request, _address(request), f"plans.did.{verb.value}")


async def adjust(request: Request) -> Response:
    """It says something else from now on, and why."""
    form, here, actor = await request.form(), parts(request).programme, visit(request).actor
    said = {name: str(value).strip() for name, value in form.items() if isinstance(value, str)}
    one = documents.document(here, actor, _name(request), _kind(request))
    changes: dict[str, Any] = {"title": said.get("a_title", "")}
    if one.type == "Scheme":
        changes |= {"vision": said.get("a_vision", "")}
    try:
        if one.type == "Scheme":
            stages = read_stages(request, said)
            changes["stages"] = [vars(each) | {} for each in stages]
        await documents.adjust(
            here, actor, one.id, _really(one, changes), said.get("a_reason", ""), said.get("a_number", "")
        )
    except Conflict:
        return redirect(request, _address(request), "programme.changed", "warning")
    except Invalid as error:
        return _shown(request, mended(request, error, "a_"), said)
    return redirect(request, _address(request), "plans.did.adjust")


def _really(one: Document, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that were changed in the form."""
    now = {"title": one.title, "vision": one.vision, "stages": [vars(each) for each in one.stages]}
    return {name: value for name, value in changes.items() if now[name] != value}


async def review(request: Request) -> Response:
    """It was looked through."""
    form, here, actor = await request.form(), parts(request).programme, visit(request).actor
    said = {name: str(form.get(name, "")).strip() for name in ("r_note", "r_following")}
    try:
        await documents.review(here, actor, _name(request), said["r_note"], said["r_following"])
    except Conflict:
        return redirect(request, _address(request), "programme.changed", "warning")
    except Invalid as error:
        return _shown(request, mended(request, error, "r_"), said)
    return redirect(request, _address(request), "plans.did.review")


async def promise(request: Request) -> Response:
    """A target is added to a scheme."""
    form, here, actor = await request.form(), parts(request).programme, visit(request).actor
    said = {name: str(form.get(name, "")).strip() for name in _TARGET}
    try:
        new = NewTarget(
            title=said["t_title"],
            year=int(said["t_year"]) if said["t_year"].isdigit() else 0,
            unit=said["t_unit"],
            indicator=said["t_indicator"] or None,
            value=number(said["t_value"]),
            level=int(said["t_level"]) if said["t_level"].isdigit() else None,
            legal_basis=said["t_law"] or None,
        )
        await targets.add_target(here, actor, _name(request), new)
    except Conflict:
        return redirect(request, _address(request), "programme.changed", "warning")
    except Invalid as error:
        return _shown(request, mended(request, error, "t_"), said)
    return redirect(request, f"{_address(request)}#targets", "plans.did.promise")


_TARGET = ("t_title", "t_year", "t_unit", "t_indicator", "t_value", "t_level", "t_law")


def _address(request: Request) -> str:
    return f"/{_kind(request).lower()}/{bare(_name(request))}"


async def changes(request: Request) -> Response:
    """What differs between two days?"""
    here, actor, now = parts(request).programme, visit(request).actor, now_us()
    one = documents.document(here, actor, _name(request), _kind(request))
    first = request.query_params.get("first", "") or today(one.created_at)
    second = request.query_params.get("second", "") or today(now)
    try:
        pair, problems = (check_instant(first), check_instant(second)), {}
    except Invalid:
        pair, problems = (one.created_at, now), {"first": words(request).t("programme.mend.due")}
    found = versions.between(here, actor, one.id, *pair)
    return render(
        request,
        "programme/plans/changes.html",
        FAILED if problems else 200,
        document=one,
        address=_address(request),
        first=first,
        second=second,
        rows=[(words(request).t(f"plans.field.{each.field}"), *_both(request, each)) for each in found],
        revisions=[_revision(request, one, each) for each in one.revisions],
        problems=problems,
    )


def _both(request: Request, each: versions.Difference) -> tuple[str, str]:
    return told(request, each.field, each.before), told(request, each.field, each.after)


def told(request: Request, field: str, value: Any) -> str:
    """A field of a version in words."""
    t = words(request).t
    if value is None or value in ("", []):
        return "–"
    if field == "stages":
        return "; ".join(t("plans.stage", first=one["first"], last=one["last"], level=one["level"]) for one in value)
    if field == "state":
        return t(f"plans.stand.{value}")
    if field == "lead":
        return unit_name(request, value)
    if field == "nextReview":
        return words(request).date(value)
    if field == "approval":
        return f"{value['number']}, {words(request).date(value['date'])}, {value['by']}"
    if field == "legalBasis":
        listed = value if isinstance(value, list) else [value]
        return "; ".join(str((basis_of(request, name) or {}).get("cite", name)) for name in listed)
    return str(value)


async def new_document(request: Request) -> Response:
    """A scheme or plan begins."""
    if request.method == "GET":
        return _new(request, _started(request), {})
    form, kind = await request.form(), _kind(request)
    said: dict[str, Any] = {name: str(value).strip() for name, value in form.items() if isinstance(value, str)}
    bases = [str(one) for one in form.getlist("bases") if one]
    try:
        new = NewDocument(
            title=said.get("title", ""),
            unit=said.get("unit", ""),
            lead=said.get("lead", "") or said.get("unit", ""),
            year=_year(said, "year"),
            legal_bases=tuple(bases),
            parent=said.get("parent") or None,
            vision=said.get("vision", ""),
            vision_year=_year(said, "vision_year") if kind == "Scheme" else 0,
            stages=read_stages(request, said) if kind == "Scheme" else (),
            kind=said.get("kind", ""),
            scheme=said.get("scheme") or None,
            sector=said.get("sector", ""),
            ends=_year(said, "ends") if said.get("ends") else 0,
        )
        made = await documents.draft(parts(request).programme, visit(request).actor, kind, new)
    except Invalid as error:
        return _new(request, said | {"bases": bases}, mended(request, error))
    except Forbidden:
        return _new(request, said | {"bases": bases}, {"unit": words(request).t("programme.mend.area")})
    return redirect(request, f"/{kind.lower()}/{bare(made)}", "plans.did.draft")


def _year(said: Mapping[str, str], name: str) -> int:
    if not said.get(name, "").isdigit():
        raise Invalid("No year.", field=name)
    return int(said[name])


def read_stages(request: Request, said: Mapping[str, str]) -> tuple[Stage, ...]:
    """The stages of a form; a row that is empty is none. Invalid when one is half filled in."""
    found = []
    for place in range(ROWS):
        texts = [said.get(f"stage_{field}_{place}", "") for field in ("first", "last", "level")]
        if not any(texts[:2]):
            continue
        if not all(text.isdigit() for text in texts):
            raise Invalid("A stage has two years and a level.", field="stages")
        found.append(Stage(*(int(text) for text in texts)))
    return tuple(found)


def _started(request: Request) -> dict[str, Any]:
    year = int(today(now_us())[:4])
    stages = {"stage_first_0": year, "stage_last_0": year + 4, "stage_first_1": year + 5, "stage_last_1": year + 9}
    asked = request.query_params
    return {
        "year": str(year),
        "vision_year": str(year + 9),
        "ends": str(year),
        "unit": parts(request).province or min(visit(request).actor.areas, default=""),
        "kind": "local",
        "bases": [],
        "parent": asked.get("parent", "")[:300],
        "scheme": asked.get("scheme", "")[:300],
        **{name: str(value) for name, value in stages.items()},
    }


def _new(request: Request, values: Mapping[str, Any], problems: Mapping[str, str]) -> Response:
    here, actor, kind = parts(request).programme, visit(request).actor, _kind(request)
    schemes = [(one.id, f"{one.code} {one.title}"[:140]) for one in documents.documents(here, actor, "Scheme")]
    return render(
        request,
        "programme/plans/new.html",
        FAILED if problems else 200,
        type=kind,
        values=values,
        problems=problems,
        units=units_of_city(request),
        laws=_laws(request),
        schemes=[("", words(request).t("plans.new.no_scheme")), *schemes],
    )


def _pages(path: str, kind: str, sample: Sequence[str]) -> tuple[Page, ...]:
    roles, title = DRAFTERS[kind], f"plans.{path}.title"
    return (
        Page(f"/{path}/new", new_document, f"plans.{path}.new", methods=("GET", "POST"), roles=roles),
        Page(f"/{path}/{{name}}", one_document, title, roles=STAFF, sample={"name": sample[0]}),
        Page(f"/{path}/{{name}}/changes", changes, "plans.changes.title", roles=STAFF, sample={"name": sample[0]}),
        Page(f"/{path}/{{name}}/step/{{verb}}", step, title, methods=("POST",), roles=roles, page=False),
        *(
            Page(f"/{path}/{{name}}/{verb}", deed, title, methods=("POST",), roles=roles, page=False)
            for verb, deed in (("adjust", adjust), ("review", review), ("promise", promise))
        ),
    )


PAGES = (*_pages("scheme", "Scheme", ("DEAN-46-2026-001",)), *_pages("plan", "Plan", ("KH-46-2026-001",)))
