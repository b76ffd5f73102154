"""The register of units made ready for questions: by code and day, up and down the tree, forward and back, by name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, TypeVar

from dothi.ground.clock import VIETNAM, now_us, to_datetime
from dothi.ground.errors import Invalid, Missing
from dothi.ground.text import fold, nfc
from dothi.territory.model import COMMUNE, PROVINCE, TWO_TIERS_SINCE, Register, Unit

SEARCH_MAX = 200
Key = TypeVar("Key")
TERM_MAX = 200  # Characters; no unit has a longer name.


class Entry(NamedTuple):
    """A unit with its folded names, for search."""

    unit: Unit
    full: str
    short: str


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """All units there are or were since the source begins. Every `at` is a day in Vietnam; None is today."""

    states: Mapping[str, tuple[Unit, ...]]  # By code, oldest state first.
    children: Mapping[str, tuple[Unit, ...]]  # By code of the parent, in order of code.
    after: Mapping[tuple[str, date | None], tuple[Unit, ...]]  # By (code, valid_to) of the unit that ended.
    before: Mapping[tuple[str, date | None], tuple[Unit, ...]]  # By (code, valid_from) of the unit that began.
    entries: tuple[Entry, ...]

    def unit(self, code: str, at: date | None = None) -> Unit:
        """The unit of a code at a day. Without a day: as it is today, or as it was last.

        Missing when the code was never given, or was not in force on the day asked for.
        """
        states = self.states.get(code)
        if states is None:
            raise Missing(f"No unit has the code {code[:20]!r}; provinces have 2 digits, communes 5.")
        held = next((unit for unit in reversed(states) if unit.held(at or today())), None)
        if held is None and at is not None:
            raise Missing(f"The code {code} was not in force on {at}; {_reign(states)}.")
        return held or states[-1]

    def knows(self, code: str, at: date | None = None) -> bool:
        """Whether a unit of this code is in force on the day."""
        return any(unit.held(at or today()) for unit in self.states.get(code, ()))

    def valid_at(self, at: date | None = None, level: str | None = None) -> tuple[Unit, ...]:
        """All units in force on a day, in order of level and code; `level` is province, district or commune."""
        day = at or today()
        return tuple(unit for unit in self.units() if unit.held(day) and level in (None, unit.level))

    def units(self) -> Iterator[Unit]:
        """Every state of every unit, provinces first, in order of code."""
        for code in sorted(self.states, key=lambda code: (len(code), code)):
            yield from self.states[code]

    def children_of(self, code: str, at: date | None = None) -> tuple[Unit, ...]:
        """The units right below one on a day."""
        day = at or today()
        return tuple(unit for unit in self.children.get(code, ()) if unit.held(day))

    def communes_of(self, province: str, at: date | None = None) -> tuple[Unit, ...]:
        """All communes of a province (or former district) on a day, through districts while there were any."""
        found: list[Unit] = []
        for child in self.children_of(self.unit(province, at).code, at):
            found.extend([child] if child.level == COMMUNE else self.communes_of(child.code, at))
        return tuple(found)

    def within(self, code: str) -> frozenset[str]:
        """The codes at and below a unit of the two tiers, closed ones too: what somebody of that area may see.

        A code closed since July 2025 belongs to its only heir as well. Codes from before are left out: many live on
        for another unit.
        """
        below = {unit.code for unit in self.children.get(code, ()) if not unit.closed_before(TWO_TIERS_SINCE)}
        return frozenset(below) | self.with_former(code)

    def with_former(self, code: str, at: date | None = None) -> frozenset[str]:
        """A code and those closed since July 2025 whose only heir it is by a day, through several mergers too."""
        day = at or today()
        found, waiting = {code}, [code]
        while waiting:
            heir = waiting.pop()
            former = {
                old.code
                for unit in self.states.get(heir, ())
                for old in self.before.get((heir, unit.valid_from), ())
                if (unit.valid_from or day) <= day and not old.closed_before(TWO_TIERS_SINCE)
                if len(self.after[old.code, old.valid_to]) == 1
            }
            waiting += former - found
            found |= former
        return frozenset(found)

    def chain(self, code: str, at: date | None = None) -> tuple[Unit, ...]:
        """The unit and all above it, province first: the order in which settings are inherited and overridden.

        Of a closed unit: as it stood on its last day.
        """
        unit = self.unit(code, at)
        day = at or unit.valid_to
        above = self.chain(unit.parent, day) if unit.parent else ()
        return (*above, unit)

    def province_of(self, code: str, at: date | None = None) -> Unit:
        """The province that a unit belongs to; a province is its own."""
        return self.chain(code, at)[0]

    def successors(self, code: str, at: date | None = None) -> tuple[Unit, ...]:
        """The units that took the place of the first one of this code by a day; several when it was split.

        A code that lived on for a new unit is followed from its old one: 00004 was a ward of Hà Nội before it became
        the larger Phường Ba Đình. The main heir comes first. A unit that never ended follows itself.
        """
        self.unit(code)
        return tuple(_unique(self._followed(self.states[code][0], at or today())))

    def _followed(self, unit: Unit, day: date) -> Iterator[Unit]:
        """The units in force on `day` that came out of `unit`."""
        if not unit.closed_before(day):
            yield unit
            return
        heirs = self.after.get((unit.code, unit.valid_to), ())
        for heir in heirs or self._heirs_of_children(unit):
            yield from self._followed(heir, day)

    def _heirs_of_children(self, unit: Unit) -> Iterator[Unit]:
        """What became of a district: what became of its wards."""
        for child in self.children.get(unit.code, ()):
            if child.valid_to == unit.valid_to:
                yield from self.after.get((child.code, child.valid_to), ())

    def predecessors(self, code: str, at: date | None = None) -> tuple[Unit, ...]:
        """The units that a unit was made of when its present state began; empty when the source goes no further."""
        unit = self.unit(code, at)
        return self.before.get((unit.code, unit.valid_from), ())

    def search(
        self, text: str, at: date | None = None, limit: int = 20, level: str | None = None, closed: bool = False
    ) -> list[Unit]:
        """Units by name or code, best first; marks, capitals and tone placement do not matter.

        "ba đình, hà nội" asks for Ba Đình within Hà Nội. `closed` also finds units that had ended by the day.
        """
        if len(text) > TERM_MAX:
            raise Invalid(f"The search text has {len(text)} characters; at most {TERM_MAX}.")
        term, *within = [part for part in (fold(piece) for piece in text.split(",")) if part] or [""]
        day = at or today()
        typed = nfc(text.split(",")[0]).strip().lower()  # Of namesakes, the one whose marks were typed stands first.
        hits = []
        for entry in self._entries_with(term):
            unit = entry.unit
            if level not in (None, unit.level):
                continue
            if (unit.held(day) or (closed and unit.closed_before(day))) and self._lies_within(unit, within):
                rank = (
                    _score(entry, term),
                    typed not in unit.name.lower(),
                    not unit.held(day),
                    len(unit.code),
                    len(entry.short),
                )
                hits.append((rank, entry.short, unit.code, unit))
        ranked = sorted(hits, key=lambda hit: hit[:3] if term else hit[2])  # Provinces stand in order of code.
        return [hit[-1] for hit in ranked[: min(limit, SEARCH_MAX)]]

    def _entries_with(self, term: str) -> list[Entry]:
        """Those whose code is the term or whose name holds it; no term at all asks for the provinces."""
        if not term:
            return [entry for entry in self.entries if entry.unit.level == PROVINCE]
        return [entry for entry in self.entries if term in entry.full or term == entry.unit.code]

    def _lies_within(self, unit: Unit, names: list[str]) -> bool:
        if not names:
            return True
        above = " | ".join(fold(one.name) for one in self.chain(unit.code, unit.valid_to)[:-1])
        return all(name in above for name in names)


def make_gazetteer(register: Register) -> Gazetteer:
    """The register with its indexes."""
    units = register.units
    states = _grouped((unit.code, unit) for unit in units)
    children = _grouped((unit.parent, unit) for unit in units if unit.parent)
    pairs = [(units[old], units[new]) for old, new in register.followed]
    return Gazetteer(
        states={code: tuple(sorted(found, key=_began)) for code, found in states.items()},
        children={code: tuple(sorted(found, key=lambda unit: unit.code)) for code, found in children.items()},
        after=_grouped(((old.code, old.valid_to), new) for old, new in pairs),
        before=_grouped(((new.code, new.valid_from), old) for old, new in pairs),
        entries=tuple(Entry(unit, fold(unit.name), fold(unit.short)) for unit in units),
    )


def today(now: int | None = None) -> date:
    """The day in Vietnam at an instant (µs), now by default."""
    return to_datetime(now_us() if now is None else now).astimezone(VIETNAM).date()


def _began(unit: Unit) -> date:
    return unit.valid_from or date.min


def _grouped(pairs: Iterable[tuple[Key, Unit]]) -> dict[Key, tuple[Unit, ...]]:
    groups: dict[Key, list[Unit]] = {}
    for key, unit in pairs:
        groups.setdefault(key, []).append(unit)
    return {key: tuple(group) for key, group in groups.items()}


def _unique(units: Iterable[Unit]) -> Iterator[Unit]:
    seen: set[str] = set()
    for unit in units:
        if unit.code not in seen:
            seen.add(unit.code)
            yield unit


def _score(entry: Entry, term: str) -> int:
    """How well a name that holds the term answers, 0 best."""
    if term in (entry.unit.code, entry.short, entry.full):
        return 0
    if entry.short.startswith(term) or entry.full.startswith(term):
        return 1
    return 2 if f" {term}" in entry.full else 3


def _reign(states: tuple[Unit, ...]) -> str:
    """When a code was in force, for people."""
    spans = (f"from {unit.valid_from or 'the beginning'} to {unit.valid_to or 'today'}" for unit in states)
    return "it was so " + " and ".join(spans)
