"""The life of an alarm: the table, two hands, shelving, maintenance, roots, chattering, escalation; nothing is lost."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from dothi.accounts.model import Organisation
from dothi.ground.clock import HOUR, MINUTE, SECOND, from_iso, iso
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.hub.model import Commit, amend, prop, put, rel
from dothi.operations.alarms import handling, maintenance, service, shelving
from dothi.operations.alarms.floods import Burst, burst_of, calm_at, chatters, in_flood, is_flood
from dothi.operations.alarms.handling import Flapping, Flood
from dothi.operations.alarms.maintenance import Work
from dothi.operations.alarms.reading import comments_of, led_by, open_alarms
from dothi.operations.alarms.service import ENGINE, alarm_id, state_of
from dothi.operations.alarms.workflow import (
    NAMES,
    NEXT,
    NORMAL,
    OPEN,
    ROWS,
    SEEN,
    UNSEEN,
    Move,
    Step,
    check,
    table_text,
)
from dothi.operations.model import OWNER, IllegalMove, Priority
from tests.operations.desk import (
    BEHIND,
    BINH,
    CLERK,
    HERE,
    HIGH,
    LAN,
    OTHER,
    ROOT,
    STATION,
    T0,
    WARD,
    Desk,
    a_rule,
    play,
)

NAME = alarm_id(HIGH.id, STATION)


def test_the_table_is_printed_in_the_docs(repository: Path) -> None:
    """The page about the life of an alarm holds the table exactly as the code has it."""
    assert table_text() in (repository / "docs/howto/life-of-an-alarm.md").read_text()


def test_the_table_holds_what_the_standard_asks() -> None:
    """Clear never acknowledges; nothing that is held is open; every state can come back to normal; nobody else acts."""
    assert len({(row.state, row.move) for row in ROWS}) == len(ROWS)
    for row in ROWS:
        if row.move is Move.CLEAR and not row.state.held:
            assert row.next.acknowledged == row.state.acknowledged
        assert not (row.next.held and row.next in OPEN)
    ways = {state: {after for (before, _), after in NEXT.items() if before == state} for state in NAMES}
    reach = {NORMAL}
    while more := {state for state, found in ways.items() if found & reach} - reach:
        reach |= more
    assert reach == set(NAMES)
    with pytest.raises(Forbidden, match="duty_officer"):
        check(UNSEEN, Move.ACKNOWLEDGE, CLERK.roles, Step())
    with pytest.raises(Forbidden):
        check(UNSEEN, Move.SUPPRESS, LAN.roles, Step())


def test_raised_taken_given_on_and_cleared(tmp_path: Path) -> None:
    """An alarm has an owner and its reasons from the start; taken, commented and assigned it clears to normal."""

    async def story(desk: Desk) -> None:
        await desk.says(HIGH, True)
        alarm = desk.alarm()
        assert (state_of(alarm), alarm.value("assignee"), alarm.value("open")) == (UNSEEN, WARD, True)
        assert alarm.value("reasons") == [{"vi": "vì", "en": "because"}]
        assert alarm.value("due") == iso(T0 + 30 * MINUTE)
        await service.acknowledge(desk.operations, LAN, NAME, "đang xem", T0)
        await service.comment_on(desk.operations, BINH, NAME, "đã gọi trạm", T0 + SECOND)
        power = put("urn:ngsi-ld:Organisation:46.dien-luc", "Organisation", kind=prop("power"), unit=prop("46"))
        await desk.hub.commit(Commit(ENGINE, (power,), owner="accounts"))
        await service.assign(desk.operations, LAN, NAME, "46.dien-luc", "nhờ kiểm tra nguồn", T0 + 2 * SECOND)
        alarm = desk.alarm()
        assert (alarm.value("assignee"), state_of(alarm)) == ("46.dien-luc", SEEN)
        said = [(one.by, one.words) for one in comments_of(alarm)]
        assert said == [("user:lan", "đang xem"), ("user:binh", "đã gọi trạm"), ("user:lan", "nhờ kiểm tra nguồn")]
        for nobody in ("46.khong-co", "99999", "user:nobody"):
            with pytest.raises(Invalid, match="No unit"):
                await service.assign(desk.operations, LAN, NAME, nobody)
        await desk.says(HIGH, False, value=50)
        assert (desk.state(), open_alarms(desk.operations, LAN)) == ("normal", [])
        await service.comment_on(desk.operations, LAN, NAME, "ghi sau", T0)
        with pytest.raises(Invalid, match="empty"):
            await service.comment_on(desk.operations, LAN, NAME, " ")
        with pytest.raises(IllegalMove):
            await service.assign(desk.operations, LAN, NAME, WARD)

    play(tmp_path, story)


def test_two_hands_at_once(tmp_path: Path) -> None:
    """Of two officers who take an alarm one wins and the other is told by whom; two comments at once both stand."""

    async def story(desk: Desk) -> None:
        await desk.says(HIGH, True)
        both = (LAN, BINH)
        tries = await asyncio.gather(
            *(service.acknowledge(desk.operations, who, NAME) for who in both), return_exceptions=True
        )
        refused = [one for one in tries if isinstance(one, IllegalMove)]
        assert len(refused) == 1
        assert refused[0].fields["by"] == desk.alarm().value("acknowledgedBy") != ""
        await asyncio.gather(*(service.comment_on(desk.operations, who, NAME, who.id) for who in both))
        assert {one.words for one in comments_of(desk.alarm())} == {"user:lan", "user:binh"}

    play(tmp_path, story)


def test_many_at_once(tmp_path: Path) -> None:
    """A chosen group is taken in one go; one that another hand took meanwhile is told of and stops no other."""

    async def story(desk: Desk) -> None:
        rules = [a_rule(f"r{n}") for n in range(3)]
        for one in rules:
            await desk.says(one, True)
        names = [alarm_id(one.id, STATION) for one in rules]
        await service.acknowledge(desk.operations, BINH, names[1])
        done = await service.each([*names, names[0]], lambda name: service.acknowledge(desk.operations, LAN, name))
        assert [one.problem is None for one in done] == [True, False, True]
        with pytest.raises(Invalid, match="Choose"):
            await service.each([], lambda name: service.acknowledge(desk.operations, LAN, name))

    play(tmp_path, story)


def test_a_shelved_alarm_returns_by_itself(tmp_path: Path) -> None:
    """Shelved with a reason and within its limit it calls nobody, and after its time it is new to everybody."""

    async def story(desk: Desk) -> None:
        await desk.says(HIGH, True)
        with pytest.raises(Invalid, match="up to 4 hours"):
            await shelving.shelve(desk.operations, LAN, NAME, 5, "trạm hỏng, chờ thợ", T0)
        with pytest.raises(Invalid, match="Say why"):
            await shelving.shelve(desk.operations, LAN, NAME, 2, " ", T0)
        await shelving.shelve(desk.operations, LAN, NAME, 2, "trạm hỏng, chờ thợ", T0)
        assert desk.state() == "shelved"
        assert not desk.alarm().value("open")
        assert [one.id for one in shelving.shelved(desk.operations, LAN)] == [NAME]
        await desk.says(HIGH, True, value=90)  # Goes on being followed.
        await desk.wait(2 * HOUR - SECOND)
        assert (desk.state(), desk.alarm().value("value")) == ("shelved", 90)
        await desk.wait(2 * SECOND)
        assert (desk.state(), desk.alarm().value("open")) == ("unseen", True)
        assert from_iso(desk.alarm().value("due")) > desk.now

    play(tmp_path, story)


def test_shelved_and_gone_and_by_hand(tmp_path: Path) -> None:
    """What cleared on the shelf comes back closed; a hand may bring one back early; a shift is asked to look at it."""

    async def story(desk: Desk) -> None:
        await desk.says(HIGH, True)
        await shelving.shelve(desk.operations, LAN, NAME, 4, "chờ sửa trạm", T0)
        assert not shelving.unreviewed(desk.alarm(), T0 + 7 * HOUR)
        assert shelving.unreviewed(desk.alarm(), T0 + 8 * HOUR)
        await service.comment_on(desk.operations, BINH, NAME, "vẫn chờ", T0 + 8 * HOUR, reviewed=True)
        assert not shelving.unreviewed(desk.alarm(), T0 + 9 * HOUR)
        await desk.says(HIGH, False)
        assert desk.state() == "shelved_gone"
        await desk.wait(5 * HOUR)
        assert desk.state() == "normal"
        await desk.says(HIGH, True)
        await shelving.shelve(desk.operations, LAN, NAME, 1, "chờ sửa trạm", desk.now)
        await shelving.unshelve(desk.operations, BINH, NAME, desk.now)
        assert desk.state() == "unseen"

    play(tmp_path, story)


def test_announced_work(tmp_path: Path) -> None:
    """While work is on, its alarms are out of service, the new ones too; when it is over the active ones are back."""

    async def story(desk: Desk) -> None:
        there, far = "urn:ngsi-ld:AirQualityObserved:2", "urn:ngsi-ld:AirQualityObserved:3"
        await desk.station(there)
        await desk.station(far, OTHER)
        await desk.says(HIGH, True)
        work = Work("Thay cảm biến", "Kế hoạch 12", T0 + HOUR, T0 + 3 * HOUR, (WARD,))
        for wrong in (replace(work, reason="?"), replace(work, ends=T0), replace(work, units=("99999",))):
            with pytest.raises(Invalid):
                await maintenance.announce(desk.operations, LAN, wrong, now=T0)
        window = await maintenance.announce(desk.operations, LAN, work, now=T0)
        await desk.settle()
        assert desk.state() == "unseen"
        await desk.wait(HOUR)
        assert desk.state() == "out"
        await desk.says(HIGH, True, there)
        await desk.says(HIGH, True, far)
        await desk.says(HIGH, False)
        assert [desk.state(HIGH, one) for one in (STATION, there, far)] == ["out_gone", "out", "unseen"]
        await maintenance.end_now(desk.operations, LAN, window, desk.now)
        await desk.wait(SECOND)
        assert [desk.state(HIGH, one) for one in (STATION, there)] == ["normal", "unseen"]
        assert [one.id for one in maintenance.windows(desk.operations, LAN, ended=True)] == [window]
        with pytest.raises(Conflict):
            await maintenance.end_now(desk.operations, LAN, window)

    play(tmp_path, story)


def test_a_root_holds_back_what_it_explains(tmp_path: Path) -> None:
    """Before or after its root an alarm stands behind it, in its unit only; when the root clears it calls."""

    async def story(desk: Desk) -> None:
        far = "urn:ngsi-ld:AirQualityObserved:3"
        await desk.station(far, OTHER)
        await desk.says(BEHIND, True)
        await desk.says(BEHIND, True, far)
        assert desk.state(BEHIND) == "unseen"
        await desk.says(ROOT, True)
        root = alarm_id(ROOT.id, STATION)
        assert [desk.state(BEHIND, one) for one in (STATION, far)] == ["suppressed", "unseen"]
        assert [one.id for one in led_by(desk.operations, LAN, root)] == [alarm_id(BEHIND.id, STATION)]
        await desk.says(BEHIND, False)
        assert desk.state(BEHIND) == "suppressed_gone"
        await desk.says(BEHIND, True)
        await desk.says(ROOT, False)
        assert (desk.state(ROOT), desk.state(BEHIND)) == ("gone", "unseen")
        await desk.says(BEHIND, False)
        await desk.says(ROOT, True)
        await desk.says(BEHIND, True)  # Straight behind its root: nobody was called.
        assert desk.state(BEHIND) == "suppressed"

    play(tmp_path, story)


def test_two_rules_that_name_each_other_hide_nothing(tmp_path: Path) -> None:
    """Of two alarms that are each other's root one is still seen."""

    async def story(desk: Desk) -> None:
        one, other = a_rule("one", roots=("other",)), a_rule("other", roots=("one",))
        await desk.says(one, True)
        await desk.says(other, True)
        assert sorted((desk.state(one), desk.state(other))) == ["suppressed", "unseen"]

    play(tmp_path, story)


