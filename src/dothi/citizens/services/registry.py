"""The registry of public services: who offers each, where, on which legal basis, and whether it works now."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any

from dothi.citizens.handling.service import covers
from dothi.citizens.model import OWNER, SERVICE_TYPE, NotYours
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.ground.calendar import add_working_hours
from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import urn
from dothi.ground.text import slug, sort_key
from dothi.hub.model import (
    ABSENT,
    Actor,
    Attribute,
    Commit,
    Entity,
    amend,
    create,
    json_prop,
    prop,
    read_one,
    rel,
    words,
)

MOST = 5000
KEEPERS = frozenset({"official", "programme_officer"})
NAME_LETTERS, REASON_LETTERS = 200, 10


class Standing(StrEnum):
    """Whether a service can be had."""

    WORKING = "working"
    LIMITED = "limited"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Entry:
    """One way in: a counter with address and hours, a phone, a page."""

    kind: str  # counter, phone or web.
    words: str  # Address, number or address of the page.
    hours: str = ""


@dataclass(frozen=True, slots=True)
class NewService:
    """What the registry asks of a service. `unit` owes it; `agency` is what people call who offers it."""

    id: str  # Small letters, digits and hyphens; stands in addresses.
    names: Mapping[str, str]
    agency: str
    unit: str
    kind: str
    entries: tuple[Entry, ...] = ()
    legal_basis: str = ""  # Id of a LegalBasis.
    sample: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A public service as it stands in the hub. Instants are ISO 8601 strings."""

    id: str
    version: int
    names: Mapping[str, str]
    agency: str
    unit: str | None
    kind: str
    standing: Standing
    since: str | None  # When it came to stand so.
    reason: str
    source: str  # Who said so.
    entries: tuple[Entry, ...]
    legal_basis: str | None
    sample: bool

    @property
    def name(self) -> str:
        """What addresses call it."""
        return self.id.split(":", 3)[3]


class NoSuchService(Missing):
    """There is no such service in the registry."""


def service_of(entity: Entity) -> Service:
    """The service that an entity holds. NoSuchService when it is none."""
    if SERVICE_TYPE not in entity.types:
        raise NoSuchService
    value = entity.value
    return Service(
        id=entity.id,
        version=entity.version,
        names=value("name", {}),
        agency=value("agency", ""),
        unit=value("unit"),
        kind=value("kind", ""),
        standing=Standing(value("status", Standing.WORKING)),
        since=value("statusSince"),
        reason=value("statusReason", ""),
        source=value("statusSource", ""),
        entries=tuple(Entry(**row) for row in value("entryPoints", [])),
        legal_basis=value("legalBasis"),
        sample=bool(value("sample", False)),
    )


def service(citizens: Citizens, name: str) -> Service:
    """One service by short name or id; everybody may read it. NoSuchService when there is none."""
    try:
        return read_one(citizens.hub.get(SYSTEM, service_id(name)), service_of)
    except Missing as cause:
        raise NoSuchService from cause


def service_id(name: str) -> str:
    """The id of a service by its short name."""
    return name if name.startswith("urn:") else urn(SERVICE_TYPE, name)


def services(citizens: Citizens) -> list[Service]:
    """All services: those that do not work first, then in Vietnamese order."""
    found = [service_of(one) for one in citizens.hub.find(SYSTEM, SERVICE_TYPE, limit=MOST)]
    order = (Standing.DOWN, Standing.LIMITED, Standing.WORKING)
    return sorted(found, key=lambda one: (order.index(one.standing), sort_key(one.names.get("vi", one.id))))


async def register(citizens: Citizens, actor: Actor, new: NewService) -> Service:
    """Enter a service, or what is new of one; its standing and its measures stay."""
    _check(citizens, new)
    name = urn(SERVICE_TYPE, new.id)
    attrs: dict[str, Attribute] = {
        "name": words(**new.names),
        "agency": prop(new.agency.strip()),
        "unit": prop(new.unit),
        "kind": prop(new.kind.strip()),
        "entryPoints": json_prop([{"kind": one.kind, "words": one.words, "hours": one.hours} for one in new.entries]),
    }
    if new.legal_basis:
        attrs["legalBasis"] = rel(new.legal_basis)
    if new.sample:
        attrs["sample"] = prop(True)
    version = _version(citizens, name)
    if version == ABSENT:
        attrs |= {"status": prop(Standing.WORKING.value), "open": prop(False)}
    change = amend(name, **attrs) if version else create(name, SERVICE_TYPE, **attrs)
    await citizens.hub.commit(Commit(actor, (change,), "service registered", {name: version}, owner=OWNER))
    return service(citizens, new.id)


