"""The official's way from comments to answers: written down, moderated, grouped and answered, one group or many."""

from collections.abc import Mapping
from functools import partial

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.model import Identity
from dothi.citizens.api.reports import read_files
from dothi.citizens.consultations import answering, commenting, moderating, reading
from dothi.citizens.consultations.commenting import Noted
from dothi.citizens.consultations.model import Channel, Comment, Consultation, Decision, Stage, Stance
from dothi.citizens.consultations.text import written
from dothi.citizens.consultations.workflow import comments_of, rules_for, verbs_for
from dothi.ground.errors import Conflict, Invalid
from dothi.ground.ids import secret
from dothi.office.photos import DOCUMENT_BYTES, PHOTO_BYTES
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.consultations.prepare import mine
from dothi.web.pages.consultations.public import about
from dothi.web.pages.consultations.shown import (
    FAILED,
    MENDABLE,
    STAFF_ROLES,
    comment_shown,
    ours,
    place_name,
    problem_of,
    stances,
)
from dothi.web.words import read_day

NOTED = ("words", "article", "stance", "channel", "count", "where", "received", "phone", "key")
SAID = ("decision", "reason", "wording")
SCANS_MAX = 5 * max(PHOTO_BYTES, DOCUMENT_BYTES) + 1024 * 1024
LISTED = 100  # Comments or groups on one page; the rest come when these are done.


async def enter(request: Request) -> Response:
    """What did somebody say at the desk, on paper or in a meeting?"""
    given = request.query_params
    values = {"channel": given.get("channel", "desk"), "count": "1", "article": given.get("article", "")}
    return _enter(request, mine(request), values, {})


