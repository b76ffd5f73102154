"""Bottlenecks: what stands in the way of a task, by kind, with who must remove it, until when, and how it ended."""

from collections.abc import Iterable
from dataclasses import dataclass

from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import Actor, Attribute, Change, Commit, Entity, Op, prop, read_one, rel
from dothi.programme.model import OWNER, IllegalMove, Programme, readable, task_of
from dothi.programme.rules import known
from dothi.programme.tasks.workflow import OPEN, check_instant

TYPE = "Bottleneck"


@dataclass(frozen=True)
class NewBottleneck:
    """What is said when a bottleneck is raised: kind (Rules.bottlenecks), words, who must remove it, until when."""

    kind: str
    words: str
    owner: str  # Code of a unit.
    due: str


@dataclass(frozen=True)
class Bottleneck:
    """A bottleneck as it stands; state is open or resolved."""

    id: str
    task: str
    kind: str
    words: str
    state: str
    owner: str
    due: str
    raised_by: str
    raised_at: str
    resolution: str
    resolved_at: str
    version: int


def bottleneck_of(entity: Entity) -> Bottleneck:
    """The bottleneck that an entity holds."""
    value = entity.value
    return Bottleneck(
        id=entity.id,
        task=value("task"),
        kind=value("kind"),
        words=value("title"),
        state=value("state"),
        owner=value("assignee"),
        due=value("due"),
        raised_by=value("raisedBy"),
        raised_at=value("raisedAt"),
        resolution=value("resolution", ""),
        resolved_at=value("resolvedAt", ""),
        version=entity.version,
    )


def bottleneck(programme: Programme, actor: Actor, name: str) -> Bottleneck:
    """One bottleneck; Missing when there is none."""
    entity = programme.hub.get(actor, name)
    if TYPE not in entity.types:
        raise Missing(f"{name} is not a bottleneck.")
    return read_one(entity, bottleneck_of)


def bottlenecks_of(programme: Programme, actor: Actor, task: str) -> list[Bottleneck]:
    """The bottlenecks of a task, oldest first."""
    return list(readable(programme.hub.find(actor, TYPE, f'task=="{task}"'), bottleneck_of))


def raised(task: str, place: str, new: NewBottleneck, by: str, now: int, name: str = "") -> Change:
    """The change that writes a bottleneck; `name` makes it one of its kind."""
    attrs: dict[str, Attribute] = {
        "task": rel(task),
        "title": prop(new.words.strip()),
        "kind": prop(new.kind),
        "bottleneck": prop(new.kind),
        "state": prop("open", iso(now)),
        "unit": prop(place),
        "assignee": prop(new.owner),
        "due": prop(iso(check_instant(new.due))),
        "open": prop(True),
        "raisedBy": prop(by),
        "raisedAt": prop(iso(now)),
    }
    return Change(Op.CREATE, name or urn(TYPE), (TYPE,), attrs)


async def raise_bottleneck(
    programme: Programme, actor: Actor, task: str, new: NewBottleneck, now: int | None = None
) -> str:
    """Say what stands in the way of an open task; returns the bottleneck's id. It joins the work of its owner."""
    at, one = now_us() if now is None else now, task_of(programme.hub.get(actor, task))
    if one.state not in OPEN:
        raise IllegalMove(f"Task {task} is {one.state}: nothing stands in its way any more.")
    known(new.kind, programme.rules_at(one.lead, at).bottlenecks, "kind")
    if not new.words.strip():
        raise Invalid("Say what stands in the way.", field="words")
    if not new.owner:
        raise Invalid("Name the unit that must remove it.", field="owner")
    change = raised(one.id, one.units[0], new, actor.id, at)
    await programme.hub.commit(Commit(actor, (change,), "bottleneck raised", owner=OWNER))
    return change.id


async def resolve(programme: Programme, actor: Actor, name: str, resolution: str, now: int | None = None) -> None:
    """Say how it was removed; needs words."""
    at, one = now_us() if now is None else now, bottleneck(programme, actor, name)
    if one.state != "open":
        raise IllegalMove("This bottleneck was resolved already.")
    if not resolution.strip():
        raise Invalid("Say how it was removed.", field="resolution")
    attrs: dict[str, Attribute] = {
        "state": prop("resolved", iso(at)),
        "open": prop(False),
        "resolution": prop(resolution.strip()),
        "resolvedAt": prop(iso(at)),
    }
    change = Change(Op.APPEND, one.id, attrs=attrs)
    await programme.hub.commit(Commit(actor, (change,), resolution.strip(), {one.id: one.version}, owner=OWNER))


def by_kind(programme: Programme, actor: Actor, tasks: Iterable[str] | None = None) -> dict[str, int]:
    """How many open bottlenecks there are of each kind, over some tasks or all that `actor` may see."""
    wanted = None if tasks is None else frozenset(tasks)
    counts = {}
    for kind in programme.rules.bottlenecks:
        terms = (Compare(("open",), "==", True), Compare(("kind",), "==", kind))
        if wanted is None:
            query = Query(TypeIs(TYPE), q=And(terms), limit=0, count=True)
            counts[kind] = programme.hub.query(actor, query).count or 0
        else:
            found = programme.hub.query(actor, Query(TypeIs(TYPE), q=And(terms), limit=10_000))
            counts[kind] = sum(one.value("task") in wanted for one in found)
    return counts
