"""Words as rules compare them: whole words only, whatever stands between them; folded but for what must be exact."""

import re
from collections.abc import Iterable

from dothi.ground.text import fold, nfc

_WORD = re.compile(r"[a-z0-9]+")
_MARKED = re.compile(r"\w+")


def spaced(text: str) -> str:
    """The folded words of a text with single spaces between and around them: “Đèn, đường” is “ den duong ”."""
    return f" {' '.join(_WORD.findall(fold(text)))} "


def marked(text: str) -> str:
    """The same with its marks, so that mật (secret) is not mất (lost); folded where the text is typed without any."""
    clean = nfc(text).lower()
    return spaced(text) if fold(clean) == " ".join(clean.split()) else f" {' '.join(_MARKED.findall(clean))} "


def holds_words(text: str, phrases: Iterable[str]) -> str:
    """The first of `phrases` (as `spaced` makes them) that stands in `text` (likewise); "" when none does."""
    return next((phrase.strip() for phrase in phrases if phrase.strip() and phrase in text), "")


def counting_words(text: str, small: frozenset[str]) -> frozenset[str]:
    """The folded words that say something."""
    return frozenset(_WORD.findall(fold(text))) - small
