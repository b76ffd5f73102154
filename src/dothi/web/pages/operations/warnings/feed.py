"""The feed of warnings for programs: Atom entries that lead to the CAP 1.2 files."""

import xml.etree.ElementTree as Xml

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import iso, now_us
from dothi.operations.warnings.channels.model import Released
from dothi.operations.warnings.channels.page import recent
from dothi.operations.warnings.text import HEADS, short_text
from dothi.web.page import Page, words
from dothi.web.parts import parts

ATOM = "http://www.w3.org/2005/Atom"
CAP_TYPE = "application/cap+xml"
SUMMARY_LETTERS = 500
SHORT = {"Cache-Control": "public, max-age=30"}


async def feed(request: Request) -> Response:
    """The messages of the last 30 days, newest first (RFC 4287)."""
    found, start = recent(parts(request).operations), parts(request).messages.address
    root = Xml.Element("feed", {"xmlns": ATOM, "xml:lang": words(request).language})
    _line(root, "title", words(request).t("alerts.feed", city=parts(request).city))
    _line(root, "id", f"{start}/alerts/feed.atom")
    _line(root, "updated", found[0].warning.sent if found else iso(now_us() // 60_000_000 * 60_000_000))
    _line(root, "link", rel="self", href=f"{start}/alerts/feed.atom")
    _line(root, "link", rel="alternate", href=f"{start}/alerts")
    _line(_line(root, "author"), "name", parts(request).city)
    for one in found:
        _entry(root, one, start, words(request).language)
    body = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(body, media_type="application/atom+xml", headers=SHORT)


def _entry(root: Xml.Element, one: Released, start: str, language: str) -> None:
    warning, entry = one.warning, Xml.SubElement(root, "entry")
    _line(entry, "title", f"{HEADS[language][warning.kind]}: {warning.text(language).headline}")
    _line(entry, "id", f"{start}/alerts/{warning.identifier}.cap")
    _line(entry, "published", warning.sent)
    _line(entry, "updated", warning.sent)
    _line(entry, "category", term=warning.kind.value)
    _line(entry, "link", rel="alternate", href=f"{start}/alerts/{warning.thread.rpartition(':')[2]}")
    _line(entry, "link", rel="enclosure", type=CAP_TYPE, href=f"{start}/alerts/{warning.identifier}.cap")
    _line(entry, "summary", short_text(warning, language, SUMMARY_LETTERS))


def _line(parent: Xml.Element, tag: str, text: str = "", **attributes: str) -> Xml.Element:
    made = Xml.SubElement(parent, tag, attributes)
    made.text = text or None
    return made


PAGES = (Page("/alerts/feed.atom", feed, "alerts.title", page=False),)
