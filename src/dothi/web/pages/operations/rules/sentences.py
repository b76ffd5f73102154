"""An alarm rule in sentences that anybody reads: its condition part by part, and what else it says."""

from collections.abc import Iterator
from datetime import time

from starlette.requests import Request

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
from dothi.web.pages.shown import attribute_name, lasting, measured, unit_name

_OPS = tuple(OPS)
_SHARES = (Measure.SHARE, Measure.SILENT)
_WEEK = frozenset(range(7))
Line = tuple[int, str]  # How deep, and the sentence.


def condition(request: Request, rule: Rule) -> str:
    """The whole condition in one sentence: parts joined by and, or; without when it ends."""
    return _joined(request, rule.when)


def _joined(request: Request, node: Node) -> str:
    t = words(request).t
    match node:
        case AllOf(parts=parts) | AnyOf(parts=parts):
            word = t("alarmrules.and" if isinstance(node, AllOf) else "alarmrules.or")
            return f" {word} ".join(_grouped(request, part) for part in parts)
        case NotOf(part=part):
            return t("alarmrules.not", what=_joined(request, part))
        case _:
            return _begins(request, node)


def _grouped(request: Request, node: Node) -> str:
    said = _joined(request, node)
    return f"({said})" if isinstance(node, AllOf | AnyOf) else said


def parts_of(request: Request, node: Node, depth: int = 0) -> Iterator[Line]:
    """The condition as lines, each part with when it ends."""
    t = words(request).t
    match node:
        case AllOf(parts=parts) | AnyOf(parts=parts):
            yield depth, t("alarmrules.all_of" if isinstance(node, AllOf) else "alarmrules.any_of")
            for part in parts:
                yield from parts_of(request, part, depth + 1)
        case NotOf(part=part):
            yield depth, t("alarmrules.none_of")
            yield from parts_of(request, part, depth + 1)
        case _:
            ends = _ends(request, node)
            yield depth, f"{_begins(request, node)}; {ends}" if ends else _begins(request, node)


def _begins(request: Request, leaf: Leaf) -> str:
    """When a part begins to hold."""
    t, name = words(request).t, attribute_name(request, leaf.attribute)
    match leaf:
        case Threshold(bound=bound):
            return t("alarmrules.leaf.threshold", name=name, **_against(request, leaf.attribute, bound))
        case Repeat(test=test):
            said = {"times": leaf.times, "span": lasting(request, leaf.window_seconds)}
            return t("alarmrules.leaf.repeat", name=name, **said, **_against(request, leaf.attribute, test))
        case Change(bound=bound):
            way = "rise" if bound.upward else "fall"
            said = {"span": lasting(request, leaf.window_seconds)}
            return t(f"alarmrules.leaf.{way}", name=name, **said, **_against(request, leaf.attribute, _size(bound)))
        case Silence(seconds=seconds):
            return t("alarmrules.leaf.silence", name=name, span=lasting(request, seconds))
        case Aggregate():
            return _figure(request, leaf)


def _figure(request: Request, leaf: Aggregate) -> str:
    t, said = words(request).t, _against(request, _unit_of(leaf), leaf.bound)
    if leaf.where is not None:
        where = _against(request, leaf.attribute, leaf.where)
        said["where"] = t("alarmrules.where", **where)
    else:
        said["where"] = ""
    told = t(
        f"alarmrules.measure.{leaf.measure}",
        name=attribute_name(request, leaf.attribute),
        over=_over(request, leaf),
        span=lasting(request, leaf.window_seconds),
        **said,
    )
    return told if leaf.at_least <= 1 else t("alarmrules.at_least", told=told, least=leaf.at_least)


def _over(request: Request, leaf: Aggregate) -> str:
    t = words(request).t
    if isinstance(leaf.over, tuple):
        return t("alarmrules.over.codes", names=", ".join(unit_name(request, code) for code in leaf.over))
    return t(f"alarmrules.over.{leaf.over}")


def _unit_of(leaf: Aggregate) -> str:
    """The attribute in whose unit the figure is said: none for counts, a share for shares."""
    if leaf.measure in _SHARES:
        return "occupancy"
    return "" if leaf.measure is Measure.COUNT else leaf.attribute


def _ends(request: Request, leaf: Leaf) -> str:
    """When a part that holds ends; nothing where it ends with what began it."""
    t = words(request).t
    match leaf:
        case Silence():
            return t("alarmrules.ends.heard")
        case Repeat():
            return t("alarmrules.ends.fewer", times=leaf.clear_times)
        case Change(bound=bound):
            name, bound = leaf.attribute, _size(bound)
        case Aggregate(bound=bound):
            name = _unit_of(leaf)
        case Threshold(bound=bound):
            name = leaf.attribute
    return t("alarmrules.ends.limit", **_against(request, name, Test(bound.op, bound.clear)))


def _size(bound: Bound) -> Bound:
    """A fall said as people say it: by more than, not below minus."""
    if bound.upward:
        return bound
    return Bound(bound.op.replace("<", ">"), -bound.limit, -bound.clear)


def _against(request: Request, attribute: str, bound: Bound | Test) -> dict[str, object]:
    said = words(request).t(f"alarmrules.op.{_OPS.index(bound.op)}")
    return {"op": said, "limit": measured(request, attribute, bound.limit)}


def more(request: Request, rule: Rule, names: dict[str, str]) -> Iterator[str]:
    """What a rule says besides its condition; `names`: rule id → name."""
    t = words(request).t
    if rule.for_seconds:
        yield t("alarmrules.more.lasts", span=lasting(request, rule.for_seconds))
    if rule.hold_seconds:
        yield t("alarmrules.more.holds", span=lasting(request, rule.hold_seconds))
    if rule.each is not Each.SUBJECT:
        yield t(f"alarmrules.more.each_{rule.each}")
    if rule.schedule is not None:
        yield schedule(request, rule.schedule)
    if rule.only.units:
        yield t("alarmrules.more.units", names=", ".join(unit_name(request, one) for one in sorted(rule.only.units)))
    if rule.only.subjects:
        yield t("alarmrules.more.subjects", n=len(rule.only.subjects))
    for root in rule.inhibited_by:
        yield t("alarmrules.more.inhibited", name=names.get(root, root))
    if any(isinstance(leaf, Threshold) for leaf in leaves(rule.when)):
        yield t("alarmrules.more.age", span=lasting(request, rule.max_age_seconds))
    if rule.flapping is not None:
        span = lasting(request, rule.flapping.window_seconds)
        yield t("alarmrules.more.flapping", times=rule.flapping.times, span=span)


def schedule(request: Request, said: Schedule) -> str:
    """When a rule is at work."""
    t = words(request).t
    week = said.days == _WEEK
    days = t("alarmrules.every_day") if week else ", ".join(t(f"alarmrules.day.{day}") for day in sorted(said.days))
    told = t("alarmrules.more.schedule", days=days, start=_clock(said.start), end=_clock(said.end))
    return told if said.holidays else f"{told}; {t('alarmrules.more.no_holidays')}"


def _clock(at: time | None) -> str:
    return "24:00" if at is None else at.strftime("%H:%M")
