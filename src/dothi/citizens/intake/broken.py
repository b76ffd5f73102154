"""Rules that can no longer work are told of: a closed unit, an organisation that ended, a category nobody knows.

Each becomes a proposal “broken_rule” with what is wrong, and its figure `brokenRules` (1, later 0) is what a rule of
alarms may watch. One that was mended is withdrawn.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from dothi.accounts.model import Organisation
from dothi.accounts.organisations import SYSTEM as REGISTRAR
from dothi.accounts.organisations import TYPE as ORGANISATION
from dothi.accounts.organisations import create_organisation, find_organisation, organisations
from dothi.citizens.intake.competence import CLOSED, ENDED, NOBODY, in_force
from dothi.citizens.model import PROPOSAL_OWNER, PROPOSAL_TYPE, TYPE
from dothi.citizens.needs import KIND, SYSTEM, Citizens, rules_at
from dothi.citizens.rules import Rules
from dothi.citizens.rules.intake.competence import ANY
from dothi.ground.calendar import add_working_hours
from dothi.ground.clock import VIETNAM, iso, now_us, to_datetime
from dothi.ground.errors import Missing
from dothi.ground.ids import urn
from dothi.hub.model import (
    ABSENT,
    Change,
    Commit,
    Entity,
    LoggedCommit,
    amend,
    default_instance,
    instance_value,
    json_prop,
    prop,
    put,
)
from dothi.hub.model import words as by_language

CONSUMER = "citizens-rules"
RULE_SET = "RuleSet"
PROPOSED, WITHDRAWN = "proposed", "withdrawn"
MEND_HOURS = 8.0  # Working hours within which somebody looks at it.
EVERY_S = 3600.0  # Days pass without a commit: an organisation ends, a rule set begins.
CURSOR_EVERY = 500  # Commits read without an effect before the position is stored.
UNKNOWN = "unknown_category"
SAID = {  # Why → what is told, with the name that is wrong.
    CLOSED: ("đơn vị {} không còn hiệu lực", "unit {} is no longer in force"),
    ENDED: ("cơ quan {} đã hết hiệu lực hoặc chưa đăng ký", "organisation {} has ended or was never registered"),
    NOBODY: ("không còn đơn vị nào thuộc loại “{}” đang hiệu lực", "no organisation of kind “{}” is in force"),
    UNKNOWN: ("loại việc “{}” không có", "there is no category “{}”"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule of a unit ("" is the city) that cannot work: why, and the name that is wrong."""

    unit: str
    rule: str
    why: str
    name: str


def faults(citizens: Citizens, unit: str = "", at: int | None = None) -> tuple[Fault, ...]:
    """All rules in force for a unit that cannot work now."""
    now = at or now_us()
    rules = rules_at(citizens, unit or None, now)
    return tuple(Fault(unit, rule, why, name) for rule, why, name in _wrong(citizens, rules, now))


def _wrong(citizens: Citizens, rules: Rules, at: int) -> Iterable[tuple[str, str, str]]:
    for route in rules.intake.routes:
        way, name = route.target
        named = [*route.when.category, *([route.suggest] if route.suggest else [])]
        yield from ((route.id, UNKNOWN, one) for one in named if one not in rules.categories)
        yield from ((route.id, CLOSED, one) for one in route.when.unit if not citizens.territory.knows(one))
        if way in ("unit", "organisation") and not in_force(citizens, name, at):
            yield route.id, CLOSED if way == "unit" else ENDED, name
        if way == "kind" and _has_ended(citizens, name, at):
            yield route.id, NOBODY, name
    for row in rules.intake.competence.rows:
        if row.category not in (ANY, *rules.categories):
            yield row.id, UNKNOWN, row.category
        if row.kind and _has_ended(citizens, row.kind, at):
            yield row.id, NOBODY, row.kind


def _has_ended(citizens: Citizens, kind: str, at: int) -> bool:
    """Whether organisations of a kind were registered and none is in force. Where none ever was, each case says so."""
    day = to_datetime(at).astimezone(VIETNAM).date().isoformat()
    known = organisations(citizens.hub, kind)
    return bool(known) and not any(one.held(day) for one in known)


async def tell(citizens: Citizens, at: int | None = None, seq: int | None = None) -> int:
    """Propose to mend what is broken and withdraw what is mended; returns how many are broken now.

    `seq` is the position of the feed that is read so far, committed with it.
    """
    now = at or now_us()
    found = {_id(one): one for unit in _units(citizens) for one in faults(citizens, unit, now)}
    standing = {one.id: one for one in citizens.hub.find(SYSTEM, PROPOSAL_TYPE, "brokenRules==1", limit=1000)}
    used = {name for name in standing if name not in found and ":case" in name}  # Told by a case: see `react`.
    changes = [_proposal(citizens, one, now) for name, one in found.items() if name not in standing]
    changes += [_mended(one) for name, one in standing.items() if name not in found and name not in used]
    await _write(citizens, changes, seq)
    return len(found)


