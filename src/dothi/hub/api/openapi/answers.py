"""What answers look like beyond entities: lists of types and attributes, maps, snapshots, headers, media types."""

from dothi.hub.api.openapi.schemas import TEXT, TIME, URI, Schema

JSON, LD_JSON, GEO_JSON, MERGE_JSON = (
    "application/json",
    "application/ld+json",
    "application/geo+json",
    "application/merge-patch+json",
)
_TEXTS: Schema = {"type": "array", "items": TEXT}
_COUNT: Schema = {"type": "integer", "minimum": 0}


def _told(kind: str, **members: Schema) -> Schema:
    """An object of the standard with id and type."""
    return {"type": "object", "required": ["id", "type"], "properties": {"id": URI, "type": {"const": kind}, **members}}


def _either(*names: str) -> Schema:
    return {"oneOf": [_ref(name) for name in names[:1]] + [{"type": "array", "items": _ref(names[1])}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


ANSWERS: dict[str, Schema] = {
    "TypeList": _told("EntityTypeList", typeList=_TEXTS),
    "EntityType": _told("EntityType", typeName=TEXT, attributeNames=_TEXTS),
    "Types": _either("TypeList", "EntityType"),
    "TypeInfo": _told(
        "EntityTypeInfo",
        typeName=TEXT,
        entityCount=_COUNT,
        attributeDetails={"type": "array", "items": _ref("AttributeInfo")},
    ),
    "AttributeList": _told("AttributeList", attributeList=_TEXTS),
    "AttributeInfo": _told(
        "Attribute", attributeName=TEXT, attributeCount=_COUNT, attributeTypes=_TEXTS, typeNames=_TEXTS
    ),
    "Attributes": _either("AttributeList", "AttributeInfo"),
    "SourceIdentity": _told(
        "ContextSourceIdentity", contextSourceAlias=TEXT, contextSourceUptime=TEXT, contextSourceTimeAt=TIME
    ),
    "EntityMap": _told("EntityMap", expiresAt=TIME, entityMap={"type": "object"}, linkedMaps={"type": "object"}),
    "Snapshot": _told(
        "Snapshot", snapshotStatus=TEXT, createdAt=TIME, modifiedAt=TIME, expiresAt=TIME, lastUsedAt=TIME
    ),
    "Undelivered": {
        "description": "Notifications that were given up, each with its last reason.",
        "type": "array",
        "items": {"type": "object"},
    },
    "Replayed": {"type": "object", "properties": {"replayed": _COUNT}},
    "UpdateResult": {
        "description": "What of an entity was updated, and what was not, with the reason (clause 5.2.18).",
        "type": "object",
        "properties": {
            "updated": _TEXTS,
            "notUpdated": {
                "type": "array",
                "items": {"type": "object", "properties": {"attributeName": TEXT, "reason": TEXT}},
            },
        },
    },
}
# Header of an answer → its schema and meaning; which answer has which is decided in description.py.
ANSWER_HEADERS: dict[str, tuple[Schema, str]] = {
    "Location": (TEXT, "Where what was made is found."),
    "Link": (TEXT, "The @context of a JSON answer, and the next and the previous page."),
    "NGSILD-Results-Count": (_COUNT, "How many match in all, when count was asked for (clause 6.3.13)."),
    "NGSILD-Warning": (TEXT, "What a source that was asked did not do (clause 6.3.17)."),
    "NGSILD-EntityMap": (TEXT, "Where the entity map is that fixes the pages."),
    "NGSILD-Tenant": (TEXT, "The tenant that the request named (clause 6.3.14)."),
    "Content-Range": (TEXT, "Which part of the time this is, e.g. DateTime 2026-11-22T00:00:00Z-… (clause 6.3.10)."),
    "Preference-Applied": (TEXT, "The version of NGSI-LD that this answer keeps to."),
    "WWW-Authenticate": (TEXT, "How to say who you are."),
}
