"""What an answer must say: no mould, no blank left, and enough of when, where, who, how much and by which paper."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dothi.ground.text import fold, nfc

_WORD = re.compile(r"[a-z0-9]+")
_BLANK = re.compile(r"\[[^\[\]\n]{0,80}\]|\.{4,}|…{2,}|_{3,}")
RUN = 3  # Words of the runs that two texts are compared by.
FROM_TEMPLATE = 0.6  # Share of a reply's words from which on a text is taken to be made of it.


@dataclass(frozen=True, slots=True)
class Specific:
    """A kind of specifics, seen by patterns over folded text."""

    id: str
    patterns: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """A text to start an answer from, with [blanks]."""

    id: str
    outcome: str
    texts: Mapping[str, str]  # By language.


@dataclass(frozen=True, slots=True)
class Answers:
    """The rules of answers."""

    history: int
    alike: float
    times: int
    needed: Mapping[str, int]  # Kinds of specifics by outcome.
    specifics: tuple[Specific, ...]
    replies: tuple[Reply, ...]
    sample: bool

    def blanks(self, text: str) -> tuple[str, ...]:
        """The blanks that were left in a text, as they stand there."""
        return tuple(_BLANK.findall(nfc(text)))

    def missing(self, text: str, outcome: str) -> tuple[str, ...]:
        """The kinds of specifics that a text lacks; none when it names as many kinds as the outcome needs."""
        folded = fold(text)
        lacks = tuple(one.id for one in self.specifics if not any(pattern.search(folded) for pattern in one.patterns))
        return lacks if len(self.specifics) - len(lacks) < self.needed.get(outcome, 0) else ()

    def reused(self, text: str, earlier: Iterable[str]) -> int:
        """To how many other reports this text was sent already, when that makes it a mould; else 0."""
        runs = _runs(text)
        times = sum(_share(runs, _runs(one)) >= self.alike for one in earlier)
        return times if times >= self.times else 0

    def of_templates(self, text: str) -> frozenset[str]:
        """The words that a text has from a reply that it was made of: they say nothing of this report."""
        words = frozenset(_WORD.findall(fold(text)))
        taken: frozenset[str] = frozenset()
        for reply in self.replies:
            for said in reply.texts.values():
                own = frozenset(_WORD.findall(fold(_BLANK.sub(" ", said))))
                if len(own & words) >= FROM_TEMPLATE * len(own):
                    taken |= own
        return taken


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    """The runs of three words of a text, folded; of a shorter text the whole."""
    words = _WORD.findall(fold(text))
    return frozenset(tuple(words[at : at + RUN]) for at in range(max(1, len(words) - RUN + 1)))


def _share(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    return len(one & other) / len(one | other)


def parse_answers(table: Mapping[str, Any]) -> Answers:
    """The rules of answers that one table says."""
    reuse = table["reuse"]
    return Answers(
        reuse["history"],
        reuse["alike"],
        reuse["times"],
        dict(table["needed"]),
        tuple(Specific(row["id"], tuple(_pattern(one) for one in row["patterns"])) for row in table["specific"]),
        tuple(Reply(row["id"], row["outcome"], {"vi": row["vi"], "en": row["en"]}) for row in table["reply"]),
        bool(table.get("sample")),
    )


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as cause:
        raise ValueError(f"the pattern {text[:80]!r} of answers: {cause}") from cause
