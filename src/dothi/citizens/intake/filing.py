"""The way in: a citizen's words, place and photos become one report with a code, once, and without an identity."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dothi.accounts.model import Identity
from dothi.accounts.vault import Vault, keep_identity
from dothi.citizens.handling.timing import calendar_of
from dothi.citizens.intake.codes import codes_of, find_by_code, follow_key
from dothi.citizens.intake.competence import Decision, decide, facts_of
from dothi.citizens.intake.hints import check_identity, refuse_secrets
from dothi.citizens.intake.pictures import bands, look_of, used_before
from dothi.citizens.model import (
    CONTACT_TYPE,
    OWNER,
    TYPE,
    NoSuchReport,
    State,
)
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.citizens.rules import Rules, without_personal
from dothi.citizens.rules.intake.routing import Facts
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.ground.geometry import check as check_geometry
from dothi.ground.ids import secret, urn
from dothi.hub.core import Hub
from dothi.hub.model import ABSENT, Attribute, Change, Commit, create, geo, json_prop, prop, rel
from dothi.office.photos import Clean, Upload, clean_photo

TRIES = 5  # Numbers tried when one is taken: with 200,000 reports one filing in 4,000 meets another.


Kept = Mapping[str, object]  # A kept photo as its entity holds it: sha256, mediaType, width, height, look.


@dataclass(frozen=True, slots=True)
class Filing:
    """What a citizen sends. `unit` is the commune that the citizen chose; `key` makes a repeat harmless."""

    category: str
    description: str
    lon: float | None = None
    lat: float | None = None
    unit: str | None = None
    place_words: str = ""
    photos: tuple[Upload, ...] = ()
    identity: Identity | None = None  # Who wants to be told; goes to the vault.
    key: str | None = None
    channel: str = "web"
    simulated: bool = False  # Filed by a demo: "dữ liệu mô phỏng".
    answers: Mapping[str, str] = field(default_factory=dict)  # To the questions of the category.
    kept: tuple[Kept, ...] = ()  # Photos that a former step of the same form has kept already.
    again_of: str = ""  # Number of an answered report that this one is about again.
    recorded_by: str = ""  # Actor id of the staff who wrote it down for somebody; empty when nobody helped.
    consent: str = ""  # How that person agreed: spoken, signed.
    desk: str = ""  # The province (or commune) whose desk finds the place, for words that name none: mail, Open311.


@dataclass(frozen=True, slots=True)
class Filed:
    """A report's public number, and the whole code that only its reporter gets."""

    number: str
    follow_code: str


@dataclass(frozen=True, slots=True)
class Routing:
    """Who gets a report, how that was decided, and what is only suggested."""

    unit: str | None
    decided: bool
    by: str  # boundary, reporter, or nobody.
    suggested: str | None = None


async def file_report(citizens: Citizens, filing: Filing, now: int | None = None) -> Filed:
    """File one report; the same `key` again returns the first.

    Invalid (with `field`) says what is wrong and how to mend it; BadFile and FileTooLarge name the photo.
    """
    at = now or now_us()
    check_filing(filing, rules_at(citizens, _known(citizens, filing.unit), at))
    route = routing(citizens, filing)
    rules = rules_at(citizens, route.unit, at)
    await refuse_secrets(citizens, rules, filing.category, at, filing.description, filing.place_words)
    check_identity(rules, filing.category, filing.identity, assisted=bool(filing.recorded_by))
    photos = [*filing.kept, *await keep_photos(citizens.hub, filing.photos)]
    key = filing.key or secret()
    for attempt in range(TRIES):
        number, pin = codes_of(key, attempt)
        filed = Filed(number, f"{number}-{pin[:4]}-{pin[4:]}")
        if _is_filed(citizens, filed.follow_code):
            return filed  # The second click of a double click.
        attrs = _attributes(citizens, rules, filing, route, photos, at) | _arrival(citizens, rules, filing, photos)
        attrs |= _decided(citizens, rules, filing, route, at)
        attrs |= {"code": prop(number), "followKey": prop(follow_key(number, pin))}
        changes = [create(urn(TYPE, number), TYPE, **attrs)]
        if filing.identity is not None:
            changes.append(await _contact(citizens.vault, number, filing.identity))
        seen = hashlib.sha256(f"file {key} {attempt}".encode()).hexdigest()
        expect = {change.id: ABSENT for change in changes}
        try:
            await citizens.hub.commit(Commit(SYSTEM, tuple(changes), "file", expect, seen, owner=OWNER))
        except Conflict:
            continue  # The number is taken by another report.
        return filed
    raise Conflict("No free number was found for the report. Send it again.")


