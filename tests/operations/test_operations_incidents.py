"""Incidents from opening to review: the table, its guards, the log that nobody edits, what belongs together."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from dothi.ground.clock import HOUR, MINUTE, from_iso, iso
from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Attribute, Change, Commit, Entity, Op, amend, create, geo, prop, rel, words
from dothi.operations.alarms.service import own
from dothi.operations.incidents import joining, moving, service
from dothi.operations.incidents.log import read_log, write_entry
from dothi.operations.incidents.model import Incident, NewIncident, State
from dothi.operations.incidents.playbooks import late
from dothi.operations.incidents.playbooks.steps import do_step, skip_step
from dothi.operations.incidents.playbooks.tables import parse, shipped
from dothi.operations.incidents.suggestions import (
    NewSuggestion,
    confirm,
    known,
    reject,
    suggest,
    suggestions,
)
from dothi.operations.incidents.together import CONSUMER, Sign, judge, look_around, react, sign_of
from dothi.operations.incidents.workflow import GUARDS, MOVES, table_text
from dothi.operations.model import OWNER, Operations
from dothi.territory import Territory

HERE = Territory.load()
T0 = from_iso("2026-11-22T01:00:00Z")
LAN = Actor("user:lan", frozenset({"duty_officer"}))
NAM = Actor("user:nam", frozenset({"official"}))
FLOOD = NewIncident("Ngập đường Hùng Vương (mô phỏng)", "flood", "high", unit="19753", since=T0)


class Room:
    """A hub in which incidents are opened, with a clock that we hold."""

    def __init__(self, folder: Path) -> None:
        self.hub = Hub(folder, Open())
        self.operations = Operations(self.hub, HERE)
        own(self.operations)
        service.declare(self.operations)

    async def alarm(self, entity_id: str = "urn:ngsi-ld:Alarm:a", **attrs: Any) -> str:
        said = {"priority": prop("high"), "active": prop(True), "acknowledged": prop(False), "open": prop(True)}
        said |= {"since": prop(iso(T0)), "unit": prop("19753"), **attrs}
        await self.hub.commit(Commit(LAN, (create(entity_id, "Alarm", **said),), owner=OWNER))
        return entity_id

    async def open(self, new: NewIncident = FLOOD, now: int = T0) -> Incident:
        return await service.open_incident(self.operations, LAN, new, now)


Story = Callable[[Room], Awaitable[None]]


def told(folder: Path, story: Story) -> None:
    """Run a story in a room of its own."""

    async def run() -> None:
        room = Room(folder)
        try:
            await story(room)
        finally:
            await room.hub.close()

    asyncio.run(run())


def test_a_suggestion_is_made_once_for_each_cause_and_does_not_come_back(tmp_path: Path) -> None:
    """The same cause suggests nothing a second time, neither while it waits nor after a person rejected it."""

    async def story(room: Room) -> None:
        new = NewSuggestion("detection", "camera-1|2026-11-22T08", {"vi": "Đám đông"}, ({"vi": "Đông"},), (), "19753")
        first = await suggest(room.operations, new, now=T0)
        assert first is not None
        assert await suggest(room.operations, new, now=T0 + HOUR) is None
        with pytest.raises(Invalid):
            await reject(room.operations, LAN, first, "")
        gone = await reject(room.operations, LAN, first, "Lễ hội đã được báo trước")
        assert (gone.state, gone.decided_by, gone.why) == ("rejected", LAN.id, "Lễ hội đã được báo trước")
        assert await suggest(room.operations, new, now=T0 + 2 * HOUR) is None
        assert known(room.operations, "detection", new.cause)
        assert suggestions(room.operations, LAN) == []
        with pytest.raises(Conflict):
            await confirm(room.operations, LAN, first)

    told(tmp_path, story)


def test_a_line_of_the_log_is_written_once_and_nobody_changes_it(tmp_path: Path) -> None:
    """A repeat with the same key writes nothing; a generic change is refused; a line typed offline says when."""

    async def story(room: Room) -> None:
        found = await room.open()
        line = await write_entry(room.operations, LAN, found.id, "Đã gọi công an phường", T0, "k1", now=T0 + 9 * MINUTE)
        assert line == await write_entry(room.operations, LAN, found.id, "Đã gọi", T0, "k1", now=T0 + 10 * MINUTE)
        for op in (Op.APPEND, Op.REPLACE, Op.DELETE):
            with pytest.raises(Forbidden):
                await room.hub.commit(Commit(LAN, (Change(op, line, ("LogEntry",), {"words": prop("Khác")}),)))
        lines = read_log(room.operations, LAN, found.id)
        assert [(one.words or one.deed["verb"]) for one in lines] == ["opened", "Đã gọi công an phường"]
        assert next(one for one in lines if one.words).delayed
        with pytest.raises(Invalid):
            await write_entry(room.operations, LAN, found.id, "Từ tương lai", T0 + HOUR, now=T0)

    told(tmp_path, story)


def test_an_incident_takes_its_alarms_and_confirms_what_led_to_it(tmp_path: Path) -> None:
    """Opening joins alarms and suggestions in one commit; an alarm belongs to one open incident; a key opens once."""

    async def story(room: Room) -> None:
        alarm = await room.alarm()
        hint = await suggest(room.operations, NewSuggestion("anomaly", "x", {"vi": "Lạ"}, (), (alarm,), "19753"))
        assert hint is not None
        new = NewIncident("Ngập", "flood", unit="19753", alarms=(alarm,), suggestions=(hint,), key="one")
        found = await room.open(new)
        again = await room.open(new)
        assert found.id == again.id
        assert room.hub.get(LAN, alarm).value("incident") == found.id
        assert suggestions(room.operations, LAN, "confirmed")[0].decided_by == LAN.id
        assert (found.state, found.unit, found.assignee, found.open) == (State.OPEN, "19753", "19753", True)
        assert found.due is not None
        assert from_iso(found.due) - T0 <= HOUR
        with pytest.raises(Conflict):
            await room.open(NewIncident("Khác", "flood", unit="19753", alarms=(alarm,)))
        with pytest.raises(Invalid):
            await room.open(NewIncident("Ở đâu đó", "flood"))
        with pytest.raises(Forbidden):
            await service.open_incident(room.operations, NAM, FLOOD)

    told(tmp_path, story)


def test_two_hands_on_one_incident_are_seen(tmp_path: Path) -> None:
    """Who acts on a version that is gone is told so."""

    async def story(room: Room) -> None:
        found = await room.open()
        taken = await moving.take(room.operations, LAN, found.name, found.version)
        assert (taken.state, taken.commander) == (State.IN_HAND, LAN.id)
        with pytest.raises(Conflict):
            await moving.take(room.operations, LAN, found.name, found.version)
        await room.hub.commit(Commit(LAN, (amend(found.id, title=prop("x")),), owner=OWNER))

    told(tmp_path, story)


async def _refused(deed: Awaitable[Any], guard: str) -> None:
    with pytest.raises(DothiError) as refused:
        await deed
    assert refused.value.fields.get("guard") == guard


def test_closing_asks_for_orders_steps_and_warnings(tmp_path: Path) -> None:
    """Open orders or required steps need a reason; a warning that holds is ended or handed over first."""

    async def story(room: Room) -> None:
        found = await moving.take(room.operations, LAN, (await room.open()).name, now=T0)
        await _refused(moving.close(room.operations, LAN, found.name, now=T0), "steps_done")
        for one in found.steps:
            if one.required and one.id != "verify":
                found = await skip_step(room.operations, LAN, found.name, one.id, "Không cần vì nước đã rút", now=T0)
        found = await do_step(room.operations, LAN, found.name, "verify", {"how": "phone", "depth": "0,2"}, now=T0)
        order = {"incident": rel(found.id), "open": prop(True), "unit": prop("19753"), "state": prop("issued")}
        await room.hub.commit(Commit(LAN, (create("urn:ngsi-ld:Order:1", "Order", **order),), owner=OWNER))
        await _refused(moving.close(room.operations, LAN, found.name, now=T0), "orders_done")
        await _refused(moving.end(room.operations, LAN, found.name, "cancel", "Báo nhầm chỗ", now=T0), "no_orders")
        warning = {"incident": rel(found.id), "open": prop(True), "unit": prop("19753"), "state": prop("released")}
        await room.hub.commit(Commit(LAN, (create("urn:ngsi-ld:Warning:1", "Warning", **warning),), owner=OWNER))
        why = "Lệnh còn lại theo dõi ở ca sau"
        await _refused(moving.close(room.operations, LAN, found.name, why, now=T0), "no_warning")
        other = await room.open(NewIncident("Khác", "flood", unit="19753"))
        closed = await moving.close(room.operations, LAN, found.name, why, other.name, now=T0)
        assert (closed.state, closed.open) == (State.CLOSED, False)
        assert room.hub.get(LAN, "urn:ngsi-ld:Warning:1").value("incident") == other.id
        assert room.hub.due_timers(service.CONSUMER, 1 << 62)[0][0] == other.id

    told(tmp_path, story)


def test_a_step_wakes_when_what_was_filled_in_asks_for_it(tmp_path: Path) -> None:
    """Deep water wakes the steps for it with their own time; a form that does not fit is refused by field."""

    async def story(room: Room) -> None:
        found = await room.open()
        assert not found.step("evacuate").owed
        with pytest.raises(Invalid) as wrong:
            await do_step(room.operations, LAN, found.name, "verify", {"how": "guess"}, now=T0)
        assert wrong.value.fields["field"] == "how"
        later = T0 + 10 * MINUTE
        found = await do_step(room.operations, LAN, found.name, "verify", {"how": "phone", "depth": "0,9"}, now=later)
        assert from_iso(found.step("evacuate").due) == later + HOUR
        assert found.step("verify").form == {"how": "phone", "depth": 0.9}
        with pytest.raises(Conflict):
            await do_step(room.operations, LAN, found.name, "verify", {"how": "phone"}, now=later)
        assert found.playbook == "flood"

    told(tmp_path, story)


def test_what_is_late_is_told_once_and_brought_before_the_unit_above(tmp_path: Path) -> None:
    """Nobody took it: the province hears of it; each late step has one line in the log, also after a restart."""

    async def story(room: Room) -> None:
        found = await room.open()
        assert await late.ring(room.operations, T0 + MINUTE) == 0
        for _ in range(3):
            await late.ring(room.operations, T0 + 2 * HOUR)
        found = service.incident(room.operations, LAN, found.name)
        assert found.escalated_to == "46"
        lines = [one.words for one in read_log(room.operations, LAN, found.id, trail=False)]
        assert "Quá hạn: chưa ai nhận chỉ huy" in lines
        assert len(lines) == len(set(lines)) == 1 + sum(bool(one.late) for one in found.steps)
        taken = await moving.take(room.operations, LAN, found.name)
        assert taken.escalated_to == ""

    told(tmp_path, story)


def test_incidents_are_merged_and_set_apart_by_a_person(tmp_path: Path) -> None:
    """What is merged keeps its own; it can be set apart again; a drill and the real are never one."""

    async def story(room: Room) -> None:
        one, other = await room.open(), await room.open(NewIncident("Ngập cống", "flood", unit="19753"))
        drill = await room.open(NewIncident("Diễn tập", "flood", unit="19753", drill=True))
        why = "Cùng một điểm ngập, hai người báo"
        with pytest.raises(Conflict):
            await joining.merge(room.operations, LAN, drill.name, one.name, why)
        merged = await joining.merge(room.operations, LAN, other.name, one.name, why, now=T0)
        assert (merged.state, merged.merged_into) == (State.MERGED, one.id)
        assert [found.id for found in service.merged_into(room.operations, one.id)] == [other.id]
        apart = await joining.unmerge(room.operations, LAN, other.name, "Thật ra là hai điểm khác nhau")
        assert (apart.state, apart.merged_into, apart.open) == (State.OPEN, "", True)
        verbs = [line.deed.get("verb") for line in read_log(room.operations, LAN, one.id)]
        assert verbs == ["opened", "took", "gave_back"]

    told(tmp_path, story)


def test_a_report_near_an_incident_is_suggested_to_it_once(tmp_path: Path) -> None:
    """A report of flooding beside a flood is suggested with reasons; confirming joins it, and nothing comes twice."""

    async def story(room: Room) -> None:
        place = (107.59, 16.46)
        found = await room.open(NewIncident("Ngập", "flood", unit="19753", place=place))
        attrs = {"category": prop("flooding"), "filedAt": prop(iso(T0 + HOUR)), "open": prop(True)}
        attrs |= {"unit": prop("19753"), "code": prop("X1"), "location": geo({"type": "Point", "coordinates": place})}
        for name, more in (("1", {}), ("2", {"category": prop("road")})):
            report = create(f"urn:ngsi-ld:CitizenReport:{name}", "CitizenReport", **{**attrs, **more})
            await room.hub.commit(Commit(LAN, (report,)))
        for _ in range(2):
            for commit in room.hub.log():
                await react(room.operations, commit, now=T0 + HOUR)
        (hint,) = suggestions(room.operations, LAN, kind="together")
        assert hint.incident == found.id
        assert hint.reasons[0]["vi"] == "Cách nhau khoảng 0 m"
        joined = await joining.carry_out(room.operations, LAN, hint.id, "Cùng điểm ngập đường Hùng Vương")
        assert isinstance(joined, Incident)
        assert joined.reports == ("urn:ngsi-ld:CitizenReport:1",)
        apart = await joining.detach(room.operations, LAN, found.name, joined.reports[0], "Phản ánh về chỗ khác")
        assert apart.reports == ()
        for commit in room.hub.log():
            await react(room.operations, commit, now=T0 + HOUR)
        assert suggestions(room.operations, LAN) == []

    told(tmp_path, story)


def test_signs_of_different_kinds_never_belong_together() -> None:
    """Place and time alone are not enough, and a fire is no flood even at the same place."""
    rules = parse(shipped()).together
    here, units = (107.59, 16.46), frozenset({"19753"})
    flood = Sign("a", "Alarm", {"vi": "a", "en": "a"}, frozenset({"flood"}), here, units, T0, T0)
    fire = Sign("b", "Alarm", {"vi": "b", "en": "b"}, frozenset({"fire"}), here, units, T0, T0)
    some = Sign("c", "CitizenReport", {"vi": "c", "en": "c"}, frozenset(), here, units, T0, T0)
    same = Sign("d", "CitizenReport", {"vi": "d", "en": "d"}, frozenset({"flood"}), here, units, T0, T0 + HOUR)
    assert judge(flood, fire, rules).score == 0
    assert judge(flood, some, rules).score < rules.least <= judge(flood, same, rules).score
    assert judge(flood, same, rules) == judge(same, flood, rules)


def test_an_alarm_tells_of_the_playbook_that_its_rule_names() -> None:
    """What the rule's author names comes before what the attribute hints at."""
    rules = parse(shipped())
    attrs: dict[str, Attribute] = {"active": prop(True), "since": prop(iso(T0))}
    attrs |= {"unit": prop("19753"), "attribute": prop("rainfall")}
    hinted = sign_of(Entity("a", ("Alarm",), attrs), rules)
    named = sign_of(Entity("a", ("Alarm",), {**attrs, "playbook": prop("landslide")}), rules)
    assert hinted is not None
    assert named is not None
    assert (hinted.kinds, named.kinds) == (frozenset({"flood"}), frozenset({"landslide"}))


