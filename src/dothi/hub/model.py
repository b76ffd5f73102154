"""The nouns of the hub: entities, changes, commits and receipts, all frozen values.

House names. Inside dothi an attribute or type is named as the NGSI-LD core context alone would compact it: a
core term (`location`), a plain word for a name in the default vocabulary (`pm25`), else the full IRI. The API
translates at its door (hub/context); modules write plain words.

Attribute instances are dicts in NGSI-LD normalized form (ETSI GS CIM 009 clause 4.5) under house names. An
attribute is one instance, or a list of instances that differ in `datasetId`. Instants are µs since 1970 UTC;
`observedAt` inside an instance stays the ISO string that came in.
"""

import logging
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeVar

import msgspec

from dothi.ground.errors import Conflict, Invalid

log = logging.getLogger("dothi.hub")
Noun = TypeVar("Noun")
UNREADABLE = (Invalid, KeyError, TypeError, ValueError, AttributeError)  # What reading a poor entity raises.
Instance = dict[str, Any]
Attribute = Instance | list[Instance]
RECORDS = "/records"  # What no header can name: see records_of.
ABSENT = 0  # The version of an entity that does not exist.
VALUE_KEY = {  # Which member of an instance holds its value, by attribute type (clause 4.5).
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "LanguageProperty": "languageMap",
    "VocabProperty": "vocab",
    "JsonProperty": "json",
    "ListProperty": "valueList",
    "ListRelationship": "objectList",
}


class Entity(msgspec.Struct, frozen=True):
    """One thing of the city, as it stands: `attrs` by house name, times in µs, `version` grows with each change."""

    id: str
    types: tuple[str, ...]
    attrs: dict[str, Attribute]
    scope: tuple[str, ...] = ()
    created_at: int = 0
    modified_at: int = 0
    version: int = ABSENT
    expires_at: int = 0  # Its own expiresAt (clause 4.22); 0 = never.
    fades_at: int = 0  # The first moment when anything of it expires, itself or an instance; 0 = nothing does.

    def instance(self, name: str) -> Instance | None:
        """The default instance (no datasetId) of an attribute, else its first, else None."""
        return default_instance(self.attrs.get(name))

    def value(self, name: str, default: Any = None) -> Any:
        """The value (or object, vocab, json, languageMap) of an attribute's default instance, else `default`."""
        return instance_value(self.instance(name), default)

    def observed_at(self, name: str) -> str | None:
        """The `observedAt` (ISO 8601) of an attribute's default instance."""
        return (self.instance(name) or {}).get("observedAt")


def instances(attribute: Attribute | None) -> list[Instance]:
    """All instances of an attribute."""
    if attribute is None:
        return []
    return attribute if isinstance(attribute, list) else [attribute]


def default_instance(attribute: Attribute | None) -> Instance | None:
    """The instance without datasetId, else the first."""
    found = instances(attribute)
    return next((one for one in found if "datasetId" not in one), found[0] if found else None)


def is_told(instance: Instance) -> bool:
    """Whether an instance still says something: where content was erased, that there was one is all that is left."""
    return VALUE_KEY.get(instance.get("type", "Property"), "value") in instance


def instance_value(instance: Instance | None, default: Any = None) -> Any:
    """The value that an instance carries, whatever its attribute type."""
    if instance is None:
        return default
    return instance.get(VALUE_KEY.get(instance.get("type", "Property"), "value"), default)


def prop(value: Any, observed_at: str | None = None, unit: str | None = None, **sub: Instance) -> Instance:
    """A Property; `unit` is a UN/CEFACT code (GQ = µg/m³, P1 = %), `sub` are attributes of the attribute."""
    return _instance("Property", "value", value, observed_at, unit, sub)


def geo(geometry: Mapping[str, Any], observed_at: str | None = None, **sub: Instance) -> Instance:
    """A GeoProperty with a GeoJSON geometry, longitude first, WGS 84."""
    return _instance("GeoProperty", "value", dict(geometry), observed_at, None, sub)


def rel(target: str | list[str], observed_at: str | None = None, **sub: Instance) -> Instance:
    """A Relationship to the entity with URI `target` (or to several)."""
    return _instance("Relationship", "object", target, observed_at, None, sub)


def words(observed_at: str | None = None, **by_language: str) -> Instance:
    """A LanguageProperty, e.g. words(vi="Đèn hỏng", en="Broken lamp")."""
    return _instance("LanguageProperty", "languageMap", by_language, observed_at, None, {})


def json_prop(value: Any, observed_at: str | None = None, **sub: Instance) -> Instance:
    """A JsonProperty: JSON that stays as it is."""
    return _instance("JsonProperty", "json", value, observed_at, None, sub)


def _instance(
    kind: str, key: str, value: Any, observed_at: str | None, unit: str | None, sub: dict[str, Instance]
) -> Instance:
    instance: Instance = {"type": kind, key: value}
    if observed_at is not None:
        instance["observedAt"] = observed_at
    if unit is not None:
        instance["unitCode"] = unit
    instance.update(sub)
    return instance


