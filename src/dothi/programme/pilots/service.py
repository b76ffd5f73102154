"""The verbs on pilots: propose, start, note, stop, end, review, and scale up through the gate."""

from datetime import date
from typing import Any

from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import Actor, Commit, create, geo, json_prop, prop, rel
from dothi.programme.council.model import TITLE_MAX, amend, of_type, said
from dothi.programme.model import OWNER, Programme, readable
from dothi.programme.pilots.model import (
    INDEXED,
    OWNED,
    Kind,
    NewPilot,
    Pilot,
    ScaleUp,
    Verdict,
    pilot_of,
    scale_up_of,
)
from dothi.programme.pilots.workflow import Verb, after, check_gate
from dothi.programme.tasks.workflow import check_instant

LINES_MAX = 30
_MOST = 2000


def own(programme: Programme) -> None:
    """Guard the types of this room and declare what their lists ask for. Once, when the parts are put together."""
    programme.hub.own(OWNER, OWNED)
    for kind, names in INDEXED.items():
        programme.hub.index(kind, *names)


async def propose_pilot(programme: Programme, actor: Actor, new: NewPilot) -> str:
    """Write the dossier of a pilot; returns its id. Invalid (with `field`) names the first part that is not clear."""
    _check(programme, actor, new)
    attrs: dict[str, Any] = {
        "title": prop(new.title.strip()),
        "kind": prop(new.kind),
        "place": prop(new.place.strip()),
        "unit": prop(new.unit),
        "lead": prop(new.lead),
        "assignee": prop(new.lead),
        "validFrom": prop(new.begins),
        "validTo": prop(new.ends),
        "due": prop(iso(check_instant(new.ends))),
        "open": prop(True),
        "measures": json_prop([{"name": name, "target": target} for name, target in new.indicators]),
        "stops": json_prop([one.strip() for one in new.stops]),
        "exitPlan": prop(new.exit.strip()),
        "state": prop("proposed"),
        "simulated": prop(new.simulated),
    }
    if new.waived:
        attrs["waived"] = rel(new.waived)
    if new.location:
        attrs["location"] = geo(new.location)
    change = create(urn("Pilot"), "Pilot", **attrs)
    await programme.hub.commit(Commit(actor, (change,), "pilot proposed", owner=OWNER))
    return change.id


def _check(programme: Programme, actor: Actor, new: NewPilot) -> None:
    said(new.title, "title", TITLE_MAX)
    said(new.place, "place", TITLE_MAX)
    said(new.exit, "exit")
    if new.kind not in set(Kind):
        raise Invalid("Choose one of technology, businessModel, service (article 27 clause 2).", field="kind")
    for field, code in (("unit", new.unit), ("lead", new.lead)):
        if not code or (programme.territory is not None and not programme.territory.knows(code)):
            raise Invalid(f"“{code[:20]}” is no unit: choose one of the list.", field=field)
    begins, ends = _day(new.begins, "begins"), _day(new.ends, "ends")
    if ends < begins:
        raise Invalid("A pilot cannot end before it begins.", field="ends")
    if not 1 <= len(new.indicators) <= LINES_MAX or any(not name or not target for name, target in new.indicators):
        raise Invalid("Name at least one indicator with its target.", field="indicators")
    if not 1 <= len(new.stops) <= LINES_MAX or not all(one.strip() for one in new.stops):
        raise Invalid("Name at least one condition that stops the pilot.", field="stops")
    if new.waived:
        try:
            of_type(programme, actor, "LegalBasis", new.waived)
        except Missing as cause:
            raise Invalid("The rule that is waived is not in the list of legal bases.", field="waived") from cause


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as cause:
        raise Invalid(f"“{text[:20]}” is no day: write it as 2026-12-31.", field=field) from cause


async def start(programme: Programme, actor: Actor, name: str) -> None:
    """The pilot runs from here on."""
    await _move(programme, actor, name, Verb.START, "pilot started", {})


