"""The home page: three doors for residents, the figures of the city, and the map; and the glossary."""

from starlette.requests import Request
from starlette.responses import Response

from dothi.web.page import Page, menu, render, words

DOORS = 3
ICONS = {"/report": "report", "/follow": "follow", "/promises": "promise"}


async def home(request: Request) -> Response:
    """What anybody can do here, then how the city is now."""
    doors = [(page, ICONS.get(page.path, "next"), _hint(request, page)) for page in menu(request, "public")[:DOORS]]
    return render(request, "home/home.html", doors=doors)


def _hint(request: Request, page: Page) -> str:
    key = f"home.hint.{page.path.strip('/')}"
    return words(request).t(key) if words(request).has(key) else ""


PAGES = (Page("/", home, "home.title"),)
