"""What happens in the city of the page tests: sources, rows held back, alarms, tasks and a proposal, all samples."""

import asyncio
import json

from dothi.citizens import Filing, file_report
from dothi.citizens.consultations import preparing
from dothi.citizens.consultations.commenting import Said, comment
from dothi.citizens.consultations.preparing import Prepared
from dothi.citizens.intake.codes import codes_of
from dothi.citizens.problems import service as problems
from dothi.ground.clock import DAY, MINUTE, VIETNAM, iso, now_us, to_datetime
from dothi.ground.errors import Missing
from dothi.ground.ids import urn
from dothi.hub.model import ANONYMOUS, Actor, Commit, create, geo, json_prop, prop, put, rel, system, words
from dothi.office.rules import adopt, in_force, overlay
from dothi.operations.alarms.reading import alarm_id
from dothi.operations.rules.in_force import KIND
from dothi.programme import law
from dothi.programme.model import Evidence, NewTask
from dothi.programme.tasks import ledger, service
from dothi.sources.model import ROW, SourceDefinition
from dothi.sources.service import define_source, push
from dothi.web.pages.operations.rules.trying import Job, start
from dothi.web.parts import Parts
from tests.web.planned import add_plans

DEMO = system("demo")
OFFICER = Actor("user:sample-programme", frozenset({"programme_officer"}), frozenset({"46"}))
STEWARD = Actor("user:sample-steward", frozenset({"data_steward"}))
PROVINCE, COMMUNE = "46", "19789"
GAUGE, BIN, STOP = (f"urn:ngsi-ld:{kind}:mau" for kind in ("WaterObserved", "WasteContainer", "PublicTransportStop"))
HIGH_WATER = "water-level-high"
AT_ONCE = f'[[rule]]\nid = "{HIGH_WATER}"\nfor_seconds = 0\n'  # No test waits a minute.
SOURCE = SourceDefinition(
    "tram-khong-khi",
    "Trạm không khí (mẫu)",
    "http_push",
    "air-station",
    "PT5M",
    simulated=True,
    feeds=("AirQualityObserved",),
)
SILENT = SourceDefinition("do-mua", "Trạm đo mưa (mẫu)", "http_push", "air-station", "PT10M", simulated=True)


async def fill_life(parts: Parts) -> dict[str, str]:
    """Make it all, and wait until the alarm stands; returns values for the {parts} of addresses."""
    today = to_datetime(now_us()).astimezone(VIETNAM).date().isoformat()
    await adopt(parts.rules, DEMO, KIND, "", today, AT_ONCE, "Quyết định mẫu cho kiểm thử")
    await law.keep_sample_provisions(parts.programme)
    await add_things(parts)
    row = await add_sources(parts)
    task, part = await add_tasks(parts), await add_plans(parts)
    alarm = alarm_id(HIGH_WATER, GAUGE)
    problem = await add_problem(parts)
    await until(parts, alarm)
    return (
        {
            "alarm": _bare(alarm),
            "rule": HIGH_WATER,
            "trial": await add_trial(parts, today),
            "task": _bare(task),
            "part": _bare(part),
            "source": SOURCE.id,
            "row": _bare(row),
        }
        | {"problem": problem}
        | await add_consultation(parts)
    )


async def add_trial(parts: Parts, day: str) -> str:
    """A trial of the sample rule that is done; its key."""
    before = in_force(parts.rules, KIND)
    after = overlay(before, {"rule": [{"id": HIGH_WATER, "when": [{"id": "limit", "limit": 3.5, "clear": 3.0}]}]})
    text = f'[[rule]]\nid = "{HIGH_WATER}"\nwhen = [{{ id = "limit", limit = 3.5, clear = 3.0 }}]\n'
    job = Job("", day, text, 0, f"/rules/{HIGH_WATER}", "Mực nước cao (mẫu)", before, after, (HIGH_WATER,))
    key = start(parts.operations, job)
    assert job.task is not None
    await job.task
    return key


async def add_consultation(parts: Parts) -> dict[str, str]:
    """A draft that is open for comments, with one comment; its key and the comment's code."""
    here, now = parts.citizens, now_us()
    new = Prepared("Giờ bật đèn ngõ (mẫu)", "Giờ bật đèn đã hợp lý chưa?", COMMUNE, sample=True)
    made = await preparing.prepare(here, OFFICER, new)
    text = "Chương I\nQUY ĐỊNH CHUNG\nĐiều 1. Giờ bật đèn\n1. Từ 18 giờ:\na) Mùa đông;\nb) Mùa hè.\nĐiều 2. Thi hành"
    await preparing.write(here, OFFICER, made.key, text)
    await preparing.announce(here, OFFICER, made.key, now, now + 20 * DAY)
    said = Said("Mùa đông nên bật từ 17 giờ 30 (mẫu).", "dieu-1")
    sent = await comment(here, ANONYMOUS, made.key, said, "192.0.2.1")
    return {"consultation": made.key, "voice": sent.follow_code}


async def add_problem(parts: Parts) -> str:
    """Three reports of one heap of rubbish, which a person confirms to be one problem; its name."""
    for number in range(3):
        words = f"Rác tồn đọng cạnh chợ Đông Ba, lần {number + 1} (mẫu)"
        filing = Filing("waste", words, 107.5885, 16.4725, COMMUNE, key=f"a heap of the page tests {number}")
        await file_report(parts.citizens, filing, now_us() - (3 - number) * DAY)
    name = urn("Problem", codes_of("a heap of the page tests 0")[0])
    await until(parts, name)
    return (await problems.confirm(parts.citizens, OFFICER, name, title="Rác tồn đọng chợ Đông Ba (mẫu)")).name


