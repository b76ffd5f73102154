"""What the engine calls: a condition began or ended, and this is the change that its alarm needs.

A held alarm only learns whether its condition holds. An alarm that moves too often is kept active; `watching` clears
it once it has been calm. A new alarm goes straight out of service while work is announced there, and behind its root
while that one is active.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from dothi.ground.clock import SECOND, from_iso, iso
from dothi.ground.clocks import due_by
from dothi.ground.errors import Missing
from dothi.hub.model import Attribute, Change, Entity, Op, json_prop, prop, rel, words
from dothi.operations.alarms.floods import Burst, burst_of, calm_at, chatters, turned
from dothi.operations.alarms.handling import Flapping, Handling, rules_at
from dothi.operations.alarms.reading import ENGINE, MOST, TYPE, alarm_id, find_alarm, state_of, turns_of
from dothi.operations.alarms.workflow import NORMAL, OPEN, UNSEEN, Move, State, after
from dothi.operations.model import Operations, Priority, Reading

_STAMPS = ("createdAt", "modifiedAt")
SUBJECT, UNIT, PROVINCE = "subject", "unit", "province"  # How far a root reaches.


class Cause(Protocol):
    """What an alarm keeps of the rule that raised it."""

    @property
    def id(self) -> str:
        """The rule's name in its set (pm25-high), or a URN."""

    @property
    def name(self) -> Mapping[str, str]:
        """Language → name."""

    @property
    def priority(self) -> Priority:
        """How soon a hand is needed."""

    @property
    def kind(self) -> str:
        """What the rule looks for; "noData" has no value to show."""

    @property
    def attribute(self) -> str:
        """The attribute that the alarm shows; may be empty."""

    @property
    def limit(self) -> float | None:
        """The limit that the alarm shows, in the attribute's own unit."""

    @property
    def inhibited_by(self) -> tuple[str, ...]:
        """Ids of the rules whose alarm is a root of this one's."""

    @property
    def inhibited_within(self) -> str:
        """How far a root reaches: subject, unit or province."""


@dataclass(frozen=True)
class Effect:
    """What the engine wants of one alarm: `reasons` say why, in words; `area` is the unit of an alarm over an area."""

    rule: Cause
    reading: Reading
    move: Move
    reasons: tuple[Mapping[str, Any], ...] = ()
    area: str = ""


def alarm_change(operations: Operations, effect: Effect, now: int) -> tuple[Change, int] | None:
    """The change that an effect needs, with the version it was decided on; None when nothing is to be done."""
    name = alarm_id(effect.rule.id, effect.reading.subject)
    alarm = find_alarm(operations, name)
    state = state_of(alarm) if alarm else NORMAL
    if effect.move is Move.CLEAR:
        return None if alarm is None or not state.active else _ended(operations, alarm, state, effect, now)
    if alarm is not None and state.active:
        return _again(operations, alarm, effect, now) if alarm.value("clearing") else _value_only(alarm, effect)
    return _begun(operations, alarm, state, effect, now)


def _value_only(alarm: Entity, effect: Effect) -> tuple[Change, int] | None:
    value = effect.reading.value
    if value is None or value == alarm.value("value"):
        return None
    return Change(Op.APPEND, alarm.id, attrs=_value(effect)), alarm.version


def _value(effect: Effect) -> dict[str, Attribute]:
    value = effect.reading.value
    return {} if value is None else {"value": prop(value, iso(effect.reading.observed))}


def standing(state: State, now: int) -> dict[str, Attribute]:
    """The attributes that say where an alarm stands."""
    return {
        "active": prop(state.active, iso(now)),
        "acknowledged": prop(state.acknowledged, iso(now)),
        "held": prop(state.held.value),
        "open": prop(state in OPEN),
    }


def moved(move: str, now: int) -> dict[str, Attribute]:
    """The move that a commit makes, for the trail and the record of moves."""
    return {"move": prop(move, iso(now))}


def _again(operations: Operations, alarm: Entity, effect: Effect, now: int) -> tuple[Change, int]:
    """The condition of an alarm that chatters began once more: it is not calm yet."""
    turns = turned(turns_of(alarm), now)
    attrs = {"clearing": prop(""), "turns": json_prop(list(turns)), **_value(effect), **moved("turn", now)}
    return Change(Op.APPEND, alarm.id, attrs=attrs), alarm.version


