"""Cases in the middle of being handled, for the page tests: one asks its reporter, one is with an outside body."""

from dothi.citizens import Filing, file_report, receive
from dothi.citizens.handling import waiting
from dothi.hub.model import Actor
from dothi.web.parts import Parts

COMMUNE = "19789"
OFFICIAL = Actor("user:sample-official", frozenset({"official"}), frozenset({COMMUNE}))


async def fill_handled(parts: Parts) -> dict[str, str]:
    """Make both; the tokens of their links by the name of the address's part."""
    here, links = parts.citizens, {}
    for purpose in ("question", "outside"):
        filing = Filing("noise", f"Karaoke sau 22 giờ (mẫu {purpose})", unit=COMMUNE, key=f"page tests {purpose} link")
        number = (await file_report(here, filing)).number
        await receive(here, OFFICIAL, number)
        if purpose == "question":
            report = await waiting.ask(here, OFFICIAL, number, "Nhà số mấy, những tối nào? (mẫu)")
        else:
            report = await waiting.forward(here, OFFICIAL, number, "Công an phường (mẫu)", "Đề nghị nhắc nhở (mẫu)")
        links[purpose] = waiting.link(here, report).rpartition("/")[2]
    return links
