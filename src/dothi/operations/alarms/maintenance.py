"""Maintenance windows: work that was announced, whose alarms call nobody and come back when it is over."""

from dataclasses import dataclass

from dothi.ground.clock import DAY, from_iso, iso, now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Commit, Entity, Receipt, Timer, amend, create, prop
from dothi.operations.alarms.reading import ENGINE, MOST, TYPE, state_of
from dothi.operations.alarms.shelving import CONSUMER
from dothi.operations.alarms.workflow import REASON_LETTERS
from dothi.operations.model import OWNER, Operations

WINDOW = "MaintenanceWindow"
STARTS, ENDS = "starts|", "ends|"  # Timers of a window.
LONGEST = 30 * DAY
NAMED_MOST = 200
TITLE_MOST, REASON_MOST = 200, 2000


@dataclass(frozen=True, slots=True)
class Work:
    """Work to be announced; `starts` and `ends` in µs. What it covers lies in every list that is not empty."""

    title: str
    reason: str
    starts: int
    ends: int
    units: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()  # Ids of the things worked on.
    rules: tuple[str, ...] = ()  # Ids of rules.


async def announce(
    operations: Operations, actor: Actor, work: Work, key: str | None = None, now: int | None = None
) -> str:
    """Announce work: its alarms are out of service from its start to its end; returns the window's id.

    Invalid says which field is wrong and how to mend it; Forbidden outside the actor's area.
    """
    at = now_us() if now is None else now
    _check(operations, work, at)
    name = urn(WINDOW, key) if key else urn(WINDOW)
    change = create(
        name,
        WINDOW,
        title=prop(work.title.strip()),
        reason=prop(work.reason.strip()),
        units=prop(list(work.units)),
        subjects=prop(list(work.subjects)),
        rules=prop(list(work.rules)),
        **{"from": prop(iso(work.starts)), "to": prop(iso(work.ends))},
        by=prop(actor.id),
        unit=prop(_scope(operations, work)),
        ended=prop(False),
    )
    timers = (Timer(CONSUMER, STARTS + name, work.starts), Timer(CONSUMER, ENDS + name, work.ends))
    commit = Commit(actor, (change,), work.reason.strip(), {name: ABSENT}, timers=timers, owner=OWNER)
    await operations.hub.commit(commit)
    return name


def _check(operations: Operations, work: Work, now: int) -> None:
    if not 0 < len(work.title.strip()) <= TITLE_MOST:
        raise Invalid("Give the work a name of up to 200 letters.", field="title")
    if not REASON_LETTERS <= len(work.reason.strip()) <= REASON_MOST:
        raise Invalid("Say why: which work, by whom, by which paper.", field="reason")
    if not work.ends > max(work.starts, now) or work.ends - work.starts > LONGEST:
        raise Invalid("Work ends after it starts, in the future, within 30 days.", field="to")
    if not (work.units or work.subjects or work.rules) or len(work.units + work.subjects + work.rules) > NAMED_MOST:
        raise Invalid("Say which units, things or rules the work is about.", field="units")
    for code in work.units:
        if not operations.territory.knows(code):
            raise Invalid(f"No unit with code {code[:10]} is in force.", field="units")


def _scope(operations: Operations, work: Work) -> str:
    """The unit in which the window holds: the one named, the province of several, else where the centre is."""
    if len(work.units) == 1:
        return work.units[0]
    return operations.territory.province_of(work.units[0]).code if work.units else operations.home


async def end_now(operations: Operations, actor: Actor, name: str, now: int | None = None) -> Receipt:
    """The work is done early: its alarms come back. Conflict when it is over, Missing when there is none."""
    at = now_us() if now is None else now
    window = _window(operations, actor, name)
    if window.value("ended"):
        raise Conflict("This work is over already.")
    starts = min(from_iso(window.value("from")), at)
    change = amend(name, to=prop(iso(at)), endedBy=prop(actor.id), **{"from": prop(iso(starts))})
    timers = (Timer(CONSUMER, STARTS + name, None), Timer(CONSUMER, ENDS + name, at))
    commit = Commit(actor, (change,), "work ended", {name: window.version}, timers=timers, owner=OWNER)
    return await operations.hub.commit(commit)


def _window(operations: Operations, actor: Actor, name: str) -> Entity:
    found = operations.hub.get(actor, name)
    if WINDOW not in found.types:
        raise Missing(f"{name} is no maintenance window.")
    return found


def windows(operations: Operations, actor: Actor, ended: bool = False, limit: int = MOST) -> list[Entity]:
    """The windows that are on or to come, the one that ends first on top; or those that are over, the latest first."""
    order = ("-to",) if ended else ("to",)
    return list(operations.hub.find(actor, WINDOW, f"ended=={str(ended).lower()}", limit, order=order))


def out_by(operations: Operations, window: str) -> list[Entity]:
    """The alarms that a window holds."""
    found = operations.hub.find(ENGINE, TYPE, f'outBy=="{window}"', MOST)
    return [one for one in found if state_of(one).held]
