"""The OpenAPI document, made of the tables."""

from typing import Any

from dothi import __version__
from dothi.hub.api.openapi.contexts import CONTEXTS
from dothi.hub.api.openapi.history import HISTORY
from dothi.hub.api.openapi.information import INFORMATION
from dothi.hub.api.openapi.maps import MAPS, SNAPSHOTS
from dothi.hub.api.openapi.operation import Operation
from dothi.hub.api.openapi.parameters import HEADERS, PARAMETERS, WRITE_HEADERS
from dothi.hub.api.openapi.schemas import NAME, SCHEMAS, URI, Schema
from dothi.hub.api.openapi.sources import SOURCES
from dothi.hub.api.openapi.subscriptions import SUBSCRIPTIONS

JSON_TYPES = ("application/json", "application/ld+json")
OPERATIONS = (*INFORMATION, *HISTORY, *CONTEXTS, *MAPS, *SNAPSHOTS, *SOURCES, *SUBSCRIPTIONS)
_URIS = frozenset(("contextId", "entityId", "entityMapId", "snapshotId", "registrationId", "subscriptionId"))
MEANINGS = {
    200: "Here it is.",
    201: "Created.",
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
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dothi: NGSI-LD API",
            "version": __version__,
            "description": "Entities of the city with history, by ETSI GS CIM 009 V1.9.1.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/ngsi-ld/v1"}],
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": f"Clause {operation.clause} of GS CIM 009",
        "parameters": _parameters(operation),
        "responses": {str(status): _response(status, operation.answer) for status in operation.statuses},
    }
    if operation.body:
        told["requestBody"] = {"required": True, "content": {"application/json": _schema(operation.body)}}
    return told


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    variables = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    headers = HEADERS if operation.method == "get" else WRITE_HEADERS
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


def _response(status: int, answer: str) -> dict[str, Any]:
    told: dict[str, Any] = {"description": MEANINGS[status]}
    if status in (200, 206):
        told["content"] = {media: _schema(answer) for media in (*JSON_TYPES, "application/geo+json")}
    elif status == 201 and answer:
        told["content"] = {"application/json": _schema(answer)}
    elif status == 207:
        told["content"] = {"application/json": _schema("BatchResult")}
    elif status >= 400 and status not in (411, 415):
        told["content"] = {"application/json": _schema("Problem")}
    return told


def _schema(name: str) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}
