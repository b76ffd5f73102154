"""What these pages' forms share: units typed by name, a task in eight fields, files, and what is wrong, in words."""

from collections.abc import Iterable, Mapping
from datetime import date

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.organisations import find_organisation, is_organisation, organisations
from dothi.ground.clock import now_us
from dothi.ground.errors import DothiError, Invalid, Missing, TooLarge
from dothi.programme.api.tasks import EVIDENCE_MAX, keep_evidence
from dothi.programme.council.model import File
from dothi.programme.directives.imports import as_task
from dothi.programme.directives.model import Row
from dothi.programme.directives.service import meaning
from dothi.programme.model import NewTask, Programme
from dothi.web.page import visit, words
from dothi.web.pages.shown import unit_name
from dothi.web.parts import parts

OFFICERS = frozenset({"programme_officer"})
WORKERS = frozenset({"programme_officer", "official"})
FAILED = 422
FORM_MAX = EVIDENCE_MAX + 1_000_000
CELLS = ("title", "lead", "cooperating", "due", "output", "responsible", "place", "evidence")
SAFE_INLINE = frozenset({"image/jpeg", "image/png"})
ROOMS = (  # The pages of this room, as they stand beside each other on top of each.
    ("/council", "council.title"),
    ("/directives", "council.directives.title"),
    ("/imports", "council.imports.title"),
    ("/pilots", "council.pilots.title"),
    ("/chasing", "council.chasing.title"),
    ("/calls", "council.calls.title"),
)


def ours(request: Request) -> Programme:
    """The programme of this city."""
    return parts(request).programme


def rooms(request: Request, here: str) -> list[tuple[str, str, bool, None]]:
    """The tabs between these pages."""
    return [(words(request).t(title), address, address == here, None) for address, title in ROOMS]


def home(request: Request) -> str:
    """The code of the unit in whose name something comes in: the city's province, else one of the person's own."""
    return parts(request).province or min(visit(request).actor.areas, default="")[:2]


def may_edit(request: Request) -> bool:
    """Whether this visitor keeps the programme."""
    return bool(OFFICERS & visit(request).actor.roles)


def called(request: Request, code: str | None) -> str:
    """The name of a unit or an organisation."""
    if code and is_organisation(code):
        found = find_organisation(parts(request).hub, code)
        return found.name if found else code
    return unit_name(request, code)


def all_called(request: Request, codes: Iterable[str]) -> str:
    """Names in one line, as the form takes them back; every commune of the province in its own words."""
    listed, here = list(codes), home(request)
    territory = parts(request).territory
    if here and len(listed) > 1 and set(listed) == {one.code for one in territory.communes_of(here)}:
        return words(request).t("council.everywhere")
    return "; ".join(called(request, code) for code in listed)


def unit_names(request: Request) -> list[str]:
    """What can be typed where a unit is asked: the province, its communes, the organisations."""
    here, territory = home(request), parts(request).territory
    if not here:
        return [one.name for one in territory.provinces()]
    communes = sorted(territory.communes_of(here), key=lambda one: str(one.short))
    bodies = [one.name for one in organisations(parts(request).hub) if one.unit[:2] == here]
    return [territory.unit(here).name, *(one.name for one in communes), *bodies]


def evidence_kinds(request: Request) -> list[tuple[str, str]]:
    """The kinds of evidence, for a choice; the first says that the output decides."""
    kinds = ours(request).rules_at(home(request) or None).evidence.values()
    return [
        ("", words(request).t("council.field.evidence_auto")),
        *((one.id, words(request).pick(one.names)) for one in kinds),
    ]


def code_of(request: Request, name: str) -> str:
    """The code of a unit typed by its name. Invalid, with words, when it is none or several."""
    found = meaning(ours(request), home(request), name)
    if not found.code:
        raise Invalid(words(request).t("council.problem.unknown_unit"))
    return found.code


def cells_of(form: FormData) -> dict[str, str]:
    """The eight fields of a task as they came."""
    return {name: str(form.get(name, "")).strip() for name in CELLS}


def task_of_form(request: Request, cells: Mapping[str, str], prefix: str = "") -> tuple[NewTask | None, dict[str, str]]:
    """The task that the fields say, or what is wrong by (prefixed) field, in words."""
    kept = {name: text for name, text in cells.items() if text}
    new, problems = as_task(ours(request), Row(0, kept, ()), home(request), now_us())
    return new, {f"{prefix}{field}": problem_words(request, field, problem) for field, problem in problems}


def problem_words(request: Request, field: str, problem: str) -> str:
    """What is wrong with a field, and how to mend it."""
    t = words(request).t
    return t(f"council.problem.{problem}", field=t(f"council.field.{field}"))


def wrong(request: Request, error: DothiError, prefix: str = "") -> dict[str, str]:
    """An error of a verb as the problems of a form."""
    field = str(error.fields.get("field") or "form")
    problem = error.fields.get("problem") or error.fields.get("gate")
    key = f"council.problem.{problem}" if problem else f"council.wrong.{field}"
    said = words(request).t(key, field="") if words(request).has(key) else error.detail
    return {f"{prefix}{field}": said}


async def files_of(request: Request, form: FormData, name: str = "files") -> tuple[File, ...]:
    """The files of a form, kept. Invalid, with words, when one is empty, too large or of another kind."""
    kept = []
    for one in form.getlist(name):
        if isinstance(one, UploadFile) and one.filename:
            content = await one.read(EVIDENCE_MAX + 1)
            try:
                found = await keep_evidence(ours(request), one.filename, one.content_type or "", content)
            except (Invalid, TooLarge) as error:
                raise Invalid(words(request).t("council.problem.file_kind"), field=name) from error
            kept.append(File(found.sha256, found.name, found.media_type))
    return tuple(kept)


async def upload(form: FormData, most: int, name: str = "file") -> tuple[str, bytes] | None:
    """(name, content) of the one file of a form, read up to just beyond the limit; None when there is none."""
    one = form.get(name)
    if not isinstance(one, UploadFile) or not one.filename:
        return None
    return one.filename, await one.read(most + 1)


def answer_file(request: Request, file: File) -> Response:
    """The bytes: pictures are shown, everything else is handed over as a download."""
    place = "inline" if file.media_type in SAFE_INLINE else "attachment"
    ending = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}.get(file.media_type, "docx")
    headers = {"Content-Disposition": f'{place}; filename="{file.sha256[:12]}.{ending}"'}
    return Response(parts(request).hub.read_file(file.sha256), media_type=file.media_type, headers=headers)


def held(files: Iterable[File], sha256: str) -> File:
    """The file of that hash. Missing when there is none."""
    found = next((one for one in files if one.sha256 == sha256), None)
    if found is None:
        raise Missing("There is no such file here.")
    return found


def shown_day(day: str) -> str:
    """A day (yyyy-mm-dd) as it is typed: dd/MM/yyyy."""
    return f"{date.fromisoformat(day[:10]):%d/%m/%Y}" if day else ""
