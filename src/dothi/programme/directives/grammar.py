"""Obligations proposed from the text of a directive: who leads, by when, what comes out, quoted with their place.

Pure: the words that it knows are a table (grammar.toml). It proposes and never decides: each proposal carries the
sentence as it stands, where it stands, how sure the reading is, and the reasons.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Any

from dothi.ground.calendar import WorkingCalendar
from dothi.ground.text import nfc
from dothi.programme.directives.dates import RHYTHM, Deadline, deadlines

_NAME = r"[A-ZĐÁÀẢẠÂĂÊÔƠƯÍÓÚÝ][\wÀ-ỹ]*(?: [A-ZĐÁÀẢẠÂĂÊÔƠƯÍÓÚÝ][\wÀ-ỹ]*){0,4}"
_CLAUSE = re.compile(r";\s+|(?<=[a-zà-ỹ0-9)\"”])\.\s+(?=[\"“A-ZĐÀ-Ỹ])|\.?\s*\n+")
QUOTE_MAX = 1200
CLAUSE_MAX = 1500  # Characters of a sentence that are read: a longer one is a list, or made to be slow.


@dataclass(frozen=True)
class Duty:
    """One way to lay a duty on a body, and what it is worth."""

    key: str
    pattern: re.Pattern[str]
    strength: float


@dataclass(frozen=True)
class Grammar:
    """The table, compiled."""

    duties: tuple[Duty, ...]
    heading: Duty
    inherited: Duty
    addressed: Duty
    background: tuple[re.Pattern[str], ...]
    end: re.Pattern[str]
    body: re.Pattern[str]
    cooperating: re.Pattern[str]
    product: re.Pattern[str]
    product_end: re.Pattern[str]
    product_most: int
    weights: dict[str, float]


@dataclass(frozen=True)
class Clause:
    """A stretch of the text that says one thing: where it starts and ends, and the number of its paragraph from 1."""

    text: str
    start: int
    end: int
    paragraph: int
    follows: bool = False  # Comes after a semicolon in the same sentence.


@dataclass(frozen=True)
class Found:
    """One obligation as the text says it. `start` and `end` count characters of the text that was read."""

    quote: str
    start: int
    end: int
    paragraph: int
    lead: str  # The body as it is called in the text.
    cooperating: tuple[str, ...]
    due: date | None
    due_words: str
    product: str
    action: str  # What is to be done, in the text's own words, without who is told to.
    confidence: float
    reasons: tuple[str, ...]  # Keys of what speaks for it and against it, e.g. "assigned", "no_deadline".


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The shipped table; the same value at every call."""
    text = resources.files("dothi.programme.directives").joinpath("grammar.toml").read_text("utf-8")
    said = tomllib.loads(text)
    fields = "(?:" + "|".join(map(re.escape, sorted(said["bodies"]["fields"], key=len, reverse=True))) + ")"
    bodies = [one.replace("{fields}", fields).replace("{name}", _NAME) for one in said["bodies"]["patterns"]]
    one = "(?:" + "|".join(bodies) + ")"
    many = rf"{one}(?:(?:, | và |, và ){one})*"

    def duty(key: str, row: dict[str, Any]) -> Duty:
        return Duty(key, re.compile(row["pattern"].replace("{body}", many)), row["strength"])

    product = said["product"]
    return Grammar(
        duties=tuple(duty(row["key"], row) for row in said["duty"]),
        heading=duty("heading", said["heading"]),
        inherited=duty("inherited", said["inherited"]),
        addressed=duty("addressed", said["addressed"]),
        background=tuple(re.compile(one) for one in said["background"]["patterns"]),
        end=re.compile(said["background"]["end"]),
        body=re.compile(one),
        cooperating=re.compile(said["cooperating"]["pattern"].replace("{body}", one)),
        product=re.compile(
            rf"\b(?:{product['verbs']})\b[^;.]{{0,80}}?\b(?P<noun>{product['nouns']})\b(?! số\b| \d)", re.IGNORECASE
        ),
        product_end=re.compile(product["end"]),
        product_most=product["most_letters"],
        weights=said["confidence"],
    )


def obligations(
    text: str, reference: date | None = None, calendar: WorkingCalendar | None = None, known: Grammar | None = None
) -> list[Found]:
    """What the text asks of whom, in its order. `reference` is the document's day: dates without a year need it."""
    table = known or grammar()
    said = nfc(text)
    addressee = _addressee(said, table)
    found: list[Found] = []
    heading, before = "", ""
    for clause in clauses(said):
        if table.end.match(clause.text):
            break
        if titled := table.heading.pattern.match(clause.text):
            heading, before = titled["lead"], ""
            continue
        before = before if clause.follows else ""
        one = _read(clause, table, (before, heading, addressee), reference, calendar)
        if one is not None and clause.text.endswith(":"):
            heading, before = one.lead, ""  # "… cụ thể như sau:" leads the lines under it and asks nothing itself.
        elif one is not None:
            found.append(one)
            before = one.lead
    return found


