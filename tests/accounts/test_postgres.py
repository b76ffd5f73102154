"""Accounts and vault in PostgreSQL: the same verbs, and what only a database of its own can do wrong."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dothi.accounts import people, signin
from dothi.accounts import vault as vaults
from dothi.accounts.events import read_events, verify
from dothi.accounts.model import Identity, NewUser
from dothi.accounts.vault import Vault
from dothi.ground.errors import Conflict, Missing, Unavailable
from dothi.hub.model import Actor
from tests.accounts.conftest import URLS, open_accounts
from tests.servers.postgres import Server, serving

NOW = 1_790_000_000_000_000
LAN = Identity("Nguyễn Thị Lan Anh", "+84 912 345 678", "lan.anh@example.vn", "account-of-lan")
STEWARD = Actor("user:steward", frozenset({"data_steward"}))
CHIEF = NewUser("chief", "Nguyễn Văn Chiến", frozenset({"administrator"}), password="mot mat khau kha dai")


@pytest.fixture
def elsewhere(tmp_path: Path, database: str) -> Iterator[str]:
    """A fresh database, where accounts opened in `tmp_path` are kept."""
    URLS[tmp_path] = database
    yield database
    URLS.clear()


def test_two_processes_share_people_and_their_register(tmp_path: Path, elsewhere: str) -> None:
    """What one makes the other knows; a link is used once whoever is asked; the register is one chain."""

    async def story() -> None:
        one, other = open_accounts(tmp_path), open_accounts(tmp_path)
        link = await people.make_first_administrator_link(one, NOW)
        made = [
            people.make_first_administrator(side, link, replace(CHIEF, login=f"c{number}"), NOW)
            for number, side in enumerate((one, other, one, other))
        ]
        results = await asyncio.gather(*made, return_exceptions=True)
        assert sum(isinstance(result, Exception) for result in results) == 3
        (user,) = people.users(other)
        session = await signin.sign_in(other, user.login, CHIEF.password, "192.0.2.1", now=NOW)
        actor = signin.actor_for_session(one, session.token, NOW + 1)
        assert actor.id == user.actor_id
        lines = [people.make_password_link(side, actor, user.id, NOW + 2) for side in (one, other) * 10]
        await asyncio.gather(*lines)
        assert verify(one.database) == len(read_events(other.database)) >= 22
        one.close()
        other.close()

    asyncio.run(story())


def test_a_person_is_sealed_found_and_erased(tmp_path: Path, elsewhere: str) -> None:
    """The vault opens with its key alone, and who was erased is nobody's to open."""

    async def story() -> None:
        accounts = open_accounts(tmp_path)
        vault = await Vault.open(tmp_path, accounts, url=elsewhere)
        person = await vaults.keep_identity(vault, LAN)
        assert await vaults.find_by_phone(vault, STEWARD, "0912345678", "asked") == [person]
        assert (await vaults.open_identity(vault, STEWARD, person, "asked")).name == LAN.name
        await vaults.erase(vault, STEWARD, person, "asked")
        with pytest.raises(Missing, match="erased"):
            await vaults.open_identity(vault, STEWARD, person, "asked")
        assert vault.database.read("SELECT count(*) FROM person") == [(0,)]
        vault.close()
        with pytest.raises(Conflict, match="master key"):
            await Vault.open(tmp_path, accounts, bytes(32), elsewhere)
        accounts.close()

    asyncio.run(story())


def test_the_register_takes_no_change(tmp_path: Path, elsewhere: str) -> None:
    """PostgreSQL refuses to change or delete a line, as SQLite does."""
    accounts = open_accounts(tmp_path)
    asyncio.run(people.make_first_administrator_link(accounts, NOW))
    for statement in ("UPDATE event SET reason = 'other'", "DELETE FROM event WHERE seq = 1"):
        with pytest.raises(Exception, match="append-only"):
            asyncio.run(accounts.database.write(lambda connection, said=statement: connection.execute(said)))
    accounts.close()


def test_a_server_that_was_restarted_is_found_again(tmp_path: Path) -> None:
    """While it is away a question is Unavailable at once; afterwards the next one is answered."""
    with serving() as server:
        _restarted(tmp_path, server)


def _restarted(folder: Path, server: Server) -> None:
    URLS[folder] = server.fresh() + "?pool=2&timeout=5"
    accounts = open_accounts(folder)
    asyncio.run(people.make_first_administrator_link(accounts, NOW))
    server.stop()
    with pytest.raises(Unavailable):
        accounts.database.read("SELECT 1")
    with pytest.raises(Unavailable):
        asyncio.run(people.make_first_administrator_link(accounts, NOW))
    server.start()
    assert accounts.database.read("SELECT count(*) FROM link") == [(1,)]
    asyncio.run(people.make_first_administrator_link(accounts, NOW))
    accounts.close()
