"""Incidents from opening to review: the table, its guards, the log that nobody edits, what belongs together."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from dothi.ground.clock import HOUR, MINUTE, from_iso, iso
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Change, Commit, Op, amend, create, prop
from dothi.operations.alarms.service import own
from dothi.operations.incidents import service
from dothi.operations.incidents.log import read_log, write_entry
from dothi.operations.incidents.model import Incident, NewIncident, State
from dothi.operations.incidents.suggestions import (
    NewSuggestion,
    confirm,
    known,
    reject,
    suggest,
    suggestions,
)
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

    async def alarm(self, name: str = "urn:ngsi-ld:Alarm:a", **attrs: Any) -> str:
        said = {"priority": prop("high"), "active": prop(True), "acknowledged": prop(False), "open": prop(True)}
        said |= {"since": prop(iso(T0)), "unit": prop("19753"), **attrs}
        await self.hub.commit(Commit(LAN, (create(name, "Alarm", **said),), owner=OWNER))
        return name

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
        assert [(one.words or one.deed["verb"]) for one in lines if one.at <= T0 + MINUTE] == ["Đã gọi công an phường"]
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
        taken = await service.take(room.operations, LAN, found.name, found.version)
        assert (taken.state, taken.commander) == (State.IN_HAND, LAN.id)
        with pytest.raises(Conflict):
            await service.take(room.operations, LAN, found.name, found.version)
        await room.hub.commit(Commit(LAN, (amend(found.id, title=prop("x")),), owner=OWNER))

    told(tmp_path, story)
