"""Targets of a scheme: a value of an indicator or a maturity level by a year, and how far they are reached."""

from dataclasses import dataclass

from dothi.ground.errors import Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import Actor, Attribute, Change, Commit, Entity, Op, prop, read_one, rel
from dothi.programme.model import OWNER, IllegalMove, Programme, readable
from dothi.programme.plans.documents import document
from dothi.programme.plans.model import LEVELS_OF_MATURITY, NewTarget, Stand, Target, target_of

TYPE = "SchemeTarget"


@dataclass(frozen=True)
class Reached:
    """How far a target is: met, missed (not met yet) or unknown (no trustworthy figure), with the latest figure."""

    standing: str
    value: float | None = None
    unit_code: str = ""
    period: str = ""
    figure: str = ""  # Id of the IndicatorValue.


async def add_target(programme: Programme, actor: Actor, scheme: str, new: NewTarget, key: str | None = None) -> str:
    """Add a target to a scheme; returns its id. Invalid unless it says either indicator and value, or a level."""
    one = document(programme, actor, scheme, "Scheme")
    if one.state is Stand.SUMMED_UP:
        raise IllegalMove(f"{one.code} was summed up: it gets no new target.")
    check_target(new)
    if new.indicator and "Indicator" not in programme.hub.get(actor, new.indicator).types:
        raise Missing(f"{new.indicator} is not an indicator.")
    change = Change(Op.CREATE, urn(TYPE), (TYPE,), _attributes(one.id, new))
    receipt = await programme.hub.commit(Commit(actor, (change,), "target set", key=key, owner=OWNER))
    return receipt.results[0].id


def check_target(new: NewTarget) -> None:
    """Raise Invalid unless the target can be measured."""
    if not new.title.strip():
        raise Invalid("A target says in words what is to be reached.", field="title")
    if (new.level is None) == (new.indicator is None):
        raise Invalid(
            "A target is tied to an indicator, or it is a maturity level: say one of both.", field="indicator"
        )
    if new.indicator is not None and new.value is None:
        raise Invalid("Say the value that the indicator is to reach.", field="value")
    if new.level is not None and new.level not in LEVELS_OF_MATURITY:
        raise Invalid(f"There are levels 1 to 3, not {new.level}.", field="level")
    if not 2000 <= new.year <= 2100:
        raise Invalid(f"{new.year} is no year of a target.", field="year")


def _attributes(scheme: str, new: NewTarget) -> dict[str, Attribute]:
    attrs: dict[str, Attribute] = {
        "title": prop(new.title.strip()),
        "scheme": rel(scheme),
        "year": prop(new.year),
        "unit": prop(new.unit),
        "sample": prop(new.sample),
    }
    if new.indicator is not None and new.value is not None:
        attrs |= {"indicator": rel(new.indicator), "target": prop(new.value, unit=new.unit_code or None)}
    if new.level is not None:
        attrs["level"] = prop(new.level)
    if new.legal_basis:
        attrs["legalBasis"] = rel(new.legal_basis)
    return attrs


def target(programme: Programme, actor: Actor, name: str) -> Target:
    """One target; Missing when there is none."""
    entity = programme.hub.get(actor, name)
    if TYPE not in entity.types:
        raise Missing(f"{name} is not a target.")
    return read_one(entity, target_of)


def targets_of(programme: Programme, actor: Actor, scheme: str = "") -> list[Target]:
    """The targets of a scheme (or of all), the soonest first."""
    terms = (Compare(("scheme",), "==", scheme),) if scheme else ()
    query = Query(TypeIs(TYPE), q=And(terms) if terms else None, limit=1000)
    return sorted(readable(programme.hub.query(actor, query), target_of), key=lambda one: (one.year, one.title))


def reached(programme: Programme, actor: Actor, one: Target) -> Reached:
    """How far a target is, by the latest figure of its indicator in its unit; grey figures count for nothing.

    A maturity level is judged by assessors, not by a figure: it stays unknown here until one says so.
    """
    if one.indicator is None or one.value is None:
        return Reached("unknown")
    terms = And(tuple(Compare((name,), "==", value) for name, value in _asked(one)))
    query = Query(TypeIs("IndicatorValue"), q=terms, limit=1, order=("-periodEnd",))
    found = next(iter(programme.hub.query(actor, query)), None)
    if found is None or found.value("value") is None:
        return Reached("unknown")
    return _judged(one, found, _direction(programme, actor, one.indicator))


def _asked(one: Target) -> tuple[tuple[str, str | bool], ...]:
    return ("live", True), ("unit", one.unit), ("indicator", str(one.indicator))


def _judged(one: Target, found: Entity, lower_is_better: bool) -> Reached:
    value, wanted = float(found.value("value")), one.value or 0.0
    met = value <= wanted if lower_is_better else value >= wanted
    unit = (found.instance("value") or {}).get("unitCode", "")
    standing = "met" if met else "missed"
    return Reached(standing, value, unit, str(found.value("period", "")), found.id)


def _direction(programme: Programme, actor: Actor, indicator: str) -> bool:
    """Whether lower values of an indicator are the better ones."""
    return str(programme.hub.get(actor, indicator).value("direction", "")) == "lower"
