"""Purge: delete every entity that a query finds, or some attributes of each (clauses 5.6.21 and 6.4.3.3)."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from dothi.ground.errors import Forbidden, Invalid
from dothi.hub.api.door.answer import NO_CONTENT, Answer
from dothi.hub.api.door.parameters import Asked, Paging, query_of, words
from dothi.hub.api.door.request import Call
from dothi.hub.api.information.batches import Failure, committed, partly
from dothi.hub.api.information.sharing import unshared, way_of
from dothi.hub.context import Names
from dothi.hub.language.nodes import (
    And,
    Compare,
    Condition,
    Exists,
    Linked,
    Or,
    Query,
    TypeAnd,
    TypeCondition,
    TypeIs,
    TypeOr,
)
from dothi.hub.model import Attribute, Change, Entity, Op, Result, instances
from dothi.hub.peers.federate.provide.batch import PartFailed
from dothi.hub.peers.federate.provide.outcomes import Outcome
from dothi.hub.peers.federate.provide.purging import Purge, carry_purge
from dothi.hub.write.apply import NULL

_PAGE = 1000  # Entities read, and changed in one commit, at a time.
_HEAD = frozenset({"id", "type", "scope"})
_STAMPS = frozenset({"createdAt", "modifiedAt", "deletedAt", "observedAt", "expiresAt"})  # Every entity has such.


async def purge_entities(call: Call) -> Answer:
    """Purge Entities, clause 5.6.21 (HTTP binding 6.4.3.3): 204, or 207 with those that could not be deleted."""
    names = await call.names()
    call.check_tenant()
    query = purge_query(call, names)
    _check_guarded(call, query.types)
    drop, keep = members(names, call.query, "drop"), members(names, call.query, "keep")
    if drop is not None and keep is not None:
        raise Invalid("keep and drop say the opposite; give one of them (clause 5.6.21.3).")
    elsewhere = [] if unshared(call) else await carry_purge(await way_of(call, names), Purge(query, drop, keep))
    changes = [change async for change in _changes(call, query, drop, keep)]
    failed: list[Failure] = [_failure(one) for one in elsewhere if one.problem is not None]
    done: list[Result] = []
    for some in _some(changes):
        done += await committed(call, some, failed, done)
    return partly(done, failed) or NO_CONTENT


def _failure(outcome: Outcome) -> Failure:
    """What a source did not purge; no entity can be named, since none was found here."""
    registration = outcome.share.match.registration.id
    return registration, PartFailed(outcome.problem or {}, registration)


def purge_query(call: Call, names: Names) -> Query:
    """What is to be purged. Invalid when that is too wide, or reaches into linked entities."""
    asked = call.query
    everywhere = asked.get("type") == "*"
    if everywhere and asked.get("local") == "false":
        raise Invalid("type=* purges what this hub holds; local=false cannot stand beside it (clause 6.4.3.3).")
    if "{" in asked.get("attrs", ""):
        raise Invalid("attrs reaches into linked entities; a purge does not (clause 5.6.21.4).")
    query = query_of(call, names, asked, Paging(_PAGE, 0, False))
    mentioned = set(_mentioned(query.q))
    if None in mentioned:
        raise Invalid("q reaches into linked entities; a purge does not (clause 5.6.21.4).")
    narrow = {"type", "georel"} & asked.keys() or set(query.attrs) - _STAMPS - _HEAD or mentioned - _STAMPS
    if not narrow and not call.flag("local"):
        raise Invalid(
            "The purge is too wide: give type, attrs or q with an attribute of the entities' own, or a geo-query, "
            "or local=true for everything (clause 5.6.21.4)."
        )
    return query


def _check_guarded(call: Call, types: TypeCondition | None) -> None:
    """Raise Forbidden when a purge asks for nothing but guarded types; beside others they fail one by one."""
    guarded = call.hub.guarded()
    named = list(_names(types))
    if named and guarded.keys() >= set(named):
        verb = guarded[named[0]]
        raise Forbidden(f"{named[0]} is a guarded type: a purge is refused. Use {verb} instead.", use=verb)


def _names(types: TypeCondition | None) -> Iterator[str]:
    match types:
        case TypeIs(name):
            yield name
        case TypeAnd(terms) | TypeOr(terms):
            for term in terms:
                yield from _names(term)


def _mentioned(condition: Condition | None) -> Iterator[str | None]:
    """The attributes that a condition is about; None for one of a linked entity."""
    match condition:
        case And(terms) | Or(terms):
            for term in terms:
                yield from _mentioned(term)
        case Compare() | Exists():
            yield condition.path[0]
        case Linked():
            yield None


def members(names: Names, asked: Asked, parameter: str) -> frozenset[str] | None:
    """The attributes (and scope) that keep or drop lists in house names; None when it is not given."""
    if parameter not in asked:
        return None
    listed = words(asked[parameter])
    if not listed or {"id", "type"} & set(listed):
        raise Invalid(f"{parameter} must be a list of attribute names, and every entity keeps its id and type.")
    return frozenset(name if name == "scope" else names.inward(name) for name in listed)


async def _changes(
    call: Call, query: Query, drop: frozenset[str] | None, keep: frozenset[str] | None
) -> AsyncIterator[Change]:
    """One change for each entity that is found; all are found before the first is changed."""
    found = _PAGE
    while found == _PAGE:
        page = call.hub.query(call.actor, query).entities
        found = len(page)
        for entity in page:
            change = _change(entity, drop, keep)
            if change is not None:
                yield change
        query = replace(query, offset=query.offset + _PAGE)
        await asyncio.sleep(0)


def _change(entity: Entity, drop: frozenset[str] | None, keep: frozenset[str] | None) -> Change | None:
    """The whole deletion, or one merge with a null for every instance that goes; None when nothing of it goes."""
    if drop is None and keep is None:
        return Change(Op.DELETE, entity.id)
    goes = {
        name for name in (*entity.attrs, "scope") if name in (drop or ()) or (keep is not None and name not in keep)
    }
    nulls: dict[str, Attribute] = {
        name: [_null(one.get("datasetId")) for one in instances(entity.attrs[name])] for name in goes - {"scope"}
    }
    scope = () if "scope" in goes and entity.scope else None
    return Change(Op.MERGE, entity.id, attrs=nulls, scope=scope) if nulls or scope is not None else None


def _null(dataset: str | None) -> dict[str, str]:
    null = {"type": "Property", "value": NULL}
    return null if dataset is None else {**null, "datasetId": dataset}


def _some(changes: Iterable[Change]) -> Iterator[list[Change]]:
    pending = iter(changes)
    while some := list(islice(pending, _PAGE)):
        yield some
