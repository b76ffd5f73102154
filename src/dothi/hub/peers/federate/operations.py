"""The names of operations that a registration may offer, and of their groups (GS CIM 009 clause 4.20)."""

from collections.abc import Iterable

from dothi.ground.errors import Invalid

_ENTITY_MAPS = ("retrieveEntityMap", "updateEntityMap", "deleteEntityMap", "createEntityMapQueryEntity")
_SUBSCRIBE = (
    "createSubscription",
    "updateSubscription",
    "retrieveSubscription",
    "querySubscription",
    "deleteSubscription",
)
_DISCOVER = (
    "retrieveEntityTypes",
    "retrieveEntityTypeDetails",
    "retrieveEntityTypeInfo",
    "retrieveAttrTypes",
    "retrieveAttrTypeDetails",
    "retrieveAttrTypeInfo",
)
_RETRIEVE = ("retrieveEntity", "queryEntity")
_IDENTITY = "retrieveContextSourceIdentity"
_PROVIDE = (
    "createEntity",
    "updateEntity",
    "appendAttrs",
    "updateAttrs",
    "deleteAttrs",
    "deleteEntity",
    "mergeEntity",
    "replaceEntity",
    "replaceAttrs",
    "purgeEntity",
)
OPERATIONS = frozenset(  # Table 4.20-1.
    (
        *_PROVIDE,
        "createBatch",
        "upsertBatch",
        "updateBatch",
        "deleteBatch",
        "mergeBatch",
        "upsertTemporal",
        "appendAttrsTemporal",
        "deleteAttrsTemporal",
        "updateAttrInstanceTemporal",
        "deleteAttrInstanceTemporal",
        "deleteTemporal",
        *_RETRIEVE,
        "queryBatch",
        "retrieveTemporal",
        "queryTemporal",
        *_DISCOVER,
        *_SUBSCRIBE,
        *_ENTITY_MAPS,
        "createEntityMapQueryTemporal",
        _IDENTITY,
    )
)
_ASSOCIATION = frozenset((*_RETRIEVE, "queryBatch", *_DISCOVER, *_SUBSCRIBE, _IDENTITY))
GROUPS: dict[str, frozenset[str]] = {  # Table 4.20-2.
    "federationOps": _ASSOCIATION | frozenset(_ENTITY_MAPS),
    "associationOps": _ASSOCIATION,
    "updateOps": frozenset(("updateEntity", "updateAttrs", "replaceEntity", "replaceAttrs")),
    "retrieveOps": frozenset(_RETRIEVE),
    "redirectionOps": frozenset((*_PROVIDE, *_RETRIEVE, *_DISCOVER, *_ENTITY_MAPS, _IDENTITY)),
}
DEFAULT = ("federationOps",)
AUXILIARY = frozenset(("retrieveOps", *_RETRIEVE))  # Clause 5.9.2.4.


def expanded(names: Iterable[str]) -> frozenset[str]:
    """The operations that names of operations and groups stand for. Invalid names the one that is neither."""
    found: frozenset[str] = frozenset()
    for name in names:
        if name not in OPERATIONS and name not in GROUPS:
            raise Invalid(f"operations holds {name[:60]!r}; clause 4.20 lists the names that there are.")
        found |= GROUPS.get(name, frozenset((name,)))
    return found
