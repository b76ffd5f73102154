"""Reporting without a line: the installable app, its worker, the form that a browser keeps, the list of what waits."""

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dothi.ground.ids import secret
from dothi.web.page import Page, render, site
from dothi.web.pages.citizens.intake.filing import form_page
from dothi.web.pages.citizens.intake.form import Sent
from dothi.web.parts import parts

FORM, WAITING = "/report/offline", "/report/waiting"
ASSETS = (  # What the form and the list need; other static files are kept as they are asked for.
    *(f"css/{name}.css" for name in ("tokens", "base", "parts", "forms", "lists", "print", "map")),
    *(f"css/{name}.css" for name in ("operations", "alarms", "incidents", "orders")),  # Sealed pages (0129).
    *(f"js/{name}.js" for name in ("theme", "citizens", "map", "offline", "outbox", "sealed", "duty", "live", "feed")),
    *("favicon.svg", "icons.svg", "vendor/be-vietnam-pro/be-vietnam-pro-vietnamese-400-normal.woff2"),
    "vendor/be-vietnam-pro/be-vietnam-pro-latin-400-normal.woff2",
)
COLOUR = "#ffffff"


async def manifest(request: Request) -> Response:
    """What a phone needs to put the city beside its other apps."""
    city = parts(request).city
    icon = {"src": site(request).assets.url("favicon.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}
    told = {
        "id": "/",
        "name": city,
        "short_name": city[:24],
        "lang": "vi",
        "start_url": "/report",
        "scope": "/",
        "display": "standalone",
        "background_color": COLOUR,
        "theme_color": COLOUR,
        "icons": [icon],
    }
    return JSONResponse(told, media_type="application/manifest+json", headers={"Cache-Control": "no-cache"})


async def worker(request: Request) -> Response:
    """The service worker with the version that it serves; the browser asks for it anew on each visit."""
    assets = site(request).assets
    shell = [FORM, WAITING, *map(assets.url, ASSETS)]
    text = (assets.folder / "js" / "worker.js").read_text("utf-8")
    body = f"const DIGEST = {json.dumps(assets.digest)};\nconst SHELL = {json.dumps(shell)};\n{text}"
    return Response(body, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


async def form(request: Request) -> Response:
    """The form as a browser keeps it; opening it is not counted as interest."""
    return form_page(request, Sent({"key": secret()}, {}), {}, "citizens/offline/form.html")


async def waiting(request: Request) -> Response:
    """What has not been sent yet? The list lies in the browser."""
    return render(request, "citizens/offline/waiting.html")


PAGES = (
    Page("/manifest.webmanifest", manifest, "offline.title", page=False),
    Page("/worker.js", worker, "offline.title", page=False),
    Page(FORM, form, "citizens.report.title"),
    Page(WAITING, waiting, "offline.title"),
)
