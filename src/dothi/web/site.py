"""The site as one ASGI application: every page that is found, its guard, static files and problem pages."""

import importlib
import pkgutil
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Mount, Route

import dothi.web.pages
from dothi.ground.errors import DothiError
from dothi.web.assets import Assets
from dothi.web.guard import Guard, guarded, problem_page
from dothi.web.live import live
from dothi.web.page import Page, Site, environment
from dothi.web.parts import Parts
from dothi.web.words import LANGUAGES, Words, load


def find_pages() -> tuple[Page, ...]:
    """Every Page in the PAGES of each file and folder (its __init__) of web/pages, by name."""
    names = sorted(found.name for found in pkgutil.iter_modules(dothi.web.pages.__path__))
    modules = [importlib.import_module(f"dothi.web.pages.{name}") for name in names]
    return tuple(page for module in modules for page in getattr(module, "PAGES", ()))


def site(parts: Parts, pages: tuple[Page, ...] | None = None) -> Starlette:
    """The pages over these parts; app.py mounts it at the root, after /api and /ngsi-ld.

    `app.state.parts` may be replaced before the first request, when the parts are opened later than the site.
    """
    catalogues: Mapping[str, Words] = {language: Words(language, load(language)) for language in LANGUAGES}
    found = find_pages() if pages is None else pages
    shared = Site(environment(), catalogues, Assets(), found)
    app = Starlette(
        routes=_routes(shared),
        middleware=[Middleware(GZipMiddleware, compresslevel=5), Middleware(Guard, site=shared)],
        exception_handlers={DothiError: problem_page, HTTPException: problem_page},
    )
    app.state.site = shared
    app.state.parts = parts
    return app


def _routes(shared: Site) -> list[BaseRoute]:
    pages: list[BaseRoute] = [Route(page.path, guarded(page), methods=list(page.methods)) for page in shared.pages]
    return [*pages, Route("/live", live), Mount("/static", shared.assets)]
