"""The programme's pages: legal bases and tasks by deadline, and what the city has promised the public."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import DAY, VIETNAM, from_iso, now_us, to_datetime
from dothi.programme import law
from dothi.programme.model import Provision, State, Task
from dothi.programme.tasks import service
from dothi.programme.tasks.workflow import OPEN
from dothi.web.page import Menu, Page, render, visit, words
from dothi.web.pages.shown import STAFF, bare, unit_name, who
from dothi.web.parts import parts

OFFICERS = frozenset({"programme_officer", "official"})
SHOW = ("open", "late", "done", "dropped")
SOON = 7 * DAY
STANDINGS = {  # How a task stands → kind of tag and icon.
    "late": ("bad", "late"),
    "soon": ("watch", "clock"),
    "on_track": ("note", "doing"),
    "done": ("good", "good"),
    "done_late": ("watch", "good"),
    "dropped": ("grey", "cross"),
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
    """What does the city owe, until when, and by which article?"""
    here, actor, now = parts(request).programme, visit(request).actor, now_us()
    rows = [row(request, one, now) for one in service.tasks(here, actor)]
    by_show = {show: [one for one in rows if _belongs(one, show)] for show in SHOW}
    show = request.query_params.get("show", "open")
    show = show if show in SHOW else "open"
    found = law.provisions(here, actor)
    today = to_datetime(now).astimezone(VIETNAM).date().isoformat()
    counts = {one: len(listed) for one, listed in by_show.items()}
    return render(
        request,
        "programme/programme.html",
        rows=by_show[show],
        show=show,
        counts=counts,
        ways=[(words(request).t(f"programme.show.{one}"), f"?show={one}", one == show, counts[one]) for one in SHOW],
        laws=[_law(name, one, rows, today) for name, one in found],
        proposals=len(service.proposals(here, actor)),
        may_issue=bool(actor.roles & OFFICERS),
    )


def _belongs(one: Row, show: str) -> bool:
    still = one.task.state in OPEN
    return {"open": still, "late": still and one.standing == "late"}.get(show, one.task.state.value == show)


def _law(name: str, one: Provision, rows: list[Row], today: str) -> dict[str, object]:
    ended, ahead = one.valid_to is not None and one.valid_to < today, (one.valid_from or "") > today
    return {
        "id": name,
        "cite": law.cite(one),
        "provision": one,
        "state": "ended" if ended else "ahead" if ahead else "in_force",
        "tasks": sum(row.task.legal_basis == name for row in rows),
    }


async def promises(request: Request) -> Response:
    """What has the city promised, and what became of it?"""
    now = now_us()
    rows = [row(request, one, now) for one in service.promises(parts(request).programme)]
    order = ("late", "soon", "on_track", "done_late", "done", "dropped")
    groups = [(state, [one for one in rows if one.standing in states]) for state, states in _PUBLIC.items()]
    return render(
        request,
        "programme/promises.html",
        groups=[
            (state, sorted(listed, key=lambda one: (order.index(one.standing), one.agreed))) for state, listed in groups
        ],
        counts={state: len(listed) for state, listed in groups},
        whole=len(rows),
        ledger=lambda task: ledger(request, task),
    )


_PUBLIC = {"late": ("late",), "doing": ("soon", "on_track"), "done": ("done", "done_late"), "dropped": ("dropped",)}


def ledger(request: Request, task: Task) -> list[dict[str, object]]:
    """The extensions of a task, oldest first: from when to when, why, who agreed."""
    return [
        {
            "old": from_iso(one["from"]),
            "new": from_iso(one["to"]),
            "reason": one["reason"],
            "by": who(request, one["by"]),
            "at": from_iso(one["at"]),
        }
        for one in task.extensions
    ]


PAGES = (
    Page("/programme", programme, "programme.title", roles=STAFF, menu=Menu("work", 30)),
    Page("/promises", promises, "programme.promises.title", menu=Menu("public", 30)),
)
