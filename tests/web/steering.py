"""What the pages of council, directives, imports, pilots and calls show in tests: one sample of each."""

from dothi.ground.clock import DAY, iso, now_us
from dothi.hub.model import Actor
from dothi.programme.council import explanations, opinions, partners, service
from dothi.programme.council.model import Member
from dothi.programme.directives import imports
from dothi.programme.directives import service as directives
from dothi.programme.pilots import service as pilots
from dothi.programme.pilots.model import NewPilot
from dothi.programme.tasks import service as tasks
from dothi.web.parts import Parts
from tests.programme.papers import docx, xlsx

OFFICER = Actor("user:sample-programme", frozenset({"programme_officer"}), frozenset({"46"}))
PROVINCE, COMMUNE = "46", "19789"
STOP = "Có tai nạn liên quan (mẫu)"
ROWS = (
    (1, "Lập kế hoạch thoát nước (mẫu)", "Sở Xây dựng", "Sở Tài chính", "Quý IV/2035", "Kế hoạch"),
    (2, "Rà soát điểm ngập (mẫu)", "Cục Không có", None, "31/02/2035", "Danh sách điểm ngập"),
)


async def fill_steering(parts: Parts) -> dict[str, str]:
    """Make one of each; returns values for the {parts} of addresses."""
    here, now = parts.programme, now_us()
    body = await service.keep_body(
        here,
        OFFICER,
        "Hội đồng điều phối (mẫu)",
        "council",
        PROVINCE,
        (Member("Phó Chủ tịch UBND thành phố (mẫu)", PROVINCE), Member("Chủ tịch UBND phường (mẫu)", COMMUNE)),
        "mau",
    )
    session = await service.call_session(here, OFFICER, body, "Phiên thứ nhất (mẫu)", iso(now - DAY), ["Quy chế"])
    await service.conclude(here, OFFICER, session, "Ghi nhận báo cáo (mẫu)", None, "mau")
    round_ = await opinions.ask_opinions(here, OFFICER, session, "Dự thảo quy chế (mẫu)", 16)
    first, second = opinions.opinions(here, OFFICER, round_)
    await opinions.give_opinion(here, OFFICER, second.id, "changes", "Thêm đại diện phường (mẫu)")
    directive = await directives.take_in(here, OFFICER, docx(), "15-UBND (mẫu).docx", PROVINCE)
    plan = await imports.take_plan(here, OFFICER, xlsx(ROWS), "ke-hoach (mẫu).xlsx", PROVINCE)
    pilot = await propose_sample(parts)
    call = await partners.open_call(here, OFFICER, sample_call())
    words = ("Xin dữ liệu mở (mẫu)", "Chúng tôi cần dữ liệu ngập.")
    code = await partners.hand_in(here, parts.citizens.vault, call, *words, None)
    await partners.judge(here, OFFICER, partners.followed(here, code).id, "answered", "Đã mở tại trang dữ liệu (mẫu)")
    waiting = await partners.hand_in(here, parts.citizens.vault, call, "Xin mặt bằng (mẫu)", "Ở đâu?", None)
    late = next(one for one in tasks.tasks(here, OFFICER, "open==true") if tasks.is_late(one, now)[1])
    asked = await explanations.ask_explanation(here, OFFICER, late.id, "Vì sao trễ? (mẫu)", 16)
    made = {"session": session, "directive": directive, "table": plan, "pilot": pilot, "call": call}
    made |= {"opinion": first.id, "explanation": asked}
    return {name: one.split(":", 3)[3] for name, one in made.items()} | {"receipt": waiting}


async def propose_sample(parts: Parts, title: str = "Đèn thông minh (mẫu)") -> str:
    """A pilot dossier that is clear."""
    new = NewPilot(
        title=title,
        kind="technology",
        place="Đường Lê Lợi",
        unit=COMMUNE,
        lead=COMMUNE,
        begins="2026-12-01",
        ends="2027-05-31",
        indicators=(("Điện năng mỗi đêm", "giảm 30 %"),),
        stops=(STOP,),
        exit="Tháo thiết bị, trả lại đèn cũ",
        simulated=True,
    )
    return await pilots.propose_pilot(parts.programme, OFFICER, new)


def sample_call() -> partners.NewCall:
    """A dialogue that takes questions for years."""
    words = ("Đối thoại doanh nghiệp (mẫu)", "Gửi câu hỏi, kiến nghị về đô thị thông minh.")
    return partners.NewCall("dialogue", *words, "2026-01-01", "2040-12-31", 40, PROVINCE)
