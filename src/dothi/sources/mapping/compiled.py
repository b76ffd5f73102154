"""A mapping made ready to run: one call a row gives the change of an entity, or says why there is none."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from dothi.ground.clock import from_iso, to_datetime
from dothi.hub.context import Contexts
from dothi.hub.model import Attribute, Change, Instance, Op, geo, json_prop, prop, rel, words
from dothi.sources.mapping.durations import seconds_of
from dothi.sources.mapping.entities import entity_change
from dothi.sources.mapping.model import READINGS, Fault, Field, Mapping, Place, Spot, Time
from dothi.sources.mapping.values import NOTHING, Reader, Row, cell, iso_of, moment, reader, shown, template

_ID_MAX = 512
_UNSAFE = str.maketrans(dict.fromkeys(' <>"{}|\\^`\n\r\t', "_"))  # May not stand in a URI (RFC 3986).


class Jump(NamedTuple):
    """How far one reading of an attribute may stand from the one before."""

    attribute: str
    step: float | None
    factor: float | None
    within_s: float


class Mapped(NamedTuple):
    """A row as an entity: its change, when it held (ISO, UTC), and the attributes left out because they were bad."""

    change: Change
    observed_at: str | None
    left_out: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Compiled:
    """A mapping with its functions."""

    mapping: Mapping
    jumps: tuple[Jump, ...]
    _entity: Callable[[Row], tuple[Change, str | None]] | None  # ngsi-ld: the rows are entities already.
    _id: Reader
    _when: Callable[[Row, datetime], str] | None
    _makers: tuple[tuple[str, Field, Reader, Callable[[Any, str | None], Instance], bool], ...]
    _spot: Callable[[Row], Spot] | None

    def change(self, row: Row, now: datetime, missing: Counter[str] | None = None) -> Mapped:
        """The upsert that the row means; Fault when it breaks the mapping. `missing` counts the blanks by attribute."""
        if self._entity:
            return Mapped(*self._entity(row))
        subject = self._id(row).translate(_UNSAFE)
        if len(subject) > _ID_MAX:
            raise Fault("too-long", "id", value=shown(subject))
        when = self._when(row, now) if self._when else None
        left_out: list[Fault] = []
        attrs = self._attributes(row, when, left_out, missing)
        if self._spot:
            _place(attrs, self._spot(row))
        if not attrs:
            raise Fault("empty")
        change = Change(Op.UPSERT, subject, (self.mapping.type,), attrs, newer_only=True)
        return Mapped(change, when, tuple(left_out))

    def _attributes(
        self, row: Row, when: str | None, left_out: list[Fault], missing: Counter[str] | None
    ) -> dict[str, Attribute]:
        attrs: dict[str, Attribute] = {}
        for name, field, read, make, observed in self._makers:
            try:
                value = read(row)
            except Fault as fault:
                if field.on_bad == "quarantine":
                    raise
                left_out.append(fault)
                continue
            if value is not NOTHING:
                attrs[name] = make(value, when if observed else None)
            elif field.required:
                raise Fault("required", name, column=field.column or field.longitude)
            elif missing is not None:
                missing[name] += 1
        return attrs


def compiled(mapping: Mapping) -> Compiled:
    """Make the functions of a mapping."""
    fields = mapping.attributes
    makers = tuple(
        (name, field, reader(name, field, mapping), _maker(field), _observed(field)) for name, field in fields.items()
    )
    if mapping.unit_column:
        unit = Field(column=mapping.unit_column)
        makers += (("unit", unit, reader("unit", unit, mapping), _maker(unit), False),)
    jumps = tuple(
        Jump(name, field.max_step, field.max_factor, seconds_of(field.within))
        for name, field in fields.items()
        if field.max_step is not None or field.max_factor is not None
    )
    return Compiled(
        mapping,
        jumps,
        partial(entity_change, contexts=Contexts()) if mapping.format == "ngsi-ld" else None,
        template("id", mapping.id),
        _when(mapping.observed_at) if mapping.observed_at else None,
        makers,
        _spot(mapping.place) if mapping.place else None,
    )


def _observed(field: Field) -> bool:
    if field.observed is None:
        return field.kind in READINGS and field.constant is None
    return field.observed


def _maker(field: Field) -> Callable[[Any, str | None], Instance]:
    unit = field.unit or None
    match field.kind:
        case "point" | "geometry":
            return lambda value, when: geo(value, when)
        case "relationship":
            return lambda value, when: rel(value, when)
        case "json":
            return lambda value, when: json_prop(value, when)
        case "words":
            return lambda value, when: words(when, **{field.language: value})
        case _:
            return lambda value, when: prop(value, when, unit)


def _when(time: Time) -> Callable[[Row, datetime], str]:
    columns = time.columns or (time.column,)
    read = moment("observedAt", time.format, time.zone)
    ahead = timedelta(seconds=seconds_of(time.future))
    earliest = to_datetime(from_iso(time.not_before))

    def when(row: Row, now: datetime) -> str:
        parts = [_said(row, column) for column in columns]
        if not all(parts):
            raise Fault("required", "observedAt", column=", ".join(columns))
        found = read(" ".join(parts))
        if not earliest <= found <= now + ahead:
            raise Fault("time-out-of-range", "observedAt", value=iso_of(found))
        return iso_of(found)

    return when


def _said(row: Row, column: str) -> str:
    found = cell(row, column)
    return "" if found is None or found is NOTHING else str(found).strip()


def _spot(place: Place) -> Callable[[Row], Spot]:
    def spot(row: Row) -> Spot:
        said = _said(row, place.column) if place.column else ""
        found = place.at.get(said) or place.otherwise
        if found is None:
            raise Fault("unknown-station", "location", value=shown(said))
        return found

    return spot


def _place(attrs: dict[str, Attribute], spot: Spot) -> None:
    accuracy = {"accuracy": prop(spot.accuracy, None, "MTR")} if spot.accuracy else {}
    attrs.setdefault(
        "location", geo({"type": "Point", "coordinates": [spot.longitude, spot.latitude]}, None, **accuracy)
    )
    if spot.unit:
        attrs.setdefault("unit", prop(spot.unit))
