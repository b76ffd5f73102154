"""The OpenAPI document, made of the tables."""

from typing import Any

from dothi import __version__
from dothi.hub.api.openapi.answers import ANSWER_HEADERS, ANSWERS, GEO_JSON, JSON, LD_JSON, MERGE_JSON
from dothi.hub.api.openapi.contexts import CONTEXTS
from dothi.hub.api.openapi.history import HISTORY
from dothi.hub.api.openapi.information import INFORMATION
from dothi.hub.api.openapi.maps import MAPS, SNAPSHOTS
from dothi.hub.api.openapi.operation import Operation
from dothi.hub.api.openapi.parameters import HEADERS, MAP_HEADERS, PARAMETERS, READ_HEADERS, WRITE_HEADERS
from dothi.hub.api.openapi.schemas import NAME, SCHEMAS, URI, Schema
from dothi.hub.api.openapi.sources import SOURCES
from dothi.hub.api.openapi.subscriptions import SUBSCRIPTIONS

# What belongs together, in the order of reading: tag → (what it is about, its operations).
CHAPTERS: dict[str, tuple[str, tuple[Operation, ...]]] = {
    "information": (
        "Entities, attributes, batches, types (clauses 6.4 to 6.7, 6.14 to 6.17 and 6.23 to 6.28).",
        INFORMATION,
    ),
    "history": ("Histories of entities, and writing them (clauses 6.18 to 6.22 and 6.24).", HISTORY),
    "subscriptions": ("Subscriptions, and what could not be delivered (clauses 6.10 and 6.11).", SUBSCRIPTIONS),
    "sources": ("Registrations of context sources, and subscriptions to them (clauses 6.8 to 6.13).", SOURCES),
    "contexts": ("Stored @contexts (clauses 6.29 and 6.30).", CONTEXTS),
    "maps": ("Entity maps (clauses 6.32 and 6.33).", MAPS),
    "snapshots": ("Snapshots of answers (clauses 6.34 to 6.38).", SNAPSHOTS),
}
OPERATIONS = tuple(operation for _, operations in CHAPTERS.values() for operation in operations)
_GEO = frozenset(("queryEntities", "retrieveEntity", "queryBatch"))  # These can be told as GeoJSON (clause 6.3.6).
_READS = _GEO | {"queryTemporal", "retrieveTemporal", "queryTemporalBatch"}
_UPDATES = frozenset(("appendAttributes", "updateAttributes"))  # These tell what was updated in their 207.
_SECURITY = {"key": {"type": "http", "scheme": "bearer", "description": "A key of an API client, or a session."}}
_CONTEXT: Schema = {
    "description": "The @context of the document: an address, an object, or an array of both.",
    "oneOf": [{"type": "string"}, {"type": "object"}, {"type": "array", "items": {}}],
}
_URIS = frozenset(("contextId", "entityId", "entityMapId", "snapshotId", "registrationId", "subscriptionId"))
MEANINGS = {
    200: "Here it is.",
    201: "Created.",
    203: "Here it is, without what the version that the client knows has no word for.",
    204: "Done.",
    206: "A part of the time that was asked for; Content-Range says which.",
    207: "Partly done: the body says what was and what was not.",
    400: "Something in the request is wrong; detail says what, where and what to do.",
    401: "The credentials do not hold.",
    403: "Not allowed, guarded (`use` names the verb to use instead), or too much asked for.",
    404: "There is no such thing, or no such tenant.",
    406: "None of the accepted media types is available.",
    409: "It exists already.",
    411: "Content-Length is missing.",
    413: "The body is too large.",
    415: "The body is neither JSON nor JSON-LD.",
    422: "The standard knows this, this server does not yet.",
    503: "Too much is waiting; try again.",
    504: "An @context named in the request cannot be had.",
}


