"""A small city for the tests of the life cycle: citizens with a vault, and rules that a test adopts."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from dothi.accounts.model import SessionRules
from dothi.accounts.organisations import own_organisations
from dothi.accounts.policy import RolePolicy
from dothi.accounts.store import Accounts
from dothi.accounts.vault import Vault
from dothi.citizens import Citizens, open_citizens
from dothi.citizens.needs import rules_kind as report_rules
from dothi.hub.core import Hub
from dothi.hub.model import Actor
from dothi.hub.peers.checking.hub import Where, check_hub
from dothi.office.lifecycle import open_life
from dothi.office.lifecycle.model import LifeCycle
from dothi.office.lifecycle.rules import rules_kind
from dothi.office.messages import Messages, open_messages
from dothi.office.rules import open_rules
from dothi.territory import Territory

STEWARD = Actor("user:steward", frozenset({"data_steward"}))
LEADER = Actor("user:leader", frozenset({"leader"}))
THUAN_HOA, HUE = "19789", "46"


@dataclass
class City:
    """What a story in a test may use."""

    hub: Hub
    life: LifeCycle
    citizens: Citizens
    vault: Vault
    messages: Messages
    folder: Path


@pytest.fixture(scope="session")
def territory() -> Territory:
    """The territory of the built data files."""
    return Territory.load()


@pytest.fixture
def in_city(tmp_path: Path, territory: Territory) -> Callable[..., Any]:
    """Runs one story over a city in a folder; called again it opens the same city again."""

    async def whole(story: Callable[[City], Awaitable[Any]], url: str) -> Any:
        async with city_in(tmp_path / "city", territory, url) as city:
            return await story(city)

    return lambda story, url="": ThreadPoolExecutor(1).submit(asyncio.run, whole(story, url)).result(120)


@asynccontextmanager
async def city_in(folder: Path, territory: Territory, url: str = "") -> Any:
    """A city in a folder, from opening to closing."""
    folder.mkdir(exist_ok=True)
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts = Accounts.open(folder, territory.within, SessionRules(secure=False), cheap)
    vault = await Vault.open(folder, accounts)
    hub = Hub(folder / "hub", RolePolicy(territory.within, frozenset()), url)
    hub.own("proposals", {"Proposal": "POST /api/proposals"})
    own_organisations(hub)
    rules = open_rules(hub, territory, (report_rules(), rules_kind()))
    life = open_life(hub, rules, vault, folder)
    citizens = open_citizens(hub, vault, territory, adopted=rules, life=life)
    try:
        yield City(
            hub, life, citizens, vault, open_messages(hub, vault, (), "Huế (mẫu)", "https://dothi.vn", {}), folder
        )
    finally:
        await hub.close()
        vault.close()
        accounts.close()


class Quiet:
    """Nobody is told how far a check is."""

    def __call__(self, *_: Any) -> None:
        """Say nothing."""


def faults(folder: Path) -> list[str]:
    """What is wrong with a hub that nobody serves."""
    return [f"{one.where}: {one.what}" for one in check_hub(Where(folder / "hub"), "", Quiet()).faults]
