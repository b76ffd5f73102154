"""Who is competent, as data: rows over category and answers, each with its reason and the citation that says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dothi.ground.errors import Invalid

ANY = "*"
HOLDERS = ("commune", "province", "organisation")
DEFAULT_ORDER = 100


@dataclass(frozen=True, slots=True)
class Citation:
    """Document and article; `sample` when it stands for a text that each city has to name itself."""

    document: str
    article: str
    sample: bool

    def as_json(self) -> dict[str, object]:
        """The form in which a case keeps it."""
        return {"document": self.document, "article": self.article, "sample": self.sample}


@dataclass(frozen=True, slots=True)
class Competence:
    """One row: for this category and these answers the holder is competent; `kind` of organisation where it is one."""

    id: str
    order: int
    category: str
    answers: Mapping[str, str]
    holder: str
    kind: str
    reason: Mapping[str, str]
    citation: Citation

    def misses(self, category: str, answers: Mapping[str, str]) -> str:
        """The first condition that does not hold: "category", "answers", or "" when the row holds."""
        if self.category not in (ANY, category):
            return "category"
        return "" if self.answers.items() <= answers.items() else "answers"


@dataclass(frozen=True, slots=True)
class SampleBody:
    """An organisation that a sample city registers, so that the rows find one."""

    id: str
    kind: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CompetenceTable:
    """All rows in order, and the sample organisations."""

    rows: tuple[Competence, ...]
    bodies: tuple[SampleBody, ...]
    sample: bool

    def find(self, category: str, answers: Mapping[str, str]) -> Competence | None:
        """The first row that holds, None when none does."""
        return next((row for row in self.rows if not row.misses(category, answers)), None)


def parse_competence(table: Mapping[str, Any]) -> CompetenceTable:
    """The table of competence.toml. Invalid names the row whose holder is none."""
    sample = bool(table.get("sample"))
    rows = sorted((_row(row, sample) for row in table["row"]), key=lambda one: one.order)
    bodies = tuple(
        SampleBody(row["id"], row["kind"], {"vi": row["vi"], "en": row["en"]}) for row in table.get("organisation", ())
    )
    return CompetenceTable(tuple(rows), bodies, sample)


def _row(row: Mapping[str, Any], sample: bool) -> Competence:
    holder, kind = row["holder"], row.get("kind", "")
    if holder not in HOLDERS or (holder == "organisation") != bool(kind):
        raise Invalid(
            f"Competence {row['id']}: holder is one of {', '.join(HOLDERS)}; an organisation needs its kind.",
            field="text",
        )
    return Competence(
        row["id"],
        int(row.get("order", DEFAULT_ORDER)),
        row["category"],
        dict(row.get("answers", {})),
        holder,
        kind,
        {"vi": row["vi"], "en": row["en"]},
        Citation(row["document"], row["article"], bool(row.get("sample", sample))),
    )