def _version(citizens: Citizens, name: str) -> int:
    try:
        return citizens.hub.get(SYSTEM, name).version
    except Missing:
        return ABSENT


def _check(citizens: Citizens, new: NewService) -> None:
    if not new.id or slug(new.id) != new.id or len(new.id) > 80:
        raise Invalid("A service's short name has small letters, digits and hyphens.", field="id")
    vietnamese = new.names.get("vi", "").strip()
    if not vietnamese or any(len(one) > NAME_LETTERS for one in new.names.values()):
        raise Invalid(f"Give the Vietnamese name, up to {NAME_LETTERS} letters.", field="name")
    if not new.agency.strip():
        raise Invalid("Say which agency offers it.", field="agency")
    if not citizens.territory.knows(new.unit):
        raise Invalid(f"No unit with code {new.unit[:10]} is in force.", field="unit")


async def set_standing(
    citizens: Citizens,
    actor: Actor,
    name: str,
    standing: Standing,
    reason: str,
    version: int | None = None,
    now: int | None = None,
) -> Service:
    """Say that a service works, is limited or is down, since now and why; until it works its unit owes the repair."""
    at = now_us() if now is None else now
    found = service(citizens, name)
    if not actor.roles & KEEPERS or not covers(citizens, actor, found.unit):
        raise NotYours("This service belongs to another unit.")
    if standing is found.standing:
        raise Conflict("The service stands so already.")
    if standing is not Standing.WORKING and len(reason.strip()) < REASON_LETTERS:
        raise Invalid(f"Say why, and until when if that is known, in {REASON_LETTERS} letters.", field="reason")
    works = standing is Standing.WORKING
    attrs: dict[str, Attribute] = {
        "status": prop(standing.value, iso(at)),
        "statusSince": prop(iso(at)),
        "statusReason": prop(reason.strip()[:1000]),
        "statusSource": prop(actor.id),
        "open": prop(not works),
    }
    changes = [amend(found.id, **attrs)]
    if not works and found.unit:
        hours = rules_at(citizens, found.unit, at).services.repair_hours
        due = prop(iso(add_working_hours(at, hours, citizens.calendar)))
        changes = [amend(found.id, **attrs, assignee=prop(found.unit), due=due, urgent=prop(standing is Standing.DOWN))]
    expect = {found.id: found.version if version is None else version}
    await citizens.hub.commit(Commit(actor, tuple(changes), f"service {standing}", expect, owner=OWNER))
    return service(citizens, name)


def down_for(found: Service, now: int) -> int | None:
    """How long (µs) a service has not worked as it should; None when it does."""
    return now - from_iso(found.since) if found.since and found.standing is not Standing.WORKING else None


def sample_services() -> tuple[NewService, ...]:
    """The services shipped, each labelled a sample; `unit` is filled in by the city that takes them."""
    table = tomllib.loads((files("dothi.citizens.services") / "samples.toml").read_text("utf-8"))
    return tuple(_sample(row) for row in table["service"])


def _sample(row: Mapping[str, Any]) -> NewService:
    entries = tuple(Entry(**one) for one in row.get("entry", ()))
    return NewService(
        row["id"], {"vi": row["vi"], "en": row["en"]}, row["agency"], "", row["kind"], entries, sample=True
    )


async def keep_sample_services(citizens: Citizens, unit: str) -> None:
    """Enter the shipped services that are not there yet, as those of `unit`; what a city made of them stays."""
    known = {one.name for one in services(citizens) if one.agency}
    for one in sample_services():
        if one.id not in known:
            new = NewService(one.id, one.names, one.agency, unit, one.kind, one.entries, sample=True)
            await register(citizens, SYSTEM, new)
