"""Photos for simulated reports, drawn from a few shapes; on every one stands ẢNH MÔ PHỎNG."""

import io
from collections.abc import Callable
from functools import cache
from random import Random

from PIL import Image, ImageDraw, ImageFont

SIZE = (880, 620)
_GROUND = 430
Pen = ImageDraw.ImageDraw
Colour = tuple[int, int, int]
_NIGHT: Colour = (24, 32, 54)
_DAY: Colour = (176, 205, 228)
# The words with the marks that the built-in letters lack: (letter, marks over it).
_WORDS = tuple(zip("ANH MO PHONG", "?    ^   ?  ", strict=True))


@cache
def draw(subject: str, mended: bool, variant: int) -> bytes:
    """A JPEG of `subject` (a category of reports), broken or mended; the same picture for the same arguments."""
    chance = Random(f"{subject}/{variant}")  # noqa: S311  # A picture, no secret.
    sky = _NIGHT if subject in ("street_light", "noise") else _DAY
    image = Image.new("RGB", SIZE, sky)
    pen = ImageDraw.Draw(image)
    _street(pen, chance, dark=sky is _NIGHT)
    _SUBJECTS.get(subject, _sign)(pen, chance, mended)
    _label(pen)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def _street(pen: Pen, chance: Random, dark: bool) -> None:
    """Houses, pavement and road."""
    x = -20
    while x < SIZE[0]:
        width, height = chance.randint(90, 170), chance.randint(120, 260)
        base = chance.randint(40, 70) if dark else chance.randint(150, 205)
        pen.rectangle((x, _GROUND - height, x + width, _GROUND), (base, base - 6, base - 14))
        for row in range(_GROUND - height + 20, _GROUND - 40, 48):
            for column in range(x + 16, x + width - 30, 40):
                lit = dark and chance.random() < 0.3
                pen.rectangle((column, row, column + 20, row + 26), (214, 190, 120) if lit else (92, 104, 120))
        x += width + 8
    pen.rectangle((0, _GROUND, SIZE[0], _GROUND + 36), (70, 70, 74) if dark else (178, 172, 164))
    pen.rectangle((0, _GROUND + 36, *SIZE), (40, 42, 48) if dark else (104, 106, 110))
    for left in range(-40, SIZE[0], 150):
        pen.rectangle((left, 536, left + 80, 544), (150, 150, 140))


def _lamp(pen: Pen, chance: Random, mended: bool) -> None:
    x = chance.randint(300, 560)
    if mended:
        pen.polygon([(x + 120, 118), (x - 60, 600), (x + 300, 600)], (112, 104, 74))
    pen.rectangle((x, 110, x + 10, _GROUND + 20), (120, 124, 130))
    pen.line((x + 5, 112, x + 120, 100), (120, 124, 130), 8)
    pen.ellipse((x + 92, 92, x + 148, 122), (255, 240, 178) if mended else (46, 50, 58))


def _hole(pen: Pen, chance: Random, mended: bool) -> None:
    x, y = chance.randint(220, 520), 524
    if mended:
        pen.polygon([(x - 20, y - 8), (x + 190, y - 14), (x + 210, y + 66), (x - 34, y + 70)], (58, 58, 62))
        return
    pen.ellipse((x, y, x + 180, y + 58), (44, 40, 38))
    pen.ellipse((x + 26, y + 16, x + 150, y + 50), (86, 92, 96))


def _heap(pen: Pen, chance: Random, mended: bool) -> None:
    x = chance.randint(240, 480)
    pen.rectangle((x - 90, 352, x - 20, 452), (52, 110, 72))
    pen.rectangle((x - 96, 340, x - 14, 356), (40, 88, 58))
    for _ in range(0 if mended else 16):
        left, low = x + chance.randint(-10, 200), 470 - chance.randint(0, 60)
        shade = chance.choice([(34, 36, 40), (190, 186, 176), (150, 98, 60), (66, 110, 150)])
        pen.ellipse((left, low - 42, left + chance.randint(44, 76), low), shade)


def _water(pen: Pen, chance: Random, mended: bool) -> None:
    if mended:
        pen.ellipse((300, 560, 420, 584), (128, 140, 148))
        return
    pen.rectangle((0, _GROUND + 20, *SIZE), (112, 124, 118))
    for _ in range(26):
        x, y = chance.randint(0, 820), chance.randint(_GROUND + 30, 606)
        pen.arc((x, y, x + 60, y + 14), 200, 340, (160, 172, 168), 3)


def _tree(pen: Pen, chance: Random, mended: bool) -> None:
    x = chance.randint(320, 520)
    if mended:
        pen.rectangle((x, 300, x + 26, _GROUND + 10), (104, 78, 56))
        pen.ellipse((x - 80, 130, x + 106, 330), (58, 118, 66))
        return
    pen.line((x - 200, 560, x + 160, 500), (104, 78, 56), 26)
    pen.ellipse((x + 90, 420, x + 300, 580), (58, 118, 66))


def _sign(pen: Pen, chance: Random, mended: bool) -> None:
    """Anything else: barriers while it lasts, nothing but the street when it is over."""
    for x in () if mended else (280, 460):
        for step in range(6):
            shade = (214, 74, 52) if step % 2 == 0 else (240, 240, 236)
            pen.rectangle((x + step * 24, 430, x + step * 24 + 24, 462), shade)
        pen.rectangle((x + 10, 462, x + 18, 520), (120, 120, 120))
        pen.rectangle((x + 126, 462, x + 134, 520), (120, 120, 120))


_SUBJECTS: dict[str, Callable[[Pen, Random, bool], None]] = {
    "street_light": _lamp,
    "road": _hole,
    "danger": _hole,
    "waste": _heap,
    "flooding": _water,
    "tree": _tree,
}


def _label(pen: Pen) -> None:
    font = ImageFont.load_default(46)
    pen.rectangle((0, 0, SIZE[0], 84), (250, 204, 21))
    x = 24.0
    for letter, mark in _WORDS:
        pen.text((x, 24), letter, (20, 20, 20), font)
        width = pen.textlength(letter, font)
        _mark(pen, mark, x + width / 2)
        x += width + 2


def _mark(pen: Pen, mark: str, middle: float) -> None:
    """A hook (?) or a circumflex (^) over a letter."""
    if mark == "?":
        pen.arc((middle - 7, 8, middle + 7, 20), 180, 90, (20, 20, 20), 4)
        pen.line((middle, 19, middle, 26), (20, 20, 20), 4)
    elif mark == "^":
        pen.line((middle - 10, 28, middle, 17, middle + 10, 28), (20, 20, 20), 4)
