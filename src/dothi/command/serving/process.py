"""One process that serves a city: it opens it in its place, takes requests, and does what its place asks."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import uvicorn

from dothi.accounts.people import make_first_administrator_link, needs_administrator
from dothi.accounts.signin import create_key
from dothi.app import Hand, Lead, at_once, close_city, keep_samples, make_app, open_city
from dothi.command.serving.anywhere import anywhere
from dothi.command.serving.backing import backing
from dothi.command.serving.handing import Find, Leader, Line, handing, received
from dothi.command.serving.leading import Contest, home, never
from dothi.command.serving.place import Place, requests_at
from dothi.command.serving.seeing import seeing
from dothi.front import server
from dothi.hub.model import system
from dothi.hub.write.forward.sockets import listening
from dothi.settings import Settings
from dothi.web.parts import Parts

RUNNING = "running.json"  # Address and key of the server that holds the folder, readable by its owner only.
OPERATOR = system("operator")  # Whoever may read the data folder.


async def serve_city(settings: Settings, samples: bool, place: Place = Place()) -> None:
    """Serve until told to stop. Conflict, Invalid and Unavailable as for opening a city."""
    parts = await open_city(settings, settings.city, worker=place.beside)
    try:
        if place.number == 0:
            await _begin(parts, settings, samples)
        async with _app(parts, settings, place) as front:
            note = await _note_running(parts, settings) if place.number == 0 else None
            try:
                await _until_told(front, place)
            finally:
                if note is not None:
                    note.unlink(missing_ok=True)
    finally:
        await close_city(parts)


async def _begin(parts: Parts, settings: Settings, samples: bool) -> None:
    """What is done once for a city, by the first process."""
    if samples:
        await keep_samples(parts)
    if needs_administrator(parts.accounts):
        token = await make_first_administrator_link(parts.accounts)
        print(f"Make the first administrator (once): {settings.address}/setup/{token}", flush=True)


@asynccontextmanager
async def _app(parts: Parts, settings: Settings, place: Place) -> AsyncIterator[uvicorn.Server]:
    """The server of this place: alone, the writer or one beside it, or one of many over a database."""
    hub, beside = parts.hub, backing(settings)
    lead: Lead
    leads: Callable[[], bool]
    if settings.store:
        contest = Contest(hub, home(requests_at(settings, place.number), _inside(settings)))
        line = Line(contest.find)
        lead, leads = contest.run, partial(getattr, contest, "leads")
    elif place.of > 1:
        line = Line(_first(settings))
        lead = never if place.beside else at_once
        leads = partial(bool, not place.beside)
    else:
        yield server(make_app(parts, settings, beside, at_once), settings.host, settings.port, ready=place.ready)
        return
    # The pages and verbs take a second to put together: whoever waits with a commit need not wait for that.
    taking = asyncio.create_task(hub.take_commits())
    try:
        hand: Hand = lambda app, none: handing(app, leads, anywhere(none), line)  # noqa: E731
        app = await asyncio.to_thread(make_app, parts, settings, beside, lead, hand)
        app = received(seeing(app, hub.following, abroad=bool(settings.store)))
        inner = listening(requests_at(settings, place.number))
        yield server(app, settings.host, settings.port, inner, place.ready)
    finally:
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
        await line.close()


def _first(settings: Settings) -> Find:
    leader = Leader(socket=requests_at(settings, 0))

    async def find() -> Leader:
        return leader

    return find


def _inside(settings: Settings) -> str:
    """The address at which processes of other machines reach this one."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return settings.inside or f"http://{host}:{settings.port}"


async def _until_told(front: uvicorn.Server, place: Place) -> None:
    """Serve until a signal says stop, or the process above is gone."""
    loop = asyncio.get_running_loop()

    def orphaned() -> None:
        loop.remove_reader(place.alive)
        front.should_exit = True

    if place.alive >= 0:
        # uvicorn raises a signal again once it has stopped: then there is still a city to close.
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGINT, lambda *_: None)
        loop.add_reader(place.alive, orphaned)
    await front.serve(sockets=[place.address] if place.address is not None else None)


async def _note_running(parts: Parts, settings: Settings) -> Path:
    """Leave address and key for `dothi import` beside this server."""
    path = settings.data / RUNNING
    _, key = await create_key(parts.accounts, OPERATOR, "dothi import", frozenset({"source:*"}))
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump({"address": f"http://{settings.host}:{settings.port}", "key": key}, out)
    return path
