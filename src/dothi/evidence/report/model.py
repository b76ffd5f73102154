"""The nouns of reports that write themselves: templates as data, what a report tells, and a report that is owed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from dothi.evidence.model import Period
from dothi.ground.errors import Conflict, Invalid, Missing

Address = Callable[[str], str]  # What stands behind a figure → the address of its page on this server.


class ReportKind(StrEnum):
    """For how long a report speaks; `scheme` is the summing-up of a scheme (tổng kết đề án)."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    SCHEME = "scheme"


class Level(StrEnum):
    """Whose report it is."""

    COMMUNE = "commune"
    PROVINCE = "province"


class Stage(StrEnum):
    """Where a report that is owed stands."""

    OWED = "owed"  # Nobody has opened it and nothing is drafted.
    DRAFT = "draft"
    SUBMITTED = "submitted"
    SIGNED = "signed"


class NoSuchReportOwed(Missing):
    """There is no such report, or you may not see it."""


class NotNow(Conflict):
    """A report in this stage does not allow that."""


class FiguresMoved(Conflict):
    """Figures have changed since they were read: read the draft again before it is signed."""


class NotAccepted(Conflict):
    """Wording drafted by the machine waits for a person: accept or edit it first."""


class TypedFigure(Invalid):
    """A number was typed that is no figure of this report."""


@dataclass(frozen=True, slots=True)
class FigureSpec:
    """One figure of a template: an indicator, the rows of a list, a share of two figures, or the sum of a column."""

    id: str
    name: str = ""
    indicator: str = ""
    over: str = "period"  # period, or day, month, year: the last one that has begun in the report's period.
    count: str = ""  # Id of a list.
    share: tuple[str, ...] = ()  # Ids of two figures: part and whole, in percent.
    sum: str = ""  # Id of a list whose `column` is added up.
    column: str = ""
    symbol: str = ""
    decimals: int | None = None
    direction: str = "higher"
    judge: bool = False  # Whether a change is called good or bad; more reports may mean more trust.
    as_of: bool = False  # Told as of the day of writing: compared with what was signed only.


@dataclass(frozen=True, slots=True)
class ListSpec:
    """The entities behind figures, told in an annex: those of `type` in the report's place that meet `where`."""

    id: str
    title: str
    type: str
    columns: tuple[str, ...]
    where: str = ""  # Language q, with {start} {end} {now} {next_start} {next_end}.
    order: str = ""
    most: int = 20  # Rows in the document; the annex holds all.


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Figures by commune, with a total that counts nothing twice."""

    id: str
    title: str
    figures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words with figures in braces, told when a condition on figures holds."""

    text: str
    when: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report: sentences, what changed (drafted, to be accepted), lists, tables, and words by hand."""

    id: str
    title: str
    sentences: tuple[Sentence, ...] = ()
    changes: tuple[str, ...] = ()  # Figures whose change is put into words.
    lists: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    overview: bool = False  # All figures of the report in one table.
    hand: str = ""  # What a person may add here, as a question.


@dataclass(frozen=True, slots=True)
class Template:
    """One form of report as data. `valid_from` and `valid_to` (the last day) are dates; empty is open."""

    id: str
    name: str
    kinds: tuple[ReportKind, ...]
    level: Level | None  # None: any.
    subject: str  # With {period} and {scheme}.
    figures: Mapping[str, FigureSpec]
    lists: Mapping[str, ListSpec]
    tables: Mapping[str, TableSpec]
    sections: tuple[Section, ...]
    version: int = 1
    title: str = "BÁO CÁO"
    sign: str = "/BC-UBND"
    sample: bool = False
    valid_from: str = ""
    valid_to: str = ""
    two_people: bool = False  # Who signs is not who submitted.
    recipients: tuple[str, ...] = ()

    def section(self, name: str) -> Section:
        """The section of that id; Missing when there is none."""
        for one in self.sections:
            if one.id == name:
                return one
        raise Missing(f"The report has no section {name[:40]!r}.")


@dataclass(frozen=True, slots=True)
class About:
    """What a report is about: whose it is, for which period or scheme."""

    kind: ReportKind
    unit: str
    period: Period
    scheme: str = ""  # Id of a Scheme or Plan.


class Before(msgspec.Struct, frozen=True, omit_defaults=True):
    """The same figure one period earlier; `signed` says that it is the one of a signed report."""

    value: float
    shown: str
    evidence: str
    of: str = ""  # part/whole
    signed: bool = False


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """A figure as the report tells it. `value` None is "no figure", which is not nought."""

    id: str
    name: str
    shown: str  # With its unit, and the mark of simulated data.
    evidence: str  # Id of an entity, or list:<id> of this report.
    value: float | None = None
    symbol: str = ""
    decimals: int = 0
    period: str = ""
    numerator: float | None = None
    denominator: float | None = None
    target: float | None = None
    direction: str = "higher"
    judge: bool = False
    percent: bool = False  # A change is told in percentage points.
    at: str = ""  # Age: when the last input held, or when it was computed (ISO 8601).
    reasons: list[dict[str, Any]] = []
    before: Before | None = None
    simulated: bool = False
    sample: bool = False
    indicator: str = ""
    as_of: bool = False
    count: int = 0  # Inputs that went in.
    formula: int = 0  # Version of the indicator's formula.

    @property
    def of(self) -> str:
        """Part of whole as 27/30, empty where there is no whole."""
        return fraction(self.numerator, self.denominator) if self.percent and self.value is not None else ""


def fraction(part: float | None, whole: float | None) -> str:
    """Part of whole as 27/30; empty where one is missing."""
    return "" if part is None or whole is None else f"{part:.0f}/{whole:.0f}"


class Rows(msgspec.Struct, frozen=True):
    """A list as told: values in the order of `columns`, raw; the first of each row is the entity's id."""

    id: str
    title: str
    type: str
    columns: list[str]
    rows: list[list[Any]]
    most: int


