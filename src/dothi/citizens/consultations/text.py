"""A draft as text: its chapters, articles, clauses and points recognised, written back to be corrected, compared."""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal, NamedTuple

from docx import Document
from docx.document import Document as Doc
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph

from dothi.citizens.consultations.model import Article, BadDraft
from dothi.ground.errors import Invalid, TooLarge
from dothi.ground.text import nfc, point_key

LETTERS_MAX = 400_000
PARTS_MAX = 3000
DOCX_BYTES = 10 * 1024 * 1024
UNPACKED_MAX = 60 * 1024 * 1024
PLAIN = ">"  # Before a line: it begins nothing, whatever it looks like.
_CHAPTER = re.compile(r"(?:chương)\s+([IVXLCDM]{1,8}|\d{1,3})\b[.:]?\s*(.*)", re.IGNORECASE)
_SECTION = re.compile(r"(?:mục)\s+(\d{1,3}|[IVXLCDM]{1,8})\b[.:]?\s*(.*)", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:điều)\s+(\d{1,4}[a-zđ]?)\s*[.:]\s*(.*)", re.IGNORECASE)
_CLAUSE = re.compile(r"(\d{1,3}[a-zđ]?)\.\s+(.+)")
_POINT = re.compile(r"([a-zđ]\d{0,2})\)\s*(.+)")
_BROKEN = (PackageNotFoundError, zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError)


class Doubt(NamedTuple):
    """What a person should look at in a recognised text: the kind (a key of the catalogue), and where."""

    kind: str  # repeated, gap, order, no_article.
    label: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A text in parts, with what its reader was not sure of."""

    articles: tuple[Article, ...]
    doubts: tuple[Doubt, ...]


def clean(text: str) -> str:
    """Text as it is kept: one form, line breaks and tabs, no other control or invisible characters."""
    kept = nfc(text).replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    return "".join(char for char in kept if char.isprintable() or char in "\n\t").strip()


def parse(text: str) -> Draft:
    """The parts of a draft. Without any "Điều" each paragraph is a part of its own, e.g. a list of problems.

    Invalid when there is nothing in it, TooLarge beyond 400,000 letters or 3,000 parts.
    """
    if len(text) > LETTERS_MAX:
        raise TooLarge(f"A draft may have {LETTERS_MAX} letters; this one has {len(text)}.", field="text")
    lines = [line.strip() for line in clean(text).split("\n")]
    lines = [line for line in lines if line]
    if not lines:
        raise BadDraft("There is no text. Paste it, or choose a .docx or .txt file.", field="text")
    if not any(_ARTICLE.match(line) for line in lines):
        return _paragraphs(lines)
    reader = _Reader()
    for line in lines:
        reader.take(line)
    if len(reader.parts) > PARTS_MAX:
        raise TooLarge(f"A draft may have {PARTS_MAX} parts; this one has {len(reader.parts)}.", field="text")
    articles = reader.articles()
    return Draft(articles, (*reader.doubts, *_gaps(articles)))


def _paragraphs(lines: list[str]) -> Draft:
    if len(lines) > PARTS_MAX:
        raise TooLarge(f"A draft may have {PARTS_MAX} parts; this one has {len(lines)}.", field="text")
    bare = [line.removeprefix(PLAIN).strip() for line in lines]
    parts = [Article(f"muc-{n}", "paragraph", f"Nội dung {n}", line) for n, line in enumerate(bare, 1)]
    return Draft(tuple(parts), (Doubt("no_article", ""),))


class _Reader:
    """Reads line by line, knowing in which article and clause it is."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, str, str, list[str]]] = []
        self.doubts: list[Doubt] = []
        self._seen: set[str] = set()
        self._article = self._clause = ""

    def articles(self) -> tuple[Article, ...]:
        return tuple(Article(ref, kind, label, "\n".join(lines)) for ref, kind, label, lines in self.parts)

    def take(self, line: str) -> None:
        if line.startswith(PLAIN):
            self._more(line.removeprefix(PLAIN).strip())
        elif found := _CHAPTER.fullmatch(line):
            self._begin_top(f"chuong-{found[1].lower()}", "chapter", f"Chương {found[1].upper()}", found[2])
        elif self._article_free(line) and (found := _SECTION.fullmatch(line)):
            self._begin_top(f"muc-{found[1].lower()}", "section", f"Mục {found[1].upper()}", found[2])
        elif found := _ARTICLE.fullmatch(line):
            self._begin_top(f"dieu-{found[1].lower()}", "article", f"Điều {found[1].lower()}", found[2])
            self._article = self.parts[-1][0]
        elif self._article and (found := _CLAUSE.fullmatch(line)):
            self._begin(f"{self._article}.khoan-{found[1].lower()}", "clause", f"khoản {found[1].lower()}", found[2])
            self._clause = self.parts[-1][0]
        elif self._article and (found := _POINT.fullmatch(line)) and _is_point(found[1]):
            under = self._clause or self._article
            self._begin(f"{under}.diem-{found[1]}", "point", f"điểm {found[1]}", found[2])
        else:
            self._more(line)

    def _article_free(self, line: str) -> bool:
        """Whether "Mục 1" can begin a section: it is short, as headings are."""
        return len(line) < 200

    def _begin_top(self, ref: str, kind: str, label: str, text: str) -> None:
        self._article = self._clause = ""
        self._begin(ref, kind, label, text)

    def _begin(self, ref: str, kind: str, label: str, text: str) -> None:
        if ref in self._seen:
            if kind != "section":  # Sections begin anew in each chapter.
                self.doubts.append(Doubt("repeated", label))
            ref = next(named for n in range(2, PARTS_MAX + 2) if (named := f"{ref}-{n}") not in self._seen)
        self._seen.add(ref)
        self.parts.append((ref, kind, label, [text] if text else []))

    def _more(self, line: str) -> None:
        if not self.parts:
            self._begin("mo-dau", "paragraph", "Phần mở đầu", line)
        else:
            self.parts[-1][3].append(line)


