"""Columns in memory: what queries ask for, kept as arrays for each kind of entity, so that lists are not scans.

A column is built when a query first asks for it (or when its module declares it) and follows every commit. A
condition over columns answers in two masks: `sure` (it holds) and `maybe` (it may; the entity itself must be read).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dothi.ground.clock import from_iso
from dothi.hub.language.collation import collation
from dothi.hub.language.nodes import And, Between, Compare, Condition, Exists, Linked, Moment, Or
from dothi.hub.model import Attribute, Entity, instance_value
from dothi.hub.read import ranking
from dothi.hub.read.places import GeoColumn, Mask, Masks, Rows, grown
from dothi.hub.read.ranking import Rank, rank

_NO_INSTANT = np.iinfo(np.int64).min
# What a row holds: nothing, a number, a word, a truth, a link (equal or not, but never before another), something odd
# that must be read to be judged, or an empty list, which is there and of which no comparison holds.
NONE, NUMBER, WORD, FLAG, LINK, ODD, EMPTY = range(7)
_KIND_OF = np.array([ranking.ABSENT, ranking.NUMBER, 0, ranking.TRUTH, 0, 0, ranking.ARRAY], np.float64)


class Column:
    """One attribute of all entities of a kind: numbers, coded words, and the instants of words that are times."""

    def __init__(self, size: int) -> None:
        """Room for `size` rows, all empty."""
        self.holds = np.zeros(size, np.uint8)
        self.numbers = np.full(size, np.nan)
        self.codes = np.full(size, -1, np.int32)
        self.instants = np.full(size, _NO_INSTANT, np.int64)
        self._code_of: dict[str, int] = {}
        # By collation: where each word ranks, and the same as arrays (kind, place).
        self._ranks: dict[str | None, tuple[list[Rank], NDArray[np.float64]]] = {}

    def grow(self, size: int) -> None:
        """Make room."""
        self.holds = grown(self.holds, size, 0)
        self.numbers = grown(self.numbers, size, np.nan)
        self.codes = grown(self.codes, size, -1)
        self.instants = grown(self.instants, size, _NO_INSTANT)

    def set(self, row: int, attribute: Attribute | None) -> None:
        """Set what one row holds."""
        self.holds[row], self.numbers[row], self.codes[row], self.instants[row] = NONE, np.nan, -1, _NO_INSTANT
        if attribute is None:
            return
        value = None if isinstance(attribute, list) else instance_value(attribute)
        if isinstance(value, bool):
            self.holds[row], self.codes[row] = FLAG, int(value)
        elif isinstance(value, int | float):
            self.holds[row], self.numbers[row] = NUMBER, value
        elif isinstance(value, str):
            link = isinstance(attribute, dict) and attribute.get("type") == "Relationship"
            self.holds[row] = LINK if link else WORD
            self.codes[row] = self._code_of.setdefault(value, len(self._code_of))
            self.instants[row] = _NO_INSTANT if link else _instant(value)
        else:
            self.holds[row] = EMPTY if value == [] else ODD

    def compare(self, op: str, value: Any, rows: Rows) -> Masks:
        """The masks of `op value` (op one of == > >= < <=); other operators are judged entity by entity."""
        holds = self.holds[rows]
        odd = holds == ODD
        if isinstance(value, tuple):
            parts = [self.compare(op, one, rows)[0] for one in value]
            sure: Mask = np.logical_or.reduce(parts)
        elif isinstance(value, Between):
            sure = self._between(value, rows)
        else:
            sure = self._scalar(op, value, rows)
        return sure, sure | odd

    def _between(self, value: Between, rows: Rows) -> Mask:
        return self._scalar(">=", value.low, rows) & self._scalar("<=", value.high, rows)

    def _scalar(self, op: str, value: Any, rows: Rows) -> Mask:
        holds, codes = self.holds[rows], self.codes[rows]
        fits: Mask
        if isinstance(value, bool):
            fits = (codes == int(value)) & (holds == FLAG) & (op in ("==", ">=", "<="))
        elif isinstance(value, int | float):
            fits = _OPS[op](self.numbers[rows], value) & (holds == NUMBER)
        elif isinstance(value, Moment):
            fits = _OPS[op](self.instants[rows], value.instant) & (self.instants[rows] != _NO_INSTANT)
        elif op == "==":
            fits = (codes == self._code_of.get(value, -2)) & ((holds == WORD) | (holds == LINK))
        else:
            words = np.fromiter((_WORD_OPS[op](word, value) for word in self._code_of), bool, len(self._code_of))
            fits = (holds == WORD) & (words[np.where(holds == WORD, codes, 0)] if words.size else False)
        return fits

    def among(self, words: Iterable[str], rows: Rows) -> Mask:
        """Which rows hold one of `words`."""
        codes = [self._code_of[word] for word in words if word in self._code_of]
        found: Mask = np.isin(self.codes[rows], codes) & (self.holds[rows] == WORD)
        return found

    def ranks(self, rows: Rows, language: str | None) -> NDArray[np.float64] | None:
        """Kind and place among its kind of what each row holds (clause 4.23.2); None when some must be read to tell."""
        holds = self.holds[rows]
        if (holds == ODD).any():
            return None
        kinds, places = _KIND_OF[holds], np.nan_to_num(self.numbers[rows])
        flags, worded = holds == FLAG, (holds == WORD) | (holds == LINK)
        places[flags] = self.codes[rows][flags]
        if worded.any():
            kinds[worded], places[worded] = self._word_ranks(language)[:, self.codes[rows][worded]]
        ranked: NDArray[np.float64] = np.stack((kinds, places))
        return ranked

    def _word_ranks(self, language: str | None) -> NDArray[np.float64]:
        """Kind and place of every word; when there are new ones only these are looked at."""
        listed, known = self._ranks.get(language, ([], np.zeros((2, 0))))
        if len(listed) != len(self._code_of):
            key = collation(language)
            listed += [rank(word, key) for word in islice(self._code_of, len(listed), None)]
            order = sorted(range(len(listed)), key=listed.__getitem__)
            apart = [0, *(listed[one] != listed[before] for before, one in pairwise(order))]
            known = np.empty((2, len(listed)))
            known[0] = [one.kind for one in listed]
            known[1, order] = np.cumsum(apart)
            self._ranks = {language: (listed, known)}  # One collation at a time: most lists are asked for in one.
        return known

    def sort_key(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """A key that sorts rows by what they hold: numbers, else instants, else words; empty rows last."""
        holds = self.holds[rows]
        if (holds == NUMBER).any():
            numbers: NDArray[np.float64] = np.nan_to_num(self.numbers[rows], nan=np.inf)
            return numbers
        if (self.instants[rows] != _NO_INSTANT).any():
            instants = self.instants[rows].copy()
            instants[instants == _NO_INSTANT] = np.iinfo(np.int64).max
            return instants
        rank = {word: place for place, word in enumerate(sorted(self._code_of))}
        by_code = np.array([*(rank[word] for word in self._code_of), len(rank)], np.int64)
        ranks: NDArray[np.int64] = by_code[self.codes[rows]]
        return ranks


@dataclass(slots=True)
class _Rows:
    size: int = 0
    room: int = 1024
    last: int = 0  # The entity of the newest row.
    ascending: bool = True


class Table:
    """All entities of one kind in a tenant: their rows, and the columns asked for so far."""

    def __init__(self) -> None:
        """No rows, no columns."""
        self._rows = _Rows()
        self._row_of: dict[int, int] = {}
        self.eids = np.zeros(self._rows.room, np.int64)
        self.alive = np.zeros(self._rows.room, bool)
        self.columns: dict[str, Column] = {}
        self.geometries: dict[str, GeoColumn] = {}

    @property
    def size(self) -> int:
        """How many rows, dead ones included."""
        return self._rows.size

    @property
    def ascending(self) -> bool:
        """Whether the rows stand in the order of creation: so they do until an entity comes from another kind."""
        return self._rows.ascending

    def lacks(self, names: Iterable[str], geometries: Iterable[str]) -> bool:
        """Whether a column asked for is not there yet."""
        return any(name not in self.columns for name in names) or any(g not in self.geometries for g in geometries)

    def add_columns(self, names: Iterable[str], geometries: Iterable[str]) -> None:
        """Make columns, empty so far."""
        room = self._rows.room
        self.columns.update({name: Column(room) for name in names if name not in self.columns})
        self.geometries.update({name: GeoColumn(room) for name in geometries if name not in self.geometries})

    def set(self, eid: int, entity: Entity) -> None:
        """Follow one entity's state."""
        row = self._row(eid)
        self.alive[row] = True
        for name, column in self.columns.items():
            column.set(row, stamp(entity, name) or entity.attrs.get(name))
        for name, geometry in self.geometries.items():
            geometry.set(row, entity.attrs.get(name))

    def remove(self, eid: int) -> None:
        """The entity is gone, or is of another kind now."""
        row = self._row_of.get(eid)
        if row is not None:
            self.alive[row] = False

    def __contains__(self, eid: int) -> bool:
        """Whether an entity stands here."""
        row = self._row_of.get(eid)
        return row is not None and bool(self.alive[row])

    def _row(self, eid: int) -> int:
        row = self._row_of.get(eid)
        if row is None:
            rows = self._rows
            if rows.size == rows.room:
                self._grow()
            row = self._row_of[eid] = rows.size
            rows.last, rows.ascending = eid, rows.ascending and eid > rows.last
            self.eids[row] = eid
            rows.size += 1
        return row

    def _grow(self) -> None:
        self._rows.room = room = self._rows.room * 2
        self.eids, self.alive = grown(self.eids, room, 0), grown(self.alive, room, False)
        for column in self.columns.values():
            column.grow(room)
        for geometry in self.geometries.values():
            geometry.grow(room)

    def masks(self, condition: Condition, rows: Rows) -> Masks:
        """Those of `rows` for which a condition holds, or may hold."""
        match condition:
            case And(terms):
                pairs = [self.masks(term, rows) for term in terms]
                return _all(np.logical_and, pairs)
            case Or(terms):
                return _all(np.logical_or, [self.masks(term, rows) for term in terms])
            case Compare() if plain(condition):
                return self.columns[condition.path[0]].compare(condition.op, condition.value, rows)
            case Exists(path, trail) if len(path) == 1 and not trail and path[0] in self.columns:
                there = self.columns[path[0]].holds[rows] != NONE
                return there, there
            case Linked(relation) if relation in self.columns:
                there = self.columns[relation].holds[rows] != NONE
                return np.zeros(len(there), bool), there
        size = len(self.alive[rows])
        return np.zeros(size, bool), np.ones(size, bool)


