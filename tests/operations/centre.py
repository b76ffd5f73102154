"""A centre with a shift book for tests: a hub whose clock we hold, accounts, a roster, three officers."""

import asyncio
from pathlib import Path
from typing import Any

from dothi.accounts.model import NewUser, User
from dothi.accounts.people import SETUP, create_user
from dothi.accounts.policy import RolePolicy
from dothi.accounts.store import Accounts
from dothi.ground.clock import from_iso, iso
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Commit, amend, create, prop
from dothi.office.rules import adopt, open_rules
from dothi.operations.model import INSTEAD, OWNER, Operations
from dothi.operations.shifts import handover, planning, rules, service
from dothi.operations.shifts.model import BOOK, Shift
from dothi.territory import Territory

HERE = Territory.load()
CITY, WARD = "46", "19789"
T0 = from_iso("2026-11-22T23:30:00Z")  # Monday 23/11/2026 06:30 in Vietnam: the morning turn.
STEWARD = Actor("user:steward", frozenset({"data_steward"}))
ROSTER = """
[[rota]]
id = "sang"
officers = ["minh", "lan"]
[[rota]]
id = "chieu"
officers = ["minh"]
[[rota]]
id = "dem"
removed = true
"""


class Centre:
    """A hub with a shift book whose clock we hold, and officers Lan, Minh and Hoa."""

    def __init__(self, folder: Path) -> None:
        self.hub = Hub(folder / "hub", RolePolicy(HERE.within))
        self.accounts = Accounts.open(folder, HERE.within)
        self.rules = open_rules(self.hub, HERE, (rules.rules_kind(),))
        self.operations = Operations(self.hub, HERE, adopted=self.rules, accounts=self.accounts, home=CITY)
        self.hub.own(OWNER, INSTEAD)
        service.declare(self.operations)
        self.now = T0
        self.people: dict[str, Actor] = {}

    async def open(self) -> "Centre":
        for login in ("lan", "minh", "hoa"):
            new = NewUser(login, f"Trực ban {login.title()} (mẫu)", frozenset({"duty_officer"}), frozenset({CITY}))
            made: User = await create_user(self.accounts, SETUP, new)
            self.people[login] = Actor(made.actor_id, made.roles, made.areas)
        await adopt(self.rules, STEWARD, rules.KIND, CITY, "2026-11-23", ROSTER, "Quyết định mẫu 01", now=self.now)
        await planning.plan(self.operations, CITY, self.now)
        return self

    def shift(self, turn: str, day: str = "2026-11-23") -> Shift:
        return service.shift(self.operations, STEWARD, f"urn:ngsi-ld:Shift:{CITY}:{turn}:{day}")

    async def alarm(self, name: str, **more: Any) -> str:
        attrs = {"unit": WARD, "open": True, "acknowledged": False, "priority": "high", "since": iso(self.now)}
        said = {key: prop(value) for key, value in {**attrs, "assignee": WARD, **more}.items()}
        urn = f"urn:ngsi-ld:Alarm:{name}"
        await self.hub.commit(Commit(BOOK, (create(urn, "Alarm", **said),), owner=OWNER))
        return urn

    async def change(self, name: str, **attrs: Any) -> None:
        said = {key: prop(value, iso(self.now)) for key, value in attrs.items()}
        await self.hub.commit(Commit(BOOK, (amend(name, **said),), owner=OWNER))

    async def sign_out(self, login: str, shift: Shift, **words: str) -> None:
        mark = handover.seen(handover.draft(self.operations, self.people[login], shift, self.now))
        await handover.sign_out(self.operations, self.people[login], shift.id, mark, words, self.now)

    async def take_over(self, login: str, shift: Shift, reservation: str = "", reason: str = "") -> None:
        mark = service.shift(self.operations, STEWARD, shift.id).signatures[0].sha256
        who = self.people[login]
        await handover.take_over(self.operations, who, shift.id, mark, reservation, reason, self.now)


def in_centre(folder: Path, story: Any) -> None:
    """Run a story in a new centre."""

    async def whole() -> None:
        centre = await Centre(folder).open()
        try:
            await story(centre)
        finally:
            await centre.hub.close()
            centre.accounts.close()

    asyncio.run(whole())
