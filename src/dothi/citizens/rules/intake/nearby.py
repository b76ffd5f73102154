"""When another report is the same matter, as data: how near, how alike in words, how long ago."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dothi.citizens.rules.intake.folded import counting_words
from dothi.ground.clock import DAY
from dothi.ground.text import fold


@dataclass(frozen=True, slots=True)
class NearbyRules:
    """Distances in metres between public places, shares of words, days since an answer."""

    radius_m: float
    most: int
    word_share: float
    words_least: int
    answered_days: int
    small: frozenset[str]

    @property
    def answered_us(self) -> int:
        """The days in microseconds."""
        return self.answered_days * DAY

    def alike(self, one: str, other: str) -> bool:
        """Whether two texts share enough of their words, folded; too short a text is like none."""
        mine, theirs = (counting_words(text, self.small) for text in (one, other))
        shorter = min(len(mine), len(theirs))
        return shorter >= self.words_least and len(mine & theirs) >= self.word_share * shorter


def parse_nearby(table: Mapping[str, Any]) -> NearbyRules:
    """The values of nearby.toml."""
    return NearbyRules(
        table["radius_m"],
        table["most"],
        table["word_share"],
        table["words_least"],
        table["answered_days"],
        frozenset(fold(word) for word in table["small"]),
    )
