"""What is held back: the shelved alarms that each shift looks at, and the work that was announced."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import HOUR, VIETNAM, from_datetime, from_iso, now_us, to_datetime
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.hub.model import Entity
from dothi.operations.alarms import maintenance, reading, shelving
from dothi.operations.alarms.maintenance import Work
from dothi.operations.alarms.workflow import Held
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.operations.situation import WATCHERS, may_take, row
from dothi.web.pages.shown import bare, entity_id, name_of, named, unit_name, who
from dothi.web.parts import parts

DUTY = frozenset({"duty_officer"})
FIELDS = ("title", "reason", "from", "to", "unit", "subject", "rule")
ENDED_SHOWN = 20


async def shelved(request: Request) -> Response:
    """What is held back, until when, and has this shift looked at it?"""
    here, actor, now, t = parts(request).operations, visit(request).actor, now_us(), words(request).t
    found = shelving.shelved(here, actor)
    old = sum(shelving.unreviewed(one, now) for one in found)
    key = "none" if not found else "old" if old else "fine"
    return render(
        request,
        "operations/alarms/shelved.html",
        answer=t(f"alarms.shelf.answer_{key}", n=len(found), old=old),
        shelved=[_shelved(request, one, now) for one in found],
        suppressed=[_behind(request, one) for one in reading.held_alarms(here, actor, Held.SUPPRESSED)],
        out=[row(request, one) for one in reading.held_alarms(here, actor, Held.OUT)],
        may_act=may_take(request),
    )


def _shelved(request: Request, alarm: Entity, now: int) -> dict[str, object]:
    value = alarm.value
    return {
        "row": row(request, alarm),
        "until": value("shelvedUntil"),
        "left": words(request).left(value("shelvedUntil"), now),
        "by": who(request, value("shelvedBy")),
        "why": value("shelvedWhy", ""),
        "old": shelving.unreviewed(alarm, now),
        "reviewed": from_iso(value("reviewedAt", value("shelvedAt"))),
        "reviewer": who(request, value("reviewedBy", value("shelvedBy"))),
    }


def _behind(request: Request, alarm: Entity) -> dict[str, object]:
    root = alarm.value("suppressedBy", "")
    return {"row": row(request, alarm), "root": named(request, root), "href": f"/alarm/{bare(root)}"}


async def work(request: Request) -> Response:
    """Which work is announced, and which alarms does it keep quiet?"""
    if request.method == "GET":
        return _page(request, _proposed(request))
    form = await request.form()
    said = {name: str(form.get(name, "")).strip() for name in FIELDS}
    try:
        await maintenance.announce(parts(request).operations, visit(request).actor, _work(said))
    except Invalid as wrong:
        return _page(request, said, _mend(request, wrong))
    return redirect(request, "/maintenance", "alarms.work.announced", name=said["title"])


def _mend(request: Request, wrong: Invalid) -> dict[str, str]:
    name, t = str(wrong.fields.get("field", "title")), words(request)
    shown = {"units": "unit", "subjects": "subject", "rules": "rule"}.get(name, name)
    key = f"alarms.work.mend_{shown}"
    return {shown: t.t(key) if t.has(key) else wrong.detail}


def _work(said: dict[str, str]) -> Work:
    units, subjects, rules = (tuple(filter(None, (said[name],))) for name in ("unit", "subject", "rule"))
    starts, ends = _instant(said["from"], "from"), _instant(said["to"], "to")
    return Work(said["title"], said["reason"], starts, ends, units, subjects, rules)


def _instant(text: str, name: str) -> int:
    try:
        return from_datetime(datetime.strptime(text[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=VIETNAM))
    except ValueError as cause:
        raise Invalid("Give a day and a time.", field=name) from cause


def _local(instant: int) -> str:
    return f"{to_datetime(instant).astimezone(VIETNAM):%Y-%m-%dT%H:%M}"


def _proposed(request: Request) -> dict[str, str]:
    """An empty form, or one about the alarm that the address names."""
    now = now_us()
    said = {**dict.fromkeys(FIELDS, ""), "from": _local(now), "to": _local(now + 4 * HOUR)}
    name = request.query_params.get("alarm", "")
    here, actor = parts(request).operations, visit(request).actor
    alarm = reading.find_alarm(here, entity_id("Alarm", name), actor) if name else None
    if alarm is None:
        return said
    return {**said, "subject": alarm.value("subject", ""), "unit": alarm.value("unit", "")}


def _page(request: Request, values: dict[str, str], problems: dict[str, str] | None = None) -> Response:
    here, actor, now, t = parts(request).operations, visit(request).actor, now_us(), words(request).t
    found = [_window(request, one, now) for one in maintenance.windows(here, actor)]
    on = sum(bool(one["on"]) for one in found)
    province, language = parts(request).province, words(request).language
    units = [here.territory.unit(province), *here.territory.communes_of(province)] if province else []
    return render(
        request,
        "operations/alarms/work.html",
        422 if problems else 200,
        answer=t("alarms.work.answer" if found else "alarms.work.none", on=on, coming=len(found) - on),
        windows=found,
        over=[_window(request, one, now) for one in maintenance.windows(here, actor, ended=True, limit=ENDED_SHOWN)],
        values=values,
        problems=problems or {},
        subject=_subject_name(request, values["subject"]),
        units=[("", t("alarms.work.any_unit")), *((one.code, one.name_in(language)) for one in units)],
        may_act=may_take(request),
    )


def _subject_name(request: Request, subject: str) -> str:
    if not subject:
        return ""
    try:
        return name_of(request, parts(request).hub.get(visit(request).actor, subject))
    except Missing:
        return bare(subject)


def _window(request: Request, window: Entity, now: int) -> dict[str, object]:
    value, here = window.value, parts(request).operations
    about = [unit_name(request, one) for one in value("units", [])]
    about += [_subject_name(request, one) for one in value("subjects", [])]
    about += [named(request, one) for one in value("rules", [])]
    return {
        "key": bare(window.id),
        "title": value("title", ""),
        "reason": value("reason", ""),
        "starts": value("from"),
        "ends": value("to"),
        "by": who(request, value("by")),
        "on": from_iso(value("from")) <= now < from_iso(value("to")),
        "about": ", ".join(filter(None, about)),
        "alarms": len(maintenance.out_by(here, window.id)),
    }


async def end_work(request: Request) -> Response:
    """The work is done early: its alarms come back."""
    name = entity_id(maintenance.WINDOW, request.path_params["window"])
    try:
        await maintenance.end_now(parts(request).operations, visit(request).actor, name)
    except Conflict:
        return redirect(request, "/maintenance", "alarms.work.over_already", "warning")
    return redirect(request, "/maintenance", "alarms.work.ended")


PAGES = (
    Page("/alarms/shelved", shelved, "alarms.shelf.title", roles=WATCHERS),
    Page("/maintenance", work, "alarms.work.title", roles=WATCHERS),
    Page("/maintenance", work, "alarms.work.announce", methods=("POST",), roles=DUTY),
    Page("/maintenance/{window}/end", end_work, "alarms.work.end", methods=("POST",), roles=DUTY, page=False),
)