async def react(citizens: Citizens, logged: LoggedCommit) -> bool:
    """What one commit of the feed means: rules or organisations changed, or a case met a rule that did not work."""
    if any(kind in (ORGANISATION, RULE_SET) for entry in logged.entries for kind in entry.types):
        await tell(citizens, seq=logged.seq)
        return True
    fallen = [
        said
        for entry in logged.entries
        if TYPE in entry.types
        and (said := instance_value(default_instance(entry.attrs.get("routing")), {})).get("fallback")
    ]
    changes = {change.id: change for said in fallen if (change := _of_case(citizens, said, logged.at)) is not None}
    await _write(citizens, list(changes.values()), logged.seq if changes else None)
    return bool(changes)


async def run(citizens: Citizens) -> None:
    """Watch rules, organisations and cases until cancelled. To be run by one process, the leader."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_follow(citizens))
        group.create_task(_look(citizens))


async def _follow(citizens: Citizens) -> None:
    watched, stored = frozenset({TYPE, ORGANISATION, RULE_SET}), citizens.hub.cursor(CONSUMER)
    async for logged in citizens.hub.follow(stored, lambda types: not watched.isdisjoint(types), whole=False):
        if await react(citizens, logged):
            stored = logged.seq
        elif logged.seq - stored >= CURSOR_EVERY:
            await _write(citizens, [], logged.seq)
            stored = logged.seq


async def _look(citizens: Citizens) -> None:
    while True:
        await tell(citizens)
        await asyncio.sleep(EVERY_S)


async def keep_sample_organisations(citizens: Citizens, province: str) -> None:
    """Register the labelled sample organisations of a province that are not there yet."""
    for body in citizens.rules.intake.competence.bodies:
        code = f"{province}.{body.id}"
        if find_organisation(citizens.hub, code) is None:
            made = Organisation(code, body.names["vi"], province, body.kind, body.names["en"], sample=True)
            await create_organisation(citizens.hub, citizens.vault.accounts, REGISTRAR, made)


def _units(citizens: Citizens) -> list[str]:
    """The city, and every unit that has adopted rules of its own."""
    adopted = citizens.adopted.adopted if citizens.adopted else {}
    return ["", *sorted(unit for kind, unit in adopted if kind == KIND and unit)]


def _id(one: Fault) -> str:
    return urn(PROPOSAL_TYPE, "broken-rule", one.unit or "city", one.rule, one.why)


def _of_case(citizens: Citizens, said: dict[str, object], at: int) -> Change | None:
    """The proposal about a rule that a case could not follow; None while one stands."""
    rule = str(said.get("competence") or said.get("rule"))
    inputs = said.get("inputs")
    unit = str(inputs.get("unit", "")) if isinstance(inputs, dict) else ""
    province = citizens.territory.province_of(unit).code if unit else ""
    fault = Fault(province, rule, str(said["fallback"]), rule)
    name = urn(PROPOSAL_TYPE, "broken-rule", province or "city", rule, "case")
    standing = _standing(citizens, name)
    if standing is not None and standing.value("brokenRules") == 1:
        return None
    return _proposal(citizens, fault, at, name)


def _proposal(citizens: Citizens, one: Fault, at: int, name: str = "") -> Change:
    vi, en = (text.format(one.name) for text in SAID[one.why])
    title = by_language(
        vi=f"Quy tắc phân luồng “{one.rule}” không chạy được: {vi}", en=f"Routing rule “{one.rule}” cannot work: {en}"
    )
    due = iso(add_working_hours(at, MEND_HOURS, citizens.calendar))
    attrs = {
        "kind": prop("broken_rule"),
        "state": prop(PROPOSED),
        "title": title,
        "name": title,
        "reasons": json_prop(
            [{"vi": f"Phản ánh được chuyển về phường, xã: {vi}.", "en": f"Reports go to the commune: {en}."}]
        ),
        "rule": prop(one.rule),
        "brokenRules": prop(1, iso(at)),
        "proposedAt": prop(iso(at)),
        "due": prop(due),
        "open": prop(True),
    }
    if one.unit:
        attrs |= {"unit": prop(one.unit), "assignee": prop(one.unit)}
    return put(name or _id(one), PROPOSAL_TYPE, **attrs)


def _mended(one: Entity) -> Change:
    state = WITHDRAWN if one.value("state") == PROPOSED else str(one.value("state"))
    return amend(one.id, brokenRules=prop(0, iso(now_us())), state=prop(state), open=prop(False))


def _standing(citizens: Citizens, name: str) -> Entity | None:
    try:
        return citizens.hub.get(SYSTEM, name)
    except Missing:
        return None


async def _write(citizens: Citizens, changes: list[Change], seq: int | None) -> None:
    if not changes and seq is None:
        return
    known = {change.id: _standing(citizens, change.id) for change in changes}
    expect = {name: one.version if one else ABSENT for name, one in known.items()}
    cursor = None if seq is None else (CONSUMER, seq)
    reason = "rules that cannot work" if changes else "read so far"
    await citizens.hub.commit(Commit(SYSTEM, tuple(changes), reason, expect, cursor=cursor, owner=PROPOSAL_OWNER))
