"""A browser page under watch: its errors, its breaches of the security policy, and what axe finds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, Page

from tests.web.city import City

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 800}


@dataclass
class Watch:
    """One page of the browser with what went wrong on it."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def open(self, address: str) -> None:
        """Go there and wait until its scripts and islands are done."""
        self.errors.clear()
        self.page.goto(address)
        self.settle()

    def settle(self) -> None:
        """Wait until fonts are there and each map is drawn (or said that it cannot be)."""
        self.page.evaluate("document.fonts.ready")
        if self.page.locator("[data-map]").count():
            self.page.locator("[data-map][data-ready]").first.wait_for(timeout=20_000)


def watch(context: BrowserContext) -> Watch:
    """A new page whose errors are noted."""
    seen = Watch(context.new_page())
    seen.page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
    seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
    seen.page.on("requestfailed", lambda request: _note_failure(seen, request.url, request.failure or ""))
    return seen


def _note_failure(seen: Watch, url: str, failure: str) -> None:
    if "ERR_ABORTED" not in failure:  # A page that is left ends its streams.
        seen.errors.append(f"{url}: {failure}")


def axe(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe finds against WCAG 2.2 AA (or by `rules` alone), one line each.

    Run through the debugger, so that the policy of the page stays strict.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE + "; undefined")
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": TAGS}
    found = page.evaluate(
        "async (only) => (await axe.run(document, {runOnly: only, resultTypes: ['violations']}))"
        ".violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.html.slice(0, 160)} (${n.failureSummary})`))",
        only,
    )
    return list(found)


def signed_in(browser: Browser, city: City, role: str, **options: object) -> BrowserContext:
    """A browser of its own in which the sample user of `role` has signed in ("" = nobody has)."""
    context = browser.new_context(locale="vi-VN", reduced_motion="reduce", **options)  # type: ignore[arg-type]
    if role:
        sample = city.samples[role]
        page = context.new_page()
        page.goto(f"{city.address}/login")
        page.fill("#login", sample.login)
        page.fill("#password", sample.password)
        page.click("main button[type=submit]")
        page.locator(".me").first.wait_for(state="attached")
        page.close()
    return context
