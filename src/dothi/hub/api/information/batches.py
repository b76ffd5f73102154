"""Batches of entities: create, upsert, update, merge and delete (clauses 6.14 to 6.17 and 6.31); the hot way in."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid, Missing, TooLarge
from dothi.hub.api.door.answer import NO_CONTENT, Answer, document, problem_of
from dothi.hub.api.door.request import Call
from dothi.hub.api.information.sharing import share_batch, unshared
from dothi.hub.context import CORE, Names, iri_of
from dothi.hub.model import Change, Op, Result
from dothi.hub.peers.federate.provide import batch
from dothi.hub.peers.federate.provide.batch import Batch, PartFailed
from dothi.hub.render.parse import Given, check_id, read_entity, read_fragment
from dothi.hub.render.values import Reading

Read = Callable[[Any, Reading], Given]
Make = Callable[[Given], Change]
Failure = tuple[str, Exception]


async def create_batch(call: Call) -> Answer:
    """Batch Entity Creation, clause 5.6.7 (HTTP binding 6.14.3.1)."""
    results, failed = await _run(call, read_entity, lambda one: one.change(Op.CREATE), batch.CREATE)
    return partly(results, failed) or document(_ids(results), 201)


async def upsert_batch(call: Call) -> Answer:
    """Batch Entity Creation or Update, clause 5.6.8 (HTTP binding 6.15.3.1): 201 names those created, else 204."""
    op, way = (Op.UPSERT, batch.UPDATING) if "update" in call.options() else (Op.PUT, batch.REPLACING)
    results, failed = await _run(call, read_entity, lambda one: one.change(op), way)
    mixed = partly(results, failed)
    if mixed is not None:
        return mixed
    made = _ids(one for one in results if one.status == "created")
    return document(made, 201) if made else NO_CONTENT


async def update_batch(call: Call) -> Answer:
    """Batch Entity Update, clause 5.6.9 (HTTP binding 6.16.3.1)."""
    call.check_tenant()
    overwrite = "noOverwrite" not in call.options()
    way = batch.UPDATE if overwrite else batch.APPEND
    results, failed = await _run(call, _with_id, lambda one: one.change(Op.APPEND, overwrite=overwrite), way)
    for one in results:
        if one.not_updated:
            names = ", ".join(iri_of(name) for name, _ in one.not_updated)
            failed.append((one.id, Conflict(f"Left as they were, since overwriting was not asked for: {names}.")))
    return partly([one for one in results if not one.not_updated], failed) or NO_CONTENT


async def merge_batch(call: Call) -> Answer:
    """Batch Entity Merge, clause 5.6.20 (HTTP binding 6.31.3.1)."""
    call.check_tenant()
    results, failed = await _run(call, _with_id, lambda one: one.change(Op.MERGE), batch.MERGE, merge=True)
    return partly(results, failed) or NO_CONTENT


async def delete_batch(call: Call) -> Answer:
    """Batch Entity Delete, clause 5.6.10 (HTTP binding 6.17.3.1): an array of ids."""
    call.check_tenant()
    ids, _ = call.decoded()
    given: list[Given] = []
    failed: list[Failure] = []
    for entity_id in _items(call, ids):
        try:
            given.append(Given(check_id(entity_id), (), {}, None))
        except Invalid as error:
            failed.append((str(entity_id), error))
    names = CORE if unshared(call) else await call.names()
    results = await _done(call, given, failed, (names, batch.DELETE), lambda one: Change(Op.DELETE, one.id))
    return partly(results, failed) or NO_CONTENT


def _with_id(item: Any, reading: Reading) -> Given:
    given = read_fragment(item, reading)
    if not given.id:
        raise Invalid("The entity has no id; in a batch each needs one.")
    return given


async def _run(
    call: Call, read: Read, make: Make, way: Batch, merge: bool = False
) -> tuple[list[Result], list[Failure]]:
    """Read each item for itself, commit the good ones together, and say what became of each."""
    decoded, is_ld = call.decoded()
    items = _items(call, decoded)
    reading = call.reading(CORE if is_ld else await call.names(), merge=merge)
    given: list[Given] = []
    failed: list[Failure] = []
    for item in items:
        try:
            # An application/ld+json item brings a context of its own; in application/json it may not (clause 6.3.5).
            alone = is_ld or (type(item) is dict and "@context" in item)
            by = call.reading(await call.names_of(item, is_ld), merge=merge) if alone else reading
            given.append(read(item, by))
        except DothiError as error:
            failed.append((_id_of(item), error))
    return await _done(call, given, failed, (by.names if given else CORE, way), make), failed


async def _done(
    call: Call, given: list[Given], failed: list[Failure], way: tuple[Names, Batch], make: Make
) -> list[Result]:
    """The results here and elsewhere; what failed joins `failed`."""
    if unshared(call):
        return await committed(call, [make(one) for one in given], failed)
    left, elsewhere, alone = await share_batch(call, *way, given, failed)
    every = list(failed)
    results = await committed(call, [make(one) for one in left], every, elsewhere)
    # What others hold alone need not be here to be deleted.
    gone = alone if way[1].deletes else frozenset()
    failed[:] = [one for one in every if not (isinstance(one[1], Missing) and one[0] in gone)]
    return [*elsewhere, *results]


def _id_of(item: Any) -> str:
    found = item.get("id", "") if isinstance(item, dict) else ""
    return found if isinstance(found, str) else ""


def _items(call: Call, decoded: Any) -> list[Any]:
    if not isinstance(decoded, list) or not decoded:
        raise Invalid("The body must be an array with at least one item (clause 5.6.7.4).")
    if None in decoded:
        raise Invalid("An item of the array is null (clause 5.6.7.4); nothing was done.")
    if len(decoded) > call.door.limits.batch:
        raise TooLarge(f"The batch has {len(decoded)} items; at most {call.door.limits.batch} are taken at once.")
    return decoded


async def committed(
    call: Call, changes: Sequence[Change], failed: list[Failure], before: Sequence[Result] = ()
) -> list[Result]:
    """The results of those that went well; the others join `failed`. `before` went well in the same request already."""
    if not changes:
        return []
    receipt = await call.commit(changes, partial=True)
    refused = [(one.id, one.error) for one in receipt.results if one.error is not None]
    # A batch of which nothing is allowed is refused as a whole, so that no client takes 207 for a success.
    if (
        len(refused) == len(receipt.results)
        and not failed
        and not before
        and all(isinstance(error, Forbidden) for _, error in refused)
    ):
        raise refused[0][1]
    failed.extend(refused)
    return [one for one in receipt.results if one.error is None]


def partly(results: Sequence[Result], failed: Sequence[Failure]) -> Answer | None:
    """207 with a BatchOperationResult (clause 5.2.16) when something failed, else None."""
    if not failed:
        return None
    errors = [batch_error(entity_id, error) for entity_id, error in failed]
    return document({"success": _ids(results), "errors": errors}, 207)


def batch_error(entity_id: str, error: Exception) -> dict[str, Any]:
    """A BatchEntityError (clause 5.2.17); of a source's part it names the registration."""
    if isinstance(error, PartFailed):
        return {"entityId": entity_id, "error": error.problem, "registrationId": error.registration}
    return {"entityId": entity_id, "error": problem_of(error)[1]}


def _ids(results: Iterable[Result]) -> list[str]:
    return list(dict.fromkeys(one.id for one in results))
