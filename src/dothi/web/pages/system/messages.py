"""The administrator's page of messages: which channels are on, what waits, what was given up and can be sent again."""

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.errors import Conflict
from dothi.office.messages import Message, State, dead, replay, standing
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.system.administration import ADMINISTRATOR
from dothi.web.parts import parts

CHANNELS = ("mail", "phone")


async def overview(request: Request) -> Response:
    """Does everything leave? What was given up, and why?"""
    outbox, actor = parts(request).messages, visit(request).actor
    counts = standing(outbox, actor)
    on = {channel.name for channel in outbox.channels}
    return render(
        request,
        "messages/overview.html",
        counts={state.value: count for state, count in counts.items()},
        channels=[(name, name in on) for name in CHANNELS],
        dead=[(one, _why(request, one)) for one in dead(outbox, actor)],
        waiting=counts[State.WAITING] + counts[State.FAILED],
    )


def _why(request: Request, message: Message) -> str:
    """Why a message was given up: a reason of ours in words, a server's code as it is."""
    key = f"messages.problem.{message.problem}"
    return words(request).t(key) if words(request).has(key) else message.problem


async def send_again(request: Request) -> Response:
    """Try a dead message anew."""
    try:
        await replay(parts(request).messages, visit(request).actor, str(request.path_params["message"]))
    except Conflict:
        return redirect(request, "/messages", "messages.not_dead", "warning")
    return redirect(request, "/messages", "messages.queued")


PAGES = (
    Page("/messages", overview, "messages.title", roles=ADMINISTRATOR, menu=Menu("system", 45)),
    Page(
        "/messages/{message}/again",
        send_again,
        "messages.again",
        ("POST",),
        ADMINISTRATOR,
        sample={"message": "urn:ngsi-ld:Message:0"},
        page=False,
    ),
)
