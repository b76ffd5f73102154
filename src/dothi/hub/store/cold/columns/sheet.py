"""The sheet that a run of commits is written into: columns that grow by whole runs of like instances."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dothi.hub.store.cold.columns import schema
from dothi.hub.store.cold.columns.schema import Packed
from dothi.hub.store.cold.columns.templates import BODY, UNSTATED, Part
from dothi.hub.store.port import LogRow

Ints = NDArray[np.int64]
_RECORD = np.dtype([("eid", "<u8"), ("previous", "<u8"), ("version", "<u4"), ("length", "<u4"), ("flags", "u1")])


class Numbers(NamedTuple):
    """Values, and whether each was written as a whole number."""

    values: NDArray[np.float64]
    wholes: NDArray[np.bool_]


class Filling(NamedTuple):
    """What stood in one part of many bodies."""

    numbers: Numbers | None
    moments: Ints | None  # Instants (µs) × 8 + how each was written.
    texts: list[bytes] | None  # Where the instances are kept whole.


class _Run(NamedTuple):
    """Like instances of several entries."""

    entries: Ints
    place: int
    attribute: int
    dataset: int
    shape: int
    observed: Ints
    form: NDArray[np.int8]
    value: NDArray[np.float64]  # NaN for none.
    texts: list[bytes] | None


class Words:
    """Numbers for few words, in order of coming; None has number -1."""

    def __init__(self) -> None:
        """No word yet."""
        self.numbers: dict[str, int] = {}

    def of(self, word: str | None) -> int:
        """The number of a word."""
        return -1 if word is None else self.numbers.setdefault(word, len(self.numbers))

    def ranks(self) -> Ints:
        """The place of each word in alphabetical order, by number."""
        ranks = np.empty(len(self.numbers), np.int64)
        ranks[[self.numbers[word] for word in sorted(self.numbers)]] = np.arange(len(self.numbers))
        return ranks

    def column(self, numbers: NDArray[Any]) -> pa.DictionaryArray:
        """A column of words."""
        return worded(numbers, list(self.numbers))


def worded(numbers: NDArray[Any], words: list[str]) -> pa.DictionaryArray:
    """A column of words by their numbers; -1 is none."""
    indices = pa.array(numbers.astype(np.int32), mask=numbers < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string()))


class Sheet:
    """The columns of a run of commits while they are filled."""

    def __init__(self, rows: list[LogRow], tenant_name: Callable[[int], str]) -> None:
        """The tables of contents are read at once, as arrays."""
        self._rows = rows
        self._names = {row.tid: tenant_name(row.tid) for row in rows}
        counts = [int.from_bytes(row.blob[:4], "little") for row in rows]
        heads = [np.frombuffer(row.blob, _RECORD, n, 4) for row, n in zip(rows, counts, strict=True)]
        self._heads = np.concatenate(heads) if heads else np.empty(0, _RECORD)
        self._of = np.repeat(np.arange(len(rows)), counts)  # The commit of each entry.
        self._first = np.cumsum([0, *counts])
        self._slot = np.arange(len(self._heads)) - self._first[self._of]
        self._seq = np.array([row.seq for row in rows], np.int64)
        self._at = np.array([row.at for row in rows], np.int64)
        self._tid = np.array([row.tid for row in rows], np.int64)
        self.eids: list[int] = self._heads["eid"].tolist()
        self.entities: dict[int, str] = {}
        self._words = {name: Words() for name in ("attribute", "dataset", "shape", "template")}
        self._template = np.full(len(self._heads), -1, np.int64)
        self._kept: dict[int, bytes] = {}
        self._runs: list[_Run] = []

    def bodies(self) -> Iterator[tuple[int, bytes, int]]:
        """(entry, body, sequence of its commit) in order."""
        lengths, index = self._heads["length"].tolist(), 0
        for row, first, last in zip(self._rows, self._first[:-1].tolist(), self._first[1:].tolist(), strict=True):
            at = 4 + (last - first) * _RECORD.itemsize
            for index in range(first, last):
                yield index, row.blob[at : at + lengths[index]], row.seq
                at += lengths[index]

    def body(self, index: int) -> bytes:
        """The body of one entry."""
        row, first = self._rows[self._of[index]], int(self._first[self._of[index]])
        lengths = self._heads["length"]
        last = int(self._first[self._of[index] + 1])
        at = 4 + (last - first) * _RECORD.itemsize + int(lengths[first:index].sum())
        body: bytes = row.blob[at : at + int(lengths[index])]
        return body

    def keep(self, index: int, body: bytes) -> None:
        """Keep an entry's body as it is."""
        self._kept[index] = body
        self._template[index] = self._words["template"].of(BODY.decode())

    def template(self, entries: Ints, text: str) -> None:
        """Entries that share a template."""
        self._template[entries] = self._words["template"].of(text)

    def add(self, entries: Ints, place: int, part: Part, filling: Filling) -> None:
        """The instances of one part of those entries."""
        count = len(entries)
        known = self._at[self._of[entries]]
        if filling.moments is None:
            observed, form = known, np.zeros(count, np.int64)
        else:
            form = filling.moments & 7
            observed = np.where(form == UNSTATED, known, filling.moments >> 3)
        form = 2 * form
        if filling.numbers is None:
            value = np.full(count, np.nan)
        else:
            value = filling.numbers.values
            form = form + filling.numbers.wholes if filling.texts is None else form
        shape = self._words["shape"].of(part.shape or None)
        attribute, dataset = self._words["attribute"].of(part.name), self._words["dataset"].of(part.dataset)
        run = _Run(entries, place, attribute, dataset, shape, observed, form.astype(np.int8), value, filling.texts)
        self._runs.append(run)

    def packed(self) -> Packed:
        """The tables."""
        return Packed(self._readings(), self._entries(), self._commits())

    def _joined(self, name: str, kind: Any = np.int64) -> NDArray[Any]:
        """One column of all runs; what a run has once stands in each of its rows."""
        parts = [np.broadcast_to(np.asarray(getattr(run, name), kind), len(run.entries)) for run in self._runs]
        return np.concatenate(parts) if parts else np.empty(0, kind)

    def _readings(self) -> pa.Table:
        entries = self._joined("entries")
        eids, ranked = np.unique(self._heads["eid"].astype(np.int64), return_inverse=True)
        names = [self.entities.get(int(eid), "") for eid in eids]
        entity = ranked[entries] if len(entries) else entries
        attribute, observed = self._joined("attribute"), self._joined("observed")
        tenants = Words()
        tenant_of = np.array([tenants.of(self._names[row.tid]) for row in self._rows], np.int64)
        tenant = tenant_of[self._of[entries]] if len(entries) else entries
        order = _order(
            [tenants.ranks()[tenant], self._words["attribute"].ranks()[attribute], _ranks(names)[entity], observed],
            [self._seq[self._of[entries]], self._slot[entries], self._joined("place")],
        )
        value = self._joined("value", np.float64)[order]
        made = {
            "tenant": tenants.column(tenant[order]),
            "attribute": self._words["attribute"].column(attribute[order]),
            "entity": worded(entity[order], names),
            "eid": eids[entity[order]],
            "dataset": self._words["dataset"].column(self._joined("dataset")[order]),
            "observed": observed[order],
            "form": self._joined("form", np.int8)[order],
            "known": self._seq[self._of[entries[order]]],
            "slot": self._slot[entries[order]].astype(np.int32),
            "number": self._joined("place", np.int32)[order],
            "value": pa.array(value, mask=np.isnan(value)),
            "text": self._texts(order),
            "shape": self._words["shape"].column(self._joined("shape")[order]),
        }
        return pa.table(made)

    def _texts(self, order: Ints) -> pa.Array:
        if all(run.texts is None for run in self._runs):
            return pa.nulls(len(order), pa.string())
        told: list[bytes | None] = []
        for run in self._runs:
            told.extend(run.texts if run.texts is not None else [None] * len(run.entries))
        return pa.array(told, pa.binary()).cast(pa.string()).take(pa.array(order))

    def _entries(self) -> pa.Table:
        eid = self._heads["eid"].astype(np.int64)
        order = np.argsort(eid, kind="stable")  # They stand in order of the log.
        eids, ranked = np.unique(eid, return_inverse=True)
        kept = pa.array([self._kept.get(i) for i in order.tolist()], pa.binary()).cast(pa.string())
        heads = self._heads[order]
        made = {
            "eid": eid[order],
            "entity": worded(ranked[order], [self.entities.get(int(one), "") for one in eids]),
            "known": self._seq[self._of[order]],
            "slot": self._slot[order].astype(np.int32),
            "previous": heads["previous"].astype(np.int64),
            "version": heads["version"].astype(np.int64),
            "flags": heads["flags"].astype(np.int8),
            "template": self._words["template"].column(self._template[order]),
            "body": kept if self._kept else pa.nulls(len(order), pa.string()),
        }
        return pa.table(made)

    def _commits(self) -> pa.Table:
        made = [
            (row.seq, row.at, row.tid, self._names[row.tid], row.actor, row.reason, len(row.blob)) for row in self._rows
        ]
        return pa.table([list(one) for one in zip(*made, strict=True)] or [[]] * 7, schema=schema.COMMITS)


def _ranks(names: list[str]) -> Ints:
    ranks = np.empty(len(names), np.int64)
    ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return ranks


def _order(first: list[Ints], then: list[Ints]) -> Ints:
    """The order by several columns, as one sort of one number where they fit."""
    key = first[0]
    for column in first[1:]:
        low = int(column.min()) if len(column) else 0
        span = int(column.max()) - low + 1 if len(column) else 1
        highest = int(key.max()) if len(key) else 0
        if (highest + 1) * span >= 1 << 62:
            return np.lexsort([*reversed(then), *reversed(first)])
        key = key * span + (column - low)
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(key[order][1:] == key[order][:-1])
    return np.lexsort([*reversed(then), key]) if len(same) else order
