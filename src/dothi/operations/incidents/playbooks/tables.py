"""The tables of incidents in force for a unit: limits, playbooks with their steps, weights of what belongs together.

All shipped rows are labelled samples. A province or a commune adopts its own rows over them (office/rules), row by row
and step by step, by id.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from dothi.ground.clock import iso
from dothi.ground.clocks import Limit, due_by
from dothi.ground.errors import Invalid
from dothi.office.rules import applied, in_force
from dothi.office.rules.model import Kind
from dothi.operations.incidents.model import Incident, Step, StepState
from dothi.operations.model import Operations, Priority

KIND = "operations.playbooks"
ROLES = ("duty_officer", "leader", "official")
FIELD_TYPES = ("text", "number", "choice", "file")
JOINED = ("alarms", "reports", "bulletins")
OTHER = "other"  # The kind of an incident for which no playbook is written.
STEPS_MAX, HOURS_MAX = 60, 24.0 * 90
Names = Mapping[str, str]
_CONDITIONS = frozenset({"priority", "has", "step", "field", "least", "equals"})


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step as a playbook writes it; hours are of day and night."""

    id: str
    title: Names
    role: str
    hours: float
    required: bool
    fields: tuple[Mapping[str, Any], ...]
    message: str
    orders: tuple[Mapping[str, Any], ...]
    basis: tuple[str, ...]
    when: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Playbook:
    """What is done in incidents of one kind."""

    id: str
    kind: str
    name: Names
    steps: tuple[StepRow, ...]
    hazard: str  # The hazard that bulletins and warnings call it; "" none.
    categories: frozenset[str]  # Categories of reports that tell of it.
    attributes: frozenset[str]  # Attributes whose alarms tell of it.
    sample: bool


@dataclass(frozen=True, slots=True)
class Together:
    """What belongs together: within which distance and time, and how much each sign counts."""

    metres: float
    hours: float
    near: float
    unit: float
    province: float
    time: float
    kind: float
    least: float


@dataclass(frozen=True, slots=True)
class Inject:
    """What a drill assumes so many minutes after it began."""

    id: str
    minutes: float
    words: Names