class Op(StrEnum):
    """What a change does to one entity; the clause of GS CIM 009 that it serves stands beside it."""

    CREATE = "create"  # 5.6.1: must not exist.
    REPLACE = "replace"  # 5.6.18: must exist; all attributes are replaced.
    PUT = "put"  # 5.6.8: create, or replace what is there.
    UPSERT = "upsert"  # 5.6.8 with options=update: create, or append with overwrite.
    APPEND = "append"  # 5.6.3 and 5.6.9: must exist; `overwrite` says what happens to attributes already there.
    UPDATE = "update"  # 5.6.2: must exist; only attributes already there are replaced, others are reported.
    PARTIAL = "partial"  # 5.6.4: the one attribute in `attrs` must exist; given members replace its own.
    REPLACE_ATTR = "replace_attr"  # 5.6.19: the one attribute in `attrs` must exist and is replaced.
    MERGE = "merge"  # 5.6.17: must exist; recursive merge, "urn:ngsi-ld:null" deletes.
    DROP = "drop"  # 5.6.5: delete attribute `name` (instance `dataset`, or all with `every`).
    DELETE = "delete"  # 5.6.6: must exist.
    EXPIRE = "expire"  # 4.22: deletes what has expired of it, if anything.
    RECORD = "record"  # 5.6.11 and 5.6.12: instances for its history; what stands now is untouched.
    CORRECT = "correct"  # 5.6.14: another instance takes the place of `instance` in its history.
    ERASE = "erase"  # 5.6.13, 5.6.15, 5.6.16: its history no longer tells `instance`, or attribute `name`, or anything.


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of one entity; attributes are in house names, normalized form."""

    op: Op
    id: str
    types: tuple[str, ...] = ()
    attrs: dict[str, Attribute] = {}
    scope: tuple[str, ...] | None = None  # None leaves it as it is.
    overwrite: bool = True  # APPEND: replace attributes that exist already.
    name: str = ""  # DROP: the attribute.
    dataset: str | None = None  # DROP, PARTIAL: the instance; None is the default instance.
    every: bool = False  # DROP: all instances.
    expires: int | None = None  # The entity's own expiresAt (µs); 0 removes it, None leaves it as it is.
    instance: str = ""  # CORRECT, ERASE: the instanceId.
    newer_only: bool = False  # Sources: an attribute older by observedAt goes to history, not to current state.


def put(entity_id: str, kind: str, /, **attrs: Attribute) -> Change:
    """Create or replace an entity of one type."""
    return Change(Op.PUT, entity_id, (kind,), attrs)


def create(entity_id: str, kind: str, /, **attrs: Attribute) -> Change:
    """Create an entity; Conflict when it exists."""
    return Change(Op.CREATE, entity_id, (kind,), attrs)


def amend(entity_id: str, /, **attrs: Attribute) -> Change:
    """Set attributes of an existing entity, leaving the others."""
    return Change(Op.APPEND, entity_id, attrs=attrs)


class Actor(msgspec.Struct, frozen=True):
    """Who acts: a person, a system with a key, a module or nobody in particular."""

    id: str  # "user:<id>", "key:<id>", "system:<module>" or "anonymous".
    roles: frozenset[str] = frozenset()
    areas: frozenset[str] = frozenset()  # Codes of the units (province or commune) where the roles hold; empty = all.
    scopes: frozenset[str] = frozenset()  # What an API key may do.


ANONYMOUS = Actor("anonymous")


def system(module: str) -> Actor:
    """The actor under whose name a module's own reactions are written."""
    return Actor(f"system:{module}", frozenset({"system"}))


class Timer(msgspec.Struct, frozen=True):
    """A durable alarm clock: handed to `consumer` once `due` (µs) is past; the same name again moves it."""

    consumer: str
    name: str
    due: int | None  # None removes it.
    payload: str = ""


class Event(msgspec.Struct, frozen=True):
    """Something detected at an instant: a line of a lane, appended and never changed, no entity of its own.

    A lane belongs to an entity (the camera, the gate). What is personal stands sealed, and what finds it again is a
    keyed hash; the reference to a recording is dropped before the line is (design section 3).
    """

    lane: str  # Id of the entity whose lane it is.
    key: str  # Its own name in the lane: the same again is the same event.
    at: int  # When it happened (µs).
    kind: str
    facts: dict[str, Any] = {}  # Nothing personal: confidence, count, place.
    clip: str = ""  # Where the recording lies, as long as it may be looked at.
    tag: bytes = b""  # Finds what is sealed again: a keyed hash.
    sealed: bytes = b""
    known: int = 0  # When it came (µs).
    number: int = 0  # Its place in the order of coming; given by the store.


class Disposal(msgspec.Struct, frozen=True):
    """The end of a lane's old events: those before `events` (µs) go, recordings before `clips` are not referred to."""

    lane: str
    events: int
    clips: int


class Parcel(msgspec.Struct, frozen=True):
    """Something to be handed to somebody outside, in the order of numbers within its queue."""

    number: int
    queue: str
    made: int  # µs
    tries: int = 0
    dead: int = 0  # When it was given up (µs); 0: it waits.
    reason: str = ""  # What the last try said.
    body: bytes = b""


