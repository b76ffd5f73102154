"""The NGSI-LD API described in OpenAPI 3.1, as tables: parameters, bodies, operations and their statuses."""

from typing import Any, NamedTuple

from dothi import __version__
from dothi.hub.render.aggregate import METHODS

JSON_TYPES = ("application/json", "application/ld+json")
Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_URI: Schema = {"type": "string", "format": "uri", "minLength": 1, "maxLength": 1000}
_FLAG: Schema = {"type": "boolean"}
_TIME: Schema = {"type": "string", "format": "date-time"}

# Query parameters: schema and meaning.
PARAMETERS: dict[str, tuple[Schema, str]] = {
    "id": (_TEXT, "URIs of entities, separated by commas."),
    "idPattern": (_TEXT, "A regular expression that the ids match."),
    "type": (_TEXT, "Selection of entity types, e.g. A,B or (A;B) (clause 4.17)."),
    "attrs": (_TEXT, "Attributes to match and to show, separated by commas."),
    "pick": (_TEXT, "Members to show (clause 4.21)."),
    "omit": (_TEXT, "Members to leave out (clause 4.21)."),
    "q": (_TEXT, "Query, e.g. pm25>35.5;name~=^Tr (clause 4.9)."),
    "georel": (_TEXT, "Geo-relation, e.g. near;maxDistance==1000 (clause 4.10)."),
    "geometry": (_TEXT, "Type of the reference geometry."),
    "coordinates": (_TEXT, "Coordinates of the reference geometry, as a JSON array, longitude first."),
    "geoproperty": (_TEXT, "The GeoProperty to compare; location when left out."),
    "geometryProperty": (_TEXT, "The GeoProperty shown as geometry in GeoJSON."),
    "scopeQ": (_TEXT, "Scope query, e.g. /VN/46/# (clause 4.19)."),
    "lang": (_TEXT, "Languages by preference (clause 4.15)."),
    "datasetId": (_TEXT, "Datasets to show, @none for the default instances."),
    "orderBy": (_TEXT, "Attributes to sort by, each perhaps with ;desc."),
    "limit": ({"type": "integer", "minimum": 0, "maximum": 1000}, "Entities in one answer."),
    "offset": ({"type": "integer", "minimum": 0}, "Entities to skip."),
    "count": (_FLAG, "Tell the total in NGSILD-Results-Count."),
    "local": (_FLAG, "This hub only; allows a query without any condition."),
    "options": (_TEXT, "Words separated by commas: sysAttrs, keyValues, concise, noOverwrite, update …"),
    "format": (_TEXT, "normalized, concise, simplified, keyValues; of histories temporalValues, aggregatedValues."),
    "timerel": ({"type": "string", "enum": ["before", "after", "between"]}, "Temporal relation (clause 4.11)."),
    "timeAt": (_TIME, "The moment, or where the interval begins."),
    "endTimeAt": (_TIME, "Where the interval ends."),
    "timeproperty": ({"type": "string", "enum": ["observedAt", "createdAt", "modifiedAt", "deletedAt"]}, "Which time."),
    "lastN": ({"type": "integer", "minimum": 1}, "Only the last so many instances of each attribute."),
    "aggrMethods": (_TEXT, f"Of {', '.join(sorted(METHODS))}."),
    "aggrPeriodDuration": (_TEXT, "ISO 8601 duration of a period, e.g. PT1H."),
    "expandValues": (_TEXT, "Attributes whose compared values are names, to be expanded."),
    "csf": (_TEXT, "Filter of context sources (clause 4.9)."),
    "join": ({"type": "string", "enum": ["@none"]}, "Linked entity retrieval; not supported yet."),
    "observedAt": (_TIME, "Common time of what is merged."),
    "deleteAll": (_FLAG, "All instances of the attribute."),
    "details": (_FLAG, "Tell more of each."),
}
HEADERS: dict[str, tuple[Schema, str]] = {
    "NGSILD-Tenant": (
        {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"},
        "The tenant; the default one when left out.",
    ),
    "Link": (_TEXT, "The @context of the request."),
}
WRITE_HEADERS: dict[str, tuple[Schema, str]] = {
    **HEADERS,
    "Idempotency-Key": (
        {"type": "string", "minLength": 1, "maxLength": 200},
        "Makes a repeat of the request harmless.",
    ),
}
_GEO = ("georel", "geometry", "coordinates", "geoproperty")
_SHOW = ("attrs", "pick", "omit", "lang", "datasetId", "options", "format")
_PAGE = ("limit", "offset", "count", "local")
_TIMES = ("timerel", "timeAt", "endTimeAt", "timeproperty", "lastN", "aggrMethods", "aggrPeriodDuration")
_QUERY = ("id", "idPattern", "type", "q", *_GEO, "scopeQ", "orderBy", "expandValues", "csf", "join", *_SHOW, *_PAGE)

MEANINGS = {
    200: "Here it is.",
    201: "Created.",
    204: "Done.",
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
_ALWAYS = (400, 401, 403, 404, 422, 503, 504)
_READ = (*_ALWAYS, 406)
_WRITE = (*_ALWAYS, 409, 411, 413, 415)


class Operation(NamedTuple):
    """One method of one path. `body` names a schema of the components; `answer` that of the 200 (or 201) body."""

    path: str
    method: str
    name: str
    clause: str
    statuses: tuple[int, ...]
    parameters: tuple[str, ...] = ()
    body: str = ""
    answer: str = ""


_BATCH = ("options",)
OPERATIONS = (
    Operation(
        "/entities", "get", "queryEntities", "5.7.2", (200, *_READ), (*_QUERY, "geometryProperty"), answer="Entities"
    ),
    Operation("/entities", "post", "createEntity", "5.6.1", (201, *_WRITE), body="Entity"),
    Operation(
        "/entities/{entityId}",
        "get",
        "retrieveEntity",
        "5.7.1",
        (200, *_READ),
        ("type", *_SHOW, "geometryProperty"),
        answer="Entity",
    ),
    Operation("/entities/{entityId}", "put", "replaceEntity", "5.6.18", (204, *_WRITE), ("type",), "Fragment"),
    Operation(
        "/entities/{entityId}",
        "patch",
        "mergeEntity",
        "5.6.17",
        (204, *_WRITE),
        ("type", "format", "options", "lang", "observedAt"),
        "Fragment",
    ),
    Operation("/entities/{entityId}", "delete", "deleteEntity", "5.6.6", (204, *_ALWAYS), ("type",)),
    Operation(
        "/entities/{entityId}/attrs",
        "post",
        "appendAttributes",
        "5.6.3",
        (204, 207, *_WRITE),
        ("type", "options"),
        "Fragment",
    ),
    Operation(
        "/entities/{entityId}/attrs", "patch", "updateAttributes", "5.6.2", (204, 207, *_WRITE), ("type",), "Fragment"
    ),
    Operation(
        "/entities/{entityId}/attrs/{attrId}",
        "patch",
        "updateAttribute",
        "5.6.4",
        (204, *_WRITE),
        ("type",),
        "Attribute",
    ),
    Operation(
        "/entities/{entityId}/attrs/{attrId}",
        "put",
        "replaceAttribute",
        "5.6.19",
        (204, *_WRITE),
        ("type",),
        "Attribute",
    ),
    Operation(
        "/entities/{entityId}/attrs/{attrId}",
        "delete",
        "deleteAttribute",
        "5.6.5",
        (204, *_ALWAYS),
        ("type", "datasetId", "deleteAll"),
    ),
    Operation(
        "/entityOperations/create", "post", "createBatch", "5.6.7", (201, 207, *_WRITE), body="Entities", answer="Ids"
    ),
    Operation(
        "/entityOperations/upsert", "post", "upsertBatch", "5.6.8", (201, 204, 207, *_WRITE), _BATCH, "Entities", "Ids"
    ),
    Operation("/entityOperations/update", "post", "updateBatch", "5.6.9", (204, 207, *_WRITE), _BATCH, "Entities"),
    Operation("/entityOperations/merge", "post", "mergeBatch", "5.6.20", (204, 207, *_WRITE), body="Entities"),
    Operation("/entityOperations/delete", "post", "deleteBatch", "5.6.10", (204, 207, *_WRITE), body="Ids"),
    Operation(
        "/entityOperations/query",
        "post",
        "queryBatch",
        "5.7.2",
        (200, *_WRITE, 406),
        ("options", "format", *_PAGE),
        "Query",
        "Entities",
    ),
    Operation("/types", "get", "retrieveTypes", "5.7.5", (200, *_READ), ("details",), answer="Any"),
    Operation("/types/{type}", "get", "retrieveType", "5.7.7", (200, *_READ), answer="Any"),
    Operation("/attributes", "get", "retrieveAttributes", "5.7.8", (200, *_READ), ("details",), answer="Any"),
    Operation("/attributes/{attrId}", "get", "retrieveAttribute", "5.7.10", (200, *_READ), answer="Any"),
    Operation(
        "/temporal/entities", "get", "queryTemporal", "5.7.4", (200, *_READ), (*_QUERY, *_TIMES), answer="Entities"
    ),
    Operation(
        "/temporal/entities/{entityId}",
        "get",
        "retrieveTemporal",
        "5.7.3",
        (200, *_READ),
        ("type", *_SHOW, *_TIMES),
        answer="Entity",
    ),
    Operation(
        "/temporal/entityOperations/query",
        "post",
        "queryTemporalBatch",
        "5.7.4",
        (200, *_WRITE, 406),
        ("options", "format", *_PAGE),
        "Query",
        "Entities",
    ),
    Operation("/vocabulary.jsonld", "get", "vocabulary", "4.4", (200, *_READ), answer="Any"),
    Operation("/openapi.json", "get", "openapi", "6", (200, *_READ), answer="Any"),
)

_NAME: Schema = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]*$", "maxLength": 200}
_NAMES: Schema = {"oneOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1}]}
SCHEMAS: dict[str, Schema] = {
    "Entity": {
        "type": "object",
        "required": ["id", "type"],
        "properties": {"id": _URI, "type": _NAMES, "scope": _NAMES},
        "additionalProperties": {"$ref": "#/components/schemas/Attribute"},
    },
    "Fragment": {
        "type": "object",
        "properties": {"type": _NAMES, "scope": _NAMES},
        "additionalProperties": {"$ref": "#/components/schemas/Attribute"},
    },
    "Attribute": {
        "description": "Normalized or concise (clause 4.5).",
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "value": {},
            "object": {"oneOf": [_URI, {"type": "array", "items": _URI}]},
            "languageMap": {"type": "object", "additionalProperties": {"type": ["string", "array"]}},
            "vocab": _NAMES,
            "json": {},
            "valueList": {"type": "array"},
            "objectList": {"type": "array"},
            "observedAt": _TIME,
            "unitCode": {"type": "string"},
            "datasetId": _URI,
        },
    },
    "Entities": {"type": "array", "items": {"$ref": "#/components/schemas/Entity"}},
    "Ids": {"type": "array", "items": _URI},
    "Query": {
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"const": "Query"},
            "entities": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "properties": {"id": _URI, "idPattern": _TEXT, "type": _TEXT}},
            },
            "attrs": {"type": "array", "items": _TEXT, "minItems": 1},
            "pick": {"type": "array", "items": _TEXT, "minItems": 1},
            "omit": {"type": "array", "items": _TEXT, "minItems": 1},
            "q": _TEXT,
            "scopeQ": _TEXT,
            "lang": _TEXT,
            "geoQ": {
                "type": "object",
                "properties": {"georel": _TEXT, "geometry": _TEXT, "coordinates": {"type": "array"}},
            },
            "temporalQ": {"type": "object", "properties": {"timerel": _TEXT, "timeAt": _TIME, "endTimeAt": _TIME}},
        },
    },
    "BatchResult": {
        "type": "object",
        "properties": {
            "success": {"type": "array", "items": _TEXT},
            "errors": {"type": "array", "items": {"type": "object"}},
        },
    },
    "Problem": {
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT},
    },
    "Any": {},
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
            {"name": name, "in": "path", "required": True, "schema": _URI if name == "entityId" else _NAME}
            for name in variables
        ),
        *(_parameter("query", name, *PARAMETERS[name]) for name in operation.parameters),
        *(_parameter("header", name, *told) for name, told in headers.items()),
    ]


def _parameter(place: str, name: str, schema: Schema, meaning: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": False, "schema": schema, "description": meaning}


def _response(status: int, answer: str) -> dict[str, Any]:
    told: dict[str, Any] = {"description": MEANINGS[status]}
    if status == 200:
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
