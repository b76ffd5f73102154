"""Text out of a directive that came as .docx or PDF, with its number and date; a scanned one is refused plainly.

Files come from outside: they are judged by what they begin with, and measured before they are unpacked.
"""

import io
import re
import zipfile
from dataclasses import dataclass
from datetime import date

from docx import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from dothi.ground.errors import Invalid, TooLarge
from dothi.ground.text import nfc

FILE_MAX = 20 * 1024 * 1024  # Bytes as uploaded.
UNPACKED_MAX = 200 * 1024 * 1024  # Bytes of everything in a package, by what it says of itself.
PAGES_MAX = 300
TEXT_MAX = 600_000
_LETTERS_A_PAGE = 40  # Fewer on the average: pictures of pages, not text.

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF = "application/pdf"
_NUMBER = re.compile(
    r"Số\s*:?\s*\**\s*(\d{1,6})\s*\**\s*/\s*((?:20\d\d/)?[A-ZĐ]{1,12}(?:-[A-ZĐ&]{1,14}){0,3})(?![a-zà-ỹ])"
)
_DATE = re.compile(r"ngày\s+\**\s*(\d{1,2})\s*\**\s+tháng\s+\**\s*(\d{1,2})\s*\**\s+năm\s+(20\d\d)", re.IGNORECASE)
_SUBJECT = re.compile(r"(?:V/v|Về việc)\s*:?\s*(.{5,200}?)(?=\s*\n\s*\n|\s*Kính gửi|$)", re.DOTALL)


@dataclass(frozen=True)
class Read:
    """A document as text, one paragraph a line, and what its head says; what is not found stays empty."""

    text: str
    media_type: str
    number: str = ""
    day: date | None = None
    subject: str = ""


def read_document(content: bytes) -> Read:
    """The text of a .docx or a PDF. Invalid (with `problem`) when it is neither, broken, locked or without text."""
    if len(content) > FILE_MAX:
        raise TooLarge(f"The file has more than {FILE_MAX // 1024**2} MiB: send a smaller one.", problem="large")
    if content.startswith(b"PK\x03\x04"):
        text, kind = _docx(content), DOCX
    elif content.lstrip()[:5] == b"%PDF-":
        text, kind = _pdf(content), PDF
    else:
        raise Invalid("This is neither a .docx nor a PDF: attach one of these.", problem="kind")
    said = nfc(text)[:TEXT_MAX]
    if not said.strip():
        raise Invalid("The document holds no text.", problem="empty")
    return Read(said, kind, *head(said))


def head(text: str) -> tuple[str, date | None, str]:
    """(number, day, subject) as the head of an administrative document says them (Decree 30/2020/NĐ-CP)."""
    top = text[:3000]
    number = _NUMBER.search(top)
    subject = _SUBJECT.search(top)
    return (
        f"{number[1]}/{number[2]}" if number else "",
        _day(_DATE.search(top)),
        " ".join(subject[1].split()) if subject else "",
    )


def _day(found: re.Match[str] | None) -> date | None:
    try:
        return date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        return None


def check_package(content: bytes) -> None:
    """Invalid unless the office package is whole, of a bearable size, and its XML declares no entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            infos = package.infolist()
            if len(infos) > 5000 or sum(one.file_size for one in infos) > UNPACKED_MAX:
                raise TooLarge("The file is too large when unpacked: send a smaller one.", problem="large")
            for one in infos:
                if one.filename.endswith((".xml", ".rels")):
                    with package.open(one) as part:
                        if b"<!DOCTYPE" in part.read(2048):
                            raise Invalid("The file declares XML entities and is not read.", problem="broken")
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as cause:
        raise Invalid(
            "The file is broken: open it in an office program and save it again.", problem="broken"
        ) from cause


def _docx(content: bytes) -> str:
    check_package(content)
    try:
        document = Document(io.BytesIO(content))
    except (PackageNotFoundError, KeyError, ValueError, SyntaxError, zipfile.BadZipFile) as cause:
        raise Invalid("The file is no .docx that can be read: save it again as .docx.", problem="broken") from cause
    lines: list[str] = []
    for block in document.iter_inner_content():
        lines += [block.text] if isinstance(block, Paragraph) else _rows(block)
    return "\n".join(lines)


def _rows(table: Table) -> list[str]:
    """The cells of a table, one a line: the head of a letter stands in a table without lines."""
    seen, lines = set(), []
    for row in table.rows:
        for cell in row.cells:
            if cell._tc not in seen:  # A merged cell comes once for each place that it covers.
                seen.add(cell._tc)
                lines += [one.text for one in cell.paragraphs if one.text.strip()]
    return lines


def _pdf(content: bytes) -> str:
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Invalid("The PDF is locked with a password: send one without.", problem="locked")
        if len(reader.pages) > PAGES_MAX:
            raise TooLarge(f"The PDF has more than {PAGES_MAX} pages.", problem="large")
        pages = [page.extract_text() for page in reader.pages]
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as cause:
        raise Invalid("The PDF is broken: print it again to a PDF.", problem="broken") from cause
    text = "\n".join(pages)
    if len(text.strip()) < _LETTERS_A_PAGE * max(len(pages), 1):
        raise Invalid(
            "This PDF is a picture of pages and holds no text: send the .docx, or a PDF made from it.",
            problem="scanned",
        )
    return _joined(text)


def _joined(text: str) -> str:
    """Lines of a page put together to paragraphs: a line goes on when it neither ends a sentence nor begins anew."""
    lines = [line.strip() for line in text.splitlines()]
    joined: list[str] = []
    for line in lines:
        anew = not line or re.match(r"(?:[-+•*]|\d+[.)]|[a-zđ]\)|[IVX]+\.|Điều \d|Kính gửi|Nơi nhận|Số:|Căn cứ)", line)
        if joined and joined[-1] and not anew and not re.search(r"[.:;!?]$", joined[-1]) and not _head(joined[-1]):
            joined[-1] += " " + line
        else:
            joined.append(line)
    return "\n".join(joined)


def _head(line: str) -> bool:
    """Whether a line is one of the head, which stands by itself: in capitals, a number or a date."""
    return line.isupper() or bool(_NUMBER.match(line) or _DATE.search(line[-40:]))
