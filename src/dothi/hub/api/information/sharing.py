"""Writes of one entity of which others hold a part: carried to them and done here, told in one answer (clause 5.6)."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from dothi.ground.errors import DothiError, Missing
from dothi.ground.problem import ngsi_ld_problem
from dothi.hub.api.door.answer import Answer, document
from dothi.hub.api.door.request import Call
from dothi.hub.api.information.spread import caller_of
from dothi.hub.context import CORE_URL, Names, iri_of
from dothi.hub.language.nodes import TypeCondition
from dothi.hub.language.types import parse_types
from dothi.hub.model import Result
from dothi.hub.peers.federate.matching import one_of
from dothi.hub.peers.federate.provide.batch import Batch, carry_batch, divisions
from dothi.hub.peers.federate.provide.deeds import PASSED_ON, Deed
from dothi.hub.peers.federate.provide.dividing import Division
from dothi.hub.peers.federate.provide.outcomes import Outcome, status_of
from dothi.hub.peers.federate.provide.provision import Way, carry, parts
from dothi.hub.peers.federate.provide.speaking import rest_of
from dothi.hub.render.parse import Given

Here = Callable[[Given], Awaitable[Answer]]
_PARTLY = 207


class _Local(NamedTuple):
    """What became of the part that this hub holds."""

    given: Given
    answer: Answer | None = None
    error: DothiError | None = None


def unshared(call: Call) -> bool:
    """Whether nobody else can have a part in what a request writes: quick, since most hubs are alone."""
    return call.door.registry.none(call.tenant) or call.flag("local")


async def shared(
    call: Call, names: Names, deed: Deed, given: Given, here: Here, done: Answer, raw: Any = None
) -> Answer:
    """Do a write here and wherever a part of it is held; `here` does what is left, `done` is the answer of success.

    The entity of `given` is the one that the operation is about; its attributes are those that it writes. `raw` is the
    body as it came, where only who holds the attribute can tell what a fragment of it means.
    """
    if unshared(call):
        return await here(given)
    way = await way_of(call, names)
    division = parts(way, deed, given, known_types(call, names, given))
    if not division.shares:
        return await here(given)
    passed_on = {name: call.query[name] for name in PASSED_ON if name in call.query}
    outcomes = await carry(way, deed, given, division.shares, meant(passed_on), raw)
    local = await _local(deed, given, division, here)
    return _told(deed, given, outcomes, local, done)


async def way_of(call: Call, names: Names) -> Way:
    """The way to others; a context that came inline and only names an address is one that a Link can name."""
    if names.url is None and isinstance(names.source, list):
        named = [one for one in names.source if one != CORE_URL]
        if len(named) == 1 and isinstance(named[0], str):
            names = await call.door.contexts.obtain(named[0])
    return Way(call.hub, call.door.peers.line, caller_of(call, names))


async def share_batch(
    call: Call, names: Names, batch: Batch, items: list[Given], failed: list[tuple[str, Exception]]
) -> tuple[list[Given], list[Result], frozenset[str]]:
    """Tell others their parts of a batch: what is left here, what went well elsewhere, what only others hold.

    What failed elsewhere joins `failed`.
    """
    way = await way_of(call, names)
    found = divisions(way, batch, [(one, known_types(call, names, one)) for one in items])
    passed_on = {"options": call.query["options"]} if "options" in call.query else {}
    done = await carry_batch(way, batch, items, found, meant(passed_on))
    failed += done.failed
    kept = [
        one if batch.deletes else rest_of(one, division.rest)
        for one, division in zip(items, found, strict=True)
        if division.rest is not None
    ]
    alone = frozenset(one.id for one, division in zip(items, found, strict=True) if division.proxied)
    return kept, list(done.results), alone


def known_types(call: Call, names: Names, given: Given) -> TypeCondition | None:
    """The types that the request selects or brings, else those that the entity has here."""
    if "type" in call.query:
        return parse_types(call.query["type"], names.inward)
    if given.types:
        return one_of(given.types)
    try:
        return one_of(call.hub.get(call.actor, given.id, call.tenant).types)
    except Missing:
        return None


def meant(parameters: dict[str, str]) -> dict[str, str]:
    """What a source is told of the parameters: parts go to it in normalized form, whatever came."""
    if "options" in parameters:
        kept = [word for word in parameters["options"].split(",") if word in ("noOverwrite", "update", "replace")]
        parameters = parameters | {"options": ",".join(kept)}
    return {name: text for name, text in parameters.items() if text}


async def _local(deed: Deed, given: Given, division: Division, here: Here) -> _Local | None:
    """The part of this hub; None when it has none, or nothing to delete of what others hold alone."""
    if division.rest is None:
        return None
    rest = given if deed.whole else rest_of(given, division.rest)
    try:
        return _Local(rest, await here(rest))
    except DothiError as error:
        if isinstance(error, Missing) and deed.whole and division.proxied:
            return None
        return _Local(rest, error=error)


def _told(deed: Deed, given: Given, outcomes: list[Outcome], local: _Local | None, done: Answer) -> Answer:
    """Success, the one error that there is, or 207 with what failed."""
    error = local.error if local is not None else None
    failed = [one for one in outcomes if not one.well]
    if not failed and error is None:
        return local.answer if local is not None and local.answer is not None else done
    if not outcomes and error is not None:
        raise error
    if len(outcomes) == 1 and local is None and not failed[0].partly:
        return _single(failed[0])
    body = _updates(given, outcomes, local) if deed.attributes else _errors(given, outcomes, local)
    return document(body, _PARTLY, done.headers if deed.creates else ())


def _single(outcome: Outcome) -> Answer:
    """The answer where all of it lies at one source alone, and failed there or was not told it (clause 6.3.17)."""
    assert outcome.problem is not None
    status = outcome.problem["status"] if outcome.ours else status_of(outcome)
    return document(outcome.problem | {"status": status}, status)


def _error(entity_id: str, outcome: Outcome) -> dict[str, Any]:
    """A BatchEntityError (clause 5.2.17)."""
    return {
        "entityId": entity_id,
        "error": outcome.problem,
        "registrationId": outcome.share.match.registration.id,
    }


def _errors(given: Given, outcomes: list[Outcome], local: _Local | None) -> dict[str, Any]:
    """A BatchOperationResult (clause 5.2.16) about one entity."""
    errors: list[dict[str, Any]] = []
    if local is not None and local.error is not None:
        errors.append({"entityId": given.id, "error": ngsi_ld_problem(local.error)[1]})
    errors += [_error(given.id, one) for one in outcomes if not one.well]
    done = any(one.well for one in outcomes) or (local is not None and local.error is None)
    return {"success": [given.id] if done else [], "errors": errors}


def _updates(given: Given, outcomes: list[Outcome], local: _Local | None) -> dict[str, Any]:
    """An UpdateResult (clause 5.2.18)."""
    updated: list[str] = []
    left: list[dict[str, Any]] = []
    for one in outcomes:
        names = _iris(given.attrs if one.share.attrs is None else one.share.attrs)
        if one.problem is None:
            updated += names
            continue
        registration, reason = one.share.match.registration.id, str(one.problem["detail"])
        left += [{"attributeName": name, "reason": reason, "registrationId": registration} for name in names]
    if local is not None:
        names = _iris(local.given.attrs)
        if local.error is not None:
            left += [{"attributeName": name, "reason": local.error.detail} for name in names]
        elif local.answer is not None and local.answer.status == _PARTLY:
            told = msgspec.json.decode(local.answer.body)
            updated += told["updated"]
            left += told["notUpdated"]
        else:
            updated += names
    return {"updated": list(dict.fromkeys(updated)), "notUpdated": left}


def _iris(names: Iterable[str]) -> list[str]:
    return [iri_of(name) for name in sorted(names)]
