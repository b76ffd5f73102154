"""A person asks that what is kept of them is erased: by a deadline it is done, or refused with a reason."""

from contextlib import suppress
from dataclasses import dataclass

from dothi.accounts.policy import has_ability
from dothi.accounts.roles import Ability
from dothi.accounts.vault import erase
from dothi.citizens.handling.timing import calendar_of
from dothi.citizens.intake.codes import find_by_code
from dothi.citizens.model import CONTACT_TYPE, ERASURE_TYPE, OWNER
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.ground.clock import iso, now_us
from dothi.ground.clocks import Limit, due_by
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Commit, Entity, amend, create, prop, read_one, rel
from dothi.office.lifecycle.persons.erasing import erase_person

STAGE = "erase"  # Its limit stands among the clocks of the rules; day and night.
FALLBACK = Limit(72, always=True)
REASON_LETTERS = 10
ASKED, ERASED, REFUSED = "asked", "erased", "refused"
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request as it stands. Instants are ISO 8601; it names the report, never the person."""

    id: str
    number: str  # Of the report.
    state: str
    unit: str
    asked_at: str
    due: str
    reason: str  # Why it was carried out or refused; shown to the person.
    version: int


def erasure_of(entity: Entity) -> Erasure:
    """The request that an entity holds."""
    value = entity.value
    number = entity.id.rpartition(":")[2]
    told = (value("state", ASKED), value("unit", ""), value("askedAt", ""), value("due", ""), value("reason", ""))
    return Erasure(entity.id, number, *told, entity.version)


def limit_of(citizens: Citizens, unit: str | None, at: int | None = None) -> Limit:
    """How long an erasure may take in a unit, by the rules in force."""
    return rules_at(citizens, unit, at).clocks.stage(STAGE, urgent=True) or FALLBACK


async def ask_erasure(citizens: Citizens, code: str, now: int | None = None) -> Erasure:
    """The reporter asks; due in 72 hours, day and night, by the shipped rules. Asking again changes nothing.

    Invalid when nothing is kept: a report holds no identity by itself.
    """
    at, report = now or now_us(), find_by_code(citizens, code)
    if person_of(citizens, report.code) is None:
        raise Invalid("No name, phone or address is kept with this report.", field="erase")
    standing = find_erasure(citizens, report.code)
    if standing is not None:
        return standing
    due = due_by(at, limit_of(citizens, report.unit, at), calendar_of(citizens, report.unit, at))
    told = {
        "report": rel(report.id),
        "state": prop(ASKED),
        "askedAt": prop(iso(at)),
        "due": prop(iso(due)),
        "open": prop(True),
    }
    if report.unit:
        told |= {"unit": prop(report.unit), "assignee": prop(report.unit)}
    name = urn(ERASURE_TYPE, report.code)
    change = create(name, ERASURE_TYPE, **told)
    await citizens.hub.commit(Commit(SYSTEM, (change,), "erasure asked for", {name: ABSENT}, owner=OWNER))
    return _erasure(citizens, report.code)


async def carry_out(citizens: Citizens, actor: Actor, number: str, reason: str, now: int | None = None) -> Erasure:
    """Erase the person from all that is kept, their key too, which reaches backups and copies.

    Forbidden without the right to erase; Conflict when a legal hold lies on them: it is named.
    """
    at, one = now or now_us(), _open(citizens, actor, number, reason)
    person = person_of(citizens, number)
    if person is not None:
        with suppress(Missing):  # A first try erased the person and stopped before it said so here.
            await _erase(citizens, actor, person, reason.strip(), at)
    return await _end(citizens, actor, one, ERASED, reason, at)


async def _erase(citizens: Citizens, actor: Actor, person: str, reason: str, at: int) -> None:
    if citizens.life is not None:
        await erase_person(citizens.life, actor, person, reason, at)
    else:
        await erase(citizens.vault, actor, person, reason, at)


async def refuse(citizens: Citizens, actor: Actor, number: str, reason: str, now: int | None = None) -> Erasure:
    """Say why it cannot be erased: the person reads it."""
    return await _end(citizens, actor, _open(citizens, actor, number, reason), REFUSED, reason, now or now_us())


def open_erasures(citizens: Citizens, actor: Actor) -> list[Erasure]:
    """The requests that wait, the soonest due first; for who may erase. Forbidden for others."""
    _demand(actor)
    return [erasure_of(one) for one in citizens.hub.find(SYSTEM, ERASURE_TYPE, "open==true", _MOST, order=("due",))]


def find_erasure(citizens: Citizens, number: str) -> Erasure | None:
    """The request of a report, None when nobody asked."""
    try:
        return _erasure(citizens, number)
    except Missing:
        return None


def person_of(citizens: Citizens, number: str) -> str | None:
    """The pseudonym of who left a contact with a report; None when nobody did."""
    try:
        person = citizens.hub.get(SYSTEM, urn(CONTACT_TYPE, number)).value("person")
    except Missing:
        return None
    return person if isinstance(person, str) else None


def _erasure(citizens: Citizens, number: str) -> Erasure:
    entity = citizens.hub.get(SYSTEM, urn(ERASURE_TYPE, number))
    if ERASURE_TYPE not in entity.types:
        raise Missing(f"{entity.id} is no request for erasure.")
    return read_one(entity, erasure_of)


def _demand(actor: Actor) -> None:
    if not has_ability(actor, Ability.ERASE_IDENTITY):
        raise Forbidden("Only who may erase identities deals with these requests.")


def _open(citizens: Citizens, actor: Actor, number: str, reason: str) -> Erasure:
    _demand(actor)
    if len(reason.strip()) < REASON_LETTERS:
        raise Invalid(f"Say why in at least {REASON_LETTERS} letters: the person reads it.", field="reason")
    one = _erasure(citizens, number)
    if one.state != ASKED:
        raise Conflict(f"This request was {one.state} already.")
    return one


async def _end(citizens: Citizens, actor: Actor, one: Erasure, state: str, reason: str, at: int) -> Erasure:
    told = {"state": prop(state), "open": prop(False), "reason": prop(reason.strip()), "endedAt": prop(iso(at))}
    change = amend(one.id, **told)
    expect = {one.id: one.version}
    await citizens.hub.commit(Commit(actor, (change,), f"erasure {state}", expect, owner=OWNER))
    return _erasure(citizens, one.number)
