"""How an incident, its steps, what joined it and its log are shown, in words and kinds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from dothi.accounts.organisations import organisations
from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Missing
from dothi.hub.model import Entity
from dothi.operations.incidents.log import Line
from dothi.operations.incidents.model import Incident, State, Step, StepState
from dothi.operations.incidents.playbooks.tables import rules_at
from dothi.operations.incidents.suggestions import Suggestion
from dothi.operations.model import Priority
from dothi.web.page import visit, words
from dothi.web.pages.operations.incidents.orders import moment
from dothi.web.pages.operations.situation import since
from dothi.web.pages.shown import bare, unit_name, who
from dothi.web.parts import parts

LOOKS: Mapping[State, tuple[str, str]] = {  # State → kind and icon; the word stands in the catalogue.
    State.OPEN: ("bad", "alarm"),
    State.IN_HAND: ("watch", "doing"),
    State.CONTROLLED: ("note", "good"),
    State.CLOSED: ("good", "good"),
    State.REVIEWED: ("good", "book"),
    State.CANCELLED: ("grey", "cross"),
    State.MERGED: ("grey", "next"),
}
HOURS = ("1", "2", "4", "8", "12", "24")  # Limits that the form of an order offers.
OFFICES = 3
PRIORITIES: Mapping[Priority, tuple[str, str]] = {
    Priority.URGENT: ("bad", "alarm"),
    Priority.HIGH: ("watch", "alarm"),
    Priority.MEDIUM: ("note", "alarm"),
    Priority.LOW: ("grey", "alarm"),
}
PAGE_OF: Mapping[str, tuple[str, str]] = {  # Type → its page and icon.
    "Alarm": ("/alarm/{}", "alarm"),
    "CitizenReport": ("/case/{}", "report"),
    "Bulletin": ("/walk/{}", "weather"),
    "Incident": ("/incident/{}", "watch"),
    "Order": ("/order/{}", "task"),
    "Warning": ("/warning/{}", "people"),
    "Task": ("/task/{}", "task"),
    "Problem": ("/problems/review/{}", "proposal"),
}


@dataclass(frozen=True)
class Row:
    """One incident as lists show it."""

    key: str
    href: str
    title: str
    kind_word: str
    place: str
    state: str
    kind: str
    icon: str
    priority: str
    priority_kind: str
    since: int
    commander: str
    next: str  # What is owed next.
    due: int | None
    late: bool
    drill: bool
    simulated: bool
    escalated: str


@dataclass(frozen=True)
class StepRow:
    """One step of an incident as the checklist shows it."""

    step: Step
    title: str
    kind: str
    icon: str
    state: str
    role: str
    clock: str
    late: bool
    done: str  # Who did it and when.
    filled: tuple[tuple[str, str, str], ...]  # (label, text, address of a file or "").
    fields: tuple[dict[str, Any], ...]
    orders: tuple[tuple[str, str], ...]  # (words, address of the prefilled order).


@dataclass(frozen=True)
class Thing:
    """Something that joined an incident or lies beside it."""

    id: str
    href: str
    icon: str
    name: str
    note: str


def row(request: Request, one: Incident) -> Row:
    """An incident for lists."""
    kind, icon = LOOKS[one.state]
    now, owed = now_us(), one.owed()
    due = from_iso(one.due) if one.due and one.open else None
    return Row(
        key=one.name,
        href=f"/incident/{one.name}",
        title=one.title,
        kind_word=kind_word(request, one.kind, one.unit),
        place=place_of(request, one),
        state=one.state.value,
        kind=kind,
        icon=icon,
        priority=one.priority.value,
        priority_kind=PRIORITIES[one.priority][0],
        since=from_iso(one.since),
        commander=who(request, one.commander),
        next=next_word(request, one, owed),
        due=due,
        late=due is not None and due < now,
        drill=one.drill,
        simulated=one.simulated,
        escalated=unit_name(request, one.escalated_to),
    )


def kind_word(request: Request, kind: str, unit: str = "") -> str:
    """What a kind of incident is called by the playbook in force, without its mark of a sample."""
    book = rules_at(parts(request).operations, unit or None).playbooks.get(kind)
    if book is None:
        return words(request).t("incidents.kind_other")
    return words(request).pick(book.name).replace(" (mẫu)", "").replace(" (sample)", "")


def place_of(request: Request, one: Incident) -> str:
    """Where it is: its unit, and how many more."""
    name = unit_name(request, one.unit)
    more = len({*one.units} - {one.unit})
    return words(request).t("incidents.and_units", unit=name, n=more) if more else name


def next_word(request: Request, one: Incident, owed: Step | None) -> str:
    """What is owed next, in words."""
    if not one.open:
        return ""
    if one.state is State.OPEN:
        return words(request).t("incidents.next.take")
    return words(request).pick(owed.title) if owed else words(request).t("incidents.next.close")


def answer(request: Request, one: Incident) -> str:
    """The first line: what, since when, who commands, what is owed next and until when."""
    t, shown = words(request).t, row(request, one)
    state = t(f"incidents.state.{one.state}")
    if not one.open:
        return t("incidents.answer.over", state=state, since=since(request, shown.since))
    chief = t("incidents.answer.chief", who=shown.commander) if shown.commander else t("incidents.answer.nobody")
    left = words(request).left(shown.due) if shown.due else ""
    return t(
        "incidents.answer.open", state=state, since=since(request, shown.since), chief=chief, next=shown.next, left=left
    )


def step_rows(request: Request, one: Incident) -> list[StepRow]:
    """The checklist: what is owed by its time, then what is done, then what sleeps."""
    rows = [_step(request, one, each) for each in one.steps]
    order = {"owed": 0, "done": 1, "skipped": 1, "sleeps": 2}
    return sorted(rows, key=lambda each: (order[each.state], each.step.at or each.step.due))


def _step(request: Request, one: Incident, step: Step) -> StepRow:
    state = step.state.value if step.state is not StepState.TODO else "owed" if step.due else "sleeps"
    late = (step.owed and from_iso(step.due) < now_us()) or bool(
        step.state is StepState.DONE and step.due and from_iso(step.at) > from_iso(step.due)
    )
    looks = {"owed": ("watch", "todo"), "done": ("good", "check"), "skipped": ("grey", "cross")}
    kind, icon = looks.get(state, ("grey", "clock"))
    return StepRow(
        step=step,
        title=words(request).pick(step.title),
        kind="bad" if late and step.owed else kind,
        icon="late" if late and step.owed else icon,
        state=state,
        role=words(request).t(f"role.{step.role}"),
        clock=_clock(request, step),
        late=late,
        done=f"{who(request, step.by)}, {moment(request, from_iso(step.at))}" if step.at else "",
        filled=tuple(_filled(request, one, step)),
        fields=tuple(_field(request, each) for each in step.fields),
        orders=tuple(_order(request, one, each) for each in step.orders),
    )


def _clock(request: Request, step: Step) -> str:
    if not step.owed:
        return ""
    at = from_iso(step.due)
    return words(request).t("incidents.step.until", at=moment(request, at), left=words(request).left(at))


def _field(request: Request, field: Mapping[str, Any]) -> dict[str, Any]:
    """A field of a step's form as the template draws it."""
    choices = [(one["id"], words(request).pick(one["label"])) for one in field.get("choices", ())]
    return {
        "id": field["id"],
        "type": field["type"],
        "label": words(request).pick(field["label"]),
        "choices": choices,
        "optional": not field.get("required"),
    }


