"""Mergers of communes that are decided while the city runs: one code lives on, the others close for ever."""

from collections.abc import Iterable
from datetime import date, timedelta

import msgspec
from msgspec.structs import replace

from dothi.ground.errors import Invalid
from dothi.territory.gazetteer import Gazetteer
from dothi.territory.model import COMMUNE, Kind, Register, Unit
from dothi.territory.names import english

MOST = 20  # Communes in one merger; the widest of 2025 joined fewer.


class Merger(msgspec.Struct, frozen=True):
    """Communes that become one from a day on. The seat's code is kept (Decision 19/2025/QĐ-TTg, article 3)."""

    codes: tuple[str, ...]  # All that go into it, the one that keeps its code included.
    code: str  # The one that lives on.
    name: str  # In full: "Phường Thuận Hóa".
    kind: Kind
    effective: date  # The first day of the new state.
    decision: str  # Number and date of the document.


def check(gazetteer: Gazetteer, merger: Merger) -> None:
    """Raise Invalid, with the field, unless it can be: communes in force, of one province, one of them staying."""
    if not 2 <= len(set(merger.codes)) <= MOST:
        raise Invalid(f"A merger joins 2 to {MOST} communes.", field="codes")
    if merger.code not in merger.codes:
        raise Invalid("The code that is kept is one of those that are merged.", field="code")
    units = [_open(gazetteer, code, merger.effective) for code in merger.codes]
    if len({unit.parent for unit in units}) != 1:
        raise Invalid("The communes lie in different provinces.", field="codes")
    if not merger.name.startswith(f"{merger.kind.capitalize()} "):
        raise Invalid(f"The name begins with its kind: “{merger.kind.capitalize()} …”.", field="name")
    if len(merger.decision.strip()) < 10:
        raise Invalid("Name the decision: its number and date.", field="decision")


def _open(gazetteer: Gazetteer, code: str, day: date) -> Unit:
    states = [unit for unit in gazetteer.states.get(code, ()) if unit.held(day) and unit.valid_to is None]
    if not states or states[0].level != COMMUNE:
        raise Invalid(f"No commune with code {code[:10]} is in force on {day:%d/%m/%Y}.", field="codes")
    if states[0].valid_from == day:
        raise Invalid(f"Commune {code} changes on that day already.", field="effective")
    return states[0]


def merged(register: Register, mergers: Iterable[Merger]) -> Register:
    """The register with each merged commune closed on the day before and followed by the one that lives on."""
    units, followed = list(register.units), list(register.followed)
    for one in sorted(mergers, key=lambda merger: merger.effective):
        places = [_place(units, code, one.effective) for code in (one.code, *(c for c in one.codes if c != one.code))]
        found = [units[place] for place in places if place is not None]
        if len(found) != len(one.codes):
            continue  # The register has closed one of them otherwise: what was built knows better.
        areas = [unit.area_km2 for unit in found]
        after = replace(
            found[0],
            kind=one.kind,
            name=one.name,
            name_en=english(one.name, one.kind, COMMUNE),
            area_km2=None if None in areas else sum(area for area in areas if area is not None),
            valid_from=one.effective,
            source=one.decision,
        )
        for place in places:
            if place is not None:
                units[place] = replace(units[place], valid_to=one.effective - timedelta(days=1))
                followed.append((place, len(units)))
        units.append(after)
    return Register(register.source, tuple(units), tuple(followed))


def _place(units: list[Unit], code: str, day: date) -> int | None:
    return next(
        (place for place, unit in enumerate(units) if unit.code == code and unit.valid_to is None and unit.held(day)),
        None,
    )
