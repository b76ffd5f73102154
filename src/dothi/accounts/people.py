"""The verbs over people: the first administrator, users, their roles, areas and passwords."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace

from dothi.accounts.events import Kind, record
from dothi.accounts.model import Event, LinkOver, NewUser, Sample, User, WrongCredentials
from dothi.accounts.passwords import check_login, check_password
from dothi.accounts.policy import demand, is_system
from dothi.accounts.roles import ROLES, Ability
from dothi.accounts.store import Accounts, Connection, Row
from dothi.ground.clock import DAY, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.ground.ids import secret
from dothi.hub.model import Actor, system

LINK_LIFE = DAY
FIRST = ""  # The user of the link that makes the first administrator.
ADMINISTRATOR = "administrator"
SETUP = system("accounts")
# Login, role, name and where the role holds, of the demo's users: an argument of make_sample_users, or everywhere.
# Who is on duty must also see what lies in no unit yet, such as a report whose place nobody has confirmed.
SAMPLES = (
    ("nguoidan", "citizen", "Người dân", ""),
    ("canbo", "official", "Cán bộ xử lý", "commune"),
    ("trucban", "duty_officer", "Trực ban", ""),
    ("lanhdao", "leader", "Lãnh đạo", "province"),
    ("chuongtrinh", "programme_officer", "Cán bộ chương trình", "province"),
    ("danhgia", "assessor", "Người đánh giá", "province"),
    ("quyhoach", "planner", "Cán bộ quy hoạch", "province"),
    ("dulieu", "data_steward", "Cán bộ dữ liệu", ""),
    ("quantri", "administrator", "Quản trị", ""),
)


async def make_first_administrator_link(accounts: Accounts, now: int | None = None) -> str:
    """A new one-time token to make the first administrator with; earlier ones end. Conflict when there is one."""
    at = now or now_us()

    def work(connection: Connection) -> str:
        if _administrators(connection):
            raise Conflict("This city has an administrator already; they can invite others.")
        return _make_link(connection, FIRST, at)

    return await accounts.database.write(work)


def needs_administrator(accounts: Accounts) -> bool:
    """Whether nobody can administer this city yet."""
    return not any(ADMINISTRATOR in user.roles and not user.disabled for user in users(accounts))


async def make_first_administrator(accounts: Accounts, token: str, new: NewUser, now: int | None = None) -> User:
    """Make the first administrator (roles and areas of `new` do not count). LinkOver when the token is used or old."""
    at = now or now_us()
    _read_link(accounts, token, at)  # Before the costly hashing.
    user, hashed = await _prepare(accounts, replace(new, roles=frozenset({ADMINISTRATOR}), areas=frozenset()), at)
    if not hashed:
        raise Invalid("The first administrator needs a password.")

    def work(connection: Connection) -> User:
        _use_link(connection, token, at, FIRST)
        if _administrators(connection):
            raise Conflict("This city has an administrator already.")
        return _insert(connection, user, hashed, Event(0, at, Kind.USER_CREATED, user.actor_id, user.actor_id))

    return await accounts.database.write(work)


async def create_user(accounts: Accounts, actor: Actor, new: NewUser, now: int | None = None) -> User:
    """Make a user. Forbidden beyond the administrator's own areas; Conflict when the login exists."""
    at = now or now_us()
    _demand_reach(accounts, actor, new.areas)
    user, hashed = await _prepare(accounts, new, at)
    line = Event(0, at, Kind.USER_CREATED, actor.id, user.actor_id, _standing(user))
    return await accounts.database.write(lambda connection: _insert(connection, user, hashed, line))


async def change_user(accounts: Accounts, actor: Actor, changed: User, reason: str, now: int | None = None) -> User:
    """Set display name, roles, areas, organisation and `disabled` of the user with this id; their sessions end.

    Conflict when no administrator would be left.
    """
    at = now or now_us()
    _demand_reach(accounts, actor, changed.areas)
    _check_roles(changed.roles)
    _check_name(changed.display_name)

    def work(connection: Connection) -> User:
        before = _one(connection.execute("SELECT * FROM user WHERE id = ?", (changed.id,)).fetchall(), changed.id)
        _demand_reach(accounts, actor, before.areas)
        user = replace(changed, login=before.login, created_at=before.created_at)
        connection.execute(
            "UPDATE user SET display_name = ?, roles = ?, areas = ?, organisation = ?, disabled = ? WHERE id = ?",
            (user.display_name, _pack(user.roles), _pack(user.areas), user.organisation, user.disabled, user.id),
        )
        connection.execute("DELETE FROM session WHERE user = ?", (user.id,))
        if not _administrators(connection) and ADMINISTRATOR in before.roles:
            raise Conflict("Nobody would be left to administer this city; make another administrator first.")
        why = f"{_standing(before)} → {_standing(user)}. {reason}"
        record(connection, Event(0, at, _kind_of_change(before, user), actor.id, user.actor_id, why))
        return user

    return await accounts.database.write(work)


