"""Operations on entity maps and snapshots (clauses 6.32 and 6.34 to 6.38)."""

from dothi.hub.api.openapi.operation import ALWAYS, READ, WRITE, Operation
from dothi.hub.api.openapi.parameters import QUERY, TIMES

_ONE = "/entityMaps/{entityMapId}"
_MADE = (201, *READ)
MAPS = (
    Operation("/entityMaps", "get", "createEntityMap", "5.14.4", _MADE, QUERY, answer="EntityMap"),
    Operation("/entityMaps", "post", "createEntityMapBatch", "5.14.4", (201, *WRITE, 406), (), "Query", "EntityMap"),
    Operation(_ONE, "get", "retrieveEntityMap", "5.14.1", (200, *READ), answer="EntityMap"),
    Operation(_ONE, "patch", "updateEntityMap", "5.14.2", (204, *WRITE), body="EntityMapFragment"),
    Operation(_ONE, "delete", "deleteEntityMap", "5.14.3", (204, *ALWAYS)),
    Operation(
        "/temporal/entityMaps", "get", "createTemporalEntityMap", "5.14.5", _MADE, (*QUERY, *TIMES), answer="EntityMap"
    ),
    Operation(
        "/temporal/entityMaps",
        "post",
        "createTemporalEntityMapBatch",
        "5.14.5",
        (201, *WRITE, 406),
        (),
        "Query",
        "EntityMap",
    ),
)
_SNAPSHOT = "/snapshots/{snapshotId}"
SNAPSHOTS = (
    Operation("/snapshots", "post", "createSnapshot", "5.16.1", (201, *WRITE), body="SnapshotRequest"),
    Operation("/snapshots", "delete", "purgeSnapshots", "5.16.7", (204, 207, *ALWAYS), ("q",)),
    Operation(_SNAPSHOT, "get", "retrieveSnapshot", "5.16.3", (200, *READ), answer="Snapshot"),
    Operation(
        _SNAPSHOT, "patch", "updateSnapshot", "5.16.4", (200, *WRITE, 406), body="SnapshotFragment", answer="Snapshot"
    ),
    Operation(_SNAPSHOT, "delete", "deleteSnapshot", "5.16.5", (204, *ALWAYS)),
    Operation(_SNAPSHOT + "/clone", "post", "cloneSnapshot", "5.16.2", (201, *WRITE), body="SnapshotFragment"),
)
