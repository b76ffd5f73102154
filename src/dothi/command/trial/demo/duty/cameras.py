"""Two simulated cameras and a gate: a day of what they saw, and a flooded road that somebody should look at."""

from random import Random

from dothi.command.trial.demo.people import Cast
from dothi.command.trial.demo.places import COMMUNE, MARK
from dothi.ground.clock import DAY, HOUR, MINUTE, iso
from dothi.hub.model import system
from dothi.operations.events.intake import take_in
from dothi.operations.events.sources import NewSource, define_source
from dothi.web.parts import Parts

KEEPER = system("demo")
SOURCES = (
    NewSource(
        "cam-truong-tien",
        {"vi": f"Camera cầu Trường Tiền ({MARK})", "en": "Camera at Truong Tien bridge (simulated)"},
        "camera",
        "Thấy ngập, cháy, va chạm để người trực cử người đến xem (mẫu)",
        14,
        3,
        COMMUNE,
        place=(107.5905, 16.4686),
        simulated=True,
    ),
    NewSource(
        "cam-ben-xe",
        {"vi": f"Camera bến xe ({MARK})", "en": "Camera at the bus station (simulated)"},
        "camera",
        "Thấy đám đông, khói để người trực cử người đến xem (mẫu)",
        14,
        3,
        COMMUNE,
        place=(107.5852, 16.4601),
        simulated=True,
    ),
    NewSource(
        "cong-bai-do",
        {"vi": f"Cổng bãi đỗ xe ({MARK})", "en": "Gate of a car park (simulated)"},
        "gate",
        "Đếm xe ra vào bãi đỗ, tra xe liên quan tai nạn khi có văn bản (mẫu)",
        7,
        2,
        COMMUNE,
        ("plate",),
        1,
        (107.5871, 16.4633),
        simulated=True,
    ),
)
_SEEN = {"cam-truong-tien": "litter", "cam-ben-xe": "crowd", "cong-bai-do": "vehicle"}


async def give_cameras(parts: Parts, _: Cast, seed: int, now: int) -> None:
    """Define the sources and give them their day."""
    here, chance = parts.operations, Random(seed)  # noqa: S311  # Made-up data, no secret.
    for source in SOURCES:
        await define_source(here, KEEPER, source)
        instants = (now - DAY + n * 24 * MINUTE for n in range(58))
        rows = [_row(source.code, at, chance) for at in instants if chance.random() < _busy(at)]
        await take_in(here, KEEPER, source.code, rows, now)
    flooded = [
        {"id": f"flood-{n}", "at": iso(now - (8 - 2 * n) * MINUTE), "kind": "flooding", "confidence": 0.71 + n / 20}
        for n in range(4)
    ]
    await take_in(here, KEEPER, "cam-truong-tien", flooded, now)


def _row(source: str, at: int, chance: Random) -> dict[str, object]:
    """What one of them saw at an instant."""
    kind = _SEEN[source]
    row = {"id": f"{source}-{at}", "at": iso(at), "kind": kind, "confidence": round(chance.uniform(0.5, 0.98), 2)}
    if kind == "crowd":
        return row | {"count": chance.randrange(20, 180)}
    if kind == "vehicle":
        return row | {"plate": f"75X-{chance.randrange(100, 999)}.{chance.randrange(10, 99)}"}
    return row


def _busy(at: int) -> float:
    """How often something is seen at an hour of the day in Vietnam."""
    hour = (at // HOUR + 7) % 24
    return 0.9 if 6 <= hour < 20 else 0.25  # Day and night.
