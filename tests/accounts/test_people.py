"""The first administrator, users, their roles and areas, links, and the samples of the demo."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from dothi.accounts import people, signin
from dothi.accounts.events import Kind, Sought, read_events
from dothi.accounts.model import LinkOver, NewUser, SessionOver, WeakPassword, WrongCredentials
from dothi.accounts.roles import ROLES
from dothi.accounts.store import Accounts
from dothi.ground.clock import DAY
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.model import ANONYMOUS, Actor
from tests.accounts.conftest import open_accounts

NOW = 1_790_000_000_000_000
PASSWORD = "bốn con ngựa vằn"
CHIEF = NewUser("chief", "Trần Thị B", frozenset(), password=PASSWORD)
ADMIN = Actor("user:chief", frozenset({"administrator"}))
LOCAL = Actor("user:local", frozenset({"administrator"}), frozenset({"46"}))


def new(login: str, *roles: str, areas: frozenset[str] = frozenset(), password: str = PASSWORD) -> NewUser:
    return NewUser(login, login.title(), frozenset(roles or {"official"}), areas, password=password)


def test_first_administrator(accounts: Accounts) -> None:
    """The printed link makes one administrator, once, within a day; a newer link ends the older."""

    async def story() -> None:
        assert people.needs_administrator(accounts)
        old = await people.make_first_administrator_link(accounts, NOW)
        link = await people.make_first_administrator_link(accounts, NOW)
        for token, now in ((old, NOW), ("", NOW), (link, NOW + DAY)):
            with pytest.raises(LinkOver):
                await people.make_first_administrator(accounts, token, CHIEF, now)
        with pytest.raises(WeakPassword):
            await people.make_first_administrator(accounts, link, replace(CHIEF, password="123"), NOW)
        user = await people.make_first_administrator(accounts, link, CHIEF, NOW)
        assert user.roles == {"administrator"}
        assert not people.needs_administrator(accounts)
        with pytest.raises(LinkOver):
            await people.make_first_administrator(accounts, link, replace(CHIEF, login="second"), NOW)
        with pytest.raises(Conflict):
            await people.make_first_administrator_link(accounts, NOW)

    asyncio.run(story())


def test_link_used_twice_at_once(accounts: Accounts) -> None:
    """Two who follow the link at the same time make one administrator."""

    async def story() -> None:
        link = await people.make_first_administrator_link(accounts, NOW)
        made = [people.make_first_administrator(accounts, link, replace(CHIEF, login=f"c{n}"), NOW) for n in range(4)]
        results = await asyncio.gather(*made, return_exceptions=True)
        assert sum(isinstance(result, LinkOver) for result in results) == 3
        assert len(people.users(accounts)) == 1

    asyncio.run(story())


def test_users(accounts: Accounts) -> None:
    """An administrator makes users; a login name, a role and a name to show are checked; all of it is registered."""

    async def story() -> None:
        made = await people.create_user(accounts, ADMIN, new("Lan", "official", areas=frozenset({"19753"})), NOW)
        assert people.user_by_id(accounts, made.id) == made
        assert made.login == "lan"
        assert people.display_name(accounts, made.actor_id) == "Lan"
        assert people.display_name(accounts, f"system:sources:{made.actor_id}") == "Lan"
        for other in ("system:sources", "anonymous", "user:gone", ""):
            assert people.display_name(accounts, other) == other
        with pytest.raises(Conflict):
            await people.create_user(accounts, ADMIN, new("LAN"), NOW)
        for bad in (new("x1", "king"), replace(new("x2"), roles=frozenset()), replace(new("x3"), display_name=" ")):
            with pytest.raises(Invalid):
                await people.create_user(accounts, ADMIN, bad, NOW)
        for nobody in (
            ANONYMOUS,
            Actor("user:1", frozenset({"official"})),
            Actor("key:1", scopes=frozenset({"write:*"})),
        ):
            with pytest.raises(Forbidden):
                await people.create_user(accounts, nobody, new("eve"), NOW)
        with pytest.raises(Missing):
            people.user_by_id(accounts, "nobody")
        (event,) = read_events(accounts.database)
        assert (event.kind, event.actor, event.subject) == (Kind.USER_CREATED, ADMIN.id, made.actor_id)
        assert event.reason == "official in 19753"

    asyncio.run(story())


def test_reach(accounts: Accounts) -> None:
    """An administrator of one province gives no rights beyond it, and touches nobody beyond it."""

    async def story() -> None:
        for areas in (frozenset[str](), frozenset({"01"}), frozenset({"19753", "00004"})):
            with pytest.raises(Forbidden):
                await people.create_user(accounts, LOCAL, new("lan", areas=areas), NOW)
        lan = await people.create_user(accounts, LOCAL, new("lan", areas=frozenset({"19753"})), NOW)
        with pytest.raises(Forbidden):
            await people.change_user(accounts, LOCAL, replace(lan, areas=frozenset()), "", NOW)
        far = await people.create_user(accounts, ADMIN, new("far", areas=frozenset({"01"})), NOW)
        for attempt in (
            people.change_user(accounts, LOCAL, replace(far, areas=frozenset({"46"})), "", NOW),
            people.set_disabled(accounts, LOCAL, far.id, True, "", NOW),
            people.make_password_link(accounts, LOCAL, far.id, NOW),
            signin.create_key(accounts, LOCAL, "cam", frozenset({"read:*"}), now=NOW),
        ):
            with pytest.raises(Forbidden):
                await attempt
        assert people.user_by_id(accounts, far.id) == far

    asyncio.run(story())


def test_disabling(accounts: Accounts) -> None:
    """A disabled user is signed out at once, cannot sign in, and comes back when enabled."""

    async def story() -> None:
        lan = await people.create_user(accounts, ADMIN, new("lan"), NOW)
        session = await signin.sign_in(accounts, "lan", PASSWORD, "a", now=NOW)
        assert signin.actor_for_session(accounts, session.token, NOW).id == lan.actor_id
        await people.set_disabled(accounts, ADMIN, lan.id, True, "left the office", NOW)
        with pytest.raises(SessionOver):
            signin.actor_for_session(accounts, session.token, NOW)
        with pytest.raises(WrongCredentials):
            await signin.sign_in(accounts, "lan", PASSWORD, "a", now=NOW)
        await people.set_disabled(accounts, ADMIN, lan.id, False, "back", NOW)
        await signin.sign_in(accounts, "lan", PASSWORD, "a", now=NOW)
        kinds = [event.kind for event in read_events(accounts.database, Sought(subject=lan.actor_id))]
        assert [kind for kind in kinds if kind in ("user_enabled", "user_disabled")] == [
            Kind.USER_ENABLED,
            Kind.USER_DISABLED,
        ]

    asyncio.run(story())


def test_last_administrator(accounts: Accounts) -> None:
    """A city is never left without an administrator."""

    async def story() -> None:
        chief = await people.create_user(accounts, ADMIN, new("chief", "administrator"), NOW)
        for change in (replace(chief, disabled=True), replace(chief, roles=frozenset({"planner"}))):
            with pytest.raises(Conflict):
                await people.change_user(accounts, ADMIN, change, "", NOW)
        await people.create_user(accounts, ADMIN, new("second", "administrator"), NOW)
        await people.change_user(accounts, ADMIN, replace(chief, disabled=True), "", NOW)

    asyncio.run(story())


def test_changed_roles(accounts: Accounts) -> None:
    """Changed roles hold from the next request on: sessions made under the old ones end."""

    async def story() -> None:
        lan = await people.create_user(accounts, ADMIN, new("lan"), NOW)
        session = await signin.sign_in(accounts, "lan", PASSWORD, "a", now=NOW)
        await people.change_user(accounts, ADMIN, replace(lan, roles=frozenset({"planner"}), login="ignored"), "", NOW)
        with pytest.raises(SessionOver):
            signin.actor_for_session(accounts, session.token, NOW)
        again = await signin.sign_in(accounts, "lan", PASSWORD, "a", now=NOW)
        assert signin.actor_for_session(accounts, again.token, NOW).roles == {"planner"}

    asyncio.run(story())


def test_changing_a_password(accounts: Accounts) -> None:
    """One's own password changes against the old one, and every session ends."""

    async def story() -> None:
        lan = await people.create_user(accounts, ADMIN, new("lan"), NOW)
        session = await signin.sign_in(accounts, "lan", PASSWORD, "a", now=NOW)
        who = Actor(lan.actor_id, lan.roles)
        with pytest.raises(WrongCredentials):
            await people.change_password(accounts, who, "wrong", "một mật khẩu khác hẳn", NOW)
        with pytest.raises(WeakPassword):
            await people.change_password(accounts, who, PASSWORD, "1234567890", NOW)
        await people.change_password(accounts, who, PASSWORD, "một mật khẩu khác hẳn", NOW)
        with pytest.raises(SessionOver):
            signin.actor_for_session(accounts, session.token, NOW)
        with pytest.raises(WrongCredentials):
            await signin.sign_in(accounts, "lan", PASSWORD, "a", now=NOW)
        await signin.sign_in(accounts, "lan", "một mật khẩu khác hẳn", "a", now=NOW)

    asyncio.run(story())


