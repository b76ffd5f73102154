"""What the centre does by itself with a released warning: its deliveries are made, and each channel sends its own."""

import asyncio

from dothi.hub.model import LoggedCommit, default_instance, instance_value
from dothi.operations.model import Operations
from dothi.operations.warnings.channels.delivery import begin, send_due
from dothi.operations.warnings.channels.model import TYPE, Channel, Channels, Exercise, Released, What
from dothi.operations.warnings.model import TYPE as WARNING
from dothi.operations.warnings.model import State

CONSUMER = "operations.warnings.channels.delivery"
CURSOR_EVERY = 500  # Commits read without an effect before the position is stored.
LOOK_EVERY_S = 2.0


async def run(operations: Operations, channels: Channels) -> None:
    """Until cancelled. A channel that hangs keeps no other one waiting. To be run by one process, the leader."""
    public = [(one, asyncio.Event()) for one in channels.public]
    drill = [(one, asyncio.Event()) for one in channels.drill]
    bells = [bell for _, bell in (*public, *drill)]
    async with asyncio.TaskGroup() as group:
        group.create_task(_follow(operations, channels))
        group.create_task(_ring(operations, bells))
        for channel, bell in public:
            group.create_task(_send(operations, channel, Released, bell))
        for inner, bell in drill:
            group.create_task(_send(operations, inner, Exercise, bell))


async def _follow(operations: Operations, channels: Channels) -> None:
    stored = operations.hub.cursor(CONSUMER)
    async for logged in operations.hub.follow(stored, lambda types: WARNING in types):
        found = released(logged)
        if found or logged.seq - stored >= CURSOR_EVERY:
            await begin(operations, channels, found, (CONSUMER, logged.seq))
            stored = logged.seq


def released(logged: LoggedCommit) -> list[str]:
    """The messages that a commit released."""
    if logged.tenant:
        return []
    return [
        entry.id
        for entry in logged.entries
        if WARNING in entry.types
        and instance_value(default_instance(entry.attrs.get("state"))) == State.RELEASED
        and "sentAt" in entry.attrs
    ]


async def _ring(operations: Operations, bells: list[asyncio.Event]) -> None:
    async for logged in operations.hub.follow(operations.hub.last_seq(), lambda types: TYPE in types, whole=False):
        if logged.entries:
            for bell in bells:
                bell.set()


async def _send(operations: Operations, channel: Channel[What], takes: type[What], bell: asyncio.Event) -> None:
    while True:
        bell.clear()
        await send_due(operations, channel, takes, takes is Exercise)
        try:
            await asyncio.wait_for(bell.wait(), LOOK_EVERY_S)
        except TimeoutError:
            continue
