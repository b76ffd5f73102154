"""The consumer that sends what waits: each try is written down before it is made, so that a crash loses nothing.

A crash between the hand-over and its note sends a message a second time, under the same id: no protocol of mail can
do better (docs/decisions/0098).
"""

import asyncio
import logging

from dothi.accounts.model import Identity
from dothi.accounts.vault import open_identity
from dothi.ground.clock import DAY, HOUR, MINUTE, from_iso, iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.hub.language.nodes import And, Compare, Condition, Exists, Query, TypeIs
from dothi.hub.model import Attribute, Commit, amend, prop
from dothi.office.messages.model import (
    OWNER,
    SYSTEM,
    TYPE,
    UNDER_WAY,
    Channel,
    Message,
    Messages,
    NotNow,
    Refused,
    State,
    message_of,
)
from dothi.office.messages.wording import letter_of

BACK_OFF = (MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY)  # After each failed try.
AGE_MAX = 7 * DAY  # What waited longer (channels were off) is news no more: a person decides.
BATCH, AT_ONCE = 100, 4
LOOK_EVERY_S = 5.0
TO_BE_SENT = (State.WAITING.value, State.FAILED.value)
log = logging.getLogger("dothi.messages")


async def run(messages: Messages) -> None:
    """Send what is due until cancelled; without a channel everything waits."""
    bell = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_ring(messages, bell))
        while messages.channels:
            bell.clear()
            if await send_due(messages) < BATCH:
                await _wait(bell)


async def _ring(messages: Messages, bell: asyncio.Event) -> None:
    feed = messages.hub.follow(messages.hub.last_seq(), lambda types: TYPE in types, whole=False)
    async for logged in feed:
        if logged.entries:
            bell.set()


async def _wait(bell: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(bell.wait(), LOOK_EVERY_S)
    except TimeoutError:
        return


async def send_due(messages: Messages, now: int | None = None) -> int:
    """One try of each message that is due, some at once; returns how many there were."""
    at = now or now_us()
    found = _due(messages, at, Exists(("until",))) or _due(messages, at)  # What will be too late goes first.
    gate = asyncio.Semaphore(AT_ONCE)

    async def one_of(message: Message) -> None:
        async with gate:
            await _try(messages, message, at)

    async with asyncio.TaskGroup() as group:
        for message in found:
            group.create_task(one_of(message))
    return len(found)


def _due(messages: Messages, at: int, *more: Exists) -> list[Message]:
    due: tuple[Condition, ...] = (Compare(("state",), "==", TO_BE_SENT), Compare(("nextTry",), "<=", iso(at)))
    query = Query(TypeIs(TYPE), q=And((*due, *more)), limit=BATCH, order=("nextTry",))
    return [message_of(one) for one in messages.hub.query(SYSTEM, query)]


async def _try(messages: Messages, message: Message, at: int) -> None:
    """Note the try, make it, note what came of it."""
    late = bool(message.until) and at >= from_iso(message.until)
    if late or at - from_iso(message.made_at) > AGE_MAX:
        await _note(messages, message, State.DEAD, message.tries, at, "too_late" if late else "too_old")
        return
    tries = message.tries + 1
    last = tries > len(BACK_OFF)
    again = at + BACK_OFF[min(tries, len(BACK_OFF)) - 1]
    if not await _note(messages, message, State.FAILED, tries, again, UNDER_WAY):
        return  # Another process has it.
    state, problem, channel = await _hand_over(messages, message)
    kept = message_of(messages.hub.get(SYSTEM, message.id))
    if state is State.FAILED and (last or kept.state is State.DEAD):  # Withdrawn meanwhile: not tried again.
        state = State.DEAD
    if state is not State.SENT:
        log.warning("%s was not sent (%s, try %s)", message.id, problem, tries)
    await _note(messages, kept, state, tries, at if state is State.SENT else again, problem, channel)


async def _hand_over(messages: Messages, message: Message) -> tuple[State, str, str]:
    """State, problem and channel after one try; nothing of an address is in the problem."""
    channel = None
    try:
        channel, address = await _route(messages, message)
        await channel.send(address, letter_of(messages, message))
    except Refused as refused:
        return State.DEAD, refused.detail, channel.name if channel else ""
    except NotNow as later:
        return State.FAILED, later.detail, channel.name if channel else ""
    except Exception as fault:  # One message that cannot be made must not stop the others.
        log.exception("%s could not be made", message.id)
        return State.FAILED, type(fault).__name__, channel.name if channel else ""
    return State.SENT, "", channel.name


async def _route(messages: Messages, message: Message) -> tuple[Channel, str]:
    """The first channel that reaches the addressee, and the address. Refused when none does."""
    who = Identity(email=message.office) if message.office else await _addressee(messages, message)
    for channel in messages.channels:
        address = channel.address(who)
        if address and message.channel in ("", channel.name):
            return channel, address
    raise Refused("no_channel")


async def _addressee(messages: Messages, message: Message) -> Identity:
    """Who it is: the vault is opened for this one message, and its register says for which."""
    reason = f"message {message.template} about {message.about}"
    try:
        return await open_identity(messages.vault, SYSTEM, message.to, reason[:500])
    except Missing as erased:
        raise Refused("erased") from erased


async def _note(
    messages: Messages, message: Message, state: State, tries: int, again: int, problem: str, channel: str = ""
) -> bool:
    """Write where a message stands; False when somebody else wrote meanwhile."""
    attrs: dict[str, Attribute] = {
        "state": prop(state.value),
        "tries": prop(tries),
        "nextTry": prop(iso(again)),
        "problem": prop(problem[:200]),
    }
    if channel:
        attrs["channel"] = prop(channel)
    change = amend(message.id, **attrs)
    try:
        await messages.hub.commit(
            Commit(SYSTEM, (change,), f"message {state}", {message.id: message.version}, owner=OWNER)
        )
    except Conflict:
        return False
    return True
