"""Three simulated incidents: one that is directed now, one of yesterday under review, and a drill of last week."""

from dothi.command.trial.demo.people import Cast
from dothi.command.trial.demo.places import COMMUNE, MARK
from dothi.ground.clock import DAY, HOUR, MINUTE
from dothi.operations.incidents import moving, review
from dothi.operations.incidents.log import write_entry
from dothi.operations.incidents.model import NewIncident
from dothi.operations.incidents.playbooks.drill import start_drill
from dothi.operations.incidents.playbooks.steps import do_step, skip_step
from dothi.operations.incidents.service import open_incident
from dothi.web.parts import Parts

PLACE = (107.5952, 16.4561)
WHY = f"Diễn tập tại bàn, không làm bước này ({MARK})"


async def give_incidents(parts: Parts, cast: Cast, now: int) -> None:
    """Open, direct and end them through the verbs of the officers; nothing when the demo has them already."""
    if parts.hub.find(cast.duty, "Incident", limit=1).entities:
        return
    await _directed(parts, cast, now - 25 * MINUTE)
    await _reviewed(parts, cast, now - DAY)
    await _drilled(parts, cast, now - 6 * DAY)


async def _directed(parts: Parts, cast: Cast, at: int) -> None:
    """Water in an underpass: verified, and orders are owed next."""
    here, who = parts.operations, cast.duty
    new = NewIncident(
        title=f"Ngập hầm chui đường sắt ({MARK})",
        kind="flood",
        priority="high",
        unit=COMMUNE,
        assignee="46",
        place=PLACE,
        since=at,
        words="Ba người gọi báo nước ngập bánh xe, ô tô chết máy.",
        simulated=True,
    )
    found = await moving.take(here, who, (await open_incident(here, who, new, at)).name, now=at + 3 * MINUTE)
    await do_step(here, who, found.name, "verify", {"how": "camera", "depth": "0,4"}, now=at + 8 * MINUTE)
    await write_entry(here, who, found.id, "Đã gọi phường, tổ dân phố 5 cử người đứng gác.", now=at + 10 * MINUTE)


async def _reviewed(parts: Parts, cast: Cast, at: int) -> None:
    """A pipe that broke: closed after nine hours, its review has one finding that leads to a task."""
    here, who = parts.operations, cast.duty
    title = f"Vỡ ống cấp nước đường Nguyễn Huệ ({MARK})"
    new = NewIncident(title, "water_cut", "medium", unit=COMMUNE, assignee="46", since=at, simulated=True)
    found = await moving.take(here, who, (await open_incident(here, who, new, at)).name, now=at + 6 * MINUTE)
    form = {"back": "Trước 18 giờ", "hours": "7"}
    for step, minutes, said in (("supplier", 22, form), ("repair", 41, {}), ("notice", 75, {})):
        found = await do_step(here, who, found.name, step, said, now=at + minutes * MINUTE)
    found = await moving.shift(here, who, found.name, "control", now=at + 5 * HOUR)
    await moving.close(here, who, found.name, now=at + 9 * HOUR)
    await review.start_review(here, who, found.name, at + 10 * HOUR)
    await review.add_finding(here, who, found.name, "Thông báo cho người dân chậm 15 phút so với quy trình mẫu")
    await review.lead_to_task(here, who, found.name, "1", ("urn:ngsi-ld:Indicator:incidents-taken",))


async def _drilled(parts: Parts, cast: Cast, at: int) -> None:
    """A drill that is over, with the steps that were kept in time."""
    here, who = parts.operations, cast.duty
    found = await start_drill(here, who, "crowd-festival", COMMUNE, now=at)
    found = await moving.take(here, who, found.name, now=at + 2 * MINUTE)
    found = await do_step(here, who, found.name, "look", {"flow": "stuck"}, now=at + 5 * MINUTE)
    for step in found.steps:
        if step.owed and step.id != "gates":
            found = await skip_step(here, who, found.name, step.id, WHY, now=at + 12 * MINUTE)
    found = await do_step(here, who, found.name, "gates", now=at + 9 * MINUTE)
    await moving.close(here, who, found.name, now=at + HOUR)