def test_a_chattering_alarm_waits_until_it_is_calm(tmp_path: Path) -> None:
    """After four turns in ten minutes it stays active; each turn begins the wait anew; calm for long, it clears."""

    async def story(desk: Desk) -> None:
        for _ in range(4):
            await desk.says(HIGH, True)
            await desk.says(HIGH, False)
            await desk.wait(MINUTE)
        assert (desk.state(), desk.alarm().value("chattering")) == ("unseen", True)
        assert desk.alarm().value("occurrences") == 4
        await desk.wait(10 * MINUTE)
        await desk.says(HIGH, True)
        await desk.says(HIGH, False)
        await desk.wait(14 * MINUTE)
        assert (desk.state(), desk.alarm().value("occurrences")) == ("unseen", 4)
        await desk.wait(2 * MINUTE)
        assert (desk.state(), desk.alarm().value("chattering")) == ("gone", False)

    play(tmp_path, story)


def test_what_nobody_takes_goes_to_the_next(tmp_path: Path) -> None:
    """An urgent alarm goes to the leader at its deadline and to the unit above ten minutes later; a taken one stays."""

    async def story(desk: Desk) -> None:
        urgent, taken = a_rule("urgent", Priority.URGENT), a_rule("taken", Priority.URGENT)
        await desk.says(urgent, True)
        await desk.says(taken, True)
        await service.acknowledge(desk.operations, LAN, alarm_id(taken.id, STATION), "", T0)
        await desk.wait(9 * MINUTE)
        assert desk.alarm(urgent).value("escalatedTo") == ""
        await desk.wait(2 * MINUTE)
        assert desk.alarm(urgent).value("escalatedTo") == WARD
        await desk.wait(10 * MINUTE)
        assert desk.alarm(urgent).value("escalatedTo") == "46"
        assert desk.alarm(taken).value("escalatedTo") == ""
        reasons = [one.reason for one in desk.hub.trail(LAN, desk.alarm(urgent).id)]
        assert reasons[:2] == ["urgent-upper: 46", "urgent-leader: 19789"]

    play(tmp_path, story)


