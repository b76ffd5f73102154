"""The NGSI-LD API as one ASGI application: finds the handler by path, asks who it is, never answers with a crash."""

import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from dothi.ground.errors import DothiError, Malformed, Missing
from dothi.hub.api import contexts as stored
from dothi.hub.api import maps, snapshots
from dothi.hub.api.door.answer import READABLE, WITH_GEO, Answer, accepted, deliver, no_such_method, refused
from dothi.hub.api.door.request import (
    Authenticate,
    Call,
    Door,
    Limits,
    headers_of,
    read_body,
    segments,
    tenant_of,
)
from dothi.hub.api.history import provision, temporal
from dothi.hub.api.information import attributes, batches, discovery, entities, purge
from dothi.hub.api.openapi import OPERATIONS
from dothi.hub.api.sources import identity, registrations
from dothi.hub.api.sources import subscriptions as watching
from dothi.hub.api.subscriptions import subscriptions
from dothi.hub.context import Contexts
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor
from dothi.hub.peers.federate.answer.gathering import Peers, peers_of
from dothi.hub.peers.federate.keeping.watching import Watchers
from dothi.hub.peers.federate.matching import Registry
from dothi.hub.peers.notify.notifier import Notifier
from dothi.hub.peers.snapshots.keeping import Snapshots
from dothi.hub.peers.wire import Wire
from dothi.hub.write.jobs import line_of

log = logging.getLogger(__name__)

