"""The audit: every change of the hub and every event of accounts, found by who, what and when."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from dothi.accounts import audit, people
from dothi.accounts.audit import Asked, read_audit, read_register
from dothi.accounts.model import NewUser
from dothi.accounts.policy import RolePolicy
from dothi.accounts.roles import ROLES
from dothi.accounts.store import Accounts
from dothi.ground.errors import Forbidden
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor, Change, Commit, Op, amend, create, prop, system
from tests.accounts.conftest import within

ASSESSOR = Actor("user:a", frozenset({"assessor"}))
STEWARD = Actor("user:s", frozenset({"data_steward"}))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub with six commits by two actors: three readings, two changes of the first and its end."""
    made = Hub(tmp_path / "hub", RolePolicy(within))

    async def fill() -> None:
        for number in range(3):
            reading = create(f"urn:x:{number}", "AirQualityObserved", pm25=prop(number))
            await made.commit(Commit(system("sources"), (reading,), reason="file of May"))
        for value in (7, 8):
            await made.commit(Commit(STEWARD, (amend("urn:x:0", pm25=prop(value)),), reason="calibrated"))
        await made.commit(Commit(STEWARD, (Change(Op.DELETE, "urn:x:0"),), reason="station closed"))

    asyncio.run(fill())
    yield made
    asyncio.run(made.close())


def seqs(hub: Hub, asked: Asked) -> list[int]:
    return [line.seq for line in read_audit(hub, ASSESSOR, asked).lines]


def test_lines(hub: Hub) -> None:
    """A line says who changed what, when, why, and to which values."""
    gone, changed, *_ = read_audit(hub, ASSESSOR, Asked()).lines
    assert (changed.actor, changed.reason, changed.entity, changed.status) == (
        "user:s",
        "calibrated",
        "urn:x:0",
        "updated",
    )
    assert changed.types == ("AirQualityObserved",)
    assert changed.written["pm25"] == prop(8)
    assert changed.at > 1_700_000_000_000_000
    assert (gone.status, gone.reason) == ("deleted", "station closed")


def test_filters(hub: Hub) -> None:
    """Lines are found by actor, entity and time, newest first; an entity that is gone keeps its lines."""
    every = read_audit(hub, ASSESSOR, Asked()).lines
    times = {line.seq: line.at for line in every}
    assert [line.seq for line in every] == [6, 5, 4, 3, 2, 1]
    assert seqs(hub, Asked(actor="user:s")) == [6, 5, 4]
    assert seqs(hub, Asked(actor="system:sources", entity="urn:x:0")) == [1]
    assert seqs(hub, Asked(entity="urn:x:0")) == [6, 5, 4, 1]
    assert seqs(hub, Asked(start=times[3], end=times[5])) == [4, 3]
    assert seqs(hub, Asked(entity="urn:x:0", start=times[4], end=times[6])) == [5, 4]
    assert seqs(hub, Asked(end=times[1])) == []
    assert seqs(hub, Asked(tenant="other")) == []


def test_on_behalf(hub: Hub) -> None:
    """What a module wrote on behalf of a person is found under the person."""
    reading = create("urn:x:9", "AirQualityObserved", pm25=prop(9))
    asyncio.run(hub.commit(Commit(Actor("system:sources:user:s", frozenset({"system"})), (reading,))))
    assert seqs(hub, Asked(actor="user:s")) == [7, 6, 5, 4]


def test_pages(hub: Hub) -> None:
    """A page says where the next one begins, until nothing older is left, in the log and for one entity."""
    for asked, expected in ((Asked(), [6, 5, 4, 3, 2, 1]), (Asked(entity="urn:x:0"), [6, 5, 4, 1])):
        told, before = [], 0
        for _ in range(10):
            page = read_audit(hub, ASSESSOR, Asked(entity=asked.entity, before=before, limit=2))
            told += [line.seq for line in page.lines]
            before = page.before
            if not before:
                break
        assert told == expected


def test_long_log(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long log is read in steps, and a search that finds little stops and says where it stopped."""
    monkeypatch.setattr(audit, "_STEP", 2)
    assert seqs(hub, Asked()) == [6, 5, 4, 3, 2, 1]
    assert seqs(hub, Asked(entity="urn:x:0")) == [6, 5, 4, 1]
    monkeypatch.setattr(audit, "SCANNED_MAX", 4)
    page = read_audit(hub, ASSESSOR, Asked(actor="nobody"))
    assert (page.lines, page.before) == ((), 3)


def test_who_reads(hub: Hub, accounts: Accounts) -> None:
    """The administrator and the assessor read the audit; nobody else does, no key and no module."""
    others = [Actor("user:1", frozenset({role})) for role in ROLES if role not in ("administrator", "assessor")]
    for who in (*others, ANONYMOUS, Actor("key:1", scopes=frozenset({"read:*"})), system("citizens")):
        with pytest.raises(Forbidden):
            read_audit(hub, who, Asked())
        with pytest.raises(Forbidden):
            read_register(accounts, who, Asked())
    administrator = Actor("user:1", frozenset({"administrator"}))
    assert len(read_audit(hub, administrator, Asked()).lines) == 6


def test_register(accounts: Accounts) -> None:
    """The register's lines are found by who did it, and by whom it was done to."""

    async def story() -> None:
        admin = Actor("user:chief", frozenset({"administrator"}))
        lan = await people.create_user(accounts, admin, NewUser("lan", "Lan", frozenset({"official"})))
        await people.create_user(accounts, admin, NewUser("binh", "Bình", frozenset({"official"})))
        assert len(read_register(accounts, ASSESSOR, Asked())) == 2
        assert len(read_register(accounts, ASSESSOR, Asked(actor="user:chief"))) == 2
        (line,) = read_register(accounts, ASSESSOR, Asked(entity=lan.actor_id))
        assert line.subject == lan.actor_id

    asyncio.run(story())
