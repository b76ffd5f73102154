"""What stands around every page: who visits, the security headers, the checks before a page, the problem pages."""

import hmac
import logging
import secrets
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from dothi.accounts.signin import SESSION_COOKIE as SESSION
from dothi.accounts.signin import recognise
from dothi.ground.errors import Forbidden, TooLarge, Unauthenticated
from dothi.ground.problem import problem
from dothi.hub.model import ANONYMOUS
from dothi.web.opened import note
from dothi.web.page import Endpoint, Page, Site, Visit, render, visit, words
from dothi.web.parts import parts
from dothi.web.words import LANGUAGES

VISITOR, LANGUAGE, THEME = "dothi_visitor", "dothi_lang", "dothi_theme"
_log = logging.getLogger(__name__)
THEMES = ("auto", "light", "dark")
YEAR = 365 * 24 * 3600
LASTING = {LANGUAGE: YEAR, THEME: YEAR}  # Seconds; every other cookie ends with the browser.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "worker-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "object-src 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), payment=(), usb=(), geolocation=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PROBLEMS = {400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503}  # Those with wording of their own.


class Guard:
    """ASGI: finds the visitor before the page, sets cookies and security headers after it."""

    def __init__(self, app: Any, site: Site) -> None:
        """Stand around `app`."""
        self.app, self.site = app, site

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on with scope.state.visit and scope.state.actor."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        this, secure = self._visit(connection), parts(connection).secure
        scope.setdefault("state", {}).update(visit=this, actor=this.actor)

        begun = False

        async def answer(message: Any) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                _dress(MutableHeaders(scope=message), this, secure)
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except Exception as error:
            if begun:
                raise
            _log.exception("%s %s failed", scope["method"], scope["path"])
            await (await problem_page(Request(scope, receive), error))(scope, receive, answer)

    def _visit(self, connection: HTTPConnection) -> Visit:
        cookies: dict[str, str | None] = {}
        language = _choose("lang", LANGUAGE, LANGUAGES, connection, cookies)
        theme = _choose("theme", THEME, THEMES, connection, cookies)
        token = connection.cookies.get(SESSION, "")
        seq = parts(connection).hub.last_seq()
        who = recognise(parts(connection).accounts, token) if token else None
        if who is not None:
            return Visit(self.site.words[language], theme, who.actor, who.name, who.csrf, seq, cookies)
        secret = connection.cookies.get(VISITOR) or secrets.token_urlsafe(24)
        if VISITOR not in connection.cookies:
            cookies[VISITOR] = secret
        return Visit(self.site.words[language], theme, ANONYMOUS, "", secret, seq, cookies)


def _dress(headers: MutableHeaders, this: Visit, secure: bool) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
    page = headers.get("content-type", "").startswith("text/html")
    if page:
        headers.setdefault("Cache-Control", "no-store" if this.name else "private, no-cache")
        headers.append("Vary", "Cookie")
    if page or "location" in headers:
        for name, kept in this.cookies.items():
            headers.append("Set-Cookie", cookie(name, kept, secure))


def _choose(
    query: str, name: str, allowed: tuple[str, ...], connection: HTTPConnection, cookies: dict[str, str | None]
) -> str:
    """What the address asks for (and is then remembered), else what the cookie remembers, else the first."""
    asked = connection.query_params.get(query)
    if asked in allowed:
        cookies[name] = asked
        return asked
    kept = connection.cookies.get(name)
    return kept if kept in allowed else allowed[0]


def cookie(name: str, value: str | None, secure: bool) -> str:
    """One Set-Cookie line: for this site only, unseen by scripts (except the theme, which the switch writes)."""
    jar: SimpleCookie = SimpleCookie({name: value or ""})
    jar[name].update({"path": "/", "samesite": "Lax"})
    if value is None:
        jar[name]["max-age"] = 0
    elif name in LASTING:
        jar[name]["max-age"] = LASTING[name]
    if name != THEME:
        jar[name]["httponly"] = True
    if secure:
        jar[name]["secure"] = True
    return jar[name].OutputString()


def guarded(page: Page) -> Endpoint:
    """The page's endpoint behind its checks: roles first, then the CSRF field of a POST."""

    async def checked(request: Request) -> Response:
        actor = visit(request).actor
        if not page.admits(actor):
            if actor.id == "anonymous":
                raise Unauthenticated("Sign in to open this page.")
            raise Forbidden(f"This page is for {', '.join(sorted(page.roles))}.", roles=sorted(page.roles))
        try:
            if request.method == "POST":
                check_length(request, page.body_max)
                check_csrf(request, await request.form(max_files=20, max_fields=400))
            answer = await page.endpoint(request)
            if page.page:
                note(parts(request).opened, request, page.path, page.endpoint.__module__, actor)
            return answer
        finally:
            await request.close()  # Uploaded files are kept by the page or gone.

    return checked


def check_length(request: Request, most: int) -> None:
    """Raise TooLarge before a byte of it is read; a body that does not say its length is refused (411)."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise HTTPException(411)
    if int(length) > most:
        raise TooLarge(f"The form holds {length} bytes; this page takes {most}.")


def check_csrf(request: Request, form: FormData) -> None:
    """Raise Forbidden unless the form carries the token of this visitor."""
    given = form.get("csrf")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), visit(request).csrf.encode()):
        raise Forbidden("This form is no longer valid: open the page again, then send it.", csrf=True)


async def problem_page(request: Request, error: Exception) -> Response:
    """The page for an error: sign-in for who is not known yet, else what happened and what to do."""
    status, document = _status(error)
    if status == 401 and request.method == "GET" and _wants_page(request):
        return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)
    name = "form" if document.get("csrf") else str(_worded(status))
    detail = str(document.get("detail", "")) if status < 500 else ""
    asked = document.get("roles")
    roles = [words(request).t(f"role.{one}") for one in asked] if isinstance(asked, list) else []
    response = render(request, "problem/problem.html", status, code=status, name=name, detail=detail, roles=roles)
    for key, value in (getattr(error, "headers", None) or {}).items():
        response.headers[key] = value
    return response


def _status(error: Exception) -> tuple[int, dict[str, object]]:
    if isinstance(error, HTTPException):
        return error.status_code, {}
    return problem(error)


def _worded(status: int) -> int:
    """The nearest status that has wording of its own."""
    return status if status in PROBLEMS else 500 if status >= 500 else 400


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "text/html") or "*/*" in request.headers.get("accept", "")


def sign_visitor_in(request: Request, token: str) -> None:
    """Give the browser its session cookie with this answer."""
    visit(request).cookies[SESSION] = token


def sign_visitor_out(request: Request) -> None:
    """Take the session cookie away with this answer."""
    visit(request).cookies[SESSION] = None


def session_token(request: Request) -> str:
    """The token of the visitor's session, empty when there is none."""
    return request.cookies.get(SESSION, "")
