"""What is planned in the city of the page tests: a scheme, its plan, a project and a task that two units share."""

from dataclasses import replace

from dothi.ground.clock import DAY, iso, now_us
from dothi.hub.model import Actor
from dothi.programme import law
from dothi.programme.model import NewTask
from dothi.programme.plans import documents, projects, targets
from dothi.programme.plans.model import NewDocument, NewTarget, Stage, Step
from dothi.programme.tasks import bottlenecks, service
from dothi.programme.tasks.bottlenecks import NewBottleneck
from dothi.programme.tasks.parts import parts_of as asked_of
from dothi.web.parts import Parts

OFFICER = Actor("user:sample-programme", frozenset({"programme_officer"}), frozenset({"46"}))
PROVINCE, COMMUNE, NEIGHBOUR = "46", "19789", "19753"
SCHEME = NewDocument(
    *("Đề án phát triển đô thị thông minh (mẫu)", PROVINCE, PROVINCE, 2026),
    vision="Đô thị đáng sống, người dân là trung tâm (mẫu)",
    vision_year=2035,
    stages=(Stage(2026, 2030, 2), Stage(2031, 2035, 3)),
    sample=True,
)
PLAN = NewDocument("Kế hoạch chiếu sáng thông minh (mẫu)", PROVINCE, PROVINCE, 2026, kind="local", sample=True)
APPROVAL = {"number": "12/QĐ-UBND (mẫu)", "date": "2026-03-01", "by": "UBND thành phố (mẫu)"}
PROJECT = projects.NewProject(
    *("Chiếu sáng thông minh khu trung tâm (mẫu)", "", PROVINCE, COMMUNE, (COMMUNE,), 2026, "2026-06-01", "2027-06-30"),
    zone="Phân khu A (mẫu)",
    location={"type": "Point", "coordinates": [107.585, 16.463]},
    sample=True,
)
FUNDING = (projects.Funding("state_budget", 12 * 10**9), projects.Funding("ppp", 3 * 10**9, "Nhà đầu tư (mẫu)"))


async def add_plans(parts: Parts) -> str:
    """A scheme with a target, its plan, a project with its money, and a task with a bottleneck and a part: its id."""
    here, now = parts.programme, now_us()
    basis = law.provisions(here, OFFICER)[0][0]
    scheme = await documents.draft(here, OFFICER, "Scheme", replace(SCHEME, legal_bases=(basis,)))
    goal = NewTarget("Đạt cấp độ 2 vào năm 2027 (mẫu)", 2027, PROVINCE, level=2, legal_basis=basis, sample=True)
    target = await targets.add_target(here, OFFICER, scheme, goal)
    plan = await documents.draft(here, OFFICER, "Plan", replace(PLAN, scheme=scheme, legal_bases=(basis,)))
    await documents.step(here, OFFICER, plan, Step.APPROVE, APPROVAL)
    await documents.step(here, OFFICER, plan, Step.ENFORCE, {"date": "2026-04-01"})
    project = await projects.propose(here, OFFICER, replace(PROJECT, plan=plan))
    await projects.set_finance(here, OFFICER, project, FUNDING, 16 * 10**9, 10**9, {"people": "Đường sáng hơn (mẫu)"})
    await projects.move(here, OFFICER, project, projects.Stand.APPROVED)
    await projects.disburse(here, OFFICER, project, iso(now)[:10], 4_500_000_000, "state_budget", "Đợt 1 (mẫu)")
    new = NewTask(
        *("Lập danh mục dữ liệu chiếu sáng (mẫu)", COMMUNE, iso(now + 40 * DAY), "Danh mục được phê duyệt"),
        (COMMUNE,),
        basis,
        cooperating=(NEIGHBOUR,),
        simulated=True,
        responsible="Phó Chủ tịch phường (mẫu)",
        evidence_kind="decision",
        plan=plan,
        project=project,
        targets=(target,),
    )
    task = await service.issue_task(here, OFFICER, new)
    vague = NewBottleneck("data", "Chưa có danh sách tủ điều khiển (mẫu)", PROVINCE, iso(now + 9 * DAY))
    await bottlenecks.raise_bottleneck(here, OFFICER, task, vague)
    return asked_of(here, OFFICER, task)[0].id
