"""Nothing open is without an owner, whatever officers do or forget."""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dothi.ground.clock import HOUR
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.operations.shifts import matters, owners, planning, service
from dothi.operations.shifts.model import BOOK, Shift, State
from tests.operations.centre import CITY, WARD, Centre

LOGINS = st.sampled_from(["lan", "minh", "hoa"])


class Duty(RuleBasedStateMachine):
    """Alarms come and go, officers begin, hand over, fall ill, forget: at any time what is open has an owner."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.centre = self.run(Centre(Path(self.folder.name)).open())
        self.alarms: list[str] = []

    def run(self, deed: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(deed)

    def tried(self, deed: Coroutine[Any, Any, Any]) -> None:
        """Do it where it is allowed."""
        try:
            self.run(deed)
        except (Conflict, Forbidden, Invalid):
            return

    @property
    def serving(self) -> Shift | None:
        return owners.serving(self.centre.operations).get(CITY)

    @rule(hours=st.sampled_from([0.2, 1, 5, 9]))
    def time_goes_by(self, hours: float) -> None:
        self.centre.now += round(hours * HOUR)
        self.run(planning.ring(self.centre.operations, CITY, self.centre.now))

    @rule(unit=st.sampled_from([WARD, CITY, "00004", ""]))
    def something_is_wrong(self, unit: str) -> None:
        self.alarms.append(self.run(self.centre.alarm(str(len(self.alarms)), unit=unit)))

    @rule(who=LOGINS, place=st.integers(0, 5), assigned=st.booleans())
    def somebody_takes_it(self, who: str, place: int, assigned: bool) -> None:
        if self.alarms:
            actor = self.centre.people[who].id
            attrs = {"assignee": actor} if assigned else {"acknowledgedBy": actor, "acknowledged": True}
            self.run(self.centre.change(self.alarms[place % len(self.alarms)], **attrs))

    @rule(who=LOGINS)
    def somebody_comes(self, who: str) -> None:
        here, actor = self.centre.operations, self.centre.people[who]
        coming = service.next_shift(here, CITY, self.centre.now)
        if coming is not None:
            self.tried(service.begin(here, actor, coming.id, self.centre.now))
            self.tried(service.step_in(here, actor, coming.id, "Thay người vắng", self.centre.now))

    @rule(who=LOGINS)
    def somebody_fills_a_gap(self, who: str) -> None:
        actor = self.centre.people[who]
        self.tried(service.open_duty(self.centre.operations, actor, CITY, "Không có ai trực", self.centre.now))

    @rule(who=LOGINS)
    @precondition(lambda self: self.serving is not None)
    def somebody_relieves(self, who: str) -> None:
        shift, actor = self.serving, self.centre.people[who]
        assert shift is not None
        self.tried(service.relieve(self.centre.operations, actor, shift.id, "Phải về gấp", self.centre.now))

    @rule(who=LOGINS)
    @precondition(lambda self: self.serving is not None)
    def the_shift_is_handed_over(self, who: str) -> None:
        shift = self.serving
        assert shift is not None
        outgoing = next(login for login, one in self.centre.people.items() if one.id == shift.officer)
        had = {one.id for one in owners.held_by(self.centre.operations, BOOK, shift.officer)}
        if shift.state is State.ON_DUTY:
            self.run(self.centre.sign_out(outgoing, shift))
        self.tried(self.centre.take_over(who, shift, reason="Đổi ca đột xuất"))
        now = self.serving
        if now is not None and now.id != shift.id:
            seen = {one.id for one in owners.held_by(self.centre.operations, self.centre.people[who], now.officer)}
            nowhere = {one for one in had if self.centre.hub.get(BOOK, one).value("unit") not in (WARD, CITY)}
            assert had - nowhere <= seen

    @invariant()
    def nothing_open_is_without_an_owner(self) -> None:
        duty = owners.serving(self.centre.operations)
        on = {one.officer for one in duty.values()}
        assert len(duty) <= 1
        for one in owners.open_of(self.centre.operations, BOOK, "Alarm"):
            owner = owners.owner_of(self.centre.operations, one, duty)
            assert owner.unit
            assert owner.officer in on if owner.officer else not on or owner.unit not in duty
        drafted = matters.sections(self.centre.operations, BOOK, CITY, self.centre.now)
        outside = [one for one in self.alarms if self.centre.hub.get(BOOK, one).value("unit") == "00004"]
        assert matters.counted(drafted)["alarms"] == len(self.alarms) - len(outside)

    def teardown(self) -> None:
        self.loop.run_until_complete(self.centre.hub.close())
        self.centre.accounts.close()
        self.loop.close()
        self.folder.cleanup()


Duty.TestCase.settings = settings(
    max_examples=6, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestNothingIsWithoutAnOwner = Duty.TestCase
