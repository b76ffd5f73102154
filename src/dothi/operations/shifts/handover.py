"""The handover: a note of facts and the officer's words, signed by who goes and by who comes, then frozen.

A signature is the SHA-256 of the canonical JSON (RFC 8785) of the note, of who signed and when; the second one covers
the first one and the reservation too. Nothing changes a shift that is closed, and `broken` shows whether anything did.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dothi.accounts.people import display_name
from dothi.ground.canonical import sha256
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.ground.text import fold
from dothi.hub.model import Actor, Attribute, Change, Commit, Receipt, Timer, amend, json_prop, prop, readable
from dothi.operations.model import OWNER, Operations
from dothi.operations.shifts.matters import SECTIONS, sections
from dothi.operations.shifts.model import TYPE, NotYourShift, Shift, Signature, State, demand_officer, shift_of
from dothi.operations.shifts.owners import held_by, passed_on
from dothi.operations.shifts.rules import roster_at
from dothi.operations.shifts.service import checked, extra_shift, next_shift, shift, started, stood_in
from dothi.operations.shifts.workflow import after

FORM = "dothi.handover.1"
ALL = "all"  # The words that belong to no section.
WORDS_MAX = 4000
_MINUTE = 60_000_000
_LISTED = 300


class NoteMoved(Conflict):
    """Something happened since this note was read: read it again before you sign."""


def draft(operations: Operations, actor: Actor, one: Shift, now: int | None = None) -> list[dict[str, Any]]:
    """What is open in the area of a shift now, as far as the actor sees it."""
    return sections(operations, actor, one.unit, now_us() if now is None else now)


def seen(found: list[dict[str, Any]]) -> str:
    """The mark of a draft: who signs says by it what he read."""
    return sha256(found)


async def sign_out(  # A signature is these things together.
    operations: Operations,
    actor: Actor,
    name: str,
    mark: str,
    words: Mapping[str, str],
    now: int | None = None,
) -> Receipt:
    """The outgoing officer signs what he read (`mark`) with his words by section ("all" for the rest).

    NoteMoved when what is open is no longer what he read. He stays on duty until the other one signs.
    """
    at, one = now_us() if now is None else now, shift(operations, actor, name)
    demand_officer(operations, actor, one.unit)
    if one.officer != actor.id:
        raise NotYourShift("A shift is handed over by its own officer.")
    state = after(one, "sign_out")
    found = draft(operations, actor, one, at)
    if seen(found) != mark:
        raise NoteMoved
    note = _note(operations, actor, one, found, words, at)
    signed = _sealed(Signature("out", actor.id, _name(operations, actor), iso(at), ""), note)
    attrs = {"state": prop(state), "note": json_prop(note), "signatures": json_prop([asdict(signed)])}
    return await _write(operations, actor, one, (amend(one.id, **attrs),), "handover signed by who goes")


def _note(
    operations: Operations, actor: Actor, one: Shift, found: list[dict[str, Any]], words: Mapping[str, str], now: int
) -> dict[str, Any]:
    said = {name: words[name].strip() for name in (*SECTIONS, ALL) if words.get(name, "").strip()}
    for name, text in said.items():
        if len(text) > WORDS_MAX:
            raise Invalid(f"Up to {WORDS_MAX} letters.", field=name)
    return {
        "form": FORM,
        "shift": one.id,
        "unit": one.unit,
        "turn": dict(one.names),
        "starts": iso(one.starts),
        "ends": iso(one.ends),
        "officer": actor.id,
        "officerName": _name(operations, actor),
        "at": iso(now),
        "sections": found,
        "words": said,
    }


def _name(operations: Operations, actor: Actor) -> str:
    return display_name(operations.accounts, actor.id) if operations.accounts is not None else actor.id


async def take_back(operations: Operations, actor: Actor, name: str, now: int | None = None) -> Receipt:
    """The outgoing officer takes his signature back before the other one has signed."""
    one = shift(operations, actor, name)
    state = after(one, "take_back")
    if one.officer != actor.id:
        raise NotYourShift("A signature is taken back by who gave it.")
    attrs = {"state": prop(state), "note": json_prop({}), "signatures": json_prop([])}
    return await _write(operations, actor, one, (amend(one.id, **attrs),), "signature taken back")


async def take_over(  # A signature is these things together.
    operations: Operations,
    actor: Actor,
    name: str,
    mark: str,
    reservation: str = "",
    reason: str = "",
    now: int | None = None,
) -> Receipt:
    """The incoming officer signs the note whose first signature is `mark`, and has the duty from this instant on.

    In the same commit everything that the outgoing officer has by name passes to him. He needs a reason when the next
    shift is somebody else's, or when the roster has none.
    """
    at, one = now_us() if now is None else now, shift(operations, actor, name)
    demand_officer(operations, actor, one.unit)
    state = after(one, "take_over")
    if one.officer == actor.id:
        raise NotYourShift("Two officers sign a handover: who goes and who comes.")
    if len(reservation) > WORDS_MAX:
        raise Invalid(f"Up to {WORDS_MAX} letters.", field="reservation")
    first = one.signatures[0]
    if first.sha256 != mark:
        raise NoteMoved
    mine = Signature("in", actor.id, _name(operations, actor), iso(at), "", reservation.strip())
    second = _sealed(mine, one.note or {}, first)
    closing: dict[str, Attribute] = {
        "state": prop(state),
        "signatures": json_prop([asdict(first), asdict(second)]),
        "endedAt": prop(iso(at)),
        "open": prop(False),
    }
    coming, expect, timers = _coming(operations, actor, one, reason, at)
    passed = passed_on(held_by(operations, actor, one.officer), actor.id, at)
    changes = (amend(one.id, **closing), coming, *passed)
    return await operations.hub.commit(
        Commit(actor, changes, "shift handed over", {one.id: one.version, **expect}, owner=OWNER, timers=timers)
    )


def _coming(
    operations: Operations, actor: Actor, out: Shift, reason: str, now: int
) -> tuple[Change, dict[str, int], tuple[Timer, ...]]:
    """The shift that the incoming officer begins: the next of the roster, or one of its own in a gap."""
    coming = next_shift(operations, out.unit, now)
    near = roster_at(operations, out.unit, now).near_minutes * _MINUTE
    if coming is None or not follows(out, coming, near, now):
        change, timer = extra_shift(operations, actor, out.unit, checked(reason), now)
        return amended(change, after=prop(out.id)), {change.id: 0}, (timer,)
    attrs = started(actor, coming.ends, now) | {"after": prop(out.id)}
    if coming.officer not in ("", actor.id):
        attrs |= stood_in(coming, actor, reason)
    return amend(coming.id, **attrs), {coming.id: coming.version}, ()


def follows(out: Shift, coming: Shift, near: int, now: int) -> bool:
    """Whether a handover begins the coming shift: it starts within `near` (µs) of now or of the end of the old one."""
    return coming.starts - near <= max(now, out.ends - near)


def amended(change: Change, **more: Attribute) -> Change:
    """The same change with more attributes."""
    return Change(change.op, change.id, change.types, change.attrs | more)


async def _write(operations: Operations, actor: Actor, one: Shift, changes: tuple[Change, ...], reason: str) -> Receipt:
    return await operations.hub.commit(Commit(actor, changes, reason, {one.id: one.version}, owner=OWNER))


def _sealed(made: Signature, note: Mapping[str, Any], first: Signature | None = None) -> Signature:
    return Signature(made.part, made.by, made.name, made.at, _digest(made, note, first), made.reservation)


def _digest(made: Signature, note: Mapping[str, Any], first: Signature | None) -> str:
    said: dict[str, Any] = {"note": note, "part": made.part, "by": made.by, "name": made.name, "at": made.at}
    if first is not None:
        said |= {"first": asdict(first), "reservation": made.reservation}
    return sha256(said)


def broken(one: Shift) -> tuple[str, ...]:
    """Which signatures ("out", "in") do not fit what stands in the book; empty when all do."""
    note, wrong = one.note or {}, []
    for place, made in enumerate(one.signatures):
        first = one.signatures[0] if place else None
        if _digest(made, note, first) != made.sha256:
            wrong.append(made.part)
    return tuple(wrong)


def past_notes(operations: Operations, actor: Actor, text: str = "", unit: str = "", limit: int = 50) -> list[Shift]:
    """Closed shifts, the newest first; with words only those whose note holds all of them, with or without marks."""
    q = 'state=="closed"' + (f';unit=="{unit}"' if unit else "")
    found = operations.hub.find(actor, TYPE, q, _LISTED, order=("-starts",))
    wanted = fold(text).split()
    shifts = list(readable(found, shift_of))
    return [one for one in shifts if all(word in _text(one) for word in wanted)][:limit]


def _text(one: Shift) -> str:
    note = one.note or {}
    lines = [line.get("name", "") for section in note.get("sections", ()) for line in section["lines"]]
    names = [" ".join(name.values()) if isinstance(name, Mapping) else str(name) for name in (*lines, one.names)]
    said = [*note.get("words", {}).values(), *(made.name + " " + made.reservation for made in one.signatures)]
    return fold(" ".join([*names, *said]))


def new_since(operations: Operations, actor: Actor, one: Shift, now: int) -> list[dict[str, Any]]:
    """What came up after the first signature: the incoming officer sees it beside the note."""
    known = {line["id"] for section in (one.note or {}).get("sections", ()) for line in section["lines"]}
    return [
        {**section, "lines": fresh}
        for section in draft(operations, actor, one, now)
        if (fresh := [line for line in section["lines"] if line["id"] not in known])
    ]


def may_sign_in(one: Shift, actor: Actor) -> bool:
    """Whether this person can be the second hand."""
    return one.state is State.HANDING_OVER and actor.id != one.officer
