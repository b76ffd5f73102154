"""A context source registration as a value: which part of which source serves which operations (clause 5.2.9).

Its document is kept as the standard shapes it, with the names of types and attributes as house names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from dothi.hub.language.time import instant
from dothi.hub.model import Actor
from dothi.hub.peers.federate.operations import AUXILIARY, DEFAULT, expanded
from dothi.hub.peers.records import Record

NAMES = ("propertyNames", "relationshipNames")
SPACES = ("location", "observationSpace", "operationSpace")
INTERVALS = ("observationInterval", "managementInterval")
_OPEN = 1 << 62


class Mode(StrEnum):
    """How a source stands beside what the hub holds itself (clauses 4.3.6.2 and 4.3.6.3)."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"
    REDIRECT = "redirect"
    AUXILIARY = "auxiliary"

    @property
    def proxied(self) -> bool:
        """Whether the hub holds nothing itself of what is registered."""
        return self in (Mode.EXCLUSIVE, Mode.REDIRECT)


class EntityInfo(NamedTuple):
    """Entities that a source may have (clause 5.2.8); nothing given is no limit, an id goes before a pattern."""

    types: tuple[str, ...] = ()
    id: str | None = None
    pattern: str | None = None


class Information(NamedTuple):
    """What a source may have (clause 5.2.10): attributes (none: all) of entities (none: all)."""

    entities: tuple[EntityInfo, ...] = ()
    attrs: frozenset[str] = frozenset()
    document: Mapping[str, Any] = {}


class Interval(NamedTuple):
    """From `start` to `end`, both in it (µs)."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Management:
    """How the maker wants calls to be made (clause 5.2.34); seconds."""

    timeout: float | None = None
    cooldown: float | None = None
    cache: str | None = None  # ISO 8601 duration.
    local_only: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """One registration; `tenant` is the hub's own, `source_tenant` the one to name at the source."""

    id: str
    tenant: str
    version: int
    mode: Mode
    endpoint: str  # Without a slash at its end; the API lies at endpoint + "/ngsi-ld/v1".
    information: tuple[Information, ...]
    operations: frozenset[str]
    source_tenant: str
    alias: str | None  # contextSourceAlias.
    info: tuple[tuple[str, str], ...]  # contextSourceInfo.
    management: Management
    datasets: frozenset[str]
    intervals: Mapping[str, Interval]  # By INTERVALS; none: the source has the latest information.
    expires: int | None  # µs
    maker: Actor
    document: Mapping[str, Any]
    made: int  # µs
    changed: int  # µs

    def offers(self, operation: str) -> bool:
        """Whether the source takes an operation (clause 4.20)."""
        return operation in self.operations

    def ended(self, now: int) -> bool:
        """Whether it has expired (µs)."""
        return self.expires is not None and self.expires <= now


def registration_of(record: Record) -> Registration:
    """The registration that a record keeps."""
    document = record.document
    expires = document.get("expiresAt")
    mode = Mode(document.get("mode", "inclusive"))
    # An auxiliary source that says nothing of operations serves those that it may (clause 5.9.2.4).
    default = AUXILIARY if mode is Mode.AUXILIARY else DEFAULT
    return Registration(
        id=record.id,
        tenant=record.tenant,
        version=record.version,
        mode=mode,
        endpoint=document["endpoint"].rstrip("/"),
        information=tuple(information_of(one) for one in document["information"]),
        operations=expanded(document.get("operations", default)),
        source_tenant=document.get("tenant", ""),
        alias=document.get("contextSourceAlias"),
        info=tuple((one["key"], one["value"]) for one in document.get("contextSourceInfo", ())),
        management=management_of(document.get("management", {}), _said(document.get("localOnly", False))),
        datasets=frozenset(document.get("datasetId", ())),
        intervals={name: interval_of(document[name]) for name in INTERVALS if name in document},
        expires=None if expires is None else instant(expires),
        maker=record.maker,
        document=document,
        made=record.created_at,
        changed=record.modified_at,
    )


def information_of(document: Mapping[str, Any]) -> Information:
    """One RegistrationInfo."""
    entities = tuple(
        EntityInfo(listed(one.get("type", ())), one.get("id"), one.get("idPattern"))
        for one in document.get("entities", ())
    )
    return Information(entities, frozenset(name for key in NAMES for name in document.get(key, ())), document)


def _said(value: Any) -> bool:
    """A localOnly beside the management, as version 1.6 placed it, bare or as a Property."""
    return (value.get("value") if isinstance(value, Mapping) else value) is True


def management_of(document: Mapping[str, Any], local_only: bool = False) -> Management:
    """The RegistrationManagementInfo; its milliseconds as seconds."""
    timeout, cooldown = document.get("timeout"), document.get("cooldown")
    return Management(
        None if timeout is None else timeout / 1000,
        None if cooldown is None else cooldown / 1000,
        document.get("cacheDuration"),
        bool(document.get("localOnly", local_only)),
    )


def interval_of(document: Mapping[str, Any]) -> Interval:
    """A TimeInterval (clause 5.2.11); without an end it is open."""
    end = document.get("endAt")
    return Interval(instant(document["startAt"]), _OPEN if end is None else instant(end))


def listed(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """One or several names as several."""
    return (value,) if isinstance(value, str) else tuple(value)
