"""Vietnamese text: one form at the door, folding for search, alphabetical order, numbers, dates and slugs."""

import math
import re
import unicodedata

from dothi.ground.clock import VIETNAM, to_datetime
from dothi.ground.errors import Invalid

ALPHABET = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"  # The Vietnamese alphabet; f, j, w, z of foreign words in their place.
POINTS = "abcdđeghiklmnopqrstuvxy"  # The points of a clause of law, in order: no ă, â, ê, ô, ơ, ư.
_TONES = "\u0300\u0309\u0303\u0301\u0323"  # huyền, hỏi, ngã, sắc, nặng: in the order of dictionaries.
_LETTER_MARKS = "\u0302\u0306\u031b"  # Circumflex, breve and horn make letters, not tones.
_D = str.maketrans({"đ": "d", "Đ": "d", "ð": "d", "Ð": "d"})  # U+00D0 is often typed for U+0110: they look the same.
# Every combining mark of Unicode; the last one known is U+1E94A.
_MARKS = dict.fromkeys(code for code in range(0x300, 0x1E94B) if unicodedata.combining(chr(code)))
_RANK = {letter: place for place, letter in enumerate(ALPHABET)}
_POINT = re.compile(rf"([{POINTS}])(\d*)", re.IGNORECASE)
_COMMA = str.maketrans(",.", ".,")
_PIECE = re.compile(r"\d+|\D")

SortKey = tuple[tuple[tuple[int, int, str], ...], tuple[int, ...], str]


def nfc(text: str) -> str:
    """The text in Unicode form C, in which all text enters dothi: two ways to type ệ become one."""
    return unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """The text as search compares it: small letters without marks, đ as d, single spaces; hoà and hòa are one."""
    bare = unicodedata.normalize("NFD", text.translate(_D).lower())
    return " ".join(bare.translate(_MARKS).translate(_D).split())


def slug(text: str) -> str:
    """The text as a part of an address or file name: a-z, 0-9 and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", fold(text)).strip("-")


def sort_key(text: str) -> SortKey:
    """The key of Vietnamese alphabetical order: letters first, then tones word by word, then the text itself.

    This is the order of Unicode collation for Vietnamese (CLDR), so lists sorted by a browser or database agree.

    Numbers compare as numbers, so that Phường 2 stands before Phường 10.
    """
    small = nfc(text).strip().replace("Ð", "Đ").lower()
    letters = [_split(char) for char in small]
    plain = "".join(letter for letter, _ in letters)
    return tuple(_weight(piece) for piece in _PIECE.findall(plain)), _tones(letters), text


def _split(char: str) -> tuple[str, int]:
    """A letter without its tone, and the tone's place (0 = ngang)."""
    parts = unicodedata.normalize("NFD", char)
    kept = "".join(part for part in parts if part not in _TONES)
    tone = next((_TONES.index(part) + 1 for part in parts if part in _TONES), 0)
    return unicodedata.normalize("NFC", kept) or char, tone


def _tones(letters: list[tuple[str, int]]) -> tuple[int, ...]:
    """One tone a word: where in the word it is typed says nothing."""
    tones = [0]
    for letter, tone in letters:
        if letter.isspace():
            tones.append(0)
        tones[-1] = max(tones[-1], tone)
    return tuple(tones)


def _weight(piece: str) -> tuple[int, int, str]:
    if piece.isspace():
        return 0, 0, ""
    if piece[0].isdecimal():
        digits = piece.lstrip("0")
        return 1, len(digits), digits
    if piece in _RANK:
        return 2, _RANK[piece], ""
    return 3, 0, piece


def point_key(point: str) -> tuple[int, int]:
    """The place of a point of law in Vietnamese order (…, d, đ, e, g, h, …); "a1" stands after "a"."""
    found = _POINT.fullmatch(nfc(point).strip().replace("Ð", "đ"))
    if found is None:
        raise Invalid(f"“{point[:20]}” is not a point of law; points are {', '.join(POINTS)}, or one with a number.")
    return POINTS.index(found[1].lower()), int(found[2][:9] or 0)


def format_number(value: float, decimals: int | None = None) -> str:
    """A number as Vietnam writes it, 1.234.567,8; `decimals` fixes the digits after the comma. NaN is a dash."""
    if not math.isfinite(value):
        return "–"
    text = f"{value:,}" if decimals is None and isinstance(value, int) else f"{value:,.{_places(value, decimals)}f}"
    signed = text if text.strip("-0.,") else text.lstrip("-")  # No minus before a rounded zero.
    return signed.translate(_COMMA)


def _places(value: float, decimals: int | None) -> int:
    """As many digits after the comma as the number has (at most 10), when nobody said how many."""
    return len(f"{value:.10f}".rstrip("0").partition(".")[2]) if decimals is None else decimals


def format_date(instant: int) -> str:
    """The day of an instant (µs) in Vietnam as dd/MM/yyyy."""
    return f"{to_datetime(instant).astimezone(VIETNAM):%d/%m/%Y}"


def format_time(instant: int) -> str:
    """The time of day of an instant (µs) in Vietnam as HH:mm."""
    return f"{to_datetime(instant).astimezone(VIETNAM):%H:%M}"


def format_datetime(instant: int) -> str:
    """An instant (µs) in Vietnam as HH:mm dd/MM/yyyy, the order in which it is said."""
    return f"{format_time(instant)} {format_date(instant)}"
