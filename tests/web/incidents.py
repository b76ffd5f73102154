"""What the pages of incidents show in tests: one with steps, joined things and a hint, a closed one under review."""

from dothi.ground.clock import HOUR, MINUTE, iso, now_us
from dothi.hub.model import Actor, Commit, create, geo, prop, words
from dothi.operations.incidents import moving, review
from dothi.operations.incidents.log import write_entry
from dothi.operations.incidents.model import Incident, NewIncident
from dothi.operations.incidents.playbooks.steps import do_step
from dothi.operations.incidents.service import open_incident
from dothi.operations.incidents.suggestions import NewSuggestion, suggest
from dothi.operations.model import OWNER
from dothi.web.parts import Parts

DUTY = Actor("user:sample-duty", frozenset({"duty_officer"}), frozenset({"46"}))
COMMUNE = "19789"
PLACE = (107.585, 16.463)


async def raise_alarm(parts: Parts, name: str, minutes: float = 0, place: tuple[float, float] = PLACE) -> str:
    """An alarm of rain as the engine would raise it; its id."""
    alarm = create(
        f"urn:ngsi-ld:Alarm:{name}",
        "Alarm",
        name=words(vi="Mưa lớn (mẫu)", en="Heavy rain (sample)"),
        subjectName=prop("Trạm mưa Thuận Hoá (mô phỏng)"),
        attribute=prop("rainfall"),
        priority=prop("high"),
        active=prop(True),
        acknowledged=prop(True),
        open=prop(False),
        since=prop(iso(now_us() - round(minutes * MINUTE))),
        unit=prop(COMMUNE),
        location=geo({"type": "Point", "coordinates": list(place)}),
        simulated=prop(True),
    )
    await parts.hub.commit(Commit(DUTY, (alarm,), owner=OWNER))
    return alarm.id


async def closed_incident(parts: Parts, title: str) -> Incident:
    """An incident of some hours ago that was directed and closed."""
    here, at = parts.operations, now_us() - 5 * HOUR
    new = NewIncident(title, "water_cut", "medium", unit=COMMUNE, assignee="46", since=at, simulated=True)
    found = await moving.take(here, DUTY, (await open_incident(here, DUTY, new, at)).name, now=at + 4 * MINUTE)
    form = {"back": "18 giờ", "hours": "4"}
    for step, minutes, said in (("supplier", 25, form), ("repair", 50, {}), ("notice", 95, {})):
        found = await do_step(here, DUTY, found.name, step, said, now=at + minutes * MINUTE)
    return await moving.close(here, DUTY, found.name, now=at + 4 * HOUR)


async def fill_incidents(parts: Parts) -> dict[str, str]:
    """One that is directed, a hint beside it, a closed one whose review is begun; values for addresses."""
    here, at = parts.operations, now_us() - 20 * MINUTE
    alarm = await raise_alarm(parts, "incident-sample", 25)
    new = NewIncident(
        title="Ngập hầm chui Lê Duẩn (mẫu)",
        kind="flood",
        priority="urgent",
        unit=COMMUNE,
        assignee="46",
        place=PLACE,
        since=at,
        words="Nhiều người gọi báo nước ngập bánh xe.",
        alarms=(alarm,),
        simulated=True,
    )
    found = await open_incident(here, DUTY, new, at)
    found = await moving.take(here, DUTY, found.name, now=at + MINUTE)
    await do_step(here, DUTY, found.name, "verify", {"how": "camera", "depth": "0,5"}, now=at + 3 * MINUTE)
    await write_entry(here, DUTY, found.id, "Đã gọi công an phường, có 3 người tới.", now=at + 5 * MINUTE)
    report = parts.hub.find(DUTY, "CitizenReport", limit=1).entities[0].id
    title = {"vi": "Phản ánh mẫu có thể thuộc sự việc này", "en": "A sample report may belong here"}
    reasons = ({"vi": "Cách nhau khoảng 120 m", "en": "About 120 m from each other"},)
    hint = NewSuggestion(
        "together", "sample", title, reasons, (report, found.id), COMMUNE, incident=found.id, simulated=True
    )
    await suggest(here, hint)
    camera = {"vi": "Camera thấy đám đông (mẫu)", "en": "A camera sees a crowd (sample)"}
    await suggest(here, NewSuggestion("detection", "sample", camera, reasons, (), COMMUNE, simulated=True))
    closed = await closed_incident(parts, "Mất nước đường Chi Lăng (mẫu)")
    await review.start_review(here, DUTY, closed.name)
    await review.add_finding(here, DUTY, closed.name, "Gọi đơn vị cấp nước quá chậm")
    return {"incident": found.name, "reviewed": closed.name}
