"""What a change makes of an entity's past: histories are added to, corrected and erased by commits that say so.

What stands now is untouched: the log keeps what was written before, and reading leaves out what was erased.
"""

from dothi.ground.errors import Invalid
from dothi.hub.model import Change, Entity, Op, instances
from dothi.hub.write.apply import Draft, Outcome
from dothi.hub.write.fading import expired, without_expired

WHOLE = "e"  # Erases the whole evolution; see model.Logged.erased for the others.
DEFAULT = "@none"  # Names the instances without datasetId.
PAST = frozenset({Op.RECORD, Op.CORRECT, Op.ERASE})


def tell(before: Entity | None, change: Change, types: tuple[str, ...], now: int) -> Outcome:
    """The outcome of a change of history; `types` are those known of the entity, living or not. Raises Invalid.

    Only a type that is new to an entity reaches what stands now (clause 5.6.11.4).
    """
    kinds = tuple(dict.fromkeys((*types, *change.types)))
    if not kinds:
        raise Invalid(f"{change.id} has no type: a history that begins needs one.", entity=change.id)
    outcome = Outcome("recorded", before, kinds=kinds)
    if before is not None and kinds != before.types:
        draft = Draft(before, now)
        draft.widen(Change(Op.APPEND, change.id, kinds))
        outcome = draft.finish()
    if change.op is Op.RECORD:
        outcome.late = dict(change.attrs)
    elif change.op is Op.CORRECT:
        (attribute,) = change.attrs.values()
        outcome.amended = {change.instance: instances(attribute)[0]}
    else:
        outcome.erased = [_erased(change)]
    return outcome


def _erased(change: Change) -> str:
    if change.instance:
        return f"i {change.instance}"
    if not change.name:
        return WHOLE
    return f"a {change.name}" if change.every else f"a {change.name} {change.dataset or DEFAULT}"


def expire(before: Entity | None, now: int) -> Outcome:
    """Delete what has expired of an entity (clause 4.22); "unchanged" when nothing has."""
    if before is None or not 0 < before.fades_at <= now:
        return Outcome("unchanged", before)
    if 0 < before.expires_at <= now:
        return Outcome("deleted", None, whole=True)
    draft = Draft(before, now)
    for name, attribute in before.attrs.items():
        for instance in instances(attribute):
            if expired(instance, now):
                draft.drop(name, instance.get("datasetId"))
            elif (left := without_expired(instance, now)) is not instance:
                draft.put(name, left)
    return draft.finish()
