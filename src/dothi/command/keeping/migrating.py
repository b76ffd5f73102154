"""`dothi migrate`: every database of a city brought to this version of dothi, or told what would be done.

The folder is held meanwhile. A file is copied beside itself first; a database of PostgreSQL is dumped by its operator
(`dothi backup`), and each step is one transaction in both.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from dothi.accounts.store import versions as people
from dothi.command.keeping.snapshot import ACCOUNTS, HUB, VAULT
from dothi.ground.errors import Missing
from dothi.hub.store.opening import hold
from dothi.hub.store.postgres import migrating as postgres
from dothi.hub.store.sqlite import versions


class Plan(msgspec.Struct, frozen=True):
    """What is to be done to one database."""

    name: str
    found: int
    wanted: int
    rows: dict[str, int]
    steps: list[str]
    copy: str = ""


def plans(data: Path, store: str = "") -> list[Plan]:
    """What there is to do; nothing is touched. Invalid when a file is foreign, newer or half migrated."""
    if store:
        found, wanted = postgres.versions(store)
        steps = [f"{number} → {number + 1}" for number in range(found, wanted)]
        return [Plan("the database", found, wanted, {}, steps)]
    if not (data / HUB).is_file():
        raise Missing(f"There is no city in {data}: name its data folder with --data.")
    hub = versions.look(data / HUB)
    listed = [Plan(HUB, hub.found, hub.wanted, hub.rows, hub.steps, hub.copy)]
    return [*listed, *(_of_people(data, name) for name in (ACCOUNTS, VAULT) if (data / name).is_file())]


def _of_people(data: Path, name: str) -> Plan:
    found = people.version_of(data / name)
    steps = [f"{number - 1} → {number}: {people.WHAT[number]}" for number in range(found + 1, people.VERSION + 1)]
    return Plan(name, found, people.VERSION, _rows(data / name), steps if found else [])


def _rows(path: Path) -> dict[str, int]:
    with people.reading(path) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        asked = sorted(tables & {"user", "event", "person", "erasure"})
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in asked}  # noqa: S608


def migrate(data: Path, store: str = "", told: Callable[[str], None] = lambda step: None) -> list[Plan]:
    """Do it; returns what was done. Conflict while a server holds the folder."""
    if store:
        listed = plans(data, store)
        postgres.migrate(store)
        return listed
    plans(data)  # Whatever is foreign or newer is refused before anything is touched.
    with hold(data / "hub"):
        listed = plans(data)
        versions.migrate(data / HUB, told)
        for name in (ACCOUNTS, VAULT):
            if (data / name).is_file():
                people.migrate(data / name)
    return listed


def bring_up(data: Path) -> list[str]:
    """What an embedded city does by itself before it is served: nobody is there to ask. Returns the steps.

    A migration that was interrupted is left to a person, who has seen what happened.
    """
    if not (data / HUB).is_file():
        return []
    try:
        versions.demand(data / HUB)
    except versions.Older:
        return [step for plan in migrate(data) for step in plan.steps]
    return []