async def set_disabled(
    accounts: Accounts, actor: Actor, user_id: str, disabled: bool, reason: str, now: int | None = None
) -> User:
    """Disable or enable a user; a disabled one is signed out at once."""
    return await change_user(accounts, actor, replace(user_by_id(accounts, user_id), disabled=disabled), reason, now)


async def change_password(accounts: Accounts, actor: Actor, old: str, new: str, now: int | None = None) -> None:
    """Change one's own password; all one's sessions end. WrongCredentials when `old` is not the present one."""
    user = user_by_id(accounts, actor.id.removeprefix("user:"))
    stored = accounts.database.read("SELECT password FROM user WHERE id = ?", user.id)[0][0]
    if not await accounts.hashing.matches(stored, old):
        raise WrongCredentials("The present password is wrong.")
    await _set_password(accounts, user, new, now or now_us(), token=None)


async def make_password_link(accounts: Accounts, actor: Actor, user_id: str, now: int | None = None) -> str:
    """A one-time token by which a user sets a (new) password; earlier ones end."""
    at = now or now_us()
    user = user_by_id(accounts, user_id)
    _demand_reach(accounts, actor, user.areas)

    def work(connection: Connection) -> str:
        record(connection, Event(0, at, Kind.LINK_MADE, actor.id, user.actor_id))
        return _make_link(connection, user.id, at)

    return await accounts.database.write(work)


async def set_password_by_link(accounts: Accounts, token: str, password: str, now: int | None = None) -> User:
    """Set the password of the user for whom the link was made. LinkOver when it is used or old."""
    at = now or now_us()
    user_id = _read_link(accounts, token, at)
    if user_id == FIRST:
        raise LinkOver
    user = user_by_id(accounts, user_id)
    await _set_password(accounts, user, password, at, token)
    return user


async def make_sample_users(accounts: Accounts, province: str, commune: str, now: int | None = None) -> list[Sample]:
    """One marked sample user for each role, for a demo; those there already stay. Returns what to print.

    Conflict in a city of real people: one that has other users, or whose first administrator was invited.
    """
    there = {user.login for user in users(accounts)}
    invited = accounts.database.read_one("SELECT 1 FROM link WHERE user = ?", FIRST)
    if invited or there - {login for login, *_ in SAMPLES}:
        raise Conflict("This data folder holds a real city; sample users with printed passwords belong in a demo only.")
    areas = {"commune": frozenset({commune}), "province": frozenset({province}), "": frozenset[str]()}
    made = []
    for login, role, name, where in SAMPLES:
        new = NewUser(login, f"{name} (mẫu)", frozenset({role}), areas[where], password=f"{login}-thu-nghiem-dothi")
        if login not in there:
            await create_user(accounts, SETUP, new, now)
        made.append(Sample(login, new.password, role, new.display_name, new.areas))
    return made


def users(accounts: Accounts) -> list[User]:
    """All users by login."""
    return [read_user(row) for row in accounts.database.read("SELECT * FROM user ORDER BY login")]


def user_by_id(accounts: Accounts, user_id: str) -> User:
    """One user. Missing when there is none."""
    return _one(accounts.database.read("SELECT * FROM user WHERE id = ?", user_id), user_id)


def display_name(accounts: Accounts, actor_id: str) -> str:
    """The name of who acted, for lists: a person's or key's (also behind system:sources:user:…), else the id itself."""
    *_, kind, bare = ("", *actor_id.split(":"))
    asked = {"user": "SELECT display_name FROM user WHERE id = ?", "key": "SELECT name FROM key WHERE id = ?"}
    found = accounts.database.read_one(asked[kind], bare) if kind in asked else None
    return found[0] if found else actor_id


def read_user(row: Row) -> User:
    """A user from the columns of its table."""
    known, login, name, held, areas, organisation, disabled, created_at = row[:8]
    return User(known, login, name, unpack(held), unpack(areas), organisation, bool(disabled), created_at)


def hash_token(token: str) -> bytes:
    """What is stored of a token: it has 256 random bits, so one round of SHA-256 hides it."""
    return hashlib.sha256(token.encode()).digest()


def unpack(text: str) -> frozenset[str]:
    """A set from its stored form."""
    return frozenset(json.loads(text))


