"""The nouns of the sources: a source with its promise, a delivery of rows, what became of an import, and the faults."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from dothi.ground.errors import Conflict, Missing
from dothi.ground.ids import urn
from dothi.ground.text import format_number
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Change, Receipt, system
from dothi.sources.mapping.model import Mapping as Rules
from dothi.sources.mapping.model import Raw

SOURCE, ROW, DAY = "DataSource", "QuarantinedRow", "SourceDay"
OWNED = {  # Guarded type → the verb to use instead.
    SOURCE: "POST /api/sources",
    ROW: "POST /api/sources/rows/{id}/correct, /api/sources/rows/replay or /api/sources/rows/dismiss",
    DAY: "POST /api/sources/{id}/push",
}


class SourceState(StrEnum):
    """Whether a source keeps its promise. Missing, late and zero are three different things."""

    LIVE = "live"
    LATE = "late"
    NEVER = "never"  # Nothing good has come yet.


class RowState(StrEnum):
    """The life of a quarantined row."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISMISSED = "dismissed"


class NoSuchSource(Missing):
    """There is no such source of data."""


class NotOpen(Conflict):
    """The row was replayed or dismissed already."""


@dataclass(frozen=True)
class Delivery:
    """Rows that belong together. `name` says where from (file, topic); with a `key` a repeat changes nothing."""

    rows: Sequence[Raw]
    name: str
    key: str | None = None
    last: bool = True  # Whether what was held back for the next delivery must be written with this one.


@dataclass(frozen=True)
class Job:
    """What a connector is given: its settings (checked by its manifest), and for a push the body of the request."""

    source: str  # URN
    settings: Mapping[str, Any]
    mapping: Rules
    body: bytes = b""
    content_type: str = ""
    name: str = ""
    key: str = ""  # The sender's own idempotency key.


class Writer(Protocol):
    """How rows of a guarded type are written: given by app.py for the type's owner, e.g. CitizenReport.

    Each change is an upsert with the attributes of the mapping. The receipt has one result a change, in order;
    what could not be written has status "failed" with its error, and goes to quarantine. The same key twice
    writes once.
    """

    async def __call__(self, actor: Actor, changes: Sequence[Change], reason: str, key: str | None) -> Receipt:
        """Write all changes, each for itself."""


@dataclass(frozen=True)
class ImportReport:
    """What became of the rows of one import. `reasons` counts the quarantined by reason, `left_out` single values."""

    rows: int = 0
    accepted: int = 0
    quarantined: int = 0
    repeated: bool = False  # This very file was imported before with this very mapping: nothing was written.
    reasons: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)  # Blanks by attribute: no value is not a bad value.
    left_out: dict[str, int] = field(default_factory=dict)
    examples: tuple[dict[str, Any], ...] = ()  # The first quarantined rows: line, reason, text, row.
    seconds: float = 0.0
    dry_run: bool = False


@dataclass(frozen=True)
class SourceDefinition:
    """What an operator says about a source. `id` is a short name such as `air-kim-lien`."""

    id: str
    name: str
    connector: str
    mapping: str = ""
    promised_every: str = ""  # ISO 8601 duration; "" = no promise, so that it is never late.
    settings: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    simulated: bool = False
    feeds: tuple[str, ...] = ()  # Types of entities that it brings.
    enabled: bool = True


