"""What people do with alarms on screens: take, comment, give on, shelve, bring back; one, or a chosen group at once."""

from collections.abc import Awaitable, Callable

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.operations.alarms import service, shelving
from dothi.web.page import Level, Page, redirect, visit, within, words
from dothi.web.pages.operations.alarms.one import shown, the_alarm
from dothi.web.pages.shown import entity_id, who
from dothi.web.parts import parts

DUTY = frozenset({"duty_officer"})
Deed = Callable[[Request, str, FormData], Awaitable[object]]


async def _take(request: Request, name: str, form: FormData) -> object:
    return await service.acknowledge(parts(request).operations, visit(request).actor, name, _text(form, "comment"))


async def _comment(request: Request, name: str, form: FormData) -> object:
    here, actor, reviewed = parts(request).operations, visit(request).actor, _text(form, "reviewed") == "on"
    said = _text(form, "comment") or (words(request).t("alarms.shelf.still") if reviewed else "")
    return await service.comment_on(here, actor, name, said, reviewed=reviewed)


async def _assign(request: Request, name: str, form: FormData) -> object:
    here, actor = parts(request).operations, visit(request).actor
    return await service.assign(here, actor, name, _text(form, "to"), _text(form, "comment"))


async def _shelve(request: Request, name: str, form: FormData) -> object:
    here, actor = parts(request).operations, visit(request).actor
    return await shelving.shelve(here, actor, name, _hours(request, form), _text(form, "reason"))


async def _unshelve(request: Request, name: str, form: FormData) -> object:
    return await shelving.unshelve(parts(request).operations, visit(request).actor, name)


DEEDS: dict[str, Deed] = {
    "acknowledge": _take,
    "comment": _comment,
    "assign": _assign,
    "shelve": _shelve,
    "unshelve": _unshelve,
}
MANY = frozenset({"acknowledge", "assign", "shelve"})


def _text(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()


def _hours(request: Request, form: FormData) -> float:
    try:
        return float(_text(form, "hours").replace(",", "."))
    except ValueError as cause:
        raise Invalid(words(request).t("alarms.mend.hours"), field="hours") from cause


async def act(request: Request) -> Response:
    """One of the deeds on one alarm; what is wrong in the form is said beside its field."""
    verb = request.path_params["verb"]
    if verb not in DEEDS:
        raise Missing(f"Nothing is called {verb[:40]}; there are {', '.join(DEEDS)}.")
    alarm, form = the_alarm(request), await request.form()
    back = within(_text(form, "back") or f"/alarm/{request.path_params['alarm']}")
    try:
        await DEEDS[verb](request, alarm.id, form)
    except Invalid as wrong:
        return shown(request, alarm, _mend(request, wrong), verb)
    except Conflict as late:
        return _too_late(request, back, late)
    return redirect(request, back, f"alarms.done.{verb}")


def _mend(request: Request, wrong: Invalid) -> dict[str, str]:
    """{field: what to mend} in the reader's language; the sentence of the error where there is none."""
    name, t = str(wrong.fields.get("field", "comment")), words(request)
    key = f"alarms.mend.{name}"
    return {name: t.t(key, most=str(wrong.fields.get("most", ""))) if t.has(key) else wrong.detail}


def _too_late(request: Request, back: str, late: Conflict) -> Response:
    """Somebody else was faster: says who, where it is known."""
    by = who(request, str(late.fields.get("by", "")))
    if by:
        return redirect(request, back, "alarms.late.taken", "warning", who=by)
    return redirect(request, back, "operations.taken_already", "warning")


async def many(request: Request) -> Response:
    """The same for every chosen alarm; one that somebody else took meanwhile is counted and stops no other."""
    form = await request.form()
    back, verb = within(_text(form, "back") or "/situation"), _text(form, "verb")
    chosen = [entity_id("Alarm", str(one)) for one in form.getlist("alarm")]
    if verb not in MANY:
        return redirect(request, back, "alarms.many.choose", "warning")
    try:
        found = await service.each(chosen, lambda name: DEEDS[verb](request, name, form))
    except Invalid as wrong:
        if wrong.fields.get("field") == "alarms":
            return redirect(request, back, "alarms.many.choose", "warning")
        text = next(iter(_mend(request, wrong).values()))
        return redirect(request, back, "alarms.many.mend", "warning", text=text)
    done = sum(one.problem is None for one in found)
    level: Level = "done" if done == len(found) else "warning"
    return redirect(request, back, f"alarms.many.{verb}", level, n=str(done), of=str(len(found)))


PAGES = (
    Page("/alarms/bulk", many, "alarms.many.title", methods=("POST",), roles=DUTY, page=False),
    Page("/alarm/{alarm}/{verb}", act, "operations.take", methods=("POST",), roles=DUTY, page=False),
)
