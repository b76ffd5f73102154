"""Simulated warnings: a bulletin in force, a flood warning that was widened, a drill, one that waits for release."""

from dothi.accounts.people import users
from dothi.command.trial.demo.places import COMMUNE, MARK, PROVINCE
from dothi.ground.clock import HOUR, MINUTE, iso
from dothi.hub.model import Actor
from dothi.operations.warnings import service
from dothi.operations.warnings.bulletins import Entry, enter
from dothi.operations.warnings.model import Draft, Info, Kind, Warning
from dothi.operations.warnings.rules import rules_at, worded
from dothi.web.parts import Parts

KIM_LONG = "19774"
DONE = f"Cảnh báo mẫu ({MARK})"


async def give_warnings(parts: Parts, now: int) -> None:
    """Let the centre write and release; the writer and the releaser are two sample people."""
    here = parts.operations
    people = {role: Actor(one.actor_id, one.roles, one.areas) for one in users(parts.accounts) for role in one.roles}
    writer, releaser = people["duty_officer"], people["leader"]
    began = now - 2 * HOUR
    entry = Entry(
        f"Tin lũ trên sông Hương ({MARK})",
        "flood",
        f"Đài Khí tượng Thủy văn ({MARK})",
        "MP-05",
        iso(began),
        iso(now + 16 * HOUR),
        (PROVINCE,),
        level=2,
        note=DONE,
    )
    official = await enter(here, writer, entry, began)
    first = await service.write(here, writer, _draft(parts, (COMMUNE,), now, official.id), began + 10 * MINUTE)
    out = await _released(parts, writer, releaser, first, began + 15 * MINUTE)
    wider = _draft(parts, (COMMUNE, KIM_LONG), now, official.id)
    update = await service.write_next(here, writer, out.id, Kind.UPDATE, wider, now - 50 * MINUTE)
    await _released(parts, writer, releaser, update, now - 40 * MINUTE)
    drill = await service.write(here, writer, _draft(parts, (COMMUNE,), now, drill=True), now - 30 * MINUTE)
    await _released(parts, writer, releaser, drill, now - 25 * MINUTE)
    waits = await service.write(here, writer, _draft(parts, (KIM_LONG,), now, hazard="landslide"), now - 5 * MINUTE)
    await service.submit(here, writer, waits.id, waits.version, now - 4 * MINUTE)


async def _released(parts: Parts, writer: Actor, releaser: Actor, made: Warning, at: int) -> Warning:
    here = parts.operations
    handed = await service.submit(here, writer, made.id, made.version, at)
    checks = frozenset(rules_at(here, made.unit, at).checks)
    return await service.release(here, releaser, handed.id, handed.version, checks, at)


def _draft(
    parts: Parts, units: tuple[str, ...], now: int, bulletin: str = "", hazard: str = "flood", drill: bool = False
) -> Draft:
    """The sample wording of a hazard for some units, marked as simulated, for eight hours from now."""
    rules = rules_at(parts.operations, PROVINCE, now)
    area = {name: ", ".join(parts.territory.unit(code).name_in(name) for code in units) for name in ("vi", "en")}
    info = {
        name: Info(f"{one.headline} ({MARK if name == 'vi' else 'simulated'})", one.description, one.instruction)
        for name, one in worded(rules, rules.hazard(hazard), area).items()
    }
    return Draft(hazard, info, units, expires=iso(now + 8 * HOUR), bulletin=bulletin, drill=drill)
