"""The pages of the administrator: users with their roles and areas, and the keys of systems."""

from dataclasses import replace
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.model import NewUser, User
from dothi.accounts.passwords import check_login
from dothi.accounts.people import change_user, create_user, make_password_link, user_by_id, users
from dothi.accounts.policy import check_scopes
from dothi.accounts.roles import ROLES
from dothi.accounts.signin import create_key, keys, revoke_key
from dothi.ground.errors import Conflict, Invalid
from dothi.ground.text import fold
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.parts import parts

ADMINISTRATOR = frozenset({"administrator"})
FAILED = 422
Given = dict[str, Any]  # What a form held, as its fields show it again.


async def user_list(request: Request) -> Response:
    """Who works here, in which roles, where."""
    found = users(parts(request).accounts)
    areas = {user.id: _area_names(request, user.areas) for user in found}
    return render(request, "accounts/users.html", users=found, areas=areas)


async def new_user(request: Request) -> Response:
    """The form for a new user."""
    return _user_form(request, {"name": "", "login": "", "roles": [], "areas": ""}, {})


async def add_user(request: Request) -> Response:
    """Make a user and show, once, the link by which the person sets a password."""
    form = await request.form()
    given, areas, problems = _read_user(request, form)
    problems |= _bad_login(request, given["login"])
    if problems:
        return _user_form(request, given, problems)
    new = NewUser(given["login"], given["name"], frozenset(given["roles"]), areas)
    try:
        made = await create_user(parts(request).accounts, visit(request).actor, new)
    except Conflict:
        return _user_form(request, given, {"login": words(request).t("accounts.users.taken", login=given["login"])})
    return await _show_link(request, made)


async def one_user(request: Request) -> Response:
    """One user's roles and areas, to be changed."""
    user = user_by_id(parts(request).accounts, request.path_params["user"])
    given = {"name": user.display_name, "roles": sorted(user.roles), "areas": ", ".join(sorted(user.areas))}
    return _user_form(request, given | {"disabled": user.disabled, "reason": ""}, {}, user)


async def save_user(request: Request) -> Response:
    """Change a user; their sessions end, so that the change holds at once."""
    accounts = parts(request).accounts
    user = user_by_id(accounts, request.path_params["user"])
    form = await request.form()
    given, areas, problems = _read_user(request, form)
    given |= {"disabled": "disabled" in form.getlist("state"), "reason": _text(form, "reason")}
    if not given["reason"]:
        problems["reason"] = words(request).t("accounts.lacking.reason")
    if problems:
        return _user_form(request, given, problems, user)
    roles = frozenset(given["roles"])
    changed = replace(user, display_name=given["name"], roles=roles, areas=areas, disabled=given["disabled"])
    try:
        await change_user(accounts, visit(request).actor, changed, given["reason"])
    except Conflict:
        return _user_form(request, given, {"roles": words(request).t("accounts.users.last")}, user)
    return redirect(request, "/users", "accounts.users.changed", name=given["name"])


async def user_link(request: Request) -> Response:
    """A new one-time link for a user to set a password."""
    return await _show_link(request, user_by_id(parts(request).accounts, request.path_params["user"]))


async def _show_link(request: Request, user: User) -> Response:
    token = await make_password_link(parts(request).accounts, visit(request).actor, user.id)
    address = str(request.base_url.replace(path=f"/password/{token}", query=""))
    return render(request, "accounts/secret.html", what="link", secret=address, name=user.display_name, back="/users")


def _user_form(request: Request, given: Given, problems: dict[str, str], user: User | None = None) -> Response:
    status = FAILED if problems else 200
    return render(request, "accounts/user.html", status, given=given, problems=problems, user=user, roles=list(ROLES))


def _read_user(request: Request, form: FormData) -> tuple[Given, frozenset[str], dict[str, str]]:
    """What the form says of a user: its fields, the area codes, and what to mend."""
    t = words(request).t
    chosen = [role for role in form.getlist("roles") if role in ROLES]
    given: Given = {field: _text(form, field) for field in ("name", "login", "areas")} | {"roles": chosen}
    problems = {} if given["name"] else {"name": t("accounts.lacking.name")}
    if not chosen:
        problems["roles"] = t("accounts.lacking.roles")
    areas, unknown = _areas(request, given["areas"])
    if unknown:
        problems["areas"] = t("accounts.users.no_area", names=", ".join(unknown))
    return given, areas, problems


