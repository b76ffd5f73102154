"""What belongs to a scheme, read from the hub by type: its component schemes, targets, plans, projects and tasks.

The nouns are the programme's; here only their names and the links upwards are known. What is not there is not missed.
"""

from dothi.evidence.model import SYSTEM, Evidence, Period, PeriodKind
from dothi.ground.clock import from_iso
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.hub.language.nodes import Compare, Or, Query, TypeIs
from dothi.hub.model import Actor, Entity

ROOTS = ("Scheme", "Plan")  # What can be summed up.
BELOW = ("Scheme", "SchemeTarget", "Plan", "Project", "Task", "Solution")
LINKS = ("scheme", "parent", "partOf", "componentOf", "plan", "project", "target", "targets")
STARTS = ("start", "starts", "startsOn", "validFrom", "from")
ENDS = ("end", "ends", "endsOn", "validTo", "to", "due")
MOST = 20_000  # Entities of one scheme.
PAGE = 1000


def scheme(evidence: Evidence, actor: Actor, entity_id: str) -> Entity:
    """The scheme or plan of that id as `actor` may see it. Invalid when it is something else."""
    found = evidence.hub.get(actor, entity_id)
    if not set(ROOTS) & set(found.types):
        raise Invalid(f"{entity_id} is no scheme or plan that can be summed up.", field="scheme")
    return found


def schemes(evidence: Evidence, actor: Actor) -> list[Entity]:
    """The schemes and plans that `actor` may see; none where they may see none."""
    found: list[Entity] = []
    for kind in ROOTS:
        try:
            found += evidence.hub.find(actor, kind, limit=PAGE).entities
        except (Forbidden, Missing):
            continue
    return found


def title_of(entity: Entity) -> str:
    """What a scheme is called in Vietnamese."""
    for name in ("title", "name"):
        value = entity.value(name)
        text = value.get("vi") if isinstance(value, dict) else value
        if isinstance(text, str) and text:
            return text
    return entity.id.rpartition(":")[2]


def span_of(entity: Entity, now: int) -> Period:
    """From the scheme's first day to its last, to `now` when it still runs; named by the end of its id."""
    start = _instant(entity, STARTS, entity.created_at)
    end = min(_instant(entity, ENDS, now), now)
    return Period(PeriodKind.YEAR, entity.id.rpartition(":")[2], min(start, end), max(end, start + 1))


def _instant(entity: Entity, names: tuple[str, ...], otherwise: int) -> int:
    for name in names:
        value = entity.value(name)
        if isinstance(value, int) and not isinstance(value, bool) and 1970 < value < 2200:
            value = f"{value}-01-01" if names is STARTS else f"{value + 1}-01-01"
        if isinstance(value, str) and value:
            try:
                return from_iso(value)
            except ValueError:
                continue
    return otherwise


def members(evidence: Evidence, entity_id: str) -> list[Entity]:
    """Everything that belongs to a scheme, each once, however many ways lead to it."""
    found: dict[str, Entity] = {}
    frontier = [entity_id]
    while frontier and len(found) < MOST:
        new = {one.id: one for kind in BELOW for one in _pointing(evidence, kind, tuple(frontier))}
        frontier = [name for name in new if name not in found and name != entity_id]
        found |= {name: new[name] for name in frontier}
    return sorted(found.values(), key=lambda one: one.id)


def _pointing(evidence: Evidence, kind: str, targets: tuple[str, ...]) -> list[Entity]:
    """The entities of a type that point to one of `targets`."""
    terms = Or(tuple(Compare((name,), "==", targets) for name in LINKS))
    found: list[Entity] = []
    while len(found) < MOST:
        query = Query(TypeIs(kind), q=terms, limit=PAGE, offset=len(found))
        page = evidence.hub.query(SYSTEM, query).entities
        found += page
        if len(page) < PAGE:
            break
    return found
