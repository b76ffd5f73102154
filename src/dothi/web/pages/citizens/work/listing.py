"""My work: everything owed by my unit by deadline, what units below left late, and rows done in place."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.handling.workflow import verbs_for
from dothi.citizens.model import PART_TYPE, TYPE, Outcome, Report, State, report_of
from dothi.citizens.reading import Desk, WorkItem, desk, escalated, find_on_desk
from dothi.ground.clock import HOUR, VIETNAM, from_datetime, from_iso, iso, now_us, to_datetime
from dothi.web.page import Menu, Page, render, visit, words
from dothi.web.pages.citizens.report import ours, shown, unit_name
from dothi.web.pages.shown import bare, who

WORKERS = frozenset({"official", "duty_officer", "programme_officer", "leader"})
SOON = 8 * HOUR
LISTED = 50
SHORT = 140  # Letters of a row.
REPORTS = (TYPE, PART_TYPE)
GROUPS = ("late", "today", "later")
PLACES: Mapping[str, str] = {
    "Task": "/task/",
    "Consultation": "/desk/consultation/",
    "TaskPart": "/part/",
    "ExtensionRequest": "/extension/",
    "Bottleneck": "/bottleneck/",
    "Scheme": "/scheme/",
    "Plan": "/plan/",
    "Alarm": "/alarm/",
    "Problem": "/problems/review/",
    "PublicService": "/services/",
    "ReportDuty": "/periodic/",
    "MemberOpinion": "/council/opinion/",
    "ExplanationRequest": "/explanations/",
    "Submission": "/submission/",
    "Pilot": "/pilots/",
    "Shift": "/shift/book/",
    "Order": "/order/",
    "Incident": "/incident/",
    "IncidentReview": "/incident/",
    "Warning": "/warning/",
}  # Where a row of another module opens.
ICONS: Mapping[str, str] = {
    TYPE: "report",
    "Task": "task",
    "Alarm": "alarm",
    "Problem": "proposal",
    "ReportDuty": "file",
    "Shift": "people",
    "Order": "task",
    "Incident": "watch",
    "IncidentReview": "book",
    "Warning": "watch",
}


async def work(request: Request) -> Response:
    """What do I owe, and until when?"""
    actor, now = visit(request).actor, now_us()
    group, text, page = _asked(request)
    counts = _counts(request, now)
    found = _found(request, group, text, page, now)
    return render(
        request,
        "citizens/desk/list.html",
        groups=_grouped(request, found, now) if group in ("", *GROUPS) else [("above", _rows(request, found, now))],
        tabs=_tabs(request, counts, group if not text else "?"),
        count=counts["all"],
        late=counts["late"],
        shown=found.count,
        text=text,
        group=group,
        pages=_pages(found, page, group, text),
        units=[unit_name(request, code) for code in sorted(actor.areas)],
        outcomes=[(one.value, words(request).t(f"citizens.outcome.{one}")) for one in Outcome if one != "duplicate"],
    )


def _asked(request: Request) -> tuple[str, str, int]:
    """The group, the words to find and the number of the page that are asked for."""
    given = request.query_params
    page = given.get("page", "1")
    group = given.get("group", "")
    return (
        group if group in (*GROUPS, "above") else "",
        given.get("q", "").strip()[:SHORT],
        max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
    )


def _found(request: Request, group: str, text: str, page: int, now: int) -> Desk:
    here, actor, start = ours(request), visit(request).actor, (page - 1) * LISTED
    if text:
        whole = find_on_desk(here, actor, text)
        return Desk(whole.items[start : start + LISTED], whole.count)
    if group == "above":
        return escalated(here, actor, LISTED, start)
    since, until = _bounds(group, now)
    return desk(here, actor, LISTED, start, since, until)


def _bounds(group: str, now: int) -> tuple[str | None, str | None]:
    """From when until when the deadlines of a group lie."""
    tonight = iso(end_of_day(now))
    return {"late": (None, iso(now)), "today": (iso(now), tonight), "later": (tonight, None)}.get(group, (None, None))


def end_of_day(now: int) -> int:
    """The midnight (µs) that ends the day in Vietnam."""
    day = to_datetime(now).astimezone(VIETNAM).date() + timedelta(days=1)
    return from_datetime(datetime.combine(day, time(), VIETNAM))


def _counts(request: Request, now: int) -> dict[str, int]:
    """How many rows each group has: counted in the index, no row is read."""
    here, actor = ours(request), visit(request).actor
    counts = {name: desk(here, actor, 0, 0, *_bounds(name, now)).count for name in ("all", "late", "today")}
    counts["later"] = counts["all"] - counts["late"] - counts["today"]
    counts["above"] = escalated(here, actor, 0).count
    return counts


def _tabs(request: Request, counts: Mapping[str, int], chosen: str) -> list[tuple[str, str, bool, int]]:
    names = ("all", *GROUPS, *(("above",) if counts["above"] else ()))
    address = {name: "/work" if name == "all" else f"/work?group={name}" for name in names}
    return [
        (words(request).t(f"work.{name}"), address[name], chosen == ("" if name == "all" else name), counts[name])
        for name in names
    ]


def _pages(found: Desk, page: int, group: str, text: str) -> tuple[str, str]:
    """The addresses of the page before and the page after; empty where there is none."""
    kept = {name: value for name, value in (("group", group), ("q", text)) if value}

    def at(number: int) -> str:
        return f"/work?{urlencode(kept | {'page': str(number)})}"

    return (at(page - 1) if page > 1 else "", at(page + 1) if page * LISTED < found.count else "")


def _grouped(request: Request, found: Desk, now: int) -> list[tuple[str, list[dict[str, object]]]]:
    """The rows of this page under the heading of their group."""
    tonight = end_of_day(now)
    groups: dict[str, list[dict[str, object]]] = {}
    for item in found.items:
        due = from_iso(item.due) if item.due else None
        name = "later" if due is None or due >= tonight else "late" if due < now else "today"
        groups.setdefault(name, []).append(_row(request, item, now))
    return [(name, groups[name]) for name in GROUPS if name in groups]


def _rows(request: Request, found: Desk, now: int) -> list[dict[str, object]]:
    return [_row(request, one, now) for one in found.items]


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
        "answers": False,
        "who": "",
        "version": item.entity.version,
    }
    return row | (_report_row(request, item) if item.kind in REPORTS else _other_row(request, item))


def _report_row(request: Request, item: WorkItem) -> dict[str, object]:
    found = report_of(item.entity)
    said = shown(request, found)
    summary = f"{said['category']}: {found.description}" if found.description else str(said["category"])
    verbs = verbs_for(found, visit(request).actor.roles)
    return {
        "href": f"/case/{found.code}",
        "what": summary[:SHORT],
        "where": found.place_words or str(said["place"]),
        "state": words(request).t(f"citizens.state.{found.state}"),
        "kind": said["kind"],
        "icon": "report" if found.state is State.FILED else said["icon_name"],
        "verb": _next(found, verbs),
        "answers": "answer" in verbs and found.state is not State.WAITING,
        "who": _holder(request, found),
    }


def _next(found: Report, verbs: tuple[str, ...]) -> str:
    """The verb that is one click in the row."""
    if "receive" in verbs:
        return "receive" if found.decided else ""
    return "start" if "start" in verbs and not found.assigned_to else ""


def _holder(request: Request, found: Report) -> str:
    """Who has the report, in a word or a name; empty while nobody has."""
    mine = visit(request).actor.id
    if len(found.assigned_to) > 1:
        return words(request).t("work.offered")
    if not found.assigned_to:
        return ""
    return words(request).t("work.to_me") if found.assigned_to == (mine,) else who(request, found.assigned_to[0])


def _other_row(request: Request, item: WorkItem) -> dict[str, object]:
    value = item.entity.value
    key = f"citizens.work.{item.kind}"
    kind = words(request).t(key if words(request).has(key) else f"type.{item.kind}")
    title = value("title") or value("name") or value("summary") or kind
    ordered = item.kind == "Order"
    seen = ordered and value("state") == "issued" and value("orderedTo") in visit(request).actor.areas
    drill = f"{words(request).t('orders.drill')}: " if value("drill") else ""
    return {
        "verb": "receive" if seen else "",  # One tap: the unit has its order.
        "href": PLACES.get(item.kind, "/walk/") + item.id.split(":", 3)[-1],
        "what": (drill + words(request).pick(title))[:SHORT],
        "where": unit_name(request, value("orderedTo") if ordered else item.unit),
        "state": kind,
        "kind": "bad" if item.kind == "Alarm" else "note",
        "icon": ICONS.get(item.kind, "todo"),
    }


PAGES = (Page("/work", work, "citizens.work.title", roles=WORKERS, menu=Menu("work", 10)),)
