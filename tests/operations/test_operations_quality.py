"""The quality of alarms by EEMUA 191, against logs made by hand; and the hours that the centre records of itself."""

import asyncio
from pathlib import Path

import pytest

from dothi.ground.clock import DAY, HOUR, MINUTE, SECOND, from_iso, now_us
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Commit, prop, put, rel
from dothi.operations.alarms import handling, quality, record, service, shelving, trying
from dothi.operations.alarms.quality import Moved, by_span, measure
from dothi.operations.alarms.raising import Effect, alarm_change
from dothi.operations.alarms.record import NOUN, Recorder, Roster, moves_of, opened_of
from dothi.operations.alarms.service import ENGINE, alarm_id
from dothi.operations.alarms.workflow import Move
from dothi.operations.model import OWNER, Operations, Priority, Reading
from dothi.territory import Territory
from tests.operations.desk import a_rule

HERE = Territory.load()
T0 = from_iso("2026-11-21T17:00:00Z")  # Midnight in Vietnam.
RULES = handling.parse(handling.shipped())
LAN = Actor("user:lan", frozenset({"duty_officer"}))


def moved(at: int, what: str, alarm: str = "a", priority: Priority = Priority.LOW) -> Moved:
    return Moved(T0 + at, alarm, what, f"rule-{alarm}", "19789", priority)


def measured(*moves: Moved, span: int = 2 * HOUR, operators: int = 1) -> quality.Quality:
    return measure(moves, T0, T0 + span, lambda _: operators, RULES.flood, RULES.aims)


def test_rates_are_for_one_operator_and_ten_minutes() -> None:
    """Twelve calls in one slot of an hour: two on average, a peak of twelve, a flood; for two operators none."""
    calls = [moved(n * SECOND, "raise", f"a{n}") for n in range(12)]
    one = measured(*calls, span=HOUR)
    assert (one.calls, one.mean, one.peak, one.peak_at) == (12, 2, 12, T0)
    assert (one.within_aim, one.in_flood, one.floods) == (5 / 6, 1 / 6, 1)
    two = measured(*calls, span=HOUR, operators=2)
    assert (two.mean, two.peak, two.in_flood) == (1, 6, 0)


def test_a_quiet_night_is_no_gap() -> None:
    """No moves at all: every rate is zero, nothing was taken, nobody is divided by."""
    none = measured()
    assert (none.calls, none.mean, none.peak_at, none.acted) == (0, 0, None, None)
    assert (none.within_aim, none.taken.median, none.offenders) == (1, None, ())


def test_only_what_calls_somebody_counts() -> None:
    """An alarm raised behind its root or in maintenance calls nobody; one that comes back from a shelf does."""
    found = measured(moved(0, "raise_held"), moved(1, "clear"), moved(2, "back"), moved(3, "turn"), moved(4, "chatter"))
    assert (found.calls, found.chattering, found.moves["chatter"]) == (1, 1, 1)


def test_the_time_until_a_hand_takes_it() -> None:
    """Median and nine in ten by the hour of the call in Vietnam; who called twice waited from the first call on."""
    taken = [
        move
        for n in range(10)
        for move in (moved(n, "raise", f"a{n}"), moved(n + (n + 1) * MINUTE, "acknowledge", f"a{n}"))
    ]
    found = measured(*taken).taken
    assert (found.count, found.median, found.p90) == (10, round(5.5 * MINUTE), 9 * MINUTE)
    assert (found.by_hour[0], found.by_hour[1]) == (round(5.5 * MINUTE), None)
    again = measured(
        moved(0, "raise"), moved(MINUTE, "clear"), moved(2 * MINUTE, "raise"), moved(5 * MINUTE, "acknowledge")
    )
    assert (again.taken.count, again.taken.median) == (1, 5 * MINUTE)
    shelved = measured(moved(0, "raise"), moved(MINUTE, "shelve"))
    assert shelved.taken.median == MINUTE


def test_the_worst_offenders_with_their_share() -> None:
    """Ten at most, the one that called most first, with its rule and its share of all calls."""
    moves = [moved(n * SECOND, "raise", "loud") for n in range(6)]
    moves += [moved(n * MINUTE, "raise", f"b{n:02}") for n in range(12)]
    worst = measured(*moves, moved(3, "chatter", "loud")).offenders
    assert len(worst) == 10
    assert (worst[0].alarm, worst[0].rule, worst[0].calls, worst[0].share, worst[0].chattered) == (
        "loud",
        "rule-loud",
        6,
        6 / 18,
        1,
    )


def test_what_alarms_led_to() -> None:
    """Of three alarms that called two were taken, one of them was given on and became an incident with an order."""
    calls = [moved(n, "raise", name) for n, name in enumerate("abc")]
    found = measured(
        *calls,
        moved(5, "acknowledge", "a"),
        moved(6, "acknowledge", "b"),
        *(moved(7, what, "a") for what in ("assign", "incident", "order")),
        moved(8, "assign", "d"),
    )
    assert found.led == {"acknowledge": 2, "assign": 1, "incident": 1, "order": 1, "task": 0, "any": 1}
    assert found.acted == pytest.approx(1 / 3)
    assert found.priorities == {Priority.URGENT: 0, Priority.HIGH: 0, Priority.MEDIUM: 0, Priority.LOW: 3}


