"""The short text of a warning for SMS and the spoken one for loudspeakers, both derived from the warning itself."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dothi.ground.clock import VIETNAM, from_iso, to_datetime
from dothi.operations.warnings.model import Kind, Warning

# The GSM 7-bit default alphabet (3GPP TS 23.038 section 6.2.1) and its extension, whose letters count twice.
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_TWICE = frozenset("^{}\\[~]|€\f")
_ONE, _MANY = {"GSM-7": 160, "UCS-2": 70}, {"GSM-7": 153, "UCS-2": 67}
_D = str.maketrans({"đ": "d", "Đ": "D", "–": "-", "—": "-", "…": "...", "“": '"', "”": '"', "’": "'", "°": " do "})
_SPACES = re.compile(r"\s+")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
MOST_LETTERS = 1530  # Ten segments: more is no short text.

HEADS: Mapping[str, Mapping[Kind, str]] = {
    "vi": {
        Kind.ALERT: "CẢNH BÁO",
        Kind.UPDATE: "CẬP NHẬT CẢNH BÁO",
        Kind.CANCEL: "HỦY CẢNH BÁO",
        Kind.ALL_CLEAR: "HẾT NGUY HIỂM",
    },
    "en": {
        Kind.ALERT: "WARNING",
        Kind.UPDATE: "WARNING UPDATE",
        Kind.CANCEL: "WARNING CANCELLED",
        Kind.ALL_CLEAR: "ALL CLEAR",
    },
}
DRILL = {"vi": "DIỄN TẬP", "en": "EXERCISE"}
_SAID = {  # How a loudspeaker says it; {n} are the parts found.
    "vi": {
        "drill": "Đây là diễn tập.",
        "until": "Thông báo này có hiệu lực đến {0}.",
        "again": "Xin nhắc lại.",
        "time": "{0} giờ {1} phút",
        "hour": "{0} giờ",
        "day": "ngày {0} tháng {1}",
        "year": "ngày {0} tháng {1} năm {2}",
        "range": "{0} đến {1}",
        "digits": "không một hai ba bốn năm sáu bảy tám chín",
    },
    "en": {
        "drill": "This is an exercise.",
        "until": "This message holds until {0}.",
        "again": "We repeat.",
        "time": "{0}:{1}",
        "hour": "{0} o'clock",
        "day": "{0}/{1}",
        "year": "{0}/{1}/{2}",
        "range": "{0} to {1}",
        "digits": "zero one two three four five six seven eight nine",
    },
}
_CLOCK = re.compile(r"\b([01]?\d|2[0-3])(?::|h|g)([0-5]\d)\b")
_DATE = re.compile(r"(?:ngày )?\b(\d{1,2})/(\d{1,2})(?:/(\d{4}))?\b")
_RANGE = re.compile(r"(?<=\d)\s*[-–]\s*(?=\d)")
_CALL = re.compile(r"(?<![\d.,/])11[2-5](?![\d.,/]*\d)")  # Emergency numbers are said digit by digit.
_UNTIL = {"vi": "đến {time}", "en": "until {time}"}
_MORE = {"vi": "{first} và {n} nơi khác", "en": "{first} and {n} other places"}


@dataclass(frozen=True, slots=True)
class Sms:
    """How a text travels as SMS: its coding, what it counts there, and in how many parts it goes."""

    coding: str  # GSM-7 or UCS-2.
    letters: int  # Septets, or UTF-16 units.
    segments: int


def sms(text: str) -> Sms:
    """How an SMS counts `text`: one letter outside GSM-7 makes all of it UCS-2 (70 letters instead of 160)."""
    if all(letter in GSM or letter in GSM_TWICE for letter in text):
        coding, letters = "GSM-7", len(text) + sum(letter in GSM_TWICE for letter in text)
    else:
        coding, letters = "UCS-2", len(text.encode("utf-16-le")) // 2
    parts = 1 if letters <= _ONE[coding] else -(-letters // _MANY[coding])
    return Sms(coding, letters, parts)


def without_marks(text: str) -> str:
    """Vietnamese without its marks, capitals kept, so that it fits GSM-7; what else does not fit becomes a space."""
    bare = unicodedata.normalize("NFD", text.translate(_D))
    kept = (letter for letter in bare if not unicodedata.combining(letter))
    return _SPACES.sub(" ", "".join(one if one in GSM else " " for one in kept)).strip()


def short_text(warning: Warning, language: str, letters: int, marks: bool = True) -> str:
    """One short text of at most `letters` (as an SMS counts them): what, where, until when, what to do.

    Told in this order; what does not fit is left out by whole sentences, never in the middle of a word. `marks` False
    takes the Vietnamese marks off, so that 160 letters go into one SMS instead of 70.
    """
    plain = (lambda text: text) if marks else without_marks
    cores = (plain(core) for core in _cores(warning, language))
    text = next((core for core in cores if sms(core).letters <= letters), None)
    if text is None:
        return _cut(plain(_cores(warning, language)[-1]), letters)
    for sentence in _sentences(warning.text(language).instruction):
        longer = f"{text} {plain(sentence)}"
        if sms(longer).letters > letters:
            break
        text = longer
    return text


def _cores(warning: Warning, language: str) -> tuple[str, ...]:
    """What must be said, from the whole to the shortest."""
    area, event = warning.area.get(language, ""), warning.event.get(language, "")
    headline = _SPACES.sub(" ", warning.text(language).headline).strip().rstrip(".")
    head, until = _head(warning, language), _until(warning, language)
    few = fewer_places(area, language)
    told = area.casefold() in headline.casefold() or few.casefold() in headline.casefold()  # Nothing is said twice.
    lines = ((headline, "" if told else area, until), (headline, "" if told else few, until), (event, few, until))
    whole = [f"{head}: {', '.join(part for part in line if part)}." for line in (*lines, (event, "", until))]
    return (*whole, f"{head}: {event}.")


def _head(warning: Warning, language: str) -> str:
    head = HEADS[language][warning.kind]
    return f"[{DRILL[language]}] {head}" if warning.drill else head


def _until(warning: Warning, language: str) -> str:
    if not warning.expires or warning.kind in (Kind.CANCEL, Kind.ALL_CLEAR):
        return ""
    return _UNTIL[language].format(time=f"{_local(warning.expires):%H:%M %d/%m}")


def fewer_places(area: str, language: str) -> str:
    """A long list of places as its first and the number of the others."""
    first, *others = [place.strip() for place in area.split(",")]
    return _MORE[language].format(first=first, n=len(others)) if len(others) > 1 else area


def _sentences(text: str) -> list[str]:
    found = (_SPACES.sub(" ", one).strip() for one in _SENTENCE.split(text))
    return [one for one in found if one]


def _cut(text: str, letters: int) -> str:
    """The words that fit, for who asks for less room than the shortest text needs."""
    words = text.split()
    while words and sms(" ".join(words)).letters > letters:
        words.pop()
    return " ".join(words)


def spoken_text(warning: Warning, language: str, units: Iterable[tuple[str, Mapping[str, str]]] = ()) -> str:
    """What a loudspeaker reads: whole sentences, numbers and units as they are said, what to do told twice.

    `units` are pairs (sign, words by language), from the rules in force.
    """
    said, text = _SAID[language], warning.text(language)
    drill = [said["drill"]] if warning.drill else []
    until = [said["until"].format(_spoken_instant(warning.expires, language))] if _until(warning, language) else []
    signs = {sign: names[language] for sign, names in units}
    head, lead, told, deed = (
        aloud(part, language, signs)
        for part in (HEADS[language][warning.kind].capitalize(), text.headline, text.description, text.instruction)
    )
    again = [said["again"], _sentence(lead), _sentence(deed)]
    parts = [*drill, _sentence(head), _sentence(lead), _sentence(told), _sentence(deed), *until, *again, *drill]
    return " ".join(part for part in parts if part)


def aloud(text: str, language: str, signs: Mapping[str, str]) -> str:
    """A text as it is said: times, days, ranges, emergency numbers and signs of units in words."""
    said = _SAID[language]
    text = _CLOCK.sub(lambda one: _spoken_clock(one[1], one[2], language), text)
    text = _DATE.sub(lambda one: said["year" if one[3] else "day"].format(*(int(p) for p in one.groups() if p)), text)
    text = _RANGE.sub(said["range"].format(" ", " ").replace("  ", " "), text)
    for sign in sorted(signs, key=len, reverse=True):
        text = re.sub(rf"(?<=\d)\s*{re.escape(sign)}(?!\w)", f" {signs[sign]}", text)
    digits = said["digits"].split()
    text = _CALL.sub(lambda one: one[0] if _is_measure(text, one.end(), signs) else _digits(one[0], digits), text)
    return _SPACES.sub(" ", text).strip()


def _is_measure(text: str, end: int, signs: Mapping[str, str]) -> bool:
    return any(text[end:].lstrip().startswith(words) for words in signs.values())


def _digits(number: str, digits: Sequence[str]) -> str:
    return " ".join(digits[int(one)] for one in number)


def _sentence(text: str) -> str:
    return text if not text or text[-1] in ".!?" else f"{text}."


def _spoken_clock(hour: str, minute: str, language: str) -> str:
    said = _SAID[language]
    if int(minute) == 0:
        return said["hour"].format(int(hour))
    return said["time"].format(int(hour), minute if language == "en" else int(minute))


def _spoken_instant(instant: str, language: str) -> str:
    local = _local(instant)
    clock = _spoken_clock(f"{local:%H}", f"{local:%M}", language)
    return f"{clock}, {_SAID[language]['day'].format(local.day, local.month)}"


def _local(instant: str) -> datetime:
    return to_datetime(from_iso(instant)).astimezone(VIETNAM)
