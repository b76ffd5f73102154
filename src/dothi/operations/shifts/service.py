"""The verbs of shifts: begin, stand in for who is absent, relieve, swap by two consents; and reading the book."""

from dataclasses import asdict

from dothi.ground.clock import HOUR, MINUTE, iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import (
    Actor,
    Attribute,
    Change,
    Commit,
    Receipt,
    Timer,
    amend,
    create,
    json_prop,
    prop,
    read_one,
    readable,
    words,
)
from dothi.operations.model import OWNER, Operations
from dothi.operations.shifts.model import (
    AHEAD,
    BOOK,
    CONSUMER,
    INDEXED,
    TYPE,
    NoSuchShift,
    NotOnDuty,
    NotYourShift,
    Shift,
    State,
    Swap,
    demand_officer,
    people,
    shift_of,
)
from dothi.operations.shifts.owners import held_by, passed_on, serving
from dothi.operations.shifts.planning import END
from dothi.operations.shifts.rules import roster_at
from dothi.operations.shifts.workflow import after

EXTRA = "ngoai-kip"  # The turn of a shift that stands on no roster.
EXTRA_HOURS = 8
REASON_LETTERS, REASON_MAX = 5, 500
_MOST = 5000


def declare(operations: Operations) -> None:
    """Declare what the lists of shifts ask for. Once, when the parts are put together."""
    for kind, attributes in INDEXED.items():
        operations.hub.index(kind, *attributes)


def shift(operations: Operations, actor: Actor, name: str) -> Shift:
    """One shift by id. NoSuchShift when there is none or the actor may not see it."""
    try:
        return read_one(operations.hub.get(actor, name if name.startswith("urn:") else urn(TYPE, name)), shift_of)
    except NoSuchShift:
        raise
    except Missing as cause:
        raise NoSuchShift from cause


def shifts_between(operations: Operations, actor: Actor, unit: str, since: int, until: int) -> list[Shift]:
    """The shifts of a unit that touch a span (µs), in order; those that the roster dropped are left out."""
    q = f'unit=="{unit}";ends>"{iso(since)}";starts<"{iso(until)}"'
    try:
        found = operations.hub.find(actor, TYPE, q, _MOST, order=("starts",))
    except Forbidden:
        return []
    return [one for one in readable(found, shift_of) if one.state is not State.DROPPED]


def on_duty(operations: Operations, unit: str) -> Shift | None:
    """The shift that has the duty of a unit now; None in a gap."""
    return serving(operations).get(unit)


def next_shift(operations: Operations, unit: str, now: int) -> Shift | None:
    """The shift of a unit that is to begin now or next: the first ahead that has not ended."""
    q = f'unit=="{unit}";state=="planned","absent";ends>"{iso(now)}"'
    found = operations.hub.find(BOOK, TYPE, q, 1, order=("starts",))
    return next(readable(found, shift_of), None)


def my_shift(operations: Operations, actor: Actor) -> Shift | None:
    """The shift in which this person is on duty."""
    return next((one for one in serving(operations).values() if one.officer == actor.id), None)


async def begin(operations: Operations, actor: Actor, name: str, now: int | None = None) -> Receipt:
    """Come on duty while nobody is: its officer, or any duty officer where the roster names a role."""
    at, one = now_us() if now is None else now, shift(operations, actor, name)
    demand_officer(operations, actor, one.unit)
    if one.officer not in ("", actor.id):
        raise NotYourShift("This shift is another officer's: stand in for him with a reason.")
    after(one, "begin")
    return await _start(operations, actor, one, at, {})


async def step_in(operations: Operations, actor: Actor, name: str, reason: str, now: int | None = None) -> Receipt:
    """Come on duty in the place of an officer who is not there, while nobody is on duty; the reason is kept."""
    at, one = now_us() if now is None else now, shift(operations, actor, name)
    demand_officer(operations, actor, one.unit)
    after(one, "step_in")
    return await _start(operations, actor, one, at, stood_in(one, actor, reason))


async def _start(operations: Operations, actor: Actor, one: Shift, now: int, more: dict[str, Attribute]) -> Receipt:
    near = roster_at(operations, one.unit, now).near_minutes * MINUTE
    if now < one.starts - near:
        raise NotOnDuty(f"This shift begins at {iso(one.starts)}; it can be taken {near // MINUTE} minutes before.")
    change = amend(one.id, **{**started(actor, one.ends, now), **more})
    return await _alone(operations, actor, one.unit, change, {one.id: one.version}, now)


