"""Conditions as they are written in a rule set: a list whose parts must all hold, each a leaf, any, all or not."""

from collections.abc import Callable, Mapping
from typing import Any

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
    Silence,
    Test,
    Threshold,
    kind_of,
)
from dothi.operations.rules.reading import Row
from dothi.operations.rules.sense import check_aggregate, check_bound, check_change, check_repeat, check_tree

DEPTH = 6
PARTS = 50
MONTH_SECONDS = 31 * 86_400


def condition(row: Row, kind: str, each: Each) -> Node:
    """What a rule's `when` says; `kind` is the type of its subjects."""
    parts = _parts(row, "when", kind, each, 0)
    node: Node = AllOf(parts)
    while isinstance(node, AllOf) and len(node.parts) == 1 and not node.id:
        node = node.parts[0]
    check_tree(row, node)
    return node


def _parts(row: Row, name: str, kind: str, each: Each, depth: int) -> tuple[Node, ...]:
    rows = row.tables(name)
    if depth >= DEPTH or len(rows) > PARTS:
        raise row.wrong(name, f"conditions go {DEPTH} levels deep and have {PARTS} parts at most")
    return tuple(_node(one, kind, each, depth + 1) for one in rows)


def _node(row: Row, kind: str, each: Each, depth: int) -> Node:
    groups = [name for name in ("all", "any", "not") if row.has(name)]
    if len(groups) > 1 or (groups and row.has("kind")):
        raise row.wrong("", "one part says one thing: a condition of its own, or all, any or not")
    made: Node
    if not groups:
        made = _leaf(row, kind, each)
    elif groups[0] == "not":
        inner = row.table("not")
        assert inner is not None
        made = NotOf(_node(inner, kind, each, depth + 1), row.text("id", ""))
    else:
        parts = _parts(row, groups[0], kind, each, depth)
        made = (AllOf if groups[0] == "all" else AnyOf)(parts, row.text("id", ""))
    row.done()
    return made


def _leaf(row: Row, kind: str, each: Each) -> Leaf:
    said = row.text("kind", "threshold")
    if said in [one.value for one in Measure]:
        return _aggregate(row, Measure(said), kind, each)
    read = _OWN.get(said)
    if read is None:
        raise row.wrong("kind", f"“{said}” is no condition: write one of {', '.join((*_OWN, *Measure))}")
    if each is not Each.SUBJECT:
        raise row.wrong("kind", f"a rule for each {each} needs a figure over its members: {', '.join(Measure)}")
    return read(row)


def _threshold(row: Row) -> Threshold:
    return Threshold(row.text("attribute"), _bound(row), row.text("id", ""))


def _repeat(row: Row) -> Repeat:
    times = row.whole("times", None, 1, 10_000)
    found = Repeat(
        row.text("attribute"),
        _test(row),
        times,
        row.whole("window_seconds", None, 1, MONTH_SECONDS),
        row.whole("clear_times", times, 1, times),
        row.text("id", ""),
    )
    check_repeat(row, found)
    return found


def _change(row: Row) -> Change:
    bound = _bound(row)
    check_change(row, bound)
    return Change(row.text("attribute"), bound, row.whole("window_seconds", None, 1, MONTH_SECONDS), row.text("id", ""))


def _silence(row: Row) -> Silence:
    return Silence(row.text("attribute"), row.whole("seconds", None, 1, MONTH_SECONDS), row.text("id", ""))


_OWN: Mapping[str, Callable[[Row], Leaf]] = {
    "threshold": _threshold,
    "repeat": _repeat,
    "change": _change,
    "noData": _silence,
}


def _aggregate(row: Row, measure: Measure, kind: str, each: Each) -> Aggregate:
    where = row.table("where")
    found = Aggregate(
        measure,
        row.text("type", kind),
        row.text("attribute"),
        _over(row, each),
        _bound(row),
        row.whole("window_seconds", None, 1, MONTH_SECONDS),
        row.whole("at_least", 1, 1, 1_000_000),
        None if where is None else _test(where),
        row.text("id", ""),
    )
    if where is not None:
        where.done()
    check_aggregate(row, found, kind)
    return found


def _over(row: Row, each: Each) -> str | tuple[str, ...]:
    """Whose values are taken: by default those of the area that has the alarm, or the subject's own."""
    if isinstance(row.raw("over"), list):
        return row.texts("over")
    order = [one.value for one in Each]
    over = row.text("over", each.value)
    if over not in order:
        raise row.wrong("over", f"write one of {', '.join(order)}, or a list of codes of units")
    if order.index(over) < order.index(each.value):
        raise row.wrong("over", f"a rule for each {each} cannot ask for one {over}: there are many in it")
    return over


def _bound(row: Row) -> Bound:
    test = _test(row)
    found = Bound(test.op, test.limit, row.number("clear", test.limit))
    check_bound(row, found)
    return found


def _test(row: Row) -> Test:
    op = row.text("op", ">")
    if op not in OPS:
        raise row.wrong("op", f"op is one of {' '.join(OPS)}, not {op[:10]}")
    return Test(op, row.number("limit"))


def written(node: Node) -> dict[str, Any]:
    """One part of a condition as it is written in a rule set."""
    name = {"id": node.id} if node.id else {}
    match node:
        case AllOf(parts=parts):
            return name | {"all": [written(part) for part in parts]}
        case AnyOf(parts=parts):
            return name | {"any": [written(part) for part in parts]}
        case NotOf(part=part):
            return name | {"not": written(part)}
        case _:
            return name | {"kind": kind_of(node), "attribute": node.attribute} | _said(node)


def _said(leaf: Leaf) -> dict[str, Any]:
    match leaf:
        case Threshold(bound=bound):
            return _of_bound(bound)
        case Repeat(test=test):
            counted = {"times": leaf.times, "clear_times": leaf.clear_times, "window_seconds": leaf.window_seconds}
            return {"op": test.op, "limit": test.limit} | counted
        case Change(bound=bound, window_seconds=window):
            return _of_bound(bound) | {"window_seconds": window}
        case Silence(seconds=seconds):
            return {"seconds": seconds}
        case Aggregate(where=where):
            said = {"type": leaf.type, "over": leaf.over if isinstance(leaf.over, str) else list(leaf.over)}
            said |= _of_bound(leaf.bound) | {"window_seconds": leaf.window_seconds, "at_least": leaf.at_least}
            return said | ({"where": {"op": where.op, "limit": where.limit}} if where else {})


def _of_bound(bound: Bound) -> dict[str, Any]:
    return {"op": bound.op, "limit": bound.limit, "clear": bound.clear}


def written_when(node: Node) -> list[dict[str, Any]]:
    """A whole condition as it is written: a list whose parts must all hold."""
    parts = node.parts if isinstance(node, AllOf) and not node.id else (node,)
    return [written(part) for part in parts]
