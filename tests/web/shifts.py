"""What the pages of the shift book and the wall show in tests: a past handover, and open matters of every kind."""

from typing import Any

from dothi.ground.clock import HOUR, MINUTE, iso, now_us
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Commit, create, geo, json_prop, prop, rel, system, words
from dothi.operations.model import OWNER
from dothi.operations.shifts import handover, planning, service
from dothi.web.parts import Parts

PROVINCE, COMMUNE = "46", "19789"
SYSTEM = system("operations")


async def fill_shifts(parts: Parts) -> dict[str, str]:
    """One past handover of yesterday, signed by two; returns values for the {parts} of addresses."""
    now = now_us() - 30 * HOUR
    here, first, second = parts.operations, officer("sample-first"), officer("sample-second")
    await service.open_duty(here, first, PROVINCE, "Ca mẫu của hôm trước", now)
    shift = service.on_duty(here, PROVINCE)
    assert shift is not None
    mark = handover.seen(handover.draft(here, first, shift, now + HOUR))
    await handover.sign_out(here, first, shift.id, mark, {"all": "Trạm bơm số 2 đang sửa (mẫu)"}, now + HOUR)
    signed = service.shift(here, first, shift.id).signatures[0].sha256
    reservation, reason = "Chưa xem được trạm bơm (mẫu)", "Kíp mẫu không có ca này"
    await handover.take_over(here, second, shift.id, signed, reservation, reason, now + HOUR)
    await planning.ring(here, PROVINCE, now + 20 * HOUR)
    return {"shift": shift.id.split(":", 3)[3]}


def officer(name: str, *roles: str) -> Actor:
    """A duty officer of the whole province."""
    return Actor(f"user:{name}", frozenset(roles or ("duty_officer",)), frozenset({PROVINCE}))


async def raise_alarm(hub: Hub, name: str, priority: str = "high", what: str = "Nước ngập", **more: Any) -> str:
    """An open alarm that nobody took, as its rule would write it."""
    now, urn = iso(now_us()), f"urn:ngsi-ld:Alarm:{name}"
    said: dict[str, Any] = {"priority": priority, "since": now, "due": iso(now_us() + 10 * MINUTE), "unit": COMMUNE}
    said |= {"assignee": COMMUNE, "active": True, "acknowledged": False, "open": True, "simulated": True} | more
    attrs = {key: prop(value) for key, value in said.items()}
    place = geo({"type": "Point", "coordinates": [107.58, 16.46]})
    subject = {"subjectName": prop(f"Trạm {name} (mẫu)"), "name": words(vi=f"{what} (mẫu)", en="Flooding (sample)")}
    change = create(urn, "Alarm", location=place, subject=rel("urn:ngsi-ld:WaterObserved:x"), **subject, **attrs)
    await hub.commit(Commit(SYSTEM, (change,), owner=OWNER))
    return urn


async def open_matters(parts: Parts, taker: str) -> None:
    """An alarm that was taken, an incident with steps, a late order, a warning that is out, a shelved alarm."""
    hub, now = parts.hub, now_us()
    await raise_alarm(hub, "Kim Long", acknowledged=True, acknowledgedBy=taker, acknowledgedAt=iso(now))
    await raise_alarm(
        hub, "An Cựu", "low", "Pin yếu", shelvedUntil=iso(now + 3 * HOUR), shelvedWhy="Chờ thay pin (mẫu)"
    )
    step = {"id": "a", "title": {"vi": "Gọi phường (mẫu)"}, "role": "duty_officer", "due": iso(now), "required": True}
    common: dict[str, Any] = {"unit": prop(COMMUNE), "open": prop(True), "simulated": prop(True)}
    incident = create(
        "urn:ngsi-ld:Incident:ngap-1",
        "Incident",
        title=prop("Ngập đường Bùi Thị Xuân (mẫu)"),
        kind=prop("flood"),
        state=prop("in_hand"),
        priority=prop("urgent"),
        since=prop(iso(now - HOUR)),
        steps=json_prop([step]),
        assignee=prop(PROVINCE),
        commander=prop(taker),
        **common,
    )
    order = create(
        "urn:ngsi-ld:Order:bom-1",
        "Order",
        title=prop("Đặt máy bơm tại cầu Ga (mẫu)"),
        state=prop("sent"),
        assignee=prop(COMMUNE),
        due=prop(iso(now - 20 * MINUTE)),
        incident=rel("urn:ngsi-ld:Incident:ngap-1"),
        **common,
    )
    warning = create(
        "urn:ngsi-ld:Warning:mua-1",
        "Warning",
        title=prop("Mưa lớn, tránh vùng trũng (mẫu)"),
        state=prop("released"),
        assignee=prop(PROVINCE),
        expires=prop(iso(now + 40 * MINUTE)),
        due=prop(iso(now + 40 * MINUTE)),
        **common,
    )
    await hub.commit(Commit(SYSTEM, (incident, order, warning), "open matters of a test", owner=OWNER))
