"""Signing in: the brake, sessions, CSRF, API keys, and who a request acts for."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from dothi.accounts import people, signin
from dothi.accounts.events import Kind, read_events
from dothi.accounts.model import BadKey, NewUser, SessionOver, SessionToken, TooManyTries, User, WrongCredentials
from dothi.accounts.passwords import Hashing
from dothi.accounts.store import CACHE_LIFE, Accounts
from dothi.ground.clock import HOUR, MINUTE, SECOND
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.hub.model import ANONYMOUS, Actor
from tests.accounts.conftest import open_accounts

NOW = 1_790_000_000_000_000
PASSWORD = "bốn con ngựa vằn"
ADMIN = Actor("user:chief", frozenset({"administrator"}))


async def make(accounts: Accounts, login: str = "lan", role: str = "official") -> User:
    new = NewUser(login, login.title(), frozenset({role}), frozenset({"19753"}), password=PASSWORD)
    return await people.create_user(accounts, ADMIN, new, NOW)


async def enter(
    accounts: Accounts, password: str = PASSWORD, address: str = "10.0.0.1", now: int = NOW
) -> SessionToken:
    return await signin.sign_in(accounts, "lan", password, address, now=now)


def cookie(token: str) -> dict[str, str]:
    return {"cookie": f"dothi_lang=vi; dothi_session={token}; x=y"}


def test_sign_in(accounts: Accounts) -> None:
    """A session acts as its user, with roles and areas, from each of two sign-ins at once; the login's case is free."""

    async def story() -> None:
        lan = await make(accounts)
        one, two = await asyncio.gather(
            signin.sign_in(accounts, " LAN ", PASSWORD, "a", now=NOW),
            signin.sign_in(accounts, "lan", PASSWORD, "b", now=NOW),
        )
        assert one.token != two.token
        expected = Actor(lan.actor_id, frozenset({"official"}), frozenset({"19753"}))
        for session in (one, two):
            assert signin.authenticate(accounts, cookie(session.token), NOW) == expected
            known = signin.recognise(accounts, session.token, NOW)
            assert known is not None
            assert (known.actor, known.name, known.csrf) == (expected, "Lan", session.csrf)
        assert signin.authenticate(accounts, {}, NOW) == ANONYMOUS
        assert [event.kind for event in read_events(accounts.database)][:2] == [Kind.SIGNED_IN] * 2

    asyncio.run(story())


def test_wrong_credentials(accounts: Accounts) -> None:
    """An unknown name and a wrong password are answered alike; what was typed as a name is not written down."""

    async def story() -> None:
        lan = await make(accounts)
        said = set()
        for login, password in (("lan", "wrong"), ("my secret typed here", "x"), ("lan", ""), ("lan", PASSWORD * 100)):
            with pytest.raises(WrongCredentials) as refused:
                await signin.sign_in(accounts, login, password, "10.0.0.1", now=NOW)
            said.add(refused.value.detail)
        assert len(said) == 1
        failed = [
            (event.subject, event.address) for event in read_events(accounts.database) if event.kind == "sign_in_failed"
        ]
        assert failed == [(lan.actor_id, "10.0.0.1")] * 2 + [("unknown", "10.0.0.1"), (lan.actor_id, "10.0.0.1")]

    asyncio.run(story())


def test_brake_on_a_name(accounts: Accounts) -> None:
    """After five failures a name waits, the right password too, longer each time; a success forgives."""

    async def story() -> None:
        await make(accounts)
        for place in range(5):
            with pytest.raises(WrongCredentials):
                await enter(accounts, "wrong", f"10.0.0.{place}")
        with pytest.raises(TooManyTries) as braked:
            await enter(accounts)
        assert braked.value.fields == {"retry_after": 30}
        with pytest.raises(WrongCredentials):
            await enter(accounts, "wrong", now=NOW + 30 * SECOND)
        with pytest.raises(TooManyTries):
            await enter(accounts, now=NOW + 60 * SECOND)
        await enter(accounts, now=NOW + 90 * SECOND)
        for _ in range(4):
            with pytest.raises(WrongCredentials):
                await enter(accounts, "wrong", now=NOW + 91 * SECOND)
        await enter(accounts, now=NOW + 91 * SECOND)
        assert Kind.SIGN_IN_BLOCKED in [event.kind for event in read_events(accounts.database)]

    asyncio.run(story())


def test_brake_holds_for_a_burst(accounts: Accounts) -> None:
    """A hundred guesses at once are no more than five."""

    async def story() -> None:
        await make(accounts)
        guesses = [enter(accounts, f"wrong{n}", f"10.0.0.{n}") for n in range(100)]
        results = await asyncio.gather(*guesses, return_exceptions=True)
        assert sum(isinstance(result, WrongCredentials) for result in results) == 5
        assert sum(isinstance(result, TooManyTries) for result in results) == 95

    asyncio.run(story())