def _ended(operations: Operations, alarm: Entity, state: State, effect: Effect, now: int) -> tuple[Change, int] | None:
    """The condition is gone: the alarm clears, unless it chatters and is not calm yet."""
    if not state.held and alarm.value("clearing"):
        return None  # `watching` clears it when it is calm.
    flapping = flapping_of(operations, alarm, now)
    if not state.held and (alarm.value("chattering") or chatters(turns_of(alarm), flapping, now)):
        until = calm_at(turns_of(alarm), now, flapping)
        attrs = {"chattering": prop(True), "clearing": prop(iso(until)), **_value(effect), **moved("chatter", now)}
        return Change(Op.APPEND, alarm.id, attrs=attrs), alarm.version
    return Change(Op.APPEND, alarm.id, attrs={**cleared(state, now), **_value(effect)}), alarm.version


def flapping_of(operations: Operations, alarm: Entity, now: int) -> Flapping:
    """When an alarm chatters: as its own rule says, else as the rules of handling say."""
    usual = rules_at(operations, alarm.value("unit"), now).flapping
    own = alarm.value("flapping")
    return Flapping(int(own[0]), round(own[1] * SECOND), usual.calm) if own else usual


def cleared(state: State, now: int) -> dict[str, Attribute]:
    """What an alarm says whose condition is gone for good."""
    return {
        **standing(after(state, Move.CLEAR), now),
        "chattering": prop(False),
        "clearing": prop(""),
        **moved(Move.CLEAR, now),
    }


def _begun(operations: Operations, alarm: Entity | None, state: State, effect: Effect, now: int) -> tuple[Change, int]:
    name = alarm_id(effect.rule.id, effect.reading.subject)
    subject = _subject(operations, effect)
    rules = rules_at(operations, subject["unit"]["value"] if "unit" in subject else effect.area, now)
    attrs: dict[str, Attribute] = {**_cause(effect), **subject, **_value(effect)}
    attrs["assignee"] = prop(_owner(operations, alarm, state, attrs))
    attrs["due"] = prop(iso(due_by(now, rules.waiting[effect.rule.priority].acknowledge)))
    attrs["since"] = prop(iso(now))
    attrs["occurrences"] = prop((alarm.value("occurrences", 0) if alarm else 0) + 1)
    attrs["turns"] = json_prop(list(turned(turns_of(alarm), now)))
    attrs |= {"clearing": prop(""), "chattering": prop(False), "escalatedTo": prop(""), "escalations": prop(0)}
    if alarm is not None and alarm.value("incident") and not _goes_on(operations, alarm.value("incident")):
        attrs["incident"] = prop("")  # What happened then is over; this is new.
    following = after(state, Move.RAISE)
    unit = _text(attrs, "unit")
    if following == UNSEEN:
        following, held_by = _held_at_once(operations, effect, unit, now)
        attrs |= held_by
    if following == UNSEEN:
        attrs |= _burst(operations, name, unit, rules, now)
    attrs |= standing(following, now) | moved(Move.RAISE, now)
    return Change(Op.UPSERT, name, (TYPE,), attrs), alarm.version if alarm else 0


def _owner(operations: Operations, alarm: Entity | None, state: State, attrs: Mapping[str, Attribute]) -> str:
    """Who has it: who had it while it was open, else the unit where it lies, else the centre."""
    if alarm is not None and state in OPEN and alarm.value("assignee"):
        return str(alarm.value("assignee"))
    return _text(attrs, "unit") or operations.home or "duty"


def _goes_on(operations: Operations, incident: str) -> bool:
    """Whether an incident is still directed."""
    try:
        return bool(operations.hub.get(ENGINE, incident).value("open"))
    except Missing:
        return False


def _cause(effect: Effect) -> dict[str, Attribute]:
    rule = effect.rule
    attrs: dict[str, Attribute] = {
        "rule": rel(rule.id) if rule.id.startswith("urn:") else prop(rule.id),
        "subject": rel(effect.reading.subject),
        "name": words(**rule.name),
        "kind": prop(str(rule.kind)),
        "attribute": prop(rule.attribute),
        "priority": prop(rule.priority.value),
        "reasons": json_prop([dict(one) for one in effect.reasons]),
        "inhibitors": prop(list(rule.inhibited_by)),
        "inhibitedWithin": prop(rule.inhibited_within),
    }
    if rule.limit is not None:
        attrs["limit"] = prop(rule.limit)
    if rule_set := getattr(rule, "rule_set", ""):  # The adopted version that says so; none for a shipped rule.
        attrs["ruleSet"] = rel(rule_set)
    if flapping := getattr(rule, "flapping", None):
        attrs["flapping"] = json_prop([flapping.times, flapping.window_seconds])
    for name in ("playbook", "advice"):  # What to do, as the rule's author says it.
        if said := getattr(rule, name, None):
            attrs[name] = json_prop(said) if isinstance(said, Mapping) else prop(said)
    return attrs


