"""How alike two reports are, and what a row of reports tells of its course: pure functions, every part told.

Words are compared folded (no marks, đ = d, composed and decomposed alike), weighed by how rare they are among the
reports at hand (tf-idf), and the cosine of the two is their likeness.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from dothi.citizens.model import Report, State
from dothi.citizens.problems.model import Course, Likeness
from dothi.citizens.rules import Rules
from dothi.ground.clock import DAY, from_iso
from dothi.ground.geometry import haversine_m
from dothi.ground.text import fold, nfc

_WORD = re.compile(r"[a-z0-9]+")
_TYPED = re.compile(r"[^\W_]+")
WORDS_SHOWN = 8
Bag = Mapping[str, float]


def words_of(text: str, small: frozenset[str]) -> tuple[str, ...]:
    """The words that tell something, folded, in order; the small ones of every sentence are left out."""
    return tuple(word for word in _WORD.findall(fold(text)) if word not in small)


def as_typed(text: str) -> dict[str, str]:
    """Folded word → the word with its marks, for people to read."""
    return {fold(word): word for word in reversed(_TYPED.findall(nfc(text).lower()))}


def told(report: Report) -> str:
    """What a report says in words: its description and its place."""
    return f"{report.description} {report.place_words}".strip()


def rarity(texts: Iterable[Sequence[str]]) -> dict[str, float]:
    """Word → its inverse document frequency, smoothed so that a word of every text still counts a little."""
    listed = [frozenset(one) for one in texts]
    found = Counter(word for one in listed for word in one)
    return {word: math.log((1 + len(listed)) / (1 + count)) + 1 for word, count in found.items()}


def cosine(one: Sequence[str], other: Sequence[str], rare: Bag) -> float | None:
    """The cosine of two texts' tf-idf vectors, 0 to 1; None where one of them has no word."""
    if not one or not other:
        return None
    a, b = Counter(one), Counter(other)
    weights = {word: rare.get(word, 1.0) ** 2 for word in a.keys() | b.keys()}
    dot = sum(a[word] * b[word] * weights[word] for word in a.keys() & b.keys())
    lengths = (sum(count**2 * weights[word] for word, count in bag.items()) for bag in (a, b))
    return dot / math.sqrt(math.prod(lengths))


def likeness(report: Report, other: Report, rules: Rules, rare: Bag | None = None) -> Likeness | None:
    """How alike `other` is to `report`; None when they cannot be one problem (category, place, days)."""
    here, there = report.place, other.place
    if here is None or there is None or report.category != other.category:
        return None
    distance = haversine_m(*here, *there)
    days = abs(from_iso(report.filed_at) - from_iso(other.filed_at)) / DAY
    if distance > rules.recurrence.radius_m or days > rules.recurrence.days:
        return None
    return _likeness(report, other, distance, days, rules, rare)


def _likeness(report: Report, other: Report, distance: float, days: float, rules: Rules, rare: Bag | None) -> Likeness:
    one, two = (words_of(told(each), rules.answer.small) for each in (report, other))
    like = cosine(one, two, rarity((one, two)) if rare is None else rare)
    shares = rules.problems.likeness
    near = 1 - distance / rules.recurrence.radius_m
    soon = max(0.0, 1 - days / rules.recurrence.days)
    parts = [(shares.distance, near), (shares.time, soon)]
    if like is not None:
        parts.append((shares.words, like))
    similarity = sum(share * value for share, value in parts) / sum(share for share, _ in parts)
    typed, both = as_typed(told(report)), frozenset(two)
    shared = tuple(dict.fromkeys(typed.get(word, word) for word in one if word in both))[:WORDS_SHOWN]
    rounded = None if like is None else round(like, 3)
    return Likeness(other.id, round(similarity, 3), round(distance, 1), round(days, 2), shared, rounded)


def like_any(members: Sequence[Report], report: Report, rules: Rules) -> Likeness | None:
    """How alike a report is to the likest report of a problem, whatever the days between; None when it is elsewhere."""
    rare = rarity(words_of(told(one), rules.answer.small) for one in (*members, report))
    found = [like for one in members if (like := _beside(one, report, rules, rare)) is not None]
    return max(found, key=lambda like: like.similarity, default=None)


def _beside(member: Report, report: Report, rules: Rules, rare: Bag) -> Likeness | None:
    here, there = member.place, report.place
    if here is None or there is None or member.category != report.category:
        return None
    distance = haversine_m(*here, *there)
    if distance > rules.recurrence.radius_m:
        return None
    days = abs(from_iso(report.filed_at) - from_iso(member.filed_at)) / DAY
    return _likeness(member, report, distance, days, rules, rare)


def alike(report: Report, others: Iterable[Report], rules: Rules) -> tuple[Likeness, ...]:
    """The reports that look like one problem with `report`, itself included, oldest first; () when too few.

    Imported reports belong to another city's time and stay out; an answer that named a report a duplicate of
    another counts as anybody else's report: each is one more person.
    """
    if report.imported or report.place is None:
        return ()
    near = {one.id: one for one in (*others, report) if not one.imported and one.filed_at <= report.filed_at}
    rare = rarity(words_of(told(one), rules.answer.small) for one in near.values())
    found = [(one, likeness(report, one, rules, rare)) for one in near.values()]
    kept = [(one.filed_at, one.id, like) for one, like in found if like and like.similarity >= _least(rules)]
    listed = tuple(like for _, _, like in sorted(kept, key=lambda row: row[:2]))
    return listed if len(listed) >= rules.recurrence.reports else ()


def _least(rules: Rules) -> float:
    return rules.problems.likeness.least


def course(reports: Sequence[Report], now: int) -> Course:
    """What a problem's reports tell of its course until `now` (µs)."""
    spans = sorted((from_iso(one.filed_at), _end(one, now)) for one in reports)
    starts: list[int] = []
    open_us, last_end = 0, 0
    for begin, end in spans:
        if begin > last_end:
            starts.append(begin)
        open_us += max(0, end - max(begin, last_end))
        last_end = max(last_end, end)
    gaps = len(starts) - 1
    listed = sorted(one.filed_at for one in reports)
    return Course(
        len(reports),
        max(gaps, 0),
        round((starts[-1] - starts[0]) / gaps / DAY, 2) if gaps > 0 else None,
        listed[0] if listed else None,
        listed[-1] if listed else None,
        round(open_us / DAY, 2),
        sum(one.reopened for one in reports),
    )


def _end(report: Report, now: int) -> int:
    """When a report stopped waiting: its answer, or now."""
    if report.state is State.ANSWERED and report.closed_at:
        return from_iso(report.closed_at)
    return now
