"""The record of the centre by hours: the moves of its alarms, and how often its screens were opened, without persons.

A consumer of the feed writes one entity for each hour, so that the figures of a month are read from some hundred
entities and not from the log of every reading. What the last half minute brought is still on its way.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from dothi.ground.clock import HOUR, from_iso, iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.ground.ids import urn
from dothi.hub.model import (
    ABSENT,
    Actor,
    Attribute,
    Change,
    Commit,
    Entity,
    Logged,
    LoggedCommit,
    Op,
    default_instance,
    instance_value,
    json_prop,
    prop,
)
from dothi.operations.alarms.handling import Aims, rules_at
from dothi.operations.alarms.quality import Moved, Quality, measure
from dothi.operations.alarms.reading import ENGINE, MOST, TYPE, comments_of, find_alarm, open_alarms, state_of
from dothi.operations.model import OWNER, Operations, Priority

CONSUMER = "alarms.record"
NOUN = "CentreHour"
FLUSH_S = 20.0
HOURS_MOST = 24 * 92
DECODED_MOST = 24 * 32  # Hours whose moves stay read: a month.
CURSOR_EVERY = 2000
_FOLLOWED = frozenset({TYPE, "Order", "IncidentReview"})
_BACK = frozenset({"unshelve", "release", "put_back"})

Opened = Mapping[str, Mapping[str, int]]  # Screen → role → how often.


@dataclass
class Recorder:
    """What was read from the feed and is not written yet."""

    operations: Operations
    seq: int
    stored: int
    moves: list[Moved] = field(default_factory=list)


async def run(operations: Operations) -> None:
    """Follow the feed and write the hours until cancelled. To be run by one process, the leader."""
    position = operations.hub.cursor(CONSUMER)
    recorder = Recorder(operations, position, position)
    async with asyncio.TaskGroup() as group:
        group.create_task(_follow(recorder))
        group.create_task(_tick(recorder))


async def _follow(recorder: Recorder) -> None:
    async for logged in recorder.operations.hub.follow(recorder.stored, lambda types: not _FOLLOWED.isdisjoint(types)):
        take(recorder, logged)


async def _tick(recorder: Recorder) -> None:
    while True:
        await asyncio.sleep(FLUSH_S)
        await flush(recorder)


def take(recorder: Recorder, logged: LoggedCommit) -> None:
    """Read one commit of the feed."""
    if not logged.tenant:
        for entry in logged.entries:
            recorder.moves += _moves(recorder.operations, entry, logged.at)
    recorder.seq = logged.seq


async def flush(recorder: Recorder) -> None:
    """Write what was read, with the position; nothing when nothing came."""
    moves, seq = recorder.moves, recorder.seq
    if not moves and seq - recorder.stored < CURSOR_EVERY:
        return
    recorder.moves = []
    hours = sorted({one.at // HOUR * HOUR for one in moves})
    try:
        changes = tuple(_hour(recorder.operations, hour, [one for one in moves if _in(one, hour)]) for hour in hours)
        commit = Commit(ENGINE, changes, "hours recorded", cursor=(CONSUMER, seq), owner=OWNER)
        await recorder.operations.hub.commit(commit)
    except BaseException:
        recorder.moves = moves + recorder.moves
        raise
    recorder.stored = seq


def _in(move: Moved, hour: int) -> bool:
    return hour <= move.at < hour + HOUR


def _moves(operations: Operations, entry: Logged, at: int) -> Iterator[Moved]:
    """The moves that one entry of the log makes."""
    if TYPE in entry.types:
        alarm = find_alarm(operations, entry.id)
        whats = [what for what in (_what(entry), "incident" if _said(entry, "incident") else "") if what]
        if alarm is not None:
            yield from (_moved(alarm, what, _when(entry, at)) for what in whats)
    elif _said(entry, "incident") and (entry.status == "created" or _said(entry, "tasks")):
        what = "order" if "Order" in entry.types else "task" if _said(entry, "tasks") else ""
        for name in _alarms_of(operations, str(_said(entry, "incident"))) if what else ():
            if (alarm := find_alarm(operations, name)) is not None:
                yield _moved(alarm, what, at)


def _what(entry: Logged) -> str:
    """The move of an alarm; one that calls somebody again after it was held is told apart."""
    what, held, active = (_said(entry, name) for name in ("move", "held", "active"))
    if what == "raise":
        return "raise_held" if held else "raise"
    if what in _BACK:
        return "back" if active and not held else str(what)
    return str(what) if what else ""


def _when(entry: Logged, known: int) -> int:
    """When the move was made: its own time, where it says one, else when it was known."""
    observed = (default_instance(entry.attrs.get("move")) or {}).get("observedAt")
    return from_iso(observed) if observed else known


def _said(entry: Logged, name: str) -> Any:
    return instance_value(default_instance(entry.attrs.get(name)))


def _moved(alarm: Entity, what: str, at: int) -> Moved:
    value = alarm.value
    return Moved(at, alarm.id, what, value("rule", ""), value("unit", ""), Priority(value("priority")))


def _alarms_of(operations: Operations, incident: str) -> list[str]:
    try:
        found = operations.hub.get(ENGINE, incident).value("alarms", [])
    except Missing:
        return []
    return [found] if isinstance(found, str) else list(found)


def hour_id(hour: int) -> str:
    """The entity of an hour; `hour` in µs, the full hour in UTC."""
    return urn(NOUN, iso(hour)[:13])


def _hour(operations: Operations, hour: int, moves: list[Moved]) -> Change:
    """The hour with these moves more: a line of text for each alarm and for each move, which reads fastest."""
    name = hour_id(hour)
    found = find_alarm(operations, name)
    alarms = _lines(found.value("alarms", "")) if found else []
    lines = _lines(found.value("moves", "")) if found else []
    places = {alarm.partition(" ")[0]: place for place, alarm in enumerate(alarms)}
    for one in moves:
        if one.alarm not in places:
            places[one.alarm] = len(alarms)
            alarms.append(f"{one.alarm} {one.rule} {one.unit} {one.priority}")
        lines.append(f"{(one.at - hour) // 1000} {places[one.alarm]} {one.what}")
    attrs: dict[str, Attribute] = {
        "hour": prop(iso(hour)),
        "alarms": prop("\n".join(alarms)),
        "moves": prop("\n".join(lines)),
    }
    return Change(Op.UPSERT, name, (NOUN,), attrs)


async def keep_opened(operations: Operations, opened: Opened, now: int | None = None) -> None:
    """Add how often screens were opened, by role; nothing says by whom."""
    hour = (now_us() if now is None else now) // HOUR * HOUR
    while True:
        found = find_alarm(operations, hour_id(hour))
        known = _added([found.value("opened", {}) if found else {}, opened])
        attrs: dict[str, Attribute] = {"hour": prop(iso(hour)), "opened": json_prop(known)}
        change = Change(Op.UPSERT, hour_id(hour), (NOUN,), attrs)
        expect = {change.id: found.version if found else ABSENT}
        with suppress(Conflict):  # Moves were written meanwhile: read again.
            await operations.hub.commit(Commit(ENGINE, (change,), "screens counted", expect, owner=OWNER))
            return


def _added(counts: Iterable[Opened]) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for opened in counts:
        for screen, roles in opened.items():
            for role, count in roles.items():
                total.setdefault(screen, {})[role] = total.get(screen, {}).get(role, 0) + count
    return total


def hours(operations: Operations, actor: Actor, start: int, end: int) -> list[Entity]:
    """The hours of a span, oldest first."""
    q = f'hour>="{iso(start // HOUR * HOUR)}";hour<"{iso(end)}"'
    return list(operations.hub.find(actor, NOUN, q, HOURS_MOST, order=("hour",)))


def moves_of(found: Iterable[Entity], units: frozenset[str] | None = None) -> Iterator[Moved]:
    """The moves that hours hold, of some units or of all."""
    for entity in found:
        for one in _decoded(entity.value("hour"), entity.value("alarms", ""), entity.value("moves", "")):
            if units is None or one.unit in units:
                yield one


@lru_cache(maxsize=DECODED_MOST)
def _decoded(hour: str, alarms: str, moves: str) -> tuple[Moved, ...]:
    """The moves that the texts of an hour say; kept, since an hour that is over changes no more."""
    begin = from_iso(hour)
    told = [(name, rule, unit, Priority(rank)) for name, rule, unit, rank in (one.split(" ") for one in _lines(alarms))]
    rows = (line.split(" ") for line in _lines(moves))
    return tuple(
        Moved(begin + int(offset) * 1000, told[int(place)][0], what, *told[int(place)][1:])
        for offset, place, what in rows
    )


def _lines(text: str) -> list[str]:
    return text.split("\n") if text else []


def opened_of(found: Iterable[Entity]) -> dict[str, dict[str, int]]:
    """Screen → role → how often it was opened in these hours."""
    return _added(entity.value("opened", {}) for entity in found)


def quality(operations: Operations, found: Iterable[Entity], start: int, end: int, unit: str = "") -> Quality:
    """The figures of a span (µs) from its hours, of a unit with what lies in it, or of the whole centre."""
    rules = rules_at(operations, unit or operations.home or None, end)
    units = operations.territory.within(unit) if unit else None
    return measure(moves_of(found, units), start, end, roster(operations, start, end), rules.flood, rules.aims)


def roster(operations: Operations, start: int, end: int) -> "Roster":
    """Who was on shift in a span, as the roster says."""
    found = operations.hub.find(ENGINE, "Shift", f'ends>"{iso(start)}";starts<"{iso(end)}"', MOST)
    return Roster(
        tuple(
            (from_iso(one.value("starts")), from_iso(one.value("ends")), str(one.value("officer", one.id)))
            for one in found
            if not one.value("drill", False)
        )
    )


@dataclass(frozen=True, slots=True)
class Roster:
    """Shifts as (start, end, officer); called with an instant (µs) it tells how many were there, 1 without a roster."""

    shifts: tuple[tuple[int, int, str], ...]

    def __call__(self, at: int) -> int:
        """How many operators were there."""
        return max(1, len({officer for start, end, officer in self.shifts if start <= at < end}))


@dataclass(frozen=True, slots=True)
class Standing:
    """What lies about now: open alarms, those active or untouched for too long, and how many are held back."""

    open: int
    standing: tuple[Entity, ...]
    stale: tuple[Entity, ...]
    held: Mapping[str, int]


def standing_now(operations: Operations, actor: Actor, aims: Aims, now: int) -> Standing:
    """How the open alarms stand, those that wait longest first."""
    found = sorted(open_alarms(operations, actor), key=lambda one: from_iso(one.value("since")))
    old = [one for one in found if state_of(one).active and now - from_iso(one.value("since")) > aims.standing]
    stale = [one for one in found if now - _touched(one) > aims.stale]
    held = {
        name: operations.hub.find(actor, TYPE, f'held=="{name}"', 0, count=True).count or 0
        for name in ("shelved", "suppressed", "out")
    }
    return Standing(len(found), tuple(old), tuple(stale), held)


def _touched(alarm: Entity) -> int:
    """When (µs) a hand last was on an open alarm, else when it came up."""
    said = [alarm.value("since"), alarm.value("acknowledgedAt"), *(one.at for one in comments_of(alarm))]
    return max(from_iso(one) for one in said if one)
