"""Deadlines as Vietnamese offices write them, read into days: "trước ngày 20/7", "Quý III/2026", "tháng 7/2025".

One table of forms, tried where they stand; the first that fits a place wins. A form without a year takes the year
of the reference day, or the next one when that day would already be past. "Trước ngày 20/7" is kept as 20 July, the
day that offices write down as the deadline (docs/decisions/0087).
"""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from dothi.ground.calendar import WorkingCalendar, add_working_days
from dothi.ground.errors import Invalid
from dothi.ground.text import nfc

FIRST_YEAR, LAST_YEAR = 2000, 2079
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_BEFORE = r"(?:chậm nhất|muộn nhất|không muộn hơn|hoàn thành|xong|trước|đến hết|hết|đến|trong|vào|là|hạn|ngày)"
_YEAR = r"(?:\s*(?:/|-|\.|năm)\s*(?P<year>20\d\d))"


@dataclass(frozen=True)
class Deadline:
    """A day, the words that said it, where they stand in the text, and what was taken for granted."""

    day: date
    words: str
    start: int
    end: int
    form: str  # Key of the form, e.g. "quarter".
    assumed: str = ""  # "year": the text names none. "reference": counted from the document's date.


@dataclass(frozen=True)
class Form:
    """One way to write a deadline: what it looks like, and the last day that it means."""

    key: str
    pattern: re.Pattern[str]
    last: Callable[[re.Match[str], int], date]  # The match and the year → the last day.


def _day(found: re.Match[str], year: int) -> date:
    return date(year, int(found["month"]), int(found["day"]))


def _month_end(found: re.Match[str], year: int) -> date:
    month = int(found["month"])
    return date(year, month, calendar.monthrange(year, month)[1])


def _quarter_end(found: re.Match[str], year: int) -> date:
    said = found["quarter"].lower()
    month = 3 * (_ROMAN.get(said) or int(said))
    return date(year, month, calendar.monthrange(year, month)[1])


def _half_end(found: re.Match[str], year: int) -> date:
    return date(year, 6, 30) if found["half"].lower() in ("đầu", "i", "1") else date(year, 12, 31)


def _year_end(found: re.Match[str], year: int) -> date:
    return date(year, 12, 31)


def _form(key: str, pattern: str, last: Callable[[re.Match[str], int], date]) -> Form:
    return Form(key, re.compile(pattern, re.IGNORECASE), last)


FORMS: tuple[Form, ...] = (
    _form("iso", r"(?<!\d)(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)(?!\d)", _day),
    _form("day_in_words", rf"ngày\s+(?P<day>\d\d?)\s+tháng\s+(?P<month>\d\d?){_YEAR}?", _day),
    _form("day", r"(?<![\d/.])(?P<day>\d\d?)\s*[/.]\s*(?P<month>\d\d?)\s*[/.]\s*(?P<year>20\d\d)(?![\d/])", _day),
    _form("day_dashed", r"(?<![\d-])(?P<day>\d\d?)-(?P<month>\d\d?)-(?P<year>20\d\d)(?!\d)", _day),
    _form("quarter", rf"quý\s+(?P<quarter>IV|III|II|I|[1-4])(?!\w){_YEAR}?", _quarter_end),
    _form("month", rf"tháng\s+(?P<month>\d\d?)(?!\d){_YEAR}?", _month_end),
    _form("half", r"(?:6|06|sáu)\s+tháng\s+(?P<half>đầu|cuối)\s+năm(?:\s+(?P<year>20\d\d))?", _half_end),
    _form(
        "day_without_year",
        rf"{_BEFORE}\s+(?P<day>\d\d?)\s*[/-]\s*(?P<month>\d\d?)(?![\d/-])",
        _day,
    ),
    _form("year", r"(?:trong|hết|cuối|trước|vào|hoàn thành)\s+năm\s+(?P<year>20\d\d)", _year_end),
)
# A cell of a table says nothing but the date: there a bare month/year, a day and month or a year is enough.
CELL_FORMS: tuple[Form, ...] = (
    *FORMS,
    _form("cell_quarter", r"^\s*q?(?P<quarter>IV|III|II|I|[1-4])\s*[/-]\s*(?P<year>20\d\d)\s*$", _quarter_end),
    _form("cell_day", r"^\s*(?P<day>\d\d?)\s*/\s*(?P<month>\d\d?)\s*$", _day),
    _form("cell_month", r"^\s*(?P<month>\d\d?)\s*/\s*(?P<year>20\d\d)\s*$", _month_end),
    _form("cell_year", r"^\s*(?:năm\s+)?(?P<year>20\d\d)\s*$", _year_end),
)
# "ngày 15 hằng tháng" is a rhythm, no deadline of one task; "ngày 29/6/2022" after a document's number is its date.
RHYTHM = re.compile(r"h[ằà]ng\s+(?:ngày|tuần|tháng|quý|năm)|định kỳ", re.IGNORECASE)
_DATE_OF_DOCUMENT = re.compile(r"(?:số\s*:?\s*\d|luật\s|nghị quyết\s|quyết định\s)[^,;.]{0,80}ngày\s*$", re.IGNORECASE)
_SPAN_OF_YEARS = re.compile(r"(?:giai đoạn|định hướng đến|tầm nhìn(?: đến)?|từ)\s*(?:năm\s*)?$", re.IGNORECASE)
_RELATIVE = re.compile(
    r"trong\s+(?:thời\s+hạn|vòng)\s+(?P<count>\d{1,3})\s+(?P<unit>ngày\s+làm\s+việc|ngày|tháng)", re.IGNORECASE
)