def test_brake_on_an_address(accounts: Accounts) -> None:
    """One address that tries many names waits too; another address does not, and an hour's calm forgets."""

    async def story() -> None:
        await make(accounts)
        for place in range(30):
            with pytest.raises(WrongCredentials):
                await signin.sign_in(accounts, f"name{place}", "x", "10.0.0.9", now=NOW)
        with pytest.raises(TooManyTries):
            await enter(accounts, address="10.0.0.9")
        await enter(accounts, address="10.0.0.1")
        await enter(accounts, address="10.0.0.9", now=NOW + HOUR + 1)

    asyncio.run(story())


def test_brake_survives_a_restart(tmp_path: Path) -> None:
    """Restarting the server does not give a guesser new tries."""

    async def guess() -> None:
        accounts = open_accounts(tmp_path)
        for _ in range(5):
            with pytest.raises(WrongCredentials):
                await enter(accounts, "wrong")
        accounts.close()

    async def again() -> None:
        accounts = open_accounts(tmp_path)
        with pytest.raises(TooManyTries):
            await enter(accounts, "wrong")
        accounts.close()

    asyncio.run(guess())
    asyncio.run(again())


def test_sessions_end(accounts: Accounts) -> None:
    """A session ends two hours after its last use, and twelve hours after the sign-in whatever its use."""

    async def story() -> None:
        await make(accounts)
        idle, busy = (await enter(accounts)).token, (await enter(accounts)).token
        for minutes in range(0, 12 * 60, 60):
            signin.actor_for_session(accounts, busy, NOW + minutes * MINUTE)
            await accounts.database.write(lambda connection: None)  # The note of the last use has been written.
        for token, end in ((idle, NOW + 2 * HOUR), (busy, NOW + 12 * HOUR)):
            with pytest.raises(SessionOver):
                signin.actor_for_session(accounts, token, end)
            assert signin.recognise(accounts, token, end) is None
        assert signin.actor_for_session(accounts, busy, NOW + 12 * HOUR - 1)

    asyncio.run(story())


def test_cached_session_ends_in_time(accounts: Accounts) -> None:
    """An actor kept for a moment is not kept beyond the end of the session."""

    async def story() -> None:
        await make(accounts)
        token = (await enter(accounts)).token
        end = NOW + 2 * HOUR
        signin.actor_for_session(accounts, token, end - SECOND)
        accounts.database.submit(lambda connection: connection.execute("UPDATE session SET seen_at = ?", (NOW,)))
        await accounts.database.write(lambda connection: None)
        signin.actor_for_session(accounts, token, end - SECOND)
        with pytest.raises(SessionOver):
            signin.actor_for_session(accounts, token, end)

    asyncio.run(story())


def test_sign_out(accounts: Accounts) -> None:
    """Signing out ends the session at once; a new sign-in ends the one that the browser had before."""

    async def story() -> None:
        await make(accounts)
        first = await enter(accounts)
        second = await signin.sign_in(accounts, "lan", PASSWORD, "a", replaces=first.token, now=NOW)
        with pytest.raises(SessionOver):
            signin.actor_for_session(accounts, first.token, NOW)
        signin.actor_for_session(accounts, second.token, NOW)
        await signin.sign_out(accounts, second.token, NOW)
        await signin.sign_out(accounts, second.token, NOW)
        with pytest.raises(SessionOver):
            signin.authenticate(accounts, cookie(second.token), NOW)
        assert [event.kind for event in read_events(accounts.database)].count(Kind.SIGNED_OUT) == 1

    asyncio.run(story())


def test_no_secret_is_stored(tmp_path: Path) -> None:
    """No byte of the file holds a session's token, a key or a password."""

    async def story() -> None:
        accounts = open_accounts(tmp_path)
        await make(accounts)
        session = await enter(accounts)
        _, key = await signin.create_key(accounts, ADMIN, "cam", frozenset({"read:*"}), now=NOW)
        stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        for secret in (session.token, session.csrf, key, PASSWORD):
            assert secret.encode() not in stored
        assert b"Lan" in stored  # The search does find what is there.
        accounts.close()

    asyncio.run(story())


def test_csrf(accounts: Accounts) -> None:
    """A form carries the value of its own session, and no other is taken."""
    value = signin.csrf_for("token")
    signin.check_csrf("token", value)
    for wrong in ("", value[:-1], signin.csrf_for("other"), "\udcff", "đ"):
        with pytest.raises(Forbidden):
            signin.check_csrf("token", wrong)


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site", "origin": "http://city.vn", "host": "city.vn"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "http://city.vn:8000", "host": "city.vn:8000"}, True),
        ({"origin": "http://evil.vn", "host": "city.vn"}, False),
        ({"origin": "null", "host": "city.vn"}, False),
        ({"origin": "http://[", "host": "city.vn"}, False),
    ],
)
def test_origin(headers: dict[str, str], own: bool) -> None:
    """A form sent before anyone has signed in must come from this site, as the browser says."""
    if own:
        signin.check_origin(headers)
    else:
        with pytest.raises(Forbidden):
            signin.check_origin(headers)


