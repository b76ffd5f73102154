"""What the city has promised the public: tasks in honest states, with the reason, and shares with their whole."""

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import now_us
from dothi.programme.model import Task
from dothi.programme.plans import reading
from dothi.web.page import Menu, Page, render
from dothi.web.pages.programme.overview import ledger, row
from dothi.web.parts import parts

SHOWN, OPENED = 25, 500  # Of a group, and of the group that the reader opens.


async def promises(request: Request) -> Response:
    """What has the city promised, and what became of it?"""
    here, now = parts(request).programme, now_us()
    counted, opened = reading.promises(here, now), request.query_params.get("all", "")

    def listed(group: str) -> list[Task]:
        return reading.promised(here, group, now, OPENED if group == opened else SHOWN)

    groups = [
        (group, [row(request, one, now) for one in listed(group)], counted.counts[group]) for group in reading.PROMISES
    ]
    return render(
        request,
        "programme/promises.html",
        groups=groups,
        counts=counted.counts,
        kept=counted,
        whole=counted.whole,
        ledger=lambda task: ledger(request, task),
    )


PAGES = (Page("/promises", promises, "programme.promises.title", menu=Menu("public", 30)),)
