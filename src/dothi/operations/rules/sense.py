"""What makes no sense in a rule: conditions that could never hold or never end, and rules that silence each other."""

from collections.abc import Iterator, Mapping

from dothi.ground.errors import Invalid
from dothi.operations.rules.model import (
    Aggregate,
    AllOf,
    AnyOf,
    Bound,
    Measure,
    Node,
    NotOf,
    Repeat,
    Rule,
    Threshold,
)
from dothi.operations.rules.reading import Row

_SHARES = (Measure.SHARE, Measure.SILENT)


def check_bound(row: Row, bound: Bound) -> None:
    """Refuse a clear beyond the limit: the alarm would rise and clear with one value."""
    if bound.clear > bound.limit if bound.upward else bound.clear < bound.limit:
        side = "not above" if bound.upward else "not below"
        raise row.wrong(
            "clear", f"clear {bound.clear:g} lies beyond limit {bound.limit:g}, so it would flap: {side} it"
        )


def check_repeat(row: Row, leaf: Repeat) -> None:
    """Refuse a count that its window cannot hold: sources send once a second at the most."""
    if leaf.times > leaf.window_seconds + 1:
        raise row.wrong(
            "times", f"{leaf.times} values do not come in {leaf.window_seconds} seconds: widen window_seconds"
        )


def check_change(row: Row, bound: Bound) -> None:
    """Refuse a difference that is met without a change: a rise is 0 or more, a fall 0 or less."""
    far = float("inf") if bound.upward else float("-inf")
    if bound.met(0.0, True) or not bound.met(far, False):
        said = "a rise (op >) needs limit and clear above 0" if bound.upward else "a fall (op <) needs them below 0"
        raise row.wrong("limit", f"{said}: else it holds without a change and never clears")


def check_aggregate(row: Row, leaf: Aggregate, kind: str) -> None:
    """Refuse figures that cannot reach the limit, or cannot come back from it."""
    if leaf.where is not None and leaf.measure not in (Measure.COUNT, Measure.SHARE):
        raise row.wrong("where", f"only count and share have a where; {leaf.measure} takes every value")
    if leaf.measure is Measure.SHARE and leaf.where is None:
        raise row.wrong("where", "a share is of those that meet something: write where = { op, limit }")
    if leaf.over == "subject" and leaf.type != kind:
        raise row.wrong("type", f"the subject is a {kind}: leave type out, or say over which area")
    if leaf.over == "subject" and leaf.measure is Measure.SILENT:
        raise row.wrong("kind", "silent is of many members; for one subject write noData")
    if leaf.measure in _SHARES:
        _check_range(row, leaf.bound, 1.0)
    elif leaf.measure is Measure.COUNT:
        _check_range(row, leaf.bound, None)


def _check_range(row: Row, bound: Bound, most: float | None) -> None:
    """A figure from 0 to `most` must be able to meet the bound, and to end it."""
    top = float("inf") if most is None else most
    if not any(bound.met(value, False) for value in _ends(top)):
        raise row.wrong(
            "limit", f"a figure from 0 to {top:g} is never {bound.op} {bound.limit:g}: it would never raise"
        )
    if all(bound.met(value, True) for value in _ends(top)):
        raise row.wrong(
            "clear", f"a figure from 0 to {top:g} is always {bound.op} {bound.clear:g}: it would never clear"
        )


def _ends(top: float) -> tuple[float, float]:
    return 0.0, top


def check_tree(row: Row, node: Node) -> None:
    """Refuse thresholds on one attribute that no value meets together, or of which every value meets one."""
    for both, parts in _groups(node):
        for attribute in {part.attribute for part in parts}:
            bounds = [part.bound for part in parts if part.attribute == attribute]
            if both and not _some_value(bounds):
                raise row.wrong("when", f"no value of {attribute} meets all its limits at once: it would never raise")
            if not both and not _some_value([_opposite(one) for one in bounds]):
                raise row.wrong("when", f"every value of {attribute} meets one of its limits: it would never clear")


def _groups(node: Node) -> Iterator[tuple[bool, list[Threshold]]]:
    """The thresholds that stand together in each `all` (True) or `any` (False) of a condition."""
    match node:
        case AllOf(parts=parts) | AnyOf(parts=parts):
            yield isinstance(node, AllOf), [part for part in parts if isinstance(part, Threshold)]
            for part in parts:
                yield from _groups(part)
        case NotOf(part=part):
            yield from _groups(part)


def _opposite(bound: Bound) -> Bound:
    """The bound that a value meets when it ends this one."""
    op = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}[bound.op]
    return Bound(op, bound.clear, bound.clear)


def _some_value(bounds: list[Bound]) -> bool:
    """Whether some number meets all bounds."""
    low = max((one.limit for one in bounds if one.upward), default=float("-inf"))
    high = min((one.limit for one in bounds if not one.upward), default=float("inf"))
    return low < high or (low == high and all(one.met(low, False) for one in bounds))


def check_together(rules: Mapping[str, Rule]) -> None:
    """Refuse rules that are quiet because of a rule that is not there, of themselves, or of each other."""
    for rule in rules.values():
        for root in rule.inhibited_by:
            if root not in rules:
                why = f"there is no rule “{root}” that could hold it back: write the id of a rule"
                raise Invalid(f"Rule “{rule.id}”, inhibited_by: {why}.", field="inhibited_by", rule=rule.id)
        if rule.id in _above(rules, rule):
            why = "it would hold itself back, directly or through others, and never call anybody"
            raise Invalid(f"Rule “{rule.id}”, inhibited_by: {why}.", field="inhibited_by", rule=rule.id)


def _above(rules: Mapping[str, Rule], rule: Rule) -> set[str]:
    """Every rule that holds this one back, directly or through others."""
    found: set[str] = set()
    waiting = list(rule.inhibited_by)
    while waiting:
        root = waiting.pop()
        if root not in found and root in rules:
            found.add(root)
            waiting += rules[root].inhibited_by
    return found
