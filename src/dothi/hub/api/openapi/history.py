"""Operations on histories (clauses 6.18 to 6.24)."""

from dothi.hub.api.openapi.operation import READ, WRITE, Operation
from dothi.hub.api.openapi.parameters import GEO, PAGE, SHOW, TIMES

_SELECT = ("id", "idPattern", "type", "q", *GEO, "scopeQ", "orderBy", "expandValues", "csf")
_PARTS = (200, 206)  # 206: a part of the time, told by Content-Range (clause 6.3.10).

HISTORY = (
    Operation(
        "/temporal/entities",
        "get",
        "queryTemporal",
        "5.7.4",
        (*_PARTS, *READ),
        (*_SELECT, *SHOW, *PAGE, *TIMES),
        answer="Entities",
    ),
    Operation(
        "/temporal/entities/{entityId}",
        "get",
        "retrieveTemporal",
        "5.7.3",
        (*_PARTS, *READ),
        ("type", *SHOW, *TIMES),
        answer="Entity",
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