def test_the_chart_shows_the_peaks() -> None:
    """A month is drawn by six hours, and a peak of ten minutes is not averaged away."""
    found = measured(*(moved(DAY + n, "raise", f"a{n}") for n in range(9)), span=30 * DAY)
    points = by_span(found)
    assert len(points) == 120
    assert dict(points)[T0 + DAY] == 9


def test_other_limits_are_tried_on_what_was() -> None:
    """A call taken after 40 minutes is in time by a limit of 480 and late by 30; a lower limit finds the flood."""
    moves = [moved(0, "raise"), moved(40 * MINUTE, "acknowledge"), moved(HOUR, "raise", "b")]
    cases = list(trying.waits(moves))
    assert [(one.alarm, one.taken) for one in cases] == [("a", T0 + 40 * MINUTE), ("b", None)]
    rows = [{**row, "acknowledge_minutes": 30} for row in handling.shipped()["priority"]]
    strict = handling.parse({**handling.shipped(), "priority": rows, "flood": {"alarms": 2, "over": 1}})
    found = trying.judged(cases, [3.0, 0.0], (RULES, strict), {"a": "Trạm A"}, T0, T0 + HOUR + MINUTE)
    told = {one.name: (one.of, one.before, one.after) for one in found.measures}
    assert told == {"alarms_late": (2, 0, 1), "alarms_handed": (2, 0, 0), "slots_flooded": (2, 0, 1)}
    assert [(one.kind, one.name) for one in found.samples] == [("late", "Trạm A")]


def test_operators_by_the_roster() -> None:
    """Officers whose shifts overlap are counted; one who stands there twice is one; nobody counts as 1."""
    shifts = ((T0, T0 + HOUR, "lan"), (T0, T0 + HOUR, "lan"), (T0, T0 + 2 * HOUR, "binh"))
    roster = Roster(shifts)
    assert [roster(T0 + n * HOUR) for n in range(3)] == [2, 1, 1]


def test_the_centre_records_its_own_hours(tmp_path: Path) -> None:
    """Raised, taken, shelved, back, made an incident with an order: the hours hold every move once, over a restart."""

    async def story(hub: Hub, operations: Operations) -> None:
        one = a_rule("high")
        name = alarm_id(one.id, "urn:x")
        began = now_us()
        effect = Effect(one, Reading("urn:x", 1, began, began), Move.RAISE)
        change, version = alarm_change(operations, effect, began) or (None, 0)
        assert change is not None
        await hub.commit(Commit(ENGINE, (change,), expect={name: version}, owner=OWNER))
        await service.acknowledge(operations, LAN, name)
        await caught_up(operations)
        await shelving.shelve(operations, LAN, name, 1, "chờ sửa")
        await shelving.unshelve(operations, LAN, name)
        incident = put("urn:ngsi-ld:Incident:1", "Incident", alarms=rel([name]))
        order = put("urn:ngsi-ld:Order:1", "Order", incident=rel("urn:ngsi-ld:Incident:1"))
        await hub.commit(Commit(ENGINE, (incident, order), owner=OWNER))
        for _ in range(2):
            await caught_up(operations)
        found = list(hub.find(LAN, NOUN))
        whats = [move.what for move in moves_of(found)]
        assert sorted(whats) == sorted(["raise", "acknowledge", "shelve", "back", "order"])
        assert list(moves_of(found, frozenset({"99999"}))) == []
        await record.keep_opened(operations, {"/situation": {"duty_officer": 2}})
        await record.keep_opened(operations, {"/situation": {"duty_officer": 1, "leader": 1}})
        assert opened_of(hub.find(LAN, NOUN)) == {"/situation": {"duty_officer": 3, "leader": 1}}
        now = found[-1].modified_at + HOUR
        figures = record.quality(operations, record.hours(operations, LAN, now - DAY, now), now - DAY, now)
        assert (figures.calls, figures.alarms, figures.led["any"]) == (2, 1, 1)
        await hub.commit(Commit(ENGINE, (put("urn:y", "Alarm", active=prop(False), open=prop(False)),), owner=OWNER))
        standing = record.standing_now(operations, LAN, RULES.aims, now + 2 * DAY)
        assert (standing.open, len(standing.standing), len(standing.stale)) == (1, 1, 1)

    play(tmp_path, story)


async def caught_up(operations: Operations) -> None:
    """What the consumer does between two looks at the clock."""
    position = operations.hub.cursor(record.CONSUMER)
    recorder = Recorder(operations, position, position)
    for logged in operations.hub.log(position):
        record.take(recorder, logged)
    await record.flush(recorder)


def play(folder: Path, story: object) -> None:
    async def run() -> None:
        hub = Hub(folder, Open())
        operations = Operations(hub, HERE)
        service.own(operations)
        try:
            await story(hub, operations)  # type: ignore[operator]
        finally:
            await hub.close()

    asyncio.run(run())