def stamp(entity: Entity, name: str) -> Attribute | None:
    """The entity's own id and time stamps, which q and ordering treat as attributes."""
    if name == "id":
        return {"type": "Property", "value": entity.id}
    if name == "createdAt":
        return {"type": "Property", "value": entity.created_at}
    return {"type": "Property", "value": entity.modified_at} if name == "modifiedAt" else None


def plain(condition: Compare) -> bool:
    """Whether a comparison can be judged by a column: one attribute, no way into its value, a simple operator."""
    return (
        len(condition.path) == 1
        and not condition.trail
        and condition.op in _OPS
        and condition.path[0] not in ("createdAt", "modifiedAt")
    )


def asked(condition: Condition | None) -> set[str]:
    """The attributes for which a condition wants columns."""
    match condition:
        case And(terms) | Or(terms):
            return {name for term in terms for name in asked(term)}
        case Compare() if plain(condition):
            return {condition.path[0]}
        case Exists(path, trail) if len(path) == 1 and not trail:
            return {path[0]}
        case Linked(relation):
            return {relation}
    return set()


def _all(join: Any, pairs: list[Masks]) -> Masks:
    return join.reduce([sure for sure, _ in pairs]), join.reduce([maybe for _, maybe in pairs])


def _instant(text: str) -> int:
    if len(text) < 10 or text[4] != "-":
        return _NO_INSTANT
    try:
        return from_iso(text)
    except (ValueError, OverflowError):
        return _NO_INSTANT


_OPS: dict[str, Callable[[Any, Any], Any]] = {
    "==": np.equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
}
_WORD_OPS: dict[str, Callable[[str, str], bool]] = {
    "==": str.__eq__,
    ">": str.__gt__,
    ">=": str.__ge__,
    "<": str.__lt__,
    "<=": str.__le__,
}
