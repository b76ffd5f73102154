"""Photos and documents at the door: read whole, turned upright, shrunk, and written anew without place or device."""

import io
import logging
import struct
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

from dothi.ground.errors import Invalid, TooLarge

logging.getLogger("PIL").setLevel(logging.INFO)  # At DEBUG Pillow writes each EXIF tag, the place too, into the log.
MEGABYTE = 1024 * 1024
PHOTO_BYTES = 12 * MEGABYTE
DOCUMENT_BYTES = 10 * MEGABYTE
PIXELS = 50_000_000  # A picture is decoded only below this: a small file can unfold into gigabytes.
LONGEST_SIDE = 1600
QUALITY = 82
READ = ("JPEG", "PNG", "WEBP")  # The JPEG reader also opens MPO, a JPEG with a second picture in it, as phones write.
PHOTO = "image/jpeg"
DOCUMENT = "application/pdf"
_BROKEN = (OSError, ValueError, SyntaxError, UnidentifiedImageError, EOFError, struct.error)
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_ORIENTATION = 0x0112  # The EXIF tag, 1 to 8.


class BadFile(Invalid):
    """The file could not be read as a photo or document."""


class FileTooLarge(TooLarge):
    """The file is larger than the limit."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as a person sent it: its name is used in errors only and stored nowhere."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Clean:
    """A file fit to be kept; width and height are pixels, 0 for a document."""

    content: bytes
    media_type: str
    width: int = 0
    height: int = 0


def clean_photo(upload: Upload) -> Clean:
    """The photo as a new JPEG: upright, at most 1600 pixels a side, with pixels and nothing else.

    BadFile or FileTooLarge name the file. Colours are kept as sRGB values; transparency becomes white.
    """
    _refuse_large(upload, PHOTO_BYTES)
    try:
        picture = _pixels(upload)
    except _BOMB as cause:
        raise FileTooLarge(
            f"“{_shown(upload)}” has too many pixels; send a smaller one.", field="photos", name=_shown(upload)
        ) from cause
    except _BROKEN as cause:
        raise BadFile(
            f"“{_shown(upload)}” is no photo that can be read. Send a JPEG, PNG or WebP.",
            field="photos",
            name=_shown(upload),
        ) from cause
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, optimize=True)
    return Clean(out.getvalue(), PHOTO, picture.width, picture.height)


def clean_proof(upload: Upload) -> Clean:
    """A photo cleaned as above, or a PDF as it is: an official's document, which has no reporter in it."""
    if not upload.content.startswith(b"%PDF-"):
        return clean_photo(upload)
    _refuse_large(upload, DOCUMENT_BYTES)
    if b"%%EOF" not in upload.content[-2048:]:
        raise BadFile(
            f"“{_shown(upload)}” is cut off: a PDF ends with %%EOF. Send it again.", field="proof", name=_shown(upload)
        )
    return Clean(upload.content, DOCUMENT)


def _refuse_large(upload: Upload, limit: int) -> None:
    if len(upload.content) > limit:
        raise FileTooLarge(
            f"“{_shown(upload)}” has {len(upload.content) // MEGABYTE} MB; up to {limit // MEGABYTE} MB are taken.",
            field="photos",
            name=_shown(upload),
        )


def _pixels(upload: Upload) -> Image.Image:
    """The upright, shrunk, three-channel picture without any of its former metadata."""
    source = Image.open(io.BytesIO(upload.content), formats=READ)
    if source.width * source.height > PIXELS:
        raise FileTooLarge(
            f"“{_shown(upload)}” has {source.width} × {source.height} pixels; send a smaller one.",
            field="photos",
            name=_shown(upload),
        )
    if source.format in ("JPEG", "MPO"):
        source.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))  # Decodes large photos at a fraction of the cost.
    source.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    upright = _upright(source).convert("RGBA")
    bare = Image.new("RGB", upright.size, "white")  # A new picture: nothing can ride along in its `info`.
    bare.paste(upright, mask=upright.getchannel("A"))
    return bare


def _upright(source: Image.Image) -> Image.Image:
    """The picture as its camera was held; broken metadata leave it as it lies."""
    try:
        turned = ImageOps.exif_transpose(source) if source.getexif().get(_ORIENTATION, 1) != 1 else source
    except _BROKEN:
        return source
    return turned


def _shown(upload: Upload) -> str:
    return upload.name[-60:] or "file"
