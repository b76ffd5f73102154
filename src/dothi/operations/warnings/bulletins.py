"""Official bulletins taken in: a CAP 1.2 file or a form; their legal level is their own and is never worked out here.

Decision 18/2021/QĐ-TTg Art. 4: five levels; two hazards at once or after one another may raise a level by one, by two
if severe. Whether they do is for the competent authority: `together` shows where that may be so, with reasons, and
gives no level. A bulletin is one entity for its sender and identifier, so that a second copy is harmless.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.text import nfc
from dothi.hub.model import (
    ABSENT,
    Actor,
    Attribute,
    Change,
    Commit,
    Op,
    Timer,
    amend,
    geo,
    json_prop,
    prop,
    read_one,
    readable,
)
from dothi.operations.model import OWNER, Operations
from dothi.operations.warnings.areas import Touched, check_area, commonly, location, reach_of
from dothi.operations.warnings.cap.checks import errors
from dothi.operations.warnings.cap.reading import from_xml
from dothi.operations.warnings.cap.taking import bulletin_in
from dothi.operations.warnings.drafting import home
from dothi.operations.warnings.model import (
    BULLETIN,
    CONSUMER,
    LEVELS,
    SYSTEM,
    Bulletin,
    bulletin_id,
    bulletin_of,
    shape_dict,
)
from dothi.operations.warnings.rules import Rules, rules_at
from dothi.territory import Territory

IN_FORCE, UPDATED, CANCELLED, EXPIRED, NOTICE = "inForce", "updated", "cancelled", "expired", "notice"
AFTER = {"Update": UPDATED, "Cancel": CANCELLED}  # What a message does to those that it refers to.
TITLE_MAX, TEXT_MAX, RAISED_MAX = 300, 8000, 2
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """A bulletin as somebody copies it from the official paper; instants are ISO 8601."""

    title: str
    hazard: str
    sender: str  # The competent authority, in words.
    identifier: str  # The number of the bulletin.
    sent: str
    expires: str
    units: tuple[str, ...]
    level: int | None = None
    effective: str = ""
    description: str = ""
    instruction: str = ""
    raised_by: int = 0
    raised_why: str = ""
    note: str = ""
    replaces: str = ""  # Id of the bulletin that this one takes the place of.
    cancels: bool = False  # `replaces` is cancelled, not updated.
    drill: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Together:
    """Two bulletins in force that share units: a level may be raised, and only their authority says so."""

    one: Bulletin
    other: Bulletin
    units: tuple[str, ...]


def bulletin(operations: Operations, actor: Actor, name: str) -> Bulletin:
    """One bulletin. Missing when there is none."""
    return read_one(operations.hub.get(actor, name), bulletin_of)


def bulletins(operations: Operations, actor: Actor, state: str = IN_FORCE, limit: int = 100) -> list[Bulletin]:
    """Bulletins in a state ("" = all), the latest first."""
    q = f'state=="{state}"' if state else ""
    found = operations.hub.find(actor, BULLETIN, q, limit=limit, order=("-sentAt",))
    return list(readable(found, bulletin_of))


def covers(territory: Territory, official: Bulletin, ground: Touched) -> bool:
    """Whether the units of a bulletin hold all that an area touches."""
    held = frozenset().union(*(territory.within(code) | {code} for code in official.units))
    return bool(ground.units) and not ground.unplaced and ground.units <= held


def together(territory: Territory, found: Iterable[Bulletin]) -> tuple[Together, ...]:
    """Pairs of bulletins of different hazards with a level that share units."""
    levelled = [one for one in found if one.level is not None]
    reach = {one.id: frozenset().union(*(territory.within(c) | {c} for c in one.units)) for one in levelled}
    pairs = []
    for place, one in enumerate(levelled):
        for other in levelled[place + 1 :]:
            shared = (set(one.units) & reach[other.id]) | (set(other.units) & reach[one.id])
            if shared and one.hazard != other.hazard and one.drill == other.drill:
                pairs.append(Together(one, other, tuple(sorted(shared))))
    return tuple(pairs)


async def take_cap(
    operations: Operations,
    actor: Actor,
    content: bytes,
    units: tuple[str, ...] = (),
    note: str = "",
    now: int | None = None,
) -> Bulletin:
    """Take in a CAP 1.2 file; `units` say where it holds when the file names no unit that dothi knows.

    A copy of what is there changes nothing. Invalid (with `errors`) says what CAP forbids, or why it is none for the
    public here; Conflict when another content came under the same sender and identifier.
    """
    at = now_us() if now is None else now
    alert = from_xml(content)
    if found := errors(alert):
        raise Invalid(f"The file is no proper CAP message: {found[0]}.", errors=[str(one) for one in found])
    rules = rules_at(operations, home(actor), at)
    made = bulletin_in(operations.territory, rules, alert, units)
    made = replace(_placed(operations, actor, rules, made, at), note=_clean(note))
    return await _keep(operations, actor, replace(made, file=operations.hub.keep_file(content)), at)


async def enter(operations: Operations, actor: Actor, entry: Entry, now: int | None = None) -> Bulletin:
    """Take in a bulletin that came on paper: who issued it and under which number must be said."""
    at = now_us() if now is None else now
    rules = rules_at(operations, entry.unit or home(actor), at)
    said = {"title": entry.title, "sender": entry.sender, "identifier": entry.identifier}
    for name, text in said.items():
        if not text.strip() or len(text) > TITLE_MAX:
            raise Invalid(f"The {name} of the bulletin has 1 to {TITLE_MAX} letters.", field=name)
    if not entry.units:
        raise Invalid("Choose the units for which the bulletin holds.", field="units")
    earlier = bulletin(operations, actor, entry.replaces) if entry.replaces else None
    sender, identifier = nfc(entry.sender).strip(), nfc(entry.identifier).strip()
    made = Bulletin(
        id=bulletin_id(sender, identifier),
        version=ABSENT,
        title=nfc(entry.title).strip(),
        hazard=rules.hazard(entry.hazard).id,
        level=entry.level,
        sender=sender,
        sender_name=sender,
        identifier=identifier,
        sent=_instant(entry.sent, "sent"),
        kind="Alert" if earlier is None else "Cancel" if entry.cancels else "Update",
        references=(earlier.id,) if earlier else (),
        effective=_instant(entry.effective or entry.sent, "effective"),
        expires=_instant(entry.expires, "expires"),
        units=entry.units,
        area=", ".join(operations.territory.unit(c).name for c in entry.units if operations.territory.knows(c)),
        shapes=(),
        state="",
        headline=nfc(entry.title).strip(),
        description=_clean(entry.description),
        instruction=_clean(entry.instruction),
        raised_by=entry.raised_by,
        raised_why=_clean(entry.raised_why),
        note=_clean(entry.note),
        drill=entry.drill,
        unit=entry.unit,
    )
    if earlier and (earlier.sender != sender or earlier.drill != made.drill):
        raise Invalid("A bulletin is updated or cancelled by its own authority only.", field="replaces")
    return await _keep(operations, actor, _placed(operations, actor, rules, made, at), at)


def _instant(text: str, name: str) -> str:
    try:
        return iso(from_iso(text))
    except (ValueError, OverflowError) as cause:
        raise Invalid(f"“{text[:40]}” is no instant; write it as 2026-12-31T18:30:00+07:00.", field=name) from cause


def _clean(text: str) -> str:
    if len(text) > TEXT_MAX:
        raise Invalid(f"A text has up to {TEXT_MAX} letters.", field="description")
    return nfc(text).strip()


def _placed(operations: Operations, actor: Actor, rules: Rules, made: Bulletin, at: int) -> Bulletin:
    """The bulletin with its unit and state, after what no bulletin may be."""
    check_area(operations.territory, made.units, ())
    hazard = rules.hazards.get(made.hazard)
    if made.level is not None and (made.level not in LEVELS or (hazard is not None and not hazard.natural)):
        raise Invalid(
            "Legal levels go from 1 to 5 and are of natural hazards (Decision 18/2021/QĐ-TTg).", field="level"
        )
    _check_raised(made)
    if made.kind != "Cancel" and from_iso(made.expires) <= from_iso(made.effective):
        raise Invalid("It ends after it begins: say a later end.", field="expires")
    reach, common = reach_of(operations.territory, actor), commonly(operations.territory, made.units)
    unit = made.unit or (common if common and (reach is None or common in reach) else home(actor))
    state = NOTICE if made.kind == "Cancel" else EXPIRED if from_iso(made.expires) <= at else IN_FORCE
    return replace(made, unit=unit, state=state, entered_by=actor.id)


def _check_raised(made: Bulletin) -> None:
    if not 0 <= made.raised_by <= RAISED_MAX:
        raise Invalid("A level is raised by one or two (Decision 18/2021/QĐ-TTg Art. 4).", field="raisedBy")
    if made.raised_by and (made.level is None or made.level <= made.raised_by or not made.raised_why):
        raise Invalid("Say which level the bulletin gives after the raise, and its reasons.", field="raisedWhy")


async def _keep(operations: Operations, actor: Actor, made: Bulletin, at: int) -> Bulletin:
    """Write a bulletin once, with what it does to earlier ones and what later ones did to it already."""
    if known := _known(operations, made.id):
        if _content(known) != _content(made):
            raise Conflict(
                f"Another bulletin {made.identifier} of {made.sender} is here: an update has its own number.",
                bulletin=known.id,
            )
        return known
    own = _of_sender(operations, made)
    later = [one for one in own if made.id in referred(one) and one.kind in AFTER]
    state = AFTER[later[-1].kind] if later and made.state != NOTICE else made.state
    changes, expect, timers = [_create(operations, replace(made, state=state))], {made.id: ABSENT}, []
    if state == IN_FORCE:
        timers.append(Timer(CONSUMER, made.id, from_iso(made.expires)))
    for one in own:
        if made.kind in AFTER and one.id in referred(made) and one.state in (IN_FORCE, EXPIRED):
            changes.append(amend(one.id, state=prop(AFTER[made.kind])))
            expect[one.id] = one.version
            timers.append(Timer(CONSUMER, one.id, None))
    await operations.hub.commit(
        Commit(actor, tuple(changes), "bulletin received", expect, timers=tuple(timers), owner=OWNER)
    )
    return bulletin(operations, SYSTEM, made.id)


def _known(operations: Operations, name: str) -> Bulletin | None:
    try:
        return bulletin(operations, SYSTEM, name)
    except Missing:
        return None


def _of_sender(operations: Operations, made: Bulletin) -> list[Bulletin]:
    """What the same authority sent, true or drill as this one, oldest first: nobody else's is changed by it."""
    found = bulletins(operations, SYSTEM, "", _MOST)[::-1]
    return [one for one in found if one.sender == made.sender and one.drill == made.drill]


