"""From what a rule says of an alarm to what the alarms' own verbs take: the cause, the value, the reasons in words."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from dothi.ground.ids import urn
from dothi.hub.model import Entity
from dothi.operations.alarms.raising import Effect
from dothi.operations.alarms.workflow import Move
from dothi.operations.model import Priority, Reading
from dothi.operations.rules.model import Flapping, Reason, Rule, Turn, kind_of, leaves

LANGUAGES = ("vi", "en")
_SHOWN = 6  # Reasons that an alarm keeps.


@dataclass(frozen=True, slots=True)
class Cause:
    """What an alarm keeps of its rule."""

    id: str
    name: Mapping[str, str]
    priority: Priority
    kind: str  # Of the leaf that speaks: "threshold", "noData", "mean" …
    attribute: str
    limit: float | None
    inhibited_by: tuple[str, ...] = ()
    inhibited_within: str = "unit"
    rule_set: str = ""
    group: str = ""
    playbook: str = ""
    advice: Mapping[str, str] | None = None
    flapping: Flapping | None = None


def subject_of(turn: Turn) -> str:
    """The entity that an alarm is about: the subject, or the unit that is the area."""
    return turn.subject or area_urn(turn.area)


def area_urn(area: str) -> str:
    """The entity of a unit."""
    return urn("AdministrativeUnit", area)


def effect_of(turn: Turn) -> Effect:
    """What the alarms' verbs take."""
    reading = Reading(subject_of(turn), turn.value, turn.observed, turn.at)
    told = [reason for reason in turn.reasons if reason.held is turn.raised] or list(turn.reasons)
    move = Move.RAISE if turn.raised else Move.CLEAR
    area = turn.unit if turn.area else ""
    return Effect(_cause(turn), reading, move, tuple(said(reason) for reason in told[:_SHOWN]), area)


def _cause(turn: Turn) -> Cause:
    rule = turn.rule
    leaf = next((one for one in leaves(rule.when) if one.attribute == turn.attribute), next(leaves(rule.when)))
    speaks = next((one for one in turn.reasons if one.attribute == turn.attribute and one.held is turn.raised), None)
    return Cause(
        rule.id,
        rule.name,
        rule.priority,
        kind_of(leaf) if speaks is None else speaks.kind,
        turn.attribute or leaf.attribute,
        None if speaks is None else speaks.limit,
        rule.inhibited_by,
        rule.inhibited_within.value,
        turn.rule_set,
        rule.group,
        rule.playbook,
        rule.advice,
        rule.flapping,
    )


def ended(alarm: Entity, rule: Rule | None, now: int) -> Effect:
    """The effect that clears an alarm whose rule or subject is not there any more."""
    name = alarm.value("name", {}) if rule is None else rule.name
    cause = Cause(
        alarm.value("rule", ""),
        name,
        Priority(alarm.value("priority", Priority.LOW.value)),
        "gone",
        alarm.value("attribute", ""),
        None,
    )
    reading = Reading(alarm.value("subject", ""), None, now, now)
    return Effect(cause, reading, Move.CLEAR, (said(Reason("gone", "", None)),))


def said(reason: Reason) -> dict[str, Any]:
    """A reason in words, and as figures for who computes with it."""
    words = {language: _words(reason, language) for language in LANGUAGES}
    figures = {"kind": reason.kind, "attribute": reason.attribute, "value": reason.value, "limit": reason.limit}
    figures |= {"op": reason.op, "members": reason.members or None, "windowSeconds": reason.window_seconds or None}
    return words | {name: value for name, value in figures.items() if value not in (None, "")}


def _words(reason: Reason, language: str) -> str:
    over = reason.over if reason.over in _wording()["over"] else "units"
    return str(_wording()["said"][reason.kind][language]).format(
        what=reason.attribute,
        value="?" if reason.value is None else _number(reason.value, language),
        op=reason.op,
        limit="?" if reason.limit is None else _number(reason.limit, language),
        span=_span(reason.window_seconds, language),
        silence=_span(int(reason.value or 0), language),
        patience=_span(int(reason.limit or 0), language),
        members=reason.members,
        over=_wording()["over"][over][language],
    )


def _number(value: float, language: str) -> str:
    text = f"{value:.6g}"
    return text.replace(".", ",") if language == "vi" else text


def _span(seconds: int, language: str) -> str:
    for name, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size and seconds % size == 0:
            return str(_wording()["span"][name][language]).format(count=seconds // size)
    if seconds >= 600:
        return str(_wording()["span"]["minutes"][language]).format(count=seconds // 60)
    return str(_wording()["span"]["seconds"][language]).format(count=seconds)


@cache
def _wording() -> Mapping[str, Any]:
    """The table of words, read once."""
    return tomllib.loads(resources.files("dothi.operations").joinpath("data/reasons.toml").read_text("utf-8"))