def demand_reach(accounts: Accounts, actor: Actor, areas: frozenset[str], ability: Ability) -> None:
    """Raise Forbidden unless `actor` has `ability` and `areas` lie within their own (none means the whole tenant)."""
    if is_system(actor):
        return
    demand(actor, ability)
    reach = frozenset[str]().union(*(accounts.within(code) | {code} for code in actor.areas))
    if actor.areas and not (areas and {code.partition(".")[0] for code in areas} <= reach):  # 46.dien-luc is of 46.
        raise Forbidden(f"{actor.id} administers {', '.join(sorted(actor.areas))} only; name areas within these.")


def _demand_reach(accounts: Accounts, actor: Actor, areas: frozenset[str]) -> None:
    demand_reach(accounts, actor, areas, Ability.MANAGE_USERS)


async def _prepare(accounts: Accounts, new: NewUser, at: int) -> tuple[User, str]:
    """The user as it will stand, with the hash of the password (empty when none is given)."""
    _check_roles(new.roles)
    name = _check_name(new.display_name)
    user = User(secret()[:12], check_login(new.login), name, new.roles, new.areas, new.organisation, created_at=at)
    password = check_password(new.password, user.login, name) if new.password else ""
    return user, await accounts.hashing.hash(password) if password else ""


def _check_name(name: str) -> str:
    if not 0 < len(name.strip()) <= 200:
        raise Invalid("A person needs a name to be shown, of at most 200 characters.")
    return name.strip()


def _check_roles(held: frozenset[str]) -> None:
    if unknown := held - ROLES.keys():
        raise Invalid(f"No such role: {', '.join(sorted(unknown))}. Roles are {', '.join(ROLES)}.")
    if not held:
        raise Invalid(f"A user needs a role: {', '.join(ROLES)}.")


def _insert(connection: Connection, user: User, hashed: str, line: Event) -> User:
    if connection.execute("SELECT 1 FROM user WHERE login = ?", (user.login,)).fetchone():
        raise Conflict(f"There is a user “{user.login}” already; choose another login name.")
    held, areas = _pack(user.roles), _pack(user.areas)
    row = (user.id, user.login, user.display_name, held, areas, user.organisation, user.disabled, user.created_at)
    connection.execute("INSERT INTO user VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, hashed))
    record(connection, line)
    return user


async def _set_password(accounts: Accounts, user: User, password: str, at: int, token: str | None) -> None:
    hashed = await accounts.hashing.hash(check_password(password, user.login, user.display_name))

    def work(connection: Connection) -> None:
        if token is not None:
            _use_link(connection, token, at, user.id)
        connection.execute("UPDATE user SET password = ? WHERE id = ?", (hashed, user.id))
        connection.execute("DELETE FROM session WHERE user = ?", (user.id,))
        record(connection, Event(0, at, Kind.CREDENTIAL_CHANGED, user.actor_id, user.actor_id))

    await accounts.database.write(work)


def _make_link(connection: Connection, user_id: str, at: int) -> str:
    token = secret()
    connection.execute("DELETE FROM link WHERE user = ? OR expires_at <= ?", (user_id, at))
    connection.execute("INSERT INTO link VALUES (?, ?, ?)", (hash_token(token), user_id, at + LINK_LIFE))
    return token


def _read_link(accounts: Accounts, token: str, at: int) -> str:
    """For whom the link was made (FIRST: the first administrator). LinkOver when it is used or old."""
    asked = "SELECT user FROM link WHERE token_hash = ? AND expires_at > ?"
    found = accounts.database.read_one(asked, hash_token(token), at)
    if found is None:
        raise LinkOver
    return str(found[0])


def _use_link(connection: Connection, token: str, at: int, user_id: str) -> None:
    spent = connection.execute(
        "DELETE FROM link WHERE token_hash = ? AND user = ? AND expires_at > ?", (hash_token(token), user_id, at)
    )
    if spent.rowcount != 1:
        raise LinkOver


def _administrators(connection: Connection) -> int:
    rows = connection.execute("SELECT * FROM user WHERE disabled = 0").fetchall()
    return sum(ADMINISTRATOR in read_user(row).roles for row in rows)


def _kind_of_change(before: User, after: User) -> Kind:
    if before.disabled == after.disabled:
        return Kind.USER_CHANGED
    return Kind.USER_DISABLED if after.disabled else Kind.USER_ENABLED


def _standing(user: User) -> str:
    """Roles and areas as the register shows them."""
    areas = ", ".join(sorted(user.areas)) or "everywhere"
    return f"{', '.join(sorted(user.roles))} in {areas}"


def _one(rows: list[Row], user_id: str) -> User:
    if not rows:
        raise Missing(f"There is no user “{user_id}”.")
    return read_user(rows[0])


def _pack(values: Iterable[str]) -> str:
    return json.dumps(sorted(values))