Handler = Callable[[Call], Awaitable[Answer]]
VARIABLE = "{}"
SNAPSHOT = snapshots.HEADER.lower()
# Path below /ngsi-ld/v1 → method → handler. Clause 6.2 lists the resources.
ROUTES: dict[str, Mapping[str, Handler]] = {
    "entities": {
        "GET": entities.query_entities,
        "POST": entities.create_entity,
        "DELETE": purge.purge_entities,
    },
    "entities/{}": {
        "GET": entities.read_entity,
        "PUT": entities.replace_entity,
        "PATCH": entities.merge_entity,
        "DELETE": entities.delete_entity,
    },
    "entities/{}/attrs": {"POST": attributes.append_attributes, "PATCH": attributes.update_attributes},
    "entities/{}/attrs/{}": {
        "PATCH": attributes.update_attribute,
        "PUT": attributes.replace_attribute,
        "DELETE": attributes.delete_attribute,
    },
    "entityOperations/create": {"POST": batches.create_batch},
    "entityOperations/upsert": {"POST": batches.upsert_batch},
    "entityOperations/update": {"POST": batches.update_batch},
    "entityOperations/merge": {"POST": batches.merge_batch},
    "entityOperations/delete": {"POST": batches.delete_batch},
    "entityOperations/query": {"POST": entities.query_by_post},
    "types": {"GET": discovery.list_types},
    "types/{}": {"GET": discovery.read_type},
    "attributes": {"GET": discovery.list_attributes},
    "attributes/{}": {"GET": discovery.read_attribute},
    "temporal/entities": {"GET": temporal.query_history, "POST": provision.upsert_evolution},
    "temporal/entities/{}": {"GET": temporal.read_history, "DELETE": provision.delete_evolution},
    "temporal/entities/{}/attrs": {"POST": provision.add_attributes},
    "temporal/entities/{}/attrs/{}": {"DELETE": provision.delete_attribute},
    "temporal/entities/{}/attrs/{}/{}": {"PATCH": provision.modify_instance, "DELETE": provision.delete_instance},
    "temporal/entityOperations/query": {"POST": temporal.query_history_by_post},
    "jsonldContexts": {"GET": stored.list_contexts, "POST": stored.add_context},
    "jsonldContexts/{}": {"GET": stored.serve_context, "DELETE": stored.delete_context},
    "csourceRegistrations": {
        "GET": registrations.query_registrations,
        "POST": registrations.create_registration,
    },
    "csourceRegistrations/{}": {
        "GET": registrations.read_registration,
        "PATCH": registrations.update_registration,
        "DELETE": registrations.delete_registration,
    },
    "subscriptions": {"GET": subscriptions.query_subscriptions, "POST": subscriptions.create_subscription},
    "subscriptions/{}": {
        "GET": subscriptions.read_subscription,
        "PATCH": subscriptions.update_subscription,
        "DELETE": subscriptions.delete_subscription,
    },
    "subscriptions/{}/undelivered": {
        "GET": subscriptions.list_undelivered,
        "POST": subscriptions.replay_undelivered,
        "DELETE": subscriptions.forget_undelivered,
    },
    "csourceSubscriptions": {
        "GET": watching.query_subscriptions,
        "POST": watching.create_subscription,
    },
    "csourceSubscriptions/{}": {
        "GET": watching.read_subscription,
        "PATCH": watching.update_subscription,
        "DELETE": watching.delete_subscription,
    },
    "info/sourceIdentity": {"GET": identity.read_identity},
    "snapshots": {"POST": snapshots.create_snapshot, "DELETE": snapshots.purge_snapshots},
    "snapshots/{}": {
        "GET": snapshots.read_snapshot,
        "PATCH": snapshots.update_snapshot,
        "DELETE": snapshots.delete_snapshot,
    },
    "snapshots/{}/clone": {"POST": snapshots.clone_snapshot},
    "entityMaps": {"GET": maps.make_map, "POST": maps.make_map_by_post},
    "entityMaps/{}": {"GET": maps.read_map, "PATCH": maps.update_map, "DELETE": maps.delete_map},
    "temporal/entityMaps": {"GET": maps.make_temporal_map, "POST": maps.make_temporal_map_by_post},
    "vocabulary.jsonld": {"GET": discovery.vocabulary},
    "openapi.json": {"GET": discovery.openapi},
}
KNOWN_PARAMETERS = {
    ("/".join(VARIABLE if "{" in part else part for part in one.path[1:].split("/")), one.method.upper()): frozenset(
        (*one.parameters, "local")
    )
    for one in OPERATIONS
}
_GEO_ROUTES = frozenset({"entities", "entities/{}", "entityOperations/query"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_LONGEST_PATH = 6  # temporal/entities/{}/attrs/{}/{}


def ngsi_ld(
    hub: Hub,
    contexts: Contexts,
    authenticate: Authenticate,
    limits: Limits = Limits(),
    wire: Wire | None = None,
    peers: Peers | None = None,
    notifier: Notifier | None = None,
    watchers: Watchers | None = None,
) -> ASGIApp:
    """The application, to be mounted at /ngsi-ld/v1.

    `authenticate(headers)` gives the Actor of a request by its headers (lower-case names), ANONYMOUS for nobody in
    particular, raises Unauthenticated for credentials that do not hold. `wire` is how others are called, `peers` who
    holds what and the way to them, `notifier` and `watchers` tell subscribers: the city's consumers share these.
    """
    wire = wire or Wire()
    peers = peers or peers_of(hub, wire, Registry(hub), contexts)
    registry = peers.line.registry
    notifier = notifier or Notifier(hub, contexts, wire)
    door = Door(
        hub,
        contexts,
        authenticate,
        limits,
        wire=wire,
        registry=registry,
        notifier=notifier,
        watchers=watchers or Watchers(hub, registry, contexts, notifier.lanes),
        peers=peers,
        snapshots=Snapshots(hub, wire),
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1000})
            return
        headers = headers_of(scope)
        answer = await _answer(door, scope, receive, headers)
        if SNAPSHOT in headers:
            answer = answer._replace(headers=(*answer.headers, (SNAPSHOT, headers[SNAPSHOT])))
        await deliver(answer, send, headers.get("ngsild-tenant"), head_only=scope["method"] == "HEAD")

    return app


class Asked(NamedTuple):
    """A request that was understood as far as the gate needs it."""

    method: str
    route: str
    variables: tuple[str, ...]
    handler: Handler
    actor: Actor
    body: bytes


def _address(scope: Scope) -> str:
    """Nobody in particular is told from others by where they call from."""
    client = scope.get("client")
    return f"from:{client[0]}" if client else ""


async def _answer(door: Door, scope: Scope, receive: Receive, headers: dict[str, str]) -> Answer:
    try:
        return await _handle(door, scope, receive, headers)
    except DothiError as error:
        return refused(error)
    except Exception as error:
        log.exception("%s %s failed", scope["method"], scope["path"])
        return refused(error)


async def _handle(door: Door, scope: Scope, receive: Receive, headers: dict[str, str]) -> Answer:
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    route, variables = find(segments(scope), method)
    handlers = ROUTES[route]
    handler = handlers.get(method)
    if handler is None:
        return no_such_method([*handlers, "HEAD"] if "GET" in handlers else list(handlers))
    actor = door.authenticate(headers)
    caller = line_of(actor) if actor.id != ANONYMOUS.id else _address(scope)
    body = b""
    if method in _WITH_BODY:
        door.admission.check(caller, 0)
        body = await read_body(headers, receive, door.limits.body)
    token = await door.admission.enter(caller, len(body))
    try:
        return await _work(door, scope, headers, Asked(method, route, variables, handler, actor, body))
    finally:
        door.admission.leave(token)


async def _work(door: Door, scope: Scope, headers: dict[str, str], asked: Asked) -> Answer:
    """Answer a request whose turn it is."""
    method, route, variables, handler, actor, body = asked
    raw_query = scope.get("query_string", b"").decode("latin-1")
    call = Call(door, method, variables, route, raw_query, headers, tenant_of(headers), actor, body)
    if method == "GET" or route.endswith("/query"):
        # Before all else: who can read no answer gets none (clause 6.3.4).
        accepted(call, WITH_GEO if route in _GEO_ROUTES else READABLE)
    if raw_query:
        _check_parameters(call)
    if SNAPSHOT in headers:
        snapshots.enter(call)
    return await handler(call)


def _check_parameters(call: Call) -> None:
    """Raise Malformed for a parameter or an option that the operation does not know (clause 6.3.20)."""
    if unknown := call.query.keys() - KNOWN_PARAMETERS[call.route, call.method]:
        names = ", ".join(sorted(unknown))[:100]
        raise Malformed(f"{call.method} {call.route} knows no parameter {names!r} (clause 6.3.20).")
    call.options()


def find(parts: tuple[str, ...], method: str) -> tuple[str, tuple[str, ...]]:
    """The route of a path, and its variable parts. Missing when there is none.

    A slash at the end is that of the collection, which may not take `method`; only a write to entities/ that an entity
    would take lacks its id instead, a bad request (clauses 5.6.17.4 and 5.6.18.4).
    """
    if parts[-1] == "" and len(parts) > 1:
        with contextlib.suppress(Missing):
            shorter = find(parts[:-1], method)
            if shorter[0] != "entities" or method in ROUTES["entities"]:
                return shorter
    if parts[0] in ROUTES and len(parts) == 1:
        return parts[0], ()
    for route, shape in _SHAPES.get(len(parts), ()):
        if all(fixed in (VARIABLE, part) for fixed, part in zip(shape, parts, strict=True)):
            return route, tuple(part for fixed, part in zip(shape, parts, strict=True) if fixed == VARIABLE)
    raise Missing("There is no such resource in this API; /ngsi-ld/v1/openapi.json lists those that there are.")


_SHAPES: dict[int, list[tuple[str, tuple[str, ...]]]] = {
    length: [(route, tuple(route.split("/"))) for route in ROUTES if route.count("/") == length - 1]
    for length in range(1, _LONGEST_PATH + 1)
}
