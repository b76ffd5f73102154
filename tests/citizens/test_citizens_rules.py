"""The rules of reports: samples are well formed, hints see what they must, an answer must say something."""

import pytest

from dothi.citizens.rules import HIDDEN, load, without_personal
from dothi.ground.calendar import vietnam
from dothi.ground.clock import from_iso, iso
from dothi.ground.errors import Invalid

RULES = load()


def test_every_category_has_both_names_and_a_limit_that_leaves_time_to_receive() -> None:
    """No category promises an answer before it must have been received."""
    assert RULES.sample
    for one in RULES.categories.values():
        assert one.names["vi"]
        assert one.names["en"]
        assert one.evidence in ("photo", "any")
        assert one.handle_hours >= (RULES.receive_hours_urgent if one.urgent else RULES.receive_hours)


def test_an_unknown_category_is_refused_with_those_there_are() -> None:
    """The error names the field and the choices."""
    with pytest.raises(Invalid, match="street_light") as caught:
        RULES.category("ufo")
    assert caught.value.fields["field"] == "category"


def test_limits_count_working_hours() -> None:
    """Filed on Friday at 16:00, eight working hours end on Monday at 16:00; urgent hours run through the night."""
    calendar, friday = vietnam(), from_iso("2026-11-20T16:00:00+07:00")
    normal, urgent = RULES.category("street_light"), RULES.category("flooding")
    assert iso(RULES.receive_by(friday, normal, calendar)) == "2026-11-23T09:00:00Z"
    assert iso(RULES.receive_by(friday, urgent, calendar)) == "2026-11-20T13:00:00Z"


@pytest.mark.parametrize(
    "text",
    ["Có cháy nhà ở kiệt 12", "co CHAY NHA", "vừa có tai nạn, người bị thương nằm trên đường", "hai nhóm đánh nhau"],
)
def test_an_emergency_is_seen_with_and_without_marks(text: str) -> None:
    """Words of an emergency show the numbers to call."""
    assert RULES.hint(text).emergency


@pytest.mark.parametrize("text", ["Đèn không cháy sáng", "Rác để ngập lối", "Nắp cống mất"])
def test_ordinary_words_are_no_emergency(text: str) -> None:
    """A lamp that does not burn is no fire."""
    assert not RULES.hint(text).emergency


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Gọi tôi 0905 123 456 nhé", f"Gọi tôi {HIDDEN} nhé"),
        ("số +84 905.123.456", f"số {HIDDEN}"),
        ("CCCD 046 098 001 234", f"CCCD {HIDDEN}"),
        ("CCCD 046098001234.", f"CCCD {HIDDEN}."),
        ("thư an.tran@example.vn", f"thư {HIDDEN}"),
    ],
)
def test_personal_numbers_are_hidden(text: str, clean: str) -> None:
    """Phones, card numbers and mail addresses never reach the unit."""
    assert without_personal(text) == clean
    assert RULES.hint(text).personal


@pytest.mark.parametrize(
    "text", ["Từ 07:30 đến 11:30 ngày 23/11/2026", "cột đèn số 12/34, cách 150 m", "hố sâu 0,5 m rộng 1.200 mm"]
)
def test_other_numbers_stay(text: str) -> None:
    """Times, house numbers and sizes are no phones."""
    assert without_personal(text) == text
    assert not RULES.hint(text).personal


@pytest.mark.parametrize(
    "boilerplate",
    [
        "Kính gửi ông/bà, phản ánh của công dân đã được tiếp nhận và chuyển đơn vị chức năng xử lý theo quy định.",
        "Đã xử lý xong. Xin cảm ơn.",
        "UBND phường đã ghi nhận phản ánh, sẽ kiểm tra và xử lý trong thời gian sớm nhất.",
        "Đèn trước số nhà 12 đường Lê Lợi tắt",
    ],
)
def test_boilerplate_and_echo_say_nothing(boilerplate: str) -> None:
    """Set phrases, and the reporter's own words given back, do not count."""
    report = "Đèn trước số nhà 12 đường Lê Lợi tắt ba đêm nay."
    assert len(RULES.new_words(boilerplate, report)) < RULES.answer.new_words


def test_a_specific_answer_counts() -> None:
    """What was done, by whom and when is enough."""
    words = "Tổ điện thay bóng LED 120W và chấn lưu lúc 15 giờ ngày 24/11, đèn sáng lại."
    assert len(RULES.new_words(words, "Đèn tắt")) >= RULES.answer.new_words
