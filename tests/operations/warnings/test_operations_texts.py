"""Short texts that count as the network counts, and what a loudspeaker reads."""

from hypothesis import given
from hypothesis import strategies as st

from dothi.operations.warnings.model import Info, Kind
from dothi.operations.warnings.rules import parse, shipped
from dothi.operations.warnings.text import short_text, sms, spoken_text, without_marks
from tests.operations.warnings.writing import example


def test_an_sms_counts_as_the_network_does() -> None:
    """160 letters of GSM-7 are one part, 161 two; one Vietnamese mark makes it 70; € and emoji count twice."""
    cases = {
        "a" * 160: ("GSM-7", 160, 1),
        "a" * 161: ("GSM-7", 161, 2),
        "a" * 306: ("GSM-7", 306, 2),
        "a" * 307: ("GSM-7", 307, 3),
        "€" * 80: ("GSM-7", 160, 1),
        "ệ" * 70: ("UCS-2", 70, 1),
        "ệ" * 71: ("UCS-2", 71, 2),
        "a" * 70 + "ạ": ("UCS-2", 71, 2),
        "😀" * 35: ("UCS-2", 70, 1),
        "à" * 160: ("GSM-7", 160, 1),
    }
    for text, told in cases.items():
        assert (sms(text).coding, sms(text).letters, sms(text).segments) == told, text[:5]
    assert without_marks("Cảnh báo ĐỎ: nước dâng 2 m – đường ngập…") == "Canh bao DO: nuoc dang 2 m - duong ngap..."


def test_the_short_text_says_what_where_until_when() -> None:
    """One part without marks, whole sentences; a drill and an all-clear say so first; nobody's time is forgotten."""
    text = short_text(example(), "vi", 160, marks=False)
    assert text == (
        "CANH BAO: Ngap sau ven song, Phuong Thuan Hoa, den 18:30 22/11. Len noi cao ngay. Can giup do goi 112."
    )
    assert sms(text).segments == 1
    drill = short_text(example(drill=True, kind=Kind.ALL_CLEAR), "vi", 160)
    assert drill.startswith("[DIỄN TẬP] HẾT NGUY HIỂM: Ngập sâu ven sông")
    many = example(area={"vi": ", ".join(f"Phường {n} dài tên" for n in range(40)), "en": ""})
    assert "Phường 0 dài tên và 39 nơi khác, đến 18:30" in short_text(many, "vi", 160)


LETTERS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=120)
INFOS = st.builds(Info, LETTERS, LETTERS, LETTERS)


@given(INFOS, LETTERS, st.integers(0, 320), st.booleans(), st.sampled_from(["vi", "en"]), st.sampled_from(Kind))
def test_no_short_text_is_longer_than_asked(
    info: Info, area: str, letters: int, marks: bool, language: str, kind: Kind
) -> None:
    """Whatever is written, the short text fits what was asked, as the network counts, and without marks it is GSM-7."""
    one = example(info={"vi": info, "en": info}, area={"vi": area, "en": area}, kind=kind)
    text = short_text(one, language, letters, marks)
    assert sms(text).letters <= letters
    assert marks or sms(text).coding == "GSM-7"


def test_the_loudspeaker_reads_whole_words() -> None:
    """Units, times, ranges and emergency numbers are spelled out; what to do is said twice; a drill says so."""
    spoken = parse(shipped()).spoken
    text = spoken_text(example(drill=True), "vi", spoken)
    assert "Nước lên 50 đến 80 xen-ti-mét trước 18 giờ 30 phút." in text
    assert text.count("Lên nơi cao ngay. Cần giúp đỡ gọi một một hai.") == 2
    assert text.startswith("Đây là diễn tập. Cảnh báo. Ngập sâu ven sông.")
    assert text.endswith("Đây là diễn tập.")
    assert "Thông báo này có hiệu lực đến 18 giờ 30 phút, ngày 22 tháng 11." in text
    assert "one one two" in spoken_text(example(), "en", spoken)
    rain = example(info={"vi": Info("Mưa 112 mm", "Gió 60 km/h ngày 22/11/2026, 35°C, ẩm 90%", "Ở nhà"), "en": Info()})
    told = spoken_text(rain, "vi", spoken)
    assert "Mưa 112 mi-li-mét." in told
    assert "60 ki-lô-mét trên giờ ngày 22 tháng 11 năm 2026, 35 độ C, ẩm 90 phần trăm" in told
