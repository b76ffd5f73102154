"""Any run of conditions, hands and time over a real hub: one alarm per cause, owned, never lost, always back."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dothi.ground.clock import MINUTE, from_iso
from dothi.ground.errors import Missing
from dothi.hub.model import Actor
from dothi.operations.alarms import service, shelving
from dothi.operations.alarms.reading import held_alarms
from dothi.operations.alarms.service import ENGINE, alarm_id, state_of
from dothi.operations.alarms.workflow import (
    NAMES,
    OPEN,
    Held,
    Move,
)
from dothi.operations.model import IllegalMove
from tests.operations.desk import BEHIND, BINH, HIGH, LAN, OTHER, ROOT, STATION, Cause, Desk, open_desk

HANDS = st.sampled_from([Move.ACKNOWLEDGE, Move.SHELVE, Move.UNSHELVE, Move.ASSIGN])
CAUSES = st.sampled_from([HIGH, ROOT, BEHIND])
THINGS = st.sampled_from([STATION, "urn:ngsi-ld:AirQualityObserved:2"])


class AlarmLife(RuleBasedStateMachine):
    """Any run of conditions, hands and time over a real hub."""

    @initialize()
    def open(self) -> None:
        self.folder = TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.desk = self.loop.run_until_complete(self._opened())
        self.on: set[tuple[str, str]] = set()
        self.raised: set[str] = set()

    async def _opened(self) -> Desk:
        desk = open_desk(Path(self.folder.name))
        for subject in (STATION, "urn:ngsi-ld:AirQualityObserved:2"):
            await desk.station(subject)
        return desk

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.loop.run_until_complete(self.desk.hub.close())
            self.loop.close()
            self.folder.cleanup()

    @rule(one=CAUSES, subject=THINGS, on=st.booleans())
    def condition(self, one: Cause, subject: str, on: bool) -> None:
        self.loop.run_until_complete(self.desk.says(one, on, subject))
        (self.on.add if on else self.on.discard)((one.id, subject))
        self.raised |= {alarm_id(one.id, subject)} if on else set()

    @rule(one=CAUSES, subject=THINGS, hand=HANDS)
    def two_hands(self, one: Cause, subject: str, hand: Move) -> None:
        self.loop.run_until_complete(self._hands(alarm_id(one.id, subject), hand))

    async def _hands(self, name: str, hand: Move) -> None:
        operations, now = self.desk.operations, self.desk.now
        deeds: dict[Move, Callable[[Actor], Awaitable[object]]] = {
            Move.ACKNOWLEDGE: lambda who: service.acknowledge(operations, who, name, "", now),
            Move.SHELVE: lambda who: shelving.shelve(operations, who, name, 1, "chờ sửa", now),
            Move.UNSHELVE: lambda who: shelving.unshelve(operations, who, name, now),
            Move.ASSIGN: lambda who: service.assign(operations, who, name, OTHER, "", now),
        }
        found = await asyncio.gather(*(deeds[hand](who) for who in (LAN, BINH)), return_exceptions=True)
        assert all(not isinstance(one, BaseException) or isinstance(one, Missing | IllegalMove) for one in found)
        assert hand is Move.ASSIGN or sum(not isinstance(one, BaseException) for one in found) <= 1
        await self.desk.settle()

    @rule(minutes=st.sampled_from([1, 20, 61]))
    def time(self, minutes: int) -> None:
        self.loop.run_until_complete(self.desk.wait(minutes * MINUTE))

    @invariant()
    def holds(self) -> None:
        """One alarm per cause, owned, true to its condition, held only for a cause that stands."""
        if not hasattr(self, "desk"):
            return
        found = {one.id: one for one in self.desk.hub.find(ENGINE, "Alarm")}
        assert found.keys() == self.raised  # Nothing is lost, and nothing is there twice.
        for alarm in found.values():
            state = state_of(alarm)
            assert state in NAMES
            assert alarm.value("open") == (state in OPEN)
            assert alarm.value("assignee")
            truly = (alarm.value("rule"), alarm.value("subject")) in self.on
            assert state.active == truly or (state.active and alarm.value("chattering"))
            if state.held is Held.SHELVED:
                assert from_iso(alarm.value("shelvedUntil")) > self.desk.now
            if state.held is Held.SUPPRESSED:
                assert state_of(self.desk.hub.get(ENGINE, alarm.value("suppressedBy"))).active
        held = [one for way in (Held.SHELVED, Held.SUPPRESSED) for one in held_alarms(self.desk.operations, LAN, way)]
        assert {one.id for one in held} == {name for name, one in found.items() if state_of(one).held}


AlarmLife.TestCase.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAlarmLife = AlarmLife.TestCase
