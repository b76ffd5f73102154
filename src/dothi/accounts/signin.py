"""The verbs of signing in: sessions and their cookie, CSRF, API keys, and who a request acts for."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from dothi.accounts.events import Kind, record
from dothi.accounts.model import (
    ApiKey,
    BadKey,
    Event,
    Known,
    SessionOver,
    SessionRules,
    SessionToken,
    TooManyTries,
    User,
    WrongCredentials,
)
from dothi.accounts.passwords import BRAKES, FORGOTTEN_AFTER, wait_after
from dothi.accounts.people import demand_reach, display_name, hash_token, read_user, unpack, user_by_id
from dothi.accounts.policy import check_scopes
from dothi.accounts.roles import Ability
from dothi.accounts.store import CACHE_LIFE, CACHED_MAX, Accounts, Connection, Row
from dothi.ground.clock import MINUTE, SECOND, now_us
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.ground.ids import secret
from dothi.hub.model import ANONYMOUS, Actor

NOTED_EVERY = MINUTE  # A session's and a key's last use is written at most once in so long.
UNKNOWN = "unknown"  # The subject of a failed sign-in under no known name: what was typed may be a password.
KEY_PREFIX = "dothi_"
SESSION_COOKIE = "dothi_session"


async def sign_in(
    accounts: Accounts, login: str, password: str, address: str, replaces: str = "", now: int | None = None
) -> SessionToken:
    """Open a new session; `replaces` is the token that the browser had before, which ends.

    WrongCredentials for an unknown name, a wrong password and a disabled user alike; TooManyTries (with
    `retry_after`, seconds) while the name or the address is braked.
    """
    at = now or now_us()
    login = login.strip().lower()[:200]
    tries = {"login": _subject("login", login), "address": _subject("address", address)}
    # Counted before the password is looked at, so that a hundred tries at once are a hundred tries.
    await accounts.database.write(lambda connection: _count_try(connection, tries, at, address))
    row = accounts.database.read_one("SELECT * FROM user WHERE login = ? AND disabled = 0", login)
    if not await accounts.hashing.matches(row[8] if row else "", password) or row is None:
        subject = f"user:{row[0]}" if row else UNKNOWN
        failed = Event(0, at, Kind.SIGN_IN_FAILED, "anonymous", subject, address=address)
        await accounts.database.write(lambda connection: record(connection, failed))
        raise WrongCredentials
    token, ends, user, stored = secret(), at + accounts.rules.absolute, row[0], row[8]
    rehashed = await accounts.hashing.hash(password) if accounts.hashing.is_outdated(stored) else stored

    def work(connection: Connection) -> None:
        _check_unchanged(connection, user, stored)
        _forgive(connection, tries)
        connection.execute("UPDATE user SET password = ? WHERE id = ?", (rehashed, user))
        connection.execute(
            "DELETE FROM session WHERE token_hash = ? OR expires_at <= ? OR seen_at <= ?",
            (hash_token(replaces), at, at - accounts.rules.idle),
        )
        connection.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?)", (hash_token(token), user, at, at, ends))
        record(connection, Event(0, at, Kind.SIGNED_IN, f"user:{user}", f"user:{user}", address=address))

    await accounts.database.write(work)
    return SessionToken(token, csrf_for(token), ends, read_user(row))


async def sign_out(accounts: Accounts, token: str, now: int | None = None) -> None:
    """End a session; one that has ended already stays so."""
    at = now or now_us()

    def work(connection: Connection) -> None:
        gone = connection.execute("DELETE FROM session WHERE token_hash = ? RETURNING user", (hash_token(token),))
        for (user,) in gone.fetchall():
            record(connection, Event(0, at, Kind.SIGNED_OUT, f"user:{user}", f"user:{user}"))

    await accounts.database.write(work)


def authenticate(accounts: Accounts, headers: Mapping[str, str], now: int | None = None) -> Actor:
    """Who a request acts for: its API key, else its session, else ANONYMOUS. `headers` by small-letter name.

    Unauthenticated when the key or session shown is bad, ended or revoked: a page answers that by signing out.
    A session does not count in a request that another site made in the browser, so no endpoint can be misused so.
    """
    authorization = headers.get("authorization")
    if authorization:
        return actor_for_key(accounts, authorization, now)
    token = session_token(headers)
    return actor_for_session(accounts, token, now) if token and not is_foreign(headers) else ANONYMOUS


def actor_for_session(accounts: Accounts, token: str, now: int | None = None) -> Actor:
    """The actor of a session's token. SessionOver when it was idle too long, too old, or ended."""
    at = now or now_us()
    token_hash, cache = hash_token(token), accounts.cache.found
    known = accounts.cache.get(token_hash, at)
    if known is not None:
        return known
    row = accounts.database.read_one(
        "SELECT user.*, seen_at, expires_at FROM session JOIN user ON user.id = session.user"
        " WHERE token_hash = ? AND disabled = 0",
        token_hash,
    )
    if row is None or at >= min(row[9] + accounts.rules.idle, row[10]):
        raise SessionOver
    if at - row[9] >= NOTED_EVERY:
        _note(accounts, "UPDATE session SET seen_at = ? WHERE token_hash = ? AND seen_at < ?", at, token_hash, at)
    user = read_user(row)
    actor = Actor(user.actor_id, user.roles, taken_over(accounts, user.areas))
    return _keep(cache, token_hash, actor, min(at + CACHE_LIFE, row[9] + accounts.rules.idle, row[10]))


