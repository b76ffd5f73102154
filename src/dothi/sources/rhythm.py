"""Whether sources keep their promised rhythm: live, late or never, and what may no longer be trusted because of it."""

import asyncio
import logging
from collections.abc import Iterable

from dothi.ground.clock import SECOND, from_iso, now_us
from dothi.ground.errors import DothiError, Missing
from dothi.hub.model import Commit, Entity, amend, prop
from dothi.sources.mapping.durations import seconds_of
from dothi.sources.model import SOURCE, SYSTEM, Sources, SourceState, source_urn

GRACE = (
    1.5  # A source is late when one and a half of its promised intervals have passed: one jittery reading is no alarm.
)
SWEEP_S = 1.0
_PAGE = 1000
_LOG = logging.getLogger(__name__)


def promised_us(source: Entity) -> int | None:
    """The promised interval of a DataSource (µs), None when it promised nothing."""
    said = source.value("promisedEvery")
    return int(seconds_of(said) * SECOND) if said else None


def state_of(source: Entity, now: int) -> SourceState:
    """The state of a DataSource at `now` (µs): it is live as long as good rows come as often as promised."""
    seen = source.value("lastSeen")
    if seen is None:
        return SourceState.NEVER
    promised = promised_us(source)
    late = promised is not None and now - from_iso(seen) > promised * GRACE
    return SourceState.LATE if late else SourceState.LIVE


def late_at(source: Entity) -> int | None:
    """The instant (µs) from which the source is late if nothing comes; None when it promised nothing or never came."""
    promised, seen = promised_us(source), source.value("lastSeen")
    return None if promised is None or seen is None else from_iso(seen) + int(promised * GRACE)


def stale(sources: Sources, source_ids: Iterable[str], now: int | None = None) -> tuple[str, ...]:
    """Which of these sources (URN or short name) are not live at `now`; one that does not exist is not live."""
    now = now_us() if now is None else now
    return tuple(one for one in source_ids if _state(sources, one, now) is not SourceState.LIVE)


def fresh(sources: Sources, source_ids: Iterable[str], now: int | None = None) -> bool:
    """Whether all of these sources are live: what hangs on one that is not turns grey."""
    return not stale(sources, source_ids, now)


def _state(sources: Sources, source: str, now: int) -> SourceState:
    try:
        return state_of(sources.hub.get(SYSTEM, source_urn(source)), now)
    except Missing:
        return SourceState.NEVER


def all_sources(sources: Sources) -> list[Entity]:
    """Every DataSource, in order of creation."""
    found: list[Entity] = []
    while True:
        page = sources.hub.find(SYSTEM, SOURCE, limit=_PAGE, offset=len(found)).entities
        found += page
        if len(page) < _PAGE:
            return found


async def sweep(sources: Sources, now: int | None = None) -> tuple[str, ...]:
    """Commit the state of every source that has changed since it was written; returns their URNs."""
    now = now_us() if now is None else now
    turned = []
    for source in all_sources(sources):
        if source.value("state") != state_of(source, now):
            async with sources.turn(source.id):
                current = sources.hub.get(SYSTEM, source.id)
                state = state_of(current, now)
                if current.value("state") != state:
                    change = amend(source.id, state=prop(state))
                    await sources.hub.commit(Commit(SYSTEM, (change,), f"rhythm: {state}", owner=sources.owner))
                    turned.append(source.id)
    return tuple(turned)


async def watch(sources: Sources, every_s: float = SWEEP_S) -> None:
    """Sweep for ever, so that a source that falls silent shows on the feed without anybody looking."""
    while True:
        try:
            await sweep(sources)
        except DothiError as error:  # A store that is busy now will take it a second later.
            _LOG.warning("sweep: %s", error.detail)
        await asyncio.sleep(every_s)