def _filled(request: Request, one: Incident, step: Step) -> Iterable[tuple[str, str, str]]:
    for field in step.fields:
        value = (step.form or {}).get(field["id"])
        if value is None:
            continue
        label = words(request).pick(field["label"])
        if field["type"] == "file":
            yield label, words(request).t("incidents.step.file"), f"/file/{value['sha256']}?of={one.id}"
        elif field["type"] == "choice":
            names = {each["id"]: each["label"] for each in field["choices"]}
            yield label, words(request).pick(names.get(value, {"vi": str(value)})), ""
        else:
            yield label, words(request).number(value) if isinstance(value, float) else str(value), ""


def _order(request: Request, one: Incident, order: Mapping[str, Any]) -> tuple[str, str]:
    """An order that the playbook proposes, and the form that it fills: words, units of its kind, the limit."""
    said = words(request).pick(order["words"])
    asked = [("title", said[:200]), *(("units", code) for code in _ordered(request, one, order["to"]))]
    hours = f"{order.get('done_hours', 0):g}"
    asked += [("hours", hours)] if hours in HOURS else []
    return said, f"/incident/{one.name}/order?{urlencode(asked)}"


def _ordered(request: Request, one: Incident, kind: str) -> list[str]:
    """Who gets such an order: the unit itself, or the offices of that kind in its province."""
    if not kind:
        return [one.unit]
    every = organisations(parts(request).hub)
    return [each.id for each in every if each.kind == kind and each.unit[:2] == one.unit[:2]][:OFFICES]