def referred(found: Bulletin) -> frozenset[str]:
    """The ids of the bulletins that one names as its earlier ones."""
    ids = set()
    for one in found.references:
        parts = one.split(",")
        ids.add(one if one.startswith("urn:") else bulletin_id(parts[0], parts[1]) if len(parts) == 3 else one)
    return frozenset(ids)


def _content(one: Bulletin) -> tuple[object, ...]:
    """What makes two copies the same: what the authority said, not who received it when."""
    return (one.title, one.hazard, one.level, one.kind, one.sent, one.effective, one.expires, one.drill, one.raised_by)


def _create(operations: Operations, made: Bulletin) -> Change:
    attrs: dict[str, Attribute] = {
        "title": prop(made.title),
        "hazard": prop(made.hazard),
        "sender": prop(made.sender),
        "senderName": prop(made.sender_name),
        "identifier": prop(made.identifier),
        "sentAt": prop(made.sent),
        "kind": prop(made.kind),
        "references": prop(list(made.references)),
        "effective": prop(made.effective),
        "expires": prop(made.expires),
        "units": prop(list(made.units)),
        "areaName": prop(made.area),
        "areas": json_prop([shape_dict(one) for one in made.shapes]),
        "state": prop(made.state),
        "info": json_prop(
            {"headline": made.headline, "description": made.description, "instruction": made.instruction}
        ),
        "raisedBy": prop(made.raised_by),
        "raisedWhy": prop(made.raised_why),
        "note": prop(made.note),
        "receivedAs": prop(made.received_as),
        "file": prop(made.file),
        "drill": prop(made.drill),
        "enteredBy": prop(made.entered_by),
    }
    if made.level is not None:
        attrs["level"] = prop(made.level)
    if made.unit:
        attrs["unit"] = prop(made.unit)
    place = location(operations.territory, made.units, made.shapes)
    return Change(Op.CREATE, made.id, (BULLETIN,), attrs | ({"location": geo(place)} if place else {}))


async def lapse(operations: Operations, name: str, now: int) -> None:
    """End a bulletin whose time is over, and its timer."""
    found, done = bulletin(operations, SYSTEM, name), Timer(CONSUMER, name, None)
    over = found.state == IN_FORCE and from_iso(found.expires) <= now
    changes = (amend(name, state=prop(EXPIRED)),) if over else ()
    expect = {name: found.version} if over else {}
    await operations.hub.commit(Commit(SYSTEM, changes, "bulletin expired", expect, timers=(done,), owner=OWNER))
