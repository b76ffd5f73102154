"""The reporter's pages: follow a report by its code, judge the answer; and what all pages of reports share."""

from collections.abc import Mapping

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.organisations import find_organisation, is_organisation
from dothi.citizens.api.reports import address_of, read_files
from dothi.citizens.handling import service
from dothi.citizens.handling.erasing import ask_erasure, find_erasure, limit_of, person_of
from dothi.citizens.handling.workflow import BY_REPORTER, verbs_for
from dothi.citizens.intake.codes import codes_of, find_by_code, split_code
from dothi.citizens.intake.followers import followed_by
from dothi.citizens.model import CLOSED, NoProof, NoSuchReport, NothingSpecific, Report, State
from dothi.citizens.needs import Citizens
from dothi.citizens.reading import PublicReport, reporters_file, timeline
from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Conflict, DothiError, Invalid, Missing, TooLarge
from dothi.office.photos import PHOTO_BYTES, BadFile, FileTooLarge, Upload
from dothi.territory.model import Unit
from dothi.web.page import Menu, Page, redirect, render, words
from dothi.web.parts import parts

FAILED = 422
TOWN_ZOOM = 11
MEGABYTE = 1024 * 1024
FORM_MAX = 5 * PHOTO_BYTES + MEGABYTE
EXAMPLE = "-".join(codes_of("the example of the page tests"))
LOOKS: Mapping[State, tuple[str, str]] = {  # State → kind and icon; the word stands in the catalogue.
    State.FILED: ("note", "todo"),
    State.RECEIVED: ("note", "doing"),
    State.IN_PROGRESS: ("note", "doing"),
    State.WAITING: ("grey", "clock"),
    State.ANSWERED: ("good", "good"),
    State.REOPENED: ("watch", "watch"),
    State.MERGED: ("grey", "trail"),
    State.WITHDRAWN: ("grey", "cross"),
}
PROBLEMS: Mapping[type[DothiError], str] = {
    BadFile: "bad_file",
    FileTooLarge: "large_file",
    NoProof: "no_proof",
    NothingSpecific: "nothing_specific",
}


def ours(request: Request) -> Citizens:
    """The citizens' module of this city."""
    found: Citizens = parts(request).citizens
    return found


def problem_of(request: Request, error: DothiError) -> dict[str, str]:
    """What is wrong, by field, in the reader's language."""
    field = str(error.fields.get("field", "form"))
    name = next((key for kind, key in PROBLEMS.items() if isinstance(error, kind)), field)
    values = {key: value for key, value in error.fields.items() if isinstance(value, str | int)}
    limits = ours(request).rules.limits
    more = {"letters": limits.reason_letters, "photos": limits.photos, "most": limits.description_letters}
    return {field: words(request).t(f"citizens.problem.{name}", **(more | values))}


def communes_of(here: Citizens, province: str, language: str) -> list[tuple[str, str]]:
    """Codes and names of a province's communes, in order of name; none without a province."""
    found = here.territory.communes_of(province) if province else ()
    return [(one.code, one.name_in(language)) for one in sorted(found, key=lambda one: one.short)]


