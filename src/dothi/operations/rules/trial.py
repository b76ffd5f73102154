"""What other alarm rules would have done: the last 90 days replayed by both, and where they differ.

Nothing is written. Only rules that differ are run (and the roots that hold them back): the others would have done the
same. It is bounded by the number of places and by time, and runs in a thread.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dothi.ground.clock import DAY, HOUR, iso, now_us
from dothi.ground.errors import Invalid
from dothi.ground.ids import urn
from dothi.hub.model import Actor, Readings, system
from dothi.office.rules import applied, overlay
from dothi.office.rules.model import Difference, Measure, Trial
from dothi.office.rules.model import trial as counted
from dothi.operations.alarms.quality import CALLS
from dothi.operations.alarms.reading import alarm_id
from dothi.operations.alarms.record import hours, moves_of, roster
from dothi.operations.engine.program import Program, attributes_of, make_program, reach_us
from dothi.operations.model import Operations
from dothi.operations.rules.in_force import KIND, Book, units_with_rules
from dothi.operations.rules.model import Aggregate, Rule, leaves
from dothi.operations.rules.parse import parse
from dothi.operations.rules.replay import Episode, Key, Subject, replay

DAYS = 90
MOST_PLACES = 300  # Entities that a trial replays, those of the unit first.
MOST_SECONDS = 120.0
SHIFT = HOUR / 12  # Rising or ending so much earlier or later is a difference.
AFTER = 2 * HOUR  # What was done so long after an alarm ended still came of it.
_ACTS = frozenset({"assign", "incident", "order", "task"})
_SYSTEM = system("operations")
Tables = Mapping[str, Any]
Told = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Tally:
    """What one rule did: alarms raised, those that a root held back, hours up, and those that something came of."""

    raised: int = 0
    held: int = 0
    hours: float = 0.0
    acted: int = 0
    per_operator_day: float = 0.0


@dataclass(frozen=True, slots=True)
class OfRule:
    """One rule under both sets."""

    rule: str
    name: Mapping[str, str]
    before: Tally
    after: Tally


@dataclass(frozen=True, slots=True)
class AlarmTrial:
    """A trial of alarm rules; `left` counts the places that it could not take in."""

    trial: Trial
    rules: tuple[OfRule, ...]
    places: int
    left: int
    readings: int
    seconds: float


def try_rules(
    operations: Operations,
    unit: str | None,
    before: Tables,
    after: Tables,
    now: int | None = None,
    rules: Iterable[str] = (),
    told: Told | None = None,
    days: int = DAYS,
) -> AlarmTrial:
    """Replay the last days of `unit` (None: everywhere) by two tables; `rules` are told of even where they agree.

    Invalid as the parser says, or when it takes too long: then ask for a commune.
    """
    at, began = now_us() if now is None else now, time.monotonic()
    since = at - days * DAY
    sets = _books(operations, unit or "", before, at), _books(operations, unit or "", after, at)
    wanted = _differing(*sets) | set(rules)
    programs = [_program(operations, books, wanted) for books in sets]
    names = _names(programs)
    scope = operations.territory.within(unit) if unit else None
    subjects, called, left = _subjects(operations, programs, names, scope)
    hear = _hearing(told, began)
    reach = max(reach_us(one) for one in programs)
    attributes = frozenset(name for found in names.values() for name in found)
    past = operations.hub.readings(_SYSTEM, subjects, attributes, since - reach, at, lambda share: hear(share * 0.4))
    done = _acts(operations, since, at)
    kept = [
        [one for one in _run(program, subjects, past, at, hear, place) if _counts(one, since, scope)]
        for place, program in enumerate(programs)
    ]
    per_day = _operator_days(operations, since, at)
    told_of = [_of_rule(name, sets, kept, done, at, per_day) for name in sorted(wanted)]
    found = _trial(operations, since, len(subjects), kept, called, told_of)
    readings = sum(len(one.values) for one in past.values())
    return AlarmTrial(found, tuple(told_of), len(subjects), left, readings, time.monotonic() - began)


def _names(programs: Iterable[Program]) -> dict[str, frozenset[str]]:
    """Which attributes the programs want, by type."""
    found: dict[str, frozenset[str]] = {}
    for program in programs:
        for kind, names in attributes_of(program).items():
            found[kind] = found.get(kind, frozenset()) | names
    return found


def _run(
    program: Program, subjects: Mapping[str, Subject], past: Mapping[Key, Readings], at: int, hear: Told, place: int
) -> list[Episode]:
    return replay(program, subjects, past, at, lambda share: hear(0.4 + 0.3 * (place + share)))


def _hearing(told: Told | None, began: float) -> Told:
    """Tells on how far it is, and stops what takes too long."""

    def hear(share: float) -> None:
        if time.monotonic() - began > MOST_SECONDS:
            raise Invalid(f"Trying took more than {MOST_SECONDS:.0f} seconds: ask for one commune.", field="unit")
        if told is not None:
            told(share)

    return hear


def _books(operations: Operations, unit: str, tables: Tables, at: int) -> dict[str, Book]:
    """The books of a unit and of the units below it that said something of their own, under these tables."""
    books = {"": Book((), parse(tables), {})}
    for code in units_with_rules(operations):
        levels = [one.code for one in operations.territory.chain(code)] if operations.territory.knows(code) else []
        if code in ("", unit) or (unit and unit not in levels) or operations.adopted is None:
            continue
        below = levels[levels.index(unit) + 1 :] if unit else levels
        whole = tables
        for one in applied(operations.adopted, KIND, code, at):
            whole = overlay(whole, one.tables) if one.unit in below else whole
        books[code] = Book((), parse(whole), {})
    return books


def _differing(before: Mapping[str, Book], after: Mapping[str, Book]) -> set[str]:
    """The rules that are not the same in both, somewhere."""
    pairs = [(before[unit].rules, after[unit].rules) for unit in before]
    return {name for was, is_ in pairs for name in {*was, *is_} if was.get(name) != is_.get(name)}


def _program(operations: Operations, books: Mapping[str, Book], wanted: set[str]) -> Program:
    """Only the wanted rules of each book, and the roots that hold them back."""
    kept = {}
    for unit, book in books.items():
        some = {name: rule for name, rule in book.rules.items() if name in wanted}
        roots = {root for rule in some.values() for root in rule.inhibited_by}
        kept[unit] = Book((), {**some, **{name: book.rules[name] for name in roots}}, {})
    here = operations.territory

    def above(unit: str) -> tuple[str, ...]:
        return tuple(one.code for one in here.chain(unit)) if here.knows(unit) else ()

    return make_program(kept, above, operations.calendar)


def _subjects(
    operations: Operations,
    programs: list[Program],
    names: Mapping[str, frozenset[str]],
    scope: frozenset[str] | None,
) -> tuple[dict[str, Subject], dict[str, str], int]:
    """(the places to replay, what people call them, how many are left out)."""
    wide = scope is None or any(_wide(one.rule) for program in programs for one in program.rules())
    found: dict[str, Subject] = {}
    called: dict[str, str] = {}
    for kind in names:
        for entity in operations.hub.find(_SYSTEM, kind, limit=20_000):
            unit = entity.value("unit", "") or ""
            if wide or scope is None or unit in scope:
                found[entity.id] = Subject(tuple(entity.types), unit)
                name = entity.value("name")
                called[entity.id] = str((name.get("vi") if isinstance(name, Mapping) else name) or "")
    near = sorted(found, key=lambda one: scope is not None and found[one].unit not in scope)[:MOST_PLACES]
    return {name: found[name] for name in near}, called, len(found) - len(near)


def _wide(rule: Rule) -> bool:
    """Whether a rule asks for members beyond its own commune."""
    return any(isinstance(leaf, Aggregate) and leaf.over not in ("subject", "unit") for leaf in leaves(rule.when))


def _counts(one: Episode, since: int, scope: frozenset[str] | None) -> bool:
    return (one.end is None or one.end > since) and one.start >= since and (scope is None or one.unit in scope)


def _acts(operations: Operations, since: int, until: int) -> dict[str, list[int]]:
    """When something was done about each alarm: more than seeing it."""
    found: dict[str, list[int]] = {}
    for move in moves_of(hours(operations, _SYSTEM, since, until)):
        if move.what in _ACTS:
            found.setdefault(move.alarm, []).append(move.at)
    return found


def lately(operations: Operations, actor: Actor, unit: str, since: int, until: int) -> dict[str, tuple[int, int]]:
    """(how often alarms of a rule called, how many of those alarms led to action) in a span, by rule."""
    scope = operations.territory.within(unit) if unit else None
    calls, led, alarms = Counter[str](), dict[str, set[str]](), dict[str, set[str]]()
    for move in moves_of(hours(operations, actor, since, until), scope):
        if move.what in CALLS:
            calls[move.rule] += 1
            alarms.setdefault(move.rule, set()).add(move.alarm)
        elif move.what in _ACTS:
            led.setdefault(move.rule, set()).add(move.alarm)
    return {rule: (n, len(led.get(rule, set()) & alarms[rule])) for rule, n in calls.items()}


def _operator_days(operations: Operations, since: int, until: int) -> float:
    """Days of one operator's duty in the span, as the roster says; one operator where there is no roster."""
    there = roster(operations, since, until)
    steps = range(since, until, 6 * HOUR)
    return sum(there(at) for at in steps) * 6 * HOUR / DAY


