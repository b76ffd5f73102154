"""Operations on histories (clauses 6.18 to 6.24)."""

from dothi.hub.api.openapi.operation import ALWAYS, READ, SHARED, WRITE, Operation
from dothi.hub.api.openapi.parameters import GEO, MAP, PAGE, SHOW, TIMES

_SELECT = ("id", "idPattern", "type", "q", *GEO, "scopeQ", "orderBy", "expandValues", "csf")
_PARTS = (200, 206)  # 206: a part of the time, told by Content-Range (clause 6.3.10).

HISTORY = (
    Operation(
        "/temporal/entities",
        "get",
        "queryTemporal",
        "5.7.4",
        (*_PARTS, *READ),
        (*_SELECT, *SHOW, *PAGE, *TIMES, *MAP, "splitEntities"),
        answer="Entities",
    ),
    Operation(
        "/temporal/entities/{entityId}",
        "get",
        "retrieveTemporal",
        "5.7.3",
        (*_PARTS, *READ),
        ("type", *SHOW, *TIMES, *MAP),
        answer="Entity",
    ),
    Operation("/temporal/entities", "post", "upsertTemporal", "5.6.11", (201, 204, *SHARED, *WRITE), body="Evolution"),
    Operation("/temporal/entities/{entityId}", "delete", "deleteTemporal", "5.6.16", (204, *SHARED, *ALWAYS)),
    Operation(
        "/temporal/entities/{entityId}/attrs",
        "post",
        "appendAttrsTemporal",
        "5.6.12",
        (204, *SHARED, *WRITE),
        body="EvolutionFragment",
    ),
    Operation(
        "/temporal/entities/{entityId}/attrs/{attrId}",
        "delete",
        "deleteAttrsTemporal",
        "5.6.13",
        (204, *SHARED, *ALWAYS),
        ("datasetId", "deleteAll"),
    ),
    Operation(
        "/temporal/entities/{entityId}/attrs/{attrId}/{instanceId}",
        "patch",
        "updateAttrInstanceTemporal",
        "5.6.14",
        (204, *SHARED, *WRITE),
        body="Attribute",
    ),
    Operation(
        "/temporal/entities/{entityId}/attrs/{attrId}/{instanceId}",
        "delete",
        "deleteAttrInstanceTemporal",
        "5.6.15",
        (204, *SHARED, *ALWAYS),
    ),
    Operation(
        "/temporal/entityOperations/query",
        "post",
        "queryTemporalBatch",
        "5.7.4",
        (*_PARTS, *WRITE, 406),
        ("options", "format", *PAGE),
        "Query",
        "Entities",
    ),
)
