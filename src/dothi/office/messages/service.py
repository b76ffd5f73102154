"""The verbs of messages: queue, list the dead ones, send one again; and how many stand where."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from dothi.accounts.policy import demand
from dothi.accounts.roles import Ability
from dothi.accounts.vault import Vault
from dothi.ground.clock import MINUTE, iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.ground.ids import urn
from dothi.hub.core import Hub
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import ABSENT, Actor, Attribute, Change, Commit, amend, create, json_prop, prop, read_one, rel
from dothi.office.messages.model import (
    OWNER,
    SYSTEM,
    TYPE,
    UNDER_WAY,
    Channel,
    Draft,
    Message,
    Messages,
    State,
    message_of,
)
from dothi.office.messages.wording import check_draft

INSTEAD = {TYPE: "POST /api/messages/{id}/replay (modules queue them)"}
LISTED_MAX = 200
ABOUT_MAX = 100_000
WAITING = (State.WAITING.value, State.FAILED.value)
UNDER_WAY_MAX = MINUTE  # Longer takes no hand-over: its process has died.
_RACES = 3


def open_messages(
    hub: Hub,
    vault: Vault,
    channels: tuple[Channel, ...] = (),
    city: str = "",
    address: str = "",
    makers: Mapping[str, Callable[[str], str]] | None = None,
) -> Messages:
    """The outbox over a hub: its type is guarded and indexed from here on."""
    hub.own(OWNER, INSTEAD)
    hub.index(TYPE, "state", "nextTry", "about")
    return Messages(hub, vault, channels, city, address, makers or {})


def message_id(draft: Draft) -> str:
    """The id that belongs to cause, addressee and template: the same again is the same message."""
    said = "\n".join((draft.cause, draft.alias or draft.to, draft.office, draft.template, draft.channel))
    return urn(TYPE, hashlib.sha256(said.encode()).hexdigest()[:32])


async def queue(
    messages: Messages, drafts: Iterable[Draft], cursor: tuple[str, int] | None = None, now: int | None = None
) -> int:
    """Keep the drafts that are not kept yet, with the cursor of a consumer; returns how many are new.

    Invalid for a draft whose template does not exist or lacks a value.
    """
    wanted = {message_id(draft): draft for draft in drafts}
    for draft in wanted.values():
        check_draft(draft)
    at = now or now_us()
    for _ in range(_RACES):
        changes = [_create(key, draft, at) for key, draft in wanted.items() if not _is_kept(messages, key)]
        if not changes and cursor is None:
            return 0
        expect = {change.id: ABSENT for change in changes}
        try:
            await messages.hub.commit(Commit(SYSTEM, tuple(changes), "message", expect, cursor=cursor, owner=OWNER))
        except Conflict:
            continue  # Somebody queued one of them meanwhile.
        return len(changes)
    raise Conflict("The messages could not be kept; they are being written by somebody else.")


def is_queued(messages: Messages, draft: Draft) -> bool:
    """Whether this message is kept already, sent or not."""
    return _is_kept(messages, message_id(draft))


def _is_kept(messages: Messages, key: str) -> bool:
    try:
        messages.hub.get(SYSTEM, key)
    except Missing:
        return False
    return True


def _create(key: str, draft: Draft, at: int) -> Change:
    attrs: dict[str, Attribute] = {
        "template": prop(draft.template),
        "about": rel(draft.about),
        "params": json_prop(dict(draft.params)),
        "links": json_prop({name: list(link) for name, link in draft.links.items()}),
        "language": prop(draft.language),
        "state": prop(State.WAITING.value),
        "tries": prop(0),
        "nextTry": prop(iso(at)),
        "madeAt": prop(iso(at)),
    }
    if draft.to:
        attrs["to"] = rel(draft.to)
    if draft.office:
        attrs["office"] = prop(draft.office)
    if draft.channel:
        attrs["channel"] = prop(draft.channel)
    if draft.until:
        attrs["until"] = prop(iso(draft.until))
    return create(key, TYPE, **attrs)


def dead(messages: Messages, actor: Actor, limit: int = LISTED_MAX) -> tuple[Message, ...]:
    """The messages given up, newest first. Forbidden without the right to manage them."""
    demand(actor, Ability.MANAGE_MESSAGES)
    query = Query(TypeIs(TYPE), q=_in_state(State.DEAD), limit=min(limit, LISTED_MAX), order=("-nextTry",))
    return tuple(message_of(one) for one in messages.hub.query(SYSTEM, query))


def standing(messages: Messages, actor: Actor) -> dict[State, int]:
    """How many messages are in each state. Forbidden without the right to manage them."""
    demand(actor, Ability.MANAGE_MESSAGES)
    return {state: _count(messages, state) for state in State}


def _count(messages: Messages, state: State) -> int:
    return messages.hub.query(SYSTEM, Query(TypeIs(TYPE), q=_in_state(state), limit=0, count=True)).count or 0


def told_about(messages: Messages, about: str) -> dict[State, int]:
    """How many messages about one entity are in each state. For modules: nobody's identity is in it."""
    counted = {state: _about(about, (state.value,), limit=0, count=True) for state in State}
    return {state: messages.hub.query(SYSTEM, query).count or 0 for state, query in counted.items()}


async def withdraw(messages: Messages, about: str, now: int | None = None) -> bool:
    """Give up what still waits about one entity; False while one of them is being handed over."""
    at = now or now_us()
    for one in messages.hub.query(SYSTEM, _about(about, WAITING, limit=ABOUT_MAX)):
        if one.value("problem") == UNDER_WAY and at - one.modified_at < UNDER_WAY_MAX:
            continue
        gone = amend(one.id, state=prop(State.DEAD.value), problem=prop("withdrawn"))
        with suppress(Conflict):
            await messages.hub.commit(Commit(SYSTEM, (gone,), "message withdrawn", {one.id: one.version}, owner=OWNER))
    return not messages.hub.query(SYSTEM, _about(about, WAITING, limit=0, count=True)).count


def _about(about: str, states: tuple[str, ...], limit: int, count: bool = False) -> Query:
    terms = (Compare(("about",), "==", about), Compare(("state",), "==", states))
    return Query(TypeIs(TYPE), q=And(terms), limit=limit, count=count)


def _in_state(state: State) -> Compare:
    return Compare(("state",), "==", state.value)


async def replay(messages: Messages, actor: Actor, key: str, now: int | None = None) -> Message:
    """Try a dead message anew. Missing when there is none, Conflict when it is not dead."""
    demand(actor, Ability.MANAGE_MESSAGES)
    kept = messages.hub.get(SYSTEM, key)
    if TYPE not in kept.types:
        raise Missing(f"There is no message {key[:100]}.")
    if message_of(kept).state is not State.DEAD:
        raise Conflict("Only a message that was given up can be sent again.")
    at = iso(now or now_us())
    again = amend(key, state=prop(State.WAITING.value), tries=prop(0), nextTry=prop(at), madeAt=prop(at))
    reason = f"sent again by {actor.id}"
    await messages.hub.commit(Commit(SYSTEM, (again,), reason, {key: kept.version}, owner=OWNER))
    return read_one(messages.hub.get(SYSTEM, key), message_of)
