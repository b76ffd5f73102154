"""The sample city's operations centre at work: one file for each room of operations, all simulated, and said so."""

from dothi.command.trial.demo.duty.alarms import give_alarms
from dothi.command.trial.demo.duty.cameras import give_cameras
from dothi.command.trial.demo.duty.incidents import give_incidents
from dothi.command.trial.demo.duty.orders import give_orders
from dothi.command.trial.demo.duty.rules import give_rules
from dothi.command.trial.demo.duty.shifts import give_shifts
from dothi.command.trial.demo.duty.warnings import give_warnings
from dothi.command.trial.demo.people import Cast
from dothi.web.parts import Parts


async def fill_duty(parts: Parts, cast: Cast, seed: int, now: int) -> None:
    """What the centre did and has open when the demo begins at `now` (µs): one line for each room."""
    await give_rules(parts, now)
    await give_alarms(parts, cast, seed, now)
    await give_cameras(parts, cast, seed, now)
    await give_incidents(parts, cast, now)
    await give_orders(parts, cast, now)
    await give_shifts(parts, cast, now)
    await give_warnings(parts, now)
