"""A small hub with something in every table, closed and signed; and hands that change it."""

import asyncio
import random
import sqlite3
from pathlib import Path
from typing import Any

from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Change, Commit, Event, Op, Parcel, Post, Timer, amend, prop, put
from dothi.hub.peers.checking.fault import Report
from dothi.hub.peers.checking.hub import Where, check_hub
from dothi.hub.peers.federate.loops import name_of
from dothi.hub.store.proof.notary import finish, open_notary

LAN = Actor("user:lan", frozenset({"official"}))
COMMITS = 300  # More than a tile holds.


def salted(types: tuple[str, ...]) -> bool:
    return "Person" in types


async def readings(hub: Hub, count: int) -> None:
    for number in range(count):
        stamp = f"2026-01-01T{number // 60:02}:{number % 60:02}:00Z"
        lamps = tuple(put(f"urn:lamp:{one}", "Lamp", watt=prop(number + one / 3, stamp)) for one in range(4))
        await hub.commit(Commit(LAN, lamps))


async def fill(hub: Hub) -> None:
    await readings(hub, COMMITS)
    people = (put("urn:p:1", "Person", name=prop("Lan")), put("urn:p:2", "Person", name=prop("Mai")))
    await hub.commit(Commit(LAN, people, "asked at the desk", key="once", cursor=("rules", 7)))
    await hub.commit(Commit(LAN, (amend("urn:p:1", age=prop(40)), Change(Op.DROP, "urn:p:1", name="name"))))
    await hub.commit(Commit(LAN, (Change(Op.DELETE, "urn:p:2"),), timers=(Timer("rules", "t", 5, "p"),)))
    await hub.commit(Commit(LAN, (Change(Op.CREATE, "urn:hut:1", ("Hut", "Shed"), scope=("/a",)),), tenant="other"))
    events = tuple(Event("urn:lamp:1", str(n), n, "smoke", {"n": n}, "clip", b"tag", b"sealed") for n in range(3))
    post = Post((Parcel(1, "q", 5, 1, 0, "why", b"body"), Parcel(2, "q", 6, body=b"other")), tallies={"q": b"well"})
    await hub.commit(Commit(LAN, (), events=events, post=post, cursor=("notifier", 9), key="twice"))
    hub.keep_file(b"a photo")
    hub.keep_file(b"another photo")


def make(folder: Path) -> None:
    async def story() -> None:
        hub = Hub(folder, Open())
        notary = open_notary(folder, name_of(folder), salted)
        await fill(hub)
        await finish(hub, notary)
        await hub.commit(Commit(LAN, (put("urn:lamp:9", "Lamp"),)))
        await finish(hub, notary)
        await hub.close()

    asyncio.run(story())
    settle(folder)


def settle(folder: Path) -> None:
    """Everything in the one file, as after a clean close."""
    connection = sqlite3.connect(folder / "hub.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def check(folder: Path, since: str = "") -> Report:
    return check_hub(Where(folder), since, lambda done, total: None)


def said(report: Report) -> list[str]:
    return [f"{fault.where}: {fault.what}" for fault in report.faults]


def tables(path: Path) -> dict[str, list[str]]:
    """Every table of a file with its columns."""
    connection = sqlite3.connect(path)
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    found = {name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")] for name in names}
    connection.close()
    return found


def other(value: Any, chance: random.Random) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bytes) and value:
        at = chance.randrange(len(value))
        return value[:at] + bytes([value[at] ^ (1 << chance.randrange(8))]) + value[at + 1 :]
    if isinstance(value, int):
        return value ^ (1 << chance.randrange(20))
    if isinstance(value, str) and value:
        at = chance.randrange(len(value))
        return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
    return {str: "x", bytes: b"x"}.get(type(value), b"{}")


def change(path: Path, table: str, column: str, chance: random.Random) -> bool:
    """Change one value of a random row, as a careful hand would: the triggers run and say nothing. False: no row."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.create_function("dothi_digest", -1, lambda total, *_: total)
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    rows = connection.execute(f"SELECT * FROM {table}").fetchall()
    if not rows:
        connection.close()
        return False
    row = chance.choice(rows)
    where = " AND ".join(f'"{name}" IS ?' for name in columns)
    value = other(row[columns.index(column)], chance)
    try:
        connection.execute(f'UPDATE {table} SET "{column}"=? WHERE {where}', (value, *row))
    finally:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    return True


def dump(path: Path) -> list[Any] | None:
    """All that anybody can read from a file; None when it cannot be read."""
    try:
        connection = sqlite3.connect(path)
        names = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        rows = [connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables(path)]
        versions = [connection.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")]
        whole = connection.execute("PRAGMA integrity_check").fetchall()
        connection.close()
    except (sqlite3.Error, UnicodeError, OverflowError):
        return None
    return [names, rows, versions, whole]