def actor_for_key(accounts: Accounts, authorization: str, now: int | None = None) -> Actor:
    """The actor of an `Authorization: Bearer <key>` header. BadKey when there is no such key."""
    at = now or now_us()
    scheme, _, token = authorization.partition(" ")
    token_hash, cache = hash_token(token.strip()), accounts.cache.found
    known = accounts.cache.get(token_hash, at)
    if known is not None and scheme.lower() == "bearer":
        return known
    row = accounts.database.read_one("SELECT * FROM key WHERE token_hash = ? AND revoked = 0", token_hash)
    if row is None or scheme.lower() != "bearer":
        raise BadKey
    key = _read_key(row)
    if at - key.last_used_at >= NOTED_EVERY:
        _note(accounts, "UPDATE key SET last_used_at = ? WHERE token_hash = ? AND last_used_at < ?", at, token_hash, at)
    return _keep(
        cache,
        token_hash,
        Actor(f"key:{key.id}", frozenset(), taken_over(accounts, key.areas), key.scopes),
        at + CACHE_LIFE,
    )


def actor_today(accounts: Accounts, actor: Actor) -> Actor:
    """An actor with the roles, areas and scopes that they have now: none when disabled or revoked."""
    kind, _, bare = actor.id.partition(":")
    if kind == "user":
        row = accounts.database.read_one("SELECT * FROM user WHERE id = ?", bare)
        user = read_user(row) if row else None
        if user is not None:
            roles = frozenset[str]() if user.disabled else user.roles
            return Actor(actor.id, roles, taken_over(accounts, user.areas))
    if kind == "key":
        row = accounts.database.read_one("SELECT * FROM key WHERE id = ?", bare)
        key = _read_key(row) if row else None
        if key is not None:
            scopes = frozenset[str]() if key.revoked else key.scopes
            return Actor(actor.id, frozenset(), taken_over(accounts, key.areas), scopes)
    return actor


def taken_over(accounts: Accounts, areas: frozenset[str]) -> frozenset[str]:
    """The areas with those of communes that were merged into them: the heir answers for what they left."""
    return frozenset[str]().union(*(accounts.former(code) for code in areas))


def recognise(accounts: Accounts, token: str, now: int | None = None) -> Known | None:
    """Who holds a session, for the head of a page; None when there is none or it is over."""
    try:
        actor = actor_for_session(accounts, token, now)
    except SessionOver:
        return None
    return Known(actor, display_name(accounts, actor.id), csrf_for(token))


def user_for(accounts: Accounts, actor: Actor) -> User | None:
    """The user behind an actor, None when it is no person."""
    return user_by_id(accounts, actor.id.removeprefix("user:")) if actor.id.startswith("user:") else None


def cookie_settings(rules: SessionRules) -> dict[str, Any]:
    """What Response.set_cookie and delete_cookie take beside the value: this site only, unseen by scripts."""
    return {"key": SESSION_COOKIE, "path": "/", "secure": rules.secure, "httponly": True, "samesite": "lax"}


def session_token(headers: Mapping[str, str]) -> str:
    """The session's token as the request carries it, empty when it carries none."""
    for part in headers.get("cookie", "").split(";"):
        found, _, value = part.strip().partition("=")
        if found == SESSION_COOKIE:
            return value
    return ""


def csrf_for(token: str) -> str:
    """The value that each form of this session carries; worked out from the token, so nothing is stored."""
    return hmac.new(token.encode(), b"dothi csrf", hashlib.sha256).hexdigest()


def check_csrf(token: str, value: str) -> None:
    """Raise Forbidden unless `value` is the one that this session's forms carry."""
    if not hmac.compare_digest(csrf_for(token).encode(), value.encode("utf-8", "surrogateescape")):
        raise Forbidden("This form is too old or came from another page; load the page again and send it once more.")


