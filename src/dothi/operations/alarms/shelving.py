"""Alarms that a person shelves: with a reason, for a limited time, back by itself, and looked at by each shift."""

from dothi.ground.clock import HOUR, from_iso, iso, now_us
from dothi.hub.model import Actor, Attribute, Entity, Receipt, Timer, prop
from dothi.operations.alarms.handling import rules_at
from dothi.operations.alarms.reading import held_alarms, state_of
from dothi.operations.alarms.service import Deed, act, with_comment
from dothi.operations.alarms.workflow import Held, Move, Step
from dothi.operations.model import Operations, Priority

CONSUMER = "alarms"
BACK = "back|"  # Timers that bring a shelved alarm back.
SHIFT = 8 * HOUR  # A shelved alarm is looked at once in so long.


def timer(name: str, until: int | None) -> Timer:
    """The timer that brings an alarm back; None takes it away."""
    return Timer(CONSUMER, f"{BACK}{name}", until)


async def shelve(
    operations: Operations, actor: Actor, name: str, hours: float, reason: str, now: int | None = None
) -> Receipt:
    """Keep an alarm quiet for so many hours, as long as its priority allows; it comes back by itself.

    Invalid without a reason or beyond the limit, IllegalMove when it is held already or closed.
    """
    at = now_us() if now is None else now
    until = at + round(hours * HOUR)

    def step(alarm: Entity) -> tuple[Step, Deed]:
        limits = rules_at(operations, alarm.value("unit"), at).waiting[Priority(alarm.value("priority"))]
        attrs: dict[str, Attribute] = {
            "shelvedUntil": prop(iso(until)),
            "shelvedAt": prop(iso(at)),
            "shelvedBy": prop(actor.id),
            "shelvedWhy": prop(reason.strip()),
            "reviewedAt": prop(iso(at)),
            "reviewedBy": prop(actor.id),
            "clearing": prop(""),
            "chattering": prop(False),
        }
        asked = Step(reason, hours=hours, most_hours=limits.shelve_most_hours)
        return asked, Deed(attrs | with_comment(alarm, actor, reason, at), (timer(name, until),), reason.strip())

    return await act(operations, actor, name, Move.SHELVE, step, at)


async def unshelve(operations: Operations, actor: Actor, name: str, now: int | None = None) -> Receipt:
    """Bring it back now: as a new alarm when its condition holds, else closed."""
    at = now_us() if now is None else now

    def step(alarm: Entity) -> tuple[Step, Deed]:
        return Step(), Deed(anew(operations, alarm, at), (timer(name, None),), "back from the shelf")

    return await act(operations, actor, name, Move.UNSHELVE, step, at)


def anew(operations: Operations, alarm: Entity, now: int) -> dict[str, Attribute]:
    """What an alarm that is held no longer says: where its condition holds, its time to be taken begins now."""
    attrs: dict[str, Attribute] = {"suppressedBy": prop(""), "shelvedUntil": prop(""), "outBy": prop("")}
    if not state_of(alarm).active:
        return attrs
    limits = rules_at(operations, alarm.value("unit"), now).waiting[Priority(alarm.value("priority"))]
    due = now + round(limits.acknowledge.hours * HOUR)
    return attrs | {"due": prop(iso(due)), "since": prop(iso(now)), "escalatedTo": prop(""), "escalations": prop(0)}


def shelved(operations: Operations, actor: Actor) -> list[Entity]:
    """What is shelved, the one that comes back first on top."""
    return held_alarms(operations, actor, Held.SHELVED)


def unreviewed(alarm: Entity, now: int) -> bool:
    """Whether nobody has looked for a shift whether a shelved alarm may stay so."""
    return now - from_iso(alarm.value("reviewedAt", alarm.value("shelvedAt"))) >= SHIFT
