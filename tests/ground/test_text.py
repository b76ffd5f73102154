"""Vietnamese text is folded, ordered and written as Vietnam does."""

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.ground.clock import from_iso
from dothi.ground.errors import Invalid
from dothi.ground.text import (
    POINTS,
    fold,
    format_date,
    format_datetime,
    format_number,
    format_time,
    nfc,
    point_key,
    slug,
    sort_key,
)


def test_nfc_makes_two_spellings_one() -> None:
    """A letter typed with combining marks is the same text as the composed letter."""
    assert nfc("Hue\u0302\u0301") == "Huế"


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Đà Nẵng", "da nang"),
        ("Ðà Nẵng", "da nang"),  # U+00D0 in place of U+0110
        ("TP. Hồ Chí Minh", "tp. ho chi minh"),
        ("Thừa  Thiên\u00a0Huế", "thua thien hue"),
        ("Hoà Bình", "hoa binh"),
        ("Hòa Bình", "hoa binh"),
        ("Hue\u0302\u0301", "hue"),
        ("Phường Ô Chợ Dừa", "phuong o cho dua"),
        ("Thuỷ Nguyên", "thuy nguyen"),
        ("ƯỚC", "uoc"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    """Search ignores case, marks, tone placement and the bar of đ."""
    assert fold(text) == folded


@given(st.text())
def test_fold_is_stable(text: str) -> None:
    """Folding what is folded changes nothing, and Unicode's two forms fold alike."""
    assert fold(fold(text)) == fold(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(st.text())
def test_slug_is_plain(text: str) -> None:
    """A slug holds nothing but a-z, 0-9 and hyphens between them."""
    assert set(slug(text)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not slug(text).startswith("-")
    assert slug("Phường Đức Nhuận — 2") == "phuong-duc-nhuan-2"


@pytest.mark.parametrize(
    "ordered",
    [
        ["An Giang", "Ăn", "Ân", "Bà Rịa", "Cà Mau", "Da", "Đa", "Em", "Êm", "Gia Lai"],
        ["ba", "bà", "bả", "bã", "bá", "bạ", "băng"],
        ["Phường 1", "Phường 2", "Phường 10", "Phường Bến Nghé"],
        ["Huế", "Hưng Yên", "Lai Châu", "Lạng Sơn", "Lào Cai"],
        ["Hòa Bình", "Hoa Lư", "Hoài Đức"],  # Letters decide before tones do; a space comes before letters.
        ["Oanh", "Ôn", "Ơn", "Pa"],
    ],
)
def test_alphabetical_order(ordered: list[str]) -> None:
    """Lists sort as a Vietnamese dictionary does, whatever order they came in."""
    assert sorted(sorted(ordered, reverse=True), key=sort_key) == ordered


@given(st.lists(st.text(max_size=8), max_size=6))
def test_any_text_can_be_sorted(texts: list[str]) -> None:
    """Every text has a key that compares with every other, and only equal texts have equal keys."""
    assert sorted(sorted(texts, key=sort_key, reverse=True), key=sort_key) == sorted(texts, key=sort_key)


def test_points_of_law() -> None:
    """The points run a, b, c, d, đ, e, g, h: with đ after d, and without f, j, w and z."""
    assert "".join(sorted(POINTS, key=point_key)) == "abcdđeghiklmnopqrstuvxy"
    assert sorted(["e", "Đ", "d", "a1", "b", "a"], key=point_key) == ["a", "a1", "b", "d", "Đ", "e"]
    assert point_key("d\u0300"[0]) < point_key("Ð") < point_key("e")


@pytest.mark.parametrize("point", ["f", "w", "", "ab", "ă", "1", "a b"])
def test_what_is_no_point(point: str) -> None:
    """Other letters are refused."""
    with pytest.raises(Invalid):
        point_key(point)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1234567.8, None, "1.234.567,8"),
        (1234567, None, "1.234.567"),
        (35.5, 1, "35,5"),
        (3, 2, "3,00"),
        (-1234.5, 1, "-1.234,5"),
        (0.1 + 0.2, None, "0,3"),
        (2.0, None, "2"),
        (-0.04, 1, "0,0"),
        (-0.0, None, "0"),
        (math.nan, 1, "–"),
        (1e21, 0, "1.000.000.000.000.000.000.000"),
    ],
)
def test_numbers(value: float, decimals: int | None, text: str) -> None:
    """Numbers have dots between thousands and a decimal comma."""
    assert format_number(value, decimals) == text


def test_dates_are_vietnams() -> None:
    """An evening in UTC is the next day in Vietnam, written dd/MM/yyyy."""
    instant = from_iso("2026-02-16T18:05:00Z")
    assert format_date(instant) == "17/02/2026"
    assert format_time(instant) == "01:05"
    assert format_datetime(instant) == "01:05 17/02/2026"
