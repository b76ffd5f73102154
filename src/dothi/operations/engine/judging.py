"""The evaluator: values and time go in, turns of alarms come out. It reads neither a clock nor the hub.

`observe` tells of a value, `tick` that time has passed, `forget` that a subject is gone; each returns the turns since
the last call. Between two calls everything that falls due is judged in order of time, at the instant at which it falls
due: so the same values give the same turns whether they come live, after an outage or in a trial over 90 days.

    memory = Memory(program_of(rules))
    for value in values:            # In the order in which they were known.
        turns = observe(memory, subject, types, unit, attribute, value, observed, known)
    turns = tick(memory, end)
"""

from collections.abc import Collection, Sequence

from dothi.operations.engine.areas import Gathering
from dothi.operations.engine.hours import at_work, next_look
from dothi.operations.engine.memory import (
    Instance,
    Key,
    Memory,
    Subject,
    Types,
    Watch,
    leave,
    plan_of,
    subject_instance,
    takers_of,
    taking,
)
from dothi.operations.engine.program import REFRESH, Compiled, Truth
from dothi.operations.engine.signals import Heard, Newest, Signal
from dothi.operations.rules.model import Reason, Turn

NOTHING: Sequence[Turn] = ()


def observe(  # A value is these things together; a struct for each would cost as much as the rules.
    memory: Memory,
    subject: str,
    types: Types,
    unit: str,
    attribute: str,
    value: float | None,
    observed: int,
    known: int,
) -> Sequence[Turn]:
    """A value of a subject came. `value` None: it was no number, but a sign of life.

    `unit` is the commune that the subject lies in ("" not known), instants are µs. A value that is not newer than the
    newest one known changes nothing.
    """
    if known > memory.now:
        _advance(memory, known)
    person = memory.subjects.get(subject)
    if person is None or person.unit != unit or person.types != types:
        person = enrol(memory, subject, types, unit, person)
    observed = min(observed, known)
    before = person.seen.get(attribute)
    if before is None or observed > before[0] or (observed == before[0] and value != before[1]):
        person.seen[attribute] = (observed, value, known)
        _tell(memory, subject, person, attribute, value, observed, known)
    return fetch(memory)


def tick(memory: Memory, now: int) -> Sequence[Turn]:
    """Time has passed up to `now`."""
    if now > memory.now:
        _advance(memory, now)
    return fetch(memory)


def forget(memory: Memory, subject: str, known: int) -> Sequence[Turn]:
    """A subject is gone: its alarms clear, it counts nowhere any more."""
    if known > memory.now:
        _advance(memory, known)
    person = memory.subjects.pop(subject, None)
    if person is not None:
        _leave(memory, subject, person)
    return fetch(memory)


def fetch(memory: Memory) -> Sequence[Turn]:
    """The turns that nobody has fetched yet."""
    if not memory.turns:
        return NOTHING
    found, memory.turns = memory.turns, []
    return found


def enrol(memory: Memory, name: str, types: Types, unit: str, before: Subject | None = None) -> Subject:
    """A subject that is new, has moved to another unit or is of another type: it starts anew there."""
    if before is not None:
        _leave(memory, name, before)
    person = memory.subjects[name] = Subject(types, unit, plan_of(memory, unit, types))
    for attribute, (observed, value, known) in before.seen.items() if before is not None else ():
        person.seen[attribute] = (observed, value, known)
        _tell(memory, name, person, attribute, value, observed, memory.now)
    return person


def _leave(memory: Memory, name: str, person: Subject) -> None:
    leave(memory, name, person)
    for instance in person.instances.values():
        if instance.active:
            memory.turns.append(gone(instance, memory.now))
    for some in person.plan.gatherings.values():
        for gathering in some:
            _look(memory, gathering, memory.now)


def _tell(
    memory: Memory, name: str, person: Subject, attribute: str, value: float | None, observed: int, known: int
) -> None:
    plan = person.plan
    watch = plan.own.get(attribute)
    if watch is not None:
        if watch.others:
            _hand_on(memory, name, person, watch, attribute, value, observed, known)
        if attribute not in person.calm or not (value is None or watch.above < value < watch.below):
            for one in watch.plain:
                _own(memory, name, person, one, attribute, value, observed, known)
            _calm(person, watch, attribute)
    for gathering in plan.gatherings.get(attribute, ()):
        if gathering.take(name, value, observed, known):
            memory.wake(gathering, gathering.wake())
            _look(memory, gathering, known)


