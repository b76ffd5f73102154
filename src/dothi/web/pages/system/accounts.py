"""The pages on which people sign in and out, set their passwords, and the first administrator is made."""

from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.model import LinkOver, NewUser, TooManyTries, WeakPassword, WrongCredentials
from dothi.accounts.passwords import PASSWORD_LENGTH_MIN, check_login
from dothi.accounts.people import (
    change_password,
    make_first_administrator,
    needs_administrator,
    set_password_by_link,
)
from dothi.accounts.signin import sign_in, sign_out, user_for
from dothi.ground.errors import Invalid
from dothi.web.guard import session_token, sign_visitor_in, sign_visitor_out
from dothi.web.page import SIGNED_IN, Page, redirect, render, visit, within, words
from dothi.web.parts import parts

FAILED = 422


async def login(request: Request) -> Response:
    """Who are you? A name and a password."""
    return render(request, "accounts/login.html", problems={}, login="", next=request.query_params.get("next", ""))


async def enter(request: Request) -> Response:
    """Open a session, or say what to mend; a wrong name and a wrong password look alike."""
    form = await request.form()
    name, password, then = (str(form.get(field, "")) for field in ("login", "password", "next"))
    problems = _lacking(request, {"login": name, "password": password})
    if not problems:
        try:
            session = await sign_in(parts(request).accounts, name, password, _address(request), session_token(request))
        except WrongCredentials:
            problems = {"password": words(request).t("accounts.login.wrong")}
        except TooManyTries as wait:
            problems = {"password": words(request).t("accounts.login.wait", n=wait.fields.get("retry_after", 60))}
        else:
            sign_visitor_in(request, session.token)
            return redirect(request, within(then or _first_page(request, session.user.roles)))
    return render(request, "accounts/login.html", FAILED, problems=problems, login=name, next=then)


def _first_page(request: Request, roles: frozenset[str]) -> str:
    """Where a person of these roles begins the day: the first page of work that is theirs, else the home page."""
    pages = [page for page in request.app.state.site.pages if page.menu and page.menu.place == "work"]
    own = sorted((page.menu.order, page.path) for page in pages if page.roles & roles)
    return own[0][1] if own else "/"


async def leave(request: Request) -> Response:
    """End the session."""
    await sign_out(parts(request).accounts, session_token(request))
    sign_visitor_out(request)
    return redirect(request, "/", "accounts.left", level="info")


async def account(request: Request) -> Response:
    """What am I allowed to do here, and where?"""
    return _account(request, {})


async def new_password(request: Request) -> Response:
    """Change one's own password; all one's sessions end, so one signs in anew."""
    form = await request.form()
    old, new = str(form.get("old", "")), str(form.get("new", ""))
    problems = _lacking(request, {"old": old, "new": new})
    if not problems:
        try:
            await change_password(parts(request).accounts, visit(request).actor, old, new)
        except WrongCredentials:
            problems = {"old": words(request).t("accounts.password.wrong")}
        except WeakPassword:
            problems = {"new": _weak(request, new)}
        else:
            sign_visitor_out(request)
            return redirect(request, "/login", "accounts.password.changed")
    return _account(request, problems)


def _account(request: Request, problems: dict[str, str]) -> Response:
    user = user_for(parts(request).accounts, visit(request).actor)
    territory = parts(request).territory
    areas = [territory.unit(code).name for code in sorted(user.areas)] if user else []
    status = FAILED if problems else 200
    return render(
        request, "accounts/account.html", status, user=user, areas=areas, problems=problems, least=PASSWORD_LENGTH_MIN
    )


async def link(request: Request) -> Response:
    """Set a password by a one-time link."""
    return render(request, "accounts/link.html", problems={}, over=False, least=PASSWORD_LENGTH_MIN)


async def use_link(request: Request) -> Response:
    """The password is set; the person signs in with it."""
    new = str((await request.form()).get("new", ""))
    problems, over = _lacking(request, {"new": new}), False
    if not problems:
        try:
            await set_password_by_link(parts(request).accounts, request.path_params["token"], new)
        except WeakPassword:
            problems = {"new": _weak(request, new)}
        except LinkOver:
            over = True
        else:
            return redirect(request, "/login", "accounts.password.changed")
    return render(request, "accounts/link.html", FAILED, problems=problems, over=over, least=PASSWORD_LENGTH_MIN)


async def setup(request: Request) -> Response:
    """The first page of an empty city: make its first administrator; later it only says that there is one."""
    return _setup(request, {}, {}, over=False)


async def make_administrator(request: Request) -> Response:
    """The first administrator is made and signed in."""
    form = await request.form()
    given = {field: str(form.get(field, "")).strip() for field in ("name", "login")}
    password = str(form.get("new", ""))
    problems = _lacking(request, given | {"new": password}) | _bad_login(request, given["login"])
    if problems:
        return _setup(request, given, problems, over=False)
    new = NewUser(given["login"], given["name"], frozenset({"administrator"}), password=password)
    try:
        await make_first_administrator(parts(request).accounts, request.path_params["token"], new)
    except WeakPassword:
        return _setup(request, given, {"new": _weak(request, password)}, over=False)
    except LinkOver:
        return _setup(request, given, {}, over=True)
    session = await sign_in(parts(request).accounts, given["login"], password, _address(request))
    sign_visitor_in(request, session.token)
    return redirect(request, "/users", "accounts.setup.done")


def _setup(request: Request, given: dict[str, str], problems: dict[str, str], over: bool) -> Response:
    status = FAILED if problems or over else 200
    taken = not needs_administrator(parts(request).accounts)
    return render(
        request,
        "accounts/setup.html",
        status,
        given=given,
        problems=problems,
        over=over,
        taken=taken,
        least=PASSWORD_LENGTH_MIN,
    )


def _lacking(request: Request, given: dict[str, str]) -> dict[str, str]:
    """What to fill in, for each field left empty."""
    return {field: words(request).t(f"accounts.lacking.{field}") for field, value in given.items() if not value.strip()}


def _bad_login(request: Request, login: str) -> dict[str, str]:
    try:
        check_login(login)
    except Invalid:
        return {"login": words(request).t("accounts.bad_login" if login else "accounts.lacking.login")}
    return {}


def _weak(request: Request, password: str) -> str:
    short = len(password) < PASSWORD_LENGTH_MIN
    return words(request).t("accounts.password.short" if short else "accounts.password.weak", n=PASSWORD_LENGTH_MIN)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


PAGES = (
    Page("/login", login, "accounts.login.title"),
    Page("/login", enter, "accounts.login.title", methods=("POST",), page=False),
    Page("/logout", leave, "common.sign_out", methods=("POST",), page=False),
    Page("/account", account, "accounts.account.title", roles=SIGNED_IN),
    Page("/account", new_password, "accounts.account.title", methods=("POST",), roles=SIGNED_IN, page=False),
    Page("/setup/{token}", setup, "accounts.setup.title", sample={"token": "sample"}),
    Page("/setup/{token}", make_administrator, "accounts.setup.title", methods=("POST",), page=False),
    Page("/password/{token}", link, "accounts.link.title", sample={"token": "sample"}),
    Page("/password/{token}", use_link, "accounts.link.title", methods=("POST",), page=False),
)
