"""The life of a consultation as one table: which verb, by whom, in which state, leads where; and its one commit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dothi.citizens.consultations.model import (
    AUTHOR,
    CLUSTER,
    COMMENT,
    SUPPORT,
    Cluster,
    Comment,
    Consultation,
    IllegalStep,
    NoSuchComment,
    NoSuchConsultation,
    State,
    cluster_of,
    comment_of,
    consultation_of,
    id_of,
)
from dothi.citizens.model import OWNER, NotYours
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.citizens.rules.consulting import ConsultationRules
from dothi.ground.clock import iso
from dothi.ground.errors import Missing
from dothi.ground.ids import urn
from dothi.hub.language.nodes import And, Compare, Condition, Query, TypeIs
from dothi.hub.model import Actor, Attribute, Change, Commit, Entity, Timer, amend, json_prop, prop, read_one

STAFF = frozenset({"official", "programme_officer"})
CLOCK = frozenset({"system"})
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Move:
    """In `state`, `verb` by one of `roles` leads to `next`."""

    state: State
    verb: str
    roles: frozenset[str]
    next: State


def _rows(states: tuple[State, ...], verb: str, roles: frozenset[str], to: State | None = None) -> tuple[Move, ...]:
    return tuple(Move(state, verb, roles, to or state) for state in states)


BEFORE, RUNNING = (State.PREPARED,), (State.OPEN,)
MODERATED = (State.OPEN, State.CLOSED, State.ANSWERED)
ANSWERING = (State.OPEN, State.CLOSED)
# States, verb, who, next state (None: stays).
MOVES: tuple[Move, ...] = (
    *_rows(BEFORE, "change", STAFF),
    *_rows(BEFORE, "write", STAFF),
    *_rows(BEFORE, "announce", STAFF),
    *_rows(BEFORE, "recall", STAFF),
    *_rows(BEFORE, "open", STAFF | CLOCK, State.OPEN),
    *_rows(RUNNING, "extend", STAFF),
    *_rows(RUNNING, "close", CLOCK, State.CLOSED),
    *_rows(ANSWERING, "enter", STAFF),
    *_rows(MODERATED, "hide", STAFF),
    *_rows(MODERATED, "restore", STAFF),
    *_rows(MODERATED, "decide", STAFF),
    *_rows(MODERATED, "appeal", CLOCK),
    *_rows(ANSWERING, "group", STAFF),
    *_rows(ANSWERING, "answer", STAFF),
    *_rows((State.CLOSED,), "finish", STAFF, State.ANSWERED),
    *_rows((State.ANSWERED,), "rework", STAFF, State.CLOSED),
    *_rows((State.ANSWERED,), "publish", STAFF, State.PUBLISHED),
    *_rows((State.PUBLISHED,), "next_round", STAFF, State.PREPARED),
)
TABLE: Mapping[tuple[State, str], Move] = {(move.state, move.verb): move for move in MOVES}


def check(found: Consultation, verb: str, actor: Actor) -> Move:
    """The row to follow; IllegalStep in a state without it, NotYours for a role without it."""
    move = TABLE.get((found.state, verb))
    if move is None:
        possible = ", ".join(sorted({one.verb for one in MOVES if one.state == found.state}))
        raise IllegalStep(
            f"A consultation that is {found.state} cannot {verb.replace('_', ' ')}; possible: {possible}.",
            state=found.state,
        )
    if not move.roles & actor.roles:
        raise NotYours(f"Only {' or '.join(sorted(move.roles))} may {verb.replace('_', ' ')} a consultation.")
    return move


def verbs_for(found: Consultation, roles: frozenset[str]) -> frozenset[str]:
    """What somebody with these roles can do with it as it stands."""
    return frozenset(move.verb for move in MOVES if move.state == found.state and move.roles & roles)


def find(citizens: Citizens, actor: Actor, key: str) -> Consultation:
    """The consultation at an address, for who may see it. NoSuchConsultation otherwise."""
    try:
        return read_one(citizens.hub.get(actor, id_of(key)), consultation_of)
    except Missing as cause:
        raise NoSuchConsultation from cause


def rules_for(citizens: Citizens, unit: str | None, at: int | None = None) -> ConsultationRules:
    """The rules of consultations in force for a unit at an instant (µs; now by default)."""
    return rules_at(citizens, unit, at).consultations


def comment_by_number(citizens: Citizens, actor: Actor, number: str) -> Comment:
    """The comment with a public number. NoSuchComment when there is none or the actor may not see it."""
    try:
        return read_one(citizens.hub.get(actor, urn(COMMENT, number.upper())), comment_of)
    except Missing as cause:
        raise NoSuchComment from cause


def comments_of(citizens: Citizens, found: Consultation, number: int | None = None) -> tuple[Comment, ...]:
    """Every comment of a round (the present one by default), hidden ones too, oldest first."""
    return tuple(map(comment_of, _all(citizens, COMMENT, found, found.round if number is None else number)))


def clusters_of(citizens: Citizens, found: Consultation, number: int | None = None) -> tuple[Cluster, ...]:
    """Every group of a round (the present one by default) in the order of the text, emptied ones too."""
    groups = map(cluster_of, _all(citizens, CLUSTER, found, found.round if number is None else number))
    return tuple(sorted(groups, key=lambda one: (found.place_of(one.article), one.id)))


def supports_of(citizens: Citizens, found: Consultation) -> tuple[Entity, ...]:
    """Every support of a comment of this consultation, in all rounds."""
    return tuple(_all(citizens, SUPPORT, found, None))


def authors_of(citizens: Citizens, found: Consultation) -> tuple[Entity, ...]:
    """The sealed link of each comment to who wants to be told; for counting people, never shown."""
    return tuple(_all(citizens, AUTHOR, found, None))


def _all(citizens: Citizens, kind: str, found: Consultation, number: int | None) -> Iterable[Entity]:
    terms: tuple[Condition, ...] = (Compare(("consultation",), "==", found.id),)
    if number is not None:
        terms += (Compare(("round",), "==", number),)
    offset = 0
    while True:
        query = Query(TypeIs(kind), q=And(terms), limit=PAGE, offset=offset)
        page = citizens.hub.query(SYSTEM, query).entities
        yield from page
        if len(page) < PAGE:
            return
        offset += PAGE


async def move(  # noqa: PLR0913  # The one path of every verb.
    citizens: Citizens,
    actor: Actor,
    found: Consultation,
    verb: str,
    attrs: Mapping[str, Attribute],
    at: int,
    version: int | None = None,
    why: str = "",
    timers: tuple[Timer, ...] = (),
) -> Consultation:
    """Check the row of the table, then commit state and what the verb brings, at the version that was seen."""
    row = check(found, verb, actor)
    step = {"verb": verb, "at": iso(at)} | ({"reason": why} if why else {})
    written = {"state": prop(row.next.value), "step": json_prop(step), **attrs}
    expect = {found.id: found.version if version is None else version}
    reason = f"{verb}: {why}" if why else verb
    change = amend(found.id, **written)
    await citizens.hub.commit(Commit(actor, (change,), reason, expect, timers=timers, owner=OWNER))
    return find(citizens, SYSTEM, found.key)


async def write(
    citizens: Citizens, actor: Actor, changes: tuple[Change, ...], reason: str, expect: dict[str, int]
) -> None:
    """One commit of changes to comments and groups."""
    await citizens.hub.commit(Commit(actor, changes, reason, expect, owner=OWNER))
