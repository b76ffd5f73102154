"""Batches carried to those who hold parts of their entities (clauses 5.6.7 to 5.6.10 and 5.6.20)."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from dothi.ground.errors import DothiError
from dothi.hub.language.nodes import TypeCondition
from dothi.hub.model import Result
from dothi.hub.peers.federate.ask.forwarding import Call, Reply, ask, spoken
from dothi.hub.peers.federate.provide import deeds
from dothi.hub.peers.federate.provide.deeds import Deed
from dothi.hub.peers.federate.provide.dividing import Division, Share
from dothi.hub.peers.federate.provide.outcomes import looped, of_reply, unsupported
from dothi.hub.peers.federate.provide.provision import Way, divided, fit, refusal
from dothi.hub.peers.federate.provide.speaking import document, part_of
from dothi.hub.peers.federate.registrations import Registration
from dothi.hub.render.parse import Given

_PARTLY = 207
_EXISTS = 409


class Batch(NamedTuple):
    """One operation on many entities; `instead` are the single ones by which a source can be told the same."""

    operation: str
    path: str
    instead: tuple[Deed, ...]
    op: Deed  # What it is to one entity, for the policy.

    @property
    def deletes(self) -> bool:
        """Whether the body is an array of ids."""
        return self.op.whole

    def offered(self, registration: Registration) -> bool:
        """Whether a source can be told of it at all."""
        return any(registration.offers(name) for name in (self.operation, *(one.operation for one in self.instead)))


_PATH = "/entityOperations/"
CREATE = Batch("createBatch", _PATH + "create", (deeds.CREATE,), deeds.CREATE)
REPLACING = Batch("upsertBatch", _PATH + "upsert", (deeds.CREATE, deeds.REPLACE), deeds.CREATE)
UPDATING = Batch("upsertBatch", _PATH + "upsert", (deeds.CREATE, deeds.UPDATE), deeds.CREATE)
UPDATE = Batch("updateBatch", _PATH + "update", (deeds.UPDATE,), deeds.UPDATE)
APPEND = Batch("updateBatch", _PATH + "update", (deeds.APPEND,), deeds.APPEND)
MERGE = Batch("mergeBatch", _PATH + "merge", (deeds.MERGE,), deeds.MERGE)
DELETE = Batch("deleteBatch", _PATH + "delete", (deeds.DELETE,), deeds.DELETE)


class PartFailed(DothiError):
    """A source did not do its part of one entity."""

    def __init__(self, problem: Mapping[str, Any], registration: str) -> None:
        """`problem` is the problem document."""
        self.problem = dict(problem)
        self.registration = registration
        super().__init__(str(problem.get("detail", "")))


class Done(NamedTuple):
    """What became of the parts of others: by entity, what went well and what did not."""

    results: tuple[Result, ...] = ()
    failed: tuple[tuple[str, Exception], ...] = ()


class _Piece(NamedTuple):
    given: Given  # As much of the entity as the source has.
    share: Share


def divisions(way: Way, batch: Batch, items: Sequence[tuple[Given, TypeCondition | None]]) -> list[Division]:
    """Who gets what of each entity; the types are those that are known of it."""
    return [
        divided(way, given, types, batch.deletes, lambda one: batch.offered(one.registration)) for given, types in items
    ]


async def carry_batch(
    way: Way, batch: Batch, items: Iterable[Given], shares: Iterable[Division], parameters: Mapping[str, str]
) -> Done:
    """Tell every source its parts, in one call where it takes batches."""
    pieces: dict[str, list[_Piece]] = {}
    for given, division in zip(items, shares, strict=True):
        for share in division.shares:
            pieces.setdefault(share.match.registration.id, []).append(_Piece(part_of(given, share), share))
    found = await asyncio.gather(*(_carry(way, batch, some, dict(parameters)) for some in pieces.values()))
    return Done(
        tuple(one for done in found for one in done.results), tuple(one for done in found for one in done.failed)
    )


async def _carry(way: Way, batch: Batch, pieces: list[_Piece], parameters: dict[str, str]) -> Done:
    registration = pieces[0].share.match.registration
    if not batch.offered(registration):
        problems = ((one, refusal(unsupported(one.share, batch.operation))) for one in pieces)
        return Done((), tuple(_failed(one, problem) for one, problem in problems))
    told: list[_Piece] = []
    failed: list[tuple[str, Exception]] = []
    for one in pieces:
        problem = looped(one.share).problem if one.share.looping else fit(way, batch.op, one.given, one.share)
        if problem is None:
            told.append(one)
        elif one.share.match.mode.proxied:
            failed.append(_failed(one, problem))
    if not told:
        return Done((), tuple(failed))
    if registration.management.local_only:
        parameters["local"] = "true"
    carry = _together if registration.offers(batch.operation) else _singly
    done = await carry(way, batch, told, parameters)
    return Done(done.results, (*failed, *done.failed))


async def _together(way: Way, batch: Batch, pieces: list[_Piece], parameters: dict[str, str]) -> Done:
    registration = pieces[0].share.match.registration
    names = await spoken(way.line, way.caller, registration)
    body: list[Any] = [one.given.id if batch.deletes else document(one.given, names, one.given.id) for one in pieces]
    reply = await ask(way.line, way.caller, registration, Call("POST", batch.path, parameters, body), names)
    return _heard(pieces, reply, batch)


def _heard(pieces: list[_Piece], reply: Reply, batch: Batch) -> Done:
    if reply.status == _PARTLY and isinstance(reply.document, dict):
        return _partly(pieces, reply.document)
    made = set(reply.document) if reply.status == 201 and isinstance(reply.document, list) else set()
    outcomes = [(one, of_reply(one.share, reply, batch.op.creates).problem) for one in pieces]
    return Done(
        tuple(_well(one, one.given.id in made) for one, problem in outcomes if problem is None),
        tuple(_failed(one, problem) for one, problem in outcomes if problem is not None),
    )


def _partly(pieces: list[_Piece], told: Mapping[str, Any]) -> Done:
    """A BatchOperationResult of a source (clause 5.2.16): what it does not call an error went well."""
    errors = {
        one["entityId"]: one.get("error")
        for one in told.get("errors") or ()
        if isinstance(one, dict) and isinstance(one.get("entityId"), str)
    }
    well = tuple(_well(one, False) for one in pieces if one.given.id not in errors)
    failed = tuple(_failed(one, _problem(errors[one.given.id])) for one in pieces if one.given.id in errors)
    return Done(well, failed)


def _problem(told: object) -> Mapping[str, Any]:
    return told if isinstance(told, dict) else {"type": "about:blank", "title": "The source says that it failed"}


async def _singly(way: Way, batch: Batch, pieces: list[_Piece], parameters: dict[str, str]) -> Done:
    """One call for each entity, by the operations that the source takes."""
    registration = pieces[0].share.match.registration
    ways = [one for one in batch.instead if registration.offers(one.operation)]
    found = await asyncio.gather(*(_single(way, ways, one, parameters) for one in pieces))
    return Done(
        tuple(_well(one, made) for one, problem, made in found if problem is None),
        tuple(_failed(one, problem) for one, problem, _ in found if problem is not None),
    )


async def _single(
    way: Way, ways: Sequence[Deed], piece: _Piece, parameters: dict[str, str]
) -> tuple[_Piece, Mapping[str, Any] | None, bool]:
    """What is wrong (None: nothing), and whether the entity was made; what exists is changed where that is meant."""
    registration = piece.share.match.registration
    names = await spoken(way.line, way.caller, registration)
    problem: Mapping[str, Any] | None = None
    for deed in ways:
        call = deed.call(piece.given, names, _suiting(deed, parameters))
        reply = await ask(way.line, way.caller, registration, call, names)
        problem = of_reply(piece.share, reply, deed.creates).problem
        if not (deed.creates and reply.status == _EXISTS):
            return piece, problem, deed.creates and problem is None
    return piece, problem, False


def _suiting(deed: Deed, parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters that a single operation knows."""
    known = ("local", "options") if deed is deeds.APPEND else ("local",)
    return {name: text for name, text in parameters.items() if name in known}


def _well(piece: _Piece, made: bool) -> Result:
    return Result(piece.given.id, "created" if made else "updated")


def _failed(piece: _Piece, problem: Mapping[str, Any]) -> tuple[str, Exception]:
    return piece.given.id, PartFailed(problem, piece.share.match.registration.id)
