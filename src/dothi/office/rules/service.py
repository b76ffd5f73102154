"""The verbs on rule sets: adopt one from a day on, and what is in force for a unit on a day."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from types import MappingProxyType

from dothi.ground.clock import VIETNAM, now_us, to_datetime
from dothi.ground.errors import Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.core import Hub
from dothi.hub.model import ABSENT, Actor, Commit, Entity, prop, put, system
from dothi.office.rules.model import INDEXED, OWNED, OWNER, TYPE, Kind, RuleSet, RuleSets, Tables
from dothi.office.rules.overlay import overlay
from dothi.territory import Territory

_SYSTEM = system(OWNER)
_MOST = 10_000  # Sets of a province with 168 communes, in decades.
REASON_LETTERS = 10
TEXT_LETTERS = 200_000


def open_rules(hub: Hub, territory: Territory, kinds: Iterable[Kind]) -> RuleSets:
    """The rule sets of a hub: their type is guarded from here on, and what was adopted is read."""
    hub.own(OWNER, OWNED)
    hub.index(TYPE, *INDEXED)
    made = RuleSets(hub, territory, MappingProxyType({kind.name: kind for kind in kinds}))
    refresh(made)
    return made


def refresh(rules: RuleSets) -> None:
    """Read again what is adopted: after a commit of another process, or a load."""
    found: dict[tuple[str, str], list[RuleSet]] = defaultdict(list)
    for entity in rules.hub.find(_SYSTEM, TYPE, limit=_MOST, order=("validFrom",)):
        one = _rule_set(entity)
        found[one.kind, one.unit].append(one)
    rules.adopted = MappingProxyType({key: tuple(sets) for key, sets in found.items()})


async def keep_fresh(rules: RuleSets) -> None:
    """Follow the feed, so that what another process adopts holds here too; runs until cancelled."""
    async for commit in rules.hub.follow(rules.hub.last_seq(), lambda types: TYPE in types, whole=False):
        if commit.entries:
            refresh(rules)


async def adopt(  # noqa: PLR0913  # A version of rules is these things together.
    rules: RuleSets,
    actor: Actor,
    kind: str,
    unit: str,
    valid_from: str,
    text: str,
    reason: str,
    version: int = ABSENT,
    now: int | None = None,
) -> RuleSet:
    """Let a set hold for `unit` ("" = the whole city) from a day on, today at the earliest; returns it.

    `text` is TOML that says what differs from the level above. A set of the same day is replaced when `version` is
    the one that was seen. Invalid says what is wrong and where; nothing is written then.
    """
    day = check_day(valid_from, now_us() if now is None else now)
    if len(reason.strip()) < REASON_LETTERS:
        raise Invalid("Name the decision that says so (its number and date).", field="reason")
    if unit and not rules.territory.knows(unit):
        raise Invalid(f"No unit with code {unit[:10]} is in force.", field="unit")
    tables = read(text)
    check(rules, kind, unit, day, tables)
    name = urn(TYPE, kind, unit or "all", valid_from)
    attrs = {
        "kind": prop(kind),
        "validFrom": prop(valid_from),
        "text": prop(text),
        "reason": prop(reason.strip()),
    }
    if unit:
        attrs["unit"] = prop(unit)
    change = put(name, TYPE, **attrs)
    await rules.hub.commit(Commit(actor, (change,), reason.strip(), {name: version}, owner=OWNER))
    refresh(rules)
    return next(one for one in rules.adopted[kind, unit] if one.id == name)


def check_day(text: str, now: int) -> date:
    """The day from which a set is to hold: rules are not changed for the past."""
    try:
        day = date.fromisoformat(text)
    except ValueError as cause:
        raise Invalid(f"“{text[:20]}” is no day; write it as 2026-12-31.", field="validFrom") from cause
    if day < _day(now):
        raise Invalid("Rules hold from today on at the earliest: what was done keeps its rules.", field="validFrom")
    return day


def read(text: str) -> Tables:
    """The tables of a TOML text. Invalid names line and column."""
    if len(text) > TEXT_LETTERS:
        raise Invalid(f"A set of rules has up to {TEXT_LETTERS} letters.", field="text")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        raise Invalid(f"The text cannot be read: {cause}.", field="text") from cause


def check(rules: RuleSets, kind: str, unit: str, day: date, tables: Tables) -> Tables:
    """The tables that would be in force with this set; Invalid when the module cannot use them.

    What units below have adopted lies over it and must still fit: else the sentence names the unit.
    """
    above = inherited(rules, kind, unit, day)
    whole = overlay(above, tables)
    one = kind_of(rules, kind)
    one.check(whole)
    if unit and one.keeps is not None:
        one.keeps(above, whole)
    for code in _units_below(rules, kind, unit):
        own = _newest(rules.adopted[kind, code], day.isoformat())
        below = overlay(whole, own.tables) if own else whole
        try:
            one.check(below)
            if one.keeps is not None:
                one.keeps(whole, below)
        except Invalid as cause:
            name = rules.territory.unit(code).name
            raise Invalid(f"{name} has rules of its own that no longer fit: {cause.detail}", field="text") from cause
    return whole


def _units_below(rules: RuleSets, kind: str, unit: str) -> list[str]:
    """The units below that adopted sets of this kind."""
    known = [code for name, code in rules.adopted if name == kind and code != unit and rules.territory.knows(code)]
    return [code for code in known if unit in _levels(rules, code)]


def applied(rules: RuleSets, kind: str, unit: str | None = None, at: int | None = None) -> tuple[RuleSet, ...]:
    """The adopted sets in force for a unit at an instant, the whole city's first, the unit's own last."""
    day = _day(now_us() if at is None else at).isoformat()
    newest = (_newest(rules.adopted.get((kind, code), ()), day) for code in _levels(rules, unit))
    return tuple(one for one in newest if one is not None)


def in_force(rules: RuleSets, kind: str, unit: str | None = None, at: int | None = None) -> Tables:
    """The tables in force: what is shipped, under what the city, the province and the commune adopted."""
    tables: Tables = kind_of(rules, kind).shipped
    for one in applied(rules, kind, unit, at):
        tables = overlay(tables, one.tables)
    return tables


def versions(rules: RuleSets, kind: str, unit: str = "") -> tuple[RuleSet, ...]:
    """Every set that a unit adopted, the oldest first."""
    return rules.adopted.get((kind, unit), ())


def inherited(rules: RuleSets, kind: str, unit: str, day: date) -> Tables:
    """What is in force on a day on the levels above a unit: over this its own set is laid."""
    tables: Tables = kind_of(rules, kind).shipped
    for code in list(_levels(rules, unit))[:-1] if unit else ():
        if one := _newest(rules.adopted.get((kind, code), ()), day.isoformat()):
            tables = overlay(tables, one.tables)
    return tables


def _levels(rules: RuleSets, unit: str | None) -> Iterator[str]:
    """The whole city, the province, the commune."""
    yield ""
    if unit and rules.territory.knows(unit):
        yield from (above.code for above in rules.territory.chain(unit))


def _newest(sets: tuple[RuleSet, ...], day: str) -> RuleSet | None:
    return max((one for one in sets if one.valid_from <= day), key=lambda one: one.valid_from, default=None)


def kind_of(rules: RuleSets, name: str) -> Kind:
    """The kind with this name. Missing when no module declared it."""
    found = rules.kinds.get(name)
    if found is None:
        raise Missing(f"There are no rules “{name[:60]}”; there are {', '.join(rules.kinds)}.")
    return found


def _day(instant: int) -> date:
    return to_datetime(instant).astimezone(VIETNAM).date()


def _rule_set(entity: Entity) -> RuleSet:
    text = entity.value("text", "")
    return RuleSet(
        entity.id,
        entity.version,
        entity.value("kind", ""),
        entity.value("unit", ""),
        entity.value("validFrom", ""),
        text,
        tomllib.loads(text),
        entity.value("reason", ""),
        entity.modified_at,
    )
