"""What the public's pages of warnings show in tests: one warning with an update, that is out in a remote commune."""

from dothi.ground.clock import HOUR, iso, now_us
from dothi.operations.warnings import service
from dothi.operations.warnings.model import Draft, Info, Kind, Warning
from dothi.web.parts import Parts
from tests.web.warnings import CHECKED, LEADER, WRITER

TEXTS = {
    "vi": Info(
        "Nguy cơ sạt lở tại Xã A Lưới 1 (mẫu)",
        "Mưa lớn nhiều ngày, đất trên sườn dốc có thể trượt xuống nhà và đường.",
        "Rời nhà sát sườn dốc có vết nứt, nước đục, cây nghiêng.\nKhông đi qua taluy. Cần giúp đỡ gọi 112.",
    ),
    "en": Info(
        "Danger of landslides in A Lưới 1 commune (sample)",
        "After days of heavy rain slopes may slip onto houses and roads.",
        "Leave houses under slopes with cracks or leaning trees.\nKeep off cuttings. Call 112 for help.",
    ),
}


async def fill_alerts(parts: Parts) -> dict[str, str]:
    """Let it out; returns the values for the {parts} of addresses."""
    (unit,) = [one.code for one in parts.territory.communes_of("46") if one.name == "Xã A Lưới 1"]
    words = Draft("landslide", TEXTS, (unit,), expires=iso(now_us() + 6 * HOUR))
    first = await out(parts, await service.write(parts.operations, WRITER, words))
    newest = await out(parts, await service.write_next(parts.operations, WRITER, first.id, Kind.UPDATE, words))
    return {"alert": first.id.rpartition(":")[2], "identifier": newest.identifier}


async def out(parts: Parts, made: Warning) -> Warning:
    """Handed in by one person, released by another."""
    handed = await service.submit(parts.operations, WRITER, made.id, made.version)
    return await service.release(parts.operations, LEADER, handed.id, handed.version, CHECKED)