def _of_rule(
    name: str,
    sets: tuple[Mapping[str, Book], Mapping[str, Book]],
    kept: list[list[Episode]],
    done: Mapping[str, list[int]],
    until: int,
    days: float,
) -> OfRule:
    known = next(book.rules[name] for books in sets[::-1] for book in books.values() if name in book.rules)
    tallies = [_tally([one for one in some if one.rule == name], done, until, days) for some in kept]
    return OfRule(name, known.name, *tallies)


def _tally(some: list[Episode], done: Mapping[str, list[int]], until: int, days: float) -> Tally:
    called = [one for one in some if not one.held]
    acted = sum(_led(one, done.get(alarm_id(one.rule, _subject(one.cause)), []), until) for one in called)
    up = sum(one.hours(until) for one in called)
    return Tally(len(called), len(some) - len(called), up, acted, len(called) / days if days else 0.0)


def _subject(cause: str) -> str:
    """The id under which an alarm stands: of its subject, or of the unit that is its area."""
    return cause if cause.startswith("urn:") else urn("AdministrativeUnit", cause)


def _led(one: Episode, acts: list[int], until: int) -> bool:
    return any(one.start <= at <= (until if one.end is None else one.end + AFTER) for at in acts)


def _trial(
    operations: Operations,
    since: int,
    places: int,
    kept: list[list[Episode]],
    called: Mapping[str, str],
    rules: list[OfRule],
) -> Trial:
    words = {one.rule: one.name for one in rules}
    shown = [[one for one in some if one.rule in words and not one.held] for some in kept]
    found = [
        Difference(kind, cause, f"{words[rule].get('vi', rule)}: {_place(operations, cause, called)}", was, would_be)
        for kind, rule, cause, was, would_be in _differences(*shown)
    ]
    pairs = [(one.before, one.after) for one in rules]
    measures = (
        _measure("alarms_raised", pairs, lambda tally: tally.raised),
        _measure("alarms_hours", pairs, lambda tally: round(tally.hours)),
        _measure("alarms_acted", pairs, lambda tally: tally.acted),
    )
    return counted(iso(since), places, measures, found)


