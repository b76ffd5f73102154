"""The rules of problems as data: when reports are alike, the terms of the priority, and the kinds of cause."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dothi.ground.errors import Invalid

TERMS = ("people", "recurrences", "reopened", "days_open", "urgent", "followers", "dissatisfied")
WHOLE = 100.0


@dataclass(frozen=True, slots=True)
class Likeness:
    """Shares of nearness, shared words and time in the likeness of two reports; `least` makes them one problem."""

    distance: float
    words: float
    time: float
    least: float
    decide_hours: float  # Working hours within which a person decides on a suggestion.


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the priority: points = weight × min(value ÷ full, 1)."""

    id: str
    weight: float
    full: float

    def points(self, value: float) -> float:
        """What the term adds to the priority."""
        return self.weight * min(value / self.full, 1.0)


@dataclass(frozen=True, slots=True)
class ProblemRules:
    """All rules of problems."""

    likeness: Likeness
    terms: tuple[Term, ...]
    few_ratings: int
    causes: Mapping[str, Mapping[str, str]]  # Kind of cause → names by language.
    sample: bool


def parse_problems(table: Mapping[str, Any]) -> ProblemRules:
    """The rules that one table says. Invalid when terms are unknown or their weights do not add up."""
    terms = tuple(Term(row["id"], float(row["weight"]), float(row["full"])) for row in table["term"])
    unknown = [one.id for one in terms if one.id not in TERMS]
    if unknown:
        raise Invalid(f"The priority knows no term {unknown[0]}; there are {', '.join(TERMS)}.", field="text")
    if any(one.full <= 0 or one.weight < 0 for one in terms):
        raise Invalid("A term of the priority needs a weight from 0 and a full value above 0.", field="text")
    if abs(sum(one.weight for one in terms) - WHOLE) > 1e-6:
        raise Invalid(f"The weights of the priority add up to {WHOLE:.0f}.", field="text")
    return ProblemRules(
        Likeness(**table["likeness"]),
        terms,
        int(table["few"]["ratings"]),
        {row["id"]: {"vi": row["vi"], "en": row["en"]} for row in table["cause"]},
        bool(table.get("sample")),
    )
