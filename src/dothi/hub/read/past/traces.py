"""Where the instances of long histories stand in the log: kept in memory, so that a part is read without the whole.

A trace is made of one walk and goes on with what is committed later; where something is erased, corrected or expires
by itself, the walk is made again. It holds numbers only: what an instance says is read when it is shown.
"""

import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dothi.ground.clock import from_iso, now_us
from dothi.hub.language.nodes import Window
from dothi.hub.model import Instance, Logged, instance_value
from dothi.hub.read.past import evolution
from dothi.hub.read.past.chain import chain, sealed
from dothi.hub.read.past.evolution import DELETED, Series, Step, Told, Walk, stamped, walk, written
from dothi.hub.store import codec
from dothi.hub.store.port import Head, LogRow, Store

LONG = 256  # Versions from which an entity's history is traced.
MOST = 1_000_000  # Instances in all traces.
_ALONG = 64  # Commits read together.
_NONE = -(1 << 62)  # An instance without observedAt.
Ints = NDArray[np.int64]


@dataclass(slots=True)
class Trace:
    """One entity's instances in the order of being known: times, and where each stands."""

    seq: int  # The commit up to which it reaches.
    observed: "array[int]" = field(default_factory=lambda: array("q"))
    known: "array[int]" = field(default_factory=lambda: array("q"))
    changed: "array[int]" = field(default_factory=lambda: array("q"))
    place: "array[int]" = field(default_factory=lambda: array("q"))  # Sequence, slot and number, three for each.
    name: "array[int]" = field(default_factory=lambda: array("q"))
    dataset: "array[int]" = field(default_factory=lambda: array("q"))
    names: list[str] = field(default_factory=list)
    datasets: list[str | None] = field(default_factory=list)
    numbers: dict[str | None, int] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)  # The same reading sent twice is told once.
    amended: dict[int, Instance] = field(default_factory=dict)
    erased: bool = False  # As a whole, and nothing has begun since.

    def add(self, step: Step) -> None:
        """Note one instance."""
        instance = step.instance
        observed = instance.get("observedAt")
        dataset = instance.get("datasetId")
        if observed is not None:
            key = hash((step.name, dataset, observed, repr(instance_value(instance))))
            if key in self.seen:
                return
            self.seen.add(key)
        if step.changed != step.row.at:
            self.amended[len(self.known)] = step.stamped()
        self.observed.append(_NONE if observed is None else from_iso(observed))
        self.known.append(step.row.at)
        self.changed.append(step.changed)
        self.place.extend((step.row.seq, step.slot, step.number))
        self.name.append(_number(self.names, step.name))
        self.dataset.append(_number(self.datasets, dataset))


def _number(listed: list, value: object) -> int:  # type: ignore[type-arg]
    """The number of a value in a short list, to which it is added when it is new."""
    if value not in listed:
        listed.append(value)
    return listed.index(value)