def description() -> dict[str, Any]:
    """The whole OpenAPI document; paths are relative to /ngsi-ld/v1."""
    paths: dict[str, dict[str, Any]] = {}
    for tag, (_, operations) in CHAPTERS.items():
        for operation in operations:
            paths.setdefault(operation.path, {})[operation.method] = {"tags": [tag], **_operation(operation)}
    bodies = {operation.body for operation in OPERATIONS if _is_object(operation.body)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dothi: NGSI-LD API",
            "version": __version__,
            "description": "Entities of the city with history, by ETSI GS CIM 009 V1.9.1.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/ngsi-ld/v1"}],
        "tags": [{"name": tag, "description": about} for tag, (about, _) in CHAPTERS.items()],
        "security": [{}, {"key": []}],
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS, **ANSWERS, **{_LD + name: _with_context(SCHEMAS[name]) for name in sorted(bodies)}},
            "securitySchemes": _SECURITY,
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": f"Clause {operation.clause} of GS CIM 009",
        "parameters": _parameters(operation),
        "responses": {str(status): _response(status, operation) for status in sorted(operation.statuses)},
    }
    if operation.body:
        told["requestBody"] = _body(operation)
    return told


def _body(operation: Operation) -> dict[str, Any]:
    """JSON with the @context in the Link header, or JSON-LD with its own (clause 6.3.5)."""
    content = {JSON: _schema(operation.body)}
    if not _is_object(operation.body):
        meaning = "Or application/ld+json, each item with a @context of its own."
        return {"required": True, "description": meaning, "content": content}
    content[LD_JSON] = _schema(_LD + operation.body)
    if operation.method == "patch":
        content[MERGE_JSON] = _schema(operation.body)
    return {"required": True, "content": content}


_LD = "Ld"  # Begins the names of bodies that bring a @context.


def _is_object(body: str) -> bool:
    return bool(body) and SCHEMAS[body].get("type") == "object" and "@context" not in SCHEMAS[body]["properties"]


def _with_context(schema: Schema) -> Schema:
    """The same document with the @context that JSON-LD must have."""
    properties = {**schema["properties"], "@context": _CONTEXT}
    return {**schema, "required": [*schema.get("required", ()), "@context"], "properties": properties}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    variables = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    headers = dict(HEADERS if operation.method == "get" else WRITE_HEADERS)
    headers |= READ_HEADERS if operation.name in _READS else {}
    headers |= MAP_HEADERS if "entityMap" in operation.parameters else {}
    return [
        *(
            {"name": name, "in": "path", "required": True, "schema": URI if name in _URIS else NAME}
            for name in variables
        ),
        *(_parameter("query", name, *PARAMETERS[name]) for name in operation.parameters),
        *(_parameter("header", name, *told) for name, told in headers.items()),
    ]


def _parameter(place: str, name: str, schema: Schema, meaning: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": False, "schema": schema, "description": meaning}


def _response(status: int, operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {"description": MEANINGS[status]}
    headers = {name: ANSWER_HEADERS[name] for name in _headers(status, operation)}
    told["headers"] = {name: {"description": meaning, "schema": schema} for name, (schema, meaning) in headers.items()}
    if status in (200, 203, 206):
        medias = (JSON, LD_JSON, GEO_JSON) if operation.name in _GEO else (JSON, LD_JSON)
        told["content"] = {media: _schema(operation.answer) for media in medias}
    elif status == 201 and operation.answer:
        told["content"] = {JSON: _schema(operation.answer)}
    elif status == 207:
        told["content"] = {JSON: _schema("UpdateResult" if operation.name in _UPDATES else "BatchResult")}
    elif status >= 400 and status not in (411, 415):
        told["content"] = {JSON: _schema("Problem")}
    return told


def _headers(status: int, operation: Operation) -> list[str]:
    """The headers that an answer may have, beside its media type."""
    names = ["NGSILD-Tenant"]
    if status == 201 and operation.answer != "Ids":
        names.append("Location")
    if status in (200, 203, 206):
        names.append("Link")
        names += ["NGSILD-Results-Count"] if "count" in operation.parameters else []
        names += ["NGSILD-EntityMap"] if "entityMap" in operation.parameters else []
    names += ["Content-Range"] if status == 206 else []
    names += ["Preference-Applied"] if status == 203 else []
    names += ["NGSILD-Warning"] if status in (200, 206, 207) else []
    return [*names, "WWW-Authenticate"] if status == 401 else names


def _schema(name: str) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}