def _known(citizens: Citizens, unit: str | None) -> str | None:
    """The unit that was chosen, when it is one: whose rules hold before its place is looked at."""
    return unit if unit and citizens.territory.knows(unit) else None


def _is_filed(citizens: Citizens, code: str) -> bool:
    try:
        find_by_code(citizens, code)
    except NoSuchReport:
        return False
    return True


async def _contact(vault: Vault, number: str, identity: Identity) -> Change:
    """The link from a report to who wants to be told: a pseudonym, in an entity that no handling unit may read."""
    person = await keep_identity(vault, identity)
    return create(urn(CONTACT_TYPE, number), CONTACT_TYPE, report=rel(urn(TYPE, number)), person=rel(person))


def check_filing(filing: Filing, rules: Rules) -> None:
    """Raise Invalid for the first field that is missing or too long; `field` names it."""
    limits = rules.limits
    rules.category(filing.category)
    words = filing.description.strip()
    if not words and not filing.photos and not filing.kept:
        raise Invalid("Say in a few words what is wrong, or add a photo.", field="description")
    _check_length(words, limits.description_letters, "description")
    _check_length(filing.place_words, limits.place_letters, "place_words")
    if len(filing.photos) + len(filing.kept) > limits.photos:
        raise Invalid(f"A report holds up to {limits.photos} photos.", field="photos")
    if (filing.lon is None) != (filing.lat is None):
        raise Invalid("A place on the map needs longitude and latitude.", field="place")
    if filing.lon is None and not filing.unit and not filing.desk:
        raise Invalid("Choose the ward or commune, or click the place on the map.", field="place")


def _check_length(text: str, most: int, name: str) -> None:
    if len(text) > most:
        raise Invalid(f"Up to {most} letters fit here; there are {len(text)}.", field=name)


def routing(citizens: Citizens, filing: Filing) -> Routing:
    """Which unit gets the report.

    A nearest centre only suggests: without a boundary or the reporter's choice no commune gets it, but the desk of
    the province, where an official says yes.
    """
    chosen = _chosen(citizens, filing.unit)
    if chosen is None and filing.lon is None and citizens.territory.knows(filing.desk):
        return Routing(filing.desk, False, "nobody")
    if filing.lon is None or filing.lat is None:
        return Routing(chosen, True, "reporter")
    check_geometry({"type": "Point", "coordinates": [filing.lon, filing.lat]}, "place")
    found = citizens.territory.resolve(filing.lon, filing.lat)
    if found.exact and found.unit is not None:
        return Routing(found.unit.code, True, "boundary")
    if chosen is not None:
        return Routing(chosen, True, "reporter")
    if found.unit is None:
        raise Invalid("This place lies outside Vietnam's communes. Choose the ward or commune.", field="place")
    return Routing(found.unit.parent, False, "nobody", found.unit.code)


def _chosen(citizens: Citizens, code: str | None) -> str | None:
    if not code:
        return None
    if not citizens.territory.knows(code):
        raise Invalid(f"No ward or commune with code {code[:10]} is in force; choose one of the list.", field="place")
    unit = citizens.territory.unit(code)
    if unit.level != "commune":
        raise Invalid(f"{unit.name} is no ward or commune. Choose one below it.", field="place")
    return unit.code


async def keep_photos(hub: Hub, photos: Sequence[Upload]) -> list[dict[str, object]]:
    """Clean each photo and keep it; JSON for the entity. Nothing is kept when one of them is bad."""
    clean = [await asyncio.to_thread(clean_photo, one) for one in photos]
    return [await keep(hub, one) for one in clean]


