"""Where a report goes, as data: ordered rules over its facts, the first that holds decides, the others say why not."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dothi.citizens.rules.intake.competence import DEFAULT_ORDER
from dothi.citizens.rules.intake.folded import holds_words, spaced
from dothi.ground.errors import Invalid

PLAIN = ("competence", "commune", "province")
NAMED = ("unit", "organisation", "kind")
MINUTES = 60
CONDITIONS = ("category", "unit", "urgent", "channel", "hours", "words", "answers")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at. `chain`: codes, province first; `minute`: of the day in Vietnam; `text`: as `spaced`."""

    category: str
    chain: tuple[str, ...]
    urgent: bool
    channel: str
    minute: int
    text: str
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class When:
    """The conditions of a rule; what is empty or None asks nothing."""

    category: frozenset[str] = frozenset()
    unit: frozenset[str] = frozenset()
    urgent: bool | None = None
    channel: frozenset[str] = frozenset()
    hours: tuple[int, int] | None = None  # Minutes of the day; over midnight when the first is the later.
    words: tuple[str, ...] = ()  # Folded.
    answers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One rule: when its conditions hold, the report goes `to` a holder; urgent and suggest are effects beside it."""

    id: str
    order: int
    names: Mapping[str, str]
    when: When
    to: str
    urgent: bool
    suggest: str

    @property
    def version(self) -> str:
        """Changes with whatever the rule says: kept with each case that it decided."""
        parts = (self.id, self.order, sorted(self.names.items()), _shown(self.when), self.to, self.urgent, self.suggest)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]

    @property
    def target(self) -> tuple[str, str]:
        """What `to` says, as (way, name): ("kind", "electricity"), ("competence", "")."""
        way, _, name = self.to.partition(":")
        return way, name


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule that did not hold, and the condition that failed first."""

    rule: str
    why: str


def choose(routes: tuple[Route, ...], facts: Facts) -> tuple[Route | None, tuple[Tried, ...]]:
    """The first rule that holds, and those before it with why they did not."""
    tried: list[Tried] = []
    for route in routes:
        why = misses(route.when, facts)
        if not why:
            return route, tuple(tried)
        tried.append(Tried(route.id, why))
    return None, tuple(tried)


def misses(when: When, facts: Facts) -> str:
    """The first condition that does not hold, by name; "" when all do."""
    held = {
        "category": not when.category or facts.category in when.category,
        "unit": not when.unit or not when.unit.isdisjoint(facts.chain),
        "urgent": when.urgent is None or when.urgent == facts.urgent,
        "channel": not when.channel or facts.channel in when.channel,
        "hours": when.hours is None or _within(when.hours, facts.minute),
        "words": not when.words or bool(holds_words(facts.text, when.words)),
        "answers": when.answers.items() <= facts.answers.items(),
    }
    return next((name for name in CONDITIONS if not held[name]), "")


def _within(hours: tuple[int, int], minute: int) -> bool:
    start, end = hours
    return start <= minute < end if start <= end else minute >= start or minute < end


def parse_routing(table: Mapping[str, Any]) -> tuple[Route, ...]:
    """The rules of routing.toml in order. Invalid names the row that cannot be read."""
    return tuple(sorted((_route(row) for row in table["route"]), key=lambda one: one.order))


def _route(row: Mapping[str, Any]) -> Route:
    way, _, name = row["to"].partition(":")
    if (way not in PLAIN or name) and (way not in NAMED or not name):
        raise Invalid(
            f"Routing rule {row['id']}: to is competence, commune, province, unit:…, organisation:… or kind:…, "
            f"not “{row['to'][:60]}”.",
            field="text",
        )
    return Route(
        row["id"],
        int(row.get("order", DEFAULT_ORDER)),
        {"vi": row["vi"], "en": row["en"]},
        _when(row["id"], row.get("when", {})),
        row["to"],
        bool(row.get("urgent", False)),
        row.get("suggest", ""),
    )


def _when(rule: str, said: Mapping[str, Any]) -> When:
    if unknown := said.keys() - set(CONDITIONS):
        raise Invalid(f"Routing rule {rule} knows no condition {', '.join(sorted(unknown))}.", field="text")
    return When(
        frozenset(said.get("category", ())),
        frozenset(said.get("unit", ())),
        said.get("urgent"),
        frozenset(said.get("channel", ())),
        _hours(rule, said["hours"]) if "hours" in said else None,
        tuple(spaced(word) for word in said.get("words", ())),
        dict(said.get("answers", {})),
    )


def _hours(rule: str, text: str) -> tuple[int, int]:
    try:
        start, end = ([int(part) for part in time.split(":")] for time in text.split("-"))
        minutes = (start[0] * MINUTES + start[1], end[0] * MINUTES + end[1])
    except (ValueError, IndexError) as cause:
        raise Invalid(f"Routing rule {rule}: hours are HH:MM-HH:MM, not “{text[:20]}”.", field="text") from cause
    if not all(0 <= minute <= 24 * MINUTES for minute in minutes):
        raise Invalid(f"Routing rule {rule}: “{text[:20]}” is no time of day.", field="text")
    return minutes


def _shown(when: When) -> tuple[object, ...]:
    """The conditions in an order that does not change from run to run."""
    return (
        *(sorted(one) for one in (when.category, when.unit, when.channel)),
        *(when.urgent, when.hours, when.words, sorted(when.answers.items())),
    )