def clauses(text: str) -> Iterator[Clause]:
    """The text cut at line ends, full stops and semicolons; enumerations stay with their line."""
    start, paragraph, follows = 0, 1, False
    for cut in [*_CLAUSE.finditer(text), None]:
        end = cut.start() if cut else len(text)
        piece = text[start : min(end, start + CLAUSE_MAX)]
        if piece.strip():
            lead = len(piece) - len(piece.lstrip())
            yield Clause(piece.strip(), start + lead, start + lead + len(piece.strip()), paragraph, follows)
        if cut:
            follows = cut[0].startswith(";") and "\n" not in cut[0]
            paragraph += "\n" in cut[0]
            start = cut.end()


def called(confidence: float, known: Grammar | None = None) -> str:
    """How sure a reading is: sure, likely or unsure."""
    weights = (known or grammar()).weights
    return "sure" if confidence >= weights["sure"] else "likely" if confidence >= weights["likely"] else "unsure"


def _addressee(text: str, table: Grammar) -> str:
    line = re.search(r"Kính gửi\s*:\s*([^\n]+)", text)
    named = table.body.search(line[1]) if line else None
    return named[0] if named else ""


def _read(
    clause: Clause,
    table: Grammar,
    leads: tuple[str, str, str],
    reference: date | None,
    calendar: WorkingCalendar | None,
) -> Found | None:
    if any(pattern.search(clause.text) for pattern in table.background):
        return None
    duty, lead = _duty(clause, table, leads)
    if duty is None or not lead:
        return None
    dated = [one for one in deadlines(clause.text, reference, calendar) if reference is None or one.day >= reference]
    due = dated[-1] if dated else None
    product = _product(clause.text, table)
    reasons = _reasons(clause, duty, lead, due, product)
    return Found(
        clause.text[:QUOTE_MAX],
        clause.start,
        clause.end,
        clause.paragraph,
        lead,
        _cooperating(clause.text, table, lead),
        due.day if due else None,
        due.words if due else "",
        product,
        _action(clause.text, lead, table),
        _confidence(duty, due, product, reasons, table),
        reasons,
    )


def _duty(clause: Clause, table: Grammar, leads: tuple[str, str, str]) -> tuple[Duty | None, str]:
    """The way the duty is laid, and on whom: on one who is named here, else in the sentence or heading above."""
    for duty in table.duties:
        found = duty.pattern.search(clause.text)
        if found and not _negated(clause.text, found.start()):
            return duty, found["lead"]
    before, heading, addressee = leads
    if (before or heading) and table.inherited.pattern.match(clause.text):
        return table.inherited, before or heading
    if addressee and table.addressed.pattern.match(clause.text):
        return table.addressed, addressee
    return None, ""


def _negated(text: str, at: int) -> bool:
    return bool(re.search(r"(?:không|chưa|được|theo)\s+$", text[:at]))


def _cooperating(text: str, table: Grammar, lead: str) -> tuple[str, ...]:
    named = table.cooperating.search(text)
    return tuple(one[0] for one in table.body.finditer(named["with"]) if one[0] != lead) if named else ()


def _product(text: str, table: Grammar) -> str:
    found = table.product.search(text)
    if found is None:
        return ""
    start = found.start("noun")
    end = table.product_end.search(text, found.end("noun"))
    return " ".join(text[start : end.start() if end else len(text)].split())[: table.product_most].rstrip(" ,")


def _action(text: str, lead: str, table: Grammar) -> str:
    """The sentence from after the body that is told, without bullets and "chủ trì, phối hợp với …"."""
    _, cut, rest = text.partition(lead)
    said = (rest if cut else text).strip(" ,:-+•")
    said = re.sub(r"^(?:chủ trì|có trách nhiệm|chịu trách nhiệm)[, ]*(?=phối hợp|\w)", "", said)
    beside = table.cooperating.match(said)
    said = said[beside.end() :] if beside else said
    said = said.strip(" ,:") or text
    return (said[0].upper() + said[1:])[:500]


def _reasons(clause: Clause, duty: Duty, lead: str, due: Deadline | None, product: str) -> tuple[str, ...]:
    said = [duty.key, "deadline" if due else "rhythm" if RHYTHM.search(clause.text) else "no_deadline"]
    said.append("product" if product else "no_product")
    if due and due.assumed:
        said.append(f"assumed_{due.assumed}")
    if re.search(r"\bcác\b|, | và (?=Sở|Bộ|UBND)", lead, re.IGNORECASE):
        said.append("several")
    return tuple(said)


def _confidence(duty: Duty, due: Deadline | None, product: str, reasons: tuple[str, ...], table: Grammar) -> float:
    weights = table.weights
    total = duty.strength
    total += weights["deadline"] if due else 0
    total += weights["product"] if product else 0
    total += weights["assumed"] if any(one.startswith("assumed") for one in reasons) else 0
    total += weights["several"] if "several" in reasons else 0
    return round(min(max(total, 0.0), 0.99), 2)
