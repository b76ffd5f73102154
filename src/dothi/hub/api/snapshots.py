"""Snapshots over HTTP (clauses 5.16, 6.3.22, 6.36, 6.37 and 6.38)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from dothi.ground.errors import Invalid, Unsupported
from dothi.hub.api.door.answer import BASE, NO_CONTENT, Answer, accepted, contextual, document, problem_of
from dothi.hub.api.door.parameters import Paging, asked_of
from dothi.hub.api.door.request import Call
from dothi.hub.api.history.temporal import evolutions
from dothi.hub.api.information.spread import caller_of, csf_of, meaning
from dothi.hub.context import CORE, Names
from dothi.hub.language.q import parse_q
from dothi.hub.model import Attribute, Entity
from dothi.hub.peers.federate.answer.gathering import Concerned, concerned, gather, suiting, wanted_of
from dothi.hub.peers.federate.answer.merging import marked
from dothi.hub.peers.federate.ask.asking import READ_MANY, Asked
from dothi.hub.peers.snapshots import keeping
from dothi.hub.peers.snapshots.documents import QUERIES, TEMPORAL
from dothi.hub.peers.snapshots.keeping import Contents, Find
from dothi.hub.render.parse import check_id

HEADER = "NGSILD-Snapshot"
_EVERY = Paging(0, 0, False)
_ON_SNAPSHOTS = ("entities", "entityOperations", "types", "attributes", "temporal", "subscriptions", "entityMaps")


def enter(call: Call) -> None:
    """Let an operation work on the snapshot that a header names (clause 6.3.22). Missing when there is none."""
    snapshot_id = call.headers[HEADER.lower()]
    if call.route.partition("/")[0] not in _ON_SNAPSHOTS:
        raise Unsupported(f"{call.route} is no operation on a snapshot: leave {HEADER} out (clause 5.5.15).")
    call.tenant = keeping.use(call.door.snapshots, call.actor, call.tenant, check_id(snapshot_id))
    call.snapshot = snapshot_id


async def create_snapshot(call: Call) -> Answer:
    """Create Snapshot, clause 5.16.1 (HTTP binding 6.36.3.1)."""
    given, names = await call.document()
    finds = _finds(call, names, given) if isinstance(given, dict) else ((), ())
    return _created(await keeping.create(call.door.snapshots, call.actor, call.tenant, given, finds))


async def clone_snapshot(call: Call) -> Answer:
    """Clone Snapshot, clause 5.16.2 (HTTP binding 6.38.3.1)."""
    given, _ = await call.document()
    source = check_id(call.path[0])
    return _created(await keeping.clone(call.door.snapshots, call.actor, call.tenant, source, given))


async def read_snapshot(call: Call) -> Answer:
    """Retrieve Snapshot Status, clause 5.16.3 (HTTP binding 6.37.3.1)."""
    names, media = await call.names(), accepted(call)
    record = keeping.read(call.door.snapshots, call.actor, call.tenant, check_id(call.path[0]))
    return contextual(call, keeping.shown_to(call.actor, record.maker, record.document), names, media)


async def update_snapshot(call: Call) -> Answer:
    """Update Snapshot Status, clause 5.16.4 (HTTP binding 6.37.3.2)."""
    given, names = await call.document()
    snapshot_id = check_id(call.path[0])
    after = await keeping.update(call.door.snapshots, call.actor, call.tenant, snapshot_id, given)
    return contextual(call, after, names, accepted(call))


async def delete_snapshot(call: Call) -> Answer:
    """Delete Snapshot, clause 5.16.5 (HTTP binding 6.37.3.3)."""
    await keeping.delete(call.door.snapshots, call.actor, call.tenant, check_id(call.path[0]))
    return NO_CONTENT


async def purge_snapshots(call: Call) -> Answer:
    """Purge Snapshots, clause 5.16.7 (HTTP binding 6.36.3.2)."""
    if not call.query.get("q"):
        raise Invalid("Purging needs a q on members of snapshots, e.g. snapshotPriority<5 (clause 5.16.7.4).")
    condition = parse_q(call.query["q"], CORE.inward)
    gone, failed = await keeping.purge(call.door.snapshots, call.actor, call.tenant, condition)
    if not failed:
        return NO_CONTENT
    errors = [{"entityId": name, "error": problem_of(error)[1]} for name, error in failed]
    return document({"success": gone, "errors": errors}, 207)


def _created(snapshot_id: str) -> Answer:
    return Answer(201, headers=(("Location", f"{BASE}/snapshots/{quote(snapshot_id, safe=':')}"),))


def _finds(call: Call, names: Names, given: Mapping[str, Any]) -> tuple[Sequence[Find], Sequence[Find]]:
    """Its queries, understood before anything is kept, so that a wrong one is refused at once."""
    plain, temporal = (given.get(name, ()) for name in (QUERIES, TEMPORAL))
    if not isinstance(plain, list | tuple) or not isinstance(temporal, list | tuple):
        return (), ()  # The document is refused for it.
    # With a temporalQ in it the document is refused anyway, for a reason that says so.
    return (
        [_find(call, names, asked_of(one)) for one in plain if not _is_temporal(one)],
        [partial(_recorded, call, names, asked_of(one)) for one in temporal],
    )


def _find(call: Call, names: Names, asked: dict[str, str]) -> Find:
    return partial(_found, call, names, asked, meaning(call, names, asked, _EVERY))


def _is_temporal(query: Any) -> bool:
    return isinstance(query, dict) and "temporalQ" in query


async def _found(call: Call, names: Names, asked: dict[str, str], meant: Asked) -> Contents:
    """The entities of one query, of all sources (clause 5.7.2.4)."""
    peers, caller = call.door.peers, caller_of(call, names)
    sources = concerned(peers, caller, wanted_of(meant), READ_MANY, suiting(csf_of(names, asked)))
    gathered = await gather(peers, caller, meant, sources if not call.flag("local") else Concerned())
    chosen = frozenset(meant.query.attrs)
    return Contents([_projected(marked(one), chosen) for one in gathered.entities])


def _projected(entity: Entity, chosen: frozenset[str]) -> Entity:
    if not chosen:
        return entity
    attrs: dict[str, Attribute] = {name: one for name, one in entity.attrs.items() if name in chosen}
    return Entity(entity.id, entity.types, attrs, entity.scope, entity.created_at, entity.modified_at)


async def _recorded(call: Call, names: Names, asked: dict[str, str]) -> Contents:
    """The histories of one temporal query."""
    found = await evolutions(call, names, asked)
    return Contents(
        histories=[
            (past.entity, {name: [told.instance for told in series] for name, series in past.series.items()})
            for past in found
        ]
    )
