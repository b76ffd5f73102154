"""What time and other alarms bring about: shelved ones return, roots hold and let go, work begins and is over.

Chattering ones clear when they are calm, and what nobody acknowledged in time goes to the next.

Timers live in the store and survive a restart. Each effect looks at what stands before it acts, so that reading a
commit or a timer twice does nothing twice.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from dothi.accounts.organisations import unit_of
from dothi.ground.clock import VIETNAM, from_iso, iso, now_us, to_datetime
from dothi.ground.errors import Conflict, Missing
from dothi.hub.model import (
    Attribute,
    Change,
    Commit,
    Entity,
    LoggedCommit,
    Op,
    Timer,
    default_instance,
    instance_value,
    prop,
)
from dothi.office.messages import Draft, queue
from dothi.operations.alarms.handling import LEADER, Escalation, rules_at
from dothi.operations.alarms.maintenance import ENDS, STARTS, WINDOW, out_by
from dothi.operations.alarms.raising import about, cleared, covers, moved, root_of, standing, window_over
from dothi.operations.alarms.reading import ENGINE, MOST, TYPE, find_alarm, led_by, state_of
from dothi.operations.alarms.shelving import BACK, CONSUMER, anew, unshelve
from dothi.operations.alarms.workflow import NEXT, UNSEEN, WAITING, Held, Move, after
from dothi.operations.model import OWNER, IllegalMove, Operations, Priority

ESCALATE, CALM = "escalate|", "calm|"
TEMPLATE = "alarm.escalated"
TICK_S = 1.0
_ENDS_WITH = {Held.SUPPRESSED: Move.RELEASE, Held.OUT: Move.PUT_BACK}
CURSOR_EVERY = 500


async def run(operations: Operations) -> None:
    """Follow the alarms and the timers until cancelled. To be run by one process, the leader."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_follow(operations))
        group.create_task(_tick(operations))


async def _follow(operations: Operations) -> None:
    stored = operations.hub.cursor(CONSUMER)
    async for logged in operations.hub.follow(stored, lambda types: TYPE in types):
        timers = await react(operations, logged)
        if timers or logged.seq - stored >= CURSOR_EVERY:
            await _keep(operations, timers, (CONSUMER, logged.seq))
            stored = logged.seq


async def _tick(operations: Operations) -> None:
    while True:
        await ring(operations)
        await asyncio.sleep(TICK_S)


async def _keep(operations: Operations, timers: tuple[Timer, ...], cursor: tuple[str, int] | None = None) -> None:
    await operations.hub.commit(Commit(ENGINE, (), "alarms watched", timers=timers, cursor=cursor))


async def react(operations: Operations, logged: LoggedCommit, now: int | None = None) -> tuple[Timer, ...]:
    """The timers that one commit of the feed sets, once its consequences for other alarms are written."""
    at = logged.at if now is None else now
    timers: list[Timer] = []
    for entry in logged.entries:
        if logged.tenant or TYPE not in entry.types or "move" not in entry.attrs:
            continue
        alarm = find_alarm(operations, entry.id)
        if alarm is None:
            continue
        if alarm.value("clearing"):
            timers.append(Timer(CONSUMER, CALM + alarm.id, from_iso(alarm.value("clearing"))))
        if state_of(alarm) in WAITING:
            timers += _next_escalation(operations, alarm)
        if _said(entry.attrs, "active") is not None:
            await _roots(operations, alarm, at)
        # Its root or window may have ended in the very moment in which it was held.
        if state_of(alarm).held in _ENDS_WITH:
            await _try(operations, alarm.id, _ENDS_WITH[state_of(alarm).held], at)
    return tuple(timers)


def _said(attrs: Mapping[str, Attribute], name: str) -> object:
    return instance_value(default_instance(attrs.get(name)))


def _next_escalation(operations: Operations, alarm: Entity) -> list[Timer]:
    """The timer of the next step of an alarm that waits, if there is one left."""
    steps = rules_at(operations, alarm.value("unit")).steps(Priority(alarm.value("priority")))
    done = int(alarm.value("escalations", 0))
    if done >= len(steps):
        return []
    due = from_iso(alarm.value("due")) + steps[done].after
    return [Timer(CONSUMER, ESCALATE + alarm.id, due, alarm.value("since"))]


