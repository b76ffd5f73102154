"""How a report came in, for staff: channel, answers, why it is where it is, who follows, pictures used before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dothi.citizens.intake.competence import decide, facts_of
from dothi.citizens.intake.filing import decision_attributes
from dothi.citizens.model import TYPE, NoSuchReport, Report
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.ground.clock import now_us
from dothi.ground.errors import Missing
from dothi.ground.ids import urn
from dothi.hub.model import Actor, Attribute, Entity, read_one


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is told beside the report itself; `routing` is the explanation of competence.py, {} where there is none."""

    channel: str
    answers: Mapping[str, str]
    routing: Mapping[str, Any]
    followers: int
    again_of: str
    recorded_by: str
    consent: str
    used_before: tuple[str, ...]


def arrival(citizens: Citizens, actor: Actor, number: str) -> Arrival:
    """How the report with a public number came in. NoSuchReport when there is none, or `actor` may not see it."""
    try:
        return read_one(citizens.hub.get(actor, urn(TYPE, number.upper())), arrival_of)
    except Missing as cause:
        raise NoSuchReport from cause


def arrival_of(entity: Entity) -> Arrival:
    """The same of an entity of type CitizenReport."""
    value = entity.value
    before = value("usedBefore", [])
    return Arrival(
        value("channel", ""),
        value("answers", {}),
        value("routing", {}),
        int(value("followers", 0)),
        value("againOf", ""),
        value("recordedBy", ""),
        value("consent", ""),
        tuple(before if isinstance(before, list) else [before]),
    )


def rerouted(citizens: Citizens, report: Report, unit: str, at: int | None = None) -> dict[str, Attribute]:
    """What confirming the commune writes of who owes the next step: the rules are asked again, now that it is sure."""
    now = at or now_us()
    rules = rules_at(citizens, unit, now)
    if report.category not in rules.categories:
        return {}
    came = arrival_of(citizens.hub.get(SYSTEM, report.id))
    text = f"{report.description} {report.place_words}"
    facts = facts_of(citizens, rules, report.category, unit, text, came.channel, came.answers, now)
    return decision_attributes(citizens, rules, decide(citizens, rules, facts, now), facts, now)
