"""Simulated alarms of the last week that are over, so that their quality can be looked at; and one announced work."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from dothi.command.trial.demo.people import Cast
from dothi.command.trial.demo.places import MARK
from dothi.command.trial.demo.stories import NOTE
from dothi.ground.clock import DAY, HOUR, MINUTE
from dothi.hub.model import Commit
from dothi.operations.alarms import maintenance, service
from dothi.operations.alarms.maintenance import Work
from dothi.operations.alarms.raising import Effect, alarm_change
from dothi.operations.alarms.reading import ENGINE, alarm_id
from dothi.operations.alarms.workflow import Move
from dothi.operations.model import OWNER, Priority, Reading
from dothi.web.parts import Parts

PAST = 7
CALLS = 14
_MOST = {"thuan-hoa": 5, "huong-tra": 2, "thuan-an": 1}  # Stations by how often they called.


@dataclass(frozen=True)
class _Cause:
    """The sample rule as an alarm keeps it."""

    name: Mapping[str, str]
    id: str = "pm25-high"
    priority: Priority = Priority.HIGH
    kind: str = "threshold"
    attribute: str = "pm25"
    limit: float | None = 75.0
    inhibited_by: tuple[str, ...] = ()
    inhibited_within: str = "unit"


NAMED = _Cause({"vi": "PM2.5 cao (mẫu)", "en": "High PM2.5 (sample)"})


async def give_alarms(parts: Parts, cast: Cast, seed: int, now: int) -> None:
    """Alarms that rose, were taken and cleared in the last week; nothing when the demo has some already."""
    if maintenance.windows(parts.operations, cast.duty):
        return
    chance = random.Random(seed)  # noqa: S311  # Made-up data, no secret.
    stations = [f"urn:ngsi-ld:AirQualityObserved:{name}" for name, often in _MOST.items() for _ in range(often)]
    times = sorted(now - PAST * DAY + chance.randrange((PAST - 1) * DAY) for _ in range(CALLS))
    for place, at in enumerate(times):
        subject = stations[chance.randrange(len(stations))]
        await _turn(parts, subject, Move.RAISE, 78 + chance.randrange(40), at)
        taken = at + (chance.randrange(2, 28) if place % 5 else 38) * MINUTE
        name = alarm_id(NAMED.id, subject)
        await service.acknowledge(parts.operations, cast.duty, name, f"Đã gọi trạm kiểm tra{NOTE}", taken)
        await _turn(parts, subject, Move.CLEAR, 40, at + 40 * MINUTE)
    work = Work(
        f"Hiệu chuẩn trạm không khí A Lưới ({MARK})",
        f"Kế hoạch hiệu chuẩn định kỳ{NOTE}",
        now + 10 * HOUR,
        now + 14 * HOUR,
        ("20056",),
    )
    await maintenance.announce(parts.operations, cast.duty, work, now=now)


async def _turn(parts: Parts, subject: str, move: Move, value: float, at: int) -> None:
    decided = alarm_change(parts.operations, Effect(NAMED, Reading(subject, value, at, at), move), at)
    if decided is not None:
        change, version = decided
        await parts.hub.commit(Commit(ENGINE, (change,), MARK, {change.id: version}, owner=OWNER))
