"""Indicators as data: read from tables, checked, kept as entities whose history holds every former version."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib import resources
from typing import Any

from dothi.evidence.model import (
    INDICATOR,
    OWNER,
    SYSTEM,
    Direction,
    Evidence,
    Formula,
    Indicator,
    Kind,
    NoSuchIndicator,
    PeriodKind,
    period_of,
)
from dothi.evidence.reading import fill
from dothi.ground.errors import Invalid, Missing
from dothi.ground.ids import urn
from dothi.ground.text import slug
from dothi.hub.language.q import parse_q
from dothi.hub.model import Actor, Attribute, Change, Commit, Entity, Op, json_prop, prop, read_one, rel, words
from dothi.sources.mapping.durations import seconds_of

_NEEDS = {  # What each kind of formula cannot do without.
    Kind.MEAN: ("type", "attribute"),
    Kind.SHARE: ("type", "met"),
    Kind.COUNT: ("type",),
    Kind.RATING: ("type", "attribute", "asked"),
}
_LIMIT = 1000


def indicator_id(name: str) -> str:
    """The id of an indicator by its short name (a URN stays as it is)."""
    return name if name.startswith("urn:") else urn(INDICATOR, name)


def sample_indicators() -> list[Indicator]:
    """The indicators shipped, each labelled a sample."""
    text = resources.files("dothi.evidence").joinpath("data/indicators.toml").read_text("utf-8")
    return [parse(row) for row in tomllib.loads(text)["indicator"]]


def parse(row: Mapping[str, Any]) -> Indicator:
    """The indicator that one table of a definitions file declares. Invalid names the row and what is wrong."""
    name = str(row.get("id", ""))
    if not name or slug(name) != name:
        raise Invalid(f"{name[:40]!r} is no name of an indicator: small letters, digits and hyphens.", field="id")
    try:
        formula = {**row["formula"], "kind": Kind(row["formula"]["kind"])}
        plain = {key: value for key, value in row.items() if key not in ("id", "formula", "direction", "period")}
        found = Indicator(
            id=indicator_id(name),
            formula=Formula(**formula),
            direction=Direction(row["direction"]),
            period=PeriodKind(row["period"]),
            **plain,
        )
    except (KeyError, TypeError, ValueError) as cause:
        raise Invalid(f"Indicator {name}: {cause}.", indicator=name) from cause
    check(found)
    return found


def check(indicator: Indicator) -> None:
    """Refuse a definition that could not be computed or read; Invalid says which part."""
    formula = indicator.formula
    lacking = [name for name in _NEEDS[formula.kind] if not getattr(formula, name)]
    if lacking:
        raise Invalid(f"{indicator.id}: a {formula.kind} needs {', '.join(lacking)}.", missing=lacking)
    if not indicator.name.get("vi"):
        raise Invalid(f"{indicator.id} needs a Vietnamese name.", field="name")
    if not 0 <= formula.minimum <= 1 or formula.least < 0:
        raise Invalid(f"{indicator.id}: minimum is a share from 0 to 1, least a number of inputs.")
    for text in (formula.where, formula.met, formula.asked):
        _check_condition(indicator, text)
    try:
        if formula.slot and seconds_of(formula.slot) <= 0:
            raise ValueError("a slot lasts longer than nothing")
    except ValueError as cause:
        raise Invalid(f"{indicator.id}: slot is an ISO 8601 duration such as PT1H: {cause}.") from cause


def _check_condition(indicator: Indicator, text: str) -> None:
    try:
        filled = fill(text, period_of(indicator.period, 0), 0)
    except (KeyError, IndexError, ValueError) as cause:
        raise Invalid(f"{indicator.id}: {text!r} may hold {{start}}, {{end}} and {{now}} only.") from cause
    if filled:
        parse_q(filled)


async def keep_indicator(evidence: Evidence, actor: Actor, indicator: Indicator, reason: str = "") -> Indicator:
    """Write a definition, or a new version of it; a changed formula gets the next number. Nothing when none changed."""
    check(indicator)
    try:
        entity: Entity | None = evidence.hub.get(SYSTEM, indicator.id)
    except Missing:
        entity = None
    before = indicator_of(entity) if entity else None
    if before is not None:
        step = 0 if before.formula == indicator.formula else 1
        indicator = replace(indicator, formula_version=before.formula_version + step)
    if indicator == before:
        return indicator
    change = Change(Op.PUT, indicator.id, (INDICATOR,), _attributes(indicator))
    expect = {indicator.id: entity.version if entity else 0}
    await evidence.hub.commit(Commit(actor, (change,), reason or "indicator kept", expect, owner=OWNER))
    return indicator


async def keep_sample_indicators(evidence: Evidence) -> None:
    """Write the shipped indicators that are not there yet; what a city made of them stays."""
    known = {one.id for one in indicators(evidence)}
    for one in sample_indicators():
        if one.id not in known:
            await keep_indicator(evidence, SYSTEM, one, "labelled sample indicators")


def _attributes(indicator: Indicator) -> dict[str, Attribute]:
    formula = {key: value for key, value in asdict(indicator.formula).items() if value not in ("", None)}
    attrs: dict[str, Attribute] = {
        "name": words(**indicator.name),
        "formula": json_prop({**formula, "kind": indicator.formula.kind.value}),
        "formulaVersion": prop(indicator.formula_version),
        "unitCode": prop(indicator.unit_code),
        "symbol": words(**indicator.symbol),
        "direction": prop(indicator.direction.value),
        "period": prop(indicator.period.value),
        "decimals": prop(indicator.decimals),
        "sample": prop(indicator.sample),
        "listed": prop(indicator.listed),
        "order": prop(indicator.order),
        "reads": prop(indicator.formula.type),
    }
    if indicator.about:
        attrs["description"] = words(**indicator.about)
    if indicator.target is not None:
        attrs["target"] = prop(indicator.target, unit=indicator.unit_code)
    if indicator.legal_basis:
        attrs["legalBasis"] = rel(indicator.legal_basis)
    return attrs


def indicator_of(entity: Entity) -> Indicator:
    """The indicator that an entity holds."""
    formula = entity.value("formula")
    return Indicator(
        id=entity.id,
        name=entity.value("name"),
        formula=Formula(**{**formula, "kind": Kind(formula["kind"])}),
        unit_code=entity.value("unitCode"),
        symbol=entity.value("symbol", {}),
        direction=Direction(entity.value("direction")),
        period=PeriodKind(entity.value("period")),
        about=entity.value("description", {}),
        target=entity.value("target"),
        legal_basis=entity.value("legalBasis"),
        decimals=entity.value("decimals", 1),
        sample=entity.value("sample", False),
        listed=entity.value("listed", True),
        order=entity.value("order", 0),
        formula_version=entity.value("formulaVersion", 1),
    )


def indicators(evidence: Evidence, actor: Actor = SYSTEM) -> list[Indicator]:
    """Every indicator that `actor` may see, in the order declared."""
    found = [indicator_of(entity) for entity in evidence.hub.find(actor, INDICATOR, limit=_LIMIT)]
    return sorted(found, key=lambda one: (one.order, one.id))


def indicator(evidence: Evidence, actor: Actor, name: str) -> Indicator:
    """One indicator by short name or URN."""
    entity_id = indicator_id(name)
    try:
        entity = evidence.hub.get(actor, entity_id)
    except Missing as cause:
        raise NoSuchIndicator(f"There is no indicator {name[:80]!r}.") from cause
    if INDICATOR not in entity.types:
        raise NoSuchIndicator(f"{name[:80]!r} is no indicator.")
    return read_one(entity, indicator_of)
