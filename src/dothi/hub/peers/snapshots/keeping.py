"""The verbs of snapshots: made in the background, cloned, changed, deleted, purged; told of where that was asked for.

What a snapshot holds stands in a tenant beside its own, whose name no header can carry, so every read and write of the
API works on it. It holds what its maker could read when it was made, and a reader's own rights apply besides. Types
that only a module's verbs may write are left out: nobody gets a second, unguarded copy of them (decision 0162).
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Conflict, DothiError, Missing
from dothi.ground.ids import urn
from dothi.ground.problem import ngsi_ld_problem
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Condition, Query, Window
from dothi.hub.model import Actor, Attribute, Change, Commit, Entity, Op, system
from dothi.hub.peers import records
from dothi.hub.peers.records import SNAPSHOT, Record
from dothi.hub.peers.snapshots.documents import changed, check_condition, fits, new_document, status_of
from dothi.hub.peers.wire import Wire

log = logging.getLogger("dothi.hub")
KEEPER = system("hub")
_AT_ONCE = 1000  # Entities in one commit.
_TRIES = 3
_PAUSE_S = 1.0


class Contents(NamedTuple):
    """What one query found: entities as they stand, or their histories (entity, instances by attribute)."""

    entities: Sequence[Entity] = ()
    histories: Sequence[tuple[Entity, Mapping[str, Attribute]]] = ()


Find = Callable[[], Awaitable[Contents]]


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The snapshots of one hub: those being filled, and when each was used last."""

    hub: Hub
    wire: Wire
    clock: Callable[[], int] = now_us
    filling: "dict[str, asyncio.Task[None]]" = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)


def tenant_of(tenant: str, snapshot_id: str) -> str:
    """The tenant in which what a snapshot holds stands."""
    return f"{tenant}/snapshots/{snapshot_id}"


async def create(
    snapshots: Snapshots, actor: Actor, tenant: str, given: Any, finds: tuple[Sequence[Find], Sequence[Find]]
) -> str:
    """Keep a new snapshot and fill it in the background; returns its id (clause 5.16.1).

    `finds` are its queries and its temporal queries, ready to be run. Invalid, Conflict when the id is taken.
    """
    document = _reachable(snapshots, new_document(given, snapshots.clock()))
    await _sweep(snapshots, actor, tenant)
    await records.create(snapshots.hub, actor, SNAPSHOT, document["id"], document, tenant)
    _start(snapshots, document["id"], _fill(snapshots, tenant, document["id"], finds))
    return str(document["id"])


async def clone(snapshots: Snapshots, actor: Actor, tenant: str, source_id: str, given: Any) -> str:
    """Make a snapshot of what another one holds (clause 5.16.2). Missing, Invalid, Conflict."""
    source = read(snapshots, actor, tenant, source_id)
    document = _reachable(snapshots, new_document(given, snapshots.clock(), clone=True))
    await records.create(snapshots.hub, actor, SNAPSHOT, document["id"], document, tenant)
    _start(snapshots, document["id"], _copy(snapshots, tenant, source.id, document["id"]))
    return str(document["id"])


def read(snapshots: Snapshots, actor: Actor, tenant: str, snapshot_id: str) -> Record:
    """A snapshot as it stands (clause 5.16.3). Missing when there is none, or it has expired."""
    record = records.read(snapshots.hub, actor, SNAPSHOT, snapshot_id, tenant)
    if _over(record, snapshots.clock()):
        raise Missing(f"The snapshot {snapshot_id} has expired.", entity=snapshot_id)
    return record._replace(document=_seen(snapshots, record))


def use(snapshots: Snapshots, actor: Actor, tenant: str, snapshot_id: str) -> str:
    """The tenant in which an operation on a snapshot works. Missing as `read`."""
    read(snapshots, actor, tenant, snapshot_id)
    snapshots.used[tenant_of(tenant, snapshot_id)] = snapshots.clock()
    return tenant_of(tenant, snapshot_id)


async def update(snapshots: Snapshots, actor: Actor, tenant: str, snapshot_id: str, given: Any) -> dict[str, Any]:
    """Change what can be changed of a snapshot (clause 5.16.4); returns its document. Missing, Invalid."""
    record = read(snapshots, actor, tenant, snapshot_id)
    document = _reachable(snapshots, changed(record.document, given, snapshots.clock()))
    if actor.id != record.maker.id and "endpoint" in given and "receiverInfo" not in given:
        document.pop("receiverInfo", None)  # What opens the maker's endpoint is not told to another one.
    await records.replace(snapshots.hub, actor, record, document)
    _start(snapshots, urn("Task"), _tell(snapshots, document))
    return shown_to(actor, record.maker, document)