async def _alone(
    operations: Operations, actor: Actor, unit: str, change: Change, expect: dict[str, int], now: int
) -> Receipt:
    """Commit what gives somebody the duty while nobody has it; the key names the last one, so that a second fails."""
    standing = serving(operations).get(unit)
    if standing is not None:
        raise NotOnDuty("Somebody is on duty already: take over from him with two signatures, or relieve him.")
    last = _last_served(operations, unit, now)
    key = f"duty:{unit}:{last}"
    receipt = await operations.hub.commit(Commit(actor, (change,), "on duty", expect, key=key, owner=OWNER))
    if receipt.replayed:
        raise Conflict("Somebody else came on duty this moment.")
    return receipt


def _last_served(operations: Operations, unit: str, now: int) -> str:
    """The shift that had the duty last, with when it began: what the next one follows."""
    q = f'unit=="{unit}";beganAt<="{iso(now)}"'
    found = operations.hub.find(BOOK, TYPE, q, 1, order=("-beganAt",))
    return next((f"{one.id}:{one.value('beganAt')}" for one in found), "first")


def started(actor: Actor, ends: int, now: int) -> dict[str, Attribute]:
    """What a shift says once its officer is on duty."""
    return {
        "state": prop(State.ON_DUTY),
        "officer": prop(actor.id),
        "assignee": prop(actor.id),
        "beganAt": prop(iso(now)),
        "due": prop(iso(ends)),
        "open": prop(True),
        "byHand": prop(True),
    }


def stood_in(one: Shift, actor: Actor, reason: str) -> dict[str, Attribute]:
    """What a shift says of a stand-in: who, for whom, why."""
    said: dict[str, Attribute] = {"reason": prop(checked(reason)), "byHand": prop(True)}
    return said | ({"relief": prop(one.officer)} if one.officer not in ("", actor.id) else {})


def checked(reason: str) -> str:
    """A reason that says something."""
    if not REASON_LETTERS <= len(reason.strip()) <= REASON_MAX:
        raise Invalid(f"Say why, in {REASON_LETTERS} to {REASON_MAX} letters.", field="reason")
    return reason.strip()


async def open_duty(operations: Operations, actor: Actor, unit: str, reason: str, now: int | None = None) -> Receipt:
    """Take the duty in a gap of the roster: a shift of its own until the next one begins, eight hours at most."""
    at = now_us() if now is None else now
    demand_officer(operations, actor, unit)
    change, timer = extra_shift(operations, actor, unit, checked(reason), at)
    receipt = await _alone(operations, actor, unit, change, {change.id: 0}, at)
    await operations.hub.commit(Commit(BOOK, (), "the clock of shifts", timers=(timer,)))
    return receipt


def extra_shift(operations: Operations, actor: Actor, unit: str, reason: str, now: int) -> tuple[Change, Timer]:
    """A shift that stands on no roster, begun now, with the timer of its end."""
    coming = next_shift(operations, unit, now)
    ends = min(now + EXTRA_HOURS * HOUR, coming.starts if coming and coming.starts > now else now + EXTRA_HOURS * HOUR)
    name = urn(TYPE, unit, EXTRA, iso(now).replace(":", "").replace(".", ""))
    attrs: dict[str, Attribute] = {
        "unit": prop(unit),
        "turn": prop(EXTRA),
        "title": words(vi="Ngoài kíp", en="Off the roster"),
        "starts": prop(iso(now)),
        "ends": prop(iso(ends)),
        "reason": prop(reason),
    }
    return create(name, TYPE, **attrs, **started(actor, ends, now)), Timer(CONSUMER, END + name, ends)


async def report_absent(
    operations: Operations, actor: Actor, name: str, reason: str, now: int | None = None
) -> Receipt:
    """Say that the officer of a shift cannot come: it lies with the unit, in red, until somebody stands in."""
    one = shift(operations, actor, name)
    demand_officer(operations, actor, one.unit)
    state = after(one, "report_absent")
    attrs = {"state": prop(state), "reason": prop(checked(reason)), "assignee": prop(one.unit), "open": prop(True)}
    return await _write(operations, actor, one, "absent", **attrs)


