"""What units owe each other within a task: parts, requests for another deadline, bottlenecks, what waits for what."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import HOUR, now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.hub.model import Actor, system
from dothi.programme.model import Evidence, Programme, task_of
from dothi.programme.tasks import bottlenecks, dependencies, parts, proofs
from dothi.programme.tasks import ledger as deadlines
from dothi.programme.tasks.bottlenecks import NewBottleneck
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.programme.overview import FAILED, OFFICERS, mended
from dothi.web.pages.programme.tasks import FORM_MAX, part_row, show, task_id, uploaded
from dothi.web.pages.shown import STAFF, bare, entity_id, unit_name
from dothi.web.parts import parts as city

_SYSTEM = system("programme")


def _part_id(request: Request) -> str:
    return entity_id("TaskPart", request.path_params["part"])


async def one_part(request: Request) -> Response:
    """What is my unit asked to do, and until when must it answer?"""
    return _part(request, {}, {})


def _part(request: Request, problems: Mapping[str, str], values: Mapping[str, str]) -> Response:
    here, actor = city(request).programme, visit(request).actor
    one = parts.part(here, actor, _part_id(request))
    # What the part is of is told to who owes the part, wherever the task lies.
    task = task_of(here.hub.get(_SYSTEM, one.task))
    spent = parts.spent(here, one, now_us())
    return render(
        request,
        "programme/tasks/part.html",
        FAILED if problems else 200,
        row=part_row(request, one, actor, task.lead),
        part=one,
        task=task,
        task_href=f"/task/{bare(task.id)}" if _seen(request, task.id) else "",
        lead=unit_name(request, task.lead),
        hours=round(spent.total / HOUR, 1),
        limit=here.rules_at(one.of).part_answer_hours,
        problems=problems,
        values=values,
    )


def _seen(request: Request, name: str) -> bool:
    """Whether this person may open an entity: a part may be owed where its task is not seen."""
    here, actor = city(request).programme, visit(request).actor
    try:
        here.hub.get(actor, name)
    except Missing:
        return False
    return True


def _move(verb: parts.Move) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        form = await request.form()
        here, actor, name = city(request).programme, visit(request).actor, _part_id(request)
        said = str(form.get("said", "")).strip()
        back = str(form.get("back", ""))
        task = parts.part(here, actor, name).task
        try:
            await parts.move(here, actor, name, verb, said)
        except Conflict:
            return redirect(request, f"/part/{bare(name)}", "programme.changed", "warning")
        except Invalid:
            key = f"said-{verb.value}"
            return _part(request, {key: words(request).t(f"plans.mend.said_{verb.value}")}, {key: said})
        # Who gave a part back may see it no more.
        gone = verb is parts.Move.RETURN and back != "task"
        address = "/work" if gone else f"/task/{bare(task)}#parts" if back == "task" else f"/part/{bare(name)}"
        return redirect(request, address, f"plans.did.{verb.value}")

    return endpoint


@dataclass(frozen=True)
class Deed:
    """A form of the task's page: its fields as (name in the form, name in the verb), and the verb."""

    name: str
    fields: Mapping[str, str]
    do: Callable[[Request, str, Mapping[str, str]], Awaitable[object]]


def _here(request: Request) -> tuple[Programme, Actor]:
    return city(request).programme, visit(request).actor


async def _ask_part(request: Request, name: str, said: Mapping[str, str]) -> None:
    await parts.ask(*_here(request), name, said["unit"], said["work"], said["due"])


async def _raise(request: Request, name: str, said: Mapping[str, str]) -> None:
    new = NewBottleneck(said["kind"], said["words"], said["owner"], said["due"])
    await bottlenecks.raise_bottleneck(*_here(request), name, new)


async def _depend(request: Request, name: str, said: Mapping[str, str]) -> None:
    await dependencies.depend(*_here(request), name, said["before"])


async def _release(request: Request, name: str, said: Mapping[str, str]) -> None:
    await dependencies.release(*_here(request), name, said["before"])


def _fields(prefix: str, *names: str) -> dict[str, str]:
    return {f"{prefix}_{name}": name for name in names}


DEEDS = (
    Deed("parts", _fields("part", "unit", "work", "due"), _ask_part),
    Deed("bottlenecks", _fields("b", "kind", "words", "owner", "due"), _raise),
    Deed("depend", {"before": "before"}, _depend),
    Deed("release", {"before": "before"}, _release),
)


def _do(deed: Deed) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        form, name = await request.form(), task_id(request)
        given = {field: str(form.get(field, "")).strip() for field in deed.fields}
        address = f"/task/{bare(name)}"
        try:
            await deed.do(request, name, {inner: given[field] for field, inner in deed.fields.items()})
        except Conflict:
            return redirect(request, address, "programme.changed", "warning")
        except Invalid as error:
            return show(request, name, _mended(request, deed, error), given)
        return redirect(request, f"{address}#{deed.name}", f"plans.did.{deed.name}")

    return endpoint


