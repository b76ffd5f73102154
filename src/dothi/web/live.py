"""The living part of pages: a stream of server-sent events that says what changed, for those who may see it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import StreamingResponse

from dothi.accounts.signin import recognise
from dothi.ground.errors import Invalid, Missing
from dothi.hub.core import Hub
from dothi.hub.model import Actor, LoggedCommit
from dothi.web.guard import session_token
from dothi.web.page import visit
from dothi.web.parts import Parts, parts

GATHER_S = 0.5  # Changes of this long go out together, so that a burst is one message.
HEARTBEAT_S = 15.0
CHANGES_MAX = 100  # Beyond this a message says only which types changed.
WAITING_MAX = 10_000  # Changes that may wait for a slow reader before they are counted by type only.
_DIGITS_MAX = 18

Changes = dict[str, tuple[str, int]]  # Entity id → (type, sequence).


async def live(request: Request) -> StreamingResponse:
    """GET /live?types=Alarm,CitizenReport: an event `change` for each gathered set of changes.

    Its data is {"seq": …, "changes": [{"type", "id", "seq"}], "more": [types]}; its id is the sequence, so that a
    browser that comes back (Last-Event-ID) misses nothing. An event `beat` comes every 15 s, so that a page can tell
    a silent city from a lost connection. An event `signed-out` ends the stream when the session is over.
    """
    types = frozenset(filter(None, request.query_params.get("types", "").split(",")))
    after = _position(request)
    stream = _events(parts(request), visit(request).actor, session_token(request), types, after)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


def _position(request: Request) -> int:
    given = request.headers.get("last-event-id") or request.query_params.get("after", "")
    if not given:
        return _newest(parts(request).hub)
    if not given.isascii() or not given.isdigit() or len(given) > _DIGITS_MAX:
        raise Invalid("`after` is the sequence of the last change seen: a whole number.")
    # Who comes back to a city put in again from an older copy would else wait for numbers that are far away.
    return min(int(given), _newest(parts(request).hub))


def _newest(hub: Hub) -> int:
    """The sequence of the last commit: a page that has just been made knows all before it."""
    return hub.last_seq()


async def _events(parts: Parts, actor: Actor, session: str, types: frozenset[str], after: int) -> AsyncIterator[bytes]:
    waiting: Changes = {}
    news = asyncio.Event()
    reader = asyncio.create_task(_read(parts.hub, after, types, waiting, news))
    yield _message("beat", {}, after)
    try:
        while not reader.done():
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), HEARTBEAT_S)
            if session and recognise(parts.accounts, session) is None:
                yield _message("signed-out", {}, after)
                return
            if not news.is_set():
                yield _message("beat", {}, after)
                continue
            await asyncio.sleep(GATHER_S)
            news.clear()
            changes = dict(waiting)
            waiting.clear()
            after = max((seq for _, seq in changes.values()), default=after)
            if told := _told(parts.hub, actor, changes):
                yield _message("change", {"seq": after, **told}, after)
    finally:
        reader.cancel()


async def _read(hub: Hub, after: int, types: frozenset[str], waiting: Changes, news: asyncio.Event) -> None:
    """Follow the feed into `waiting`; of many changes of one entity the last stays."""
    async for commit in hub.follow(after, lambda kinds: not types.isdisjoint(kinds), whole=False):
        for kind, entity_id in _wanted(commit, types):
            key = entity_id if len(waiting) < WAITING_MAX else kind
            waiting[key] = (kind, commit.seq)
            news.set()


def _wanted(commit: LoggedCommit, types: frozenset[str]) -> list[tuple[str, str]]:
    found = [(next((kind for kind in entry.types if kind in types), ""), entry) for entry in commit.entries]
    return [(kind, entry.id) for kind, entry in found if kind and entry.status != "failed"]


def _told(hub: Hub, actor: Actor, changes: Changes) -> dict[str, object]:
    """What this reader may know of the changes; nothing of what he may not read."""
    if len(changes) > CHANGES_MAX:
        return {"changes": [], "more": sorted({kind for kind, _ in changes.values()})}
    seen = [
        {"type": kind, "id": entity_id, "seq": seq}
        for entity_id, (kind, seq) in changes.items()
        if _may_see(hub, actor, entity_id)
    ]
    return {"changes": seen, "more": []} if seen else {}


def _may_see(hub: Hub, actor: Actor, entity_id: str) -> bool:
    try:
        hub.get(actor, entity_id)
    except Missing:
        return False
    return True


def _message(event: str, data: dict[str, object], seq: int) -> bytes:
    return f"event: {event}\nid: {seq}\ndata: {json.dumps(data)}\n\n".encode()