def _hand_on(
    memory: Memory,
    name: str,
    person: Subject,
    watch: Watch,
    attribute: str,
    value: float | None,
    observed: int,
    known: int,
) -> None:
    """A value for the rules that are not plain: for most of them it joins a window, and that is all."""
    takers = person.takers.get(attribute)
    if takers is None:
        takers = person.takers[attribute] = takers_of(memory, name, person, watch.others, attribute)
    late = known - observed
    if value is not None:
        for window in takers.windows:
            if late <= window.age:
                window.take(value, observed)
    stirred = [pack for pack in takers.packs if late <= pack.age and not pack.calm(known)]
    if stirred or takers.alone:
        for instance, signals, pack in takers.every:
            if late <= instance.compiled.age_us and (pack is None or pack in stirred):
                _give(memory, instance, signals, value, observed, known)
        for pack in stirred:
            pack.settle()


def _own(
    memory: Memory,
    name: str,
    person: Subject,
    one: Compiled,
    attribute: str,
    value: float | None,
    observed: int,
    known: int,
) -> None:
    """A value for a plain rule: one comparison while all is well."""
    instance = person.instances.get(one.rule.id)
    if known - observed > one.age_us and not one.silence:
        return
    if instance is None:
        if one.plain is not None and (value is None or not one.plain.bound.met(value, _stands(memory, one, name))):
            return
        if one.rule.only.subjects and name not in one.rule.only.subjects:
            return
        instance = subject_instance(memory, name, person, one)
    _give(memory, instance, taking(instance, attribute), value, observed, known)


def _give(
    memory: Memory,
    instance: Instance,
    signals: tuple[Signal, ...],
    value: float | None,
    observed: int,
    known: int,
) -> None:
    for signal in signals:
        signal.take(value, observed)
    if instance.active or not _falls_short(memory, instance, signals, known):
        settle(memory, instance, observed, known)


def _calm(person: Subject, watch: Watch, attribute: str) -> None:
    """Note whether the plain rules on an attribute can be passed over: none is up, begun, or without a wake."""
    for one in watch.plain:
        instance = person.instances.get(one.rule.id)
        if instance is None:
            continue
        met = False if one.silence else instance.signals[0].met  # type: ignore[union-attr]
        if instance.active or met or instance.true_since >= 0 or (one.silence and instance.wake_at < 0):
            person.calm.discard(attribute)
            return
    person.calm.add(attribute)


def _stands(memory: Memory, one: Compiled, name: str) -> bool:
    return bool(memory.standing) and (one.rule.id, name) in memory.standing


def _falls_short(memory: Memory, instance: Instance, signals: tuple[Signal, ...], known: int) -> bool:
    """Whether a leaf does not hold without which the whole cannot: then only this leaf is watched."""
    if instance.compiled.needs_all:
        for signal in signals:
            if not signal.truth(known):
                instance.true_since = -1
                wake = signal.wake()
                if wake is not None and wake > known:
                    memory.wake(instance, wake)
                return True
    return False


def _look(memory: Memory, gathering: Gathering, now: int) -> None:
    """Ask the figures of a gathering, and the rules that depend on those that turned, or that stand since a while."""
    for figure in gathering.stirred():
        if figure.turned() or (figure.held and now - figure.told >= REFRESH):
            figure.told = now
            for instance in tuple(figure.dependents):
                settle(memory, instance, now, now)


def _advance(memory: Memory, now: int) -> None:
    """Judge all that falls due up to `now`, each at its own instant."""
    while (found := memory.next_due(now)) is not None:
        due, one = found
        memory.now = max(memory.now, due)
        if isinstance(one, Gathering):
            one.expire(due)
            memory.wake(one, one.wake())
            _look(memory, one, due)
        elif one.pack is not None and one.pack.calm(due):
            memory.wake(one, one.pack.wake())
        else:
            settle(memory, one, due, due)
    memory.now = now


