"""Accounts over HTTP: sign in and out, who am I, users, keys, organisations and the audit, described by OpenAPI."""

from dataclasses import asdict
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from dothi.accounts import audit, organisations, people, signin
from dothi.accounts.audit import Asked
from dothi.accounts.model import ApiKey, Event, NewUser, Organisation, User
from dothi.accounts.policy import demand
from dothi.accounts.roles import ROLES, Ability
from dothi.accounts.store import Accounts
from dothi.ground.clock import iso
from dothi.ground.errors import Invalid, Unauthenticated
from dothi.hub.core import Hub
from dothi.hub.model import Actor

Text = Annotated[str, Field(max_length=300)]
Codes = Annotated[list[Text], Field(max_length=200)]
Secret = Annotated[str, Field(max_length=1000)]
Whole = Annotated[int, Query(ge=0, le=2**62)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class SignIn(_Body):
    """Who signs in."""

    login: Text
    password: Secret


class FirstAdministrator(_Body):
    """The first administrator, with the token of the one-time link."""

    token: Text
    login: Text
    display_name: Text
    password: Secret


class PasswordByLink(_Body):
    """A password set by a one-time link."""

    token: Text
    password: Secret


class PasswordChange(_Body):
    """One's own password, before and after."""

    old: Secret
    new: Secret


class UserBody(_Body):
    """A new user; without a password ask for a one-time link to send."""

    login: Text
    display_name: Text
    roles: Codes
    areas: Codes = []
    organisation: Text = ""
    password: Secret = ""


class UserChange(_Body):
    """What to change of a user; what is left out stays."""

    display_name: Text | None = None
    roles: Codes | None = None
    areas: Codes | None = None
    organisation: Text | None = None
    disabled: bool | None = None
    reason: Text = ""


class KeyBody(_Body):
    """A new API key; scopes are read:<Type or *>, write:<Type or *> or source:<id>."""

    name: Text
    scopes: Codes
    areas: Codes = []


class OrganisationBody(_Body):
    """A department, utility or other body; its code is that of its unit, a full stop and a name (46.dien-luc)."""

    id: Text
    name: Text
    unit: Text
    kind: Text = ""
    name_en: Text = ""
    valid_from: Text = ""
    valid_to: Text = ""
    sample: bool = False


def accounts_of(request: Request) -> Accounts:
    """The accounts of the city that serves this request."""
    return cast(Accounts, request.app.state.parts.accounts)


def hub_of(request: Request) -> Hub:
    """The hub of the city that serves this request."""
    return cast(Hub, request.app.state.parts.hub)


def actor_of(request: Request) -> Actor:
    """Who this request acts for; Unauthenticated when what it shows is no longer good."""
    return signin.authenticate(accounts_of(request), request.headers)


def require_csrf(request: Request) -> None:
    """Raise Forbidden for a writing request that another site may have made in the browser of a signed-in person.

    A request with an API key passes: no browser adds that header by itself.
    """
    if request.method in ("GET", "HEAD", "OPTIONS") or "authorization" in request.headers:
        return
    token = signin.session_token(request.headers)
    if token:
        signin.check_csrf(token, request.headers.get("x-csrf-token", ""))
    else:
        signin.check_origin(request.headers)


def asked_of(
    actor: Text = "", entity: Text = "", start: Whole = 0, end: Whole = 0, before: Whole = 0, tenant: Text = ""
) -> Asked:
    """Which lines of the audit: by actor id, entity id and time (µs since 1970), from `before` on."""
    return Asked(actor, entity, start, end, before, tenant)


Theirs = Annotated[Accounts, Depends(accounts_of)]
Ours = Annotated[Hub, Depends(hub_of)]
Who = Annotated[Actor, Depends(actor_of)]
router = APIRouter(tags=["accounts"])
guarded = APIRouter(dependencies=[Depends(require_csrf)])


@router.post("/session")
async def sign_in(request: Request, response: Response, body: SignIn, accounts: Theirs) -> dict[str, Any]:
    """Sign in. The answer sets the session's cookie; `csrf` goes into the header X-CSRF-Token of writing requests."""
    signin.check_origin(request.headers)
    address = request.client.host if request.client else ""
    before = signin.session_token(request.headers)
    session = await signin.sign_in(accounts, body.login, body.password, address, before)
    response.set_cookie(value=session.token, **signin.cookie_settings(accounts.rules))
    return {"user": _user(session.user), "csrf": session.csrf, "expiresAt": iso(session.expires_at)}


@guarded.delete("/session", status_code=204)
async def sign_out(request: Request, response: Response, accounts: Theirs) -> None:
    """Sign out."""
    await signin.sign_out(accounts, signin.session_token(request.headers))
    response.delete_cookie(**signin.cookie_settings(accounts.rules))


@router.get("/me")
def read_me(request: Request, accounts: Theirs, actor: Who) -> dict[str, Any]:
    """Who I am, with my roles and areas; a key sees its scopes."""
    token = signin.session_token(request.headers)
    user = signin.user_for(accounts, actor)
    person = {"user": _user(user), "csrf": signin.csrf_for(token)} if user else {}
    return {"id": actor.id, "scopes": sorted(actor.scopes), **person}


@guarded.post("/me/password", status_code=204)
async def change_password(body: PasswordChange, accounts: Theirs, actor: Who) -> None:
    """Change my password; all my sessions end."""
    if not actor.id.startswith("user:"):
        raise Unauthenticated("Only a person who has signed in has a password to change.")
    await people.change_password(accounts, actor, body.old, body.new)


@guarded.post("/first-administrator", status_code=201)
async def make_first_administrator(body: FirstAdministrator, accounts: Theirs) -> dict[str, Any]:
    """Make the first administrator with the one-time token that the server printed."""
    new = NewUser(body.login, body.display_name, frozenset(), password=body.password)
    return _user(await people.make_first_administrator(accounts, body.token, new))


@guarded.post("/password", status_code=204)
async def set_password_by_link(body: PasswordByLink, accounts: Theirs) -> None:
    """Set a password by the one-time token of an invitation."""
    await people.set_password_by_link(accounts, body.token, body.password)


@router.get("/roles")
def read_roles() -> list[dict[str, Any]]:
    """The roles that a user can hold, with what each may do beside reading and writing entities."""
    return [{"id": name, "label": role.label, "abilities": sorted(role.abilities)} for name, role in ROLES.items()]


@guarded.get("/users")
def read_users(accounts: Theirs, actor: Who) -> list[dict[str, Any]]:
    """All users (administrator)."""
    demand(actor, Ability.MANAGE_USERS)
    return [_user(user) for user in people.users(accounts)]


@guarded.post("/users", status_code=201)
async def create_user(body: UserBody, accounts: Theirs, actor: Who) -> dict[str, Any]:
    """Make a user (administrator)."""
    held, areas = frozenset(body.roles), frozenset(body.areas)
    new = NewUser(body.login, body.display_name, held, areas, body.organisation, body.password)
    return _user(await people.create_user(accounts, actor, new))


@guarded.patch("/users/{user_id}")
async def change_user(user_id: str, body: UserChange, accounts: Theirs, actor: Who) -> dict[str, Any]:
    """Change a user's name, roles, areas or organisation, or disable them (administrator)."""
    demand(actor, Ability.MANAGE_USERS)
    user = people.user_by_id(accounts, user_id)
    changed = User(
        id=user.id,
        login=user.login,
        display_name=user.display_name if body.display_name is None else body.display_name,
        roles=user.roles if body.roles is None else frozenset(body.roles),
        areas=user.areas if body.areas is None else frozenset(body.areas),
        organisation=user.organisation if body.organisation is None else body.organisation,
        disabled=user.disabled if body.disabled is None else body.disabled,
    )
    return _user(await people.change_user(accounts, actor, changed, body.reason))


@guarded.post("/users/{user_id}/password-link", status_code=201)
async def make_password_link(user_id: str, accounts: Theirs, actor: Who) -> dict[str, str]:
    """A one-time token by which this user sets a password (administrator)."""
    demand(actor, Ability.MANAGE_USERS)
    return {"token": await people.make_password_link(accounts, actor, user_id)}


@guarded.get("/organisations")
def read_organisations(hub: Ours, actor: Who) -> list[OrganisationBody]:
    """All organisations (administrator)."""
    demand(actor, Ability.MANAGE_USERS)
    return [OrganisationBody(**asdict(one)) for one in organisations.organisations(hub)]


@guarded.post("/organisations", status_code=201)
async def create_organisation(body: OrganisationBody, hub: Ours, accounts: Theirs, actor: Who) -> OrganisationBody:
    """Make an organisation (administrator)."""
    made = await organisations.create_organisation(hub, accounts, actor, Organisation(**body.model_dump()))
    return OrganisationBody(**asdict(made))


@guarded.put("/organisations/{code}")
async def change_organisation(
    code: str, body: OrganisationBody, hub: Ours, accounts: Theirs, actor: Who
) -> OrganisationBody:
    """Change an organisation, or say its last day (administrator)."""
    if body.id != code:
        raise Invalid("The code in the address and the one in the body differ.", field="id")
    kept = await organisations.keep_organisation(hub, accounts, actor, Organisation(**body.model_dump()))
    return OrganisationBody(**asdict(kept))


@guarded.get("/keys")
def read_keys(accounts: Theirs, actor: Who) -> list[dict[str, Any]]:
    """All API keys, without the keys themselves (administrator)."""
    demand(actor, Ability.MANAGE_KEYS)
    return [_key(key) for key in signin.keys(accounts)]


@guarded.post("/keys", status_code=201)
async def create_key(body: KeyBody, accounts: Theirs, actor: Who) -> dict[str, Any]:
    """Make an API key (administrator); `key` is shown this once."""
    scopes, areas = frozenset(body.scopes), frozenset(body.areas)
    key, token = await signin.create_key(accounts, actor, body.name, scopes, areas)
    return {**_key(key), "key": token}


@guarded.delete("/keys/{key_id}", status_code=204)
async def revoke_key(key_id: str, accounts: Theirs, actor: Who, reason: Text = "") -> None:
    """Revoke an API key at once (administrator)."""
    await signin.revoke_key(accounts, actor, key_id, reason)


@guarded.get("/audit")
def read_audit(request: Request, actor: Who, asked: Annotated[Asked, Depends(asked_of)]) -> dict[str, Any]:
    """Who changed what in the hub, when and why, newest first (administrator, assessor)."""
    page = audit.read_audit(hub_of(request), actor, asked)
    return {"lines": page.lines, "before": page.before}


@guarded.get("/audit/register")
def read_register(accounts: Theirs, actor: Who, asked: Annotated[Asked, Depends(asked_of)]) -> list[Event]:
    """Sign-ins, changes of users and keys, openings of identities, newest first (administrator, assessor)."""
    return audit.read_register(accounts, actor, asked)


router.include_router(guarded)


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "login": user.login,
        "displayName": user.display_name,
        "roles": sorted(user.roles),
        "areas": sorted(user.areas),
        "organisation": user.organisation,
        "disabled": user.disabled,
        "createdAt": iso(user.created_at),
    }


def _key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "areas": sorted(key.areas),
        "createdAt": iso(key.created_at),
        "createdBy": key.created_by,
        "lastUsedAt": iso(key.last_used_at) if key.last_used_at else None,
        "revoked": key.revoked,
    }
