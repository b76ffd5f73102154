"""The nouns of planning: schemes, their stages and targets, plans, projects; and what becomes of the first two."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dothi.hub.model import Entity
from dothi.programme.model import several

LEVELS_OF_MATURITY = (1, 2, 3)  # Decree 269/2025/NĐ-CP with Circular 03/2026/TT-BXD: three levels.
STAGE_YEARS = 5  # Decree 269/2025/NĐ-CP: by stages of five years.
SECTOR, LOCAL = "sector", "local"
PLAN_KINDS = (SECTOR, LOCAL)  # Kế hoạch theo ngành, kế hoạch địa phương.


class Stand(StrEnum):
    """Where a scheme or a plan stands."""

    DRAFT = "draft"
    CONSULTED = "consulted"
    APPROVED = "approved"
    IN_FORCE = "inForce"
    SUMMED_UP = "summedUp"


class Step(StrEnum):
    """What can be done with a scheme or a plan."""

    CONSULT = "consult"
    APPROVE = "approve"
    ENFORCE = "enforce"
    SUM_UP = "sum_up"


# A scheme is consulted on before it is approved (Decree 269/2025/NĐ-CP, article 7); a plan need not be.
SCHEME_NEXT: Mapping[tuple[Stand, Step], Stand] = {
    (Stand.DRAFT, Step.CONSULT): Stand.CONSULTED,
    (Stand.CONSULTED, Step.APPROVE): Stand.APPROVED,
    (Stand.APPROVED, Step.ENFORCE): Stand.IN_FORCE,
    (Stand.IN_FORCE, Step.SUM_UP): Stand.SUMMED_UP,
}
PLAN_NEXT: Mapping[tuple[Stand, Step], Stand] = {**SCHEME_NEXT, (Stand.DRAFT, Step.APPROVE): Stand.APPROVED}
NEXT = {"Scheme": SCHEME_NEXT, "Plan": PLAN_NEXT}
# What each step must say.
NEEDS: Mapping[Step, tuple[str, ...]] = {
    Step.CONSULT: ("note",),
    Step.APPROVE: ("number", "date", "by"),
    Step.ENFORCE: ("date",),
    Step.SUM_UP: ("note",),
}


@dataclass(frozen=True)
class Stage:
    """Years from … to (both included), and the maturity level expected at its end."""

    first: int
    last: int
    level: int


@dataclass(frozen=True)
class NewDocument:
    """A scheme or plan that begins as a draft. `unit` is the province or commune whose it is, `lead` who keeps it."""

    title: str
    unit: str
    lead: str
    year: int
    legal_bases: tuple[str, ...] = ()
    parent: str | None = None  # Scheme: of which it is a component. Plan: the plan above it.
    sample: bool = False
    vision: str = ""  # Scheme.
    vision_year: int = 0
    stages: tuple[Stage, ...] = ()
    kind: str = ""  # Plan: one of PLAN_KINDS.
    scheme: str | None = None  # Plan: which scheme it carries out.
    sector: str = ""  # Sector plan: the sector in words.
    ends: int = 0  # Plan: its last year.


@dataclass(frozen=True)
class Document:
    """A scheme or plan as it stands. `approval` holds number, date, by; `revisions` what was changed when and why."""

    id: str
    type: str  # Scheme or Plan.
    code: str
    title: str
    state: Stand
    unit: str
    lead: str
    year: int
    legal_bases: tuple[str, ...]
    parent: str | None
    approval: Mapping[str, Any]
    steps: tuple[Mapping[str, Any], ...]
    revisions: tuple[Mapping[str, Any], ...]
    next_review: str | None
    vision: str
    vision_year: int
    stages: tuple[Stage, ...]
    kind: str
    scheme: str | None
    sector: str
    ends: int
    sample: bool
    version: int
    created_at: int


@dataclass(frozen=True)
class NewTarget:
    """What a scheme promises: a value of an indicator, or a maturity level, by the end of a year."""

    title: str
    year: int
    unit: str
    indicator: str | None = None
    value: float | None = None
    unit_code: str = ""
    level: int | None = None
    legal_basis: str | None = None
    sample: bool = False


@dataclass(frozen=True)
class Target:
    """A target as it stands."""

    id: str
    scheme: str
    title: str
    year: int
    unit: str
    indicator: str | None
    value: float | None
    unit_code: str
    level: int | None
    legal_basis: str | None
    sample: bool
    version: int


def document_of(entity: Entity) -> Document:
    """The scheme or plan that an entity holds."""
    value = entity.value
    return Document(
        id=entity.id,
        type="Scheme" if "Scheme" in entity.types else "Plan",
        code=value("code"),
        title=value("title"),
        state=Stand(value("state")),
        unit=value("unit"),
        lead=value("lead"),
        year=value("year"),
        legal_bases=several(value("legalBasis")),
        parent=value("parent"),
        approval=value("approval", {}),
        steps=tuple(value("steps", [])),
        revisions=tuple(value("revisions", [])),
        next_review=value("nextReview") or None,
        vision=value("vision", ""),
        vision_year=value("visionYear", 0),
        stages=tuple(Stage(**one) for one in value("stages", [])),
        kind=value("kind", ""),
        scheme=value("scheme"),
        sector=value("sector", ""),
        ends=value("ends", 0),
        sample=value("sample", False),
        version=entity.version,
        created_at=entity.created_at,
    )


def target_of(entity: Entity) -> Target:
    """The target that an entity holds."""
    value = entity.value
    return Target(
        id=entity.id,
        scheme=value("scheme"),
        title=value("title"),
        year=value("year"),
        unit=value("unit"),
        indicator=value("indicator"),
        value=value("target"),
        unit_code=(entity.instance("target") or {}).get("unitCode", ""),
        level=value("level"),
        legal_basis=value("legalBasis"),
        sample=value("sample", False),
        version=entity.version,
    )
