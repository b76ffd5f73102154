"""Operations on entities, their attributes and types, and the pages about the API itself (clauses 6.4 to 6.28)."""

from dothi.hub.api.openapi.operation import ALWAYS, READ, SHARED, WRITE, Operation
from dothi.hub.api.openapi.parameters import FILTER, JOIN, MAP, PAGE, QUERY, SHOW

BATCH = ("options",)
INFORMATION = (
    Operation(
        "/entities", "get", "queryEntities", "5.7.2", (200, 203, *READ), (*QUERY, "geometryProperty"), answer="Entities"
    ),
    Operation("/entities", "post", "createEntity", "5.6.1", (201, *SHARED, *WRITE), body="Entity"),
    Operation("/entities", "delete", "purgeEntities", "5.6.21", (204, 207, *ALWAYS), (*FILTER, "drop", "keep")),
    Operation(
        "/entities/{entityId}",
        "get",
        "retrieveEntity",
        "5.7.1",
        (200, 203, *READ),
        ("type", *JOIN, *SHOW, "geometryProperty", *MAP),
        answer="Entity",
    ),
    Operation("/entities/{entityId}", "put", "replaceEntity", "5.6.18", (204, *SHARED, *WRITE), ("type",), "Fragment"),
    Operation(
        "/entities/{entityId}",
        "patch",
        "mergeEntity",
        "5.6.17",
        (204, *SHARED, *WRITE),
        ("type", "format", "options", "lang", "observedAt"),
        "Fragment",
    ),
    Operation("/entities/{entityId}", "delete", "deleteEntity", "5.6.6", (204, *SHARED, *ALWAYS), ("type",)),
    Operation(
        "/entities/{entityId}/attrs",
        "post",
        "appendAttributes",
        "5.6.3",
        (204, 207, *WRITE),
        ("type", "options"),
        "Fragment",
    ),
    Operation(
        "/entities/{entityId}/attrs", "patch", "updateAttributes", "5.6.2", (204, 207, *WRITE), ("type",), "Fragment"
    ),
    Operation(
        "/entities/{entityId}/attrs/{attrId}",
        "patch",
        "updateAttribute",
        "5.6.4",
        (204, *SHARED, *WRITE),
        ("type",),
        "Attribute",
    ),
    Operation(
        "/entities/{entityId}/attrs/{attrId}",
        "put",
        "replaceAttribute",
        "5.6.19",
        (204, *SHARED, *WRITE),
        ("type",),
        "Attribute",
    ),
    Operation(
        "/entities/{entityId}/attrs/{attrId}",
        "delete",
        "deleteAttribute",
        "5.6.5",
        (204, *SHARED, *ALWAYS),
        ("type", "datasetId", "deleteAll"),
    ),
    Operation(
        "/entityOperations/create", "post", "createBatch", "5.6.7", (201, 207, *WRITE), body="Entities", answer="Ids"
    ),
    Operation(
        "/entityOperations/upsert", "post", "upsertBatch", "5.6.8", (201, 204, 207, *WRITE), BATCH, "Entities", "Ids"
    ),
    Operation("/entityOperations/update", "post", "updateBatch", "5.6.9", (204, 207, *WRITE), BATCH, "Entities"),
    Operation("/entityOperations/merge", "post", "mergeBatch", "5.6.20", (204, 207, *WRITE), body="Entities"),
    Operation("/entityOperations/delete", "post", "deleteBatch", "5.6.10", (204, 207, *WRITE), body="Ids"),
    Operation(
        "/entityOperations/query",
        "post",
        "queryBatch",
        "5.7.2",
        (200, 203, *WRITE, 406),
        ("options", "format", *PAGE),
        "Query",
        "Entities",
    ),
    Operation("/types", "get", "retrieveTypes", "5.7.5", (200, *READ), ("details",), answer="Types"),
    Operation("/types/{type}", "get", "retrieveType", "5.7.7", (200, *READ), answer="TypeInfo"),
    Operation("/attributes", "get", "retrieveAttributes", "5.7.8", (200, *READ), ("details",), answer="Attributes"),
    Operation("/attributes/{attrId}", "get", "retrieveAttribute", "5.7.10", (200, *READ), answer="AttributeInfo"),
    Operation("/info/sourceIdentity", "get", "retrieveSourceIdentity", "5.15.1", (200, *READ), answer="SourceIdentity"),
    Operation("/vocabulary.jsonld", "get", "vocabulary", "4.4", (200, *READ), answer="Any"),
    Operation("/openapi.json", "get", "openapi", "6", (200, *READ), answer="Any"),
)
