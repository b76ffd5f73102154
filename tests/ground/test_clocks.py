"""The engine of deadlines: what adds up, what a pause may do, and the days of Vietnam by the clock on the wall."""

from dataclasses import replace
from datetime import date, datetime, time

from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.ground.calendar import Amendment, vietnam
from dothi.ground.clock import DAY, HOUR, MINUTE, VIETNAM, from_datetime
from dothi.ground.clocks import (
    Limit,
    Mark,
    What,
    deadline,
    due_by,
    late,
    mark_json,
    marks_of,
    read,
    shifted,
    time_between,
)

CALENDAR = vietnam()
NORMAL, URGENT = Limit(8), Limit(4, always=True)


def at(day: int, month: int, year: int, hour: int = 9, minute: int = 0) -> int:
    """An instant by the clock on the wall in Vietnam."""
    return from_datetime(datetime(year, month, day, hour, minute, tzinfo=VIETNAM))


MONDAY = at(16, 11, 2026, 8)
INSTANTS = st.integers(0, 60 * 24 * 60).map(lambda minutes: MONDAY + minutes * MINUTE)
WHO = st.sampled_from(["19789", "19753", "46"])
MARKS = st.lists(
    st.one_of(
        st.builds(
            Mark, INSTANTS, st.sampled_from([What.START, What.HAND]), WHO, st.sampled_from(["receive", "handle"])
        ),
        st.builds(Mark, INSTANTS, st.just(What.STAGE), stage=st.sampled_from(["receive", "handle", "reply"])),
        st.builds(
            Mark,
            INSTANTS,
            st.just(What.PAUSE),
            st.sampled_from(["reporter", "weather"]),
            until=st.one_of(st.none(), INSTANTS),
        ),
        st.builds(Mark, INSTANTS, st.sampled_from([What.RESUME, What.STOP])),
    ),
    max_size=8,
)
ALWAYS = st.booleans()


def between_starts_and_stops(marks: list[Mark], now: int, *, always: bool) -> int:
    """All the time that a case was open, counted apart from the engine."""
    total, since = 0, None
    for mark in sorted(marks, key=lambda one: (one.at, list(What).index(one.what))):
        if mark.at > now:
            break
        if mark.what is What.START and since is None:
            since = mark.at
        elif mark.what is What.STOP and since is not None:
            total += time_between(since, mark.at, CALENDAR, always=always)
            since = None
    return total if since is None else total + time_between(since, now, CALENDAR, always=always)


@settings(max_examples=60)
@given(MARKS, INSTANTS, ALWAYS)
def test_what_was_held_and_what_was_waited_for_add_up(marks: list[Mark], now: int, always: bool) -> None:
    """No minute is charged twice and none is lost, whatever happened in whatever order."""
    found = read(marks, CALENDAR, now, always=always)
    assert found.total == sum(found.held.values()) + sum(found.waited.values())
    assert found.total == between_starts_and_stops(marks, now, always=always)
    assert sum(found.stages.values()) == found.used


@settings(max_examples=60)
@given(MARKS, INSTANTS, st.randoms(), ALWAYS)
def test_the_order_of_marks_does_not_matter(marks: list[Mark], now: int, random: object, always: bool) -> None:
    """Equal data read alike, however they are listed; written down and read again they say the same."""
    mixed = list(marks)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert read(mixed, CALENDAR, now, always=always) == read(marks, CALENDAR, now, always=always)
    assert deadline(mixed, Limit(8, always), CALENDAR) == deadline(marks, Limit(8, always), CALENDAR)
    assert list(marks_of([mark_json(one) for one in marks])) == marks


@settings(max_examples=60)
@given(INSTANTS, INSTANTS, st.one_of(st.none(), INSTANTS), ALWAYS)
def test_a_pause_takes_nothing_back_and_gives_no_time_away(
    pause: int, now: int, until: int | None, always: bool
) -> None:
    """What was used before a pause stays used; while it lasts no more is; the deadline never comes nearer."""
    begun = Mark(MONDAY, What.START, "19789", "handle")
    waits = Mark(pause, What.PAUSE, "reporter", until=until)
    plain, paused = [begun], [begun, waits]
    earlier, later = sorted((pause, now))
    before = read(plain, CALENDAR, earlier, always=always).used
    after = read(paused, CALENDAR, later, always=always).used
    assert before <= after <= read(plain, CALENDAR, later, always=always).used
    if until is None and now >= pause:
        assert after == before
    limit = Limit(24, always)
    first, second = deadline(plain, limit, CALENDAR), deadline(paused, limit, CALENDAR)
    assert first is not None
    assert second is None or second >= first


@settings(max_examples=60)
@given(INSTANTS, INSTANTS, ALWAYS)
def test_a_promise_moved_by_what_was_waited_is_the_deadline_of_all_marks(one: int, other: int, always: bool) -> None:
    """Who keeps the promised day and moves it at each pause promises the same as who works it out from the start."""
    pause, go_on = sorted((one, other))
    begun = Mark(MONDAY, What.START, "19789", "handle")
    waits = [Mark(pause, What.PAUSE, "weather"), Mark(go_on, What.RESUME)]
    promised = deadline([begun], Limit(40, always), CALENDAR)
    assert promised is not None
    assert shifted(promised, waits, CALENDAR, always=always) == deadline([begun, *waits], Limit(40, always), CALENDAR)


