"""What the verbs of this module need, made once over a hub, and the rules in force for a unit at a time."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dothi.accounts.vault import Vault
from dothi.citizens.consultations import model as consultations
from dothi.citizens.model import (
    AREA_TYPE,
    CONTACT_TYPE,
    COUNT_TYPE,
    ERASURE_TYPE,
    OWNER,
    PART_TYPE,
    PROBLEM_TYPE,
    RATING_TYPE,
    SERVICE_TYPE,
    TYPE,
    TooManyReports,
)
from dothi.citizens.rules import Rules, load, parse, shipped
from dothi.ground.calendar import WorkingCalendar, vietnam
from dothi.ground.clock import MINUTE
from dothi.hub.core import Hub
from dothi.hub.model import system
from dothi.office.lifecycle.model import LifeCycle
from dothi.office.rules import Kind, RuleSets, applied, in_force
from dothi.territory import Territory

SYSTEM = system(OWNER)  # Under this name citizens' own steps are written: the log names no citizen, signed in or not.
ADDRESSES_MAX = 50_000
KIND = "reports"  # The kind of rule sets that this module obeys.
OWNED = {  # Guarded type → what to call instead.
    TYPE: "POST /api/reports and the verbs under it",
    PART_TYPE: "POST /api/reports/{number}/split",
    AREA_TYPE: "POST /api/areas",
    ERASURE_TYPE: "POST /api/reports/{code}/erasure",
    CONTACT_TYPE: "POST /api/reports with name, phone or email",
    SERVICE_TYPE: "POST /api/services and the verbs under it",
    COUNT_TYPE: "POST /api/sources/{id}/push (mapping service-counts)",
    RATING_TYPE: "the form at /services/{id}/rate, or POST /api/sources/{id}/push (mapping service-ratings)",
    PROBLEM_TYPE: "POST /api/problems/{id}/confirm and the verbs beside it",
    consultations.TYPE: "POST /api/consultations and the verbs under it",
    consultations.COMMENT: "POST /api/consultations/{key}/comments",
    consultations.CLUSTER: "POST /api/consultations/{key}/clusters",
    consultations.SUPPORT: "POST /api/consultations/{key}/comments/{number}/support",
    consultations.AUTHOR: "POST /api/consultations/{key}/comments with phone or email",
}
LISTED = {  # Type → what its lists ask for.
    TYPE: (
        "handleBy",
        "ratedAt",
        "reopenedAt",
        "code",
        "state",
        "category",
        "open",
        "assignee",
        "due",
        "unit",
        "filedAt",
        "imported",
        "duplicateOf",
        "looks",
        "closedAt",
        "escalatedTo",
    ),
    PART_TYPE: ("state", "open", "assignee", "due", "unit", "partOf", "escalatedTo"),
    AREA_TYPE: ("state", "toldUntil", "askedAt"),
    CONTACT_TYPE: ("report",),
    ERASURE_TYPE: ("open", "due", "unit", "assignee"),
    PROBLEM_TYPE: ("state", "category", "open", "assignee", "due", "unit", "rank"),
    SERVICE_TYPE: ("status", "open", "assignee", "due", "unit"),
    COUNT_TYPE: ("service", "period", "unit"),
    RATING_TYPE: ("service", "period", "unit"),
    consultations.TYPE: ("state", "open", "assignee", "due", "unit", "closesAt", "told", "about"),
    consultations.COMMENT: (
        "consultation",
        "round",
        "article",
        "cluster",
        "hidden",
        "wordsKey",
        "filedAt",
        "told",
        "unit",
    ),
    consultations.CLUSTER: ("consultation", "round", "unit"),
    consultations.SUPPORT: ("consultation", "comment"),
    consultations.AUTHOR: ("consultation", "comment"),
}


class Allowance:
    """How often one address may do something in a while; kept in memory, forgotten with the process."""

    def __init__(self, times: int, minutes: int) -> None:
        """`times` in any `minutes`."""
        self._times, self._span = times, minutes * MINUTE
        self._seen: dict[str, deque[int]] = {}

    def take(self, address: str, now: int) -> None:
        """Count one more; TooManyReports (with `retry_after`, seconds) when the allowance is used up."""
        if len(self._seen) >= ADDRESSES_MAX:
            self._seen = {who: times for who, times in self._seen.items() if times and now - times[-1] < self._span}
        times = self._seen.setdefault(address, deque(maxlen=self._times))
        if len(times) == self._times and now - times[0] < self._span:
            raise TooManyReports(retry_after=(times[0] + self._span - now) // 1_000_000 + 1)
        times.append(now)


class Views:
    """How often the pages of a service were opened since the last count was written; nobody's identity with it."""

    def __init__(self) -> None:
        """None yet."""
        self.waiting = 0
        self.others: Counter[str] = Counter()  # Of the services that stand beside reporting, by id.

    def count(self, service: str = "") -> None:
        """One more, of reporting or of another service (its id)."""
        if service:
            self.others[service] += 1
        else:
            self.waiting += 1

    def written(self, counted: int) -> None:
        """So many of them stand in the hub now."""
        self.waiting -= counted


@dataclass(frozen=True)
class Citizens:
    """What the verbs of this module need."""

    hub: Hub
    vault: Vault  # Keeps who wants to be told.
    territory: Territory
    calendar: WorkingCalendar
    rules: Rules  # As shipped; what is in force for a unit is asked for with `rules_at`.
    filings: Allowance
    guesses: Allowance  # Of follow codes.
    views: Views = field(default_factory=Views)
    ratings: Allowance = field(default_factory=lambda: Allowance(20, 60))  # Of services, by address.
    voices: Allowance = field(default_factory=lambda: Allowance(20, 60))  # Comments and supports of consultations.
    adopted: RuleSets | None = None  # None: the shipped rules hold everywhere.
    life: LifeCycle | None = None  # Erases a person from everything; None: their key alone is destroyed.
    parsed: dict[tuple[tuple[str, int], ...], Rules] = field(default_factory=dict)  # By the sets they come from.


def open_citizens(
    hub: Hub,
    vault: Vault,
    territory: Territory,
    calendar: WorkingCalendar | None = None,
    rules: Rules | None = None,
    adopted: RuleSets | None = None,
    life: LifeCycle | None = None,
) -> Citizens:
    """The module over a hub: its types are guarded and indexed from here on."""
    said = rules or load()
    hub.own(OWNER, OWNED)
    for kind, names in LISTED.items():
        hub.index(kind, *names)
    limits = said.limits
    return Citizens(
        hub,
        vault,
        territory,
        calendar or vietnam(),
        said,
        Allowance(limits.per_address, limits.per_address_minutes),
        Allowance(limits.per_address * 3, limits.per_address_minutes),
        voices=Allowance(said.consultations.limits.per_address, said.consultations.limits.per_address_minutes),
        adopted=adopted,
        life=life,
    )


def _check(tables: Mapping[str, Any]) -> None:
    parse(tables)


def rules_kind() -> Kind:
    """What a province or commune may set of its own: every table of `rules/`."""
    return Kind(KIND, shipped(), _check)


def rules_at(citizens: Citizens, unit: str | None = None, at: int | None = None) -> Rules:
    """The rules in force for a commune or province (None: the whole city) at an instant (µs; now by default)."""
    adopted = citizens.adopted
    if adopted is None:
        return citizens.rules
    key = tuple((one.id, one.version) for one in applied(adopted, KIND, unit, at))
    if key not in citizens.parsed:
        citizens.parsed[key] = parse(in_force(adopted, KIND, unit, at)) if key else citizens.rules
    return citizens.parsed[key]