def thing(request: Request, entity_id: str) -> Thing:
    """Something by its id, as far as this visitor may see it."""
    kind = entity_id.split(":")[2] if entity_id.count(":") > 2 else ""  # urn:ngsi-ld:<type>:…
    address, icon = PAGE_OF.get(kind, ("/walk/{}", "trail"))
    href = address.format(entity_id if address.startswith("/walk") else bare(entity_id))
    try:
        entity = parts(request).hub.get(visit(request).actor, entity_id)
    except Missing:
        return Thing(entity_id, "", icon, words(request).t("incidents.hidden", what=type_word(request, kind)), "")
    if kind == "CitizenReport":
        href = f"/case/{entity.value('code', bare(entity_id))}"
    return Thing(entity_id, href, icon, called(request, entity), noted(request, entity))


def type_word(request: Request, kind: str) -> str:
    """The name of a type on screens."""
    return words(request).t(f"type.{kind}") if words(request).has(f"type.{kind}") else kind


def called(request: Request, entity: Entity) -> str:
    """What people call it."""
    value, pick = entity.value, words(request).pick
    if "CitizenReport" in entity.types:
        category = parts(request).citizens.rules.categories.get(value("category", ""))
        return f"{type_word(request, 'CitizenReport')} {value('code', '')}: {pick(category.names) if category else ''}"
    name = pick(value("name") or value("title"))
    subject = pick(value("subjectName"))
    return f"{name}, {subject}" if subject else name or bare(entity.id)


def noted(request: Request, entity: Entity) -> str:
    """The one thing to know of it: how it stands."""
    value, t = entity.value, words(request).t
    if "Alarm" in entity.types:
        return t(f"evidence.code.{'active' if value('active') else 'cleared'}")
    key = f"evidence.code.{value('state')}"
    return t(key) if words(request).has(key) else ""


def line_rows(request: Request, lines: Iterable[Line], found: Incident) -> list[dict[str, Any]]:
    """The log, the newest first, each line in words."""
    rows, titles = [], {one.id: words(request).pick(one.title) for one in found.steps}
    for one in lines:
        said = one.words or deed_word(request, one.deed, titles)
        if not said:
            continue
        late = words(request).t("incidents.log.came", at=moment(request, one.known)) if one.delayed else ""
        rows.append(
            {
                "at": one.at,
                "time": moment(request, one.at),
                "who": _by(request, one),
                "words": said,
                "kind": one.kind,
                "late": late,
                "why": str(one.deed.get("why") or one.deed.get("words") or ""),
                "note": one.kind == "note",
            }
        )
    return list(reversed(rows))


def _by(request: Request, line: Line) -> str:
    """Who it was; a unit that holds the link of an order acts without an account."""
    by = str(line.deed.get("by") or line.by)
    if by.startswith("link:"):
        return words(request).t("orders.by_link", unit=unit_name(request, by.removeprefix("link:")))
    return who(request, by)


def deed_word(request: Request, deed: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """A deed in words; those of orders have their own catalogue. Empty for what only machines care about."""
    verb = str(deed.get("verb", ""))
    known = {name: str(value) for name, value in deed.items() if isinstance(value, str | int | float)}
    known |= {"unit": unit_name(request, str(deed.get("unit", ""))), "words": str(deed.get("words", ""))}
    known |= {"thing": _said_thing(request, deed), "step": titles.get(str(deed.get("step", "")), "")}
    for key in (f"orders.deed.{verb}", f"warnings.deed.{verb}", f"incidents.deed.{verb}"):
        if words(request).has(key):
            return words(request).t(
                key, **{**known, "thing": _said_thing(request, deed), "step": titles.get(str(deed.get("step", "")), "")}
            )
    return ""


def _said_thing(request: Request, deed: Mapping[str, Any]) -> str:
    return thing(request, str(deed["thing"])).name if deed.get("thing") else ""


def suggestion_row(request: Request, one: Suggestion) -> dict[str, Any]:
    """A suggestion as lists show it."""
    pick = words(request).pick
    return {
        "key": one.name,
        "kind": one.kind,
        "title": pick(dict(one.title)),
        "reasons": [pick(dict(each)) for each in one.reasons],
        "sources": [thing(request, each) for each in one.sources],
        "place": unit_name(request, one.unit),
        "at": one.made_at,
        "due": from_iso(one.due) if one.due else None,
        "late": bool(one.due) and from_iso(one.due or "") < now_us(),
        "incident": bare(one.incident) if one.incident else "",
        "incident_title": thing(request, one.incident).name if one.incident else "",
        "state": one.state,
        "why": one.why,
        "by": who(request, one.decided_by),
        "simulated": one.simulated,
        "drill": one.drill,
    }