def _is_point(label: str) -> bool:
    try:
        point_key(label)
    except Invalid:  # f, j, w and z are no points of a Vietnamese law.
        return False
    return True


def _gaps(articles: Iterable[Article]) -> Iterator[Doubt]:
    """Points and clauses that do not follow each other: 1 then 3, e before đ."""
    before: dict[tuple[str, str], int] = {}
    for one in articles:
        place = _place(one)
        if place is None:
            continue
        series = (one.ref.rpartition(".")[0], one.kind)
        last = before.get(series, 0)
        if place < last:
            yield Doubt("order", _address(one))
        elif place > last + 1:
            yield Doubt("gap", _address(one))
        before[series] = place


def _place(one: Article) -> int | None:
    """The place of a part in its series, from 1; None for what has a letter or number added (3a, a1)."""
    name = one.label.rpartition(" ")[2]
    if one.kind in ("article", "clause"):
        return int(name) if name.isdecimal() else None
    if one.kind == "point":
        letter, added = point_key(name)
        return None if added else letter + 1
    return None


def _address(one: Article) -> str:
    """Where a part stands, as people say it: điểm đ khoản 2 Điều 3."""
    names = {"dieu": "Điều", "khoan": "khoản", "diem": "điểm"}
    steps = [step.partition("-") for step in one.ref.split(".")]
    return " ".join(f"{names.get(kind, kind)} {name}" for kind, _, name in reversed(steps))


def address_of(articles: Iterable[Article], ref: str) -> str:
    """How people call a part: "điểm đ khoản 2 Điều 3"; empty for the whole text."""
    found = next((one for one in articles if one.ref == ref), None)
    if found is None:
        return ref
    return _address(found) if found.kind in ("article", "clause", "point") else found.label


def written(articles: Iterable[Article]) -> str:
    """The text again, so that a person can correct it and it is recognised anew the same way."""
    return "\n".join(_lines(one) for one in articles)


def _lines(one: Article) -> str:
    first, _, rest = one.text.partition("\n")
    name = one.label.rpartition(" ")[2]
    head = {
        "chapter": f"{one.label}. {first}".rstrip(". "),
        "section": f"{one.label}. {first}".rstrip(". "),
        "article": f"{one.label}. {first}",
        "clause": f"{name}. {first}",
        "point": f"{name}) {first}",
    }.get(one.kind, first)
    return "\n".join([head, *(_guarded(line) for line in rest.split("\n") if line)])


def _guarded(line: str) -> str:
    """A line that goes on, marked where it would be taken for a beginning."""
    begins = any(form.fullmatch(line) for form in (_CHAPTER, _SECTION, _ARTICLE, _CLAUSE, _POINT))
    return f"{PLAIN} {line}" if begins else line


def read_docx(content: bytes) -> str:
    """The words of a .docx, a line a paragraph. BadDraft when it is none, TooLarge when it unfolds too far."""
    if len(content) > DOCX_BYTES:
        raise TooLarge(f"A draft may have {DOCX_BYTES // 1024**2} MB.", field="file")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(one.file_size for one in packed.infolist())
        if unpacked > UNPACKED_MAX:
            raise TooLarge("This .docx unfolds to more than 60 MB; send it without pictures.", field="file")
        return "\n".join(_docx_lines(io.BytesIO(content)))
    except _BROKEN as cause:
        raise BadDraft(
            "The file is no .docx that can be read. Save it anew, or paste the text.", field="file"
        ) from cause


def _docx_lines(source: io.BytesIO) -> Iterator[str]:
    doc = Document(source)
    numbers = _Numbering(doc)
    for block in doc.iter_inner_content():
        if isinstance(block, Table):
            for row in block.rows:
                yield " | ".join(cell.text.replace("\n", " ").strip() for cell in row.cells)
        else:
            yield f"{numbers.of(block)} {block.text}".strip()


