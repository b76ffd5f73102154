"""`dothi serve`: opens a city and answers for it until it is told to stop."""

import argparse
import json
import os
from pathlib import Path

import uvloop

from dothi import __version__
from dothi.accounts.people import make_first_administrator_link, needs_administrator
from dothi.accounts.signin import create_key
from dothi.app import close_city, keep_samples, make_app, open_city
from dothi.command.verbs.saying import OPERATOR, say
from dothi.front import require_free, server
from dothi.settings import Settings
from dothi.web.parts import Parts

RUNNING = "running.json"  # Address and key of the server that holds the folder, readable by its owner only.


def serve(given: argparse.Namespace, settings: Settings) -> None:
    """Serve a city; an empty one prints the link that makes its first administrator."""
    require_free(settings.host, settings.port)
    uvloop.run(_serve(settings, given.samples))


async def _serve(settings: Settings, samples: bool) -> None:
    parts = await open_city(settings, settings.city)
    try:
        if samples:
            await keep_samples(parts)
        if needs_administrator(parts.accounts):
            token = await make_first_administrator_link(parts.accounts)
            say(f"Make the first administrator (once): {settings.address}/setup/{token}")
        front = server(make_app(parts, settings), settings.host, settings.port)
        note = await _note_running(parts, settings)
        say(f"dothi {__version__} serves {settings.data} at {settings.address}  (stop with Ctrl+C)")
        try:
            await front.serve()
        finally:
            note.unlink(missing_ok=True)
    finally:
        await close_city(parts)


async def _note_running(parts: Parts, settings: Settings) -> Path:
    """Leave address and key for `dothi import` beside this server."""
    path = settings.data / RUNNING
    _, key = await create_key(parts.accounts, OPERATOR, "dothi import", frozenset({"source:*"}))
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump({"address": f"http://{settings.host}:{settings.port}", "key": key}, out)
    return path