class Post(msgspec.Struct, frozen=True):
    """What happened in an outbox: parcels to keep or to forget, queues that end, and how each queue is doing."""

    kept: tuple[Parcel, ...] = ()
    gone: tuple[int, ...] = ()
    closed: tuple[str, ...] = ()
    tallies: dict[str, bytes] = {}


class Outbox(msgspec.Struct, frozen=True):
    """How the outbox stands: by queue what waits and what was given up, and what each owner noted of its queue."""

    counts: dict[str, tuple[int, int]]
    tallies: dict[str, bytes]
    last: int  # The highest number of a parcel that is kept.


class Commit(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is to become true together, or (with `partial`) each change for itself."""

    actor: Actor
    changes: tuple[Change, ...]
    reason: str = ""
    expect: dict[str, int] = {}  # Entity id → version it must have; ABSENT for "must not exist".
    key: str | None = None  # Idempotency: a second commit with the same key returns the first receipt.
    cursor: tuple[str, int] | None = None  # (consumer, sequence) stored together with the effects.
    timers: tuple[Timer, ...] = ()
    partial: bool = False  # Batch operations of NGSI-LD: one bad entity does not stop the others.
    owner: str | None = None  # The capability got from Hub.own(); needed to write guarded types.
    tenant: str = ""
    events: tuple[Event, ...] = ()  # Appended to the lanes of existing entities; one that is there already stays.
    disposals: tuple[Disposal, ...] = ()
    post: Post | None = None  # Kept with the cursor: what a consumer still owes others.


# "recorded": history was written, what stands now is untouched.
Status = Literal["created", "updated", "unchanged", "deleted", "recorded", "failed"]


class Result(msgspec.Struct, frozen=True):
    """What became of one change."""

    id: str
    status: Status
    version: int = ABSENT
    updated: tuple[str, ...] = ()  # Attribute names changed.
    not_updated: tuple[tuple[str, str], ...] = ()  # (attribute name, reason).
    error: Exception | None = None  # With status "failed": a ground error.


class Receipt(msgspec.Struct, frozen=True):
    """The proof of a commit: durable at position `seq` of the log, at instant `at` (µs)."""

    seq: int
    at: int
    results: tuple[Result, ...]
    replayed: bool = False


class Logged(msgspec.Struct, frozen=True):
    """One entity's part in one commit, as the log keeps it."""

    id: str
    status: Status
    types: tuple[str, ...]
    version: int
    attrs: dict[str, Attribute]  # The instances that were written (all of them when `whole`).
    dropped: tuple[str, ...] = ()  # Attributes deleted; "name dataset" for one instance.
    late: dict[str, Attribute] = {}  # Older than what stands: kept in history only.
    whole: bool = False  # The change replaced everything that stood before.
    scope: tuple[str, ...] | None = None  # None: left as it was.
    previous: int = 0  # Sequence of the commit that changed this entity before; 0 = none.
    # What history leaves out of what came before (clauses 5.6.13, 5.6.15 and 5.6.16): "i <instanceId>",
    # "a <attribute> <datasetId or @none>", "a <attribute>" for all of its instances, "e" for the whole evolution.
    erased: tuple[str, ...] = ()
    amended: dict[str, Instance] = {}  # instanceId → the instance that takes its place (clause 5.6.14).
    expires: int | None = None  # The entity's own expiresAt (µs); 0: removed, None: left as it was, of a whole: none.
    gone: str = ""  # Content was erased: the salted hash of what stood here; nothing else is left of it.


class LoggedCommit(msgspec.Struct, frozen=True):
    """One line of the change log."""

    seq: int
    at: int
    tenant: str
    actor: str
    reason: str
    entries: tuple[Logged, ...]


class Page(msgspec.Struct, frozen=True):
    """Entities found, with the total when it was asked for."""

    entities: tuple[Entity, ...]
    count: int | None = None

    def __iter__(self) -> Iterator[Entity]:
        """The entities in order."""
        return iter(self.entities)


@dataclass(frozen=True)
class Readings:
    """What one attribute of one entity measured: instants (µs) in order, and the value at each."""

    observed: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))


def records_of(tenant: str) -> str:
    """The tenant beside a tenant where the hub keeps what is no noun of the city: subscriptions, registrations."""
    return tenant + RECORDS


def readable(entities: Iterable[Entity], read: Callable[[Entity], Noun]) -> Iterator[Noun]:
    """What `read` makes of each entity; one that cannot be read (of a newer dothi, say) is told of and left out."""
    for entity in entities:
        try:
            yield read(entity)
        except UNREADABLE as unreadable:
            log.warning("%s cannot be read and is left out: %r", entity.id, unreadable)


def read_one(entity: Entity, read: Callable[[Entity], Noun]) -> Noun:
    """What `read` makes of one entity. Conflict when it says too little, or what this version cannot read."""
    try:
        return read(entity)
    except UNREADABLE as unreadable:
        log.warning("%s cannot be read: %r", entity.id, unreadable)
        raise Conflict(
            f"{entity.id} cannot be read: it lacks what its type must say.", entity=entity.id
        ) from unreadable
