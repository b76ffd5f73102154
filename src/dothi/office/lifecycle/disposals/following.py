"""What is approved is carried out by itself, and what a killed process left half done is finished when it starts."""

import asyncio
import logging

from dothi.ground.errors import DothiError
from dothi.hub.language.nodes import Query, TypeIs
from dothi.office.lifecycle.disposals.proposing import proposals
from dothi.office.lifecycle.disposals.running import run as carry_out
from dothi.office.lifecycle.model import PROPOSAL, SYSTEM, LifeCycle, State

log = logging.getLogger("dothi.office")
_WAITING = (State.APPROVED, State.RUNNING)


async def run(life: LifeCycle) -> None:
    """Follow the proposals until cancelled."""
    await finish(life)
    async for commit in life.hub.follow(life.hub.last_seq(), lambda types: PROPOSAL in types, whole=False):
        if commit.entries and not commit.actor.startswith("system:"):
            await finish(life)


async def finish(life: LifeCycle) -> int:
    """Carry out what is approved or was interrupted; returns how many are done."""
    if not life.hub.query(SYSTEM, Query(TypeIs(PROPOSAL), limit=1)).entities:
        return 0
    done = 0
    for one in proposals(life, open_only=True):
        if one.state in _WAITING:
            try:
                await carry_out(life, SYSTEM, one.id)
                done += 1
            except DothiError as refused:  # E.g. the folder for packages cannot be written: it is tried again later.
                log.warning("The disposal %s stopped: %s", one.id, refused.detail)
                await asyncio.sleep(0)
    return done