def test_the_documentation_prints_the_table_of_incidents() -> None:
    """The page of an incident's life holds the table as the code has it, and a line for each guard."""
    text = Path("docs/howto/life-of-an-incident.md").read_text("utf-8")
    assert table_text() in text
    assert {guard for move in MOVES for guard in move.guards} == set(GUARDS)
    assert all(f"`{guard}`" in text for guard in GUARDS)


def test_loose_signs_suggest_one_incident_and_a_burst_looks_around_once(tmp_path: Path) -> None:
    """Rain and a report of water at one place are one suggestion to open; what comes in the same second is seen too."""

    async def story(room: Room) -> None:
        place = geo({"type": "Point", "coordinates": (107.59, 16.46)})
        around = look_around(room.operations, T0)
        alarm = await room.alarm(attribute=prop("rainfall"), location=place, name=words(vi="Mưa lớn", en="Heavy rain"))
        attrs = {"category": prop("flooding"), "filedAt": prop(iso(T0)), "open": prop(True), "location": place}
        report = create("urn:ngsi-ld:CitizenReport:1", "CitizenReport", unit=prop("19753"), code=prop("X1"), **attrs)
        await room.hub.commit(Commit(LAN, (report,)))
        seen = room.hub.last_seq()
        for commit in room.hub.log():
            await react(room.operations, commit, now=T0, around=around)
        (hint,) = suggestions(room.operations, LAN, kind="together")
        assert hint.incident == ""
        assert set(hint.sources) == {alarm, report.id}
        assert room.hub.cursor(CONSUMER) == seen
        left = await joining.carry_out(room.operations, LAN, hint.id, "")
        assert not isinstance(left, Incident)
        new = NewIncident("Ngập", "flood", unit="19753", alarms=(alarm,), suggestions=(hint.id,))
        await room.open(new)
        assert suggestions(room.operations, LAN) == []

    told(tmp_path, story)
