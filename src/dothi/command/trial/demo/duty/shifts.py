"""The sample duty room: the sample officer has come on duty and promised something; the wall shows another system."""

from contextlib import suppress

from dothi.command.trial.demo.people import Cast
from dothi.command.trial.demo.places import FEEDS, MARK, PROVINCE
from dothi.ground.clock import HOUR, iso
from dothi.ground.errors import Conflict
from dothi.office.rules import adopt
from dothi.operations.shifts import planning, promises, service
from dothi.operations.shifts.model import BOOK
from dothi.operations.shifts.rules import day_of
from dothi.operations.wall import KIND as WALL
from dothi.sources.model import source_urn
from dothi.web.parts import Parts

# What a province writes to show its older centre beside: a scene, and the source that brings that centre's values.
_BESIDE = f"""
[[scene]]
id = "trung-tam-hien-co"
show = "outside"
seconds = 20
name = {{ vi = "Hệ thống hiện có ({MARK})", en = "The existing system (simulated)" }}

[[tile]]
id = "khong-khi"
scene = "trung-tam-hien-co"
source = "{source_urn(FEEDS[0].id)}"
type = "AirQualityObserved"
attribute = "pm25"
take = "list"
name = {{ vi = "Bụi PM2.5 tại các trạm", en = "PM2.5 at the stations" }}
"""


async def give_shifts(parts: Parts, cast: Cast, now: int) -> None:
    """The officer on duty from this hour on, one promise, and the scene of another system on the wall."""
    here = parts.operations
    await planning.plan(here, PROVINCE, now)
    coming = service.next_shift(here, PROVINCE, now)
    with suppress(Conflict):  # In the minutes before a turn nobody has the duty: the page says so.
        if coming is not None and coming.starts <= now:
            await service.begin(here, cast.duty, coming.id, now)
    words = f"Báo lại Phường Thuận Hóa về máy bơm trước giờ tan tầm ({MARK})"
    await promises.promise(here, cast.duty, PROVINCE, words, now + 3 * HOUR, key="demo-promise", now=now)
    day, reason = day_of(now).isoformat(), f"Bảng màn hình mẫu ({MARK}), {iso(now)[:10]}"
    await adopt(parts.rules, BOOK, WALL, PROVINCE, day, _BESIDE, reason, now=now)
