"""Stored commits as columns: bodies that are built alike are read together, a column of pieces at a time."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from dothi.hub.store.cold.columns import templates
from dothi.hub.store.cold.columns.schema import Packed
from dothi.hub.store.cold.columns.sheet import Filling, Ints, Numbers, Sheet
from dothi.hub.store.cold.columns.templates import ODD, UNSTATED, Part, Plan
from dothi.hub.store.cold.columns.unpacking import unpacked
from dothi.hub.store.port import LogRow

_KEPT = 200_000  # Plans, instants and ids kept at hand.
_EXACT = 10.0**15  # Whole numbers below it are held by a double for sure.
_numbers = msgspec.json.Decoder(list[int | float])


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
        self._moments: dict[bytes, int] = {}

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
        rest = body[len(known[1]) :]
        pieces = templates.cut(rest)
        key = (*pieces[::3], *pieces[1::3])
        plan = self._plans.get(key) or templates.analyse(rest, pieces)
        if plan is None:
            plan = templates.analyse(rest, [rest], whole=True)
            return None if plan is None else (plan, [rest])
        if plan.holds:
            self._plans[key] = plan
        return plan, pieces

    def _fill(self, sheet: Sheet, group: _Group) -> None:
        """Write the instances of the bodies of one plan into the sheet."""
        columns = list(zip(*group.pieces, strict=True))
        values: dict[int, Numbers] = {}
        moments: dict[int, Ints] = {}
        odd: set[int] = set()
        for part in group.plan.parts:
            if part.number:
                told = _numbers.decode(b"[" + b",".join(columns[part.number]) + b"]")
                wholes = np.fromiter((one.__class__ is int for one in told), bool, len(told))
                numbers = values[part.number] = Numbers(np.array(told, np.float64), wholes)
                odd.update(np.flatnonzero(wholes & (np.abs(numbers.values) >= _EXACT)).tolist())
            if part.observed:
                instants = moments[part.observed] = self._instants(columns[part.observed])
                if part.shape:
                    odd.update(np.flatnonzero(np.isin(instants & 7, (ODD, UNSTATED))).tolist())
        if odd:
            self._apart(sheet, group, odd)
            return
        entries = np.array(group.entries, np.int64)
        sheet.template(entries, group.plan.template)
        for place, part in enumerate(group.plan.parts):
            sheet.add(entries, place, part, self._filling(group, part, values, moments))

    def _filling(self, group: _Group, part: Part, values: dict[int, Numbers], moments: dict[int, Ints]) -> Filling:
        numbers, instants = values.get(part.number), moments.get(part.observed)
        if part.shape:
            return Filling(numbers, instants, None)
        texts = [templates.instance(pieces, part) for pieces in group.pieces]
        value = templates.number_of(part.found)
        if numbers is None and value is not None:
            numbers = Numbers(np.full(len(texts), value), np.zeros(len(texts), bool))
        if instants is None and "observedAt" in part.found:
            instants = self._instants([str(part.found["observedAt"]).encode()] * len(texts))
        return Filling(numbers, instants, texts)

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

    def _instants(self, texts: Sequence[bytes]) -> Ints:
        """Instants (µs) × 8 + how each was written."""
        known = self._moments
        for text in set(texts) - known.keys():
            instant, form = templates.moment(text.decode())
            known[text] = instant * 8 + form
        return np.array([known[text] for text in texts], np.int64)
