"""A city that is served backs itself up, where its operator has said to: one process does, the one that leads."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from dothi.command.keeping.backup import Wanted, backup
from dothi.command.keeping.prune import read_policy
from dothi.ground.errors import DothiError
from dothi.ground.places import Place, open_place
from dothi.settings import Settings

log = logging.getLogger(__name__)


def backing(settings: Settings) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
    """The work of the leader that makes the backups; none where no place is set. Invalid when that cannot be one."""
    if not settings.backup:
        return {}
    place, wanted = open_place(settings.backup), Wanted(settings.store, read_policy(settings.backup_keep))

    async def run() -> None:
        while True:
            await _once(settings, place, wanted)
            await asyncio.sleep(settings.backup_every)

    return {"backup": run}


async def _once(settings: Settings, place: Place, wanted: Wanted) -> None:
    """One backup; a place that does not answer is tried again at the next turn, and told of."""
    try:
        await asyncio.to_thread(backup, settings.data, place, wanted)
    except (DothiError, OSError) as fault:
        log.warning("The backup to %s failed: %s", place.address, fault)
