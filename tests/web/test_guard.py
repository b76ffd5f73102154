"""What stands around every page: security headers, roles, CSRF, languages, themes, messages and problem pages."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from dothi.app import close_city, open_city
from dothi.settings import Settings
from dothi.web.guard import HEADERS
from dothi.web.page import SIGNED_IN, Page, redirect, render, within
from dothi.web.parts import Parts
from dothi.web.site import site


async def shown(request: Request) -> Response:
    return render(request, "home/glossary.html", rows=[])


async def saved(request: Request) -> Response:
    return redirect(request, "/open", "accounts.left", level="info")


async def broken(request: Request) -> Response:
    raise RuntimeError("the reason stays in the log")


PAGES = (
    Page("/open", shown, "home.title"),
    Page("/open", saved, "home.title", methods=("POST",), body_max=2000),
    Page("/mine", shown, "home.title", roles=SIGNED_IN),
    Page("/duty", shown, "home.title", roles=frozenset({"duty_officer"})),
    Page("/broken", broken, "home.title"),
)
Story = Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Story], None]:
    """Runs a story with a client of a small site."""

    @asynccontextmanager
    async def client() -> AsyncIterator[httpx.AsyncClient]:
        parts = await open_city(Settings(data=tmp_path), demo=True)
        transport = httpx.ASGITransport(site(parts, PAGES), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://city") as made:
            yield made
        await close_city(parts)

    async def run(story: Story) -> None:
        async with client() as made:
            await story(made)

    return lambda story: asyncio.run(run(story))


def token(page: httpx.Response, client: httpx.AsyncClient) -> str:
    return client.cookies.get("dothi_visitor") or ""


def test_security_headers_are_on_every_answer(tell: Callable[[Story], None]) -> None:
    """Pages, static files, redirects and even the page of an error inside carry the strict policy."""

    async def story(client: httpx.AsyncClient) -> None:
        for path, status in (
            ("/open", 200),
            ("/no", 404),
            ("/mine", 303),
            ("/broken", 500),
            ("/static/x/js/map.js", 200),
        ):
            answer = await client.get(path)
            assert answer.status_code == status
            assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS), path

    tell(story)


def test_an_error_inside_says_nothing_of_its_inside(tell: Callable[[Story], None]) -> None:
    """The page of a failure is designed, and the reason stays in the log."""

    async def story(client: httpx.AsyncClient) -> None:
        answer = await client.get("/broken")
        assert "Hệ thống gặp lỗi" in answer.text
        assert "reason" not in answer.text

    tell(story)


def test_who_is_not_known_is_sent_to_sign_in(tell: Callable[[Story], None]) -> None:
    """A page for people who signed in leads to the sign-in page, and from there back."""

    async def story(client: httpx.AsyncClient) -> None:
        for path in ("/mine", "/duty"):
            assert (await client.get(path)).headers["location"] == f"/login?next={path}"

    tell(story)


def test_a_post_needs_the_token_of_its_form(tell: Callable[[Story], None]) -> None:
    """Without the field, or with another's, nothing is done."""

    async def story(client: httpx.AsyncClient) -> None:
        refused = await client.post("/open", data={"csrf": "guessed"})
        assert refused.status_code == 403
        assert "Biểu mẫu đã hết hạn" in refused.text
        page = await client.get("/open")
        assert (await client.post("/open", data={})).status_code == 403
        assert (await client.post("/open", data={"csrf": token(page, client)})).status_code == 303

    tell(story)


def test_a_message_is_shown_once(tell: Callable[[Story], None]) -> None:
    """What a redirect says stands on the next page, and not on the one after it."""

    async def story(client: httpx.AsyncClient) -> None:
        page = await client.get("/open")
        await client.post("/open", data={"csrf": token(page, client)})
        assert "Bạn đã đăng xuất." in (await client.get("/open")).text
        assert "Bạn đã đăng xuất." not in (await client.get("/open")).text

    tell(story)


def test_a_spoilt_message_is_no_message(tell: Callable[[Story], None]) -> None:
    """A cookie that somebody changed does no harm."""

    async def story(client: httpx.AsyncClient) -> None:
        for spoilt in ("x", "W10=", "WyJkb25lIiwgImFjY291bnRzLmxlZnQiLCAzXQ==", "////"):
            client.cookies.set("dothi_flash", spoilt)
            assert (await client.get("/open")).status_code == 200

    tell(story)


def test_too_large_a_body_is_refused(tell: Callable[[Story], None]) -> None:
    """A page says how much it takes; more than that is a clear 413."""

    async def story(client: httpx.AsyncClient) -> None:
        page = await client.get("/open")
        answer = await client.post("/open", data={"csrf": token(page, client), "text": "x" * 3000})
        assert answer.status_code == 413
        assert "quá lớn" in answer.text

    tell(story)


def test_junk_in_a_form_is_refused(tell: Callable[[Story], None]) -> None:
    """A body that is no form is a 400 or 403, never a failure."""

    async def story(client: httpx.AsyncClient) -> None:
        for kind in (
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "application/x-www-form-urlencoded",
            "text/x",
        ):
            answer = await client.post("/open", content=b"\xff\xfe--x\r\n\x00", headers={"Content-Type": kind})
            assert answer.status_code in (400, 403), kind

    tell(story)


def test_language_and_theme_are_remembered(tell: Callable[[Story], None]) -> None:
    """The switch works by address alone, and holds from then on; what is no language changes nothing."""

    async def story(client: httpx.AsyncClient) -> None:
        assert '<html lang="vi" data-theme="auto">' in (await client.get("/open?lang=xx&theme=pink")).text
        assert '<html lang="en" data-theme="dark">' in (await client.get("/open?lang=en&theme=dark")).text
        assert '<html lang="en" data-theme="dark">' in (await client.get("/open")).text

    tell(story)


def test_static_files_are_kept_for_ever_under_their_digest(tell: Callable[[Story], None]) -> None:
    """The address in a page changes with the files, so that browsers may keep them; another digest is not kept."""

    async def story(client: httpx.AsyncClient) -> None:
        page = (await client.get("/open")).text
        address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
        answer = await client.get(address)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
        old = await client.get(address.replace(address.split("/")[2], "0123456789ab"))
        assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
        for outside in (
            "/static/x",
            "/static/x/../../site.py",
            "/static/x/%2e%2e/%2e%2e/site.py",
            "/static/x/none.css",
        ):
            assert (await client.get(outside)).status_code == 404, outside

    tell(story)


@pytest.mark.parametrize(
    "address", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\nb", ""]
)
def test_nobody_is_sent_to_another_site(address: str) -> None:
    """A crafted `next` leads home."""
    assert within(address) == "/"


def test_parts_may_come_later() -> None:
    """The site can be made before the city is opened."""
    empty: Any = Parts(*[None] * 12)  # type: ignore[arg-type]
    assert isinstance(site(empty, PAGES), Starlette)