def _mended(request: Request, deed: Deed, error: Invalid) -> dict[str, str]:
    """The field of this form that the verb names; a circle is told with its names, which are the city's own words."""
    (field, text), *_ = mended(request, error).items()
    outer = next((name for name, inner in deed.fields.items() if inner == field), next(iter(deed.fields)))
    circle = error.detail.partition("circle: ")[2]
    return {outer: words(request).t("plans.mend.circle", names=circle) if circle else text}


async def attach(request: Request) -> Response:
    """Evidence before the end: a file that comes now, or one that is kept already."""
    form, name = await request.form(), task_id(request)
    here, actor = _here(request)
    try:
        known = [str(one) for one in form.getlist("attach_known") if one]
        said = {key: str(form.get(f"attach_{key}", "")).strip() for key in ("issuer", "from", "to")}
        unit = task_of(here.hub.get(actor, name)).units[0]
        for one in await uploaded(request, form.getlist("attach_file")):
            known.append(await proofs.keep(here, actor, unit, _described(one, said)))
        await proofs.attach(here, actor, name, known)
    except Conflict:
        return redirect(request, f"/task/{bare(name)}", "programme.changed", "warning")
    except Invalid as error:
        field = {"valid_to": "attach_to", "valid_from": "attach_from"}.get(
            str(error.fields.get("field")), "attach_file"
        )
        return show(request, name, {field: words(request).t(f"plans.mend.{field}")}, {})
    return redirect(request, f"/task/{bare(name)}#evidence", "plans.did.attach")


def _described(one: Evidence, said: Mapping[str, str]) -> Evidence:
    return replace(one, issuer=said["issuer"], valid_from=said["from"] or None, valid_to=said["to"] or None)


async def resolve(request: Request) -> Response:
    """A bottleneck is removed."""
    form, (here, actor) = await request.form(), _here(request)
    name = entity_id("Bottleneck", request.path_params["bottleneck"])
    one = bottlenecks.bottleneck(here, actor, name)
    try:
        await bottlenecks.resolve(here, actor, name, str(form.get("resolution", "")))
    except Conflict:
        return redirect(request, f"/task/{bare(one.task)}", "programme.changed", "warning")
    except Invalid:
        field = f"resolution-{bare(name).replace(':', '-')}"
        return show(request, one.task, {field: words(request).t("plans.mend.resolution")}, {})
    return redirect(request, f"/task/{bare(one.task)}#bottlenecks", "plans.did.resolve")


async def decide(request: Request) -> Response:
    """Another deadline is agreed to or refused."""
    form, (here, actor) = await request.form(), _here(request)
    name = entity_id("ExtensionRequest", request.path_params["extension"])
    one = deadlines.request(here, actor, name)
    agreed = form.get("agreed") == "yes"
    try:
        await deadlines.decide(here, actor, name, agreed, str(form.get("why", "")))
    except Conflict:
        return redirect(request, f"/task/{bare(one.task)}", "programme.changed", "warning")
    except Invalid:
        field = f"why-{bare(name).replace(':', '-')}"
        return show(request, one.task, {field: words(request).t("plans.mend.why")}, {})
    return redirect(request, f"/task/{bare(one.task)}#ledger", f"plans.did.{'agreed' if agreed else 'refused'}")


async def to_bottleneck(request: Request) -> Response:
    """Where a bottleneck is dealt with: on the page of its task."""
    name = entity_id("Bottleneck", request.path_params["bottleneck"])
    return redirect(request, f"/task/{bare(bottlenecks.bottleneck(*_here(request), name).task)}#bottlenecks")


async def to_extension(request: Request) -> Response:
    """Where a request is decided: on the page of its task."""
    name = entity_id("ExtensionRequest", request.path_params["extension"])
    return redirect(request, f"/task/{bare(deadlines.request(*_here(request), name).task)}#ledger")


PAGES = (
    Page("/part/{part}", one_part, "plans.part.title", roles=STAFF),
    *(
        Page(f"/part/{{part}}/{verb}", _move(verb), "plans.part.title", methods=("POST",), roles=OFFICERS, page=False)
        for verb in parts.Move
    ),
    *(
        Page(f"/task/{{task}}/{deed.name}", _do(deed), "plans.do", methods=("POST",), roles=OFFICERS, page=False)
        for deed in DEEDS
    ),
    Page("/task/{task}/attach", attach, "plans.do", methods=("POST",), roles=OFFICERS, body_max=FORM_MAX, page=False),
    Page("/bottleneck/{bottleneck}", to_bottleneck, "plans.do", roles=STAFF, page=False),
    Page("/bottleneck/{bottleneck}/resolve", resolve, "plans.do", methods=("POST",), roles=OFFICERS, page=False),
    Page("/extension/{extension}", to_extension, "plans.do", roles=STAFF, page=False),
    Page("/extension/{extension}/decide", decide, "plans.do", methods=("POST",), roles=OFFICERS, page=False),
)
