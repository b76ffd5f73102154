"""What a mapping says, as frozen values: the format of the rows, the entity they make, and what counts as plausible."""

from collections.abc import Mapping as Cells
from string import Formatter
from typing import Any, Literal, NamedTuple

import msgspec

from dothi.ground.errors import Invalid, Missing

Kind = Literal[
    "number", "integer", "text", "boolean", "datetime", "enum", "point", "geometry", "relationship", "json", "words"
]
READINGS = frozenset({"number", "integer", "boolean", "enum"})  # Kinds that carry observedAt unless told otherwise.
BLANK = ("",)


class BadMapping(Invalid):
    """The mapping is wrong."""


class NoSuchMapping(Missing):
    """There is no such mapping."""


class Fault(Exception):
    """One row cannot become an entity: the rule it broke (`code`, see model.FAULTS), at which attribute, and how."""

    def __init__(self, code: str, attribute: str = "", **detail: object) -> None:
        """`detail` fills the sentence that people read, e.g. value, low and high."""
        super().__init__(code, attribute, detail)
        self.code, self.attribute, self.detail = code, attribute, detail

    @property
    def reason(self) -> str:
        """The reason as lists filter by it: the code, with the attribute when there is one."""
        return f"{self.code}:{self.attribute}" if self.attribute else self.code


class Raw(NamedTuple):
    """One row as it came: its line from 1 (its place in a JSON list), its cells by column, or why it is unreadable."""

    line: int
    row: Cells[str, Any]
    fault: Fault | None = None


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """A part of a mapping file: unknown keys are errors, since they are mistyped ones."""


class Csv(_Part, frozen=True):
    """How delimited text is laid out."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "auto"  # auto, utf-8, utf-16, windows-1258, latin-1; auto never guesses between the 8-bit ones.
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " "] = ""
    multiline: bool = False  # Whether a quoted cell may hold line breaks; one stray quote then costs more than a line.
    skip_lines: int = 0  # Lines before the header.
    header: tuple[str, ...] = ()  # Column names, when the file itself has no header line.


class Time(_Part, frozen=True):
    """When a fact held: one or more columns (joined by a space) read by `format`; without a format it is ISO 8601."""

    column: str = ""
    columns: tuple[str, ...] = ()
    format: str = ""  # strptime's language; "unix" and "unix-ms" are seconds and milliseconds since 1970.
    zone: str = "UTC"  # IANA name; holds for texts that name no zone themselves.
    not_before: str = "1900-01-01"
    future: str = "PT1H"  # How far ahead of the clock a reading may be.


class Spot(_Part, frozen=True):
    """Where a station stands, WGS 84."""

    longitude: float
    latitude: float
    accuracy: float = 0  # Metres; 0 = exact enough to stand in front of it.
    unit: str = ""  # Code of the commune.


class Place(_Part, frozen=True):
    """Coordinates given by the mapping, for data that carry none: by the value of a column, or one for all."""

    column: str = ""
    at: dict[str, Spot] = {}
    otherwise: Spot | None = None  # For values that are not in the table; without it such a row is quarantined.


class Field(_Part, frozen=True):
    """How one attribute is made."""

    kind: Kind = "text"
    column: str = ""
    constant: Any = None
    template: str = ""  # Text with {column} in it, for text and relationship.
    required: bool = False
    missing: tuple[str, ...] | None = None  # Texts that mean "no value"; None = those of the mapping.
    on_bad: Literal["quarantine", "omit"] = "quarantine"  # What a bad value does: hold the row back, or be left out.
    observed: bool | None = None  # Whether it carries observedAt; None = by kind.
    unit: str = ""  # UN/CEFACT code written to the hub.
    from_unit: str = ""  # UN/CEFACT code of the column, converted to `unit`.
    scale: float = 1.0
    offset: float = 0.0  # value = column x scale + offset, before the unit conversion.
    range: tuple[float, float] | None = None  # In `unit`, ends included.
    max_step: float | None = None  # Largest plausible distance from the reading before.
    max_factor: float | None = None  # Largest plausible ratio to the reading before, either way.
    within: str = "PT3H"  # The reading before counts for the two rules above only when it is at most this old.
    table: dict[str, Any] = {}  # enum: column text → value.
    format: str = ""  # datetime
    zone: str = ""  # datetime
    longitude: str = ""  # point: column names
    latitude: str = ""
    bounds: tuple[float, float, float, float] | None = None  # west, south, east, north
    placeholders: tuple[tuple[float, float], ...] = ()  # Points (lon, lat) that stand for "unknown" in this source.
    language: str = "vi"  # words


class Mapping(_Part, frozen=True):
    """A whole mapping file."""

    name: str
    title: dict[str, str]
    format: Literal["csv", "json", "geojson", "ngsi-ld"]
    type: str = ""
    id: str = ""  # Template of the URN, e.g. urn:ngsi-ld:AirQualityObserved:{station}.
    promised_every: str = ""
    licence: str = ""
    csv: Csv = Csv()
    missing: tuple[str, ...] = BLANK
    observed_at: Time | None = None
    place: Place | None = None
    unit_column: str = ""  # Column with the commune's code.
    attributes: dict[str, Field] = {}
    digest: str = ""  # SHA-256 of the file, set when it is parsed.

    @property
    def timed(self) -> bool:
        """Whether each row says itself when it held, so that a repeat can be recognised."""
        return self.observed_at is not None or self.format == "ngsi-ld"

    def columns(self) -> frozenset[str]:
        """The columns that a file must have."""
        named = {self.unit_column, self.place.column if self.place else ""}
        for field in self.attributes.values():
            named |= {field.column, field.longitude, field.latitude}
        if self.observed_at:
            named |= {self.observed_at.column, *self.observed_at.columns}
        texts = [self.id, *(field.template for field in self.attributes.values())]
        named |= {column for text in texts for _, column, _, _ in Formatter().parse(text) if column}
        return frozenset(named - {""})