def deadlines(
    text: str, reference: date | None, calendar_: WorkingCalendar | None = None, forms: tuple[Form, ...] = FORMS
) -> list[Deadline]:
    """Every deadline that the text says, in its order. `reference` is the day of the document, if it is known."""
    found: list[Deadline] = []
    for form in forms:
        for match in form.pattern.finditer(text):
            if _overlaps(match, found) or not _is_deadline(text, match, form):
                continue
            read = _read(form, match, reference)
            if read is not None:
                found.append(read)
    if calendar_ is not None and reference is not None:
        found += _relative(text, reference, calendar_)
    return sorted(found, key=lambda one: one.start)


def cell_deadline(text: str, reference: date) -> Deadline:
    """The one deadline of a table's cell. Invalid says what is wrong: none, several, or a day that is none."""
    said = nfc(text).strip()
    found = deadlines(said, reference, forms=CELL_FORMS)
    if not found:
        raise Invalid(f"“{said[:40]}” is no deadline.", problem="no_date" if not _digits(said) else "bad_date")
    return found[-1]  # "Từ tháng 3/2026 đến tháng 6/2026" ends with its last day.


def _digits(text: str) -> bool:
    return any(char.isdigit() for char in text)


def _read(form: Form, match: re.Match[str], reference: date | None) -> Deadline | None:
    said = match.groupdict().get("year")
    if said is None and reference is None:
        return None
    year = int(said) if said else reference.year  # type: ignore[union-attr]  # One of the two is there.
    try:
        day = form.last(match, year)
        if said is None and reference is not None and day < reference:
            day = form.last(match, year + 1)
    except ValueError:
        return None  # 31/02 and the like: no day at all.
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        return None
    return Deadline(day, match[0].strip(), match.start(), match.end(), form.key, "" if said else "year")


def _is_deadline(text: str, match: re.Match[str], form: Form) -> bool:
    before, after = text[max(0, match.start() - 110) : match.start()], text[match.end() : match.end() + 25]
    if RHYTHM.match(after.strip()) or RHYTHM.search(before[-12:]):
        return False
    dated = before + (match[0][:5] if match[0].lower().startswith("ngày") else "")
    return not (_DATE_OF_DOCUMENT.search(dated) or (form.key == "year" and _SPAN_OF_YEARS.search(before)))


def _overlaps(match: re.Match[str], found: list[Deadline]) -> bool:
    return any(match.start() < one.end and one.start < match.end() for one in found)


def _relative(text: str, reference: date, calendar_: WorkingCalendar) -> list[Deadline]:
    """A term such as “trong thời hạn 10 ngày làm việc”, from the document's day, which does not count."""
    found = []
    for match in _RELATIVE.finditer(text):
        count, unit = int(match["count"]), " ".join(match["unit"].lower().split())
        if unit == "ngày làm việc":
            day = add_working_days(reference, count, calendar_)
        else:
            day = reference + timedelta(days=count * (30 if unit == "tháng" else 1))
        found.append(Deadline(day, match[0], match.start(), match.end(), "relative", "reference"))
    return found
