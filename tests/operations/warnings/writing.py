"""A city with people for tests of warnings: a hub whose clock we hold, two duty officers, a leader, a ward."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from dothi.accounts.policy import RolePolicy
from dothi.ground.clock import HOUR, from_iso, iso
from dothi.hub.core import Hub
from dothi.hub.model import Actor
from dothi.office.rules import open_rules
from dothi.operations.model import INSTEAD, OWNER, Operations
from dothi.operations.warnings import service
from dothi.operations.warnings.bulletins import Entry
from dothi.operations.warnings.model import Draft, Info, Kind, State, Warning
from dothi.operations.warnings.rules import rules_kind
from dothi.territory import Territory

HERE = Territory.load()
CITY, WARD, OTHER_WARD, FAR = "46", "19789", "19774", "00004"
T0 = from_iso("2026-11-22T01:00:00Z")  # 08:00 in Vietnam.
LAN = Actor("user:lan", frozenset({"duty_officer"}), frozenset({CITY}))
MINH = Actor("user:minh", frozenset({"duty_officer"}), frozenset({CITY}))
HOA = Actor("user:hoa", frozenset({"leader"}), frozenset({CITY}))
TAM = Actor("user:tam", frozenset({"duty_officer", "leader"}), frozenset({WARD}))  # Of one ward only.
NAM = Actor("user:nam", frozenset({"official"}), frozenset({CITY}))
CHECKED = frozenset({"source", "area", "instruction", "time"})
TEXTS = {
    "vi": Info("Ngập sâu ven sông", "Nước lên 50-80 cm trước 18:30.", "Lên nơi cao ngay. Cần giúp đỡ gọi 112."),
    "en": Info("Deep water along the river", "", "Go to high ground now. Call 112 for help."),
}
RIVER = ((107.55, 16.45), (107.6, 16.45), (107.6, 16.48), (107.55, 16.48), (107.55, 16.45))


def draft(**more: object) -> Draft:
    """A whole draft of a flood warning for one ward, six hours long."""
    plain = Draft("flood", TEXTS, (WARD,), expires=iso(T0 + 6 * HOUR))
    return replace(plain, **more)  # type: ignore[arg-type]


def entry(**more: object) -> Entry:
    """A bulletin of a flood, level 3, for the whole city."""
    plain = Entry(
        "Tin lũ trên sông Hương (mẫu)",
        "flood",
        "Đài Khí tượng Thủy văn (mẫu)",
        "LU-05",
        iso(T0),
        iso(T0 + 12 * HOUR),
        (CITY,),
        level=3,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def in_city(folder: Path, story: Callable[[Operations], Awaitable[None]]) -> None:
    """Run a story in a new city."""
    hub = Hub(folder / "hub", RolePolicy(HERE.within))
    operations = Operations(hub, HERE, adopted=open_rules(hub, HERE, (rules_kind(),)))
    hub.own(OWNER, INSTEAD)
    service.declare(operations)

    async def whole() -> None:
        try:
            await story(operations)
        finally:
            await hub.close()

    asyncio.run(whole())


async def submitted(operations: Operations, what: Draft | None = None, now: int = T0) -> Warning:
    """A warning that Lan wrote and handed in."""
    made = await service.write(operations, LAN, what or draft(), now)
    return await service.submit(operations, LAN, made.id, made.version, now)


async def released(operations: Operations, what: Draft | None = None, now: int = T0) -> Warning:
    """A warning that Lan wrote and Hoa released."""
    handed = await submitted(operations, what, now)
    return await service.release(operations, HOA, handed.id, handed.version, CHECKED, now)


async def followed(
    operations: Operations, out: Warning, kind: Kind, what: Draft | None = None, now: int = T0
) -> Warning:
    """The next message of a warning, written by Lan and released by Hoa."""
    made = await service.write_next(operations, LAN, out.id, kind, what or draft(), now)
    handed = await service.submit(operations, LAN, made.id, made.version, now)
    return await service.release(operations, HOA, handed.id, handed.version, CHECKED, now)


def example(**more: object) -> Warning:
    """A flood warning that waits for its second person."""
    kept = {"kind": Kind.ALERT, "area": {"vi": "Phường Thuận Hóa", "en": "Thuan Hoa ward"}, "drill": False} | more
    return Warning(
        "urn:ngsi-ld:Warning:x", 1, "urn:ngsi-ld:Warning:x", state=State.SUBMITTED, title="", hazard="flood",
        event={"vi": "Lũ, ngập lụt", "en": "Flood"}, severity="Severe", urgency="Immediate", certainty="Likely",
        info=kept.pop("info", TEXTS), units=(WARD,), shapes=(), expires="2026-11-22T11:30:00Z", **kept,
    )  # type: ignore[arg-type]  # fmt: skip
