"""Words as rules compare them: folded, whole words only, whatever stands between them."""

import re
from collections.abc import Iterable

from dothi.ground.text import fold

_WORD = re.compile(r"[a-z0-9]+")


def spaced(text: str) -> str:
    """The folded words of a text with single spaces between and around them: “Đèn, đường” is “ den duong ”."""
    return f" {' '.join(_WORD.findall(fold(text)))} "


def holds_words(text: str, phrases: Iterable[str]) -> str:
    """The first of `phrases` (as `spaced` makes them) that stands in `text` (likewise); "" when none does."""
    return next((phrase.strip() for phrase in phrases if phrase.strip() and phrase in text), "")


def counting_words(text: str, small: frozenset[str]) -> frozenset[str]:
    """The folded words that say something."""
    return frozenset(_WORD.findall(fold(text))) - small
