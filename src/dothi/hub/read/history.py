"""Reading the past of one entity: its chain of commits, walked back from the last.

Two clocks: an instance's observedAt says when the fact held, the commit's time when it was known. The same reading
sent twice is told once (entity, attribute, dataset, observedAt, value); versions known at different times stay.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from dothi.ground.clock import from_iso, iso
from dothi.hub.language.nodes import Window
from dothi.hub.language.time import in_window
from dothi.hub.model import Entity, Instance, Logged, LoggedCommit, instance_value, instances
from dothi.hub.store import codec
from dothi.hub.store.port import Head, LogRow, Store
from dothi.hub.write.apply import advance


def chain(store: Store, head: Head, since: int | None = None) -> Iterator[tuple[LogRow, list[Logged]]]:
    """An entity's commits, newest first, each with its own entries in order; stops at commits before `since` (µs)."""
    seq, eid = head.seq, head.eid
    while seq:
        row = store.commits((seq,)).get(seq)
        if row is None:
            return
        entries = list(codec.unpack(row.blob, eid))
        if since is not None and row.at + head.ahead < since:
            return
        yield row, [codec.logged(entry) for entry in entries]
        seq = entries[0].previous


def read(store: Store, head: Head, names: Iterable[str], window: Window) -> dict[str, list[Instance]]:
    """Instances by attribute, oldest first by the window's attribute; see Hub.history."""
    wanted = frozenset(names)
    since = window.start if window.rel in ("after", "between") else None
    found: dict[str, list[tuple[int, Instance]]] = {}
    for row, entries in chain(store, head, since):
        for slot, entry in enumerate(entries):
            for name, instance in _written(entry):
                if not wanted or name in wanted:
                    stamped = _stamped(instance, row, head.eid, f"{slot}")
                    if (at := _when(stamped, window.attribute)) is not None and in_window(window, at):
                        found.setdefault(name, []).append((at, stamped))
    return {name: _told_once(pairs, window.last) for name, pairs in found.items()}


def as_known(store: Store, head: Head, instant: int) -> Entity | None:
    """The entity as it was known at `instant`."""
    steps: list[tuple[int, Logged]] = []
    for row, entries in chain(store, head):
        if row.at <= instant:
            steps.extend((row.at, entry) for entry in reversed(entries))
    entity: Entity | None = None
    for at, entry in reversed(steps):
        entity = advance(entity, entry, at)
    return entity


def trail(store: Store, head: Head, tenant: str, limit: int) -> list[LoggedCommit]:
    """Who did what to one entity, newest first."""
    found: list[LoggedCommit] = []
    for row, entries in chain(store, head):
        found.append(LoggedCommit(row.seq, row.at, tenant, row.actor, row.reason, tuple(entries)))
        if len(found) == limit:
            break
    return found


def _written(entry: Logged) -> Iterator[tuple[str, Instance]]:
    for attrs in (entry.attrs, entry.late):
        for name, attribute in attrs.items():
            for instance in instances(attribute):
                yield name, instance


def _stamped(instance: Instance, row: LogRow, eid: int, slot: str) -> Instance:
    known = iso(row.at)
    name = f"urn:ngsi-ld:Instance:{row.seq}-{eid}-{slot}"
    if "datasetId" in instance:
        name = f"{name}-{instance['datasetId']}"
    return {**instance, "createdAt": known, "modifiedAt": known, "instanceId": name}


def _when(instance: Instance, attribute: str) -> int | None:
    text = instance.get(attribute)
    return None if text is None else from_iso(text)


def _told_once(pairs: list[tuple[int, Instance]], last: int | None) -> list[Instance]:
    """In order of time, one for each (dataset, observedAt, value); of equal ones the first that was known."""
    pairs.reverse()  # The chain came newest first.
    pairs.sort(key=lambda pair: pair[0])
    seen: set[Any] = set()
    told: list[Instance] = []
    for _, instance in pairs:
        observed = instance.get("observedAt")
        key = (instance.get("datasetId"), observed, repr(instance_value(instance)))
        if observed is not None and key in seen:
            continue
        seen.add(key)
        told.append(instance)
    return told if last is None else told[-last:]
