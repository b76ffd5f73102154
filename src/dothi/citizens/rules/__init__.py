"""The rules of reports as data: categories, deadlines, limits, and what words say (emergency, boilerplate)."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from dothi.citizens.model import Report
from dothi.citizens.rules.answers import Answers, parse_answers
from dothi.citizens.rules.clocks import Clocks, parse_clocks
from dothi.citizens.rules.consulting import ConsultationRules, consulting
from dothi.citizens.rules.intake import INTAKE_FILES, IntakeRules, parse_intake
from dothi.citizens.rules.notices import NoticeRules, parse_notices
from dothi.citizens.rules.problems import ProblemRules, parse_problems
from dothi.citizens.rules.services import ServiceRules, parse_services
from dothi.ground.calendar import WorkingCalendar
from dothi.ground.clock import DAY, from_iso
from dothi.ground.clocks import Limit, due_by
from dothi.ground.errors import Invalid
from dothi.ground.geometry import haversine_m
from dothi.ground.text import fold, nfc

# Twelve digits of a citizen's card, or a Vietnamese phone number, however they are spaced.
_CARD = re.compile(r"(?<!\d)\d(?:[ .-]?\d){11}(?!\d)")
_PHONE = re.compile(r"(?<![\d.,])(?:\+?84|0)(?:[ .-]?\d){9,10}(?!\d)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_WORD = re.compile(r"[a-z0-9]+")
HIDDEN = "•••"
# Tables of this folder; a row of a list has an `id`, so that a unit may change it.
FILES = (
    "categories",
    "wording",
    "problems",
    "services",
    "consultations",
    "clocks",
    "answers",
    "notices",
    *INTAKE_FILES,
)


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of problem, with its own limit and the evidence that closes it."""

    id: str
    names: Mapping[str, str]  # By language.
    hints: Mapping[str, str]
    handle_hours: float  # Working hours from filing to answer.
    urgent: bool
    evidence: str  # "photo": a photo shows the work done; "any": a photo or a document.


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything."""

    photos: int
    description_letters: int
    place_letters: int
    contact_letters: int
    reason_letters: int
    passes: int
    reopenings: int
    per_address: int
    per_address_minutes: int


@dataclass(frozen=True, slots=True)
class Recurrence:
    """So many reports of one category so near each other in so many days are one lasting problem."""

    reports: int
    radius_m: float
    days: int

    @property
    def span_us(self) -> int:
        """The days in microseconds."""
        return self.days * DAY


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """How many new words an answer must bring, and which words do not count (folded)."""

    new_words: int
    boilerplate: tuple[str, ...]
    small: frozenset[str]


@dataclass(frozen=True, slots=True)
class Emergency:
    """Words of an emergency (folded) and the numbers to call: (number, names by language)."""

    words: tuple[str, ...]
    numbers: tuple[tuple[str, Mapping[str, str]], ...]


@dataclass(frozen=True, slots=True)
class Hint:
    """What a reader of the words should be told before they are sent."""

    emergency: bool
    personal: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of reports, read once."""

    categories: Mapping[str, Category]
    receive_hours: float
    receive_hours_urgent: float
    limits: Limits
    recurrence: Recurrence
    answer: AnswerRule
    emergency: Emergency
    problems: ProblemRules
    services: ServiceRules
    intake: IntakeRules
    consultations: ConsultationRules
    notices: NoticeRules
    clocks: Clocks
    answers: Answers
    sample: bool  # Shipped samples, not a city's own decision.

    def category(self, category_id: str) -> Category:
        """The category with this id. Invalid when there is none."""
        found = self.categories.get(category_id)
        if found is None:
            raise Invalid(
                f"There is no category “{category_id[:40]}”; there are {', '.join(self.categories)}.", field="category"
            )
        return found

    def receive_by(self, start: int, category: Category, calendar: WorkingCalendar) -> int:
        """Until when (µs) a report that reached a unit at `start` must be received."""
        return due_by(start, self.limit("receive", category), calendar)

    def handle_by(self, start: int, category: Category, calendar: WorkingCalendar) -> int:
        """Until when (µs) a report filed (or re-opened) at `start` must be answered."""
        return due_by(start, self.limit("handle", category), calendar)

    def limit(self, stage: str, category: Category) -> Limit:
        """The limit of a step: receive and handle by category, another by its own row; urgent runs day and night."""
        hours = {"receive": self.receive_hours_urgent if category.urgent else self.receive_hours}
        return self.clocks.stage(stage, category.urgent) or Limit(
            hours.get(stage, category.handle_hours), always=category.urgent
        )

    def hint(self, text: str) -> Hint:
        """Whether the words speak of an emergency, or hold a card number, a phone or an address of mail."""
        folded = f" {' '.join(_WORD.findall(fold(text)))} "
        return Hint(
            emergency=any(f" {word} " in folded for word in self.emergency.words),
            personal=without_personal(text) != nfc(text).strip(),
        )

    def new_words(self, answer: str, report: str) -> frozenset[str]:
        """The words of an answer that count: neither boilerplate, nor small, nor copied from the report."""
        folded = f" {' '.join(_WORD.findall(fold(answer)))} "
        for phrase in self.answer.boilerplate:
            folded = folded.replace(f" {phrase} ", "  ")
        old = self.answer.small | self.answers.of_templates(answer) | frozenset(_WORD.findall(fold(report)))
        return frozenset(folded.split()) - old