class Traces:
    """The traces of one store, the least used of which go first; reads whatever history, long or short."""

    def __init__(self, store: Store) -> None:
        """Nothing is traced yet."""
        self._store = store
        self._lock = threading.Lock()
        self._traces: OrderedDict[int, Trace] = OrderedDict()

    def read(self, head: Head, names: Iterable[str], window: Window, strict: bool = True) -> Series | None:
        """As evolution.read tells it."""
        if window.attribute == DELETED:
            return evolution.read(self._store, head, names, window, strict)
        with self._lock:
            trace = self._of(head)
            if trace is None:
                return evolution.read(self._store, head, names, window, strict)
            return None if trace.erased else self._selected(head, trace, frozenset(names), window, strict)

    def _of(self, head: Head) -> Trace | None:
        """The trace of an entity as it stands; None for a short history, or one that expires by itself."""
        trace = self._traces.get(head.eid)
        if trace is None and head.version < LONG:
            return None
        if trace is None or trace.seq != head.seq:
            trace = (self._longer(head, trace) if trace is not None else None) or self._made(head)
            if trace is None:
                self._traces.pop(head.eid, None)
                return None
            self._traces[head.eid] = trace
            self._make_room(head.eid)
        self._traces.move_to_end(head.eid)
        return trace

    def _made(self, head: Head) -> Trace | None:
        state = Walk(False, now_us())
        steps = list(walk(self._store, head, state))
        if state.fades:
            return None
        trace = Trace(head.seq, erased=state.over and not steps)
        for step in reversed(steps):
            trace.add(step)
        return trace

    def _longer(self, head: Head, trace: Trace) -> Trace | None:
        """The trace with what was committed since; None when the walk must be made again."""
        if trace.erased:
            return None
        state = Walk(False, now_us())
        steps: list[Step] = []
        for row, entries in chain(self._store, head):
            if row.seq <= trace.seq:
                break
            for slot in range(len(entries) - 1, -1, -1):
                if _reaches_back(entries[slot]):
                    return None
                steps.extend(reversed(list(state.back(row, slot, entries[slot]))))
        if state.fades:
            return None
        for step in reversed(steps):
            trace.add(step)
        trace.seq = head.seq
        return trace

    def _make_room(self, kept: int) -> None:
        total = sum(len(trace.known) for trace in self._traces.values())
        for eid in [eid for eid in self._traces if eid != kept]:
            if total <= MOST:
                return
            total -= len(self._traces.pop(eid).known)

    def _selected(self, head: Head, trace: Trace, names: frozenset[str], window: Window, strict: bool) -> Series:
        times = _times(trace, window.attribute, strict)
        inside = times != _NONE
        if window.start is not None:
            inside &= times >= window.start
        if window.end is not None:
            inside &= times < window.end
        kinds = np.array(trace.name, np.int64)
        datasets = np.array(trace.dataset, np.int64)
        reader = _Reader(self._store, head.eid, trace)
        series: Series = {}
        for number, name in enumerate(trace.names):
            rows = np.flatnonzero(inside & (kinds == number)) if not names or name in names else np.zeros(0, np.int64)
            if len(rows):
                rows = rows[np.argsort(times[rows], kind="stable")]
                rows = rows if window.last is None else rows[-window.last :]
                parts = zip(rows.tolist(), times[rows].tolist(), datasets[rows].tolist(), strict=True)
                series[name] = [
                    Told(at, trace.datasets[dataset], partial(reader.read, row)) for row, at, dataset in parts
                ]
        return series


def _times(trace: Trace, attribute: str, strict: bool) -> Ints:
    if attribute == "createdAt":
        return np.array(trace.known, np.int64)
    if attribute == "modifiedAt":
        return np.array(trace.changed, np.int64)
    observed = np.array(trace.observed, np.int64)
    return observed if strict else np.where(observed == _NONE, np.array(trace.changed, np.int64), observed)


def _reaches_back(entry: Logged) -> bool:
    """Whether an entry changes what was told before it."""
    return bool(entry.erased or entry.amended or entry.status == "recorded")


class _Reader:
    """Reads instances of one trace from the log; neighbours mostly stand in the same entry."""

    def __init__(self, store: Store, eid: int, trace: Trace) -> None:
        self._store = store
        self._eid = eid
        self._trace = trace
        self._at: tuple[int, int] = (0, 0)
        self._listed: list[Instance] = []
        self._rows: dict[int, LogRow] = {}
        self._packed: tuple[int, list[codec.Entry]] = (0, [])  # The entries of one commit: an import has thousands.

    def read(self, row: int) -> Instance:
        """One instance, with its stamps."""
        amended = self._trace.amended.get(row)
        if amended is not None:
            return amended
        seq, slot, number = self._trace.place[3 * row : 3 * row + 3]
        if self._at != (seq, slot):
            if seq not in self._rows:
                # Who reads one instance mostly reads those that came after it.
                self._rows = self._around(set(self._trace.place[3 * row : 3 * (row + _ALONG) : 3]))
            self._listed = self._entry(seq, slot)
            self._at = (seq, slot)
        return self._listed[number]

    def _around(self, seqs: set[int]) -> dict[int, LogRow]:
        cold = {seq: row for seq in seqs if (row := sealed(self._store, seq, self._eid)) is not None}
        left = seqs - cold.keys()
        return cold | self._store.commits(left) if left else cold

    def _entry(self, seq: int, slot: int) -> list[Instance]:
        row = self._rows[seq]
        if self._packed[0] != seq:
            self._packed = (seq, list(codec.unpack(row.blob, self._eid)))
        entry = codec.logged(self._packed[1][slot])
        return [
            stamped(one, row, (entry.id, slot, number), row.at)
            for number, (_, one, _) in enumerate(written(entry, row.at))
        ]
