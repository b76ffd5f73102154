"""The writing process's side: takes the commits of other processes and answers each with its receipt or error."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from dothi.ground.errors import Forbidden
from dothi.hub.model import Commit, Receipt
from dothi.hub.write.forward.sockets import check_peer, listening
from dothi.hub.write.forward.wire import Asked, Told, asked, frame, receive
from dothi.hub.write.jobs import Mark

log = logging.getLogger("dothi.hub")
Submit = Callable[[Commit, Mark | None], Awaitable[Receipt]]


async def take_commits(path: Path, submit: Submit) -> None:
    """Take commits at the socket `path` until cancelled."""
    workers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, stream: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        workers.add(task)
        try:
            check_peer(stream.get_extra_info("socket"))
            await _serve(reader, stream, submit)
        except Forbidden as stranger:
            log.warning(stranger.detail)
        finally:
            workers.discard(task)
            stream.close()

    server = await asyncio.start_unix_server(serve, sock=listening(path))
    try:
        await asyncio.get_running_loop().create_future()  # Until cancelled.
    finally:
        server.close()
        for task in tuple(workers):
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _serve(reader: asyncio.StreamReader, stream: asyncio.StreamWriter, submit: Submit) -> None:
    """Hand each commit to the writer in the order of their coming; answers go back as they are there."""
    going: set[asyncio.Task[None]] = set()
    try:
        while (body := await receive(reader)) is not None:
            task = asyncio.create_task(_answer(asked(body), stream, submit))
            going.add(task)
            task.add_done_callback(going.discard)
    finally:
        for task in tuple(going):
            task.cancel()  # What they asked may be written nevertheless: the next line asks again under its name.
        await asyncio.gather(*going, return_exceptions=True)


async def _answer(one: Asked, stream: asyncio.StreamWriter, submit: Submit) -> None:
    mark = None if one.commit.key is not None else Mark(one.place, one.nonce, one.again)
    try:
        answer = Told(one.number, await submit(one.commit, mark))
    except Exception as refused:
        answer = Told(one.number, error=refused)
    with contextlib.suppress(OSError):
        stream.write(frame(answer))
