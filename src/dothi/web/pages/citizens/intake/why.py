"""The explanation of a case in words: which rule, by which citation, what was looked at, what did not fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from dothi.citizens.intake.arrival import Arrival, arrival
from dothi.citizens.needs import rules_at
from dothi.citizens.rules import Rules
from dothi.web.page import visit, words
from dothi.web.pages.citizens.report import ours, unit_name


@dataclass(frozen=True)
class Why:
    """What the macro `why_here` shows; `rule` is None where nothing was decided (an imported report)."""

    rule: str | None
    unit: str
    reason: str
    waits: str
    fallback: str
    rows: tuple[tuple[str, str], ...]
    tried: tuple[tuple[str, str], ...]
    came: tuple[tuple[str, str], ...]
    used: tuple[str, ...]


def why_of(request: Request, number: str) -> Why:
    """The explanation of a report that this official may see."""
    came = arrival(ours(request), visit(request).actor, number)
    said, t, pick = came.routing, words(request).t, words(request).pick
    named = {one.id: pick(one.names).rstrip(".") for one in _rules(request, said).intake.routes}
    fallback = f"intake.why.{said['fallback']}" if said.get("fallback") else ""
    return Why(
        str(said["rule"]) if said else None,
        unit_name(request, str(said.get("assignee", ""))),
        pick(said.get("reason") or said.get("name") or ""),
        t("intake.why.waits", unit=unit_name(request, str(said.get("then", "")))) if said.get("waits") else "",
        t(fallback) if fallback else "",
        tuple(_rows(request, said)),
        tuple(
            (named.get(one["rule"], one["rule"]), t(f"intake.why.not_{one['why']}")) for one in said.get("tried", ())
        ),
        tuple(_came(request, came)),
        came.used_before,
    )


def _rules(request: Request, said: Mapping[str, Any]) -> Rules:
    """The rules in force now where the case lies: their names are shown."""
    return rules_at(ours(request), said["inputs"]["unit"] if said else None)


def _rows(request: Request, said: Mapping[str, Any]) -> list[tuple[str, str]]:
    if not said:
        return []
    t, pick = words(request).t, words(request).pick
    rule = f"{pick(said['name'])} ({said['rule']}, {t('intake.why.version', version=said['version'])})"
    rows = [(t("intake.why.rule"), rule if said["rule"] else t("intake.why.rule_none"))]
    cited = said.get("citation")
    if cited:
        sample = f" ({t('intake.why.sample')})" if cited["sample"] and "mẫu" not in cited["article"] else ""
        rows.append((t("intake.why.citation"), f"{cited['document']}, {cited['article']}{sample}"))
    inputs = said["inputs"]
    category = _rules(request, said).categories.get(inputs["category"])
    looked = [
        pick(category.names) if category else inputs["category"],
        unit_name(request, inputs["unit"]),
        inputs["time"],
        _channel(request, inputs["channel"]),
        *([t("intake.why.urgent")] if inputs["urgent"] else []),
        *(f"“{word}”" for word in inputs["words"]),
    ]
    return [*rows, (t("intake.why.inputs"), ", ".join(looked))]


def _came(request: Request, came: Arrival) -> list[tuple[str, str]]:
    t = words(request).t
    rows = [(t("intake.arrival.channel"), _channel(request, came.channel))]
    if came.recorded_by:
        consent = t(f"intake.consent.{came.consent}").lower()
        rows.append((t("intake.counter.consent"), t("intake.arrival.recorded", consent=consent)))
    asked = {one.id: one for one in _rules(request, came.routing).intake.questions.questions}
    pick = words(request).pick
    for name, answer in came.answers.items():
        question = asked.get(name)
        choice = next((one for one in question.choices if one.id == answer), None) if question else None
        rows.append((pick(question.names) if question else name, pick(choice.names) if choice else answer))
    if came.followers:
        rows.append((t("intake.follow.title"), t("intake.arrival.followers", n=came.followers)))
    if came.again_of:
        rows.append((t("citizens.fact.reopened"), t("intake.arrival.again", code=came.again_of)))
    return rows


def _channel(request: Request, name: str) -> str:
    key = f"intake.channel.{name}"
    return words(request).t(key) if words(request).has(key) else name