@settings(max_examples=60)
@given(INSTANTS, INSTANTS, ALWAYS)
def test_at_the_deadline_the_limit_is_used_to_the_minute(one: int, other: int, always: bool) -> None:
    """A deadline over a pause is the instant at which exactly the limit has been used."""
    pause, go_on = sorted((one, other))
    marks = [
        Mark(MONDAY, What.START, "19789", "handle"),
        Mark(pause, What.PAUSE, "weather"),
        Mark(go_on, What.RESUME),
    ]
    due = deadline(marks, Limit(40, always), CALENDAR)
    assert due is not None
    assert read(marks, CALENDAR, due, always=always).used == 40 * HOUR


def test_samples_receive_in_8_working_hours_and_urgent_in_4_by_day_and_night() -> None:
    """Friday 16:00: the ordinary one is due on Monday, the urgent one the same evening."""
    friday = at(20, 11, 2026, 16)
    assert due_by(friday, NORMAL, CALENDAR) == at(23, 11, 2026, 16)
    assert due_by(friday, URGENT, CALENDAR) == at(20, 11, 2026, 20)
    assert not late(due_by(friday, URGENT, CALENDAR), at(20, 11, 2026, 20))
    assert late(at(20, 11, 2026, 20), at(20, 11, 2026, 20, 1))
    assert not late(None, friday)


def test_tet_hung_kings_and_swapped_saturdays() -> None:
    """Tết 2026 (14 to 22 February), giỗ Tổ 2026 (Sunday 26 April, made up on Monday), Saturday 10 January worked."""
    assert due_by(at(13, 2, 2026, 16), NORMAL, CALENDAR) == at(23, 2, 2026, 16)
    assert due_by(at(24, 4, 2026, 16), NORMAL, CALENDAR) == at(28, 4, 2026, 16)
    assert due_by(at(9, 1, 2026, 16), NORMAL, CALENDAR) == at(10, 1, 2026, 16)
    assert due_by(at(13, 2, 2026, 16), URGENT, CALENDAR) == at(13, 2, 2026, 20)


def test_the_hours_and_days_of_a_communes_own_office() -> None:
    """An office that works on Saturday mornings, and one that a storm closed: only theirs changes."""
    morning = (time(7, 30), time(11, 30))
    six_days = vietnam((*CALENDAR.week[:5], (morning,), ()))
    friday = at(20, 11, 2026, 16)
    assert due_by(friday, Limit(4), six_days) == at(21, 11, 2026, 10, 30)
    storm = Amendment(date(2026, 11, 23), working=False, name="Nghỉ bão", source="mẫu", unit="19789")
    closed = vietnam(units=("46", "19789"), amendments=(storm,))
    neighbour = vietnam(units=("46", "19753"), amendments=(storm,))
    assert due_by(friday, NORMAL, closed) == at(25, 11, 2026, 16)  # 24 November is a holiday since 2026.
    assert due_by(friday, NORMAL, neighbour) == at(23, 11, 2026, 16)


def test_a_pause_ends_by_itself_and_the_time_is_charged_to_who_held_it() -> None:
    """Held 2 h by one, waited 1 working day for the reporter, then 3 h held by the next."""
    marks = [
        Mark(MONDAY, What.START, "19789", "receive"),
        Mark(MONDAY + HOUR, What.STAGE, stage="handle"),
        Mark(MONDAY + 2 * HOUR, What.PAUSE, "reporter", until=MONDAY + DAY + 2 * HOUR),
        Mark(MONDAY + DAY + 3 * HOUR, What.HAND, "19753"),
    ]
    found = read(marks, CALENDAR, MONDAY + DAY + 7 * HOUR)  # 15:00; lunch from 11:30 to 13:00.
    assert found.held == {"19789": 3 * HOUR, "19753": 2 * HOUR + 30 * MINUTE}
    assert found.waited == {"reporter": 8 * HOUR}
    assert found.stages == {"receive": HOUR, "handle": 4 * HOUR + 30 * MINUTE}
    assert (found.running, found.holder, found.stage, found.waiting) == (True, "19753", "handle", "")
    still = read(marks, CALENDAR, MONDAY + 5 * HOUR)
    assert (still.waiting, still.used) == ("reporter", 2 * HOUR)
    assert deadline(marks[:3], Limit(8), CALENDAR) == at(18, 11, 2026, 8)  # Taken to wait until Tuesday 10:00.
    open_ended = replace(marks[2], until=None)
    assert deadline([*marks[:2], open_ended], Limit(8), CALENDAR) is None


def test_the_clock_of_a_step_begins_anew_and_a_stopped_case_keeps_its_deadline() -> None:
    """`since` counts from the step's own beginning; what is done is judged by what was owed."""
    marks = [Mark(MONDAY, What.START, "46", "receive"), Mark(MONDAY + 2 * HOUR, What.HAND, "19789")]
    assert deadline(marks, NORMAL, CALENDAR, since=MONDAY + 2 * HOUR) == at(17, 11, 2026, 10)
    done = [*marks, Mark(MONDAY + 4 * HOUR, What.STOP)]
    assert deadline(done, NORMAL, CALENDAR) == deadline(marks, NORMAL, CALENDAR) == at(17, 11, 2026, 8)
    again = [*done, Mark(MONDAY + DAY, What.START, "19789", "receive")]
    assert deadline(again, NORMAL, CALENDAR) == at(18, 11, 2026, 8)
    assert not read(done, CALENDAR, MONDAY + DAY).running
    assert read([], CALENDAR, MONDAY).total == 0