class GridRow(msgspec.Struct, frozen=True):
    """A commune's line: a figure by id of figure."""

    unit: str
    name: str
    cells: dict[str, Told]


class Grid(msgspec.Struct, frozen=True):
    """Figures by commune. `rest` is what lies in no commune of today, where something does."""

    id: str
    title: str
    figures: list[str]
    rows: list[GridRow]
    rest: dict[str, float]


class Data(msgspec.Struct, frozen=True):
    """Everything that a report tells, as computed at `made`; frozen as JSON under its hash."""

    kind: str
    unit: str
    name: str  # Of the unit.
    short: str
    level: str
    template: str
    version: int
    period: str
    start: int
    end: int
    made: int
    figures: dict[str, Told]
    lists: dict[str, Rows]
    grids: dict[str, Grid]
    scheme: str = ""
    scheme_name: str = ""
    simulated: bool = False


class Wording(msgspec.Struct, frozen=True, omit_defaults=True):
    """The words of one section: as the machine drafted them, or as a person left them. Figures stand in braces."""

    text: str
    state: str = "draft"  # draft, accepted (as drafted) or edited (by hand).
    by: str = ""
    at: str = ""
    basis: str = ""  # What the figures in it said when a person read it.
    moved: bool = False  # Figures have changed since a person read it.
    hand: str = ""  # What a person added in words of their own.


class Signing(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the official document says about its signing."""

    number: str = ""  # Of the document, without the sign.
    signer: str = ""
    position: str = ""
    authority: str = ""
    at: int = 0
    by: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """What is kept of a report under its hash: the data with the form in which they are told."""

    data: Data
    template: Template
    wording: dict[str, Wording] = {}  # Of a signed report.
    signing: Signing = Signing()


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure that reads otherwise now than when the report was signed, and why (typed reasons)."""

    id: str
    name: str
    was: str
    now: str
    reasons: tuple[Mapping[str, Any], ...]


def packed(snapshot: Snapshot) -> bytes:
    """A snapshot as JSON, figures and sections in the order of their template."""
    return msgspec.json.encode(snapshot)


def unpacked(content: bytes) -> Snapshot:
    """The snapshot that a JSON holds."""
    return msgspec.json.decode(content, type=Snapshot)
