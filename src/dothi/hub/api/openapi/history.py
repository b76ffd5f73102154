"""Operations on histories (clauses 6.18 to 6.24)."""

from dothi.hub.api.openapi.operation import READ, WRITE, Operation
from dothi.hub.api.openapi.parameters import PAGE, QUERY, SHOW, TIMES

HISTORY = (
    Operation("/temporal/entities", "get", "queryTemporal", "5.7.4", (200, *READ), (*QUERY, *TIMES), answer="Entities"),
    Operation(
        "/temporal/entities/{entityId}",
        "get",
        "retrieveTemporal",
        "5.7.3",
        (200, *READ),
        ("type", *SHOW, *TIMES),
        answer="Entity",
    ),
    Operation(
        "/temporal/entityOperations/query",
        "post",
        "queryTemporalBatch",
        "5.7.4",
        (200, *WRITE, 406),
        ("options", "format", *PAGE),
        "Query",
        "Entities",
    ),
)
