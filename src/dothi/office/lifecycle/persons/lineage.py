"""Where one person stands in the hub: what names their pseudonym, what they handed in, and the traces of all of it.

A strong trace (pseudonym, phone, mail, a long text of their own, the hash of their photo) belongs to nobody else. A
weak one (a name, a short sentence) may: it counts only where what holds it also names what the person handed in.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from dothi.accounts.model import Identity
from dothi.hub.language.nodes import Compare, Query, TypeIs
from dothi.hub.model import Entity, Logged
from dothi.hub.peers.ending import told_of
from dothi.office.lifecycle.model import SYSTEM, LifeCycle
from dothi.office.lifecycle.rules import Carrier, policy_at

_MOST = 10_000
_WORDS = 8  # Shorter texts say nothing about anybody.
_LONG = 40  # A text of so many letters is nobody else's by chance.
_PHOTO = re.compile(r"[0-9a-f]{64}")
_NAMES = ("urn:", "http://", "https://")


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that carries a person: as it stands, in which tenant, and what may stay of it."""

    entity: Entity
    tenant: str
    carrier: Carrier


class Traces(msgspec.Struct, frozen=True):
    """What would give a person away, as bytes; `photos` are hashes of kept files."""

    strong: frozenset[bytes]
    weak: frozenset[bytes]
    photos: frozenset[str]
    names: frozenset[bytes]  # Ids of what they handed in: who names one of these speaks of them.

    def __or__(self, other: "Traces") -> "Traces":
        """Those of both."""
        strong, weak, names = self.strong | other.strong, self.weak | other.weak, self.names | other.names
        return Traces(strong, weak, self.photos | other.photos, names)

    def all(self) -> frozenset[bytes]:
        """Every one of them."""
        return self.strong | self.weak | frozenset(photo.encode() for photo in self.photos)

    def meets(self, content: bytes) -> bool:
        """Whether a document speaks of the person."""
        if any(one in content for one in self.strong):
            return True
        return any(one in content for one in self.weak) and any(one in content for one in self.names)


def carriers_of(life: LifeCycle, pseudonym: str) -> list[Found]:
    """Everything living that carries a person, in every tenant."""
    known = policy_at(life.rules).carriers
    found: dict[tuple[str, str], Found] = {}
    for tenant in sorted(life.hub.tenants()):  # The city itself, whose name is "", comes first.
        for one in known.values():
            for entity in _holding(life, tenant, one, one.person, (pseudonym,)):
                found[tenant, entity.id] = Found(entity, tenant, one)
        subjects = _subjects(found.values())
        for entity in life.hub.some(SYSTEM, subjects, tenant).values():
            found.setdefault((tenant, entity.id), Found(entity, tenant, _carrier(known.values(), entity)))
        for one in known.values():
            for name in one.follows:
                for subject in subjects:
                    for entity in _holding(life, tenant, one, name, (subject, subject.rpartition(":")[2])):
                        found.setdefault((tenant, entity.id), Found(entity, tenant, one))
    return list(found.values())


def _holding(life: LifeCycle, tenant: str, one: Carrier, name: str, values: tuple[str, ...]) -> Iterator[Entity]:
    """The things of a type whose attribute says one of these."""
    if name and life.hub.has_tenant(tenant):
        asked = Query(TypeIs(one.id), q=Compare((name,), "==", values), limit=_MOST, tenant=tenant)
        yield from life.hub.query(SYSTEM, asked)


def _subjects(found: Iterable[Found]) -> list[str]:
    """What the person handed in; a copy of it in another tenant has the same id."""
    named = (one.entity.value(one.carrier.subject) for one in found if one.carrier.subject)
    return sorted({name for name in named if isinstance(name, str)})


def _carrier(known: Iterable[Carrier], entity: Entity) -> Carrier:
    """What may stay of a thing that somebody handed in; of a type that nobody declared nothing may."""
    plain = Carrier(entity.types[0], "", "", frozenset(), {}, {}, frozenset())
    return next((one for one in known if one.id in entity.types), plain)


async def traces_of(life: LifeCycle, pseudonym: str, identity: Identity | None, found: Iterable[Found]) -> Traces:
    """What gives the person away: of the vault, and of all that they ever handed in."""
    listed = list(found)
    strong, weak = {pseudonym}, set[str]()
    if identity is not None:
        strong |= {one for one in (*_phones(identity.phone), identity.email, identity.account) if len(one) >= _WORDS}
        weak |= {identity.name} if " " in identity.name else set()
    photos: set[str] = set()
    for text in await _own_texts(life, listed):
        if _PHOTO.fullmatch(text):
            photos.add(text)
        elif " " in text and len(text) >= _WORDS:
            (strong if len(text) >= _LONG else weak).add(text)
    names = {one.entity.id for one in listed if one.carrier.keeps}
    names |= {f'"{name.rpartition(":")[2]}"' for name in names}  # A number of a report, as a value of its own.
    return Traces(_written(strong), _written(weak), frozenset(photos), frozenset(name.encode() for name in names))


async def _own_texts(life: LifeCycle, found: Iterable[Found]) -> set[str]:
    """Every text that goes with what carries a person, of now and of the past, as the log still holds it."""
    stays = {(one.tenant, one.entity.id): one.carrier.keeps for one in found}
    told = await told_of(life.hub, stays.keys())
    texts = {text for tenant, entry in told for text in _said(entry, stays[tenant, entry.id])}
    return {text for text in texts if not text.startswith(_NAMES) and not re.match(r"\d{4}-\d\d-\d\dT", text)}


def _said(entry: Logged, stays: frozenset[str]) -> Iterator[str]:
    for part in (entry.attrs, entry.late, {"": list(entry.amended.values())}):
        yield from _texts([attribute for name, attribute in part.items() if name not in stays])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            if key not in ("type", "instanceId"):
                yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _phones(phone: str) -> set[str]:
    """A phone number in the ways in which it is written."""
    digits = re.sub(r"\D", "", phone)
    national = re.sub(r"^(0084|84)(?=\d{9,10}$)", "0", digits)
    return {phone, digits, national, f"84{national[1:]}"} - {"", "84"}


def _written(texts: Iterable[str]) -> frozenset[bytes]:
    """Texts as they stand in files: plain, and as JSON writes them."""
    plain = {text.encode() for text in texts}
    return frozenset(plain | {msgspec.json.encode(text)[1:-1] for text in texts})