def town_of(here: Citizens, province: str) -> tuple[float, float, int] | None:
    """Where a map of a province begins (longitude, latitude, zoom): among its smallest communes, which are the town."""
    placed = [one for one in here.territory.communes_of(province) if one.lon and one.lat] if province else []
    if not placed:
        return None
    town = sorted(placed, key=lambda one: one.area_km2 or 0)[: max(1, len(placed) // 4)]
    lon, lat = (sum(values) / len(town) for values in ([one.lon or 0 for one in town], [one.lat or 0 for one in town]))
    return round(lon, 4), round(lat, 4), TOWN_ZOOM


async def uploads(form: FormData, name: str, most: int) -> tuple[Upload, ...]:
    """The files of a field, read up to just beyond the limit; an empty field brings none."""
    files = [one for one in form.getlist(name) if isinstance(one, UploadFile)]
    return await read_files(files, most)


def _by_code(request: Request) -> Report:
    """The report of the code in the address; guesses are counted."""
    ours(request).guesses.take(address_of(request), now_us())
    return find_by_code(ours(request), str(request.path_params["code"]))


def shown(request: Request, report: Report | PublicReport) -> dict[str, object]:
    """What a template says of a report beside its own values."""
    kind, icon = LOOKS[report.state]
    due = report.due if isinstance(report, Report) else report.handle_by
    open_ = report.state not in CLOSED and not report.imported
    late = open_ and due is not None and from_iso(due) < now_us()
    category = ours(request).rules.categories.get(report.category)
    return {
        "kind": "bad" if late else kind,
        "icon_name": "late" if late else icon,
        "late": late,
        "category": words(request).pick(category.names) if category else report.category,
        "unit": unit_name(request, report.assignee if isinstance(report, Report) else report.unit),
        "place": unit_name(request, report.unit),
    }


def unit_name(request: Request, code: str | None) -> str:
    """The name of a unit or organisation in the reader's language, empty for none."""
    if not code:
        return ""
    if is_organisation(code):
        body = find_organisation(ours(request).hub, code)
        return body.name_in(words(request).language) if body else code
    try:
        found: Unit = ours(request).territory.unit(code)
    except Missing:
        return code
    return found.name_in(words(request).language)


async def follow(request: Request) -> Response:
    """Which report? Its code."""
    code = request.query_params.get("code", "")
    if not code:
        return render(request, "citizens/follow.html", code="", problems={})
    ours(request).guesses.take(address_of(request), now_us())
    try:
        found = _address_of(request, code)
    except NoSuchReport:
        problems = {"code": words(request).t("citizens.problem.code")}
        return render(request, "citizens/follow.html", FAILED, code=code, problems=problems)
    return redirect(request, found)


def _address_of(request: Request, code: str) -> str:
    """The page that a code opens: the reporter's own, or that of who follows another's report. NoSuchReport."""
    number, pin = split_code(code)
    try:
        return f"/follow/{find_by_code(ours(request), code).code}-{pin}"
    except NoSuchReport:
        followed_by(ours(request), code)
        return f"/report/following/{number}-{pin}"


async def followed(request: Request) -> Response:
    """What has become of my report?"""
    try:
        return _followed(request, _by_code(request), {}, {})
    except NoSuchReport:
        return redirect(request, _address_of(request, str(request.path_params["code"])))


def _followed(request: Request, found: Report, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    code = str(request.path_params["code"])
    return render(
        request,
        "citizens/followed.html",
        FAILED if problems else 200,
        report=found,
        code=code,
        steps=steps(request, found),
        verbs=verbs_for(found, BY_REPORTER),
        before=pictures(request, found.photos, f"/follow/{code}/file/", "before"),
        after=pictures(request, [one for one in found.proof if one.is_photo], f"/follow/{code}/file/", "after"),
        documents=[f"/follow/{code}/file/{one.sha256}" for one in found.proof if not one.is_photo],
        problems=problems,
        values={"words": "", "reason": ""} | dict(values),
        rules=ours(request).rules,
        erasure_hours=round(limit_of(ours(request), found.unit).hours),
        erasure=find_erasure(ours(request), found.code),
        has_person=person_of(ours(request), found.code) is not None,
        **shown(request, found),
    )


def pictures(request: Request, files: object, start: str, side: str, end: str = "") -> list[dict[str, str]]:
    """Photos for the macro `photos`, numbered in their captions."""
    listed = list(files)  # type: ignore[call-overload]
    word = words(request).t(f"citizens.photo.{side}")
    names = [f"{word} {n}" if len(listed) > 1 else word for n in range(1, len(listed) + 1)]
    return [
        {"src": f"{start}{one.sha256}{end}", "alt": name, "caption": name}
        for one, name in zip(listed, names, strict=True)
    ]


def steps(request: Request, found: Report) -> list[dict[str, object]]:
    """The timeline, and what is still ahead."""
    t = words(request).t
    done: list[dict[str, object]] = [
        {
            "what": t(f"citizens.step.{one.verb}", unit=unit_name(request, one.unit)),
            "at": one.at,
            "who": t(f"citizens.outcome.{one.outcome}") if one.outcome else "",
            "words": one.reason,
            "state": "done",
        }
        for one in timeline(ours(request), found)
    ]
    if found.open and found.handle_by:
        ahead = t("citizens.step.ahead", when=words(request).when(found.handle_by))
        done.append({"what": ahead, "at": None, "who": "", "words": "", "state": "ahead"})
    return done


async def rate(request: Request) -> Response:
    """The reporter judges the answer."""
    form = await request.form()
    stars, said = str(form.get("stars", "")), str(form.get("words", ""))
    found = _by_code(request)
    if stars not in tuple("12345"):
        return _followed(request, found, problem_of(request, Invalid(field="stars")), {"words": said})
    return await _do(request, service.rate(ours(request), request.path_params["code"], int(stars), said), "rated", {})


async def reopen(request: Request) -> Response:
    """The reporter does not accept the answer."""
    form = await request.form()
    reason = str(form.get("reason", ""))
    photos = await uploads(form, "photos", PHOTO_BYTES)
    deed = service.reopen(ours(request), _by_code_text(request), reason, photos)
    return await _do(request, deed, "reopened", {"reason": reason})


async def attach(request: Request) -> Response:
    """The reporter adds photos."""
    photos = await uploads(await request.form(), "photos", PHOTO_BYTES)
    return await _do(request, service.attach(ours(request), _by_code_text(request), photos), "attached", {})


async def erase(request: Request) -> Response:
    """The reporter asks that name, phone and address are erased."""
    return await _do(request, ask_erasure(ours(request), _by_code_text(request)), "erase", {})


def _by_code_text(request: Request) -> str:
    ours(request).guesses.take(address_of(request), now_us())
    return str(request.path_params["code"])


async def _do(request: Request, deed: object, done: str, values: Mapping[str, str]) -> Response:
    """Await a verb of the reporter; say what to mend on the same page."""
    try:
        await deed  # type: ignore[misc]
    except (Invalid, TooLarge) as error:
        return _followed(request, _by_code(request), problem_of(request, error), values)
    except Conflict:
        return redirect(request, f"/follow/{request.path_params['code']}", "citizens.changed", "warning")
    return redirect(request, f"/follow/{request.path_params['code']}", f"citizens.done.{done}")


async def reporters_photo(request: Request) -> Response:
    """A photo or proof for the reporter."""
    digest = str(request.path_params["digest"])
    found = reporters_file(ours(request), str(request.path_params["code"]), digest)
    return answer_file(request, digest, found.media_type)


def answer_file(request: Request, digest: str, media_type: str) -> Response:
    """The bytes: pictures are shown, everything else is handed over as a download."""
    place = "inline" if media_type.startswith("image/") else f'attachment; filename="{digest[:12]}.pdf"'
    headers = {"Content-Disposition": place, "Cache-Control": "private, max-age=3600"}
    return Response(parts(request).hub.read_file(digest), media_type=media_type, headers=headers)


_CODE = {"code": EXAMPLE}
PAGES = (
    Page("/follow", follow, "citizens.follow.title", menu=Menu("public", 20)),
    Page("/follow/{code}", followed, "citizens.followed.title", sample=_CODE),
    Page("/follow/{code}/rate", rate, "citizens.rate.title", methods=("POST",), sample=_CODE, page=False),
    Page("/follow/{code}/erase", erase, "erasures.ask", ("POST",), sample=_CODE, page=False),
    Page(
        "/follow/{code}/reopen", reopen, "citizens.reopen.title", ("POST",), body_max=FORM_MAX, sample=_CODE, page=False
    ),
    Page(
        "/follow/{code}/photos", attach, "citizens.attach.title", ("POST",), body_max=FORM_MAX, sample=_CODE, page=False
    ),
    Page(
        "/follow/{code}/file/{digest}",
        reporters_photo,
        "citizens.photo.title",
        sample=_CODE | {"digest": "0"},
        page=False,
    ),
)
