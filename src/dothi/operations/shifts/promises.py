"""What an officer promised somebody, with a time: a line of the log that stays in every handover until it is kept."""

from dothi.ground.clock import DAY, from_iso, iso, now_us
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Attribute, Commit, Entity, create, prop, rel
from dothi.operations.model import OWNER, Operations
from dothi.operations.shifts.model import NotOnDuty, demand_officer

TYPE = "LogEntry"
WORDS_MAX, AHEAD_MAX = 500, 30 * DAY
_MOST = 2000


async def promise(  # A promise is these things together.
    operations: Operations,
    actor: Actor,
    unit: str,
    words: str,
    by_when: int,
    about: str = "",
    key: str | None = None,
    now: int | None = None,
) -> str:
    """Note what was promised until `by_when` (µs), about a thing or about nothing in particular; returns its id.

    The line is never changed: `keep` writes another one beside it. The same key twice notes it once.
    """
    at = now_us() if now is None else now
    demand_officer(operations, actor, unit)
    if not 0 < len(words.strip()) <= WORDS_MAX:
        raise Invalid(f"Say what was promised, in up to {WORDS_MAX} letters.", field="words")
    if not at < by_when <= at + AHEAD_MAX:
        raise Invalid("A promise is for a time to come, within 30 days.", field="by_when")
    attrs: dict[str, Attribute] = {"promisedFor": prop(iso(by_when))}
    return await _note(operations, actor, unit, words.strip(), at, about, key, attrs)


async def keep(operations: Operations, actor: Actor, name: str, words: str, now: int | None = None) -> str:
    """Note how a promise was kept, or why it cannot be; returns the id of that line."""
    at = now_us() if now is None else now
    made = operations.hub.get(actor, name)
    if TYPE not in made.types or not made.value("promisedFor"):
        raise Missing("There is no such promise.")
    unit = str(made.value("unit") or "")
    demand_officer(operations, actor, unit)
    if any(one.value("keeps") == name for one in _find(operations, actor, f'keeps=="{name}"')):
        raise NotOnDuty("This promise was kept already.")
    said = words.strip()[:WORDS_MAX] or str(made.value("words"))
    return await _note(operations, actor, unit, said, at, str(made.value("about") or ""), None, {"keeps": rel(name)})


async def _note(  # A line of the log is these things together.
    operations: Operations,
    actor: Actor,
    unit: str,
    words: str,
    at: int,
    about: str,
    key: str | None,
    more: dict[str, Attribute],
) -> str:
    name = urn(TYPE, *((key,) if key else ()))
    attrs: dict[str, Attribute] = {
        "words": prop(words),
        "typedAt": prop(iso(at)),
        "by": prop(actor.id),
        "unit": prop(unit),
        **more,
    }
    if about:
        operations.hub.get(actor, about)  # Missing when there is no such thing, or he may not see it.
        attrs["about"] = rel(about)
    change = create(name, TYPE, **attrs)
    await operations.hub.commit(Commit(actor, (change,), "log", {name: ABSENT}, key=key, owner=OWNER))
    return name


def open_promises(operations: Operations, actor: Actor) -> list[Entity]:
    """What was promised and not kept yet, the earliest first."""
    kept = {one.value("keeps") for one in _find(operations, actor, "keeps")}
    found = [one for one in _find(operations, actor, "promisedFor") if one.id not in kept]
    return sorted(found, key=lambda one: from_iso(one.value("promisedFor")))


def _find(operations: Operations, actor: Actor, q: str) -> list[Entity]:
    try:
        return list(operations.hub.find(actor, TYPE, q, _MOST))
    except Forbidden:
        return []