def test_an_alarm_forgets_an_incident_that_is_over(tmp_path: Path) -> None:
    """Raised again it still belongs to an incident that goes on, and to none that is closed."""

    async def story(desk: Desk) -> None:
        incident = "urn:ngsi-ld:Incident:1"
        await desk.says(HIGH, True)
        joined = amend(NAME, incident=rel(incident))
        await desk.hub.commit(Commit(ENGINE, (put(incident, "Incident", open=prop(True)), joined), owner=OWNER))
        for still, known in ((True, incident), (False, "")):
            await desk.hub.commit(Commit(ENGINE, (amend(incident, open=prop(still)),), owner=OWNER))
            await desk.says(HIGH, False)
            await desk.says(HIGH, True)
            assert desk.alarm().value("incident") == known

    play(tmp_path, story)


def test_after_a_restart_a_shelved_alarm_still_returns(tmp_path: Path) -> None:
    """Timers live in the store: what was shelved before the process ended comes back after it begins again."""

    async def before(desk: Desk) -> None:
        await desk.says(HIGH, True)
        await shelving.shelve(desk.operations, LAN, NAME, 1, "chờ sửa trạm", T0)

    async def after(desk: Desk) -> None:
        await desk.wait(HOUR + SECOND)
        assert desk.state() == "unseen"

    play(tmp_path, before)
    play(tmp_path, after)