def without_personal(text: str) -> str:
    """The words with card numbers, phones and mail addresses hidden: the unit never sees them."""
    clean = nfc(text).strip()
    for pattern in (_EMAIL, _CARD, _PHONE):
        clean = pattern.sub(HIDDEN, clean)
    return clean


def recurring(report: Report, others: Iterable[Report], rule: Recurrence) -> tuple[Report, ...]:
    """The reports of one lasting problem around `report`, oldest first and itself included; () when too few.

    They have its category, lie within the radius, and were filed in the days before it.
    """
    if report.place is None or report.imported:
        return ()
    filed = from_iso(report.filed_at)
    near = {
        one.id: one
        for one in (*others, report)
        if one.category == report.category
        and one.place is not None
        and not one.imported
        and haversine_m(*report.place, *one.place) <= rule.radius_m
        and 0 <= filed - from_iso(one.filed_at) <= rule.span_us
    }
    found = tuple(sorted(near.values(), key=lambda one: (one.filed_at, one.id)))
    return found if len(found) >= rule.reports else ()


def shipped() -> dict[str, Mapping[str, Any]]:
    """The tables of the shipped samples, by file: what holds where no unit has adopted anything."""
    return {name: tomllib.loads((files(__name__) / f"{name}.toml").read_text("utf-8")) for name in FILES}


def load() -> Rules:
    """The rules of the shipped samples."""
    return parse(shipped())


def parse(tables: Mapping[str, Mapping[str, Any]]) -> Rules:
    """The rules that tables say, by file. Invalid names the file whose row cannot be used."""
    table, said = tables["categories"], tables["wording"]
    try:
        return Rules(
            categories={row["id"]: _category(row) for row in table["category"]},
            receive_hours=table["receive"]["normal_hours"],
            receive_hours_urgent=table["receive"]["urgent_hours"],
            limits=Limits(**table["limits"]),
            recurrence=Recurrence(**table["recurrence"]),
            answer=_answer(said["answer"]),
            emergency=Emergency(
                tuple(fold(word) for word in said["emergency"]["words"]),
                tuple((row["number"], _names(row, "{}")) for row in said["emergency"]["number"]),
            ),
            problems=parse_problems(tables["problems"]),
            services=parse_services(tables["services"]),
            intake=parse_intake(tables),
            clocks=parse_clocks(tables["clocks"]),
            answers=parse_answers(tables["answers"]),
            consultations=consulting(tables["consultations"]),
            notices=parse_notices(tables["notices"]),
            sample=bool(table.get("sample")),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as cause:
        raise Invalid(f"The rules cannot be used: {type(cause).__name__} at {cause}.", field="text") from cause


def _category(row: dict[str, Any]) -> Category:
    return Category(
        row["id"],
        _names(row, "{}"),
        _names(row, "hint_{}"),
        row["handle_hours"],
        row.get("urgent", False),
        row["evidence"],
    )


def _names(row: dict[str, Any], key: str) -> dict[str, str]:
    return {language: row[key.format(language)] for language in ("vi", "en")}


def _answer(row: dict[str, Any]) -> AnswerRule:
    phrases = sorted((fold(phrase) for phrase in row["boilerplate"]), key=len, reverse=True)  # Longest first.
    return AnswerRule(row["new_words"], tuple(phrases), frozenset(fold(word) for word in row["small"]))
