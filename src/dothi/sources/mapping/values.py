"""How one cell becomes one value: each field of a mapping compiled to a small function of the row.

A function returns the value, or NOTHING where the row says that there is none; it raises Fault for a bad value.
Cells are texts (CSV) or JSON values; numbers that come as JSON numbers are taken as they are.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

from dothi.ground.text import nfc
from dothi.sources.mapping.model import Fault, Field
from dothi.sources.mapping.model import Mapping as Rules
from dothi.sources.mapping.units import conversion

Row = Mapping[str, Any]
Reader = Callable[[Row], Any]
NOTHING = object()  # Not None: JSON null is a value that somebody sent.
_TRUE = frozenset({"true", "1", "yes", "y", "t", "có", "đúng"})
_FALSE = frozenset({"false", "0", "no", "n", "f", "không", "sai"})
_SHOWN = 160


def cell(row: Row, column: str) -> Any:
    """The cell of a column; a JSON row is also walked along a dotted name. NOTHING when it is not there."""
    found = row.get(column, NOTHING)
    if found is not NOTHING or "." not in column:
        return found
    here: Any = row
    for part in column.split("."):
        if not isinstance(here, Mapping) or part not in here:
            return NOTHING
        here = here[part]
    return here


def shown(value: object) -> str:
    """A value as a message shows it: short."""
    text = str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def reader(name: str, field: Field, rules: Rules) -> Reader:
    """The function that makes attribute `name` of a row."""
    if field.constant is not None:
        constant = field.constant
        return lambda row: constant
    if field.template:
        return template(name, field.template)
    if field.kind == "point":
        return _point(name, field, rules)
    convert = _CONVERT[field.kind](name, field, rules)
    missing = frozenset(rules.missing if field.missing is None else field.missing)
    column, dotted = field.column, "." in field.column

    def read(row: Row) -> Any:
        raw = cell(row, column) if dotted else row.get(column, NOTHING)
        if isinstance(raw, str):
            raw = raw.strip()
            if raw in missing:
                return NOTHING
        elif raw is NOTHING or raw is None or (str(raw) in missing and not isinstance(raw, dict | list)):
            return NOTHING
        return convert(raw)

    return read


def template(name: str, text: str) -> Reader:
    """The function that fills a template from the columns named in it; a blank one is a fault."""
    parts = [(literal, column) for literal, column, _, _ in Formatter().parse(text)]

    def fill(row: Row) -> str:
        out = []
        for literal, column in parts:
            out.append(literal)
            if column:
                found = cell(row, column)
                if found is NOTHING or found is None or str(found).strip() == "":
                    raise Fault("required", name, column=column)
                out.append(nfc(str(found).strip()))
        return "".join(out)

    return fill


def number_of(raw: Any, decimal: str, thousands: str) -> float | int:
    """The number that a cell says; ValueError when it says none. Infinity and NaN are none."""
    if isinstance(raw, bool):
        raise ValueError
    if isinstance(raw, str):
        text = raw.replace(thousands, "") if thousands else raw
        if decimal == ",":
            if "." in text:
                raise ValueError
            text = text.replace(",", ".")
        if "_" in text:
            raise ValueError  # Python would read 1_000; no data format means that.
        raw = float(text) if not text.lstrip("-").isdecimal() else int(text[:40])
    if not isinstance(raw, int | float) or not math.isfinite(raw):
        raise ValueError
    return raw


def _number(name: str, field: Field, rules: Rules) -> Reader:
    decimal, thousands = rules.csv.decimal, rules.csv.thousands
    factor, shift = conversion(field.from_unit, field.unit) if field.from_unit else (1.0, 0.0)
    scale, offset = field.scale * factor, field.offset * factor + shift
    plain = scale == 1.0 and offset == 0.0
    low, high = field.range or (-math.inf, math.inf)
    whole, unit = field.kind == "integer", field.unit

    def convert(raw: Any) -> float | int:
        try:
            value = number_of(raw, decimal, thousands)
        except (ValueError, OverflowError) as error:
            raise Fault("not-a-number", name, value=shown(raw)) from error
        if not plain:
            value = float(f"{value * scale + offset:.12g}")  # 0.1 x 1000 stays 100, without the dust of binary.
        if whole and value != int(value):
            raise Fault("not-a-number", name, value=shown(raw))
        if not low <= value <= high:
            raise Fault("range", name, value=value, low=low, high=high, unit=unit)
        return int(value) if whole else value

    return convert


def _text(name: str, field: Field, rules: Rules) -> Reader:
    def convert(raw: Any) -> str:
        if isinstance(raw, dict | list):
            raise Fault("not-text", name, value=shown(raw))
        text = raw if isinstance(raw, str) else str(raw)
        return text if text.isascii() else nfc(text)

    return convert


def _boolean(name: str, field: Field, rules: Rules) -> Reader:
    def convert(raw: Any) -> bool:
        text = str(raw).lower()
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise Fault("not-a-boolean", name, value=shown(raw))

    return convert


def _enum(name: str, field: Field, rules: Rules) -> Reader:
    table = {nfc(key): value for key, value in field.table.items()}

    def convert(raw: Any) -> Any:
        found = table.get(nfc(str(raw)), NOTHING)
        if found is NOTHING:
            raise Fault("unknown-word", name, value=shown(raw))
        return found

    return convert


def _json(name: str, field: Field, rules: Rules) -> Reader:
    return lambda raw: raw


def moment(name: str, form: str, zone: str) -> Callable[[str], datetime]:
    """The function that reads a text as an aware datetime in UTC; Fault "not-a-time" when it is none."""
    local = ZoneInfo(zone)
    unix = {"unix": 1.0, "unix-ms": 0.001}.get(form)

    def read(text: str) -> datetime:
        try:
            if unix is not None:
                return datetime.fromtimestamp(float(text) * unix, UTC)
            found = datetime.strptime(text, form) if form else datetime.fromisoformat(text)
            return (found if found.tzinfo else found.replace(tzinfo=local)).astimezone(UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise Fault("not-a-time", name, value=shown(text)) from error

    return read


def iso_of(found: datetime) -> str:
    """An aware UTC datetime as the ISO text that the hub keeps."""
    return found.isoformat().replace("+00:00", "Z")


def _datetime(name: str, field: Field, rules: Rules) -> Reader:
    zone = field.zone or (rules.observed_at.zone if rules.observed_at else "UTC")
    read = moment(name, field.format, zone)
    return lambda raw: iso_of(read(str(raw)))


_GEOMETRIES = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}


def check_geometry(name: str, geometry: Any) -> dict[str, Any]:
    """The geometry, when it is GeoJSON with coordinates on this globe; else Fault "not-a-place"."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    depth = _GEOMETRIES.get(kind) if isinstance(kind, str) else None
    if depth is None or not _positions(geometry.get("coordinates"), depth):
        raise Fault("not-a-place", name, value=shown(geometry))
    return dict(geometry)