def _measure(name: str, pairs: list[tuple[Tally, Tally]], of: Callable[[Tally], int]) -> Measure:
    before, after = (sum(of(pair[side]) for pair in pairs) for side in (0, 1))
    return Measure(name, max(before, after), before, after)


def _place(operations: Operations, cause: str, called: Mapping[str, str]) -> str:
    if cause in called:
        return called[cause] or cause.rpartition(":")[2]
    return operations.territory.unit(cause).name if operations.territory.knows(cause) else cause


def _differences(before: list[Episode], after: list[Episode]) -> list[tuple[str, str, str, str, str]]:
    """(kind, rule, cause, from–to before, from–to after) of alarms that only one has, or that differ in time."""
    found = []
    late: dict[tuple[str, str], list[Episode]] = {}
    for one in after:
        late.setdefault((one.rule, one.cause), []).append(one)
    matched: set[int] = set()
    for one in before:
        same = next(
            (each for each in late.get((one.rule, one.cause), ()) if _meet(one, each) and id(each) not in matched), None
        )
        if same is None:
            found.append(("alarm_gone", one.rule, one.cause, _span(one), ""))
            continue
        matched.add(id(same))
        if abs(same.start - one.start) > SHIFT or _ends_apart(one, same):
            found.append(("alarm_shifted", one.rule, one.cause, _span(one), _span(same)))
    found += [("alarm_new", one.rule, one.cause, "", _span(one)) for one in after if id(one) not in matched]
    return found


def _meet(one: Episode, other: Episode) -> bool:
    return (one.end is None or other.start <= one.end) and (other.end is None or one.start <= other.end)


def _ends_apart(one: Episode, other: Episode) -> bool:
    if one.end is None or other.end is None:
        return one.end is not other.end
    return abs(one.end - other.end) > SHIFT


def _span(one: Episode) -> str:
    """From–to as two instants with a bar; open where it was still up."""
    return f"{iso(one.start)}/{iso(one.end) if one.end is not None else ''}"
