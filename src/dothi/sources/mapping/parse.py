"""Parsing a mapping file: TOML to frozen values, every mistake with its line and the way to mend it."""

import hashlib
import re
import string
import tomllib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from dothi.sources.mapping.durations import seconds_of
from dothi.sources.mapping.model import BadMapping, Field, Mapping, Spot, Time
from dothi.sources.mapping.units import UNITS, conversion

ENCODINGS = ("auto", "utf-8", "utf-16", "windows-1258", "latin-1")
_NUMERIC = frozenset({"number", "integer"})
_RESERVED = frozenset({"id", "type", "@context", "scope", "createdAt", "modifiedAt", "deletedAt"})
_AT_LINE = re.compile(r"at line (\d+)")
_UNKNOWN = re.compile(r"unknown field `(.+?)`")
_MAX_MAPPING_BYTES = 1_000_000
_T = TypeVar("_T", Mapping, Field, Spot)


class Wrong(Exception):
    """A rule of the mapping language is broken at `path` (keys joined by dots)."""

    def __init__(self, path: str, why: str) -> None:
        """`why` is a clause that follows the path."""
        super().__init__(f"{path}: {why}")
        self.path, self.why = path, why


def parse_mapping(text: str, where: str = "mapping") -> Mapping:
    """The mapping in `text`; BadMapping (with `line`) when it is wrong. `where` names the file in the message."""
    if len(text) > _MAX_MAPPING_BYTES:
        raise BadMapping(f"{where}: a mapping file is at most {_MAX_MAPPING_BYTES} characters long.")
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        raise _bad(where, int(found[1]) if found else text.count("\n") + 1, f"not valid TOML: {error}") from error
    try:
        _each(tree, ("attributes",), Field)
        _each(tree, ("place", "at"), Spot)
        mapping = _convert(tree, Mapping, "")
        check(mapping)
    except Wrong as error:
        raise _bad(where, line_of(text, error.path), str(error)) from error
    return msgspec.structs.replace(mapping, digest=hashlib.sha256(text.encode()).hexdigest())


def _each(tree: dict[str, Any], keys: tuple[str, ...], kind: type[_T]) -> None:
    """Convert the entries of a table one by one, since msgspec does not name the key at which it stumbles."""
    table: Any = tree
    for key in keys:
        table = table.get(key, {}) if isinstance(table, dict) else {}
    for name, said in table.items() if isinstance(table, dict) else ():
        _convert(said, kind, ".".join((*keys, name)))


def _convert(said: Any, kind: type[_T], path: str) -> _T:
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        why, _, inner = str(error).partition(" - at `$")
        unknown = _UNKNOWN.search(why)
        parts = [path, inner.strip("`."), unknown[1] if unknown else ""]
        raise Wrong(".".join(part for part in parts if part) or "file", why) from error


def _bad(where: str, line: int, why: str) -> BadMapping:
    return BadMapping(f"{where}, line {line}: {why}", line=line)


def line_of(text: str, path: str) -> int:
    """The line (from 1) where `path`, e.g. attributes.pm25.range, is said; its nearest table when it is not."""
    keys = [key for key in re.split(r"[.\[\]`]+", path) if key and key != "..."]
    lines, at = text.splitlines(), 1
    for depth in range(len(keys), 0, -1):
        header = re.compile(
            r"\s*\[\s*" + r"\s*\.\s*".join(rf"[\"']?{re.escape(k)}[\"']?" for k in keys[:depth]) + r"\s*\]"
        )
        found = next((i for i, line in enumerate(lines) if header.match(line)), None)
        if found is not None or depth == 1:
            at = 1 if found is None else found + 1
            rest = keys[depth:] if found is not None else keys
            return _key_line(lines, found + 1 if found is not None else 0, rest) or at
    return at


def _key_line(lines: list[str], start: int, keys: list[str]) -> int | None:
    if not keys:
        return None
    dotted = re.compile(rf"\s*[\"']?{re.escape(keys[0])}[\"']?\s*[=.]")
    for number, line in enumerate(lines[start:], start + 1):
        if line.lstrip().startswith("["):
            return None
        if dotted.match(line):
            return number
    return None