@dataclass(frozen=True, slots=True)
class Scenario:
    """A drill: what is assumed, and when."""

    id: str
    kind: str
    priority: str
    name: Names
    title: Names
    injects: tuple[Inject, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """All tables of incidents, read once. Hours are of day and night."""

    take: Mapping[Priority, float]
    close_hours: float
    review_hours: float
    together: Together
    playbooks: Mapping[str, Playbook]  # By kind of incident.
    scenarios: Mapping[str, Scenario]  # By id.

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of incidents that can be opened."""
        return (*self.playbooks, OTHER)


def parse(tables: Mapping[str, Any]) -> Rules:
    """The rules that tables say. Invalid says what cannot be and where."""
    limits = tables["limits"]
    rules = Rules(
        take={one: _hours(limits["take_hours"][one.value], f"take_hours.{one}") for one in Priority},
        close_hours=_hours(limits["close_hours"], "close_hours"),
        review_hours=_hours(limits["review_hours"], "review_hours"),
        together=Together(**{name: float(tables["together"][name]) for name in Together.__slots__}),
        playbooks={one.kind: one for one in map(_playbook, tables["playbook"])},
        scenarios={one.id: one for one in map(_scenario, tables.get("scenario", ()))},
    )
    if len(rules.playbooks) < len(tables["playbook"]):
        raise Invalid("Two playbooks are of one kind: keep one of them.", field="text")
    for one in rules.scenarios.values():
        if one.kind not in rules.kinds:
            raise Invalid(f"Scenario “{one.id}”: there is no playbook of the kind “{one.kind}”.", field="text")
    return rules


def _hours(value: Any, where: str) -> float:
    hours = float(value)
    if not 0 < hours <= HOURS_MAX:
        raise Invalid(f"{where}: hours are above 0 and at most {HOURS_MAX:.0f}.", field="text")
    return hours


def _playbook(row: Mapping[str, Any]) -> Playbook:
    where = f"Playbook “{row['id']}”"
    steps = tuple(_step(one, where) for one in row.get("step", ()))
    if len(steps) > STEPS_MAX or len({one.id for one in steps}) < len(steps):
        raise Invalid(f"{where}: at most {STEPS_MAX} steps, each with an id of its own.", field="text")
    fields = {one.id: {each["id"] for each in one.fields} for one in steps}
    for one in steps:
        if "step" in one.when and one.when.get("field") not in fields.get(one.when["step"], ()):
            raise Invalid(f"{where}, step “{one.id}”: it waits for a field that no step asks for.", field="text")
    return Playbook(
        id=str(row["id"]),
        kind=str(row["kind"]),
        name=_names(row["name"]),
        steps=steps,
        hazard=str(row.get("hazard", "")),
        categories=frozenset(row.get("categories", ())),
        attributes=frozenset(row.get("attributes", ())),
        sample=bool(row.get("sample", False)),
    )


def _step(row: Mapping[str, Any], where: str) -> StepRow:
    where = f"{where}, step “{row['id']}”"
    if row["role"] not in ROLES:
        raise Invalid(f"{where}: the role is one of {', '.join(ROLES)}.", field="text")
    when = dict(row.get("when", {}))
    if not _CONDITIONS.issuperset(when) or ("has" in when and when["has"] not in JOINED):
        raise Invalid(f"{where}: a condition names {', '.join(sorted(_CONDITIONS))}.", field="text")
    if any(one not in tuple(Priority) for one in when.get("priority", ())):
        raise Invalid(f"{where}: a priority is one of {', '.join(Priority)}.", field="text")
    return StepRow(
        id=str(row["id"]),
        title=_names(row["title"]),
        role=row["role"],
        hours=_hours(row["hours"], where),
        required=bool(row.get("required", True)),
        fields=tuple(_field(one, where) for one in row.get("field", ())),
        message=str(row.get("message", "")),
        orders=tuple(_order(one, where) for one in row.get("order", ())),
        basis=tuple(str(one) for one in row.get("basis", ())),
        when=when,
    )


def _field(row: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    if row["type"] not in FIELD_TYPES or (row["type"] == "choice" and not row.get("choices")):
        raise Invalid(f"{where}: a field is {', '.join(FIELD_TYPES)}; a choice has choices.", field="text")
    _names(row["label"])
    for one in row.get("choices", ()):
        _names(one["label"])
    return dict(row)


def _order(row: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """An order template: which kind of office gets it ("" the unit itself), its words, its limits in hours."""
    for name in ("receive_hours", "arrive_hours", "done_hours"):
        if name in row:
            _hours(row[name], where)
    return {**row, "id": str(row["id"]), "to": str(row.get("to", "")), "words": dict(_names(row["words"]))}


def _scenario(row: Mapping[str, Any]) -> Scenario:
    where = f"Scenario “{row['id']}”"
    if row["priority"] not in tuple(Priority):
        raise Invalid(f"{where}: the priority is one of {', '.join(Priority)}.", field="text")
    injects = tuple(Inject(str(one["id"]), float(one["minutes"]), _names(one["words"])) for one in row["inject"])
    if len({one.id for one in injects}) < len(injects) or any(
        not 0 <= one.minutes <= HOURS_MAX * 60 for one in injects
    ):
        raise Invalid(f"{where}: each inject has an id of its own and minutes from 0.", field="text")
    return Scenario(
        str(row["id"]), str(row["kind"]), row["priority"], _names(row["name"]), _names(row["title"]), injects
    )


def _names(row: Mapping[str, Any]) -> Names:
    return {language: str(row[language]) for language in ("vi", "en")}


@lru_cache(maxsize=1)
def shipped() -> Mapping[str, Any]:
    """The tables that are shipped, all of them samples: data/playbooks/*.toml as one."""
    folder = resources.files("dothi.operations").joinpath("data/playbooks")
    files = sorted((one for one in folder.iterdir() if one.name.endswith(".toml")), key=lambda one: one.name)
    read = [tomllib.loads(one.read_text("utf-8")) for one in files]
    tables: dict[str, Any] = {"playbook": [row for one in read for row in one.get("playbook", ())]}
    for one in read:
        tables |= {name: value for name, value in one.items() if name != "playbook"}
    return tables


def rules_kind() -> Kind:
    """What a province or commune may set of its own."""
    return Kind(KIND, shipped(), check)


def check(tables: Mapping[str, Any]) -> None:
    """Invalid when the tables cannot be used, saying what and where."""
    try:
        parse(tables)
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise Invalid(f"The tables of incidents lack or misuse {cause}.", field="text") from cause


@lru_cache(maxsize=1)
def _shipped_rules() -> Rules:
    return parse(shipped())


def rules_at(operations: Operations, unit: str | None = None, at: int | None = None) -> Rules:
    """The tables in force for a unit at an instant (µs; now by default)."""
    adopted = operations.adopted
    if adopted is None or KIND not in adopted.kinds or not applied(adopted, KIND, unit, at):
        return _shipped_rules()
    return parse(in_force(adopted, KIND, unit, at))


def versions_at(operations: Operations, unit: str, at: int) -> tuple[str, ...]:
    """The ids of the adopted sets that are in force: which version an incident copied. Empty: the shipped samples."""
    adopted = operations.adopted
    if adopted is None or KIND not in adopted.kinds:
        return ()
    return tuple(one.id for one in applied(adopted, KIND, unit, at))


def steps_of(book: Playbook | None, hours_from: int) -> tuple[Step, ...]:
    """The steps as a new incident copies them; those under a condition sleep until `awake` finds it true."""
    return tuple(
        Step(
            id=row.id,
            title=dict(row.title),
            role=row.role,
            due="" if row.when else _due(row.hours, hours_from),
            required=row.required,
            fields=tuple(dict(one) for one in row.fields),
            message=row.message,
            orders=tuple(dict(one) for one in row.orders),
            basis=row.basis,
            hours=row.hours,
            when=dict(row.when) or None,
        )
        for row in (book.steps if book else ())
    )


def _due(hours: float, start: int) -> str:
    return iso(due_by(start, Limit(hours, always=True)))


def awake(incident: Incident, now: int) -> tuple[Step, ...]:
    """Its steps, those whose condition has become true awake: their time begins now. Pure."""
    return tuple(
        one.with_(due=_due(one.hours, now))
        if one.state is StepState.TODO and not one.due and applies(incident, one)
        else one
        for one in incident.steps
    )


def applies(incident: Incident, step: Step) -> bool:
    """Whether the condition of a step holds: priority, what has joined, or what was filled in at another step."""
    when = step.when or {}
    if "priority" in when and incident.priority.value not in when["priority"]:
        return False
    if "has" in when and not getattr(incident, when["has"]):
        return False
    return "step" not in when or _filled(incident.steps, when)


def _filled(steps: Sequence[Step], when: Mapping[str, Any]) -> bool:
    asked = next((one for one in steps if one.id == when["step"]), None)
    value = (asked.form or {}).get(when["field"]) if asked is not None else None
    if value in (None, ""):
        return False
    if "least" in when:
        return isinstance(value, int | float) and value >= when["least"]
    return "equals" not in when or value == when["equals"]
