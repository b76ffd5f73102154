"""What a page is, and how it is rendered: one template, the wording of one language, one visitor."""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dothi.ground.clock import now_us
from dothi.hub.model import Actor
from dothi.operations.warnings.channels.page import out_now
from dothi.web.assets import Assets
from dothi.web.parts import parts
from dothi.web.words import Words, machine_time

TEMPLATES = Path(__file__).parent / "templates"
ANYONE: frozenset[str] = frozenset()
SIGNED_IN = frozenset({"*"})
KIB = 1024
FLASH = "dothi_flash"
Endpoint = Callable[[Request], Awaitable[Response]]
Level = Literal["done", "info", "warning"]


@dataclass(frozen=True)
class Menu:
    """Where a page stands in the navigation: `public` for everybody, `work` and `system` for staff; by `order`."""

    place: Literal["public", "work", "system"]
    order: int


@dataclass(frozen=True)
class Page:
    """One address of the site. Roles are checked before the endpoint is called, CSRF before a POST reaches it."""

    path: str
    endpoint: Endpoint
    title: str  # Key of its name in the menu and in the list of pages.
    methods: tuple[str, ...] = ("GET",)
    roles: frozenset[str] = ANYONE  # Who may open it: ANYONE, SIGNED_IN, or role names of accounts.
    menu: Menu | None = None
    body_max: int = 256 * KIB  # Bytes of a POST, files included.
    sample: Mapping[str, str] = field(default_factory=dict)  # Values for the {parts} of `path`, for the page tests.
    page: bool = True  # False: answers with something else than a page (a file, JSON, a redirect).

    def admits(self, actor: Actor) -> bool:
        """Whether this visitor may open the page."""
        if self.roles == ANYONE:
            return True
        return actor.id != "anonymous" if self.roles == SIGNED_IN else bool(self.roles & actor.roles)


@dataclass
class Visit:
    """One request's visitor: what the middleware found in the cookies, and the cookies to set with the answer."""

    words: Words
    theme: str
    actor: Actor
    name: str  # What the top bar calls the person; empty for nobody in particular.
    csrf: str
    seq: int  # Of the last commit when the request came: living parts begin after what this page knows.
    cookies: dict[str, str | None] = field(default_factory=dict)  # None deletes the cookie.


@dataclass(frozen=True)
class Site:
    """What all pages share: the templates, the wording, the static files and the list of pages."""

    environment: Environment
    words: Mapping[str, Words]
    assets: Assets
    pages: tuple[Page, ...]


def environment(folder: Path = TEMPLATES) -> Environment:
    """Jinja with autoescape, and an error for a name that nobody gave."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )


def site(request: Request) -> Site:
    """The site that this request is about."""
    found: Site = request.app.state.site
    return found


def visit(request: Request) -> Visit:
    """Who is visiting, in which language and theme."""
    found: Visit = request.state.visit
    return found


def words(request: Request) -> Words:
    """The wording of this visitor's language; `words(request).t("key")` for a text made in Python."""
    return visit(request).words


def render(request: Request, template: str, status: int = 200, /, **values: object) -> HTMLResponse:
    """The page: templates/<template> with `values` and what every template may use (see docs/howto/add-a-page.md)."""
    body = site(request).environment.get_template(template).render(_context(request) | values)
    return HTMLResponse(body, status)


def redirect(request: Request, address: str, message: str = "", level: Level = "done", **values: str) -> Response:
    """See Other: after a POST, with the key of a message that the next page shows once."""
    if message:
        note = json.dumps([level, message, values]).encode()
        visit(request).cookies[FLASH] = base64.urlsafe_b64encode(note).decode()
    return RedirectResponse(address, 303)


def within(address: str) -> str:
    """`address` when it is a path of this site, else the home page: nobody is sent elsewhere by a crafted link."""
    safe = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if safe and address.isprintable() else "/"


def main_menu(request: Request) -> list[Page]:
    """What stands in the top bar: the pages of work for staff, those of residents and whatever is open for others."""
    staff = visit(request).actor.roles - {"citizen"}
    return menu(request, "work") if staff else menu(request, "public") + menu(request, "work")


def menu(request: Request, place: str) -> list[Page]:
    """The pages of one place of the navigation that this visitor may open, in order."""
    actor = visit(request).actor
    found = [(page.menu.order, page) for page in site(request).pages if page.menu and page.menu.place == place]
    return [page for _, page in sorted(found, key=lambda one: one[0]) if page.admits(actor)]


def _context(request: Request) -> dict[str, Any]:
    here, this = site(request), visit(request)
    return {
        "request": request,
        "words": this.words,
        "t": this.words.t,
        "actor": this.actor,
        "visit": this,
        "city": _city(request),
        "province": parts(request).province,
        "simulated": parts(request).simulated,
        "static": here.assets.url,
        "main_menu": lambda: main_menu(request),
        "menu": lambda place: menu(request, place),
        "with_query": lambda **changed: str(request.url.include_query_params(**changed).query),
        "csrf_field": Markup('<input type="hidden" name="csrf" value="{}">').format(this.csrf),
        "flash": _take_flash(request),
        "machine_time": machine_time,
        "seq": this.seq,
        "now": now_us(),
        "warned": lambda: _warned(request),
    }


def _warned(request: Request) -> list[tuple[str, str]]:
    """The real warnings that are out, for the band on the pages of residents: (end of its address, headline)."""
    if visit(request).actor.roles - {"citizen"} or request.url.path.startswith("/alerts"):
        return []
    found = [one.warning for one in out_now(parts(request).operations)]
    return [(one.thread.rpartition(":")[2], one.text(words(request).language).headline) for one in found]


def _city(request: Request) -> str:
    """The city's name in the reader's language, where it is called by its province's name."""
    here = parts(request)
    known = here.territory.unit(here.province) if here.province else None
    return str(known.name_in(words(request).language)) if known and known.name == here.city else here.city


def _take_flash(request: Request) -> tuple[str, str] | None:
    """The message left by the last redirect, as (level, text), shown once; a spoilt cookie is no message."""
    kept = request.cookies.get(FLASH)
    if not kept:
        return None
    visit(request).cookies[FLASH] = None
    try:
        level, key, values = json.loads(base64.urlsafe_b64decode(kept))
        return str(level), words(request).t(str(key), **dict(values))
    except (ValueError, TypeError, KeyError, LookupError):
        return None
