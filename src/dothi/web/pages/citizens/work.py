"""The official's pages: my work, everything owed by my unit by deadline, and one report with its verbs."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.handling import service
from dothi.citizens.handling.workflow import verbs_for
from dothi.citizens.intake.photos import DOCUMENT_BYTES, PHOTO_BYTES
from dothi.citizens.model import TYPE, Outcome, Report, State, report_of
from dothi.citizens.reading import WorkItem, desk, for_official, may_act
from dothi.ground.clock import HOUR, from_iso, now_us
from dothi.ground.errors import Conflict, Invalid, TooLarge
from dothi.ground.ids import urn
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.citizens.report import (
    EXAMPLE,
    FAILED,
    FORM_MAX,
    ours,
    pictures,
    problem_of,
    shown,
    steps,
    unit_name,
    uploads,
)
from dothi.web.pages.shown import bare

WORKERS = frozenset({"official", "duty_officer", "programme_officer"})
HANDLERS = frozenset({"official", "duty_officer"})
SOON = 8 * HOUR
LISTED = 100
PLACES: Mapping[str, str] = {
    "Task": "/task/",
    "TaskPart": "/part/",
    "ExtensionRequest": "/extension/",
    "Bottleneck": "/bottleneck/",
    "Scheme": "/scheme/",
    "Plan": "/plan/",
    "Alarm": "/alarm/",
    "Problem": "/problems/review/",
    "PublicService": "/services/",
    "ReportDuty": "/periodic/",
}  # Where a row of another module opens.
ICONS: Mapping[str, str] = {
    TYPE: "report",
    "Task": "task",
    "Alarm": "alarm",
    "Problem": "proposal",
    "ReportDuty": "file",
}


async def work(request: Request) -> Response:
    """What do I owe, and until when?"""
    actor = visit(request).actor
    found = desk(ours(request), actor, LISTED)
    now = now_us()
    return render(
        request,
        "citizens/work.html",
        rows=[_row(request, one, now) for one in found.items],
        count=found.count,
        late=sum(one.late(now) for one in found.items),
        units=[unit_name(request, code) for code in sorted(actor.areas)],
    )


def _row(request: Request, item: WorkItem, now: int) -> dict[str, object]:
    """One line of the list, whatever module it is from."""
    due = from_iso(item.due) if item.due else None
    soon = due is not None and now <= due < now + SOON
    row: dict[str, object] = {
        "key": bare(item.id).replace(":", "-"),
        "due": words(request).left(due, now) if due is not None else "",
        "due_kind": "bad" if item.late(now) else "watch" if soon else "",
        "urgent": item.urgent,
        "verb": "",
        "version": item.entity.version,
    }
    return row | (_report_row(request, item) if item.kind == TYPE else _other_row(request, item))


def _report_row(request: Request, item: WorkItem) -> dict[str, object]:
    found = report_of(item.entity)
    said = shown(request, found)
    summary = f"{said['category']}: {found.description}" if found.description else str(said["category"])
    ready = found.decided and "receive" in verbs_for(found, visit(request).actor.roles)
    return {
        "href": f"/case/{found.code}",
        "what": summary[:140],
        "where": found.place_words or str(said["place"]),
        "state": words(request).t(f"citizens.state.{found.state}"),
        "kind": said["kind"],
        "icon": "report" if found.state is State.FILED else said["icon_name"],
        "verb": "receive" if ready else "",
    }


def _other_row(request: Request, item: WorkItem) -> dict[str, object]:
    value = item.entity.value
    title = value("title") or value("name") or value("summary") or words(request).t(f"citizens.work.{item.kind}")
    return {
        "href": PLACES.get(item.kind, "/walk/") + item.id.split(":", 3)[-1],
        "what": words(request).pick(title)[:140],
        "where": unit_name(request, item.unit),
        "state": words(request).t(f"citizens.work.{item.kind}"),
        "kind": "bad" if item.kind == "Alarm" else "note",
        "icon": ICONS.get(item.kind, "todo"),
    }


async def one_report(request: Request) -> Response:
    """One report, and what I can do with it."""
    return _page(request, {}, {})


def _found(request: Request) -> Report:
    return for_official(ours(request), visit(request).actor, str(request.path_params["number"]))


def _page(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here, actor, found = ours(request), visit(request).actor, _found(request)
    of = f"?of={urn(TYPE, found.code)}"
    mine = may_act(here, actor, found)
    return render(
        request,
        "citizens/work_report.html",
        FAILED if problems else 200,
        report=found,
        verbs=verbs_for(found, actor.roles) if mine else (),
        mine=mine,
        steps=steps(request, found),
        before=pictures(request, found.photos, "/file/", "before", of),
        after=pictures(request, [one for one in found.proof if one.is_photo], "/file/", "after", of),
        documents=[f"/file/{one.sha256}{of}" for one in found.proof if not one.is_photo],
        units=_units(request, found),
        outcomes=[(one.value, words(request).t(f"citizens.outcome.{one}")) for one in Outcome],
        suggested=unit_name(request, found.suggested_unit),
        needs_photo=here.rules.category(found.category).evidence == "photo"
        if found.category in here.rules.categories
        else False,
        problems=problems,
        values={"words": "", "reason": "", "unit": "", "outcome": "", "duplicate_of": ""} | dict(values),
        **shown(request, found),
    )


def _units(request: Request, found: Report) -> list[tuple[str, str]]:
    """Where a report may be passed on to: the communes of its province, and the province's desk."""
    territory, language = ours(request).territory, words(request).language
    start = found.unit or found.suggested_unit
    if start is None:
        return []
    province = territory.province_of(start)
    communes = sorted(territory.communes_of(province.code), key=lambda one: one.short)
    listed = [(one.code, one.name_in(language)) for one in communes if one.code != found.assignee]
    desk_name = words(request).t("citizens.work.province_desk", unit=province.name_in(language))
    return [
        ("", words(request).t("citizens.choose")),
        *([] if found.assignee == province.code else [(province.code, desk_name)]),
        *listed,
    ]


