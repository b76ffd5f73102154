"""Simulated orders in the incident that is directed: one done with a photo, one under way, one late, one refused."""

from dothi.command.trial.demo.people import Cast
from dothi.command.trial.demo.photos import draw
from dothi.command.trial.demo.places import COMMUNE, MARK
from dothi.ground.clock import MINUTE
from dothi.office.photos import Upload
from dothi.operations.incidents.orders import service
from dothi.operations.incidents.orders.giving import issue
from dothi.operations.incidents.orders.model import NewOrder, Order, Said
from dothi.web.parts import Parts

NEIGHBOURS = ("19753", "19774", "19815")
PLACE = "Hầm chui đường sắt"
GIVEN = 18 * MINUTE  # Before now.
ORDERS = (
    ("Bơm nước hầm chui", COMMUNE, "scene", "Mang hai máy bơm dầu, báo khi nước rút dưới 15 cm."),
    ("Rào chắn hai đầu hầm, phân luồng xe", NEIGHBOURS[0], "scene", "Giữ lối cho xe cứu thương."),
    ("Trực sẵn sàng hai thuyền", NEIGHBOURS[1], "standby", "Tập kết tại trụ sở phường."),
    ("Kiểm tra nhà dân cạnh hầm", NEIGHBOURS[2], "report", "Người già, trẻ em cần đưa đi trước."),
)


async def give_orders(parts: Parts, cast: Cast, now: int) -> None:
    """Give them through the verbs of officers and units; nothing when the demo has some already."""
    if parts.hub.find(cast.duty, "Order", limit=1).entities:
        return
    found = parts.hub.find(cast.duty, "Incident", 'open==true;kind=="flood"', limit=1).entities
    if not found:
        return
    at = now - GIVEN
    made = [await _give(parts, cast, found[0].id, row, at) for row in ORDERS]
    pump, barrier, _, houses = made
    await _step(parts, pump, "receive", at + 2 * MINUTE)
    await _step(parts, pump, "arrive", at + 13 * MINUTE)
    await _step(parts, barrier, "receive", at + MINUTE)
    await _step(parts, barrier, "arrive", at + 6 * MINUTE)
    shown = Said(f"Đã rào hai đầu, xe đi đường Lê Duẩn ({MARK})", files=(Upload("rao.jpg", draw("road", True, 0)),))
    await _step(parts, barrier, "finish", at + 11 * MINUTE, shown)
    refusal = Said("Cán bộ đang ở điểm sạt lở", "Tổ dân phố 5 kiểm tra được ngay")
    await _step(parts, houses, "refuse", at + 7 * MINUTE, refusal)


async def _give(parts: Parts, cast: Cast, incident: str, row: tuple[str, str, str, str], at: int) -> Order:
    title, unit, kind, words = row
    new = NewOrder(f"{title} ({MARK})", (unit,), words, kind, PLACE)
    return (await issue(parts.operations, cast.duty, incident, new, now=at))[0]


async def _step(parts: Parts, order: Order, verb: str, at: int, said: Said = service.NOTHING) -> None:
    """A step of the unit, by the link that it was sent: most wards of the demo have no account."""
    now = service.find(parts.operations, service.SYSTEM, order.id)
    await service.move_by_link(parts.operations, now, verb, said, now=at)
