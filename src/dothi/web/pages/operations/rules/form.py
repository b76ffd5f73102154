"""The form of an alarm rule: up to two conditions joined by and, or; what it cannot say is written as text."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request

from dothi.ground.errors import Invalid
from dothi.operations.model import Priority
from dothi.operations.rules.model import (
    OPS,
    Aggregate,
    AllOf,
    AnyOf,
    Bound,
    Change,
    Each,
    Leaf,
    Measure,
    Node,
    NotOf,
    Repeat,
    Rule,
    Schedule,
    Silence,
    Test,
    Threshold,
    leaves,
)
from dothi.web.page import words

PARTS = 2  # Conditions that the form shows.
KINDS = ("threshold", "repeat", "rise", "fall", "noData", *(one.value for one in Measure))
MEASURES = frozenset(one.value for one in Measure)
COUNTED = frozenset({"count", "share"})
WEEK = tuple(range(7))
Given = Mapping[str, str]


@dataclass(frozen=True)
class Said:
    """What the form said: its texts, and the days that are ticked."""

    texts: Given
    days: tuple[str, ...]

    def __call__(self, name: str) -> str:
        """One text, stripped; empty where nothing was said."""
        return self.texts.get(name, "").strip()


def said_in(form: FormData) -> Said:
    """What was posted."""
    texts = {name: value for name, value in form.multi_items() if isinstance(value, str) and name != "days"}
    return Said(texts, tuple(str(day) for day in form.getlist("days")))


def fits(rule: Rule) -> bool:
    """Whether the form can say all of this rule's condition."""
    parts = rule.when.parts if isinstance(rule.when, AllOf | AnyOf) else (rule.when,)
    plain = not any(isinstance(part, AllOf | AnyOf | NotOf) for part in parts)
    near = all(isinstance(leaf.over, str) for leaf in leaves(rule.when) if isinstance(leaf, Aggregate))
    return plain and near and len(parts) <= PARTS and len(rule.inhibited_by) <= 1


def values(rule: Rule) -> dict[str, str]:
    """What the form shows of a rule."""
    found = {
        "name_vi": rule.name.get("vi", ""),
        "name_en": rule.name.get("en", ""),
        "priority": rule.priority.value,
        "enabled": "on" if rule.enabled else "",
        "each": rule.each.value,
        "for": _number(rule.for_seconds / 60),
        "hold": _number(rule.hold_seconds / 60),
        "inhibit": next(iter(rule.inhibited_by), ""),
        "join": "any" if isinstance(rule.when, AnyOf) else "all",
    }
    hours = rule.schedule or Schedule()
    found |= {"from": hours.start.strftime("%H:%M"), "to": hours.end.strftime("%H:%M") if hours.end else "24:00"}
    found["holidays"] = "on" if hours.holidays else ""
    parts = rule.when.parts if isinstance(rule.when, AllOf | AnyOf) else (rule.when,)
    for place, part in enumerate(parts[:PARTS]):
        found |= {f"{name}{place}": text for name, text in _part_values(rule, part).items()}
    return found


def days_of(rule: Rule) -> tuple[str, ...]:
    """The days that the form ticks."""
    return tuple(str(day) for day in sorted((rule.schedule or Schedule()).days))


def _part_values(rule: Rule, leaf: Node) -> dict[str, str]:
    match leaf:
        case Threshold(bound=bound):
            return _bound_values("threshold", rule.type, leaf, bound)
        case Repeat(test=test):
            found = _bound_values("repeat", rule.type, leaf, Bound(test.op, test.limit, test.limit))
            return found | {"times": str(leaf.times), "window": _number(leaf.window_seconds / 60)}
        case Change(bound=bound):
            size = bound if bound.upward else Bound(bound.op, -bound.limit, -bound.clear)
            found = _bound_values("rise" if bound.upward else "fall", rule.type, leaf, size)
            return found | {"window": _number(leaf.window_seconds / 60)}
        case Silence():
            return {"kind": "noData", "watch": f"{rule.type}.{leaf.attribute}", "window": _number(leaf.seconds / 60)}
        case Aggregate(bound=bound, where=where):
            found = _bound_values(leaf.measure.value, leaf.type, leaf, bound)
            found |= {"window": _number(leaf.window_seconds / 60), "at_least": str(leaf.at_least)}
            found |= {"over": leaf.over if isinstance(leaf.over, str) else ""}
            return found | ({"where_op": where.op, "where_limit": _number(where.limit)} if where else {})
    return {}


def _bound_values(kind: str, of: str, leaf: Threshold | Repeat | Change | Aggregate, bound: Bound) -> dict[str, str]:
    limits = {"op": bound.op, "limit": _number(bound.limit), "clear": _number(bound.clear)}
    return {"kind": kind, "watch": f"{of}.{leaf.attribute}"} | limits


def _number(value: float) -> str:
    return f"{value:g}".replace(".", ",")


def shape(request: Request, given: Mapping[str, str]) -> list[dict[str, Any]]:
    """The conditions that the form shows: their kind, and which fields that kind has."""
    return [_fields(given.get(f"kind{place}", "threshold")) | {"place": place} for place in range(parts_in(given))]


def parts_in(given: Mapping[str, str]) -> int:
    """How many conditions there are: the second one is there once it has a kind."""
    return PARTS if given.get(f"kind{PARTS - 1}") else 1


def _fields(kind: str) -> dict[str, Any]:
    measured = kind in MEASURES
    return {
        "kind": kind,
        "op": kind in ("threshold", "repeat") or measured,
        "limit": kind != "noData",
        "clear": kind not in ("noData", "repeat"),
        "window": kind != "threshold",
        "times": kind == "repeat",
        "over": measured,
        "where": kind in COUNTED,
    }


