"""Photos at the door: nothing rides along, nothing bad gets in, every refusal names the file."""

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from dothi.office.photos import LONGEST_SIDE, PHOTO_BYTES, BadFile, FileTooLarge, Upload, clean_photo, clean_proof


def test_a_phones_photo_loses_place_device_owner_and_comment(phone_photo: Upload) -> None:
    """What a phone writes beside the pixels is gone, byte for byte."""
    before = Image.open(io.BytesIO(phone_photo.content))
    assert before.getexif().get_ifd(0x8825), "the fixture must hold a place, or this test proves nothing"
    assert b"Bi Mat" in phone_photo.content
    clean = clean_photo(phone_photo)
    after = Image.open(io.BytesIO(clean.content))
    assert not after.getexif()
    assert set(after.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    for trace in (b"Exif", b"Bi Mat", b"MayAnhThu", b"Kieu-X100", b"xmp", b"107.5905"):
        assert trace not in clean.content


def test_orientation_is_applied_before_it_is_thrown_away(phone_photo: Upload) -> None:
    """A photo taken upright stands upright: its former left half is now on top."""
    clean = clean_photo(phone_photo)
    assert (clean.width, clean.height) == (200, 400)
    picture = Image.open(io.BytesIO(clean.content))
    top, bottom = picture.getpixel((100, 50)), picture.getpixel((100, 350))
    assert top[0] > 200
    assert top[1] < 60
    assert bottom[1] > 200


def test_large_photos_are_shrunk(make_jpeg: Callable[..., bytes]) -> None:
    """The longest side is 1600 pixels at most, and the proportions stay."""
    clean = clean_photo(Upload("to.jpg", make_jpeg((4000, 3000))))
    assert (clean.width, clean.height) == (LONGEST_SIDE, 1200)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_png_and_webp_become_jpeg_on_white(form: str) -> None:
    """Transparent pictures are taken too, on white."""
    out = io.BytesIO()
    Image.new("RGBA", (50, 40), (0, 0, 0, 0)).save(out, form)
    clean = clean_photo(Upload("a", out.getvalue()))
    assert clean.media_type == "image/jpeg"
    assert Image.open(io.BytesIO(clean.content)).getpixel((10, 10)) == (255, 255, 255)


@pytest.mark.parametrize(
    "content",
    [b"", b"xin chao", b"\xff\xd8\xff\xe0 cut", b"GIF89a" + b"\0" * 40, b"<svg xmlns='http://www.w3.org/2000/svg'/>"],
    ids=["empty", "text", "cut", "gif", "svg"],
)
def test_what_is_no_photo_is_refused_by_name(content: bytes) -> None:
    """The error says which file, and what to send."""
    with pytest.raises(BadFile, match=r"hoa-don\.jpg.*JPEG, PNG or WebP"):
        clean_photo(Upload("hoa-don.jpg", content))


def test_a_photo_cut_off_in_the_middle_is_refused(make_jpeg: Callable[..., bytes]) -> None:
    """Half a photo is no photo."""
    whole = make_jpeg((800, 600))
    with pytest.raises(BadFile, match=r"cut\.jpg"):
        clean_photo(Upload("cut.jpg", whole[: len(whole) // 2]))


@pytest.mark.parametrize("side", [9000, 20000])
def test_a_bomb_is_refused_before_it_unfolds(side: int) -> None:
    """A few bytes that claim hundreds of megapixels are refused by their size, not by running out of memory."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(FileTooLarge, match=r"bom\.png.*pixels"):
        clean_photo(Upload("bom.png", bomb))


def test_a_photo_over_the_limit_is_refused() -> None:
    """Bytes are counted before anything is read."""
    with pytest.raises(FileTooLarge, match=r"nang\.jpg.*12 MB"):
        clean_photo(Upload("nang.jpg", b"\xff\xd8" + b"\0" * PHOTO_BYTES))


def test_broken_metadata_do_not_cost_the_photo(phone_photo: Upload) -> None:
    """A photo whose EXIF block is damaged is still a photo."""
    spoilt = phone_photo.content.replace(b"MM\x00*", b"MM\x00?", 1).replace(b"II*\x00", b"II?\x00", 1)
    assert spoilt != phone_photo.content
    assert clean_photo(Upload("a.jpg", spoilt)).width in (200, 400)


def test_proof_may_be_a_whole_pdf() -> None:
    """A document is kept as it is; one that is cut off is refused."""
    pdf = b"%PDF-1.7\n1 0 obj << >> endobj\ntrailer << >>\n%%EOF\n"
    assert clean_proof(Upload("bien-ban.pdf", pdf)).media_type == "application/pdf"
    with pytest.raises(BadFile, match=r"bien-ban\.pdf.*cut off"):
        clean_proof(Upload("bien-ban.pdf", pdf[:30]))
