"""The wording of the screens: the same keys in both languages, and every key that pages use."""

import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from dothi.accounts.events import Kind
from dothi.accounts.roles import ROLES
from dothi.ground.clock import DAY, HOUR, MINUTE, SECOND, from_iso
from dothi.web.page import TEMPLATES
from dothi.web.words import LANGUAGES, Entry, Words, load, read_day

CATALOGUES = {language: load(language) for language in LANGUAGES}
VI, EN = (Words(language, CATALOGUES[language]) for language in LANGUAGES)
WEB = TEMPLATES.parent
USED = re.compile(r"""(?<![\w.])t\(\s*f?["']([\w.]+\.[\w.]*[\w])["']\s*[,)]""")
NOW = from_iso("2026-11-22T08:00:00Z")


def texts(entry: Entry) -> list[str]:
    return [entry] if isinstance(entry, str) else list(entry.values())


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def used() -> Iterator[tuple[Path, str]]:
    for path in (*TEMPLATES.rglob("*.html"), *WEB.rglob("*.py")):
        for key in USED.findall(path.read_text(encoding="utf-8")):
            yield path, key


def test_both_languages_have_the_same_keys() -> None:
    """What one language says, the other says too."""
    assert sorted(CATALOGUES["vi"].keys() ^ CATALOGUES["en"].keys()) == []


def test_both_languages_fill_in_the_same_names() -> None:
    """A text asks for the same values in both languages (a plural form may leave out its number)."""
    for key in CATALOGUES["vi"].keys() & CATALOGUES["en"].keys():
        vi, en = ({name for text in texts(CATALOGUES[language][key]) for name in names(text)} for language in LANGUAGES)
        assert vi - {"n"} == en - {"n"}, key


def test_every_key_that_pages_use_has_a_text() -> None:
    """Each literal t("…") of templates and pages is in the catalogues."""
    found = list(used())
    assert len(found) > 100
    assert [(path.name, key) for path, key in found if key not in CATALOGUES["vi"]] == []


def test_keys_made_of_tables_have_a_text() -> None:
    """Roles, their duties and the kinds of events are named in both languages."""
    keys = [*(f"role.{role}" for role in ROLES), *(f"accounts.duty.{role}" for role in ROLES)]
    keys += [f"event.{kind}" for kind in Kind]
    assert [key for key in keys if not (VI.has(key) and EN.has(key))] == []


def test_a_missing_key_is_shown_in_brackets(caplog: pytest.LogCaptureFixture) -> None:
    """A page with a missing text still opens, and the tests and the log tell it."""
    assert VI.t("no.such.key") == "⟦no.such.key⟧"
    assert "no.such.key" in caplog.text


@pytest.mark.parametrize(
    ("past", "vi", "en"),
    [
        (0, "vừa xong", "just now"),
        (3 * MINUTE, "3 phút trước", "3 minutes ago"),
        (HOUR, "1 giờ trước", "1 hour ago"),
        (5 * DAY, "5 ngày trước", "5 days ago"),
        (-3 * DAY, "còn 3 ngày", "3 days left"),
        (-30 * SECOND, "còn 30 giây", "30 seconds left"),
        (40 * DAY, "13/10/2026", "13/10/2026"),
    ],
)
def test_ages(past: int, vi: str, en: str) -> None:
    """An age is told in the largest unit that fits, and as a date when it is long past."""
    assert (VI.age(NOW - past, NOW), EN.age(NOW - past, NOW)) == (vi, en)


@pytest.mark.parametrize(
    ("past", "vi", "en"),
    [
        (-98 * DAY, "còn 98 ngày", "98 days left"),
        (-3 * DAY, "còn 3 ngày", "3 days left"),
        (3 * DAY, "quá 3 ngày", "3 days overdue"),
        (40 * DAY, "quá 40 ngày", "40 days overdue"),
        (30 * SECOND, "quá 30 giây", "30 seconds overdue"),
    ],
)
def test_what_is_left_of_a_deadline(past: int, vi: str, en: str) -> None:
    """A deadline says what is left of it, and by how much it is over, however long ago."""
    assert (VI.left(NOW - past, NOW), EN.left(NOW - past, NOW)) == (vi, en)


def test_numbers() -> None:
    """Vietnamese numbers carry a decimal comma, English ones a point; what is not there is a dash, never zero."""
    assert (VI.number(1234.5), EN.number(1234.5)) == ("1.234,5", "1,234.5")
    assert (VI.number(None), VI.number(float("nan")), VI.percent(0.915, 1)) == ("–", "–", "91,5 %")


def test_days() -> None:
    """A day is read as it is written in Vietnam, and begins at midnight there."""
    assert read_day("22/11/2026") == read_day("2026-11-22") == from_iso("2026-11-22T00:00:00+07:00")
    assert read_day("31/02/2026") is None
