"""How shifts and the lines of a note are told: in words, with a link, who has it and whether it is late."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from dothi.ground.clock import DAY, from_iso, now_us
from dothi.hub.model import Entity
from dothi.operations.shifts.matters import is_late
from dothi.operations.shifts.model import Shift, State
from dothi.operations.shifts.rules import book_for
from dothi.web.page import visit, words
from dothi.web.pages.operations.wall.open import PRIORITIES
from dothi.web.pages.shown import unit_name, who
from dothi.web.pages.walk import href_of
from dothi.web.parts import parts

DUTY = frozenset({"duty_officer"})
STATES: Mapping[State, tuple[str, str]] = {
    State.PLANNED: ("plain", "clock"),
    State.ABSENT: ("bad", "bad"),
    State.ON_DUTY: ("good", "good"),
    State.HANDING_OVER: ("note", "note"),
    State.CLOSED: ("grey", "grey"),
    State.MISSED: ("bad", "bad"),
    State.DROPPED: ("grey", "grey"),
}
ICONS = {"incidents": "watch", "orders": "task", "warnings": "alarm", "promises": "promise", "shelved": "clock"}
ICONS |= {"suggestions": "proposal", "sources": "source"}


@dataclass(frozen=True)
class Line:
    """One line of a note as pages show it."""

    href: str
    what: str
    where: str
    note: str
    who: str
    late: bool
    kind: str
    icon: str
    state: str
    drill: bool
    id: str


@dataclass(frozen=True)
class Section:
    """One section of a note: its lines, and what the officer says of it."""

    kind: str
    lines: tuple[Line, ...]
    more: int
    words: str


def home_of(request: Request) -> str:
    """The unit whose book this visitor works with: the one asked for, the one that covers his area, else the city's."""
    asked = request.query_params.get("unit", "")
    if asked and parts(request).territory.knows(asked):
        return asked
    areas, home = sorted(visit(request).actor.areas), parts(request).province or parts(request).operations.home
    return book_for(parts(request).operations, areas[0], home) if areas else home


def note_sections(
    request: Request, found: list[dict[str, Any]], said: Mapping[str, str] | None = None, now: int | None = None
) -> list[Section]:
    """The sections of a note in words; lateness as it was at `now` (µs)."""
    at = now_us() if now is None else now
    return [
        Section(
            one["kind"],
            tuple(line(request, one["kind"], each, at) for each in one["lines"]),
            int(one.get("more", 0)),
            (said or {}).get(one["kind"], ""),
        )
        for one in found
    ]


def line(request: Request, section: str, said: Mapping[str, Any], now: int) -> Line:
    """One line in words."""
    holder = str(said.get("holder") or "")
    assignee = str(said.get("assignee") or "")
    late = is_late(said, now) or section == "sources"
    kind, icon = PRIORITIES.get(str(said.get("priority")), ("note", ICONS.get(section, "todo")))
    has = who(request, holder) if holder else unit_name(request, assignee)
    return Line(
        href(said["id"]),
        name_of(request, said),
        ", ".join(filter(None, [str(said.get("subject") or ""), unit_name(request, said.get("unit"))])),
        told(request, section, said, now),
        has,
        late,
        "bad" if late else kind,
        ICONS.get(section, icon),
        _state(request, section, said),
        bool(said.get("drill")),
        said["id"],
    )


def href(name: str) -> str:
    """Where a thing is shown."""
    kind = name.split(":")[2] if name.startswith("urn:ngsi-ld:") else ""
    return href_of(Entity(name, (kind,), {})) or f"/walk/{name}"


def name_of(request: Request, said: Mapping[str, Any]) -> str:
    """What a line is of."""
    return words(request).pick(said.get("name")) or str(said["id"]).rpartition(":")[2]


def told(request: Request, section: str, said: Mapping[str, Any], now: int) -> str:
    """What is to know of a line beside its name: the next step, until when, since when."""
    here, t = words(request), words(request).t
    if section == "sources":
        return t("shifts.last_seen", age=here.age(said.get("since"), now))
    if section == "shelved":
        return t("shifts.returns", when=here.when(said.get("until")), why=said.get("why", ""))
    if section == "warnings":
        return here.left(said["until"], now) if said.get("until") else ""
    parts_ = [t("shifts.since", when=moment(request, said["since"], now))] if said.get("since") else []
    if said.get("steps"):
        parts_.append(t("shifts.next_step", n=said["steps"], next=here.pick(said.get("next"))))
    if said.get("due") and not said.get("seen"):
        parts_.append(here.left(said["due"], now))
    return " · ".join(parts_)


def moment(request: Request, text: str, now: int) -> str:
    """The time alone while it is of these hours, else with its day."""
    here = words(request)
    return here.time(text) if abs(now - from_iso(text)) < DAY // 2 else here.when(text)


def _state(request: Request, section: str, said: Mapping[str, Any]) -> str:
    t = words(request).t
    if section == "alarms":
        return t("wall.state.seen" if said.get("seen") else "wall.state.unseen")
    if section == "sources":
        return t(f"wall.source.{said.get('state', 'late')}")
    return t(f"shifts.section.{section}")


@dataclass(frozen=True)
class Told:
    """A shift in words."""

    shift: Shift
    name: str
    officer: str
    state: str
    kind: str
    icon: str
    mine: bool
    missing: bool  # It is on and nobody has come.
    href: str
    stands_in: str
    hours: str


def shift_told(request: Request, one: Shift, now: int | None = None) -> Told:
    """A shift as lists show it."""
    at, here = now_us() if now is None else now, words(request)
    kind, icon = STATES[one.state]
    waited = one.state in (State.PLANNED, State.ABSENT) and one.starts <= at < one.ends
    return Told(
        one,
        here.pick(one.names),
        who(request, one.officer) if one.officer else here.t("shifts.anyone"),
        here.t("shifts.state.waited" if waited else f"shifts.state.{one.state}"),
        "bad" if waited else kind,
        "bad" if waited else icon,
        one.officer == visit(request).actor.id,
        waited,
        f"/shift/book/{one.id.split(':', 3)[3]}",
        who(request, one.relieved) if one.relieved else "",
        f"{here.time(one.starts)}–{here.time(one.ends)}",
    )


def instant_of(day: str, time: str) -> int | None:
    """The instant (µs) that a day (yyyy-mm-dd) and a time (hh:mm) in Vietnam name; None when they name none."""
    try:
        return from_iso(f"{day}T{time}:00+07:00")
    except ValueError:
        return None
