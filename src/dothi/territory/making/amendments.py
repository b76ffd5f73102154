"""Our own dated amendments: what changed in the register after its source was published."""

import tomllib
from datetime import date
from pathlib import Path

import msgspec
from msgspec.structs import replace

from dothi.territory.model import PROVINCE, Kind, Register, Unit, day_before
from dothi.territory.names import english

FILE = Path(__file__).with_name("amendments.toml")


class Amendment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One dated change of one or several units: another kind, or another code."""

    id: str
    effective: date
    basis: str
    code: str | tuple[str, ...]
    kind: Kind | None = None
    new_code: str | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes that it changes."""
        return (self.code,) if isinstance(self.code, str) else self.code


def read_amendments(file: Path = FILE) -> tuple[Amendment, ...]:
    """The amendments of a file in order of date. msgspec.ValidationError when one is not well-formed."""
    rows = tomllib.loads(file.read_text(encoding="utf-8")).get("amendment", [])
    return tuple(sorted(msgspec.convert(rows, list[Amendment]), key=lambda one: one.effective))


def amend(register: Register, amendments: tuple[Amendment, ...]) -> Register:
    """The register with each amended unit closed on the day before and followed by its new state.

    ValueError when an amendment names a unit that is not open, or a code that was used before: codes close for ever.
    """
    units, followed = list(register.units), list(register.followed)
    for one in amendments:
        for code in one.codes:
            place = _open_place(units, code, one)
            after = _changed(units[place], one)
            if after.code != code and any(unit.code == after.code for unit in units):
                raise ValueError(f"Amendment {one.id}: code {after.code} was used before; codes close for ever.")
            units[place] = replace(units[place], valid_to=day_before(one.effective))
            followed.append((place, len(units)))
            units.append(after)
    return Register(register.source, tuple(units), tuple(followed))


def _open_place(units: list[Unit], code: str, one: Amendment) -> int:
    for place, unit in enumerate(units):
        if unit.code == code and unit.valid_to is None and unit.held(one.effective):
            return place
    raise ValueError(f"Amendment {one.id}: no open unit has the code {code} on {one.effective}.")


def _changed(unit: Unit, one: Amendment) -> Unit:
    if one.new_code and unit.level == PROVINCE:
        raise ValueError(f"Amendment {one.id}: a province's code is named by its communes; amend those too.")
    kind = one.kind or unit.kind
    name = kind.capitalize() + unit.name[len(unit.kind) :]
    return replace(
        unit,
        code=one.new_code or unit.code,
        kind=kind,
        name=name,
        name_en=english(name, kind, unit.level),
        valid_from=one.effective,
        source=f"amendment {one.id}" + (f" ({one.basis})" if one.basis else ""),
    )
