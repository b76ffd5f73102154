"""The verbs of operations: keeping rules, raising, clearing and acknowledging alarms, reading the situation."""

import hashlib
import logging
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.clocks import due_by
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import (
    Actor,
    Attribute,
    Change,
    Commit,
    Entity,
    Op,
    Receipt,
    json_prop,
    prop,
    put,
    rel,
    system,
    words,
)
from dothi.operations.alarms.workflow import ACKNOWLEDGE_WITHIN, NORMAL, ORDER, Move, State, after
from dothi.operations.model import INSTEAD, OWNER, IllegalMove, Kind, Operations, Priority, Reading, Rule, rule_of

log = logging.getLogger("dothi.operations")
ENGINE = system("operations")
_LISTED = ("active", "acknowledged", "open", "due", "assignee", "priority", "since", "unit")
_TRIES = 5  # Two hands on one alarm: read again and decide again, this often.


def own(operations: Operations) -> None:
    """Guard the types of operations and declare what their lists ask for. Once, when the parts are put together."""
    operations.hub.own(OWNER, INSTEAD)
    operations.hub.index("Alarm", *_LISTED)


def sample_rules() -> list[Rule]:
    """The rules shipped as labelled samples."""
    text = resources.files("dothi.operations").joinpath("data/rules.toml").read_text("utf-8")
    return [
        Rule(
            **{
                **row,
                "id": urn("AlarmRule", row["id"]),
                "kind": Kind(row["kind"]),
                "priority": Priority(row["priority"]),
            }
        )
        for row in tomllib.loads(text)["rule"]
    ]


def rules(operations: Operations, actor: Actor = ENGINE) -> list[Rule]:
    """Every rule that `actor` may see; one that cannot be read (of a newer dothi, say) is told of and left out."""
    found: list[Rule] = []
    for entity in operations.hub.find(actor, "AlarmRule"):
        try:
            found.append(rule_of(entity))
        except (Invalid, KeyError, TypeError, ValueError) as unreadable:
            log.warning("The rule %s cannot be read and is left out: %r", entity.id, unreadable)
    return found


async def keep_rule(operations: Operations, actor: Actor, rule: Rule, reason: str = "") -> Receipt:
    """Make a rule or change it; its former versions stay in its history."""
    change = put(
        rule.id,
        "AlarmRule",
        name=words(**rule.name),
        kind=prop(rule.subject_type),
        attribute=prop(rule.attribute),
        priority=prop(rule.priority.value),
        enabled=prop(rule.enabled),
        sample=prop(rule.sample),
        condition=json_prop(
            {
                "kind": rule.kind.value,
                "op": rule.op,
                "limit": rule.limit,
                "clear": rule.clear,
                "forSeconds": rule.for_seconds,
                "maxAgeSeconds": rule.max_age_seconds,
            }
        ),
    )
    return await operations.hub.commit(Commit(actor, (change,), reason or "rule kept", owner=OWNER))


async def keep_sample_rules(operations: Operations, actor: Actor = ENGINE) -> None:
    """Write the sample rules that are not there yet."""
    known = {rule.id for rule in rules(operations)}
    for rule in sample_rules():
        if rule.id not in known:
            await keep_rule(operations, actor, rule, "labelled sample rules")


async def switch_rule(operations: Operations, actor: Actor, rule_id: str, enabled: bool, reason: str) -> Receipt:
    """Switch a rule on or off; the reason is kept."""
    rule = rule_of(operations.hub.get(actor, rule_id))
    return await keep_rule(operations, actor, replace(rule, enabled=enabled), reason)


@dataclass(frozen=True)
class Effect:
    """What the engine wants of one alarm."""

    rule: Rule
    reading: Reading
    move: Move


def alarm_id(rule_id: str, subject: str) -> str:
    """The one alarm of a rule on a subject: the cause names it, so that it can be there once only."""
    cause = hashlib.sha256(f"{rule_id}\n{subject}".encode()).hexdigest()[:24]
    return urn("Alarm", cause)


def alarm_change(operations: Operations, effect: Effect, now: int) -> tuple[Change, int] | None:
    """The change that an effect needs, with the version it was decided on; None when nothing is to be done."""
    name = alarm_id(effect.rule.id, effect.reading.subject)
    alarm = find_alarm(operations, name)
    state = state_of(alarm) if alarm else NORMAL
    if (effect.move is Move.RAISE) == state.active:
        return _value_only(alarm, effect)
    following = after(state, effect.move)
    attrs = _moved(following, effect, now)
    if alarm is None or effect.move is Move.RAISE:
        attrs |= _raised(operations, effect, alarm, now)
    return Change(Op.UPSERT, name, ("Alarm",), attrs), alarm.version if alarm else 0


