"""Legal holds: what a case needs stays, whatever the rules say, until a person lifts the hold and says why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.ground.ids import urn
from dothi.hub.language.nodes import Compare, Query, TypeIs
from dothi.hub.model import ABSENT, Actor, Attribute, Commit, Entity, amend, create, prop, read_one, readable
from dothi.office.lifecycle.model import HOLD, KEEPERS, OWNER, REASON_LETTERS, SYSTEM, Hold, LifeCycle, hold_of
from dothi.office.lifecycle.rules import Carrier, policy_at

_MOST = 1000
_NAMED_MAX = 500
PERSON_ATTRIBUTES = ("person", "to")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks to be held."""

    title: str
    why: str
    things: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """The holds that stand, ready to be asked about many things."""

    holds: tuple[Hold, ...]
    subjects: dict[str, tuple[str, ...]]  # What a held person handed in → the ids of the holds.

    def on(self, entity: Entity) -> tuple[str, ...]:
        """The ids of the holds on a thing."""
        found = [one.id for one in self.holds if _holds(one, entity)]
        return tuple(dict.fromkeys([*found, *self.subjects.get(entity.id, ())]))

    def on_person(self, pseudonym: str) -> tuple[str, ...]:
        """The ids of the holds on a person."""
        return tuple(one.id for one in self.holds if pseudonym in one.persons)


def _holds(hold: Hold, entity: Entity) -> bool:
    if entity.id in hold.things or any(entity.value(name) in hold.persons for name in PERSON_ATTRIBUTES):
        return True
    if not hold.types and not hold.units:
        return False
    if hold.types and not set(hold.types) & set(entity.types):
        return False
    if hold.units and entity.value("unit", "") not in hold.units:
        return False
    begun = entity.created_at
    return (not hold.since or from_iso(hold.since) <= begun) and (not hold.until or begun <= from_iso(hold.until))


def demand_keeper(actor: Actor) -> None:
    """Forbidden unless the actor keeps the data of the city."""
    if not actor.roles & KEEPERS and actor != SYSTEM:
        raise Forbidden("Only a data steward or an administrator deals with the life cycle of data.")


async def place(life: LifeCycle, actor: Actor, wanted: Wanted, now: int | None = None) -> Hold:
    """Hold things, persons, types or units from now on. Invalid says what is missing (with `field`)."""
    demand_keeper(actor)
    _check(wanted)
    name = urn(HOLD)
    attrs: dict[str, Attribute] = {
        "title": prop(wanted.title.strip()),
        "why": prop(wanted.why.strip()),
        "placedBy": prop(actor.id),
        "placedAt": prop(iso(now or now_us())),
        "open": prop(True),
    }
    lists = {"things": wanted.things, "persons": wanted.persons, "kinds": wanted.types, "units": wanted.units}
    attrs |= {key: prop(list(value)) for key, value in lists.items() if value}
    attrs |= {key: prop(value) for key, value in (("since", wanted.since), ("until", wanted.until)) if value}
    change = create(name, HOLD, **attrs)
    await life.hub.commit(Commit(actor, (change,), "legal hold placed", {name: ABSENT}, owner=OWNER))
    return one_hold(life, name)


def _check(wanted: Wanted) -> None:
    if not wanted.title.strip():
        raise Invalid("Give the hold a name, e.g. the case it serves.", field="title")
    if len(wanted.why.strip()) < REASON_LETTERS:
        raise Invalid("Say why: the document that asks for it, its number and date.", field="why")
    named = (*wanted.things, *wanted.persons, *wanted.types, *wanted.units)
    if not named:
        raise Invalid("Name what is held: things, persons, types or units.", field="things")
    if len(named) > _NAMED_MAX:
        raise Invalid(f"A hold names up to {_NAMED_MAX} things; hold a type or a unit instead.", field="things")
    for field, text in (("since", wanted.since), ("until", wanted.until)):
        try:
            if text:
                from_iso(text)
        except ValueError as cause:
            raise Invalid(f"“{text[:30]}” is no instant; write it as 2026-12-31T00:00:00Z.", field=field) from cause


async def lift(life: LifeCycle, actor: Actor, name: str, why: str, now: int | None = None) -> Hold:
    """End a hold. Conflict when it was lifted already, Invalid without a reason."""
    demand_keeper(actor)
    one = one_hold(life, name)
    if not one.stands:
        raise Conflict(f"This hold was lifted on {one.lifted_at[:10]} already.")
    if len(why.strip()) < REASON_LETTERS:
        raise Invalid("Say why it ends: the document that lifts it, its number and date.", field="why")
    said = {"liftedBy": prop(actor.id), "liftedAt": prop(iso(now or now_us())), "liftedWhy": prop(why.strip())}
    change = amend(name, open=prop(False), **said)
    await life.hub.commit(Commit(actor, (change,), "legal hold lifted", {name: one.version}, owner=OWNER))
    return one_hold(life, name)


def one_hold(life: LifeCycle, name: str) -> Hold:
    """One hold; Missing when there is none."""
    return read_one(life.hub.get(SYSTEM, name), hold_of)


def holds(life: LifeCycle, standing: bool = False) -> list[Hold]:
    """The holds, the newest first; with `standing` those that nobody has lifted."""
    found = life.hub.find(SYSTEM, HOLD, "open==true" if standing else "", _MOST, order=("-placedAt",))
    return list(readable(found, hold_of))


def held_now(life: LifeCycle) -> Held:
    """The holds that stand now, with what held persons handed in."""
    standing = tuple(holds(life, standing=True))
    subjects: dict[str, tuple[str, ...]] = {}
    carriers = policy_at(life.rules).carriers.values()
    for hold in standing:
        for thing in _handed_in(life, carriers, hold.persons):
            subjects[thing] = (*subjects.get(thing, ()), hold.id)
    return Held(standing, subjects)


def _handed_in(life: LifeCycle, carriers: Iterable[Carrier], persons: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for one in carriers if persons else ():
        if not one.person or not one.subject:
            continue
        asked = Query(TypeIs(one.id), q=Compare((one.person,), "==", tuple(persons)), limit=_MOST)
        found |= {str(entity.value(one.subject)) for entity in life.hub.query(SYSTEM, asked)}
    return found
