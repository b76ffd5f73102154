"""A process that has imported dothi once and forks a server at each order: what a start costs is opening the city.

Runs as `python -m tests.faults.nursery`, reads one order a line (JSON) and answers with the server's process number.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvloop
from starlette.applications import Starlette

import dothi.cli
from dothi.front import server, straight
from dothi.hub.access import Open
from dothi.hub.api import ngsi_ld
from dothi.hub.context import Contexts
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor
from dothi.hub.write import expiry


def _who(headers: Mapping[str, str]) -> Actor:
    """Each bearer is a caller of its own."""
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    return Actor(f"key:{bearer}") if bearer else ANONYMOUS


async def _hub(order: dict[str, Any]) -> None:
    """The hub alone, behind its own API and dothi's own server."""
    hub = Hub(Path(order["folder"]) / "hub", Open(), order.get("store", ""))
    if pages := order.get("checkpoint"):  # A checkpoint every few commits, so that kills hit some.
        hub._store._writer.execute(f"PRAGMA wal_autocheckpoint = {int(pages)}")  # type: ignore[attr-defined]
    sweeping = asyncio.create_task(expiry.run(hub))
    app = straight("/ngsi-ld/v1", ngsi_ld(hub, Contexts(), _who), Starlette())
    try:
        await server(app, "127.0.0.1", order["port"]).serve()
    finally:
        sweeping.cancel()
        await hub.close()


def _be(order: dict[str, Any]) -> None:
    """What the forked process is from now on."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with open(order["log"], "ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    if order["kind"] == "hub":
        uvloop.run(_hub(order))
        return
    store = ["--store", order["store"]] if order.get("store") else []
    where = ["--data", order["folder"], "--port", str(order["port"])]
    sys.exit(dothi.cli.main(["serve", "--open", *where, *store, *order.get("more", ())]))


def main() -> None:
    """Fork at each line, until there are no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody waits for the dead.
    import_whole = os.environ.get("NURSERY") == "city"
    if import_whole:
        __import__("dothi.command.verbs.serving")
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        number = os.fork()
        if number == 0:
            try:
                _be(order)
            except BaseException as ended:
                print(f"ended: {ended!r}", file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        print(number, flush=True)
    os._exit(0)  # Nothing is to be put away, and libraries would speak of it at length.


if __name__ == "__main__":
    main()