# The faults of rows, in the words of the screens; {…} are filled from Fault.detail, {attribute} from Fault.attribute.
FAULTS: dict[str, tuple[str, str]] = {
    "encoding": (
        "Dòng có byte không đọc được theo bảng mã {encoding}",
        "The line holds bytes that are not {encoding}",
    ),
    "columns": ("Dòng có {found} ô, cần {wanted} ô", "The line has {found} cells where {wanted} are needed"),
    "quoting": ("Dấu nháy trong dòng không khớp: {value}", "The quotes of the line do not match: {value}"),
    "not-an-object": ("Phần tử không phải là một đối tượng JSON: {value}", "Not a JSON object: {value}"),
    "not-json": ("Nội dung không phải JSON: {value}", "Not JSON: {value}"),
    "required": ("Thiếu {attribute} (cột {column})", "{attribute} is missing (column {column})"),
    "empty": ("Dòng không có giá trị nào", "The row holds no value at all"),
    "not-a-number": ("{attribute}: “{value}” không phải là số", "{attribute}: “{value}” is not a number"),
    "not-text": ("{attribute}: “{value}” không phải là chữ", "{attribute}: “{value}” is not text"),
    "not-a-boolean": ("{attribute}: “{value}” không phải có/không", "{attribute}: “{value}” is neither yes nor no"),
    "not-a-time": ("{attribute}: “{value}” không phải thời điểm", "{attribute}: “{value}” is not a time"),
    "not-a-place": ("{attribute}: “{value}” không phải tọa độ", "{attribute}: “{value}” is not a place"),
    "unknown-word": (
        "{attribute}: “{value}” không có trong bảng mã",
        "{attribute}: “{value}” is not in the mapping's table",
    ),
    "unknown-station": (
        "Ánh xạ không có tọa độ của trạm “{value}”",
        "The mapping has no coordinates for the station “{value}”",
    ),
    "range": (
        "{attribute} = {value} nằm ngoài khoảng {low} đến {high} {unit}: sai đơn vị?",
        "{attribute} = {value} lies outside {low} to {high} {unit}: wrong unit?",
    ),
    "jump": (
        "{attribute} nhảy từ {before} sang {value}: sai đơn vị?",
        "{attribute} jumps from {before} to {value}: wrong unit?",
    ),
    "placeholder": (
        "{attribute}: {value} là điểm giữ chỗ, không phải nơi thật",
        "{attribute}: {value} is a placeholder, not a real place",
    ),
    "out-of-bounds": ("{attribute}: {value} nằm ngoài vùng", "{attribute}: {value} lies outside the area"),
    "time-out-of-range": (
        "Thời điểm {value} ở tương lai hoặc quá xa trong quá khứ",
        "The time {value} lies in the future or too far in the past",
    ),
    "too-long": ("{attribute} quá dài: {value}", "{attribute} is too long: {value}"),
    "not-an-entity": ("Không phải thực thể NGSI-LD: {value}", "Not an NGSI-LD entity: {value}"),
    "guarded": ("Loại {value} chỉ được ghi bằng {use}", "Type {value} may only be written by {use}"),
    "refused": ("Kho dữ liệu từ chối: {value}", "The hub refused: {value}"),
}


class _Blank(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


def explain(code: str, attribute: str = "", detail: Mapping[str, object] | None = None, language: str = "vi") -> str:
    """The reason of a fault as a sentence in Vietnamese ("vi") or English ("en")."""
    text = FAULTS.get(code, (code, code))[0 if language == "vi" else 1]
    said = {name: _said(value, language) for name, value in (detail or {}).items()}
    return text.format_map(_Blank(said, attribute=attribute))


def _said(value: object, language: str) -> object:
    """A number as people write it in this language; anything else as it is."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value
    return format_number(value) if language == "vi" else f"{value:.15g}"


@dataclass(frozen=True)
class Sources:
    """What the sources need; in the data `folder` lie the operator's mappings, connectors and settings."""

    hub: Hub
    folder: Path
    owner: str  # The capability to write the guarded types of this module.
    writers: Mapping[str, Writer] = field(default_factory=dict)  # By guarded type of another owner.
    turns: dict[str, asyncio.Lock] = field(default_factory=dict)  # One batch at a time for each source.

    @property
    def mappings(self) -> Path:
        """Where the operator's own mappings lie."""
        return self.folder / "mappings"

    def turn(self, source: str) -> asyncio.Lock:
        """The lock under which a source's counters are read and written."""
        return self.turns.setdefault(source, asyncio.Lock())


SYSTEM = system("sources")


def acting(actor: Actor) -> Actor:
    """The module's own actor, naming on whose behalf it acts: audit shows both, the door has checked the right."""
    return SYSTEM if actor.id == SYSTEM.id else Actor(f"{SYSTEM.id}:{actor.id}", SYSTEM.roles)


def source_urn(source: str) -> str:
    """The URN of a source by its short name (a URN stays as it is)."""
    return source if source.startswith("urn:") else urn(SOURCE, source)