async def note(programme: Programme, actor: Actor, name: str, words: str, now: int | None = None) -> None:
    """Write what the monitoring shows."""
    found = one_pilot(programme, actor, name)
    row = {"at": iso(now_us() if now is None else now), "words": said(words, "words"), "by": actor.id}
    kept = [{"at": one.at, "words": one.words, "by": one.by} for one in found.notes]
    await _move(programme, actor, name, Verb.NOTE, "pilot looked at", {"notes": json_prop([*kept, row])})


async def stop(programme: Programme, actor: Actor, name: str, condition: str, words: str = "") -> None:
    """Stop it, naming the stop condition that was met."""
    found = one_pilot(programme, actor, name)
    if condition not in found.stops:
        raise Invalid("Name which of the stop conditions was met.", field="condition")
    reason = f"{condition}: {words.strip()}" if words.strip() else condition
    await _move(programme, actor, name, Verb.STOP, "pilot stopped", {"reason": prop(reason[:5000])})


async def end(programme: Programme, actor: Actor, name: str) -> None:
    """Its time is over."""
    await _move(programme, actor, name, Verb.END, "pilot ended", {})


async def review(
    programme: Programme, actor: Actor, name: str, lessons: str, verdict: str, now: int | None = None
) -> None:
    """Close it with its lessons and a verdict: scale, adapt or abandon."""
    if verdict not in set(Verdict):
        raise Invalid("Choose one of scale, adapt, abandon.", field="verdict")
    attrs = {
        "lessons": prop(said(lessons, "lessons")),
        "verdict": prop(verdict),
        "reviewedAt": prop(iso(now_us() if now is None else now)),
        "reviewedBy": prop(actor.id),
        "open": prop(False),
    }
    await _move(programme, actor, name, Verb.REVIEW, "pilot reviewed", attrs)


async def _move(programme: Programme, actor: Actor, name: str, verb: Verb, reason: str, attrs: dict[str, Any]) -> None:
    found = one_pilot(programme, actor, name)
    state = after(found, verb)
    await amend(programme, actor, found.id, found.version, reason, {"state": prop(state.value), **attrs})


async def scale_up(
    programme: Programme, actor: Actor, pilot: str, words: str, units: tuple[str, ...], now: int | None = None
) -> str:
    """Record that what was tried goes to more units; returns the id. There is no other way to write such a record.

    GateClosed without a closed review of the pilot that speaks for it.
    """
    found = one_pilot(programme, actor, pilot)
    check_gate(found)
    text = said(words, "words")
    if not units or any(programme.territory is not None and not programme.territory.knows(one) for one in units):
        raise Invalid("Name the communes where it is to be brought.", field="units")
    change = create(
        urn("ScaleUp"),
        "ScaleUp",
        pilot=rel(pilot),
        title=prop(text),
        units=prop(list(units)),
        unit=prop(found.unit),
        at=prop(iso(now_us() if now is None else now)),
    )
    # The pilot must still be as it was judged: a review is never taken back between the look and the record.
    await programme.hub.commit(Commit(actor, (change,), "scaled up", expect={pilot: found.version}, owner=OWNER))
    return change.id


def one_pilot(programme: Programme, actor: Actor, name: str) -> Pilot:
    """One pilot; Missing when there is none."""
    return pilot_of(of_type(programme, actor, "Pilot", name))


def pilots(programme: Programme, actor: Actor) -> list[Pilot]:
    """Pilots: those that run first, then those to be reviewed, then the rest by end."""
    order = ("running", "stopped", "ended", "proposed", "closed")
    found = readable(programme.hub.find(actor, "Pilot", limit=_MOST), pilot_of)
    return sorted(found, key=lambda one: (order.index(one.state), one.ends))


def lessons(programme: Programme, actor: Actor) -> list[Pilot]:
    """The library: every reviewed pilot, the newest review first."""
    found = [one for one in pilots(programme, actor) if one.lessons]
    return sorted(found, key=lambda one: one.reviewed_at or "", reverse=True)


def scale_ups(programme: Programme, actor: Actor, pilot: str = "") -> list[ScaleUp]:
    """What was scaled up, of one pilot or of all."""
    q = f'pilot=="{pilot}"' if pilot else ""
    return sorted(readable(programme.hub.find(actor, "ScaleUp", q, _MOST), scale_up_of), key=lambda one: one.at)
