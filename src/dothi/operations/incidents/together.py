"""What belongs together: a new alarm, report, bulletin or incident is held against those that are open, by a table.

`judge` is pure: two signs and the weights in force give a score with its reasons. The consumer of the feed writes what
reaches the least as a suggestion; a person joins them or says no.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shapely.geometry import shape

from dothi.ground.clock import HOUR, SECOND, from_iso, iso, now_us
from dothi.ground.errors import Missing
from dothi.ground.geometry import haversine_m
from dothi.hub.model import ABSENT, Commit, Entity, Logged, LoggedCommit
from dothi.operations.incidents.model import SYSTEM, TYPE, several
from dothi.operations.incidents.playbooks.tables import Rules, Together, rules_at
from dothi.operations.incidents.suggestions import (
    TOGETHER,
    NewSuggestion,
    Words,
    known,
    suggestion_change,
)
from dothi.operations.model import OWNER, Operations

CONSUMER = "incidents together"
WATCHED = frozenset({"Alarm", "CitizenReport", "Bulletin", TYPE})
CURSOR_EVERY = 200
MOST, LOOSE = 500, 200  # Open incidents, and loose signs of each type, that are held against a new one.
FRESH = SECOND  # How old what was looked at may be.
FOREVER = 1 << 62  # Until when something lasts that has no end yet (µs).


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that tells of an incident: what, where, when (µs, from and to)."""

    id: str
    type: str
    name: Words
    kinds: frozenset[str]
    place: tuple[float, float] | None
    units: frozenset[str]
    since: int
    until: int
    incident: str = ""
    simulated: bool = False
    drill: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How much two signs belong together, and why."""

    score: float
    reasons: tuple[Words, ...]


NONE = Verdict(0.0, ())


def judge(one: Sign, other: Sign, rules: Together) -> Verdict:
    """How much two signs belong together; signs of different kinds, or a drill and the real, never do."""
    if one.drill is not other.drill or (one.kinds and other.kinds and not one.kinds & other.kinds):
        return NONE
    apart = _hours_apart(one, other)
    if apart > rules.hours:
        return NONE
    found = [*_near(one, other, rules), *_same_unit(one, other, rules)]
    if not found:
        return NONE
    found.append((rules.time * (1 - apart / rules.hours), _time_words(apart)))
    if one.kinds & other.kinds:
        found.append((rules.kind, {"vi": "Cùng loại sự việc", "en": "The same kind of incident"}))
    return Verdict(round(sum(weight for weight, _ in found), 3), tuple(words for _, words in found))


def _hours_apart(one: Sign, other: Sign) -> float:
    return max(one.since - other.until, other.since - one.until, 0) / HOUR


def _near(one: Sign, other: Sign, rules: Together) -> Iterator[tuple[float, Words]]:
    if one.place is None or other.place is None:
        return
    metres = haversine_m(*one.place, *other.place)
    if metres <= rules.metres:
        told = round(metres, -1)
        words = {"vi": f"Cách nhau khoảng {told:.0f} m", "en": f"About {told:.0f} m from each other"}
        yield rules.near * (1 - metres / rules.metres), words


def _same_unit(one: Sign, other: Sign, rules: Together) -> Iterator[tuple[float, Words]]:
    if one.units & other.units:
        yield rules.unit, {"vi": "Cùng địa bàn", "en": "In the same unit"}
    elif any(mine[:2] in other.units for mine in one.units) or any(mine[:2] in one.units for mine in other.units):
        yield rules.province, {"vi": "Thuộc tỉnh mà bên kia nói tới", "en": "In the province that the other speaks of"}


def _time_words(apart: float) -> Words:
    if apart < 1 / 60:
        return {"vi": "Cùng lúc", "en": "At the same time"}
    minutes = round(apart * 60)
    if minutes < 90:  # Minutes read well up to here.
        return {"vi": f"Cách nhau {minutes} phút", "en": f"{minutes} minutes from each other"}
    return {"vi": f"Cách nhau {round(apart)} giờ", "en": f"{round(apart)} hours from each other"}


def sign_of(entity: Entity, rules: Rules) -> Sign | None:
    """The sign that an entity is; None for what tells of nothing (closed, imported, without time or unit)."""
    kind = next((one for one in entity.types if one in WATCHED), "")
    return _READ[kind](entity, rules) if kind and entity.value("unit") else None


def _alarm(entity: Entity, rules: Rules) -> Sign | None:
    value = entity.value
    if not value("active") or not value("since"):
        return None
    named = value("playbook", "")  # What the rule's author names comes before what its attribute hints at.
    kinds = {one.kind for one in rules.playbooks.values() if named and named in (one.id, one.kind)} or {
        one.kind for one in rules.playbooks.values() if value("attribute", "") in one.attributes
    }
    name = {language: f"{said} – {value('subjectName', '')}".strip(" –") for language, said in _words(value("name"))}
    return _sign(entity, "Alarm", name, kinds, from_iso(value("since")), None, value("incident", ""))


def _report(entity: Entity, rules: Rules) -> Sign | None:
    value = entity.value
    if not value("open") or value("imported") or not value("filedAt"):
        return None
    kinds = {one.kind for one in rules.playbooks.values() if value("category", "") in one.categories}
    code = value("code", "")
    name = {"vi": f"Phản ánh {code}", "en": f"Report {code}"}
    return _sign(entity, "CitizenReport", name, kinds, from_iso(value("filedAt")), None)


def _bulletin(entity: Entity, rules: Rules) -> Sign | None:
    value = entity.value
    begins = value("effective") or value("sentAt")
    if not begins:
        return None
    kinds = {one.kind for one in rules.playbooks.values() if one.hazard and one.hazard == value("hazard", "")}
    ends = from_iso(value("expires")) if value("expires") else None
    name = dict(_words(value("title")))
    return _sign(entity, "Bulletin", name, kinds, from_iso(begins), ends)


def _incident(entity: Entity, rules: Rules) -> Sign | None:
    value = entity.value
    if not value("open"):
        return None
    name = {"vi": value("title", ""), "en": value("title", "")}
    kinds = {value("kind", "")} - {"other"}
    return _sign(entity, TYPE, name, kinds, from_iso(value("since")), FOREVER, entity.id)


_READ: dict[str, Callable[[Entity, Rules], Sign | None]] = {
    "Alarm": _alarm,
    "CitizenReport": _report,
    "Bulletin": _bulletin,
    TYPE: _incident,
}


def _sign(  # What all kinds have.
    entity: Entity, kind: str, name: Words, kinds: set[str], since: int, until: int | None, incident: str = ""
) -> Sign:
    value = entity.value
    units = frozenset({value("unit"), *value("units", ())})
    return Sign(
        id=entity.id,
        type=kind,
        name=name,
        kinds=frozenset(kinds),
        place=_point(value("location")),
        units=units,
        since=since,
        until=since if until is None else until,
        incident=incident,
        simulated=bool(value("simulated", False)),
        drill=bool(value("drill", False)),
    )


def _words(value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [(language, str(value.get(language) or next(iter(value.values())))) for language in ("vi", "en")]
    return [("vi", str(value or "")), ("en", str(value or ""))]


def _point(geometry: Any) -> tuple[float, float] | None:
    if not geometry:
        return None
    middle = shape(geometry).representative_point()
    return middle.x, middle.y


@dataclass
class Around:
    """What was open when it was looked at (µs), and what has come since: a burst does not ask for all of it again."""

    at: int
    incidents: list[Sign]
    loose: list[Sign]

    def add(self, sign: Sign) -> None:
        """A sign that has just come is there for the next one."""
        (self.incidents if sign.type == TYPE else self.loose).append(sign)


def look_around(operations: Operations, now: int) -> Around:
    """The open incidents, and the signs of late that belong to none."""
    return Around(now, _signs(operations, TYPE, "open==true", now, MOST), loose(operations, now))


def suggested(operations: Operations, sign: Sign, now: int, around: Around) -> NewSuggestion | None:
    """What a new sign suggests: to join the open incident that fits best, else to open one with signs like it."""
    rules = rules_at(operations, min(sign.units), now).together
    if sign.type != TYPE and sign.incident:
        return None
    if not sign.kinds and rules.near + rules.unit + rules.time < rules.least:
        return None  # Place and time alone are not enough.
    joined, best = _best(sign, [one for one in around.incidents if one.id != sign.id], rules)
    if joined is not None:
        if _members(operations, joined.id, sign.id):
            return None
        title = {
            "vi": f"{sign.name['vi']} có thể thuộc sự việc “{joined.name['vi']}”",
            "en": f"{sign.name['en']} may belong to the incident “{joined.name['en']}”",
        }
        cause = "|".join(sorted((sign.id, joined.id)))
        return _new(sign, cause, title, best.reasons, (sign.id, joined.id), joined)
    if sign.type == TYPE:
        return None
    judged = [(one, judge(sign, one, rules)) for one in around.loose if one.id != sign.id]
    alike = [(one, verdict) for one, verdict in judged if verdict.score >= rules.least]
    if not alike:
        return None
    every = sorted([sign, *(one for one, _ in alike)], key=lambda one: (one.since, one.id))
    title = {
        "vi": f"{len(every)} tín hiệu có thể là một sự việc: {every[0].name['vi']}",
        "en": f"{len(every)} signs may be one incident: {every[0].name['en']}",
    }
    reasons = tuple(
        {language: f"{one.name[language]}: {_joined(verdict, language)}" for language in ("vi", "en")}
        for one, verdict in alike
    )
    return _new(sign, f"open|{every[0].id}", title, reasons, tuple(one.id for one in every), None)


def _joined(verdict: Verdict, language: str) -> str:
    said = [one[language] for one in verdict.reasons]
    return ", ".join([said[0], *(one[:1].lower() + one[1:] for one in said[1:])])


def _best(sign: Sign, others: Sequence[Sign], rules: Together) -> tuple[Sign | None, Verdict]:
    judged = [(one, judge(sign, one, rules)) for one in others]
    fitting = [pair for pair in judged if pair[1].score >= rules.least]
    return max(fitting, key=lambda pair: pair[1].score, default=(None, NONE))


def _new(
    sign: Sign, cause: str, title: Words, reasons: tuple[Words, ...], sources: tuple[str, ...], joined: Sign | None
) -> NewSuggestion:
    other = joined or sign
    return NewSuggestion(
        kind=TOGETHER,
        cause=cause,
        title=title,
        reasons=reasons,
        sources=sources,
        unit=min(other.units, key=lambda one: (-len(one), one)),
        place=None if sign.type == "CitizenReport" else sign.place,  # Where a report lies may be a home.
        incident=joined.id if joined else "",
        simulated=sign.simulated,
        drill=sign.drill,
    )


def _members(operations: Operations, incident: str, thing: str) -> bool:
    """Whether this belongs to the incident already."""
    value = operations.hub.get(SYSTEM, incident).value
    return thing in {*several(value("alarms")), *several(value("reports")), *several(value("bulletins"))}


def loose(operations: Operations, now: int) -> list[Sign]:
    """Signs of late that belong to no open incident, the newest of each type."""
    since = iso(now - int(rules_at(operations, None, now).together.hours * HOUR))
    found = [
        *_signs(operations, "Alarm", f'active==true;since>="{since}"', now, LOOSE, "-since"),
        *_signs(operations, "CitizenReport", f'open==true;filedAt>="{since}"', now, LOOSE, "-filedAt"),
        *_signs(operations, "Bulletin", f'expires>="{iso(now)}"', now, LOOSE, "-expires"),
    ]
    taken = _taken(operations)
    return [one for one in found if one.id not in taken]


def _taken(operations: Operations) -> frozenset[str]:
    found = operations.hub.find(SYSTEM, TYPE, "open==true", MOST)
    return frozenset(
        thing for one in found for slot in ("alarms", "reports", "bulletins") for thing in several(one.value(slot))
    )


def _signs(operations: Operations, kind: str, q: str, now: int, most: int, order: str = "-since") -> list[Sign]:
    found = operations.hub.find(SYSTEM, kind, q, most, order=(order,)).entities
    units = {one.value("unit") for one in found}
    rules = {unit: rules_at(operations, unit, now) for unit in units}
    signs = (sign_of(one, rules[one.value("unit")]) for one in found)
    return [one for one in signs if one is not None]


async def run(operations: Operations) -> None:
    """Follow the feed until cancelled. To be run by one process, the leader."""
    stored = operations.hub.cursor(CONSUMER)
    if not stored:  # A city that is long at work is not gone through from its first day.
        stored = operations.hub.last_seq()
        await operations.hub.commit(Commit(SYSTEM, (), "from here on", cursor=(CONSUMER, stored)))
    around = look_around(operations, now_us())
    async for logged in operations.hub.follow(stored, lambda types: not WATCHED.isdisjoint(types)):
        if logged.entries and now_us() - around.at > FRESH:
            around = look_around(operations, now_us())
        if await react(operations, logged, logged.seq - stored >= CURSOR_EVERY, around=around):
            stored = logged.seq


async def react(
    operations: Operations,
    logged: LoggedCommit,
    remember: bool = False,
    now: int | None = None,
    around: Around | None = None,
) -> bool:
    """Write what one commit of the feed suggests, with the position; whether anything was written."""
    at = now_us() if now is None else now
    begun = [one for one in logged.entries if not logged.tenant and one.status != "deleted" and _begins(one)]
    changes = {}
    if begun:
        seen = look_around(operations, at) if around is None else around
        made = [new for entry in begun if (new := _made(operations, entry, at, seen))]
        changes = {change.id: change for change in (suggestion_change(new, at) for new in made)}
    if not changes and not remember:
        return False
    expect = dict.fromkeys(changes, ABSENT)
    commit = Commit(SYSTEM, tuple(changes.values()), "suggested", expect, cursor=(CONSUMER, logged.seq), owner=OWNER)
    await operations.hub.commit(commit)
    return True


def _made(operations: Operations, entry: Logged, now: int, around: Around) -> NewSuggestion | None:
    with suppress(Missing):
        entity = operations.hub.get(SYSTEM, entry.id)
        sign = sign_of(entity, rules_at(operations, entity.value("unit"), now))
        new = suggested(operations, sign, now, around) if sign is not None else None
        if sign is not None:
            around.add(sign)
        return new if new is not None and not known(operations, new.kind, new.cause) else None
    return None


def _begins(entry: Logged) -> bool:
    """Whether something begins here: it was made, or an alarm was raised anew."""
    return entry.status == "created" or ("Alarm" in entry.types and "since" in entry.attrs)