def check(mapping: Mapping) -> None:
    """Raise Wrong unless the parts of the mapping fit together."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", mapping.name):
        raise Wrong("name", "small letters, digits and hyphens only")
    if "vi" not in mapping.title or "en" not in mapping.title:
        raise Wrong("title", 'needs a Vietnamese and an English form: { vi = "…", en = "…" }')
    if mapping.promised_every:
        _duration("promised-every", mapping.promised_every)
    _check_csv(mapping)
    if mapping.format == "ngsi-ld":
        if mapping.type or mapping.attributes or mapping.id:
            raise Wrong("format", "ngsi-ld carries its own type, id and attributes; leave those out")
        return
    _check_entity(mapping)
    if mapping.observed_at:
        _check_time("observed-at", mapping.observed_at)
    for name, field in mapping.attributes.items():
        _check_field(f"attributes.{name}", name, field)


def _check_csv(mapping: Mapping) -> None:
    layout = mapping.csv
    if len(layout.delimiter) != 1 or len(layout.quote) != 1:
        raise Wrong("csv", "delimiter and quote are one character each")
    if layout.encoding.lower() not in ENCODINGS:
        raise Wrong("csv.encoding", f"{layout.encoding!r} is not one of {', '.join(ENCODINGS)}")
    if layout.thousands == layout.decimal:
        raise Wrong("csv.thousands", "cannot be the same as the decimal sign")


def _check_entity(mapping: Mapping) -> None:
    if not mapping.type:
        raise Wrong("type", "missing: the NGSI-LD type of the entities, e.g. AirQualityObserved")
    if not mapping.id.startswith("urn:"):
        raise Wrong("id", 'must be a template that begins with "urn:", e.g. urn:ngsi-ld:WasteContainer:{Site}')
    list(template_columns("id", mapping.id))
    if not mapping.attributes:
        raise Wrong("attributes", "missing: at least one attribute")
    if mapping.place and mapping.place.column and not mapping.place.at:
        raise Wrong("place.at", "missing: the coordinates by value of the column")
    if mapping.place and not mapping.place.column and mapping.place.otherwise is None:
        raise Wrong("place", 'needs a column with a table "at", or "otherwise" for all rows')
    for key, spot in [*mapping.place.at.items(), ("otherwise", mapping.place.otherwise)] if mapping.place else []:
        if spot and not (-180 <= spot.longitude <= 180 and -90 <= spot.latitude <= 90):
            raise Wrong(f"place.at.{key}", "longitude is -180 to 180 and latitude -90 to 90")


def template_columns(path: str, template: str) -> Iterator[str]:
    """The columns named in a template, in order."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise Wrong(path, f"{error}; write {{column}}") from error
    for _, column, _, _ in parts:
        if column == "":
            raise Wrong(path, "{} is empty: name the column, e.g. {station}")
        if column:
            yield column


def _check_time(path: str, time: Time) -> None:
    if bool(time.column) == bool(time.columns):
        raise Wrong(path, "needs either column or columns")
    if len(time.columns) > 1 and not time.format:
        raise Wrong(path, 'several columns need a format, e.g. "%Y %m %d %H"')
    _check_zone(f"{path}.zone", time.zone)
    _check_format(f"{path}.format", time.format)
    _duration(f"{path}.future", time.future)
    try:
        datetime.fromisoformat(time.not_before)
    except ValueError as error:
        raise Wrong(f"{path}.not-before", "is not a date") from error


def _check_zone(path: str, zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, LookupError) as error:
        raise Wrong(path, f"{zone!r} is not an IANA time zone, e.g. Asia/Ho_Chi_Minh") from error


def _check_format(path: str, form: str) -> None:
    if form and form not in ("unix", "unix-ms"):
        try:
            sample = datetime(2026, 11, 22, 13, 5, 9).strftime(form)
            datetime.strptime(sample, form)
        except (ValueError, re.error) as error:
            raise Wrong(path, f"{form!r} is not a date format: {error}") from error


def _duration(path: str, text: str) -> None:
    try:
        seconds_of(text)
    except ValueError as error:
        raise Wrong(path, str(error)) from error


def _check_field(path: str, name: str, field: Field) -> None:
    if name in _RESERVED:
        raise Wrong(path, f"{name} is no name for an attribute")
    given = [bool(field.column), field.constant is not None, bool(field.template), bool(field.longitude)]
    if sum(given) != 1:
        raise Wrong(path, "needs exactly one of column, constant, template, or longitude with latitude")
    if field.template:
        list(template_columns(f"{path}.template", field.template))
    if (field.kind == "point") != bool(field.longitude) or bool(field.longitude) != bool(field.latitude):
        raise Wrong(path, 'kind = "point" needs the columns longitude and latitude')
    if field.kind == "enum" and not field.table:
        raise Wrong(path, 'kind = "enum" needs a table: { "text in the file" = value }')
    _check_numbers(path, field)
    if field.kind == "datetime":
        _check_zone(f"{path}.zone", field.zone or "UTC")
        _check_format(f"{path}.format", field.format)


def _check_numbers(path: str, field: Field) -> None:
    rules = (field.range, field.max_step, field.max_factor)
    if field.kind not in _NUMERIC and (any(rule is not None for rule in rules) or field.from_unit):
        raise Wrong(path, "range, max-step, max-factor and from-unit are for numbers")
    if field.range and field.range[0] > field.range[1]:
        raise Wrong(f"{path}.range", "the low end stands above the high end")
    if field.max_factor is not None and field.max_factor <= 1:
        raise Wrong(f"{path}.max-factor", "must be above 1")
    if field.unit and field.unit not in UNITS:
        raise Wrong(f"{path}.unit", f"{field.unit!r} is not known; known are {', '.join(sorted(UNITS))}")
    if field.from_unit:
        try:
            conversion(field.from_unit, field.unit)
        except ValueError as error:
            raise Wrong(f"{path}.from-unit", str(error)) from error
    _duration(f"{path}.within", field.within)
