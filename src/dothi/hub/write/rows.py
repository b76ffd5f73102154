"""What a commit writes of one entity: its head, its entry in the log, and what became of the change."""

from dothi.hub.model import ABSENT, Attribute, Change, Entity, Result
from dothi.hub.store import codec
from dothi.hub.store.codec import Doc, Entry
from dothi.hub.store.port import Head
from dothi.hub.write.apply import Outcome, instant
from dothi.hub.write.fading import lasting

_FADES = b'"expiresAt":'  # In the bytes of every entity of which an instance may expire.


def touched(outcome: Outcome) -> tuple[str, ...] | None:
    """The attributes that an outcome changed; None when it replaced them all."""
    if outcome.whole:
        return None
    return (*outcome.written, *(gone.partition(" ")[0] for gone in outcome.dropped))


def head_after(outcome: Outcome, head: Head | None, eid: int, kind: int, seq: int, at: int) -> Head:
    """Where the entity stands after an outcome, with its document."""
    version = (head.version if head else ABSENT) + 1
    ahead = max(head.ahead if head else 0, observed_ahead(outcome.written, at), observed_ahead(outcome.late, at))
    after = outcome.after
    if after is None:
        modified = head.modified if head and outcome.status == "recorded" else at
        return Head(eid, kind, version, seq, head.created if head else at, modified, ahead, None)
    if outcome.status == "recorded":
        assert head is not None
        return head._replace(version=version, seq=seq, ahead=ahead)
    doc = codec.encode(Doc(after.id, after.types, after.attrs, after.scope or None))
    if after.expires_at or _FADES in doc:
        after = outcome.after = lasting(after)
        expires, fades = after.expires_at or None, after.fades_at
        doc = codec.encode(Doc(after.id, after.types, after.attrs, after.scope or None, expires=expires, fades=fades))
    return Head(eid, kind, version, seq, after.created_at, after.modified_at, ahead, doc)


def observed_ahead(attrs: dict[str, Attribute], at: int) -> int:
    """How far the latest observedAt among `attrs` lies after `at` (µs); 0 when none does."""
    ahead = 0
    for attribute in attrs.values():
        for one in attribute if isinstance(attribute, list) else (attribute,):
            stamp = one.get("observedAt")
            if stamp is not None:
                ahead = max(ahead, instant(stamp) - at)
    return ahead


def entry_of(entity_id: str, outcome: Outcome, before: Entity | None, head: Head | None, after: Head) -> Entry:
    """What the log keeps of it."""
    status = "deleted" if outcome.after is None else ("created" if before is None else "updated")
    if outcome.status == "recorded":
        status = "recorded"
    if outcome.whole and after.doc is not None:
        body = after.doc  # The whole state is the change: the same bytes serve both.
    else:
        stands = outcome.after or before
        types = outcome.kinds or (stands.types if stands else ())
        dropped, erased = tuple(outcome.dropped), tuple(outcome.erased)
        written = (outcome.written, outcome.scope, dropped, outcome.late, erased, outcome.amended, outcome.expires)
        body = codec.encode(Doc(entity_id, types, *written))
    return Entry(after.eid, head.seq if head else 0, after.version, status, outcome.whole, body)  # type: ignore[arg-type]


def result_of(change: Change, outcome: Outcome, version: int) -> Result:
    """What the caller is told."""
    gone = (name.partition(" ")[0] for name in outcome.dropped)
    updated = tuple(dict.fromkeys((*outcome.written, *outcome.late, *gone)))
    return Result(change.id, outcome.status, version, updated, tuple(outcome.not_updated))