async def stand_in(operations: Operations, actor: Actor, name: str, reason: str, now: int | None = None) -> Receipt:
    """Take a coming shift in the place of its officer, with a reason."""
    one = shift(operations, actor, name)
    demand_officer(operations, actor, one.unit)
    state = after(one, "stand_in")
    attrs = {"state": prop(state), "officer": prop(actor.id), "assignee": prop(actor.id)}
    return await _write(operations, actor, one, "stand-in", **{**attrs, **stood_in(one, actor, reason)})


async def relieve(operations: Operations, actor: Actor, name: str, reason: str, now: int | None = None) -> Receipt:
    """Take the duty from an officer who cannot hand it over (fell ill, left): all that he has passes, with a reason."""
    at, one = now_us() if now is None else now, shift(operations, actor, name)
    demand_officer(operations, actor, one.unit)
    after(one, "relieve")
    if one.officer == actor.id:
        raise NotYourShift("This is your own shift: hand it over with two signatures.")
    attrs = started(actor, one.ends, at) | stood_in(one, actor, reason)
    changes = [amend(one.id, **attrs), *passed_on(held_by(operations, actor, one.officer), actor.id, at)]
    commit = Commit(actor, tuple(changes), "relieved", {one.id: one.version}, owner=OWNER)
    return await operations.hub.commit(commit)


async def ask_swap(  # A swap is these things together.
    operations: Operations,
    actor: Actor,
    name: str,
    to: str,
    back: str = "",
    reason: str = "",
    now: int | None = None,
) -> Receipt:
    """Ask another officer (his login) to take this turn, for one of his own (`back`) or for nothing."""
    at, one = now_us() if now is None else now, shift(operations, actor, name)
    demand_officer(operations, actor, one.unit)
    after(one, "ask_swap")
    other = people(operations).get(to)
    if one.officer != actor.id:
        raise NotYourShift("A turn is swapped by its own officer.")
    if other is None or other.actor_id == actor.id:
        raise Invalid("Name the login of another duty officer.", field="to")
    if back:
        _check_back(operations, actor, one, back, other.actor_id)
    swap = Swap(actor.id, other.actor_id, back, reason.strip()[:REASON_MAX], iso(at))
    return await _write(operations, actor, one, "swap asked", swap=json_prop(asdict(swap)))


def _check_back(operations: Operations, actor: Actor, one: Shift, back: str, other: str) -> None:
    theirs = shift(operations, actor, back)
    if theirs.officer != other or theirs.state not in AHEAD or theirs.unit != one.unit:
        raise Invalid("The turn in return is one of the other officer's that is still to come.", field="back")


async def agree_swap(operations: Operations, actor: Actor, name: str, now: int | None = None) -> Receipt:
    """The officer who was asked agrees: both turns change hands in one commit; the roster's rule stays as it is."""
    one = shift(operations, actor, name)
    after(one, "agree_swap")
    swap = _asked(one, actor)
    demand_officer(operations, actor, one.unit)
    changes, expect = [_handed(one, actor.id)], {one.id: one.version}
    if swap.back:
        _check_back(operations, actor, one, swap.back, actor.id)
        theirs = shift(operations, actor, swap.back)
        changes.append(_handed(theirs, swap.by))
        expect[theirs.id] = theirs.version
    return await operations.hub.commit(Commit(actor, tuple(changes), "swap agreed", expect, owner=OWNER))


def _handed(one: Shift, officer: str) -> Change:
    return amend(
        one.id, officer=prop(officer), assignee=prop(officer), byHand=prop(True), swap=json_prop({}), relief=prop("")
    )


def _asked(one: Shift, actor: Actor, also: bool = False) -> Swap:
    if one.swap is None:
        raise NotOnDuty("Nobody asks to swap this turn.")
    if actor.id != one.swap.to and not (also and actor.id == one.swap.by):
        raise NotYourShift("This was asked of another officer.")
    return one.swap


async def refuse_swap(operations: Operations, actor: Actor, name: str, now: int | None = None) -> Receipt:
    """The officer who was asked says no, or who asked takes it back."""
    one = shift(operations, actor, name)
    after(one, "refuse_swap")
    _asked(one, actor, also=True)
    return await _write(operations, actor, one, "swap refused", swap=json_prop({}))


async def _write(operations: Operations, actor: Actor, one: Shift, deed: str, /, **attrs: Attribute) -> Receipt:
    commit = Commit(actor, (amend(one.id, **attrs),), deed, {one.id: one.version}, owner=OWNER)
    return await operations.hub.commit(commit)