def test_invitation(accounts: Accounts) -> None:
    """A user without a password cannot sign in until they set one by a link, which works once and for a day."""

    async def story() -> None:
        lan = await people.create_user(accounts, ADMIN, new("lan", password=""), NOW)
        for guess in ("", PASSWORD):
            with pytest.raises(WrongCredentials):
                await signin.sign_in(accounts, "lan", guess, "a", now=NOW)
        link = await people.make_password_link(accounts, ADMIN, lan.id, NOW)
        with pytest.raises(LinkOver):
            await people.set_password_by_link(accounts, link, PASSWORD, NOW + DAY)
        with pytest.raises(LinkOver):
            await people.make_first_administrator(accounts, link, CHIEF, NOW)
        assert (await people.set_password_by_link(accounts, link, PASSWORD, NOW)).login == "lan"
        with pytest.raises(LinkOver):
            await people.set_password_by_link(accounts, link, PASSWORD, NOW)
        await signin.sign_in(accounts, "lan", PASSWORD, "a", now=NOW)

    asyncio.run(story())


def test_an_organisations_people(accounts: Accounts) -> None:
    """Whoever administers a province gives roles in its organisations, and in no other province's."""

    async def story() -> None:
        lan = await people.create_user(accounts, LOCAL, new("lan", areas=frozenset({"46.dien-luc"})), NOW)
        assert lan.areas == {"46.dien-luc"}
        with pytest.raises(Forbidden):
            await people.create_user(accounts, LOCAL, new("far", areas=frozenset({"01.dien-luc"})), NOW)

    asyncio.run(story())