def settle(memory: Memory, instance: Instance, since: int, now: int) -> None:
    """Judge one rule at `now`; what it says now, it says `since` then."""
    if instance.pack is not None:
        instance.pack.quiet = False
    holds = _holds(memory, instance, now)
    due: int | None = None
    if holds:
        due = _while_true(memory, instance, since, now)
    elif holds is None:
        instance.true_since = instance.false_since = -1
    else:
        due = _while_false(memory, instance, since, now)
    wakes = [wake for signal in instance.signals if (wake := signal.wake()) is not None]
    if due is not None:
        wakes.append(due)
    schedule = instance.compiled.rule.schedule
    if schedule is not None and (holds or instance.active or _root(instance, now)):
        wakes.append(next_look(schedule, now))
    if wakes:
        later = [wake for wake in wakes if wake > now]
        memory.wake(instance, min(later, default=None))


def _root(instance: Instance, now: int) -> Truth:
    return instance.compiled.judge([signal.truth(now) for signal in instance.signals])


def _holds(memory: Memory, instance: Instance, now: int) -> Truth:
    schedule = instance.compiled.rule.schedule
    if schedule is not None and not at_work(schedule, now, memory.program.calendar):
        return False
    return _root(instance, now)


def _while_true(memory: Memory, instance: Instance, since: int, now: int) -> int | None:
    """The condition holds: raise the alarm when it did long enough; returns when that will be."""
    instance.false_since = -1
    if instance.true_since < 0:
        instance.true_since = since
    if instance.active:
        if now - instance.told >= REFRESH:
            _turn(memory, instance, True, now)
        return None
    due = instance.true_since + instance.compiled.for_us
    if now < due:
        return due
    instance.active = True
    _turn(memory, instance, True, now)
    return None


def _while_false(memory: Memory, instance: Instance, since: int, now: int) -> int | None:
    """The condition does not hold: clear the alarm when it did not for long enough; returns when that will be."""
    instance.true_since = -1
    if not instance.active:
        return None
    if instance.false_since < 0:
        instance.false_since = since
    due = instance.false_since + instance.compiled.hold_us
    if now < due:
        return due
    instance.active = False
    _turn(memory, instance, False, now)
    instance.false_since = -1
    return None


def _turn(memory: Memory, instance: Instance, raised: bool, now: int) -> None:
    instance.told = now
    if instance.subject:
        memory.subjects[instance.subject].calm.clear()
    since = instance.true_since if raised else instance.false_since
    memory.turns.append(turn(instance, raised, since, now))


def turn(instance: Instance, raised: bool, since: int, now: int) -> Turn:
    """What a rule says of its alarm, with the reasons as they stand."""
    reasons = tuple(signal.reason(now) for signal in instance.signals)
    place = _speaker(reasons, raised)
    speaks, signal = reasons[place], instance.signals[place]
    return Turn(
        rule=instance.compiled.rule,
        subject=instance.subject,
        area=instance.area,
        unit=instance.unit,
        raised=raised,
        value=None if speaks.kind == "noData" else speaks.value,
        attribute=speaks.attribute,
        observed=signal.observed if isinstance(signal, Newest) and signal.observed >= 0 else now,
        since=since if since >= 0 else now,
        at=now,
        reasons=reasons,
        rule_set=instance.compiled.rule_set,
    )


def _speaker(reasons: Sequence[Reason], raised: bool) -> int:
    """The place of the leaf whose figure an alarm shows: the first that speaks for the turn."""
    return next((place for place, one in enumerate(reasons) if one.held is raised), 0)


def gone(instance: Instance, now: int) -> Turn:
    """The turn that clears an alarm whose rule or subject is not there any more."""
    rule = instance.compiled.rule
    reason = Reason("gone", "", None)
    return Turn(rule, instance.subject, instance.area, instance.unit, False, None, "", now, now, now, (reason,))


def excuse(memory: Memory, since: int, until: int) -> Sequence[Turn]:
    """Nobody listened between two instants (the server was down): that time is nobody's silence."""
    for instance in memory.instances():
        for signal in instance.signals:
            if isinstance(signal, Heard):
                signal.excuse(since, until)
    for gathering in memory.gatherings.values():
        gathering.excuse(until)
        memory.wake(gathering, gathering.wake())
        _look(memory, gathering, memory.now)
    return fetch(memory)


def reconcile(memory: Memory, up: Collection[Key], now: int) -> Sequence[Turn]:
    """Take for active what is active in the hub (`up`), forget the turns so far, and say what must turn now."""
    memory.turns.clear()
    memory.now = max(memory.now, now)
    for instance in tuple(memory.instances()):
        instance.active = instance.key in up
        settle(memory, instance, memory.now, memory.now)
    return fetch(memory)
