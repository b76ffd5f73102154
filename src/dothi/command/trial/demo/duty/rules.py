"""A simulated decision of one ward that changes one rule for itself, so that the rules show who decided what."""

from dothi.ground.clock import VIETNAM, to_datetime
from dothi.ground.errors import Conflict
from dothi.hub.model import system
from dothi.office.rules import adopt, versions
from dothi.operations.rules.in_force import KIND
from dothi.web.parts import Parts

WARD = "19753"
TEXT = """# Mô phỏng: phường chờ 10 phút sau khi xe gom đi rồi mới coi là hết.
[[rule]]
id = "bin-full"
hold_seconds = 600
"""
REASON = "Quyết định 07/QĐ-UBND (mô phỏng) về thùng rác gần đầy"


async def give_rules(parts: Parts, now: int) -> None:
    """Adopt it from the day of the demo on; nothing when the demo has it already."""
    if versions(parts.rules, KIND, WARD) or not parts.territory.knows(WARD):
        return
    day = to_datetime(now).astimezone(VIETNAM).date().isoformat()
    try:
        await adopt(parts.rules, system("demo"), KIND, WARD, day, TEXT, REASON, now=now)
    except Conflict:
        return  # Another process of the demo was quicker.