class _Numbering:
    """The numbers that a word processor shows before paragraphs and keeps apart from their text."""

    def __init__(self, doc: Doc) -> None:
        try:
            self._lists: Any = doc.part.part_related_by(RELATIONSHIP_TYPE.NUMBERING).element  # type: ignore[attr-defined]
        except KeyError:
            self._lists = None
        self._counts: dict[str, dict[int, int]] = {}

    def of(self, paragraph: Paragraph) -> str:
        """What stands before a paragraph, e.g. "Điều 3." or "b)"; empty for bullets and plain paragraphs."""
        style: Any = paragraph.style
        places: list[Any] = [paragraph._p.pPr, style.element.pPr if style is not None else None]
        numbered = (one.numPr for one in places if one is not None and one.numPr is not None)
        found = next((one for one in numbered if one.numId is not None), None)
        if self._lists is None or found is None:
            return ""
        level = found.ilvl.val if found.ilvl is not None else 0
        kinds = self._lists.xpath(f"w:num[@w:numId='{int(found.numId.val)}']/w:abstractNumId/@w:val")
        return self._next(kinds[0], level) if kinds else ""

    def _next(self, kind: str, level: int) -> str:
        counts = self._counts.setdefault(kind, {})
        for deeper in [one for one in counts if one > level]:
            del counts[deeper]
        counts[level] = counts[level] + 1 if level in counts else int(self._said(kind, level, "start") or 1)
        shown = self._said(kind, level, "lvlText")
        for one in range(level + 1):
            form = _FORMS.get(self._said(kind, one, "numFmt"))
            shown = shown.replace(f"%{one + 1}", form(counts.get(one, 1)) if form else "")
        return shown if self._said(kind, level, "numFmt") in _FORMS else ""

    def _said(self, kind: str, level: int, name: str) -> str:
        path = f"w:abstractNum[@w:abstractNumId='{kind}']/w:lvl[@w:ilvl='{level}']/w:{name}/@w:val"
        return str(next(iter(self._lists.xpath(path)), ""))


def _roman(number: int) -> str:
    said = ""
    for letters, worth in _ROMAN:
        many, number = divmod(number, worth)
        said += letters * many
    return said


_ROMAN = (
    *(("M", 1000), ("CM", 900), ("D", 500), ("CD", 400), ("C", 100), ("XC", 90)),
    *(("L", 50), ("XL", 40), ("X", 10), ("IX", 9), ("V", 5), ("IV", 4), ("I", 1)),
)
_FORMS: dict[str, Callable[[int], str]] = {  # Of numbers, by the name that the file format gives them.
    "decimal": str,
    "decimalZero": lambda number: f"{number:02}",
    "lowerLetter": lambda number: chr(97 + (number - 1) % 26),
    "upperLetter": lambda number: chr(65 + (number - 1) % 26),
    "upperRoman": _roman,
    "lowerRoman": lambda number: _roman(number).lower(),
}


def read_file(name: str, content: bytes) -> str:
    """The words of an uploaded draft: .docx by its content, else plain text in UTF-8."""
    if content.startswith(b"PK"):
        return read_docx(content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise BadDraft(
            f"“{name[-60:]}” is neither a .docx nor a text in UTF-8. Save it as .docx, or paste the text.", field="file"
        ) from cause


Piece = tuple[Literal["same", "out", "in"], str]


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of one part between two rounds; `pieces` tell the words kept, taken out and put in."""

    ref: str
    label: str
    kind: Literal["new", "gone", "changed", "same"]
    pieces: tuple[Piece, ...]


def compare(before: Iterable[Article], after: Iterable[Article]) -> tuple[Changed, ...]:
    """Part by part by its reference, in the order of the newer text; what is gone stands where it stood."""
    old, new = list(before), list(after)
    by_ref = {one.ref: one for one in old}
    order = SequenceMatcher(None, [one.ref for one in old], [one.ref for one in new], autojunk=False)
    found: list[Changed] = []
    kept = {one.ref for one in new}
    for _, i1, i2, j1, j2 in order.get_opcodes():
        found += [_gone(old, one) for one in old[i1:i2] if one.ref not in kept]
        found += [_change(new, by_ref.get(one.ref), one) for one in new[j1:j2]]
    return tuple(found)


def _gone(articles: list[Article], one: Article) -> Changed:
    return Changed(one.ref, address_of(articles, one.ref), "gone", (("out", one.text),))


def _change(articles: list[Article], before: Article | None, one: Article) -> Changed:
    label = address_of(articles, one.ref)
    if before is None:
        return Changed(one.ref, label, "new", (("in", one.text),))
    if before.text == one.text:
        return Changed(one.ref, label, "same", (("same", one.text),))
    return Changed(one.ref, label, "changed", tuple(_pieces(before.text, one.text)))


def _pieces(before: str, after: str) -> Iterator[Piece]:
    """Word by word."""
    old, new = re.findall(r"\S+\s*", before), re.findall(r"\S+\s*", after)
    for what, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            yield "same", "".join(new[j1:j2])
            continue
        if i2 > i1:
            yield "out", "".join(old[i1:i2])
        if j2 > j1:
            yield "in", "".join(new[j1:j2])
