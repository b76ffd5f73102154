"""What the pages of cameras and gates show in tests: one camera with a few detections, one of them sealed."""

from dothi.ground.clock import HOUR, MINUTE, iso, now_us
from dothi.hub.model import Actor
from dothi.operations.events.intake import take_in
from dothi.operations.events.sources import NewSource, define_source
from dothi.web.parts import Parts

STEWARD = Actor("user:sample-steward", frozenset({"data_steward"}))
CAMERA = NewSource(
    "camera-sample",
    {"vi": "Camera ngã tư (mẫu)", "en": "Camera at a crossing (sample)"},
    "camera",
    "Thấy cháy, ngập để người trực cử người đến xem (mẫu)",
    10,
    2,
    "19789",
    ("plate",),
    1,
    (107.585, 16.463),
)


async def fill_cameras(parts: Parts) -> None:
    """Define the camera and let it see something."""
    now = now_us()
    await define_source(parts.operations, STEWARD, CAMERA)
    rows = [
        {"id": f"d{n}", "at": iso(now - n * HOUR), "kind": "litter", "confidence": 0.8, "clip": "https://vms.example/1"}
        for n in range(1, 5)
    ]
    rows += [{"id": "plate", "at": iso(now - MINUTE), "kind": "vehicle", "confidence": 0.9, "plate": "75A-123.45"}]
    await take_in(parts.operations, STEWARD, CAMERA.code, rows)
