"""Simulated duty officers and programme officers: alarms taken, proposals made tasks, tasks moved on and shown done."""

from collections.abc import Mapping

from dothi.citizens.problems import service as problems
from dothi.citizens.problems.model import ProblemState
from dothi.citizens.problems.register import undecided
from dothi.command.trial.demo.devices.sensors import DEVICES
from dothi.command.trial.demo.people import Cast
from dothi.command.trial.demo.photos import draw
from dothi.command.trial.demo.places import EPISODE, FLOOD, PROVINCE
from dothi.command.trial.demo.stories import NOTE
from dothi.ground.clock import DAY, SECOND, from_iso, iso
from dothi.hub.model import Entity
from dothi.operations.alarms import service as alarms
from dothi.programme import law
from dothi.programme.model import Evidence, NewTask, Provision, Task
from dothi.programme.plans import documents, projects, targets
from dothi.programme.plans.model import NewDocument, NewTarget, Stage, Step
from dothi.programme.tasks import service as tasks
from dothi.web.parts import Parts

_OURS = (f"urn:ngsi-ld:AirQualityObserved:{EPISODE}", f"urn:ngsi-ld:WaterObserved:{FLOOD}")
_TAKEN = {
    _OURS[0]: "Đã gọi trạm Phú Bài xác minh; cử tổ trực xuống hiện trường.",
    _OURS[1]: "Đã báo trực ban phường Hương Trà theo dõi mực nước từng 10 phút.",
}

_RESPONSIBLE = "Trưởng phòng Kinh tế, Hạ tầng và Đô thị"
# (title, lead, days until it is due, output, place in the law: article, clause, point; indicator, evidence)
_TASKS: tuple[tuple[str, str, int, str, tuple[int, int | None, str | None], str, str], ...] = (
    (
        "Lắp bổ sung trạm quan trắc không khí tại khu vực Phú Bài",
        "19960",
        40,
        "Biên bản nghiệm thu và dữ liệu trạm mới chạy đủ 30 ngày",
        (6, 2, "i"),
        "pm25-mean",
        "minutes",
    ),
    (
        "Rà soát thời hạn giải quyết phản ánh của các phường trung tâm",
        "19789",
        12,
        "Báo cáo rà soát kèm danh sách nguyên nhân quá hạn",
        (6, 2, "i"),
        "reports-on-time",
        "report",
    ),
    (
        "Gọi lại người phản ánh đánh giá dưới 3 điểm",
        "19789",
        20,
        "Bảng kết quả gọi lại, không ghi danh tính",
        (6, 2, "i"),
        "satisfaction",
        "figure",
    ),
    (
        "Kết nối dữ liệu thùng rác và mực nước theo thời gian thực",
        "19753",
        60,
        "Hai nguồn dữ liệu giữ đúng nhịp cam kết trong 30 ngày",
        (23, None, None),
        "live-sources",
        "figure",
    ),
    (
        "Lập danh mục dữ liệu đô thị dùng chung của phường",
        "19777",
        -3,
        "Danh mục được phê duyệt và công bố",
        (6, 2, "đ"),
        "live-sources",
        "decision",
    ),
)

_COOPERATING: Mapping[int, tuple[str, ...]] = {3: ("19789",)}  # Which unit has a part of which task.
_FUNDING = (projects.Funding("state_budget", 6_000_000_000), projects.Funding("ppp", 2_000_000_000))
_GAINS = {"people": "Biết chất lượng không khí nơi mình ở" + NOTE, "state": "Cảnh báo ngập sớm hơn" + NOTE}


def to_take(parts: Parts, cast: Cast, now: int, after_s: float) -> list[Entity]:
    """The alarms of the simulated episodes that nobody has taken for `after_s` seconds; the others wait for people."""
    found = alarms.open_alarms(parts.operations, cast.duty)
    return [
        alarm
        for alarm in found
        if alarm.value("subject") in _OURS
        and not alarm.value("acknowledged")
        and now - from_iso(alarm.value("since")) >= after_s * SECOND
    ]


async def take_alarm(parts: Parts, cast: Cast, alarm: Entity) -> None:
    """The officer on duty acknowledges it."""
    await alarms.acknowledge(parts.operations, cast.duty, alarm.id, _TAKEN[alarm.value("subject")] + NOTE)


async def give_tasks(parts: Parts, cast: Cast, now: int) -> int:
    """The tasks that stand when the demo begins, some of them under way; returns how many."""
    bases = _bases(parts)
    plan, target = await _give_plan(parts, cast, now, bases.get((6, 2, "i")))
    for number, (title, lead, days, output, where, indicator, shown_by) in enumerate(_TASKS):
        new = NewTask(
            title + NOTE,
            lead,
            _day(now + days * DAY),
            output,
            (lead,),
            bases.get(where),
            indicators=(f"urn:ngsi-ld:Indicator:{indicator}",),
            simulated=True,
            responsible=_RESPONSIBLE + NOTE,
            evidence_kind=shown_by,
            plan=plan,
            targets=(target,) if number == 0 else (),
            cooperating=_COOPERATING.get(number, ()),
        )
        name = await tasks.issue_task(parts.programme, cast.programme, new)
        if number % 2:
            await tasks.report_progress(parts.programme, cast.programme, name, 15 * number, "Đang triển khai" + NOTE)
    return len(_TASKS)


