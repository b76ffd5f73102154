"""The numbers that many entities measured over a while, read in one pass over the log.

`history` walks the chain of one entity, which is right for a page about it. Who replays months of many sensors wants
each commit read once for all of them, and numbers instead of instances.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from dothi.ground.clock import from_iso
from dothi.hub.model import Readings, default_instance, instance_value
from dothi.hub.store import codec
from dothi.hub.store.port import LogRow, Store

_PAGE = 64  # Commits read at a time.


def readings(
    store: Store,
    eids: Mapping[int, str],
    names: Iterable[str],
    since: int,
    until: int,
    told: Callable[[float], None] | None = None,
) -> dict[tuple[str, str], Readings]:
    """The numbers of `names` with since <= observed < until, by (entity id, name); without observedAt: when written.

    Only commits since `since` are read: what was measured earlier is not asked for. Told `told` how far it is, 0 to 1.
    """
    wanted, found = frozenset(names), dict[tuple[str, str], list[tuple[int, float]]]()
    for row in _rows(store, since, told):
        for entry in codec.unpack(row.blob):
            if entry.eid not in eids:
                continue
            doc = codec.decode(entry.body)
            for attrs in (doc.late, doc.attrs):
                for name in wanted & attrs.keys():
                    instance = default_instance(attrs[name])
                    value = instance_value(instance) if instance is not None else None
                    if instance is None or isinstance(value, bool) or not isinstance(value, int | float):
                        continue
                    at = from_iso(instance["observedAt"]) if "observedAt" in instance else row.at
                    if since <= at < until:
                        found.setdefault((eids[entry.eid], name), []).append((at, value))
    return {key: _in_order(pairs) for key, pairs in found.items()}


def _in_order(pairs: list[tuple[int, float]]) -> Readings:
    """By instant; of several values of one instant the one that was known last."""
    last = dict(pairs)
    made = Readings()
    for at in sorted(last):
        made.observed.append(at)
        made.values.append(last[at])
    return made


def _rows(store: Store, since: int, told: Callable[[float], None] | None) -> Iterator[LogRow]:
    end, _ = store.last()
    begin = after = _before(store, since, end)
    while rows := store.log(after, _PAGE):
        yield from rows
        after = rows[-1].seq
        if told is not None:
            told(min(1.0, (after - begin) / max(1, end - begin)))
        if after >= end:
            return


def _before(store: Store, since: int, end: int) -> int:
    """The last sequence whose commit is older than `since`, by halving: commits are in order of time."""
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        rows = store.log(middle, 1)
        if rows and rows[0].at < since:
            low = rows[0].seq
        else:
            high = middle
    return low