def _bare(name: str) -> str:
    return name.split(":", 3)[3]


async def until(parts: Parts, name: str) -> None:
    """Wait until an entity is there: the rule engine runs beside the requests."""
    for _ in range(1000):
        try:
            parts.hub.get(DEMO, name)
            return
        except Missing:
            await asyncio.sleep(0.02)
    raise AssertionError(f"{name} did not come")


def point(lon: float, lat: float) -> dict[str, object]:
    return {"type": "Point", "coordinates": [lon, lat]}


async def add_things(parts: Parts) -> None:
    """A gauge above its limit, with its hours before; a full bin; a bus stop."""
    now = now_us()
    for step in range(12, -1, -1):
        level = prop(round(2.8 - step * 0.1, 2), iso(now - step * 20 * MINUTE), "MTR")
        place, source = geo(point(107.579, 16.468)), rel(urn("DataSource", SOURCE.id))
        attrs = {"name": prop("Trạm Kim Long (mẫu)"), "level": level, "location": place, "unit": prop(COMMUNE)}
        await parts.hub.commit(
            Commit(DEMO, (put(GAUGE, "WaterObserved", source=source, simulated=prop(True), **attrs),))
        )
    filling = prop(0.95, iso(now), "C62")
    full = put(
        BIN,
        "WasteContainer",
        name=prop("Thùng rác chợ Đông Ba (mẫu)"),
        fillingLevel=filling,
        location=geo(point(107.588, 16.474)),
        unit=prop(COMMUNE),
        simulated=prop(True),
    )
    stop = put(STOP, "PublicTransportStop", name=prop("Điểm dừng 12 (mẫu)"), location=geo(point(107.592, 16.46)))
    await parts.hub.commit(Commit(DEMO, (full, stop)))


async def add_sources(parts: Parts) -> str:
    """A source that sends good rows and one in the wrong unit, and one that never sent; returns a held row."""
    for said in (SOURCE, SILENT):
        await define_source(parts.sources, STEWARD, said)
    rows = [
        {"station": "mau-1", "time": iso(now_us() - MINUTE), "pm25": value, "lon": 107.6, "lat": 16.45, "unit": COMMUNE}
        for value in (31.5, 33.0, 0.03)
    ]
    await push(parts.sources, STEWARD, SOURCE.id, json.dumps(rows).encode(), "application/json")
    return parts.hub.find(STEWARD, ROW, 'state=="open"').entities[0].id


async def add_tasks(parts: Parts) -> str:
    """One task late, one extended, one done with evidence, one dropped, and a proposal; returns the extended one."""
    here, now = parts.programme, now_us()
    basis = law.provisions(here, DEMO)[0][0]

    def new(title: str, days: int) -> NewTask:
        place = (COMMUNE,)
        return NewTask(
            *(title, COMMUNE, iso(now + days * DAY), "Biên bản nghiệm thu", place, basis),
            simulated=True,
            responsible="Phó Chủ tịch phường (mẫu)",
            evidence_kind="minutes",
        )

    await service.issue_task(here, OFFICER, new("Thay 40 bóng đèn đường Lê Lợi (mẫu)", -3))
    moved = await service.issue_task(here, OFFICER, new("Lắp ba trạm đo không khí (mẫu)", 20))
    await ledger.extend(here, OFFICER, moved, iso(now + 50 * DAY), "Thiết bị về chậm một tháng (mẫu)")
    await service.report_progress(here, OFFICER, moved, 40, "Đã chọn vị trí (mẫu)")
    done = await service.issue_task(here, OFFICER, new("Nạo vét cống chợ (mẫu)", 10))
    shown = Evidence(parts.hub.keep_file(b"%PDF-1.4 sample"), "nghiem-thu.pdf", "application/pdf")
    await service.finish(here, OFFICER, done, "Đã nghiệm thu (mẫu)", (shown,))
    dropped = await service.issue_task(here, OFFICER, new("Đặt thêm bảng điện tử (mẫu)", 30))
    await service.drop(here, OFFICER, dropped, "Không còn nguồn kinh phí năm nay (mẫu)")
    await propose(parts, "mau")
    return moved


async def propose(parts: Parts, name: str) -> str:
    """A proposal as the module of reports makes it."""
    now = iso(now_us())
    proposal = create(
        urn("Proposal", name),
        "Proposal",
        kind=prop("recurring"),
        category=prop("street_light"),
        state=prop("proposed"),
        title=words(
            vi="Đèn đường: 3 phản ánh trong bán kính 100 m, 30 ngày (mẫu)", en="Street lamps: 3 reports (sample)"
        ),
        reasons=json_prop({"category": "street_light", "count": 3, "since": now, "until": now, "reopened": 1}),
        sources=rel(["urn:ngsi-ld:CitizenReport:mau"]),
        unit=prop(COMMUNE),
        proposedAt=prop(now),
    )
    await parts.hub.commit(Commit(DEMO, (proposal,), "mẫu cho kiểm thử", owner="proposals"))
    return proposal.id
