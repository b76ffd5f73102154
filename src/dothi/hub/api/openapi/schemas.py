"""What bodies and answers look like, as JSON Schema."""

from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
URI: Schema = {"type": "string", "format": "uri", "minLength": 1, "maxLength": 1000}
FLAG: Schema = {"type": "boolean"}
# A moment in UTC (clause 4.6.3). Not the format date-time: that has offsets too, which the clause does not.
TIME: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?Z$",
    "description": "A moment in UTC, such as 2026-11-22T07:30:00Z.",
}
NAME: Schema = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]*$", "maxLength": 200}
NAMES: Schema = {"oneOf": [NAME, {"type": "array", "items": NAME, "minItems": 1}]}
ANYTHING: Schema = {"type": "array", "items": {}}
TEXTS: Schema = {"oneOf": [TEXT, {"type": "array", "items": TEXT}]}
SNAPSHOT_MEMBERS: dict[str, Schema] = {
    "snapshotLifetime": TEXT,
    "snapshotPriority": {"type": "integer", "minimum": 0, "maximum": 10},
}
INSTANCES: Schema = {  # One instance of an attribute, or several that differ in datasetId.
    "oneOf": [
        {"$ref": "#/components/schemas/Attribute"},
        {"type": "array", "items": {"$ref": "#/components/schemas/Attribute"}},
    ]
}
SCHEMAS: dict[str, Schema] = {
    "Entity": {
        "type": "object",
        "required": ["id", "type"],
        "properties": {"id": URI, "type": NAMES, "scope": TEXTS, "expiresAt": TIME},
        "additionalProperties": INSTANCES,
    },
    "Fragment": {
        "type": "object",
        "properties": {"type": NAMES, "scope": TEXTS, "expiresAt": TIME},
        "additionalProperties": INSTANCES,
    },
    "Attribute": {
        "description": "Normalized or concise (clause 4.5).",
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "value": {},
            "object": {"oneOf": [URI, {"type": "array", "items": URI}]},
            "languageMap": {"type": "object", "additionalProperties": TEXTS},
            "vocab": NAMES,
            "json": {},
            "valueList": ANYTHING,
            "objectList": ANYTHING,
            "observedAt": TIME,
            "unitCode": {"type": "string"},
            "datasetId": URI,
            "expiresAt": TIME,
        },
    },
    "Evolution": {
        "description": "A temporal evolution: of each attribute its instances (clauses 4.5.6 to 4.5.9).",
        "type": "object",
        "required": ["id", "type"],
        "properties": {"id": URI, "type": NAMES},
        "additionalProperties": {"type": "array", "items": {"$ref": "#/components/schemas/Attribute"}},
    },
    "EvolutionFragment": {
        "type": "object",
        "properties": {"type": NAMES},
        "additionalProperties": {"type": "array", "items": {"$ref": "#/components/schemas/Attribute"}},
    },
    "Entities": {"type": "array", "items": {"$ref": "#/components/schemas/Entity"}},
    "Ids": {"type": "array", "items": URI},
    "Query": {
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"const": "Query"},
            "entities": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "properties": {"id": URI, "idPattern": TEXT, "type": TEXT}},
            },
            "attrs": {"type": "array", "items": TEXT, "minItems": 1},
            "pick": {"type": "array", "items": TEXT, "minItems": 1},
            "omit": {"type": "array", "items": TEXT, "minItems": 1},
            "q": TEXT,
            "scopeQ": TEXT,
            "lang": TEXT,
            "expandValues": TEXT,
            "jsonKeys": TEXT,
            "datasetId": {"type": "array", "items": TEXT, "minItems": 1},
            "join": {"enum": ["flat", "inline", "@none"]},
            "joinLevel": {"type": "integer", "minimum": 1, "maximum": 100},
            "containedBy": {"type": "array", "items": URI, "minItems": 1},
            "entityMap": FLAG,
            "splitEntities": FLAG,
            "ordering": {
                "type": "object",
                "properties": {
                    "orderBy": {"type": "array", "items": TEXT, "minItems": 1},
                    "collation": TEXT,
                    "coordinates": ANYTHING,
                    "geometry": TEXT,
                },
            },
            "geoQ": {
                "type": "object",
                "properties": {"georel": TEXT, "geometry": TEXT, "coordinates": ANYTHING},
            },
            "temporalQ": {"type": "object", "properties": {"timerel": TEXT, "timeAt": TIME, "endTimeAt": TIME}},
        },
    },
    "BatchResult": {
        "type": "object",
        "properties": {
            "success": {"type": "array", "items": TEXT},
            "errors": {"type": "array", "items": {"type": "object"}},
        },
    },
    "Registration": {
        "description": "A context source registration (clause 5.2.9).",
        "type": "object",
        "required": ["type", "endpoint", "information"],
        "properties": {
            "id": URI,
            "type": {"const": "ContextSourceRegistration"},
            "endpoint": URI,
            "mode": {"enum": ["inclusive", "exclusive", "redirect", "auxiliary"]},
            "operations": {"type": "array", "items": TEXT, "minItems": 1},
            "expiresAt": TIME,
            "information": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "entities": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "object", "properties": {"id": URI, "idPattern": TEXT, "type": NAMES}},
                        },
                        "propertyNames": {"type": "array", "items": NAME, "minItems": 1},
                        "relationshipNames": {"type": "array", "items": NAME, "minItems": 1},
                    },
                },
            },
        },
    },
    "Registrations": {"type": "array", "items": {"$ref": "#/components/schemas/Registration"}},
    "Subscription": {
        "description": "What somebody wants to be told of, and how (clause 5.2.12).",
        "type": "object",
        "required": ["type", "notification"],
        "properties": {
            "id": URI,
            "type": {"const": "Subscription"},
            "subscriptionName": TEXT,
            "entities": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["type"],
                    "properties": {"id": URI, "idPattern": TEXT, "type": NAME},
                },
            },
            "watchedAttributes": {"type": "array", "items": NAME, "minItems": 1},
            "q": TEXT,
            "isActive": FLAG,
            "expiresAt": TIME,
            "throttling": {"type": "number", "exclusiveMinimum": 0},
            "timeInterval": {"type": "number", "exclusiveMinimum": 0},
            "notification": {
                "type": "object",
                "required": ["endpoint"],
                "properties": {
                    "format": {"enum": ["normalized", "concise", "simplified", "keyValues"]},
                    "endpoint": {"type": "object", "required": ["uri"], "properties": {"uri": URI}},
                },
            },
        },
    },
    "EntityMapFragment": {"type": "object", "properties": {"expiresAt": TIME}, "required": ["expiresAt"]},
    "SnapshotRequest": {
        "description": "A snapshot of what these queries find (clause 5.2.41).",
        "type": "object",
        "required": ["type", "snapshotQueries"],
        "properties": {
            "id": URI,
            "type": {"const": "Snapshot"},
            "snapshotQueries": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Query"}},
            "snapshotTemporalQueries": {"type": "array", "items": {"$ref": "#/components/schemas/Query"}},
            **SNAPSHOT_MEMBERS,
        },
    },
    "SnapshotFragment": {"type": "object", "properties": {"type": {"const": "Snapshot"}, **SNAPSHOT_MEMBERS}},
    "Numbers": {
        "description": "Those of the notifications that are listed; empty for all.",
        "type": "object",
        "properties": {"numbers": {"type": "array", "items": {"type": "integer", "minimum": 1}}},
    },
    "Subscriptions": {"type": "array", "items": {"$ref": "#/components/schemas/Subscription"}},
    "Context": {
        "description": "A JSON-LD context (clause 5.13).",
        "type": "object",
        "required": ["@context"],
        "properties": {"@context": {"oneOf": [{"type": "object"}, ANYTHING, TEXT]}},
    },
    "Contexts": {"type": "array", "items": {"oneOf": [TEXT, {"type": "object"}]}},
    "Problem": {
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {"type": TEXT, "title": TEXT, "status": {"type": "integer"}, "detail": TEXT},
    },
    "Any": {},
}
_REQUIRED = ("Registration", "Subscription")
SCHEMAS |= {  # Fragments that change some members (clause 5.4).
    f"{name}Fragment": {key: value for key, value in SCHEMAS[name].items() if key != "required"} for name in _REQUIRED
}