def _enter(request: Request, found: Consultation, values: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    t = words(request).t
    return render(
        request,
        "consultations/desk/enter.html",
        FAILED if problems else 200,
        values={name: values.get(name, "") for name in NOTED} | {"key": values.get("key") or secret()},
        problems=problems,
        channels=[(one.value, t(f"consultations.channel.{one}")) for one in Channel if one is not Channel.WEB],
        stances=stances(request),
        places=[("", t("consultations.whole")), *_places(request, found)],
        last=request.query_params.get("last", ""),
        may="enter" in verbs_for(found, visit(request).actor.roles),
        **about(request, found),
    )


def _places(request: Request, found: Consultation) -> list[tuple[str, str]]:
    told = (one for one in found.articles if one.kind not in ("chapter", "section"))
    return [(one.ref, place_name(request, found, one.ref)) for one in told]


async def note(request: Request) -> Response:
    """Keep it; the next one can be entered at once, with the code to hand over."""
    form, found = await request.form(), mine(request)
    values = {name: str(form.get(name, "")).strip() for name in NOTED}
    try:
        sent = await commenting.note(ours(request), visit(request).actor, found.key, await _noted(form, values))
    except MENDABLE as error:
        return _enter(request, found, values, problem_of(request, error, found))
    address = f"/desk/consultation/{found.key}/enter?channel={values['channel']}&last={sent.follow_code}"
    return redirect(request, address, "consultations.done.entered")


async def _noted(form: FormData, values: Mapping[str, str]) -> Noted:
    count = values["count"] or "1"
    if not (count.isascii() and count.isdigit() and len(count) < 8):
        raise Invalid(field="count")
    received = read_day(values["received"]) if values["received"] else None
    if values["received"] and received is None:
        raise Invalid(field="received")
    if values["channel"] not in tuple(Channel):
        raise Invalid(field="channel")
    scans = [one for one in form.getlist("scans") if isinstance(one, UploadFile)]
    return Noted(
        values["words"],
        Channel(values["channel"]),
        values["article"],
        Stance(values["stance"]) if values["stance"] in tuple(Stance) else Stance.OTHER,
        int(count),
        await read_files(scans, max(PHOTO_BYTES, DOCUMENT_BYTES)),
        values["where"],
        received,
        Identity(phone=values["phone"]) if values["phone"] else None,
        values["key"] or None,
    )


async def moderate(request: Request) -> Response:
    """Which comments break a published rule, and which appeals wait?"""
    return _moderate(request, mine(request), {}, "")


def _moderate(request: Request, found: Consultation, problems: Mapping[str, str], number: str) -> Response:
    supports = reading.supports_by_comment(ours(request), found)
    comments = sorted(comments_of(ours(request), found), key=_waiting_first)
    shown = [comment_shown(request, found, one, supports.get(one.number, {})) for one in comments]
    rules = rules_for(ours(request), found.unit).moderation.values()
    return render(
        request,
        "consultations/desk/moderate.html",
        FAILED if problems else 200,
        comments=shown[:LISTED],
        more=max(0, len(shown) - LISTED),
        appeals=sum(one.appeal == "waiting" for one in comments),
        rules=[(one.id, words(request).pick(one.names)) for one in rules],
        may="hide" in verbs_for(found, visit(request).actor.roles),
        problems=problems,
        number=number,
        **about(request, found),
    )


def _waiting_first(one: Comment) -> tuple[bool, bool]:
    return one.appeal != "waiting", one.hidden


async def moderated(request: Request) -> Response:
    """Hide, show again, or decide an appeal."""
    form, found, actor = await request.form(), mine(request), visit(request).actor
    number, verb, why = (str(form.get(name, "")) for name in ("number", "verb", "why"))
    here = ours(request)
    try:
        if verb == "hide":
            await moderating.hide(here, actor, number, str(form.get("rule", "")), why)
        elif verb == "restore":
            await moderating.restore(here, actor, number, why)
        else:
            await moderating.decide(here, actor, number, verb == "granted", why)
    except MENDABLE as error:
        return _moderate(request, found, problem_of(request, error, found), number)
    return redirect(request, f"/desk/consultation/{found.key}/moderate", "consultations.done.moderated", number=number)


async def groups(request: Request) -> Response:
    """Which comments say one thing, and which groups wait for an answer?"""
    return await _groups(request, mine(request), {})


async def _groups(request: Request, found: Consultation, problems: Mapping[str, str]) -> Response:
    here = ours(request)
    suggested = await answering.suggestions(here, found)
    rows = [(row, place_name(request, found, row.cluster.article)) for row in reading.table_of(here, found).rows]
    listed = [
        (n, one, place_name(request, found, one.article), [_short(comment) for comment in one.comments])
        for n, one in enumerate(suggested[:LISTED], 1)
    ]
    return render(
        request,
        "consultations/desk/groups.html",
        FAILED if problems else 200,
        suggested=listed,
        more=max(0, len(suggested) - LISTED),
        free=sum(len(one.comments) for one in suggested),
        rows=rows,
        waiting=sum(row.cluster.decision is None for row, _ in rows),
        targets=[
            ("", words(request).t("consultations.groups.new")),
            *((row.cluster.key, row.cluster.title) for row, _ in rows),
        ],
        may="group" in verbs_for(found, visit(request).actor.roles),
        problems=problems,
        **about(request, found),
    )


def _short(one: Comment) -> tuple[str, str]:
    return one.number, one.words if len(one.words) < 300 else one.words[:300] + " …"


async def grouped(request: Request) -> Response:
    """Make a group of the ticked comments, or move them into one that is there."""
    form, found, actor = await request.form(), mine(request), visit(request).actor
    numbers = [str(one) for one in form.getlist("comments")]
    into, back = str(form.get("into", "")), f"/desk/consultation/{found.key}/groups"
    try:
        if into:
            await answering.regroup(ours(request), actor, found.key, numbers, into)
        else:
            await answering.group(ours(request), actor, found.key, numbers, str(form.get("title", "")))
    except MENDABLE as error:
        return await _groups(request, found, problem_of(request, error, found))
    except Conflict:
        return redirect(request, back, "consultations.changed", "warning")
    return redirect(request, back, "consultations.done.grouped")


async def answer(request: Request) -> Response:
    """What do we answer to this group, or to these together?"""
    return _answer(request, mine(request), request.query_params.getlist("group"), {}, {})


def _answer(
    request: Request,
    found: Consultation,
    keys: list[str],
    values: Mapping[str, str],
    problems: Mapping[str, str],
) -> Response:
    t = words(request).t
    table = reading.table_of(ours(request), found).rows
    chosen = [row for row in table if row.cluster.key in keys]
    one = chosen[0].cluster if len(chosen) == 1 else None
    standing = {"decision": one.decision or "", "reason": one.reason, "wording": one.wording} if one else {}
    return render(
        request,
        "consultations/desk/answer.html",
        FAILED if problems else 200,
        chosen=[
            (row, place_name(request, found, row.cluster.article), _current(found, row.cluster.article))
            for row in chosen
        ],
        values={name: values.get(name) or standing.get(name, "") for name in SAID},
        problems=problems,
        decisions=[(each.value, t(f"consultations.decision.{each}")) for each in Decision],
        targets=[(row.cluster.key, row.cluster.title) for row in table if row not in chosen],
        version=one.version if one else "",
        needs=found.stage is Stage.NEEDS,
        may="answer" in verbs_for(found, visit(request).actor.roles),
        left=sum(row.cluster.decision is None for row in table),
        **about(request, found),
    )


def _current(found: Consultation, ref: str) -> str:
    """The wording that the comments are about, with the clauses and points below it."""
    return written(one for one in found.articles if one.ref == ref or one.ref.startswith(f"{ref}.")) if ref else ""


async def answered(request: Request) -> Response:
    """Keep the answer and go on to the next group that waits for one."""
    form, found, actor = await request.form(), mine(request), visit(request).actor
    keys = [str(one) for one in form.getlist("group")]
    values = {name: str(form.get(name, "")).strip() for name in SAID}
    seen = str(form.get("version", ""))
    back = f"/desk/consultation/{found.key}"
    try:
        if values["decision"] not in tuple(Decision):
            raise Invalid(field="decision")
        decision, version = Decision(values["decision"]), int(seen) if seen.isdigit() else None
        await answering.answer(
            ours(request), actor, found.key, keys, decision, values["reason"], values["wording"], version
        )
    except MENDABLE as error:
        return _answer(request, found, keys, values, problem_of(request, error, found))
    except Conflict:
        return redirect(request, f"{back}/groups", "consultations.changed", "warning")
    return redirect(request, _next(request, found), "consultations.done.answer")


def _next(request: Request, found: Consultation) -> str:
    """The address of the next group without an answer, else of the consultation."""
    waiting = [row for row in reading.table_of(ours(request), found).rows if row.cluster.decision is None]
    here = f"/desk/consultation/{found.key}"
    return f"{here}/answer?group={waiting[0].cluster.key}" if waiting else here


_page = partial(Page, roles=STAFF_ROLES)
_KEY = "/desk/consultation/{consultation}"
PAGES = (
    _page(f"{_KEY}/enter", enter, "consultations.enter.title"),
    _page(f"{_KEY}/enter", note, "consultations.enter.title", methods=("POST",), body_max=SCANS_MAX, page=False),
    _page(f"{_KEY}/moderate", moderate, "consultations.moderate.title"),
    _page(f"{_KEY}/moderate", moderated, "consultations.moderate.title", methods=("POST",), page=False),
    _page(f"{_KEY}/groups", groups, "consultations.groups.title"),
    _page(f"{_KEY}/groups", grouped, "consultations.groups.title", methods=("POST",), page=False),
    _page(f"{_KEY}/answer", answer, "consultations.write.title"),
    _page(f"{_KEY}/answer", answered, "consultations.write.title", methods=("POST",), page=False),
)