def _areas(request: Request, text: str) -> tuple[frozenset[str], list[str]]:
    """The codes of the units named (by code or by full name), and the names that say no unit, or several."""
    codes, unknown = set(), []
    for name in filter(None, (part.strip() for part in text.replace(";", ",").split(","))):
        found = [unit for unit in parts(request).territory.search(name) if fold(name) in (unit.code, fold(unit.name))]
        if len(found) == 1:
            codes.add(found[0].code)
        else:
            unknown.append(name)
    return frozenset(codes), unknown


def _area_names(request: Request, areas: frozenset[str]) -> str:
    territory = parts(request).territory
    return ", ".join(territory.unit(code).name for code in sorted(areas)) or words(request).t("accounts.everywhere")


def _bad_login(request: Request, login: str) -> dict[str, str]:
    try:
        check_login(login)
    except Invalid:
        return {"login": words(request).t("accounts.bad_login")}
    return {}


def _text(form: FormData, field: str) -> str:
    return str(form.get(field, "")).strip()


async def key_list(request: Request) -> Response:
    """Which systems have a key, what each may do, and when it was used last."""
    return _key_form(request, {"name": "", "scopes": "", "areas": ""}, {})


async def add_key(request: Request) -> Response:
    """Make a key and show it, once."""
    form = await request.form()
    given = {field: _text(form, field) for field in ("name", "scopes", "areas")}
    problems, scopes = _bad_key(request, given), frozenset(given["scopes"].split())
    areas, unknown = _areas(request, given["areas"])
    if unknown:
        problems["areas"] = words(request).t("accounts.users.no_area", names=", ".join(unknown))
    if problems:
        return _key_form(request, given, problems)
    _, secret = await create_key(parts(request).accounts, visit(request).actor, given["name"], scopes, areas)
    return render(request, "accounts/secret.html", what="key", secret=secret, name=given["name"], back="/keys")


def _bad_key(request: Request, given: dict[str, str]) -> dict[str, str]:
    t = words(request).t
    problems = {} if given["name"] else {"name": t("accounts.keys.no_name")}
    try:
        check_scopes(frozenset(given["scopes"].split()))
    except Invalid:
        problems["scopes"] = t("accounts.keys.bad_scope")
    return problems


async def end_key(request: Request) -> Response:
    """Revoke a key; it stops at once."""
    reason = words(request).t("accounts.keys.revoked_here")
    await revoke_key(parts(request).accounts, visit(request).actor, request.path_params["key"], reason)
    return redirect(request, "/keys", "accounts.keys.revoked")


def _key_form(request: Request, given: Given, problems: dict[str, str]) -> Response:
    found = keys(parts(request).accounts)
    areas = {key.id: _area_names(request, key.areas) for key in found}
    status = FAILED if problems else 200
    return render(request, "accounts/keys.html", status, keys=found, areas=areas, given=given, problems=problems)


def _post(path: str, endpoint: Any) -> Page:
    return Page(path, endpoint, "accounts.users.title", methods=("POST",), roles=ADMINISTRATOR, page=False)


PAGES = (
    Page("/users", user_list, "accounts.users.title", roles=ADMINISTRATOR, menu=Menu("system", 10)),
    Page("/users/new", new_user, "accounts.users.new", roles=ADMINISTRATOR),
    _post("/users/new", add_user),
    Page("/users/{user}", one_user, "accounts.users.one", roles=ADMINISTRATOR),
    _post("/users/{user}", save_user),
    _post("/users/{user}/link", user_link),
    Page("/keys", key_list, "accounts.keys.title", roles=ADMINISTRATOR, menu=Menu("system", 20)),
    _post("/keys", add_key),
    _post("/keys/{key}/revoke", end_key),
)
