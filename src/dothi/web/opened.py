"""How often the screens of the centre are opened, by role: counted as pages are answered, written once a minute.

Nothing says by whom. What a living part of a page fetches again is no opening.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from dothi.accounts.roles import ROLES, STAFF
from dothi.hub.model import Actor
from dothi.operations.alarms.record import keep_opened
from dothi.operations.model import Operations

WRITE_S = 60.0
CENTRE = "dothi.web.pages.operations"  # The pages that are counted.
LIVING = "text/html"  # What js/live.js asks for; who opens a page asks for more.


@dataclass
class Opened:
    """What was opened and is not written yet: screen → role → how often."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def count(self, screen: str, role: str) -> None:
        """One more."""
        by_role = self.counts.setdefault(screen, {})
        by_role[role] = by_role.get(role, 0) + 1

    def taken(self) -> Mapping[str, Mapping[str, int]]:
        """What was counted, which begins anew."""
        found, self.counts = self.counts, {}
        return found


def role_of(actor: Actor) -> str:
    """The role under which somebody's opening is counted: the first of the table that they hold; "" for residents."""
    return next((role for role in ROLES if role in actor.roles and role in STAFF), "")


def note(opened: Opened, request: Request, path: str, module: str, actor: Actor) -> None:
    """Count the opening of a page, when it is one of the centre's and a person opens it."""
    asked = request.headers.get("accept", "")
    if request.method == "GET" and module.startswith(CENTRE) and asked != LIVING and (role := role_of(actor)):
        opened.count(path, role)


async def run(opened: Opened, operations: Operations) -> None:
    """Write what was counted, once a minute, until cancelled."""
    while True:
        await asyncio.sleep(WRITE_S)
        if counted := opened.taken():
            await keep_opened(operations, counted)
