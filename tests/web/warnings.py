"""What the pages of warnings show in tests: a bulletin, a drill that is out, a warning that waits to be released."""

from dothi.ground.clock import HOUR, iso, now_us
from dothi.hub.model import Actor
from dothi.operations.warnings import service
from dothi.operations.warnings.bulletins import Entry, enter
from dothi.operations.warnings.model import Draft, Info
from dothi.web.parts import Parts

WRITER = Actor("user:sample-writer", frozenset({"duty_officer"}), frozenset({"46"}))
LEADER = Actor("user:sample-leader", frozenset({"leader"}), frozenset({"46"}))
PROVINCE, COMMUNE = "46", "19789"
CHECKED = frozenset({"source", "area", "instruction", "time"})
TEXTS = {
    "vi": Info("Lũ, ngập lụt tại Phường Thuận Hóa (mẫu)", "Nước lên 50-80 cm.", "Lên nơi cao. Cần giúp đỡ gọi 112."),
    "en": Info("Flood in Thuan Hoa ward (sample)", "", "Go to high ground. Call 112 for help."),
}


async def fill_warnings(parts: Parts) -> dict[str, str]:
    """Make one of each; returns values for the {parts} of addresses."""
    here, now = parts.operations, now_us()
    entry = Entry(
        "Tin lũ trên sông Hương (mẫu)",
        "flood",
        "Đài Khí tượng Thủy văn (mẫu)",
        "MAU-01",
        iso(now),
        iso(now + 12 * HOUR),
        (PROVINCE,),
        level=2,
    )
    official = await enter(here, WRITER, entry, now)
    drill = await service.write(
        here, WRITER, Draft("flood", TEXTS, (COMMUNE,), expires=iso(now + 6 * HOUR), drill=True)
    )
    handed = await service.submit(here, WRITER, drill.id, drill.version)
    await service.release(here, LEADER, handed.id, handed.version, CHECKED)
    draft = Draft("flood", TEXTS, (COMMUNE,), expires=iso(now + 6 * HOUR), bulletin=official.id)
    made = await service.write(here, WRITER, draft)
    made = await service.submit(here, WRITER, made.id, made.version)
    return {"warning": made.id.rpartition(":")[2]}