async def keep(hub: Hub, one: Clean) -> dict[str, object]:
    """Keep a cleaned file; its JSON for the entity, a photo with its look."""
    digest = await asyncio.to_thread(hub.keep_file, one.content)
    size = {"width": one.width, "height": one.height} if one.width else {}
    look = await asyncio.to_thread(look_of, one.content) if one.width else ""
    return {"sha256": digest, "mediaType": one.media_type, **size, **({"look": look} if look else {})}


def _decided(citizens: Citizens, rules: Rules, filing: Filing, route: Routing, at: int) -> dict[str, Attribute]:
    """Who owes the next step and why, where the place tells of a unit at all."""
    if route.unit is None:
        return {}
    text = f"{filing.description} {filing.place_words}"
    answers = rules.intake.questions.kept(filing.category, filing.answers)
    facts = facts_of(citizens, rules, filing.category, route.unit, text, filing.channel, answers, at)
    return decision_attributes(citizens, rules, decide(citizens, rules, facts, at, sure=route.decided), facts, at)


def decision_attributes(
    citizens: Citizens, rules: Rules, made: Decision, facts: Facts, at: int
) -> dict[str, Attribute]:
    """What a decision writes: assignee and explanation, and shorter limits where it made the report urgent."""
    attrs: dict[str, Attribute] = {
        "assignee": prop(made.assignee),
        "routing": json_prop(dict(made.explanation)),
    }
    if made.urgent and not facts.urgent:
        urgent = replace(rules.category(facts.category), urgent=True)
        calendar = rules.clocks.calendar(facts.chain)
        attrs |= {"urgent": prop(True), "due": prop(iso(rules.receive_by(at, urgent, calendar)))}
    return attrs


def _arrival(citizens: Citizens, rules: Rules, filing: Filing, photos: Sequence[Kept]) -> dict[str, Attribute]:
    """How the report came: answers, who wrote it down, what it repeats, and pictures seen before."""
    answers = rules.intake.questions.kept(filing.category, filing.answers)
    looks = [str(one["look"]) for one in photos if one.get("look")]
    before = used_before(citizens, looks)
    said: dict[str, object] = {
        "answers": answers,
        "againOf": filing.again_of,
        "recordedBy": filing.recorded_by,
        "consent": filing.consent,
        "looks": bands(looks),
        "usedBefore": before,
    }
    return {name: json_prop(value) if name == "answers" else prop(value) for name, value in said.items() if value}


def _attributes(  # A report is these things together.
    citizens: Citizens, rules: Rules, filing: Filing, route: Routing, photos: Sequence[Kept], at: int
) -> dict[str, Attribute]:
    category, calendar = rules.category(filing.category), calendar_of(citizens, route.unit, at)
    due = iso(rules.receive_by(at, category, calendar))
    attrs: dict[str, Attribute] = {
        "category": prop(category.id),
        "description": prop(without_personal(filing.description)),
        "state": prop(State.FILED.value),
        "open": prop(True),
        "filedAt": prop(iso(at)),
        "due": prop(due),
        "handleBy": prop(iso(rules.handle_by(at, category, calendar))),
        "urgent": prop(category.urgent),
        "placeDecided": prop(route.decided),
        "routedBy": prop(route.by),
        "imported": prop(False),
        "channel": prop(filing.channel),
        "photos": json_prop([dict(one) for one in photos]),
        "step": json_prop({"verb": "file", "at": iso(at)} | ({"unit": route.unit} if route.unit else {})),
    }
    if filing.simulated:
        attrs["simulated"] = prop(True)
    if route.unit is not None:
        attrs["unit"] = prop(route.unit)
    if route.suggested is not None:
        attrs["suggestedUnit"] = prop(route.suggested)
    if filing.place_words.strip():
        attrs["placeWords"] = prop(without_personal(filing.place_words))
    if filing.lon is not None and filing.lat is not None:
        attrs["location"] = geo({"type": "Point", "coordinates": [filing.lon, filing.lat]})
    return attrs
