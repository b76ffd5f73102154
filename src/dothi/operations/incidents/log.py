"""The log of an incident or a shift: lines are written once and never changed; the hub's own trail stands between them.

A line typed while the line was down carries when it was typed beside when it came in. `key` makes a repeat harmless.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dothi.ground.clock import DAY, MINUTE, from_iso, iso, now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Commit, Entity, LoggedCommit, create, instance_value, prop, rel
from dothi.operations.incidents.model import SYSTEM, WORDS_LETTERS, several
from dothi.operations.model import OWNER, Operations

TYPE = "LogEntry"
ABOUT = frozenset({"Incident", "Shift", "Order", "Warning", "Alarm", "Bulletin", "IncidentReview", "Suggestion"})
AHEAD, BEHIND = 5 * MINUTE, 7 * DAY  # How far a device's clock may be off; how long a line may wait to be sent.
_LINES_MAX = 1_000
_TRAIL_MAX = 500


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log: a person's words, or a deed on the thing itself. Instants in µs."""

    at: int  # When it was typed or done.
    known: int  # When it was written down.
    by: str
    words: str  # What a person wrote; "" for a deed.
    deed: dict[str, Any]  # {"verb": …} with what it says; {} for a person's words.
    thing: str  # Entity id of what the line is about.
    kind: str = "note"
    drill: bool = False

    @property
    def delayed(self) -> bool:
        """Whether it came in noticeably after it was typed: the line was down."""
        return self.known - self.at > MINUTE


async def write_entry(  # noqa: PLR0913  # A line of a log is these things together.
    operations: Operations,
    actor: Actor,
    about: str,
    words: str,
    typed_at: int | None = None,
    key: str | None = None,
    drill: bool = False,
    now: int | None = None,
    kind: str = "note",
) -> str:
    """Write one line about an incident, shift, order, warning …; returns its id (the same one for the same key).

    `typed_at` (µs) is when it was typed on a device that was offline. Missing when `actor` may not see the thing.
    """
    at = now_us() if now is None else now
    said = words.strip()
    if not said or len(said) > WORDS_LETTERS:
        raise Invalid(f"Write something, up to {WORDS_LETTERS} letters.", field="words")
    thing = operations.hub.get(actor, about)
    if ABOUT.isdisjoint(thing.types):
        raise Invalid(f"A log is kept of {', '.join(sorted(ABOUT))}, not of {thing.types[0]}.", field="about")
    name = _id(actor, about, key)
    entry = create(
        name,
        TYPE,
        about=rel(about),
        words=prop(said),
        typedAt=prop(iso(_typed(typed_at, at))),
        by=prop(actor.id),
        kind=prop(kind),
        drill=prop(drill or bool(thing.value("drill", False))),
        unit=prop(_unit(operations, actor, thing)),
    )
    try:
        await operations.hub.commit(Commit(actor, (entry,), "log", {name: ABSENT}, owner=OWNER))
    except Conflict:
        if key is None:
            raise
    return name


def _id(actor: Actor, about: str, key: str | None) -> str:
    """A new name, or the one that this key of this person always has."""
    if key is None:
        return urn(TYPE)
    return urn(TYPE, hashlib.sha256(f"{actor.id}\n{about}\n{key}".encode()).hexdigest()[:32])


def _typed(typed_at: int | None, now: int) -> int:
    """When it was typed. Invalid when a device's clock cannot be right."""
    if typed_at is None:
        return now
    if typed_at > now + AHEAD or typed_at < now - BEHIND:
        raise Invalid(f"The line says it was typed at {iso(typed_at)}: set the clock of the device.", field="typedAt")
    return min(typed_at, now)


def _unit(operations: Operations, actor: Actor, thing: Entity) -> str:
    """Where the line lies: with the thing, or with the writer whose area does not hold it (a unit under orders)."""
    unit = thing.value("unit", "")
    held = {code for area in actor.areas for code in (*operations.territory.within(area), area)}
    return unit if not actor.areas or unit in held else min(actor.areas)


def read_log(
    operations: Operations, actor: Actor, about: str, also: Sequence[str] = (), trail: bool = True
) -> list[Line]:
    """All lines of a thing and of `also` (its orders, say), deeds and words in the order in which they happened.

    Whoever may see the thing reads its whole log. Missing when `actor` may not see it.
    """
    operations.hub.get(actor, about)
    things = (about, *also)
    lines = [line for thing in things for line in _entries(operations, thing)]
    if trail:
        lines += [line for thing in things for line in _deeds(operations, thing)]
    return sorted(lines, key=lambda one: (one.at, one.known))


def _entries(operations: Operations, thing: str) -> Iterator[Line]:
    for one in operations.hub.find(SYSTEM, TYPE, f'about=="{thing}"', _LINES_MAX, order=("typedAt",)):
        yield line_of(one)


def line_of(entity: Entity) -> Line:
    """The line that an entity holds."""
    value = entity.value
    return Line(
        at=from_iso(value("typedAt")),
        known=entity.created_at,
        by=value("by", ""),
        words=value("words", ""),
        deed={},
        thing=next(iter(several(value("about"))), ""),
        kind=value("kind", "note"),
        drill=value("drill", False),
    )


def _deeds(operations: Operations, thing: str) -> Iterator[Line]:
    for commit in reversed(operations.hub.trail(SYSTEM, thing, limit=_TRAIL_MAX)):
        deed = _deed(commit)
        at = from_iso(deed["at"]) if "at" in deed else commit.at
        yield Line(at, at, commit.actor, "", deed, thing, "deed")


def _deed(commit: LoggedCommit) -> dict[str, Any]:
    """What one commit did: the `deed` it says itself, else its reason."""
    for entry in commit.entries:
        said = entry.attrs.get("deed")
        found = instance_value(said) if isinstance(said, dict) else None
        if isinstance(found, dict):
            return found
    return {"verb": commit.reason}
