"""Batches of entities: create, upsert, update, merge and delete (clauses 6.14 to 6.17 and 6.31); the hot way in."""

from collections.abc import Callable, Sequence
from typing import Any

from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid, TooLarge
from dothi.hub.api.door.answer import NO_CONTENT, Answer, document, problem_of
from dothi.hub.api.door.request import Call
from dothi.hub.context import CORE, iri_of
from dothi.hub.model import Change, Op, Result
from dothi.hub.render.parse import Given, check_id, read_entity, read_fragment
from dothi.hub.render.values import Reading

Read = Callable[[Any, Reading], Given]
Make = Callable[[Given], Change]
Failure = tuple[str, Exception]


async def create_batch(call: Call) -> Answer:
    """Batch Entity Creation, clause 5.6.7 (HTTP binding 6.14.3.1)."""
    results, failed = await _run(call, read_entity, lambda one: one.change(Op.CREATE))
    return partly(results, failed) or document([one.id for one in results], 201)


async def upsert_batch(call: Call) -> Answer:
    """Batch Entity Creation or Update, clause 5.6.8 (HTTP binding 6.15.3.1): 201 names those created, else 204."""
    op = Op.UPSERT if "update" in call.options() else Op.PUT
    results, failed = await _run(call, read_entity, lambda one: one.change(op))
    mixed = partly(results, failed)
    if mixed is not None:
        return mixed
    made = [one.id for one in results if one.status == "created"]
    return document(made, 201) if made else NO_CONTENT


async def update_batch(call: Call) -> Answer:
    """Batch Entity Update, clause 5.6.9 (HTTP binding 6.16.3.1)."""
    call.check_tenant()
    overwrite = "noOverwrite" not in call.options()
    results, failed = await _run(call, _with_id, lambda one: one.change(Op.APPEND, overwrite=overwrite))
    for one in results:
        if one.not_updated:
            names = ", ".join(iri_of(name) for name, _ in one.not_updated)
            failed.append((one.id, Conflict(f"Left as they were, since overwriting was not asked for: {names}.")))
    return partly([one for one in results if not one.not_updated], failed) or NO_CONTENT


async def merge_batch(call: Call) -> Answer:
    """Batch Entity Merge, clause 5.6.20 (HTTP binding 6.31.3.1)."""
    call.check_tenant()
    results, failed = await _run(call, _with_id, lambda one: one.change(Op.MERGE), merge=True)
    return partly(results, failed) or NO_CONTENT


async def delete_batch(call: Call) -> Answer:
    """Batch Entity Delete, clause 5.6.10 (HTTP binding 6.17.3.1): an array of ids."""
    call.check_tenant()
    ids, _ = call.decoded()
    changes: list[Change] = []
    failed: list[Failure] = []
    for entity_id in _items(call, ids):
        try:
            changes.append(Change(Op.DELETE, check_id(entity_id)))
        except Invalid as error:
            failed.append((str(entity_id), error))
    return partly(await committed(call, changes, failed), failed) or NO_CONTENT


def _with_id(item: Any, reading: Reading) -> Given:
    given = read_fragment(item, reading)
    if not given.id:
        raise Invalid("The entity has no id; in a batch each needs one.")
    return given


async def _run(call: Call, read: Read, make: Make, merge: bool = False) -> tuple[list[Result], list[Failure]]:
    """Read each item for itself, commit the good ones together, and say what became of each."""
    decoded, is_ld = call.decoded()
    items = _items(call, decoded)
    reading = call.reading(CORE if is_ld else await call.names(), merge=merge)
    changes: list[Change] = []
    failed: list[Failure] = []
    for item in items:
        try:
            # An application/ld+json item brings a context of its own; in application/json it may not (clause 6.3.5).
            alone = is_ld or (type(item) is dict and "@context" in item)
            by = call.reading(await call.names_of(item, is_ld), merge=merge) if alone else reading
            changes.append(make(read(item, by)))
        except DothiError as error:
            failed.append((_id_of(item), error))
    return await committed(call, changes, failed), failed


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
    errors = [{"entityId": entity_id, "error": problem_of(error)[1]} for entity_id, error in failed]
    return document({"success": [one.id for one in results], "errors": errors}, 207)