def test_bursts_and_floods() -> None:
    """The first of a burst is marked; more than ten calls an operator are a flood until there are fewer than five."""
    assert burst_of("a", T0, (), MINUTE) == Burst("a", first=True)
    assert burst_of("b", T0, [("a", T0 - SECOND)], MINUTE) == Burst("a", first=False)
    assert burst_of("b", T0, [("a", T0 - 2 * MINUTE)], MINUTE) == Burst("b", first=True)
    flood = Flood(10, 5)
    assert in_flood([10, 11, 7, 5, 4, 9], flood) == [False, True, True, True, False, False]
    assert (is_flood(11, 1, flood), is_flood(11, 2, flood)) == (True, False)
    flapping = Flapping(3, MINUTE, 5 * MINUTE)
    assert chatters((T0 - 30 * SECOND, T0 - 20 * SECOND, T0), flapping, T0)
    assert not chatters((T0 - 90 * SECOND, T0 - 20 * SECOND, T0), flapping, T0)
    assert calm_at((T0,), T0 + SECOND, flapping) == T0 + SECOND + 5 * MINUTE


@pytest.mark.parametrize(
    ("name", "value"),
    [("flapping", {"moves": 1, "within_minutes": 1, "calm_minutes": 1}), ("flood", {"alarms": 1, "over": 2})],
)
def test_rules_of_handling_that_cannot_be(name: str, value: dict[str, int]) -> None:
    """The shipped rules are a labelled sample; wrong ones are refused with a reason."""
    assert handling.parse(handling.shipped()).sample
    with pytest.raises(Invalid):
        handling.rules_kind().check({**handling.shipped(), name: value})
    lone = {**handling.shipped(), "priority": handling.shipped()["priority"][:1]}
    with pytest.raises(Invalid, match="none for high"):
        handling.rules_kind().check(lone)


def test_an_organisation_is_known_by_its_code() -> None:
    """What stands in the register of organisations is no code of a unit."""
    assert not HERE.knows(Organisation("46.dien-luc", "Điện lực", "46", "power").id)