def is_foreign(headers: Mapping[str, str]) -> bool:
    """Whether the browser says that another site made this request; a client that says nothing is none."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site not in ("same-origin", "none")
    return origin is not None and origin.partition("://")[2] != headers.get("host")


def check_origin(headers: Mapping[str, str]) -> None:
    """Raise Forbidden when another site made this request: for forms before anyone signs in."""
    if is_foreign(headers):
        raise Forbidden("This request came from another site; open the page here and send it again.")


async def create_key(
    accounts: Accounts,
    actor: Actor,
    name: str,
    scopes: frozenset[str],
    areas: frozenset[str] = frozenset(),
    now: int | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; the second value is the key itself, shown this once and stored only as a hash."""
    at = now or now_us()
    demand_reach(accounts, actor, areas, Ability.MANAGE_KEYS)
    check_scopes(scopes)
    if not 0 < len(name.strip()) <= 200:
        raise Invalid("A key needs a name of at most 200 characters, saying which system uses it.")
    token = KEY_PREFIX + secret()
    key = ApiKey(secret()[:12], name.strip(), scopes, areas, at, actor.id)

    def work(connection: Connection) -> ApiKey:
        packed = (json.dumps(sorted(scopes)), json.dumps(sorted(areas)))
        row = (key.id, hash_token(token), key.name, *packed, at, actor.id, 0, False)
        connection.execute("INSERT INTO key VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        why = f"{', '.join(sorted(scopes))} in {', '.join(sorted(areas)) or 'everywhere'}"
        record(connection, Event(0, at, Kind.KEY_CREATED, actor.id, f"key:{key.id}", why))
        return key

    return await accounts.database.write(work), token


async def revoke_key(accounts: Accounts, actor: Actor, key_id: str, reason: str, now: int | None = None) -> None:
    """End a key at once. Missing when there is none."""
    at = now or now_us()
    row = accounts.database.read_one("SELECT * FROM key WHERE id = ?", key_id)
    demand_reach(accounts, actor, _read_key(row).areas if row else frozenset(), Ability.MANAGE_KEYS)
    if row is None:
        raise Missing(f"There is no key “{key_id}”.")

    def work(connection: Connection) -> None:
        connection.execute("UPDATE key SET revoked = 1 WHERE id = ?", (key_id,))
        record(connection, Event(0, at, Kind.KEY_REVOKED, actor.id, f"key:{key_id}", reason))

    await accounts.database.write(work)


def keys(accounts: Accounts) -> list[ApiKey]:
    """All keys, the revoked ones too, newest first."""
    return [_read_key(row) for row in accounts.database.read("SELECT * FROM key ORDER BY created_at DESC, id")]


def _read_key(row: Row) -> ApiKey:
    key_id, _, name, scopes, areas, created_at, created_by, last_used_at, revoked = row
    return ApiKey(
        key_id, name, unpack(scopes), unpack(areas), created_at, created_by, last_used_at, revoked=bool(revoked)
    )


def _keep(cache: dict[bytes, tuple[Actor, int]], token_hash: bytes, actor: Actor, until: int) -> Actor:
    if len(cache) >= CACHED_MAX:
        cache.clear()
    cache[token_hash] = (actor, until)
    return actor


def _note(accounts: Accounts, sql: str, *values: object) -> None:
    """Write without waiting: nobody's request is slower for it, and a lost note does no harm."""
    accounts.database.submit(lambda connection: connection.execute(sql, values) and None)


def _subject(kind: str, value: str) -> bytes:
    return hash_token(f"{kind}:{value}")


def _count_try(connection: Connection, tries: dict[str, bytes], at: int, address: str) -> None:
    """Count this try as failed until it succeeds. TooManyTries while the name or the address is braked."""
    connection.execute("DELETE FROM attempt WHERE last_at < ?", (at - FORGOTTEN_AFTER,))
    for kind, subject in tries.items():
        asked = "SELECT failures, blocked_until FROM attempt WHERE subject = ?"
        failures, blocked_until = connection.execute(asked, (subject,)).fetchone() or (0, 0)
        if blocked_until > at:
            seconds = -(-(blocked_until - at) // SECOND)
            raise TooManyTries(f"Too many failed sign-ins; try again in {seconds} seconds.", retry_after=seconds)
        wait = wait_after(BRAKES[kind], failures + 1)
        connection.execute(
            "INSERT INTO attempt VALUES (?, ?, ?, ?) ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures,"
            " last_at = excluded.last_at, blocked_until = excluded.blocked_until",
            (subject, failures + 1, at, at + wait if wait else 0),
        )
        if wait:
            record(connection, Event(0, at, Kind.SIGN_IN_BLOCKED, "anonymous", f"one {kind}", address=address))


def _forgive(connection: Connection, tries: dict[str, bytes]) -> None:
    """A success clears the name; of the address only this one try, else one good account would hide many bad tries."""
    connection.execute("DELETE FROM attempt WHERE subject = ?", (tries["login"],))
    connection.execute(
        "UPDATE attempt SET failures = failures - 1, blocked_until = 0 WHERE subject = ?", (tries["address"],)
    )


def _check_unchanged(connection: Connection, user: str, stored: str) -> None:
    """Raise WrongCredentials when the user was disabled or got another password while this one was verified."""
    asked = "SELECT 1 FROM user WHERE id = ? AND disabled = 0 AND password = ?"
    if not connection.execute(asked, (user, stored)).fetchone():
        raise WrongCredentials