def _subject(operations: Operations, effect: Effect) -> dict[str, Any]:
    """Where the alarm lies and what is measured there, as its subject says."""
    attrs: dict[str, Any] = {"unit": prop(effect.area)} if effect.area else {}
    try:
        subject = operations.hub.get(ENGINE, effect.reading.subject)
    except Missing:
        return attrs
    for name in ("location", "unit", "simulated"):
        if name in subject.attrs and name not in attrs:
            attrs[name] = {key: value for key, value in (subject.instance(name) or {}).items() if key not in _STAMPS}
    attrs["subjectName"] = prop(subject.value("name", subject.id))
    measure = (subject.instance(effect.rule.attribute) or {}).get("unitCode")
    return attrs | ({"valueUnit": prop(measure)} if measure else {})


def _held_at_once(operations: Operations, effect: Effect, unit: str, now: int) -> tuple[State, dict[str, Attribute]]:
    """A new alarm where work is announced is out of service; one whose root is active stands behind it."""
    about = About(alarm_id(effect.rule.id, effect.reading.subject), effect.rule.id, effect.reading.subject, unit)
    if window := window_over(operations, about, now):
        return after(UNSEEN, Move.TAKE_OUT), {"outBy": rel(window), "suppressedBy": prop("")}
    if root := root_of(operations, about, effect.rule.inhibited_by, effect.rule.inhibited_within):
        return after(UNSEEN, Move.SUPPRESS), {"suppressedBy": prop(root)}
    return UNSEEN, {"suppressedBy": prop("")}


def _burst(operations: Operations, name: str, unit: str, rules: Handling, now: int) -> dict[str, Attribute]:
    near = operations.hub.find(ENGINE, TYPE, f'open==true;unit=="{unit}"', MOST) if unit else ()
    others = [(one.value("group", ""), from_iso(one.value("since"))) for one in near if one.id != name]
    burst: Burst = burst_of(f"{name}@{now}", now, others, rules.burst)
    return {"group": prop(burst.group), "firstOut": prop(burst.first)}


@dataclass(frozen=True, slots=True)
class About:
    """What an alarm is about, as windows and roots ask for it."""

    alarm: str
    rule: str
    subject: str
    unit: str


def about(alarm: Entity) -> About:
    """What an alarm entity is about."""
    return About(alarm.id, alarm.value("rule", ""), alarm.value("subject", ""), alarm.value("unit", ""))


def window_over(operations: Operations, one: About, now: int) -> str:
    """The id of the maintenance window in which this lies now, empty when there is none."""
    for window in operations.hub.find(ENGINE, "MaintenanceWindow", "ended==false", MOST):
        if from_iso(window.value("from")) <= now < from_iso(window.value("to")) and covers(operations, window, one):
            return window.id
    return ""


def covers(operations: Operations, window: Entity, one: About) -> bool:
    """Whether a window is about this: it lies in the window's unit, and in every list that the window names."""
    units, subjects, rules = (window.value(name, []) for name in ("units", "subjects", "rules"))
    scope = window.value("unit", "")
    fits = (
        not scope or one.unit in operations.territory.within(scope),
        not units or any(one.unit in operations.territory.within(code) for code in units),
        not subjects or one.subject in subjects,
        not rules or one.rule in rules,
    )
    return bool(units or subjects or rules) and all(fits)


def root_of(operations: Operations, one: About, inhibitors: tuple[str, ...], within: str) -> str:
    """The id of the active alarm that explains this one, empty when there is none.

    An alarm that stands behind this one itself is no root of it, so that two rules that name each other hide nothing.
    """
    for rule in inhibitors:
        for root in operations.hub.find(ENGINE, TYPE, f'rule=="{rule}";active==true', MOST):
            behind_it = root.id == one.alarm or root.value("suppressedBy") == one.alarm
            if not behind_it and _reaches(operations, root, one, within):
                return root.id
    return ""


def _reaches(operations: Operations, root: Entity, one: About, within: str) -> bool:
    there = about(root)
    if within == SUBJECT:
        return there.subject == one.subject
    if within == PROVINCE:
        return bool(one.unit and there.unit) and _province(operations, one.unit) == _province(operations, there.unit)
    return bool(one.unit) and there.unit == one.unit


def _province(operations: Operations, unit: str) -> str:
    return operations.territory.province_of(unit).code if operations.territory.knows(unit) else unit


def _text(attrs: Mapping[str, Attribute], name: str) -> str:
    instance = attrs.get(name)
    value = instance.get("value", "") if isinstance(instance, dict) else ""
    return value if isinstance(value, str) else ""