def _positions(coordinates: Any, depth: int) -> bool:
    if not isinstance(coordinates, list) or not coordinates:
        return False
    if depth:
        return all(_positions(inner, depth - 1) for inner in coordinates)
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in coordinates)
    return numbers and 2 <= len(coordinates) <= 3 and abs(coordinates[0]) <= 180 and abs(coordinates[1]) <= 90


def _geometry(name: str, field: Field, rules: Rules) -> Reader:
    return lambda raw: check_geometry(name, raw)


def _point(name: str, field: Field, rules: Rules) -> Reader:
    missing = frozenset(rules.missing if field.missing is None else field.missing)
    bounds, placeholders = field.bounds or (-180.0, -90.0, 180.0, 90.0), frozenset(field.placeholders)

    def read(row: Row) -> Any:
        pair = [cell(row, field.longitude), cell(row, field.latitude)]
        blank = [one is NOTHING or one is None or str(one).strip() in missing for one in pair]
        if all(blank):
            return NOTHING
        said = ", ".join("–" if gone else shown(one) for gone, one in zip(blank, pair, strict=True))
        try:
            lon, lat = (number_of(one.strip() if isinstance(one, str) else one, rules.csv.decimal, "") for one in pair)
        except (ValueError, OverflowError) as error:
            raise Fault("not-a-place", name, value=said) from error
        if (lon, lat) in placeholders:
            raise Fault("placeholder", name, value=said)
        if not (bounds[0] <= lon <= bounds[2] and bounds[1] <= lat <= bounds[3]):
            raise Fault("out-of-bounds", name, value=said)
        return {"type": "Point", "coordinates": [lon, lat]}

    return read


_CONVERT: dict[str, Callable[[str, Field, Rules], Reader]] = {
    "number": _number,
    "integer": _number,
    "text": _text,
    "words": _text,
    "relationship": _text,
    "boolean": _boolean,
    "enum": _enum,
    "datetime": _datetime,
    "geometry": _geometry,
    "json": _json,
}
