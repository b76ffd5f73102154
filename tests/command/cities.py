"""A small city at rest or at work, for backups: a hub, accounts and a vault in one data folder."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dothi.accounts.model import Identity
from dothi.accounts.store import Accounts
from dothi.accounts.vault import Vault, keep_identity
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Change, Commit, Op, Timer, prop

ACTOR = Actor("system:tests", frozenset({"system"}))
PHOTO = b"a photo of a lamp"
PHOTO_HASH = hashlib.sha256(PHOTO).hexdigest()
Work = Callable[["City"], Coroutine[Any, Any, Any]]


@dataclass
class City:
    """An open city."""

    data: Path
    hub: Hub
    accounts: Accounts
    vault: Vault

    async def write(self, number: int, value: Any, **options: Any) -> int:
        """One commit on one lamp; returns its time (µs)."""
        change = Change(Op.UPSERT, f"urn:x:Lamp:{number}", ("Lamp",), {"power": prop(value)})
        return (await self.hub.commit(Commit(ACTOR, (change,), **options))).at

    async def person(self, name: str) -> str:
        """Keep a person; returns the pseudonym."""
        return await keep_identity(self.vault, Identity(name, "0912345678", "", ""))


@asynccontextmanager
async def opened(data: Path, store: str = "") -> AsyncIterator[City]:
    """The city in a data folder."""
    data.mkdir(parents=True, exist_ok=True)
    hub, accounts = Hub(data / "hub", Open(), store), Accounts.open(data, url=store)
    vault = await Vault.open(data, accounts, url=store)
    try:
        yield City(data, hub, accounts, vault)
    finally:
        await hub.close()
        vault.close()
        accounts.close()


def at_work(data: Path, work: Work, store: str = "") -> Any:
    """Open a city, do something in it, close it."""

    async def run() -> Any:
        async with opened(data, store) as city:
            return await work(city)

    return asyncio.run(run())


async def fill(city: City) -> None:
    """Forty commits, a photo, a person, a consumer's cursor and timer, a receipt."""
    for number in range(40):
        await city.write(number % 7, number)
    await city.write(1, "keyed", key="a-request")
    await city.write(2, "seen", cursor=("eye", 40), timers=(Timer("eye", "ring", 1, "bell"),))
    city.hub.keep_file(PHOTO)
    await city.person("Nguyễn Thị Sơn Ca")


async def told(city: City) -> dict[str, Any]:
    """What must be equal in a city and its restored copy."""
    return {
        "fingerprint": city.hub.fingerprint(),
        "cursor": city.hub.cursor("eye"),
        "timers": city.hub.due_timers("eye", 1 << 62),
        "photo": city.hub.read_file(PHOTO_HASH),
    }
