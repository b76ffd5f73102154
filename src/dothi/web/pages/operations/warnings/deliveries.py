"""How far a warning went, for the page of who releases it: a row for each channel, and the button that sends again."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.ids import urn
from dothi.operations.warnings.channels.delivery import Delivery, deliveries, replay
from dothi.operations.warnings.channels.model import TYPE, UNDONE, State
from dothi.operations.warnings.model import TYPE as WARNING
from dothi.web.page import Page, redirect, visit, within
from dothi.web.parts import parts

SENDERS = frozenset({"duty_officer", "leader"})
LOOKS = {
    State.WAITING: ("note", "clock"),
    State.SENDING: ("note", "doing"),
    State.FAILED: ("watch", "watch"),
    State.DELIVERED: ("good", "good"),
    State.DEAD: ("bad", "bad"),
    State.LAPSED: ("grey", "clock"),
    State.OVERTAKEN: ("grey", "trail"),
}


@dataclass(frozen=True)
class Row:
    """One channel as the table shows it."""

    one: Delivery
    look: str
    icon: str
    again: str  # The address that sends it again, "" when that cannot be.

    @property
    def waits(self) -> bool:
        """Whether something is still to leave: its age counts."""
        return self.one.state in UNDONE


def delivery_rows(request: Request, warning: str) -> list[Row]:
    """The rows for `operations/warnings/_delivery.html`; `warning` is the id of the message."""
    here, actor = parts(request), visit(request).actor
    may = bool(actor.roles & SENDERS)
    return [_row(one, may) for one in deliveries(here.operations, actor, warning)]


def _row(one: Delivery, may: bool) -> Row:
    look, icon = LOOKS[one.state]
    again = may and one.state in (State.DEAD, State.FAILED)
    return Row(one, look, icon, f"/warning-deliveries/{one.id.partition(f'{TYPE}:')[2]}/again" if again else "")


def channels_of(request: Request, drill: bool) -> list[str]:
    """The names of the channels on which a warning (or a drill) would leave, for `_channels.html`."""
    here = parts(request).channels
    return [one.name for one in here.drill] if drill else [one.name for one in here.public]


async def again(request: Request) -> Response:
    """Send it again, then show the warning."""
    key = urn(TYPE, str(request.path_params["delivery"]))
    sent = await replay(parts(request).operations, visit(request).actor, key)
    form = await request.form()
    back = within(str(form.get("back") or f"/warning/{sent.warning.partition(f'{WARNING}:')[2]}"))
    return redirect(request, back, "alerts.delivery.again_done")


PAGES = (
    Page(
        "/warning-deliveries/{delivery}/again",
        again,
        "alerts.delivery.again",
        methods=("POST",),
        roles=SENDERS,
        page=False,
    ),
)
