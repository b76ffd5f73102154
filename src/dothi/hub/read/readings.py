"""The numbers that many entities measured over a while, read in one pass over the log.

`history` walks the chain of one entity, which is right for a page about it. Who replays months of many sensors wants
each commit read once for all of them, and numbers instead of instances.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from dothi.ground.clock import from_iso
from dothi.hub.language.nodes import Window
from dothi.hub.model import Attribute, Instance, Readings, default_instance, instance_value, instances
from dothi.hub.read.past import evolution
from dothi.hub.read.past.face import Face, Sealed
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
    face: Face | None = None,
) -> dict[tuple[str, str], Readings]:
    """The numbers of `names` with since <= observed < until, by (entity id, name); without observedAt: when written.

    Only commits since `since` are read: what was measured earlier is not asked for. Told `told` how far it is, 0 to 1.
    """
    wanted, found = frozenset(names), dict[tuple[str, str], list[tuple[int, float]]]()
    corrected: set[int] = set()
    sealed = Sealed() if face is None else face.sealed(eids, wanted, (since, until))
    corrected |= sealed.corrected
    for row in _rows(store, since, sealed.until, told):
        for entry in codec.unpack(row.blob):
            if entry.eid not in eids:
                continue
            doc = codec.decode(entry.body)
            if doc.erased or doc.amended:
                corrected.add(entry.eid)
            for attrs in (doc.late, doc.attrs):
                for name in wanted & attrs.keys():
                    for at, value in _numbers(_of_default(attrs[name]), row.at):
                        if since <= at < until:
                            found.setdefault((eids[entry.eid], name), []).append((at, value))
    made = {(eids[eid], name): one for (eid, name), one in sealed.readings.items()}
    made.update({key: _in_order(pairs, made.get(key)) for key, pairs in found.items()})
    for eid in corrected:
        made = {key: one for key, one in made.items() if key[0] != eids[eid]}
        made.update(_again(store, eid, eids[eid], wanted, (since, until)))
    return made


def _of_default(attribute: Attribute) -> list[Instance]:
    """The instances without a dataset (a history that was recorded may bring many at once), else the first."""
    plain = [one for one in instances(attribute) if "datasetId" not in one]
    first = default_instance(attribute)
    return plain or ([first] if first is not None else [])


def _numbers(listed: Iterable[Instance], known: int) -> Iterator[tuple[int, float]]:
    """When each holds (µs) and its value, of those that are numbers."""
    for instance in listed:
        value = instance_value(instance)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield (from_iso(instance["observedAt"]) if "observedAt" in instance else known), value


def _again(
    store: Store, eid: int, name: str, wanted: frozenset[str], span: tuple[int, int]
) -> dict[tuple[str, str], Readings]:
    """The same of one entity whose history was corrected or erased in part: walked back, as every page tells it."""
    head = store.rows((eid,))[eid]
    series = evolution.read(store, head, wanted, Window(attribute="modifiedAt")) or {}
    made: dict[tuple[str, str], Readings] = {}
    for attribute, told in series.items():
        listed = [one.instance for one in told if "datasetId" not in one.instance]
        pairs = [
            pair
            for one in listed
            for pair in _numbers((one,), from_iso(one["createdAt"]))
            if span[0] <= pair[0] < span[1]
        ]
        if pairs:
            made[name, attribute] = _in_order(pairs)
    return made


def _in_order(pairs: list[tuple[int, float]], before: Readings | None = None) -> Readings:
    """By instant; of several values of one instant the one that was known last; `before` was known earlier."""
    made = Readings()
    if before is not None and min(at for at, _ in pairs) > before.observed[-1]:
        made.observed.extend(before.observed)
        made.values.extend(before.values)
        before = None
    last = dict(zip(before.observed, before.values, strict=True)) if before is not None else {}
    last.update(pairs)
    for at in sorted(last):
        made.observed.append(at)
        made.values.append(last[at])
    return made


def _rows(store: Store, since: int, sealed: int, told: Callable[[float], None] | None) -> Iterator[LogRow]:
    end, _ = store.last()
    begin = after = _before(store, since, sealed, end)
    while rows := store.log(after, _PAGE):
        yield from rows
        after = rows[-1].seq
        if told is not None:
            told(min(1.0, (after - begin) / max(1, end - begin)))
        if after >= end:
            return


def _before(store: Store, since: int, low: int, end: int) -> int:
    """The last sequence after `low` whose commit is older than `since`, by halving: commits are in order of time."""
    high = end
    while low < high:
        middle = (low + high) // 2
        rows = store.log(middle, 1)
        if rows and rows[0].at < since:
            low = rows[0].seq
        else:
            high = middle
    return low
