"""The programme at a glance: schemes, plans and tasks, late, at risk and blocked; and how all pages show a task."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import DAY, from_iso, now_us
from dothi.ground.errors import Invalid
from dothi.programme.model import State, Task
from dothi.programme.plans import documents, projects, reading
from dothi.programme.plans.model import Document
from dothi.programme.tasks import bottlenecks, service
from dothi.programme.tasks.workflow import check_instant
from dothi.web.page import Menu, Page, render, visit, words
from dothi.web.pages.shown import STAFF, bare, unit_name, who
from dothi.web.parts import parts

OFFICERS = frozenset({"programme_officer", "official"})
FAILED = 422
SOURCES_SHOWN = 30
PAGE = 50  # Tasks of one page of a list.
SOON = 7 * DAY
STANDINGS = {  # How a task stands → kind of tag and icon.
    "late": ("bad", "late"),
    "soon": ("watch", "clock"),
    "on_track": ("note", "doing"),
    "done": ("good", "good"),
    "done_late": ("watch", "good"),
    "dropped": ("grey", "cross"),
}
STANDS = {  # How a scheme or plan stands → kind of tag and icon.
    "draft": ("plain", "edit"),
    "consulted": ("note", "people"),
    "approved": ("note", "check"),
    "inForce": ("good", "good"),
    "summedUp": ("grey", "file"),
}


@dataclass(frozen=True)
class Row:
    """A task as lists show it; deadlines in µs."""

    task: Task
    href: str
    standing: str
    kind: str
    icon: str
    original: int
    agreed: int
    lead: str
    cooperating: str
    area: str

    @property
    def moved(self) -> bool:
        """Whether the agreed deadline is another than the first one."""
        return self.agreed != self.original


def standing(task: Task, now: int) -> str:
    """How a task stands, by the agreed deadline; one done after its first deadline says so."""
    late_by_original, late_by_agreed = service.is_late(task, now)
    if task.state is State.DROPPED:
        return "dropped"
    if task.state is State.DONE:
        return "done_late" if late_by_original else "done"
    return "late" if late_by_agreed else "soon" if from_iso(task.due) - now < SOON else "on_track"


def row(request: Request, task: Task, now: int) -> Row:
    """A task for lists."""
    state = standing(task, now)
    return Row(
        task,
        f"/task/{bare(task.id)}",
        state,
        *STANDINGS[state],
        from_iso(task.original_due),
        from_iso(task.due),
        unit_name(request, task.lead),
        names(request, task.cooperating),
        names(request, task.units),
    )


def names(request: Request, codes: Iterable[str]) -> str:
    """The names of units in one line."""
    return ", ".join(unit_name(request, code) for code in codes)


async def programme(request: Request) -> Response:
    """What does the city owe, and what is late, at risk or blocked?"""
    here, actor, now = parts(request).programme, visit(request).actor, now_us()
    show = request.query_params.get("show", "open")
    show = show if show in reading.SHOWS else "open"
    counted = reading.counts(here, actor, now)
    offset = _offset(request)
    listed = reading.tasks_shown(here, actor, show, now, PAGE, offset)
    whole = int(getattr(counted, show))
    schemes = documents.documents(here, actor, "Scheme")
    plans = documents.documents(here, actor, "Plan")
    return render(
        request,
        "programme/programme.html",
        rows=[row(request, one, now) for one in listed],
        show=show,
        counts=counted,
        ways=[
            (words(request).t(f"programme.show.{one}"), f"?show={one}#tasks", one == show, getattr(counted, one))
            for one in reading.SHOWS
        ],
        newer=f"?show={show}&from={max(0, offset - PAGE)}#tasks" if offset else "",
        older=f"?show={show}&from={offset + PAGE}#tasks" if offset + PAGE < whole else "",
        blocked=blocked(request, bottlenecks.by_kind(here, actor)),
        schemes=[document_row(request, one, now) for one in _by_parent(schemes)],
        plans=[document_row(request, one, now) | _work_of(request, one, now) for one in plans],
        money=projects.totals(projects.projects(here, actor)),
        proposals=len(service.proposals(here, actor)),
        may_issue=bool(actor.roles & OFFICERS),
        may_draft="programme_officer" in actor.roles,
    )


def _offset(request: Request) -> int:
    said = request.query_params.get("from", "0")
    return min(int(said), 100_000) if said.isascii() and said.isdigit() else 0


def _by_parent(schemes: list[Document]) -> list[Document]:
    """Each scheme with its components after it."""
    known = {one.id for one in schemes}
    tops = [one for one in schemes if one.parent not in known]
    return [each for top in tops for each in (top, *(one for one in schemes if one.parent == top.id))]


def _work_of(request: Request, one: Document, now: int) -> dict[str, object]:
    here, actor = parts(request).programme, visit(request).actor
    return {"counts": reading.counts(here, actor, now, plan=one.id)}


def document_row(request: Request, one: Document, now: int) -> dict[str, object]:
    """A scheme or plan as lists show it."""
    kind, icon = STANDS[one.state.value]
    return {
        "document": one,
        "href": f"/{one.type.lower()}/{bare(one.id)}",
        "kind": kind,
        "icon": icon,
        "unit": unit_name(request, one.unit),
        "review": from_iso(one.next_review) if one.next_review else None,
        "review_late": documents.review_is_late(one, now),
        "component": one.parent is not None,
    }


def blocked(request: Request, by_kind: Mapping[str, int]) -> list[tuple[str, int]]:
    """Open bottlenecks by the name of their kind, the most first; those that there are."""
    table = parts(request).programme.rules.bottlenecks
    found = [(words(request).pick(table[kind]), count) for kind, count in by_kind.items() if count]
    return sorted(found, key=lambda one: -one[1])


def kinds_of_evidence(request: Request) -> list[tuple[str, str]]:
    """(id, name) of what can show a result."""
    return [(kind, words(request).pick(one.names)) for kind, one in parts(request).programme.rules.evidence.items()]


def units_of_city(request: Request) -> list[tuple[str, str]]:
    """The province of the city (or of the person) and its communes; every province where neither is known."""
    territory, language = parts(request).territory, words(request).language
    known = parts(request).province or min(visit(request).actor.areas, default="")
    if not known:
        return [(one.code, one.name_in(language)) for one in territory.provinces()]
    province = territory.province_of(known)
    communes = sorted(territory.communes_of(province.code), key=lambda one: str(one.short))
    return [(one.code, one.name_in(language)) for one in (province, *communes)]


def check_due(request: Request, due: str, field: str = "due") -> None:
    """Raise Invalid in the reader's words unless it is a date."""
    try:
        check_instant(due)
    except Invalid as error:
        raise Invalid(words(request).t("programme.mend.due"), field=field) from error


def mended(request: Request, error: Invalid, prefix: str = "") -> dict[str, str]:
    """What is wrong and how to mend it, in the reader's words, at the field that the verb names."""
    field = str(error.fields.get("field", "due"))
    key = f"plans.mend.{field}"
    text = words(request).t(key) if words(request).has(key) else words(request).t("plans.mend.look")
    return {prefix + field: text}


def ledger(request: Request, task: Task) -> list[dict[str, object]]:
    """The extensions of a task, oldest first: from when to when, why, who asked, who agreed."""
    return [
        {
            "old": from_iso(one["from"]),
            "new": from_iso(one["to"]),
            "reason": one["reason"],
            "why": one.get("why", ""),
            "asked_by": who(request, one.get("askedBy", "")),
            "by": who(request, one["by"]),
            "at": from_iso(one["at"]),
        }
        for one in task.extensions
    ]


PAGES = (Page("/programme", programme, "programme.title", roles=STAFF, menu=Menu("work", 30)),)
