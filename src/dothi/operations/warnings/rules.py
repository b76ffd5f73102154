"""The tables that warnings obey, as a unit has them in force: hazards with wording, who releases, sender, spelling."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from dothi.ground.errors import Invalid
from dothi.office.rules import applied, in_force
from dothi.office.rules.model import Kind as RuleKind
from dothi.operations.model import Operations
from dothi.operations.warnings.cap.message import CATEGORIES, RESPONSES
from dothi.operations.warnings.model import LANGUAGES, Certainty, Info, Kind, Severity, Urgency

KIND = "operations.warnings"
FILES = ("hazards", "warnings")
RELEASERS = frozenset({"leader", "duty_officer"})  # More than these the policy lets nobody be.
MOST_HOURS = 24 * 14
BLANKS = frozenset({"area", "event"})
_BLANK = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True, slots=True)
class Hazard:
    """A kind of danger: its codes of CAP 1.2, sample wording, and for how long a warning of it may hold."""

    id: str
    natural: bool  # Legal levels (Decision 18/2021/QĐ-TTg) are of natural hazards only.
    name: Mapping[str, str]
    category: tuple[str, ...]
    response: tuple[str, ...]
    severity: Severity
    urgency: Urgency
    certainty: Certainty
    hours: float
    most_hours: float
    wording: Mapping[str, Info]  # Templates with {area} and {event}.
    roles: frozenset[str] = frozenset()  # Who may release; empty = as for all.


@dataclass(frozen=True, slots=True)
class Ending:
    """How a cancellation or an all-clear is worded, and for how many hours that message stays out."""

    hours: float
    wording: Mapping[str, Info]


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything in force for one unit."""

    hazards: Mapping[str, Hazard]
    releasers: frozenset[str]
    minutes: float
    least_minutes: float
    checks: Mapping[str, Mapping[str, str]]  # Id → words by language.
    sender: str
    sender_name: Mapping[str, str]
    geocode: str
    level_name: str
    level_names_in: tuple[str, ...]
    endings: Mapping[Kind, Ending]
    spoken: tuple[tuple[str, Mapping[str, str]], ...]

    def hazard(self, name: str) -> Hazard:
        """The hazard of that id. Invalid when none is in force."""
        found = self.hazards.get(name)
        if found is None:
            raise Invalid(f"No hazard “{name[:40]}”; there are {', '.join(self.hazards)}.", field="hazard")
        return found


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Any]:
    """The tables that are shipped, all of them samples."""
    folder = resources.files("dothi.operations").joinpath("data")
    tables: dict[str, Any] = {}
    for name in FILES:
        tables |= tomllib.loads(folder.joinpath(f"{name}.toml").read_text("utf-8"))
    return tables


def rules_kind() -> RuleKind:
    """What a province or commune may set of its own."""
    return RuleKind(KIND, shipped(), check)


def check(tables: Mapping[str, Any]) -> None:
    """Raise Invalid unless the tables can be used."""
    try:
        parse(tables)
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise Invalid(f"The rules of warnings lack or misuse {cause}.", field="text") from cause


def rules_at(operations: Operations, unit: str | None = None, at: int | None = None) -> Rules:
    """The rules in force for a unit at an instant (µs; now by default)."""
    adopted = operations.adopted
    if adopted is not None and KIND in adopted.kinds and applied(adopted, KIND, unit, at):
        return parse(in_force(adopted, KIND, unit, at))
    return _samples()


@lru_cache(maxsize=1)
def _samples() -> Rules:
    return parse(shipped())


def parse(tables: Mapping[str, Any]) -> Rules:
    """The rules that tables say. Invalid when one of them cannot be."""
    release, sender, cap = tables["release"], tables["sender"], tables["cap"]
    return Rules(
        hazards={one.id: one for one in map(_hazard, tables["hazard"])},
        releasers=_roles(release["roles"]),
        minutes=_between("release.minutes", release["minutes"], 1, 24 * 60),
        least_minutes=_between("release.least_minutes", release["least_minutes"], 1, 24 * 60),
        checks={str(row["id"]): {name: str(row[name]) for name in LANGUAGES} for row in tables["check"]},
        sender=str(sender.get("id", "")),
        sender_name={name: str(sender.get(name, "")) for name in LANGUAGES},
        geocode=str(cap["geocode"]),
        level_name=str(cap["level"]),
        level_names_in=tuple(map(str, cap["level_in"])),
        endings={Kind(row["id"]): Ending(float(row["hours"]), _wording(row)) for row in tables["ending"]},
        spoken=tuple((str(row["id"]), {name: str(row[name]) for name in LANGUAGES}) for row in tables["spoken"]),
    )


def _hazard(row: Mapping[str, Any]) -> Hazard:
    name = str(row["id"])
    hours = _between(f"{name}.most_hours", row["most_hours"], 0.25, MOST_HOURS)
    return Hazard(
        id=name,
        natural=bool(row["natural"]),
        name={language: str(row[language]) for language in LANGUAGES},
        category=_codes(name, row["category"], frozenset(CATEGORIES)),
        response=_codes(name, row["response"], frozenset(RESPONSES) - {"AllClear"}),
        severity=Severity(row["severity"]),
        urgency=Urgency(row["urgency"]),
        certainty=Certainty(row["certainty"]),
        hours=_between(f"{name}.hours", row["hours"], 0.25, hours),
        most_hours=hours,
        wording=_wording(row),
        roles=_roles(row["roles"]) if row.get("roles") else frozenset(),
    )


def _wording(row: Mapping[str, Any]) -> Mapping[str, Info]:
    parts = ("headline", "description", "instruction")
    made = {name: Info(*(str(row[f"{part}_{name}"]) for part in parts)) for name in LANGUAGES}
    for info in made.values():
        for text in (info.headline, info.description, info.instruction):
            if unknown := set(_BLANK.findall(text)) - BLANKS:  # Told now, not at night.
                raise Invalid(f"Nobody fills the blank {{{min(unknown)}}}; there are {sorted(BLANKS)}.", field="text")
    return made


def _codes(name: str, found: Any, known: frozenset[str]) -> tuple[str, ...]:
    codes = tuple(map(str, found))
    if not codes or not known.issuperset(codes):
        raise Invalid(f"Hazard “{name}”: {', '.join(codes) or 'nothing'} is not in {sorted(known)}.", field="text")
    return codes


def _roles(found: Any) -> frozenset[str]:
    roles = frozenset(map(str, found))
    if not roles or not roles <= RELEASERS:
        raise Invalid(f"A warning is released by {' or '.join(sorted(RELEASERS))}, nobody else.", field="text")
    return roles


def _between(name: str, value: Any, least: float, most: float) -> float:
    number = float(value)
    if not least <= number <= most:
        raise Invalid(f"{name} is {number:g}; it lies between {least:g} and {most:g}.", field="text")
    return number


def worded(rules: Rules, hazard: Hazard, area: Mapping[str, str], kind: Kind = Kind.ALERT) -> dict[str, Info]:
    """The sample texts for an area, by language: what a form starts with."""
    wording = rules.endings[kind].wording if kind in rules.endings else hazard.wording
    return {name: _filled(wording[name], hazard.name[name], area.get(name) or "…") for name in LANGUAGES}


def _filled(info: Info, event: str, area: str) -> Info:
    said = {"area": area, "event": event.lower()}
    return Info(*(_BLANK.sub(lambda found: said[found[1]], text) for text in astuple(info)))