def shown_to(actor: Actor, maker: Actor, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as `actor` may see it: what its maker's endpoint is told is the maker's secret."""
    return {name: one for name, one in document.items() if name != "receiverInfo" or actor.id == maker.id}


async def delete(snapshots: Snapshots, actor: Actor, tenant: str, snapshot_id: str) -> None:
    """Delete a snapshot and what it holds (clause 5.16.5). Missing, Forbidden."""
    for tries_left in reversed(range(_TRIES)):
        record = records.read(snapshots.hub, actor, SNAPSHOT, snapshot_id, tenant)
        try:
            await records.delete(snapshots.hub, actor, record)
            break
        except Conflict:  # It was just being filled.
            if not tries_left:
                raise
    await _empty(snapshots, record)


async def purge(
    snapshots: Snapshots, actor: Actor, tenant: str, condition: Condition
) -> tuple[list[str], list[tuple[str, DothiError]]]:
    """Delete the snapshots that a q on their members selects (clause 5.16.7); returns those deleted, and failures.

    Missing when it selects none, Invalid when it asks for something else.
    """
    check_condition(condition)
    await _sweep(snapshots, actor, tenant)
    found = [one for one in _listed(snapshots, actor, tenant) if fits(condition, _seen(snapshots, one))]
    if not found:
        raise Missing("No snapshot fits this q.")
    gone: list[str] = []
    failed: list[tuple[str, DothiError]] = []
    for record in found:
        try:
            await delete(snapshots, actor, tenant, record.id)
            gone.append(record.id)
        except DothiError as error:
            failed.append((record.id, error))
    return gone, failed


def _reachable(snapshots: Snapshots, document: dict[str, Any]) -> dict[str, Any]:
    """The document. OffLimits where its endpoint is none that may be called."""
    if "endpoint" in document:
        snapshots.wire.reach.check(urlsplit(document["endpoint"]).hostname or "")
    return document


def _listed(snapshots: Snapshots, actor: Actor, tenant: str) -> list[Record]:
    return list(records.listed(snapshots.hub, actor, SNAPSHOT, tenant))


def _over(record: Record, now: int) -> bool:
    return from_iso(record.document["expiresAt"]) <= now


def _seen(snapshots: Snapshots, record: Record) -> dict[str, Any]:
    """The document with what only this process knows: when it was used, and whether it is still being filled."""
    document = dict(record.document)
    used = snapshots.used.get(tenant_of(record.tenant, record.id))
    if used is not None:
        document["lastUsedAt"] = iso(used)
    if document["snapshotStatus"] == "preparing" and record.id not in snapshots.filling:
        document["snapshotStatus"] = "failure"  # The process that filled it ended before it was done.
    return document


def _start(snapshots: Snapshots, name: str, work: Any) -> None:
    task: asyncio.Task[None] = asyncio.create_task(work)
    snapshots.filling[name] = task
    task.add_done_callback(lambda _: snapshots.filling.pop(name, None))


async def _fill(
    snapshots: Snapshots, tenant: str, snapshot_id: str, finds: tuple[Sequence[Find], Sequence[Find]]
) -> None:
    details = [[await _result(snapshots, tenant_of(tenant, snapshot_id), find) for find in some] for some in finds]
    told = dict(zip(("snapshotQueriesDetails", "snapshotTemporalQueriesDetails"), details, strict=True))
    after = {name: listed for name, listed in told.items() if listed}
    await _done(snapshots, tenant, snapshot_id, after | {"snapshotStatus": status_of([*details[0], *details[1]])})


async def _result(snapshots: Snapshots, place: str, find: Find) -> dict[str, Any]:
    """Run one query and keep what it found; how it went (clause 5.2.42)."""
    try:
        contents = await find()
        kept = await _put(snapshots, place, contents)
    except DothiError as error:
        return {"resultStatus": "failure", "problemDetails": ngsi_ld_problem(error)[1]}
    except Exception as error:
        log.exception("a query of the snapshot in %s failed", place)
        return {"resultStatus": "failure", "problemDetails": ngsi_ld_problem(error)[1]}
    return {"resultStatus": "success" if kept else "empty"}


async def _put(snapshots: Snapshots, place: str, contents: Contents) -> int:
    guarded = snapshots.hub.guarded().keys()
    changes = [
        Change(Op.PUT, one.id, one.types, one.attrs, one.scope)
        for one in contents.entities
        if guarded.isdisjoint(one.types)
    ]
    changes += [
        Change(Op.RECORD, one.id, one.types, dict(series))
        for one, series in contents.histories
        if guarded.isdisjoint(one.types)
    ]
    await _commit(snapshots, place, changes)
    return len(changes)


async def _copy(snapshots: Snapshots, tenant: str, source_id: str, snapshot_id: str) -> None:
    try:
        source = tenant_of(tenant, source_id)
        place = tenant_of(tenant, snapshot_id)
        async for page in _pages(snapshots, source):
            await _put(snapshots, place, Contents(page))
        await _put(snapshots, place, Contents(histories=_only_past(snapshots, source)))
        status = "success"
    except DothiError as error:
        log.warning("the snapshot %s could not be cloned: %s", source_id, error.detail)
        status = "failure"
    await _done(snapshots, tenant, snapshot_id, {"snapshotStatus": status})


def _only_past(snapshots: Snapshots, place: str) -> list[tuple[Entity, Mapping[str, Attribute]]]:
    """The histories of a snapshot's temporal queries: of entities that stand for nothing now."""
    found: list[tuple[Entity, Mapping[str, Attribute]]] = []
    for past in snapshots.hub.pasts(KEEPER, Query(tenant=place), (), Window(attribute="modifiedAt")):
        try:
            snapshots.hub.get(KEEPER, past.entity.id, place)
        except Missing:
            found.append((past.entity, {name: [one.instance for one in told] for name, told in past.series.items()}))
    return found


async def _pages(snapshots: Snapshots, place: str) -> Any:
    offset = 0
    while page := snapshots.hub.query(KEEPER, Query(tenant=place, limit=_AT_ONCE, offset=offset)).entities:
        yield page
        offset += len(page)


async def _done(snapshots: Snapshots, tenant: str, snapshot_id: str, told: Mapping[str, Any]) -> None:
    """Say in the record how it went, and tell who asked for it."""
    for _ in range(_TRIES):
        try:
            record = records.read(snapshots.hub, KEEPER, SNAPSHOT, snapshot_id, tenant)
            document = {**record.document, **told, "modifiedAt": iso(snapshots.clock())}
            await records.replace(snapshots.hub, KEEPER, record, document)
        except Conflict:
            continue  # It was changed meanwhile: say it of what stands now.
        except Missing:
            await _empty_place(snapshots, tenant_of(tenant, snapshot_id))
            return  # It was deleted meanwhile.
        else:
            await _tell(snapshots, document)
            return


async def _tell(snapshots: Snapshots, document: Mapping[str, Any]) -> None:
    """Send a SnapshotNotification (clauses 5.3.4 and 5.16.6) where the snapshot has an endpoint."""
    endpoint = document.get("endpoint")
    if endpoint is None:
        return
    body = {
        "id": urn("SnapshotNotification"),
        "type": "SnapshotNotification",
        "snapshotId": document["id"],
        "notifiedAt": iso(snapshots.clock()),
        **{name: document[name] for name in ("snapshotStatus", "snapshotPriority", "expiresAt")},
    }
    for name, shown in (
        ("snapshotQueriesDetails", "snapshotQueriesDetails"),
        ("snapshotTemporalQueriesDetails", "temporalSnapshotQueriesDetails"),
    ):
        if name in document:
            body[shown] = document[name]
    headers = {one["key"]: one["value"] for one in document.get("receiverInfo", ())}
    headers["Content-Type"] = "application/json"
    for attempt in range(_TRIES):
        try:
            answer = await snapshots.wire.send("POST", endpoint, headers, msgspec.json.encode(body))
            if answer.status < 500:
                return
        except DothiError as error:
            log.warning("the snapshot %s could not be told of: %s", document["id"], error.detail)
        await asyncio.sleep(_PAUSE_S * 2**attempt)


async def _sweep(snapshots: Snapshots, actor: Actor, tenant: str) -> None:
    """Delete the snapshots that have expired."""
    now = snapshots.clock()
    for record in _listed(snapshots, KEEPER, tenant):
        if _over(record, now):
            with contextlib.suppress(DothiError):
                await records.delete(snapshots.hub, KEEPER, record)
                await _empty(snapshots, record)


async def _empty(snapshots: Snapshots, record: Record) -> None:
    task = snapshots.filling.get(record.id)
    if task is not None:
        task.cancel()
    snapshots.used.pop(tenant_of(record.tenant, record.id), None)
    await _empty_place(snapshots, tenant_of(record.tenant, record.id))


async def _empty_place(snapshots: Snapshots, place: str) -> None:
    while page := snapshots.hub.query(KEEPER, Query(tenant=place, limit=_AT_ONCE)).entities:
        await _commit(snapshots, place, [Change(Op.DELETE, one.id) for one in page])


async def _commit(snapshots: Snapshots, place: str, changes: Iterable[Change]) -> None:
    listed = list(changes)
    for start in range(0, len(listed), _AT_ONCE):
        some = tuple(listed[start : start + _AT_ONCE])
        await snapshots.hub.commit(Commit(KEEPER, some, reason="snapshot", partial=True, tenant=place))