Verb = Callable[[Request, str, Mapping[str, str], int | None], Awaitable[Report]]


async def _receive(request: Request, number: str, said: Mapping[str, str], version: int | None) -> Report:
    return await service.receive(ours(request), visit(request).actor, number, version)


async def _start(request: Request, number: str, said: Mapping[str, str], version: int | None) -> Report:
    return await service.start(ours(request), visit(request).actor, number, version)


async def _route(request: Request, number: str, said: Mapping[str, str], version: int | None) -> Report:
    return await service.route(ours(request), visit(request).actor, number, said["unit"], version)


async def _pass_on(request: Request, number: str, said: Mapping[str, str], version: int | None) -> Report:
    return await service.pass_on(ours(request), visit(request).actor, number, said["unit"], said["reason"], version)


async def _answer(request: Request, number: str, said: Mapping[str, str], version: int | None) -> Report:
    files = await uploads(await request.form(), "proof", max(PHOTO_BYTES, DOCUMENT_BYTES))
    if said["outcome"] not in tuple(Outcome):
        raise Invalid(field="outcome")
    outcome, repeated = Outcome(said["outcome"]), said["duplicate_of"] or None
    actor = visit(request).actor
    return await service.answer(ours(request), actor, number, outcome, said["words"], files, repeated, version)


VERBS: Mapping[str, Verb] = {
    "receive": _receive,
    "start": _start,
    "route": _route,
    "pass_on": _pass_on,
    "answer": _answer,
}
SAID = ("unit", "reason", "outcome", "words", "duplicate_of")


def _do(verb: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one verb: done, or what to mend on the same page, or told that somebody was faster."""

    async def endpoint(request: Request) -> Response:
        form = await request.form()
        said = {name: str(form.get(name, "")).strip() for name in SAID}
        number, seen = str(request.path_params["number"]), str(form.get("version", ""))
        try:
            await VERBS[verb](request, number, said, int(seen) if seen.isdigit() else None)
        except (Invalid, TooLarge) as error:
            return _page(request, problem_of(request, error), said | {"verb": verb})
        except Conflict:
            return redirect(request, f"/case/{number}", "citizens.changed", "warning")
        stays = verb in ("start",) or (verb == "receive" and form.get("then") != "list")
        return redirect(request, f"/case/{number}" if stays else "/work", f"citizens.done.{verb}", code=number)

    return endpoint


_NUMBER = {"number": EXAMPLE[:6]}
PAGES = (
    Page("/work", work, "citizens.work.title", roles=WORKERS, menu=Menu("work", 10)),
    Page("/case/{number}", one_report, "citizens.work_report.title", roles=WORKERS, sample=_NUMBER),
    *(
        Page(
            f"/case/{{number}}/{verb}",
            _do(verb),
            f"citizens.verb.{verb}",
            methods=("POST",),
            roles=HANDLERS,
            body_max=FORM_MAX,
            sample=_NUMBER,
            page=False,
        )
        for verb in VERBS
    ),
)