async def confirm_one(parts: Parts, cast: Cast, now: int) -> str | None:
    """An official says yes to the first simulated suggestion of a problem, and proposes a task; None without one."""
    found = [one for one in undecided(parts.citizens, cast.programme) if one.simulated]
    fresh = next((one for one in found if one.state is ProblemState.SUGGESTED), None)
    if fresh is None:
        return None
    await problems.confirm(parts.citizens, cast.programme, fresh.name, cause="wear", now=now)
    moved = ("urn:ngsi-ld:Indicator:problems-standing", "urn:ngsi-ld:Indicator:satisfaction")
    return await problems.propose(parts.citizens, cast.programme, fresh.name, moved, now)


async def _give_plan(parts: Parts, cast: Cast, now: int, basis: str | None) -> tuple[str, str]:
    """A scheme with a target, a plan in force that carries it out, and a project with its money: all simulated."""
    here, who, year = parts.programme, cast.programme, int(_day(now)[:4])
    scheme = NewDocument(
        *("Đề án phát triển đô thị thông minh" + NOTE, PROVINCE, PROVINCE, year, (basis,) if basis else ()),
        vision="Đô thị di sản xanh, thông minh, lấy người dân làm trung tâm" + NOTE,
        vision_year=year + 9,
        stages=(Stage(year, year + 4, 2), Stage(year + 5, year + 9, 3)),
        sample=True,
    )
    name = await documents.draft(here, who, "Scheme", scheme)
    goal = NewTarget("Đạt cấp độ 2 vào năm 2027" + NOTE, 2027, PROVINCE, level=2, legal_basis=basis, sample=True)
    target = await targets.add_target(here, who, name, goal)
    body = NewDocument(
        *("Kế hoạch giám sát môi trường và phản ánh" + NOTE, PROVINCE, PROVINCE, year, (basis,) if basis else ()),
        kind="local",
        scheme=name,
        sample=True,
    )
    plan = await documents.draft(here, who, "Plan", body)
    said = {"number": "01/QĐ-MP", "date": _day(now), "by": "UBND thành phố" + NOTE}
    await documents.step(here, who, plan, Step.APPROVE, said, now)
    await documents.step(here, who, plan, Step.ENFORCE, {"date": _day(now)}, now)
    where = ("19960",)
    project = projects.NewProject(
        *("Mạng cảm biến không khí và mực nước" + NOTE, plan, PROVINCE, where[0], where, year),
        *(_day(now - 90 * DAY), _day(now + 270 * DAY)),
        sample=True,
    )
    made = await projects.propose(here, who, project)
    await projects.set_finance(here, who, made, _FUNDING, 9_000_000_000, 600_000_000, _GAINS)
    await projects.move(here, who, made, projects.Stand.APPROVED)
    await projects.disburse(here, who, made, _day(now), 2_400_000_000, "state_budget", "Đợt 1" + NOTE, now)
    return plan, target


async def accept_one(parts: Parts, cast: Cast, now: int) -> str | None:
    """Make a task of the newest simulated proposal; its id, None when nothing is proposed."""
    found = [one for one in tasks.proposals(parts.programme, cast.programme) if one.value("simulated")]
    if not found:
        return None
    unit = found[0].value("unit", PROVINCE)
    new = NewTask(
        "Thay cáp ngầm và tủ điện chiếu sáng lối qua cầu nhỏ" + NOTE,
        unit,
        _day(now + 21 * DAY),
        "Biên bản nghiệm thu và ảnh đèn sáng ổn định 7 đêm",
        (unit,),
        _bases(parts).get((24, None, None)),
        indicators=("urn:ngsi-ld:Indicator:satisfaction", "urn:ngsi-ld:Indicator:reports-on-time"),
        simulated=True,
        responsible=_RESPONSIBLE + NOTE,
        evidence_kind="photo",
    )
    return await tasks.accept(parts.programme, cast.programme, found[0].id, new, now)


_NOTES: Mapping[int, str] = {
    10: "Đã khảo sát hiện trường, lập dự toán",
    35: "Đã duyệt phương án, đặt cáp và tủ điện",
    60: "Đào rãnh và luồn ống xong 80 mét",
    85: "Đấu nối xong, đang chạy thử ban đêm",
}


async def move_on(parts: Parts, cast: Cast, one: Task) -> None:
    """Report the next step of a task; the last one shows its output by a photo."""
    following = next((percent for percent in _NOTES if percent > one.progress), None)
    if following is not None:
        note = _NOTES[following] + NOTE
        await tasks.report_progress(parts.programme, cast.programme, one.id, following, note)
        return
    digest = parts.hub.keep_file(draw("street_light", True, 0))
    shown = Evidence(digest, "anh-mo-phong.jpg", "image/jpeg")
    await tasks.finish(parts.programme, cast.programme, one.id, "Nghiệm thu đạt" + NOTE, (shown,))


def open_task(parts: Parts, cast: Cast) -> Task | None:
    """A simulated task that came from a proposal and is not closed."""
    found = tasks.tasks(parts.programme, cast.programme, "open==true;simulated==true")
    return next((one for one in found if ":proposal:" in one.id), None)


def _bases(parts: Parts) -> dict[tuple[int, int | None, str | None], str]:
    """Provisions of Decree 269/2025 by place."""
    found = law.provisions(parts.programme, DEVICES)
    return {_at(one): name for name, one in found if one.document == "269/2025/NĐ-CP"}


def _at(one: Provision) -> tuple[int, int | None, str | None]:
    return one.article, one.clause, one.point


def _day(instant: int) -> str:
    return iso(instant)[:10]