def test_samples(accounts: Accounts) -> None:
    """The demo has one user for each role, marked as a sample, with the password that is printed."""

    async def story() -> None:
        made = await people.make_sample_users(accounts, "46", "19753", NOW)
        assert made == await people.make_sample_users(accounts, "46", "19753", NOW)
        assert {sample.role for sample in made} == ROLES.keys()
        for sample in made:
            session = await signin.sign_in(accounts, sample.login, sample.password, "a", now=NOW)
            assert session.user.display_name.endswith("(mẫu)")
            actor = signin.actor_for_session(accounts, session.token, NOW)
            assert actor == Actor(session.user.actor_id, frozenset({sample.role}), sample.areas)
        by_role = {sample.role: sample.areas for sample in made}
        assert by_role["official"] == {"19753"}
        assert by_role["programme_officer"] == {"46"}
        assert by_role["administrator"] == by_role["duty_officer"] == frozenset()

    asyncio.run(story())


def test_no_samples_in_a_real_city(accounts: Accounts) -> None:
    """No user with a printed password comes into a city that has users or an invited administrator."""

    async def story() -> None:
        link = await people.make_first_administrator_link(accounts)
        with pytest.raises(Conflict):
            await people.make_sample_users(accounts, "46", "19753")
        await people.make_first_administrator(accounts, link, CHIEF)
        with pytest.raises(Conflict):
            await people.make_sample_users(accounts, "46", "19753")
        assert len(people.users(accounts)) == 1

    asyncio.run(story())


def test_restart(tmp_path: Path) -> None:
    """Users and sessions are there after a restart."""

    async def first() -> str:
        accounts = open_accounts(tmp_path)
        await people.create_user(accounts, ADMIN, new("lan"), NOW)
        session = await signin.sign_in(accounts, "lan", PASSWORD, "a", now=NOW)
        accounts.close()
        return session.token

    token = asyncio.run(first())
    accounts = open_accounts(tmp_path)
    assert signin.actor_for_session(accounts, token, NOW).roles == {"official"}
    assert (tmp_path / "accounts.db").stat().st_mode & 0o077 == 0
    accounts.close()
