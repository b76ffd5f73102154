"""Looking at what is sealed in a detection: with the right, for a reason, and written down each time."""

from dothi.accounts.vault import Vault, note_search, open_from
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Actor, Event
from dothi.operations.events.intake import plate_tag
from dothi.operations.events.model import SYSTEM, locker_of
from dothi.operations.events.sources import one_source, sources
from dothi.operations.model import Operations

FOUND_MAX = 500


def _vault(operations: Operations) -> Vault:
    if operations.vault is None:
        raise Conflict("This city has no vault: nothing personal is kept.")
    return operations.vault


async def open_detection(
    operations: Operations, actor: Actor, code: str, key: str, reason: str, now: int | None = None
) -> dict[str, str]:
    """The plate or face of one detection. Forbidden without the right, Missing when it is gone; the register tells."""
    source = one_source(operations, actor, code)
    found = operations.hub.events(actor, source.id, EventQuery(keys=(key,)))
    if not found or not found[0].sealed:
        raise Missing("Nothing personal is kept of this detection.")
    event, subject = found[0], f"{source.id} {key}"
    locker = locker_of(source.id, event.at)
    secret = await open_from(_vault(operations), actor, locker, event.sealed, subject, reason, now)
    plate, _, face = secret.decode().partition("\n")
    return {name: value for name, value in (("plate", plate), ("face", face)) if value}


async def find_plate(
    operations: Operations, actor: Actor, plate: str, reason: str, now: int | None = None
) -> list[Event]:
    """Where a number plate was seen, latest first. Forbidden without the right; the register tells who looked."""
    vault, tag = _vault(operations), plate.strip()
    if not any(letter.isalnum() for letter in tag):
        raise Invalid("Write the number plate, e.g. 75A-123.45.", field="plate")
    await note_search(vault, actor, "by number plate", reason, now)
    asked = EventQuery(tag=plate_tag(vault, plate), limit=FOUND_MAX)
    found = [one for each in sources(operations, actor) for one in operations.hub.events(SYSTEM, each.id, asked)]
    return sorted(found, key=lambda one: -one.at)[:FOUND_MAX]
