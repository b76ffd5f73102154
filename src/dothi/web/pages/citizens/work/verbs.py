"""The verbs of a case as forms: done, or what to mend on the same page, or told what somebody did who was faster."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.handling import joining, service, waiting
from dothi.citizens.handling.answering import answer_together
from dothi.citizens.model import Outcome, Overtaken, Report
from dothi.ground.errors import Conflict, Invalid, TooLarge
from dothi.office.photos import DOCUMENT_BYTES, PHOTO_BYTES
from dothi.web.page import Page, redirect, visit
from dothi.web.pages.citizens.report import EXAMPLE, FORM_MAX, ours, uploads
from dothi.web.pages.citizens.work.case import PARTS, case_page, found_case, told
from dothi.web.pages.citizens.work.near import near_page

HANDLERS = frozenset({"official", "duty_officer"})
FILE_BYTES = max(PHOTO_BYTES, DOCUMENT_BYTES)
SAID = ("unit", "reason", "outcome", "words", "duplicate_of", "kind", "question", "name", "numbers")
NAMED = ("receive", "start", "route", "pass_on", "answer")  # Their words stand with those of the reports.
STAYS = frozenset({"start", "ask", "forward", "wait", "resume", "assign", "split", "merge", "unmerge", "queue"})


@dataclass(frozen=True)
class Sent:
    """What a form brought."""

    number: str
    said: Mapping[str, str]
    form: FormData
    version: int | None


Verb = Callable[[Request, Sent], Awaitable[Report]]


async def _receive(request: Request, sent: Sent) -> Report:
    return await service.receive(ours(request), visit(request).actor, sent.number, sent.version)


async def _queue(request: Request, sent: Sent) -> Report:
    return await service.enqueue(ours(request), visit(request).actor, sent.number, sent.version)


async def _start(request: Request, sent: Sent) -> Report:
    return await service.start(ours(request), visit(request).actor, sent.number, sent.version)


async def _assign(request: Request, sent: Sent) -> Report:
    people = [str(one) for one in sent.form.getlist("people")]
    return await service.assign(ours(request), visit(request).actor, sent.number, people, sent.version)


async def _route(request: Request, sent: Sent) -> Report:
    return await service.route(ours(request), visit(request).actor, sent.number, sent.said["unit"], sent.version)


async def _pass_on(request: Request, sent: Sent) -> Report:
    unit, reason = sent.said["unit"], sent.said["reason"]
    return await service.pass_on(ours(request), visit(request).actor, sent.number, unit, reason, sent.version)


async def _send_back(request: Request, sent: Sent) -> Report:
    return await service.send_back(ours(request), visit(request).actor, sent.number, sent.said["reason"], sent.version)


async def _wait(request: Request, sent: Sent) -> Report:
    kind, reason = sent.said["kind"], sent.said["reason"]
    if not kind:
        raise Invalid(field="kind", guard="wait_given")
    return await waiting.wait(ours(request), visit(request).actor, sent.number, kind, reason, sent.version)


async def _ask(request: Request, sent: Sent) -> Report:
    return await waiting.ask(ours(request), visit(request).actor, sent.number, sent.said["question"], sent.version)


async def _forward(request: Request, sent: Sent) -> Report:
    name, words = sent.said["name"], sent.said["question"]
    return await waiting.forward(ours(request), visit(request).actor, sent.number, name, words, sent.version)


async def _resume(request: Request, sent: Sent) -> Report:
    return await waiting.resume(ours(request), visit(request).actor, sent.number, sent.version)


async def _split(request: Request, sent: Sent) -> Report:
    rows = [(str(sent.form.get(f"unit{n}", "")), str(sent.form.get(f"words{n}", "")).strip()) for n in PARTS]
    parts = [joining.Part(unit, words) for unit, words in rows if unit or words]
    if any(not one.unit for one in parts):
        raise Invalid(field="parts", guard="parts")
    return await joining.split(ours(request), visit(request).actor, sent.number, parts, sent.version)


async def _unmerge(request: Request, sent: Sent) -> Report:
    return await joining.unmerge(ours(request), visit(request).actor, sent.number, sent.said["reason"], sent.version)


async def _answer(request: Request, sent: Sent) -> Report:
    files = await uploads(sent.form, "proof", FILE_BYTES)
    if sent.said["outcome"] not in tuple(Outcome):
        raise Invalid(field="outcome")
    return await service.answer(
        ours(request),
        visit(request).actor,
        sent.number,
        Outcome(sent.said["outcome"]),
        sent.said["words"],
        files,
        sent.said["duplicate_of"] or None,
        sent.version,
        kept=[str(one) for one in sent.form.getlist("kept")],
    )


VERBS: Mapping[str, Verb] = {
    "receive": _receive,
    "queue": _queue,
    "start": _start,
    "assign": _assign,
    "route": _route,
    "pass_on": _pass_on,
    "send_back": _send_back,
    "wait": _wait,
    "ask": _ask,
    "forward": _forward,
    "resume": _resume,
    "split": _split,
    "unmerge": _unmerge,
    "answer": _answer,
}


def _do(verb: str) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one verb."""

    async def endpoint(request: Request) -> Response:
        sent = await _sent(request)
        values = {**sent.said, "verb": verb}
        try:
            await VERBS[verb](request, sent)
        except Overtaken:
            return case_page(request, {}, values, sent.version)
        except Conflict as error:
            seen = sent.version if sent.version is not None and sent.version != found_case(request).version else None
            return case_page(request, told(request, error), values, seen)
        except (Invalid, TooLarge) as error:
            return case_page(request, told(request, error), values)
        stays = verb in STAYS or (verb == "receive" and sent.form.get("then") != "list")
        where = f"/case/{sent.number}" if stays else "/work"
        return redirect(request, where, f"{_words_of(verb)}.done.{verb}", code=sent.number)

    return endpoint