async def _roots(operations: Operations, alarm: Entity, now: int) -> None:
    """An alarm that became active holds back what it explains; one that is no longer lets it go."""
    if state_of(alarm).active:
        behind = operations.hub.find(ENGINE, TYPE, f'inhibitors=="{alarm.value("rule")}";open==true', MOST)
        for one in behind:
            await _try(operations, one.id, Move.SUPPRESS, now)
    for one in led_by(operations, ENGINE, alarm.id) if not state_of(alarm).active else ():
        await _try(operations, one.id, Move.RELEASE, now)


async def _try(operations: Operations, name: str, move: Move, now: int) -> None:
    """Make one of the moves that no person makes, if it still is to be made; decided again on a conflict."""
    while (alarm := find_alarm(operations, name)) is not None:
        attrs = _attributes(operations, alarm, move, now)
        if attrs is None:
            return
        change = Change(Op.APPEND, name, attrs={**attrs, **moved(move, now)})
        try:
            await operations.hub.commit(Commit(ENGINE, (change,), move.value, {name: alarm.version}, owner=OWNER))
        except Conflict:
            continue
        return


def _attributes(operations: Operations, alarm: Entity, move: Move, now: int) -> dict[str, Attribute] | None:
    """What a move writes; None when it is not to be made as the alarm stands now."""
    state, one = state_of(alarm), about(alarm)
    if (state, move) not in NEXT:
        return None
    root = root_of(operations, one, tuple(alarm.value("inhibitors", ())), alarm.value("inhibitedWithin", ""))
    if move is Move.SUPPRESS:
        return {**standing(after(state, move), now), "suppressedBy": prop(root)} if root else None
    if move is Move.RELEASE:
        if root:  # Another root explains it still.
            return {"suppressedBy": prop(root)} if root != alarm.value("suppressedBy") else None
        return _let_go(operations, alarm, move, now)
    window = window_over(operations, one, now)
    if move is Move.TAKE_OUT:
        return {**standing(after(state, move), now), "outBy": prop(window)} if window else None
    if window:  # PUT_BACK, and other work goes on there.
        return {"outBy": prop(window)} if window != alarm.value("outBy") else None
    return _let_go(operations, alarm, move, now)


def _let_go(operations: Operations, alarm: Entity, move: Move, now: int) -> dict[str, Attribute]:
    """An alarm that comes back; behind a root that is active it stands again."""
    following = after(state_of(alarm), move)
    attrs = {**anew(operations, alarm, now), **standing(following, now)}
    root = root_of(operations, about(alarm), tuple(alarm.value("inhibitors", ())), alarm.value("inhibitedWithin", ""))
    if following == UNSEEN and root:
        return {**attrs, **standing(after(UNSEEN, Move.SUPPRESS), now), "suppressedBy": prop(root)}
    return attrs


async def ring(operations: Operations, now: int | None = None) -> int:
    """Act on the timers that are due; how many rang. One whose effect met another hand stands and rings again."""
    at = now_us() if now is None else now
    rang = operations.hub.due_timers(CONSUMER, at)
    for name, payload in rang:
        if not await _rang(operations, name, payload, at):
            await _keep(operations, (Timer(CONSUMER, name, None),))
    return len(rang)


async def _rang(operations: Operations, name: str, payload: str, now: int) -> bool:
    """Act on one timer; whether it was dealt with (moved, taken away, or to ring again)."""
    what, bar, about_id = name.partition("|")
    what += bar
    if what in (STARTS, ENDS):
        await _work(operations, about_id, what == ENDS, now)
        return False
    alarm = find_alarm(operations, about_id)
    if alarm is None:
        return False
    if what == BACK:
        return await _back(operations, alarm, now)
    return await (_calm(operations, alarm, now) if what == CALM else _escalate(operations, alarm, payload, now))


async def _back(operations: Operations, alarm: Entity, now: int) -> bool:
    """A shelved alarm whose time is over returns."""
    until = alarm.value("shelvedUntil")
    if state_of(alarm).held is not Held.SHELVED or not until:
        return False
    if from_iso(until) > now:
        await _keep(operations, (Timer(CONSUMER, BACK + alarm.id, from_iso(until)),))
        return True
    try:
        await unshelve(operations, ENGINE, alarm.id, now)
    except IllegalMove:
        return False  # Somebody brought it back at this very moment.
    await _try(operations, alarm.id, Move.TAKE_OUT, now)
    await _try(operations, alarm.id, Move.SUPPRESS, now)
    return True


