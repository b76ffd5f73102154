"""The official's way up to the opening: what is asked, the text in articles, the period; then time and rounds."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.consultations import answering, preparing, reading
from dothi.citizens.consultations.model import ORDER, Consultation, Level, Stage, State
from dothi.citizens.consultations.preparing import Prepared, closing_day
from dothi.citizens.consultations.text import DOCX_BYTES, Draft, parse, read_file, written
from dothi.citizens.consultations.workflow import clusters_of, comments_of, find, rules_for, verbs_for
from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.consultations.public import about
from dothi.web.pages.consultations.shown import (
    FAILED,
    MENDABLE,
    STAFF_ROLES,
    first_line,
    look,
    ours,
    problem_of,
)
from dothi.web.pages.shown import unit_name
from dothi.web.parts import parts
from dothi.web.words import read_day

FIELDS = ("title", "question", "unit", "stage", "commentLevel", "supportLevel", "residents", "residentsFrom", "about")
DATES = ("opens", "closes", "reason")
FORM_MAX = DOCX_BYTES + 1024 * 1024


def mine(request: Request) -> Consultation:
    """The consultation of the address, for an official who may see it."""
    return find(ours(request), visit(request).actor, str(request.path_params["consultation"]))


async def work(request: Request) -> Response:
    """Which consultations do I run, and what is next in each?"""
    now = now_us()
    found = reading.listed(ours(request), visit(request).actor)
    order = (State.CLOSED, State.ANSWERED, State.OPEN, State.PREPARED, State.PUBLISHED)
    rows = [
        (one, look(request, one), first_line(request, one, now), unit_name(request, one.unit))
        for one in sorted(found, key=lambda one: order.index(one.state))
    ]
    return render(request, "consultations/desk/list.html", rows=rows, owed=sum(one.state in order[:3] for one in found))


async def new(request: Request) -> Response:
    """What shall residents be asked?"""
    areas = sorted(visit(request).actor.areas)
    return _form(request, None, {"unit": areas[0] if areas else "", "stage": "draft"}, {})


def _form(
    request: Request, found: Consultation | None, values: Mapping[str, str], problems: Mapping[str, str]
) -> Response:
    t = words(request).t
    return render(
        request,
        "consultations/desk/new.html",
        FAILED if problems else 200,
        found=found,
        values={name: values.get(name, "") for name in FIELDS},
        problems=problems,
        units=_units(request),
        stages=[(one.value, t(f"consultations.stage.{one}"), t(f"consultations.stage_hint.{one}")) for one in Stage],
        levels=[(one.value, t(f"consultations.demand.{one}")) for one in ORDER],
    )


def _units(request: Request) -> list[tuple[str, str]]:
    """Where this official may ask: the areas given to them and the communes below."""
    territory, language = ours(request).territory, words(request).language
    areas = sorted(visit(request).actor.areas) or [parts(request).province]
    found = [territory.unit(code) for code in areas if code and territory.knows(code)]
    below = [one for unit in found if unit.level != "commune" for one in territory.communes_of(unit.code)]
    listed = [*found, *sorted(below, key=lambda one: one.short)]
    return [(one.code, one.name_in(language)) for one in listed]


async def make(request: Request) -> Response:
    """Prepare it, or say what to mend."""
    form = await request.form()
    values = {name: str(form.get(name, "")).strip() for name in FIELDS}
    try:
        made = await preparing.prepare(ours(request), visit(request).actor, _prepared(values))
    except MENDABLE as error:
        return _form(request, None, values, problem_of(request, error))
    return redirect(request, f"/desk/consultation/{made.key}/text", "consultations.done.prepared")


async def edit(request: Request) -> Response:
    """What is asked, to be changed before it is announced."""
    found = mine(request)
    return _form(request, found, _values(found), {})


def _values(found: Consultation) -> dict[str, str]:
    return {
        "title": found.title,
        "question": found.question,
        "unit": found.unit,
        "stage": found.stage.value,
        "commentLevel": found.comment_level.value,
        "supportLevel": found.support_level.value,
        "residents": str(found.residents or ""),
        "residentsFrom": found.residents_from,
        "about": found.about or "",
    }


async def change(request: Request) -> Response:
    """Say it anew."""
    form, found = await request.form(), mine(request)
    values = {name: str(form.get(name, "")).strip() for name in FIELDS} | {"unit": found.unit}
    try:
        await preparing.change(ours(request), visit(request).actor, found.key, _prepared(values))
    except MENDABLE as error:
        return _form(request, found, values, problem_of(request, error))
    return redirect(request, f"/desk/consultation/{found.key}", "consultations.done.saved")


def _prepared(values: Mapping[str, str]) -> Prepared:
    def level(name: str) -> Level:
        return Level(values[name]) if values[name] in ORDER else Level.ANONYMOUS

    people = values["residents"].replace(".", "").replace(" ", "")
    if people and not (people.isascii() and people.isdigit() and len(people) < 10):
        raise Invalid(field="residents")
    return Prepared(
        values["title"],
        values["question"],
        values["unit"],
        Stage(values["stage"]) if values["stage"] in tuple(Stage) else Stage.DRAFT,
        values["about"] or None,
        level("commentLevel"),
        level("supportLevel"),
        int(people) if people else None,
        values["residentsFrom"],
    )


async def text(request: Request) -> Response:
    """Is the text read rightly: its articles, clauses and points?"""
    found = mine(request)
    doubts = parse(written(found.articles)).doubts if found.articles else ()
    return _text(request, found, written(found.articles), {}, Draft(found.articles, doubts))


def _text(
    request: Request, found: Consultation, said: str, problems: Mapping[str, str], draft: Draft | None = None
) -> Response:
    return render(
        request,
        "consultations/desk/text.html",
        FAILED if problems else 200,
        said=said,
        draft=draft,
        problems=problems,
        may=found.state is State.PREPARED and not found.announced,
        **about(request, found),
    )


async def write(request: Request) -> Response:
    """Read the text into parts and keep it."""
    form, found = await request.form(), mine(request)
    said, upload = str(form.get("text", "")), form.get("file")
    try:
        if isinstance(upload, UploadFile) and upload.filename:
            said = read_file(upload.filename, await upload.read(DOCX_BYTES + 1))
        _, draft = await preparing.write(ours(request), visit(request).actor, found.key, said)
    except MENDABLE as error:
        return _text(request, found, said, problem_of(request, error, found))
    note = "consultations.done.read_doubts" if draft.doubts else "consultations.done.read"
    return redirect(request, f"/desk/consultation/{found.key}/text", note, n=str(len(draft.articles)))


async def desk(request: Request) -> Response:
    """Where does this consultation stand, and what do I do next?"""
    return _desk(request, mine(request), {}, {})


def _desk(request: Request, found: Consultation, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here = ours(request)
    comments = comments_of(here, found)
    groups = {one.cluster for one in comments if one.cluster and not one.hidden}
    clusters = [one for one in clusters_of(here, found) if one.id in groups]
    left = answering.unanswered(here, found)
    return render(
        request,
        "consultations/desk/desk.html",
        FAILED if problems else 200,
        part=reading.participation(here, found),
        verbs=verbs_for(found, visit(request).actor.roles),
        free=sum(one.cluster is None and not one.hidden for one in comments),
        groups=len(clusters),
        answered=sum(one.decision is not None for one in clusters),
        left=left,
        appeals=sum(one.appeal == "waiting" for one in comments),
        rules=rules_for(here, found.unit),
        problems=problems,
        values={name: values.get(name, "") for name in DATES},
        stages=[(one.value, words(request).t(f"consultations.stage.{one}")) for one in Stage],
        **about(request, found),
    )


Verb = Callable[[Request, Consultation, Mapping[str, str]], Awaitable[object]]


async def _announce(request: Request, found: Consultation, said: Mapping[str, str]) -> None:
    opens, closes = read_day(said["opens"]) if said["opens"] else now_us(), read_day(said["closes"])
    if opens is None:
        raise Invalid(field="opens")
    if closes is None:
        raise Invalid(field="closes")
    await preparing.announce(ours(request), visit(request).actor, found.key, opens, closing_day(closes))


async def _recall(request: Request, found: Consultation, said: Mapping[str, str]) -> None:
    await preparing.recall(ours(request), visit(request).actor, found.key)


async def _extend(request: Request, found: Consultation, said: Mapping[str, str]) -> None:
    closes = read_day(said["closes"])
    if closes is None:
        raise Invalid(field="closes")
    await preparing.extend(ours(request), visit(request).actor, found.key, closing_day(closes), said["reason"])


async def _finish(request: Request, found: Consultation, said: Mapping[str, str]) -> None:
    await answering.finish(ours(request), visit(request).actor, found.key)


async def _rework(request: Request, found: Consultation, said: Mapping[str, str]) -> None:
    await answering.rework(ours(request), visit(request).actor, found.key)


async def _publish(request: Request, found: Consultation, said: Mapping[str, str]) -> None:
    await answering.publish(ours(request), visit(request).actor, found.key)


async def _next_round(request: Request, found: Consultation, said: Mapping[str, str]) -> None:
    stage = Stage(said["stage"]) if said["stage"] in tuple(Stage) else Stage.FINAL
    await preparing.next_round(ours(request), visit(request).actor, found.key, stage)


VERBS: Mapping[str, Verb] = {
    "announce": _announce,
    "recall": _recall,
    "extend": _extend,
    "finish": _finish,
    "rework": _rework,
    "publish": _publish,
    "next_round": _next_round,
}


def _do(verb: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one verb: done, or what to mend on the same page."""

    async def endpoint(request: Request) -> Response:
        form, found = await request.form(), mine(request)
        said = {name: str(form.get(name, "")).strip() for name in (*DATES, "stage")}
        address = f"/desk/consultation/{found.key}"
        try:
            await VERBS[verb](request, found, said)
        except MENDABLE as error:
            return _desk(request, mine(request), problem_of(request, error, found), said)
        except Conflict as error:
            left = error.fields.get("count")
            note = "consultations.left" if left else "consultations.changed"
            return redirect(request, address, note, "warning", n=str(left or 0))
        return redirect(request, address, f"consultations.done.{verb}")

    return endpoint


_page = partial(Page, roles=STAFF_ROLES)
_KEY = "/desk/consultation/{consultation}"
PAGES = (
    _page("/desk/consultations", work, "consultations.list.title", menu=Menu("work", 35)),
    _page("/desk/consultations/new", new, "consultations.new.title"),
    _page("/desk/consultations/new", make, "consultations.new.title", methods=("POST",), page=False),
    _page(_KEY, desk, "consultations.desk.title"),
    _page(f"{_KEY}/edit", edit, "consultations.new.change"),
    _page(f"{_KEY}/edit", change, "consultations.new.change", methods=("POST",), page=False),
    _page(f"{_KEY}/text", text, "consultations.text.title"),
    _page(f"{_KEY}/text", write, "consultations.text.title", methods=("POST",), body_max=FORM_MAX, page=False),
    *(
        _page(f"{_KEY}/{verb}", _do(verb), f"consultations.verb.{verb}", methods=("POST",), page=False)
        for verb in VERBS
    ),
)