async def _sent(request: Request) -> Sent:
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in SAID}
    seen = str(form.get("version", ""))
    return Sent(str(request.path_params["number"]), said, form, int(seen) if seen.isdigit() else None)


def _words_of(verb: str) -> str:
    return "citizens" if verb in NAMED else "work"


async def merge(request: Request) -> Response:
    """Reports of the same thing follow this one."""
    return await _with_others(request, joined=True)


async def together(request: Request) -> Response:
    """The same answer for this report and others of one problem."""
    return await _with_others(request, joined=False)


async def _with_others(request: Request, *, joined: bool) -> Response:
    sent = await _sent(request)
    chosen = [str(one) for one in sent.form.getlist("numbers")]
    here, actor = ours(request), visit(request).actor
    try:
        if joined:
            await joining.merge(here, actor, sent.number, chosen, sent.said["reason"], sent.version)
            return redirect(request, f"/case/{sent.number}", "work.done.merge", code=sent.number)
        if sent.said["outcome"] not in tuple(Outcome):
            raise Invalid(field="outcome")
        files = await uploads(sent.form, "proof", FILE_BYTES)
        outcome = Outcome(sent.said["outcome"])
        done = await answer_together(here, actor, [sent.number, *chosen], outcome, sent.said["words"], files)
    except (Conflict, Invalid, TooLarge) as error:
        return near_page(request, told(request, error), dict(sent.said), chosen)
    return redirect(request, "/work", "work.done.together", count=str(len(done)))


_NUMBER = {"number": EXAMPLE[:6]}


def _page(path: str, endpoint: Callable[[Request], Awaitable[Response]], title: str) -> Page:
    address = f"/case/{{number}}/{path}"
    return Page(address, endpoint, title, ("POST",), HANDLERS, body_max=FORM_MAX, sample=_NUMBER, page=False)


PAGES = (
    *(_page(verb, _do(verb), f"{_words_of(verb)}.verb.{verb}") for verb in VERBS),
    _page("merge", merge, "work.verb.merge"),
    _page("together", together, "work.verb.together"),
)