def rule_said(request: Request, rule: Rule, said: Said, watched: frozenset[str]) -> Rule:
    """The rule as the form says it, not yet checked for sense. Invalid with the field and what to mend."""
    t = words(request).t
    if not said("name_vi"):
        raise Invalid(t("alarmrules.mend.name_vi"), field="name_vi")
    parts = tuple(_part(request, rule, said, place, watched) for place in range(parts_in(said.texts)))
    both = AnyOf if said("join") == "any" else AllOf
    before = rule.when.id if isinstance(rule.when, AllOf | AnyOf) else ""
    return replace(
        rule,
        name={**rule.name, "vi": said("name_vi"), "en": said("name_en") or said("name_vi")},
        when=parts[0] if len(parts) == 1 else both(parts, before),
        priority=Priority(said("priority")) if said("priority") in tuple(Priority) else rule.priority,
        each=Each(said("each")) if said("each") in tuple(Each) else rule.each,
        for_seconds=_seconds(request, said, "for", 0),
        hold_seconds=_seconds(request, said, "hold", 0),
        schedule=_schedule(request, said, rule.schedule),
        inhibited_by=(said("inhibit"),) if said("inhibit") else (),
        enabled=said("enabled") == "on",
        sample=False,  # A limit that a person has set is no sample any more.
    )


def _part(request: Request, rule: Rule, said: Said, place: int, watched: frozenset[str]) -> Leaf:
    kind, watch = said(f"kind{place}"), said(f"watch{place}")
    if kind not in KINDS:
        raise Invalid(words(request).t("alarmrules.mend.kind"), field=f"kind{place}")
    of, _, attribute = watch.partition(".")
    if watch not in watched:
        raise Invalid(words(request).t("alarmrules.mend.watch"), field=f"watch{place}")
    name = _part_id(rule, kind, of, attribute, place)
    if kind == "noData":
        return Silence(attribute, _seconds(request, said, f"window{place}"), name)
    limit = _float(request, said, f"limit{place}")
    op = said(f"op{place}") if said(f"op{place}") in OPS else ">"
    if kind == "repeat":
        times = _whole(request, said, f"times{place}")
        return Repeat(attribute, Test(op, limit), times, _seconds(request, said, f"window{place}"), times, name)
    clear = _float(request, said, f"clear{place}") if said(f"clear{place}") else limit
    if kind == "threshold":
        return Threshold(attribute, Bound(op, limit, clear), name)
    window = _seconds(request, said, f"window{place}")
    if kind in ("rise", "fall"):
        bound = Bound(">=", limit, clear) if kind == "rise" else Bound("<=", -limit, -clear)
        return Change(attribute, bound, window, name)
    return _aggregate(
        request,
        said,
        place,
        Aggregate(Measure(kind), of, attribute, "", Bound(op, limit, clear), window, 1, None, name),
    )


def _aggregate(request: Request, said: Said, place: int, leaf: Aggregate) -> Aggregate:
    where = None
    if leaf.measure.value in COUNTED and (said(f"where_limit{place}") or leaf.measure is Measure.SHARE):
        op = said(f"where_op{place}")
        where = Test(op if op in OPS else ">", _float(request, said, f"where_limit{place}"))
    over = said(f"over{place}") if said(f"over{place}") in tuple(Each) else (said("each") or Each.UNIT.value)
    least = _whole(request, said, f"at_least{place}") if said(f"at_least{place}") else 1
    return replace(leaf, over=over, where=where, at_least=least)


def _part_id(rule: Rule, kind: str, of: str, attribute: str, place: int) -> str:
    """The id of the part that was there, as long as it is of the same kind: other kinds have other fields."""
    known = list(leaves(rule.when))
    if place < len(known):
        before = _part_values(rule, known[place])
        if before.get("kind") == kind and known[place].id and bool(before.get("where_op")) is False:
            return known[place].id
    return f"{kind}-{place + 1}"


def _schedule(request: Request, said: Said, before: Schedule | None) -> Schedule | None:
    if not said.days:
        raise Invalid(words(request).t("alarmrules.mend.days"), field="days")
    days = frozenset(int(day) for day in said.days if day in tuple(map(str, WEEK)))
    start, end = _clock(request, said, "from"), _clock(request, said, "to")
    if start == end:
        raise Invalid(words(request).t("alarmrules.mend.to"), field="to")
    found = Schedule(days, start or time(0), end, said("holidays") == "on")
    return None if before is None and found == Schedule() else found


def _clock(request: Request, said: Said, name: str) -> time | None:
    text = said(name)
    try:
        return None if text in ("24:00", "") and name == "to" else time.fromisoformat(text or "00:00")
    except ValueError:
        raise Invalid(words(request).t("alarmrules.mend.clock"), field=name) from None


def _seconds(request: Request, said: Said, name: str, least: int = 1) -> int:
    """A span that is said in minutes."""
    minutes = _float(request, said, name) if said(name) or least else 0.0
    if not least <= round(minutes * 60) <= 366 * 86_400:
        raise Invalid(words(request).t("alarmrules.mend.minutes"), field=name)
    return round(minutes * 60)


def _float(request: Request, said: Said, name: str) -> float:
    try:
        value = float(said(name).replace(" ", "").replace(",", "."))
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e12:
        raise Invalid(words(request).t("alarmrules.mend.number"), field=name)
    return value


def _whole(request: Request, said: Said, name: str) -> int:
    value = _float(request, said, name)
    if value != int(value) or not 1 <= value <= 10_000:
        raise Invalid(words(request).t("alarmrules.mend.whole"), field=name)
    return int(value)
