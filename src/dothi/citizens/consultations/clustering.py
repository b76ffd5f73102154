"""Which comments say one thing: a pure suggestion from their words, with reasons; a person confirms or moves."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from dothi.citizens.consultations.model import Comment
from dothi.ground.text import fold

CONSIDERED_MAX = 3000  # Comments on one article that are looked at at once; the others wait for the next look.
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Comments on one article that seem to say one thing: the shared words as they were written, and how alike (0–1).

    A comment that is like no other stands alone, with likeness None.
    """

    article: str
    comments: tuple[Comment, ...]
    shared: tuple[str, ...]
    likeness: float | None


@dataclass(slots=True)
class _Group:
    """Comments taken together so far, and the sum of their vectors."""

    members: list[Comment] = field(default_factory=list)
    vectors: list[dict[str, float]] = field(default_factory=list)
    total: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, one: Comment, vector: dict[str, float]) -> None:
        self.members.append(one)
        self.vectors.append(vector)
        for term, weight in vector.items():
            self.total[term] += weight

    def likeness(self, vector: Mapping[str, float]) -> float:
        """The mean cosine of a vector with the members."""
        return sum(weight * self.total.get(term, 0.0) for term, weight in vector.items()) / len(self.members)


def suggest(comments: Iterable[Comment], small: frozenset[str], least: float, reasons: int) -> tuple[Suggestion, ...]:
    """Groups of comments by article, the largest first; `small` are folded words that do not count.

    Syllables and pairs of neighbouring syllables are weighed by how rare they are among the comments given, since a
    Vietnamese word has mostly two. A comment joins the group that it is most like, when that is `least` or more.
    """
    by_article: dict[str, list[Comment]] = defaultdict(list)
    for one in comments:
        by_article[one.article].append(one)
    found: list[Suggestion] = []
    for article, listed in by_article.items():
        found += _within(article, listed[:CONSIDERED_MAX], small, least, reasons)
    return tuple(sorted(found, key=lambda one: -sum(comment.count for comment in one.comments)))


def _within(
    article: str, comments: list[Comment], small: frozenset[str], least: float, reasons: int
) -> Iterable[Suggestion]:
    terms = {one.number: terms_of(one.words, small) for one in comments}
    known = Counter(term for listed in terms.values() for term in set(listed))
    groups: list[_Group] = []
    for one in comments:
        vector = _vector(terms[one.number], known, len(comments))
        near = max(groups, key=lambda group: group.likeness(vector), default=None)
        if near is None or near.likeness(vector) < least:
            groups.append(near := _Group())
        near.add(one, vector)
    return [_suggestion(article, group, reasons) for group in groups]


def terms_of(words: str, small: frozenset[str]) -> list[str]:
    """The folded syllables that count, and each pair of them that stands together."""
    listed = _WORD.findall(fold(words))
    pairs = [f"{first} {second}" for first, second in pairwise(listed) if first not in small and second not in small]
    return [word for word in listed if word not in small] + pairs


def _vector(terms: list[str], known: Counter[str], total: int) -> dict[str, float]:
    """Weights of length 1: rarer terms weigh more, repeating one adds little."""
    weights = {
        term: (1 + math.log(times)) * math.log(1 + (total + 1) / known[term]) for term, times in Counter(terms).items()
    }
    length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    return {term: weight / length for term, weight in weights.items()}


def _suggestion(article: str, group: _Group, reasons: int) -> Suggestion:
    many = len(group.members)
    if many == 1:
        return Suggestion(article, tuple(group.members), (), None)
    square = sum(weight * weight for weight in group.total.values())
    likeness = (square - many) / (many * (many - 1))  # The mean cosine of all pairs.
    shared = Counter(term for vector in group.vectors for term in vector)
    told = [term for term, times in shared.items() if times > many / 2]
    told.sort(key=lambda term: (-group.total[term], term))
    pairs = [term for term in told if " " in term] or told
    return Suggestion(article, tuple(group.members), _as_written(pairs[:reasons], group.members), round(likeness, 2))


def _as_written(terms: list[str], comments: list[Comment]) -> tuple[str, ...]:
    """Folded terms with the marks that somebody wrote."""
    found: dict[str, str] = {}
    for one in comments:
        written = re.findall(r"\w+", one.words.lower())
        for first, second in zip(written, [*written[1:], ""], strict=True):
            for text in (first, f"{first} {second}"):
                found.setdefault(fold(text), text)
    return tuple(found.get(term, term) for term in terms)
