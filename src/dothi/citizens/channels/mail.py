"""A mail as it comes from anywhere, read into words, photos and a sender, whatever is wrong with its form."""

import email
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr
from html.parser import HTMLParser
from itertools import islice

from dothi.citizens.intake.codes import KEY, LINK, NUMBER
from dothi.ground.ids import CODE_ALPHABET
from dothi.ground.text import nfc
from dothi.office.photos import Upload

PARTS_MAX = 100
SUBJECT_MAX = 300
_UTF8 = "utf-8"
_VIETNAMESE = "cp1258"  # What is neither UTF-8 nor what it claims was, in Vietnam, most often written in this.
_LATIN = ("us-ascii", "ascii", "iso-8859-1", "latin-1", "latin1", "windows-1252", "cp1252", "unknown-8bit", "")
_LETTERS = f"[{CODE_ALPHABET}]"
_HALVES = f"{_LETTERS}{{4}}-{_LETTERS}{{4}}|{_LETTERS}{{{KEY}}}|{_LETTERS}{{{LINK}}}"
_CODE = re.compile(rf"(?<![A-Z0-9]){_LETTERS}{{{NUMBER}}}-(?:{_HALVES})(?![A-Z0-9-])")
_PREFIX = re.compile(r"^(?:\s*(?:re|fwd?|tr|trả lời|chuyển tiếp)\s*:)+\s*", re.IGNORECASE)
_QUOTED_BELOW = re.compile(
    r"^(-{2,} ?$|_{8,}$|-{3,} ?(original message|thư gốc|tin nhắn gốc)|on .{5,120} wrote:$|vào .{5,120} đã viết:$)",
    re.IGNORECASE,
)
_SKIPPED = ("script", "style", "head", "title")
_BREAKS = ("br", "p", "div", "tr", "li", "h1", "h2", "h3")


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says. `key` is the same for the same mail, however often it is delivered."""

    key: str
    sender: str  # A mail address, or "".
    sender_name: str
    subject: str
    words: str  # What was written, with what it quotes.
    own_words: str  # Without what it quotes and its signature.
    photos: tuple[Upload, ...]
    code: str  # The follow code in the subject, or "".
    automatic: bool  # Written by a program: no answer, and no report.


def read_mail(content: bytes, envelope_sender: str | None = None) -> Mail:
    """Read a mail; it never fails, since the sender's program cannot be mended here."""
    message = email.message_from_bytes(content)
    subject = _header(message, "Subject")[:SUBJECT_MAX]
    name, address = parseaddr(_header(message, "From"))
    texts, pages, photos = _contents(message)
    words = "\n".join(texts).strip() or "\n".join(_plain(page) for page in pages).strip()
    found = _CODE.search(subject.upper())
    said = str(message.get("Message-ID", "")).strip() or hashlib.sha256(content).hexdigest()
    return Mail(
        said,
        address if "@" in address else (envelope_sender or ""),
        name,
        _PREFIX.sub("", subject).strip(),
        words,
        _own(words),
        tuple(photos),
        found[0] if found else "",
        _is_automatic(message, envelope_sender),
    )


def _is_automatic(message: Message, envelope_sender: str | None) -> bool:
    """Bounces, absence notes, lists and newsletters (RFC 3834, RFC 2919), and what old programs say instead."""
    if envelope_sender is not None and envelope_sender.strip("<> ") == "":
        return True  # A bounce has no sender.
    said = {name: str(message.get(name, "")).strip().lower() for name in ("Auto-Submitted", "Precedence")}
    marks = ("List-Id", "List-Unsubscribe", "X-Auto-Response-Suppress", "X-Autoreply", "X-Autorespond", "X-Loop")
    return (
        said["Auto-Submitted"] not in ("", "no")
        or said["Precedence"] in ("bulk", "junk", "list", "auto_reply")
        or any(mark in message for mark in marks)
        or message.get_content_type() == "multipart/report"
    )


def _contents(message: Message) -> tuple[list[str], list[str], list[Upload]]:
    """Plain texts, HTML texts and pictures, in their order."""
    texts: list[str] = []
    pages: list[str] = []
    photos: list[Upload] = []
    for part in islice(_leaves(message), PARTS_MAX):
        kind, content = part.get_content_type(), _payload(part)
        attached = part.get_content_disposition() == "attachment"
        if part.get_content_maintype() == "image" or (attached and _is_picture(content)):
            photos.append(Upload(_decoded_words(str(part.get_filename() or "ảnh")), content))
        elif kind == "text/plain" and not attached:
            texts.append(_text(part, content))
        elif kind == "text/html" and not attached:
            pages.append(_text(part, content))
    return texts, pages, photos


def _leaves(message: Message) -> Iterator[Message]:
    return (part for part in message.walk() if not part.is_multipart())


def _payload(part: Message) -> bytes:
    """The bytes of a part; a transfer encoding that is broken gives what can be had of it."""
    try:
        found = part.get_payload(decode=True)
    except (MessageError, ValueError, LookupError):
        found = None
    if isinstance(found, bytes):
        return found
    raw = part.get_payload()
    return raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""


def _is_picture(content: bytes) -> bool:
    """By its first bytes: phones attach photos as application/octet-stream."""
    return content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n", b"RIFF"))


def _text(part: Message, content: bytes) -> str:
    try:
        claimed = str(part.get_content_charset() or "")
    except (LookupError, ValueError):
        claimed = ""
    return decoded(content, claimed).replace("\r\n", "\n").replace("\x00", "")


def decoded(content: bytes, claimed: str = "") -> str:
    """The letters of bytes, in form C. What is UTF-8 is read so whatever it claims; then the claim; then Windows-1258.

    Vietnamese text is UTF-8 by no accident: marks make sequences that no 8-bit text has.
    """
    try:
        return nfc(content.decode(_UTF8))
    except UnicodeDecodeError:
        pass
    name = claimed.strip().lower()
    codec = _VIETNAMESE if name in (*_LATIN, _UTF8, "utf8") else name
    try:
        return nfc(content.decode(codec))
    except (LookupError, UnicodeDecodeError, ValueError):
        return nfc(content.decode(_VIETNAMESE, "replace"))


def _header(message: Message, name: str) -> str:
    """A header in one line, encoded words read."""
    return " ".join(_decoded_words(str(message.get(name, ""))).split())


def _decoded_words(raw: str) -> str:
    try:
        pieces = decode_header(raw)
    except (MessageError, ValueError):
        return raw
    return "".join(
        decoded(piece, charset or "") if isinstance(piece, bytes) else decoded(piece.encode(_UTF8, "surrogateescape"))
        for piece, charset in pieces
    )


def _own(words: str) -> str:
    """What the writer added: lines that quote are left out, and everything below a line that begins a quotation."""
    kept: list[str] = []
    for line in words.splitlines():
        if _QUOTED_BELOW.match(line.strip()):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line)
    return "\n".join(kept).strip()


class _Reader(HTMLParser):
    """Gathers the text that a reader of an HTML mail would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A hidden element begins, or a new line."""
        self.hidden += tag in _SKIPPED
        if tag in _BREAKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """A hidden element ends."""
        self.hidden -= tag in _SKIPPED and self.hidden > 0

    def handle_data(self, data: str) -> None:
        """Text."""
        if not self.hidden:
            self.pieces.append(re.sub(r"\s+", " ", data))


def _plain(page: str) -> str:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.pieces).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