async def _calm(operations: Operations, alarm: Entity, now: int) -> bool:
    """An alarm that chattered and has been calm for long enough clears."""
    until, state, name = alarm.value("clearing"), state_of(alarm), CALM + alarm.id
    if not until or (state, Move.CLEAR) not in NEXT:
        return False
    if from_iso(until) > now:
        await _keep(operations, (Timer(CONSUMER, name, from_iso(until)),))
        return True
    change = Change(Op.APPEND, alarm.id, attrs=cleared(state, now))
    gone = (Timer(CONSUMER, name, None),)
    with suppress(Conflict):  # It moves right now: the timer rings again.
        expect = {alarm.id: alarm.version}
        await operations.hub.commit(Commit(ENGINE, (change,), "calm", expect, timers=gone, owner=OWNER))
    return True


async def _work(operations: Operations, name: str, over: bool, now: int) -> None:
    """Announced work begins, or is over: its alarms go out of service, or come back."""
    try:
        window = operations.hub.get(ENGINE, name)
    except Missing:
        return
    if WINDOW not in window.types:
        return
    if not over:
        await _take_out(operations, window, now)
        return
    if not window.value("ended"):
        change = Change(Op.APPEND, name, attrs={"ended": prop(True)})
        await operations.hub.commit(Commit(ENGINE, (change,), "work over", owner=OWNER))
    for alarm in out_by(operations, name):
        await _try(operations, alarm.id, Move.PUT_BACK, now)


async def _take_out(operations: Operations, window: Entity, now: int) -> None:
    """Everything that the window covers and that calls somebody, or would."""
    for which in ("open==true", f'held=="{Held.SHELVED}"', f'held=="{Held.SUPPRESSED}"'):
        for alarm in operations.hub.find(ENGINE, TYPE, which, MOST):
            if covers(operations, window, about(alarm)):
                await _try(operations, alarm.id, Move.TAKE_OUT, now)


async def _escalate(operations: Operations, alarm: Entity, since: str, now: int) -> bool:
    """What nobody acknowledged in time goes to the next, and an office is written to where the rules name one."""
    steps = rules_at(operations, alarm.value("unit"), now).steps(Priority(alarm.value("priority")))
    done = int(alarm.value("escalations", 0))
    if state_of(alarm) not in WAITING or alarm.value("since") != since or done >= len(steps):
        return False
    step, name = steps[done], ESCALATE + alarm.id
    due = from_iso(alarm.value("due"))
    if due + step.after > now:
        await _keep(operations, (Timer(CONSUMER, name, due + step.after, since),))
        return True
    if step.mail and operations.messages is not None:  # The same cause is one message, however often this is tried.
        await queue(operations.messages, (_letter(operations, alarm, step),), now=now)
    to = _next_hand(operations, alarm, step)
    attrs: dict[str, Attribute] = {
        "escalatedTo": prop(to),
        "escalatedAt": prop(iso(now)),
        "escalations": prop(done + 1),
        **moved(Move.ESCALATE, now),
    }
    change = Change(Op.APPEND, alarm.id, attrs=attrs)
    later = due + steps[done + 1].after if done + 1 < len(steps) else None
    timers, expect = (Timer(CONSUMER, name, later, since),), {alarm.id: alarm.version}
    with suppress(Conflict):  # A hand is on it right now: the timer rings again and sees what stands.
        reason = f"{step.id}: {to}"
        await operations.hub.commit(Commit(ENGINE, (change,), reason, expect, timers=timers, owner=OWNER))
    return True


def _next_hand(operations: Operations, alarm: Entity, step: Escalation) -> str:
    """The code of the unit whose leader hears of it: the one that has it, or the one above."""
    code = unit_of(alarm.value("unit") or operations.home)
    if step.to == LEADER or not operations.territory.knows(code):
        return code or "duty"
    chain = [one.code for one in operations.territory.chain(code)]
    return chain[-2] if len(chain) > 1 else code


def _letter(operations: Operations, alarm: Entity, step: Escalation) -> Draft:
    """The message to an office: what, where and since when; no link that opens anything by itself."""
    name = alarm.value("name", {})
    since = to_datetime(from_iso(alarm.value("since"))).astimezone(VIETNAM)
    params = {
        "name": str(name.get("vi", "") if isinstance(name, dict) else name),
        "place": str(alarm.value("subjectName") or alarm.value("unit", "")),
        "since": f"{since:%H:%M %d/%m/%Y}",
        "address": f"/alarm/{alarm.id.rpartition(':')[2]}",
    }
    return Draft(f"{alarm.id}@{alarm.value('since')}:{step.id}", TEMPLATE, alarm.id, office=step.mail, params=params)
