"""Pictures of the pages, to be looked at: python -m tests.web.shots OUTDIR [PATH …]."""

import os
import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from dothi.web.page import ANYONE, Page
from tests.web.city import CHROMIUM_FLAGS, City, make_city
from tests.web.watch import DESKTOP, PHONE, signed_in, watch

LOOKS = (("desktop", DESKTOP, "light"), ("phone", PHONE, "light"), ("dark", DESKTOP, "dark"))


def role_for(page: Page) -> str:
    """A role that may open the page; nobody's, where anybody may."""
    if page.roles == ANYONE:
        return ""
    return "administrator" if "*" in page.roles else min(page.roles)


def address_of(page: Page, city: City) -> str:
    """The path with its sample values, those of the page first."""
    return re.sub(r"{(\w+)(:\w+)?}", lambda part: {**city.values, **page.sample}[part[1]], page.path)


def take(browser: Browser, city: City, page: Page, folder: Path) -> None:
    """Three pictures of one page."""
    for look, size, scheme in LOOKS:
        context = signed_in(browser, city, role_for(page), viewport=size, color_scheme=scheme)
        seen = watch(context)
        seen.open(city.address + address_of(page, city))
        name = address_of(page, city).strip("/").replace("/", "-") or "home"
        seen.page.screenshot(path=folder / f"{name}.{look}.png", full_page=True)
        for error in seen.errors:
            sys.stderr.write(f"{name} ({look}): {error}\n")
        context.close()


def main(folder: Path, paths: list[str]) -> None:
    """Take pictures of the pages named, else of all."""
    folder.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("DOTHI_CHROMIUM", "/usr/bin/chromium")
    with tempfile.TemporaryDirectory() as data, make_city(Path(data)) as city, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        for page in city.pages:
            if page.page and "GET" in page.methods and (not paths or page.path in paths):
                take(browser, city, page, folder)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