def test_session_in_a_foreign_request(accounts: Accounts) -> None:
    """Another site cannot use the session of a browser, whatever endpoint it calls."""

    async def story() -> None:
        await make(accounts)
        headers = cookie((await enter(accounts)).token)
        assert signin.authenticate(accounts, {**headers, "sec-fetch-site": "cross-site"}, NOW) == ANONYMOUS
        assert signin.authenticate(accounts, {**headers, "origin": "http://evil.vn", "host": "a.vn"}, NOW) == ANONYMOUS
        assert signin.authenticate(accounts, {**headers, "sec-fetch-site": "same-origin"}, NOW) != ANONYMOUS

    asyncio.run(story())


def test_keys(accounts: Accounts) -> None:
    """A key acts with its scopes and areas until it is revoked; it is shown once and its last use is noted."""

    async def story() -> None:
        scopes, areas = frozenset({"write:AirQualityObserved"}), frozenset({"46"})
        made, token = await signin.create_key(accounts, ADMIN, " Trạm đo ", scopes, areas, NOW)
        assert re.fullmatch(r"dothi_[\w-]{43}", token)
        headers = {"authorization": f"Bearer {token}"}
        assert signin.authenticate(accounts, headers, NOW) == Actor(f"key:{made.id}", frozenset(), areas, scopes)
        await accounts.database.write(lambda connection: None)
        (listed,) = signin.keys(accounts)
        assert (listed.name, listed.last_used_at, listed.revoked) == ("Trạm đo", NOW, False)
        assert people.display_name(accounts, f"key:{made.id}") == "Trạm đo"
        await signin.revoke_key(accounts, ADMIN, made.id, "lost", NOW)
        with pytest.raises(BadKey):
            signin.authenticate(accounts, headers, NOW)
        assert signin.keys(accounts)[0].revoked
        with pytest.raises(Missing):
            await signin.revoke_key(accounts, ADMIN, "nokey", "", NOW)

    asyncio.run(story())


def test_key_makers(accounts: Accounts) -> None:
    """Only an administrator makes and revokes keys, with known scopes and a name; no key makes another."""

    async def story() -> None:
        everything = frozenset({"read:*", "write:*"})
        made, _ = await signin.create_key(accounts, ADMIN, "x", everything, now=NOW)
        for who in (ANONYMOUS, Actor("user:1", frozenset({"data_steward"})), Actor("key:1", scopes=everything)):
            with pytest.raises(Forbidden):
                await signin.create_key(accounts, who, "x", everything, now=NOW)
            with pytest.raises(Forbidden):
                await signin.revoke_key(accounts, who, made.id, "", NOW)
        for name, scopes in (("", everything), ("x", frozenset[str]()), ("x", frozenset({"all"}))):
            with pytest.raises(Invalid):
                await signin.create_key(accounts, ADMIN, name, scopes, now=NOW)

    asyncio.run(story())


@pytest.mark.parametrize("header", ["Bearer nonsense", "Basic bGFuOng=", "Bearer", "dothi_abc", " ", "Bearer \xff"])
def test_bad_keys(accounts: Accounts, header: str) -> None:
    """A bad key is refused, never treated as nobody; a session shown beside it does not help."""
    with pytest.raises(BadKey):
        signin.authenticate(accounts, {"authorization": header, "cookie": "dothi_session=x"}, NOW)


def test_bad_session(accounts: Accounts) -> None:
    """A cookie that names no session is refused; an empty one is nobody."""
    with pytest.raises(SessionOver):
        signin.authenticate(accounts, cookie("nonsense"), NOW)
    assert signin.authenticate(accounts, cookie(""), NOW) == ANONYMOUS


class Meanwhile(Hashing):
    """Hashing during whose work something else happens."""

    def __init__(self, happens: Callable[[], Awaitable[object]]) -> None:
        """`happens` runs after the password was found right, before the session is opened."""
        super().__init__(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self._happens = happens

    async def matches(self, stored: str, password: str) -> bool:
        """Whether it is the password; then the other thing."""
        same = await super().matches(stored, password)
        await self._happens()
        return same


def test_disabled_meanwhile(accounts: Accounts) -> None:
    """Who is disabled while the password is being verified gets no session."""

    async def story() -> None:
        lan = await make(accounts)
        slow = Meanwhile(lambda: people.set_disabled(accounts, ADMIN, lan.id, True, "now", NOW))
        with pytest.raises(WrongCredentials):
            await enter(replace(accounts, hashing=slow))
        assert accounts.database.read("SELECT * FROM session") == []
        slow.close()

    asyncio.run(story())


def test_two_processes(tmp_path: Path) -> None:
    """What one process revokes, another honours no longer than the few seconds that it keeps an actor."""

    async def story() -> None:
        here, there = open_accounts(tmp_path), open_accounts(tmp_path)
        await make(here)
        token = (await enter(here)).token
        assert signin.actor_for_session(there, token, NOW)
        await signin.sign_out(here, token, NOW)
        with pytest.raises(SessionOver):
            signin.actor_for_session(here, token, NOW)
        with pytest.raises(SessionOver):
            signin.actor_for_session(there, token, NOW + CACHE_LIFE)
        here.close()
        there.close()

    asyncio.run(story())