def _value_only(alarm: Entity | None, effect: Effect) -> tuple[Change, int] | None:
    if alarm is None or effect.move is Move.CLEAR or effect.reading.value == alarm.value("value"):
        return None
    value = effect.reading.value
    if value is None:
        return None
    return Change(Op.APPEND, alarm.id, attrs={"value": prop(value, iso(effect.reading.observed))}), alarm.version


def _moved(state: State, effect: Effect, now: int) -> dict[str, Attribute]:
    attrs: dict[str, Attribute] = {
        "active": prop(state.active, iso(now)),
        "acknowledged": prop(state.acknowledged, iso(now)),
        "open": prop(state != NORMAL),
    }
    if effect.reading.value is not None:
        attrs["value"] = prop(effect.reading.value, iso(effect.reading.observed))
    return attrs


def _raised(operations: Operations, effect: Effect, alarm: Entity | None, now: int) -> dict[str, Attribute]:
    rule, hub = effect.rule, operations.hub
    attrs: dict[str, Attribute] = {
        "rule": rel(rule.id),
        "subject": rel(effect.reading.subject),
        "name": words(**rule.name),
        "kind": prop(rule.kind.value),
        "attribute": prop(rule.attribute),
        "limit": prop(rule.limit),
        "priority": prop(rule.priority.value),
        "since": prop(iso(now)),
        "due": prop(iso(due_by(now, ACKNOWLEDGE_WITHIN[rule.priority]))),
        "occurrences": prop((alarm.value("occurrences", 0) if alarm else 0) + 1),
    }
    try:
        subject = hub.get(ENGINE, effect.reading.subject)
    except Missing:
        return attrs
    for name in ("location", "unit", "simulated"):
        if name in subject.attrs:
            attrs[name] = {key: value for key, value in (subject.instance(name) or {}).items() if key not in _STAMPS}
    attrs["subjectName"] = prop(subject.value("name", subject.id))
    attrs["assignee"] = prop(subject.value("unit", ""))
    unit = (subject.instance(rule.attribute) or {}).get("unitCode")
    return attrs | ({"valueUnit": prop(unit)} if unit else {})


_STAMPS = ("createdAt", "modifiedAt")


def find_alarm(operations: Operations, name: str, actor: Actor = ENGINE) -> Entity | None:
    """The alarm of that id, None when there never was one."""
    try:
        return operations.hub.get(actor, name)
    except Missing:
        return None


def state_of(alarm: Entity) -> State:
    """Where an alarm entity stands."""
    return State(alarm.value("active"), alarm.value("acknowledged"))


async def acknowledge(
    operations: Operations, actor: Actor, name: str, comment: str = "", now: int | None = None
) -> Receipt:
    """Somebody has seen it and takes it. IllegalMove when it was acknowledged already, Missing when it is not there."""
    if len(comment) > 2000:
        raise Invalid("The comment is longer than 2,000 characters: shorten it.")
    at = now_us() if now is None else now
    for _ in range(_TRIES):
        alarm = operations.hub.get(actor, name)
        if "Alarm" not in alarm.types:
            raise Missing(f"{name} is not an alarm.")
        state = after(state_of(alarm), Move.ACKNOWLEDGE)
        attrs: dict[str, Attribute] = {
            "acknowledged": prop(True, iso(at)),
            "open": prop(state != NORMAL),
            "acknowledgedBy": prop(actor.id),
            "comment": prop(comment),
        }
        commit = Commit(
            actor, (Change(Op.APPEND, name, attrs=attrs),), comment, expect={name: alarm.version}, owner=OWNER
        )
        try:
            return await operations.hub.commit(commit)
        except Conflict as conflict:
            if isinstance(conflict, IllegalMove):
                raise
    raise Conflict(f"{name} is changing all the time: try again.")


def open_alarms(operations: Operations, actor: Actor, units: Iterable[str] = ()) -> list[Entity]:
    """What needs a hand, most pressing first, then oldest first; of some units, or of all that `actor` may see."""
    wanted = frozenset(units)
    found = operations.hub.find(actor, "Alarm", "open==true", order=("since",))
    alarms = [alarm for alarm in found if not wanted or alarm.value("unit") in wanted]
    return sorted(alarms, key=_pressing)


def recent_alarms(operations: Operations, actor: Actor, limit: int = 100) -> list[Entity]:
    """Alarms that are closed, the latest first."""
    return list(operations.hub.find(actor, "Alarm", "open==false", limit=limit, order=("-since",)).entities)


def _pressing(alarm: Entity) -> tuple[bool, bool, int, int]:
    """Not acknowledged before acknowledged, active before cleared, by priority, oldest first."""
    state = state_of(alarm)
    since: Any = alarm.value("since")
    return state.acknowledged, not state.active, ORDER.index(Priority(alarm.value("priority"))), from_iso(since)
