"""The query parameters and headers of the NGSI-LD API, and which of them go together."""

from dothi.hub.api.openapi.schemas import FLAG, TEXT, TIME, URI, Schema
from dothi.hub.context.shelf import KINDS
from dothi.hub.render.aggregate import METHODS

# Query parameters: schema and meaning.
PARAMETERS: dict[str, tuple[Schema, str]] = {
    "id": (TEXT, "URIs of entities, separated by commas."),
    "idPattern": (TEXT, "A regular expression that the ids match."),
    "type": (TEXT, "Selection of entity types, e.g. A,B or (A;B) (clause 4.17)."),
    "attrs": (TEXT, "Attributes to match and to show, separated by commas."),
    "pick": (TEXT, "Members to show (clause 4.21)."),
    "omit": (TEXT, "Members to leave out (clause 4.21)."),
    "q": (TEXT, "Query, e.g. pm25>35.5;name~=^Tr (clause 4.9)."),
    "georel": (TEXT, "Geo-relation, e.g. near;maxDistance==1000 (clause 4.10)."),
    "geometry": (TEXT, "Type of the reference geometry."),
    "coordinates": (TEXT, "Coordinates of the reference geometry, as a JSON array, longitude first."),
    "geoproperty": (TEXT, "The GeoProperty to compare; location when left out."),
    "geometryProperty": (TEXT, "The GeoProperty shown as geometry in GeoJSON."),
    "scopeQ": (TEXT, "Scope query, e.g. /VN/Hue/# (clause 4.19)."),
    "lang": (TEXT, "Languages by preference (clause 4.15)."),
    "datasetId": (TEXT, "Datasets to show, @none for the default instances."),
    "orderBy": (TEXT, "Members to sort by, each perhaps with ;asc, ;desc, ;dist-asc or ;dist-desc (clause 4.23)."),
    "orderFrom": (TEXT, "Coordinates of the place from which distances are measured, as a JSON array."),
    "orderGeometry": (TEXT, "Type of that place; Point when left out."),
    "collation": (TEXT, "How texts are sorted: a language tag such as vi or de-u-co-phonebk (IETF RFC 6067)."),
    "limit": ({"type": "integer", "minimum": 0, "maximum": 1000}, "Entities in one answer."),
    "offset": ({"type": "integer", "minimum": 0}, "Entities to skip."),
    "count": (FLAG, "Tell the total in NGSILD-Results-Count."),
    "local": (FLAG, "This hub only; allows a query without any condition."),
    "options": (TEXT, "Words separated by commas: sysAttrs, keyValues, concise, noOverwrite, update …"),
    "format": (TEXT, "normalized, concise, simplified, keyValues; of histories temporalValues, aggregatedValues."),
    "timerel": ({"type": "string", "enum": ["before", "after", "between"]}, "Temporal relation (clause 4.11)."),
    "timeAt": (TIME, "The moment, or where the interval begins."),
    "endTimeAt": (TIME, "Where the interval ends."),
    "timeproperty": ({"type": "string", "enum": ["observedAt", "createdAt", "modifiedAt", "deletedAt"]}, "Which time."),
    "lastN": ({"type": "integer", "minimum": 1}, "Only the last so many instances of each attribute."),
    "aggrMethods": (TEXT, f"Of {', '.join(sorted(METHODS))}."),
    "aggrPeriodDuration": (TEXT, "ISO 8601 duration of a period, e.g. PT1H."),
    "expandValues": (TEXT, "Attributes whose compared values are names, to be expanded."),
    "csf": (TEXT, "Filter of context sources (clause 4.9)."),
    "entityMap": (FLAG, "Make an entity map that fixes what the pages are about; its place is in NGSILD-EntityMap."),
    "entityMapLifetime": (TEXT, "ISO 8601 duration for which the entity map is wished to live."),
    "splitEntities": (FLAG, "Entities are split between sources: filters are applied after joining (clause 5.7.2)."),
    "jsonKeys": (TEXT, "Attributes whose values are JSON that no @context explains."),
    "join": ({"type": "string", "enum": ["flat", "inline", "@none"]}, "Linked entities too (clause 4.5.23)."),
    "joinLevel": ({"type": "integer", "minimum": 1, "maximum": 100}, "How many relationships are followed in a row."),
    "containedBy": (TEXT, "URIs of entities met before, which are not shown again."),
    "observedAt": (TIME, "Common time of what is merged."),
    "deleteAll": (FLAG, "All instances of the attribute."),
    "details": (FLAG, "Tell more of each."),
    "kind": ({"type": "string", "enum": list(KINDS)}, "Only contexts of this kind."),
    "reload": (FLAG, "Fetch the cached context again instead of deleting it."),
    "drop": (TEXT, "Attributes to delete of each entity, which itself stays."),
    "keep": (TEXT, "Attributes to leave of each entity; all others are deleted."),
}
HEADERS: dict[str, tuple[Schema, str]] = {
    "NGSILD-Tenant": (
        {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"},
        "The tenant; the default one when left out.",
    ),
    "Link": (TEXT, "The @context of the request."),
}
READ_HEADERS: dict[str, tuple[Schema, str]] = {  # Of whoever reads entities or histories.
    "NGSILD-Snapshot": (URI, "The snapshot to ask instead of the present (clause 5.16)."),
    "Prefer": ({"type": "string", "pattern": "^ngsi-ld=1\\.[3-9]$"}, "The version of NGSI-LD that the client knows."),
}
MAP_HEADERS: dict[str, tuple[Schema, str]] = {"NGSILD-EntityMap": (TEXT, "The entity map that fixes the pages.")}
WRITE_HEADERS: dict[str, tuple[Schema, str]] = {
    **HEADERS,
    "Idempotency-Key": (
        {"type": "string", "minLength": 1, "maxLength": 200},
        "Makes a repeat of the request harmless.",
    ),
    "X-Reason": ({"type": "string", "maxLength": 500}, "Why this is done; kept with the change."),
}
GEO = ("georel", "geometry", "coordinates", "geoproperty")
SHOW = ("attrs", "pick", "omit", "lang", "datasetId", "options", "format")
PAGE = ("limit", "offset", "count", "local")
TIMES = ("timerel", "timeAt", "endTimeAt", "timeproperty", "lastN", "aggrMethods", "aggrPeriodDuration")
FILTER = ("id", "idPattern", "type", "attrs", "q", *GEO, "scopeQ", "expandValues", "csf", "geometryProperty", "local")
ORDER = ("orderBy", "orderFrom", "orderGeometry", "collation")
JOIN = ("join", "joinLevel", "containedBy")
MAP = ("entityMap", "entityMapLifetime")
QUERY = (
    *("id", "idPattern", "type", "q", *GEO, "scopeQ", *ORDER, "expandValues", "jsonKeys", "csf", *JOIN, *SHOW),
    *(*PAGE, *MAP, "splitEntities"),
)
