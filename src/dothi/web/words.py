"""All wording of the screens: catalogues by language, and numbers, dates and ages as people write them."""

import logging
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dothi.ground.clock import DAY, HOUR, MINUTE, SECOND, VIETNAM, from_datetime, from_iso, now_us, to_datetime
from dothi.ground.text import format_date, format_datetime, format_number, format_time

LANGUAGES = ("vi", "en")  # The first one is the language of the house.
FOLDER = Path(__file__).parent / "catalogue"
Entry = str | Mapping[str, str]  # A text, or {one, other} chosen by the number n.
_log = logging.getLogger(__name__)
_AGES = (  # From this age on (µs), told in this unit (µs), by this key.
    (2 * DAY, DAY, "common.age.days"),
    (HOUR, HOUR, "common.age.hours"),
    (MINUTE, MINUTE, "common.age.minutes"),
    (0, SECOND, "common.age.seconds"),
)


def load(language: str, folder: Path = FOLDER) -> dict[str, Entry]:
    """The catalogue of a language: one TOML file a module; the file's name is the first part of each key."""
    found: dict[str, Entry] = {}
    for path in sorted((folder / language).glob("*.toml")):
        _flatten(path.stem, tomllib.loads(path.read_text(encoding="utf-8")), found)
    return found


def _flatten(prefix: str, table: Mapping[str, Any], found: dict[str, Entry]) -> None:
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if isinstance(value, Mapping) and "other" not in value:
            _flatten(key, value, found)
        else:
            found[key] = value


@dataclass(frozen=True)
class Words:
    """One language's wording and formats; templates and pages speak through it."""

    language: str
    catalogue: Mapping[str, Entry]

    def t(self, key: str, **values: object) -> str:
        """The text of `key` with {names} filled in; `n` chooses singular or plural and is written as a number.

        A key that is missing is logged and shown as ⟦key⟧: the tests look for these brackets on every page.
        """
        entry = self.catalogue.get(key)
        if entry is None:
            _log.error("The %s catalogue has no text for %s", self.language, key)
            return f"⟦{key}⟧"
        if not isinstance(entry, str):
            entry = entry["one"] if values.get("n") == 1 and "one" in entry else entry["other"]
        return entry.format_map({name: self._shown(value) for name, value in values.items()})

    def has(self, key: str) -> bool:
        """Whether the catalogue has a text for `key`."""
        return key in self.catalogue

    def pick(self, by_language: Mapping[str, str] | str | None) -> str:
        """The text of a language map ({"vi": …, "en": …}) in this language, else in Vietnamese, else any."""
        if by_language is None or isinstance(by_language, str):
            return by_language or ""
        return by_language.get(self.language) or by_language.get("vi") or next(iter(by_language.values()), "")

    def number(self, value: float | None, decimals: int | None = None) -> str:
        """A number: 1.234,5 in Vietnamese, 1,234.5 in English; a dash where there is none."""
        if value is None or not math.isfinite(value):
            return "–"
        text = format_number(value, decimals)
        return text if self.language == "vi" else text.translate(str.maketrans(",.", ".,"))

    def percent(self, share: float | None, decimals: int = 0) -> str:
        """A share (0 to 1) as a percentage."""
        return "–" if share is None else f"{self.number(share * 100, decimals)} %"

    def date(self, instant: int | str | None) -> str:
        """The day of an instant (µs or ISO 8601) in Vietnam: dd/MM/yyyy in both languages."""
        return "–" if instant is None else format_date(_instant(instant))

    def time(self, instant: int | str | None) -> str:
        """The time of day of an instant in Vietnam: HH:mm."""
        return "–" if instant is None else format_time(_instant(instant))

    def when(self, instant: int | str | None) -> str:
        """Time and day of an instant in Vietnam: HH:mm dd/MM/yyyy."""
        return "–" if instant is None else format_datetime(_instant(instant))

    def age(self, instant: int | str | None, now: int | None = None) -> str:
        """How long ago (3 phút trước) or how far ahead (còn 2 ngày); the date beyond 30 days."""
        if instant is None:
            return self.t("common.age.never")
        past = (now_us() if now is None else now) - _instant(instant)
        if abs(past) > 30 * DAY:
            return self.date(instant)
        if 0 <= past < MINUTE:
            return self.t("common.age.now")
        unit, key = _unit_of_age(past)
        return self.t(key + (".ago" if past > 0 else ".ahead"), n=abs(past) // unit)

    def left(self, due: int | str | None, now: int | None = None) -> str:
        """What is left until a deadline (còn 2 ngày), or by how much it is over (quá 3 ngày)."""
        past = 0 if due is None else (now_us() if now is None else now) - _instant(due)
        if past < -30 * DAY:  # A date here would only repeat the deadline that stands beside it.
            return self.t("common.age.days.ahead", n=-past // DAY)
        if past <= 0:
            return self.age(due, now)
        unit, key = _unit_of_age(past)
        return self.t(f"{key}.over", n=past // unit)

    def _shown(self, value: object) -> object:
        return self.number(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _unit_of_age(past: int) -> tuple[int, str]:
    """(unit in µs, key) in which a span is told."""
    return next(((unit, key) for least, unit, key in _AGES if abs(past) >= least), (SECOND, "common.age.seconds"))


def read_day(text: str) -> int | None:
    """The first instant (µs) of a day in Vietnam written dd/MM/yyyy or yyyy-MM-dd; None when it is neither."""
    for form in ("%d/%m/%Y", "%Y-%m-%d"):
        try:
            return from_datetime(datetime.strptime(text.strip(), form).replace(tzinfo=VIETNAM))
        except (ValueError, OverflowError):
            continue
    return None


def _instant(moment: int | str) -> int:
    return from_iso(moment) if isinstance(moment, str) else moment


def machine_time(moment: int | str) -> str:
    """The instant as the datetime attribute of a <time> element wants it, in the zone of Vietnam."""
    return to_datetime(_instant(moment)).astimezone(VIETNAM).isoformat(timespec="seconds")
