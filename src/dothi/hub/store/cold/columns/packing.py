"""Stored commits as columns: bodies that are built alike are read together, a column of pieces at a time."""

from collections.abc import Callable, Iterator

import msgspec
import numpy as np

from dothi.hub.store.cold.columns import templates
from dothi.hub.store.cold.columns.schema import Packed
from dothi.hub.store.cold.columns.sheet import Filling, Sheet
from dothi.hub.store.cold.columns.templates import ODD, UNSTATED, Part, Plan
from dothi.hub.store.cold.columns.unpacking import unpacked
from dothi.hub.store.port import LogRow

_KEPT = 200_000  # Plans, instants and ids kept at hand.
_EXACT = 15  # Digits of a whole number that a double holds for sure.
_floats = msgspec.json.Decoder(list[float])


class _Group:
    """Bodies that share a plan: which entries they are, and their pieces."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.entries: list[int] = []
        self.pieces: list[list[bytes]] = []


class Packer:
    """Makes columns of stored commits; it remembers the structures that it has met."""

    def __init__(self, tenant_name: Callable[[int], str]) -> None:
        """`tenant_name`: the name of a tenant by its number."""
        self._tenant_name = tenant_name
        self._plans: dict[tuple[bytes, ...], Plan] = {}
        self._prefixes: dict[int, tuple[str, bytes]] = {}
        self._moments: dict[bytes, tuple[int, int]] = {}

    def pack(self, rows: list[LogRow]) -> Packed:
        """The columns of some commits. What they would not give back byte for byte is kept as it is."""
        packed = self.columns(rows)
        again = {row.seq: row for row in unpacked(packed)}
        unlike = frozenset(row.seq for row in rows if again.get(row.seq) != row)
        return self.columns(rows, unlike) if unlike else packed

    def columns(self, rows: list[LogRow], as_is: frozenset[int] = frozenset()) -> Packed:
        """The columns of some commits, unproven; the entries of commits in `as_is` are kept as they are."""
        for kept in (self._plans, self._prefixes, self._moments):
            if len(kept) > _KEPT:
                kept.clear()
        sheet = Sheet(rows, self._tenant_name)
        groups: dict[int, _Group] = {}
        for index, body, seq in sheet.bodies():
            found = self._planned(sheet, index, body)
            if found is None or seq in as_is:
                sheet.keep(index, body)
            else:
                plan, pieces = found
                group = groups.get(id(plan)) or groups.setdefault(id(plan), _Group(plan))
                group.entries.append(index)
                group.pieces.append(pieces)
        for group in groups.values():
            self._fill(sheet, group)
        return sheet.packed()

    def _planned(self, sheet: Sheet, index: int, body: bytes) -> tuple[Plan, list[bytes]] | None:
        eid = sheet.eids[index]
        known = self._prefixes.get(eid)
        if known is None or not body.startswith(known[1]):
            known = templates.prefix(body)
            if known is None:
                return None
            self._prefixes[eid] = known
        sheet.entities[eid] = known[0]
        pieces = templates.cut(body[len(known[1]) :])
        key = tuple(pieces[::2])
        plan = self._plans.get(key)
        if plan is None:
            plan = templates.analyse(body[len(known[1]) :], pieces)
            if plan is None:
                return None
            if plan.holds:
                self._plans[key] = plan
        return plan, pieces

    def _fill(self, sheet: Sheet, group: _Group) -> None:
        """Write the instances of the bodies of one plan into the sheet."""
        columns = list(zip(*group.pieces, strict=True))
        values: dict[int, list[float]] = {}
        moments: dict[int, list[tuple[int, int]]] = {}
        odd: set[int] = set()
        for part in group.plan.parts:
            if part.number:
                texts = columns[part.number]
                values[part.number] = _floats.decode(b"[" + b",".join(texts) + b"]")
                odd.update(i for i, text in enumerate(texts) if len(text) > _EXACT and _is_whole(text))
            if part.observed:
                told = moments[part.observed] = [self._moment(text) for text in columns[part.observed]]
                if part.shape:
                    odd.update(i for i, (_, form) in enumerate(told) if form in (ODD, UNSTATED))
        if odd:
            self._apart(sheet, group, odd)
            return
        entries = np.array(group.entries, np.int64)
        sheet.template(entries, group.plan.template)
        for place, part in enumerate(group.plan.parts):
            sheet.add(entries, place, part, self._filling(group, part, columns, values, moments))

    def _filling(
        self,
        group: _Group,
        part: Part,
        columns: list[tuple[bytes, ...]],
        values: dict[int, list[float]],
        moments: dict[int, list[tuple[int, int]]],
    ) -> Filling:
        if part.shape:
            wholes = [_is_whole(text) for text in columns[part.number]]
            return Filling(values[part.number], moments.get(part.observed), wholes, None)
        texts = [templates.instance(pieces, part) for pieces in group.pieces]
        if part.number:
            return Filling(values[part.number], moments.get(part.observed), None, texts)
        value = templates.number_of(part.found)
        told = moments.get(part.observed)
        if told is None and "observedAt" in part.found:
            told = [self._moment(str(part.found["observedAt"]).encode())] * len(texts)
        return Filling(None if value is None else [value] * len(texts), told, None, texts)

    def _apart(self, sheet: Sheet, group: _Group, odd: set[int]) -> None:
        """What does not fit a hole goes singly, its instances whole."""
        rest = _Group(group.plan)
        for i, (index, pieces) in enumerate(zip(group.entries, group.pieces, strict=True)):
            if i not in odd:
                rest.entries.append(index)
                rest.pieces.append(pieces)
                continue
            body = templates.joined(pieces)
            single = _Group(templates.analyse(body, [body], whole=True) or group.plan)
            if single.plan is group.plan:
                sheet.keep(index, sheet.body(index))
                continue
            single.entries, single.pieces = [index], [[body]]
            self._fill(sheet, single)
        if rest.entries:
            self._fill(sheet, rest)

    def _moment(self, text: bytes) -> tuple[int, int]:
        found = self._moments.get(text)
        if found is None:
            found = self._moments[text] = templates.moment(text.decode())
        return found


def _is_whole(text: bytes) -> bool:
    return b"." not in text and b"e" not in text and b"E" not in text


def pieces_of(rows: list[LogRow], most: int) -> Iterator[list[LogRow]]:
    """Commits in runs of at most so many bytes."""
    run: list[LogRow] = []
    size = 0
    for row in rows:
        if run and size + len(row.blob) > most:
            yield run
            run, size = [], 0
        run.append(row)
        size += len(row.blob)
    if run:
        yield run
