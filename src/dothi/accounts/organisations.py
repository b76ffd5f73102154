"""Organisations: departments, utilities and other bodies outside the territory that owe work and that people belong to.

An organisation's code is its unit's code, a full stop and a name (46.dien-luc). It stands beside codes of units as an
assignee and as an area of a person's roles, so that the same one check (policy.py) covers both.
"""

import re
from collections.abc import Iterable
from datetime import date

from dothi.accounts.events import Kind, record
from dothi.accounts.model import Event, Organisation
from dothi.accounts.people import demand_reach
from dothi.accounts.roles import Ability
from dothi.accounts.store import Accounts
from dothi.ground.clock import VIETNAM, now_us, to_datetime
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Attribute, Commit, Entity, prop, put, read_one, system, words

TYPE, OWNER = "Organisation", "accounts"
SYSTEM = system(OWNER)
OWNED = {TYPE: "POST /api/organisations"}
MOST = 10_000
_CODE = re.compile(r"(\d{2}|\d{5})\.[a-z0-9][a-z0-9-]{0,60}")


def own_organisations(hub: Hub) -> None:
    """Guard the type, and declare what is asked for. Once, when the parts are put together."""
    hub.own(OWNER, OWNED)
    hub.index(TYPE, "kind", "unit")


async def keep_organisation(
    hub: Hub, accounts: Accounts, actor: Actor, organisation: Organisation, now: int | None = None
) -> Organisation:
    """Make an organisation, or change it; former states stay in its history.

    Invalid names what is wrong with code, name or dates; Forbidden beyond the administrator's own areas.
    """
    at = now or now_us()
    demand_reach(accounts, actor, frozenset({organisation.unit}), Ability.MANAGE_USERS)
    _check(organisation)
    change = put(urn(TYPE, organisation.id), TYPE, **_attributes(organisation))
    await hub.commit(Commit(SYSTEM, (change,), f"organisation kept (by {actor.id})", owner=OWNER))
    line = Event(0, at, Kind.ORGANISATION_CREATED, actor.id, organisation.id, organisation.name)
    await accounts.database.write(lambda connection: record(connection, line))
    return organisation


async def create_organisation(
    hub: Hub, accounts: Accounts, actor: Actor, organisation: Organisation, now: int | None = None
) -> Organisation:
    """Make an organisation. Conflict when there is one of this code."""
    if find_organisation(hub, organisation.id) is not None:
        raise Conflict(f"There is an organisation “{organisation.id}” already.")
    return await keep_organisation(hub, accounts, actor, organisation, now)


def organisations(hub: Hub, kind: str = "") -> list[Organisation]:
    """All organisations by code, or those of one kind; also those that have ended."""
    asked = f'kind=="{kind}"' if kind else None
    found = hub.find(SYSTEM, TYPE, asked, limit=MOST) if asked else hub.find(SYSTEM, TYPE, limit=MOST)
    return sorted((organisation_of(one) for one in found), key=lambda one: one.id)


def find_organisation(hub: Hub, code: str) -> Organisation | None:
    """The organisation of a code, None when there never was one."""
    try:
        return read_one(hub.get(SYSTEM, urn(TYPE, code)), organisation_of)
    except Missing:
        return None


def is_organisation(code: str) -> bool:
    """Whether a code is written as an organisation's (46.dien-luc), not as a unit's (46, 19789)."""
    return "." in code


def unit_of(code: str) -> str:
    """The unit of an organisation's code; a unit's code is its own."""
    return code.partition(".")[0]


def best_of(found: Iterable[Organisation], kind: str, chain: Iterable[str], at: int) -> Organisation | None:
    """The organisation of a kind here, in force at `at` (µs); of the nearest unit of `chain` (province first)."""
    day = to_datetime(at).astimezone(VIETNAM).date().isoformat()
    rank = {code: place for place, code in enumerate(chain)}
    fitting = [one for one in found if one.kind == kind and one.unit in rank and one.held(day)]
    return max(fitting, key=lambda one: (rank[one.unit], one.id), default=None)


def organisation_of(entity: Entity) -> Organisation:
    """The organisation that an entity holds."""
    value, names = entity.value, entity.value("name", {})
    return Organisation(
        entity.id.rpartition(":")[2],
        names.get("vi", ""),
        value("unit", ""),
        value("kind", ""),
        names.get("en", ""),
        value("validFrom", ""),
        value("validTo", ""),
        bool(value("sample", False)),
    )


def _attributes(one: Organisation) -> dict[str, Attribute]:
    attrs: dict[str, Attribute] = {
        "code": prop(one.id),
        "name": words(vi=one.name, en=one.name_en or one.name),
        "unit": prop(one.unit),
        "kind": prop(one.kind),
        "sample": prop(one.sample),
    }
    days = {"validFrom": one.valid_from, "validTo": one.valid_to}
    return attrs | {name: prop(day) for name, day in days.items() if day}


def _check(one: Organisation) -> None:
    if not _CODE.fullmatch(one.id) or unit_of(one.id) != one.unit:
        raise Invalid(
            f"“{one.id[:80]}” is no code of an organisation of “{one.unit[:10]}”: write e.g. 46.so-xay-dung.",
            field="id",
        )
    if not 0 < len(one.name.strip()) <= 200:
        raise Invalid("An organisation needs a name of at most 200 characters.", field="name")
    for name, day in (("validFrom", one.valid_from), ("validTo", one.valid_to)):
        if day and not _is_day(day):
            raise Invalid(f"{name} is a day, yyyy-mm-dd; “{day[:20]}” is none.", field=name)
    if one.valid_from and one.valid_to and one.valid_to < one.valid_from:
        raise Invalid("An organisation does not end before it begins.", field="validTo")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
