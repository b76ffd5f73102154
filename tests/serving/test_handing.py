"""What rests on the memory of one process is the same whichever process is asked: it is handed to who leads."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.faults.line import Answer, Line
from tests.faults.served import Served, served
from tests.servers.postgres import free_port as any_port
from tests.serving.together import complete

API = "/ngsi-ld/v1"
ASKED = 12  # Connections: enough that every process gets some.


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A city of three processes."""
    folder = tmp_path_factory.mktemp("together") / "city"
    with served("city", folder, any_port(), more=["--workers", "3"]) as server:
        server.start()
        asyncio.run(_up(server))
        yield server
        server.kill(15)


async def _up(server: Served) -> None:
    await server.answers()
    await complete(server, 3)
    while "serves" not in server.log:
        await asyncio.sleep(0.05)


def in_turn(work: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 60))


async def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """One question over a connection of its own."""
    line = await Line.to(port)
    try:
        return await line.ask(method, path, body, **headers)
    finally:
        await line.close()


def test_subscribers_are_told_once_of_what_any_process_took(city: Served) -> None:
    """A subscription reads the same everywhere, and each of 24 changes, over 24 connections, is told exactly once."""
    told: Counter[int] = Counter()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(asyncio.IncompleteReadError, OSError):
            await answer(reader, writer)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(next(one.split(b":")[1] for one in head.lower().split(b"\r\n") if b"content-length" in one))
            for one in json.loads(await reader.readexactly(length))["data"]:
                told[one["level"]["value"]] += 1
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def work() -> None:
        receiver = await asyncio.start_server(take, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/"
        name = "urn:x:subscription:1"
        document = {
            "id": name,
            "type": "Subscription",
            "entities": [{"type": "Tide"}],
            "notification": {"endpoint": {"uri": address}},
        }
        assert (await ask(city.port, "POST", f"{API}/subscriptions", document)).status == 201
        for number in range(24):
            tide = {"id": "urn:x:tide", "type": "Tide", "level": {"type": "Property", "value": number}}
            wrote = await ask(city.port, "POST", f"{API}/entityOperations/upsert", [tide])
            assert wrote.status in (201, 204)
        for _ in range(ASKED):
            assert (await ask(city.port, "GET", f"{API}/subscriptions/{name}")).status == 200
        while len(told) < 24:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)  # What is told twice comes soon.
        assert set(told.values()) == {1}
        sent = {(await ask(city.port, "GET", f"{API}/subscriptions/{name}")).body for _ in range(ASKED)}
        assert {json.loads(one)["notification"]["timesSent"] for one in sent} == {24}
        gone = await ask(city.port, "DELETE", f"{API}/subscriptions/{name}")
        assert gone.status == 204
        receiver.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()  # Connections that dothi keeps open for the next letter.

    in_turn(work)


def test_a_source_is_known_to_all_at_once(city: Served) -> None:
    """As soon as a registration is acknowledged every process asks that source; once it is gone none does."""

    async def work() -> None:
        gone = any_port()
        document = {
            "id": "urn:x:source:1",
            "type": "ContextSourceRegistration",
            "information": [{"entities": [{"type": "Elsewhere"}]}],
            "endpoint": f"http://127.0.0.1:{gone}",
        }
        assert (await ask(city.port, "POST", f"{API}/csourceRegistrations", document)).status == 201
        answers = [await ask(city.port, "GET", f"{API}/entities?type=Elsewhere") for _ in range(ASKED)]
        assert ["ngsild-warning" in one.headers for one in answers] == [True] * ASKED
        assert (await ask(city.port, "DELETE", f"{API}/csourceRegistrations/urn:x:source:1")).status == 204
        answers = [await ask(city.port, "GET", f"{API}/entities?type=Elsewhere") for _ in range(ASKED)]
        assert ["ngsild-warning" in one.headers for one in answers] == [False] * ASKED

    in_turn(work)


def test_an_entity_map_holds_for_all(city: Served) -> None:
    """A map made through one connection is found through every other."""

    async def work() -> None:
        body = [{"id": f"urn:x:map:{n}", "type": "Mapped"} for n in range(3)]
        assert (await ask(city.port, "POST", f"{API}/entityOperations/upsert", body)).status == 201
        made = await ask(city.port, "GET", f"{API}/entities?type=Mapped&entityMap=true")
        name = made.headers["ngsild-entitymap"]
        for _ in range(ASKED):
            found = await ask(city.port, "GET", f"{API}/entities?type=Mapped", NGSILD_EntityMap=name)
            assert (found.status, len(json.loads(found.body))) == (200, 3)

    in_turn(work)


def test_pages_files_and_problems_come_over_any_connection(city: Served) -> None:
    """Pages, static files and what is not there are answered as by one process, cookies and all."""

    async def work() -> None:
        for path, status in (("/", 200), ("/static/css/none.css", 404), ("/no-such-page", 404), ("/work", 303)):
            found = [await ask(city.port, "GET", path, Accept="text/html") for _ in range(ASKED // 2)]
            assert {one.status for one in found} == {status}, path
        first = await ask(city.port, "GET", "/", Accept="text/html")
        assert "dothi_visitor" in first.headers["set-cookie"]

    in_turn(work)


def test_a_file_is_imported_beside_several_processes(city: Served, tmp_path: Path) -> None:
    """`dothi import` hands its file to the address that all share; whatever came in is found by each."""
    file = tmp_path / "flow.csv"
    file.write_text(FLOW)
    command = [sys.executable, "-m", "dothi.cli", "import", "--data", city.order["folder"]]
    done = subprocess.run(
        [*command, "--mapping", "river-flow", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr

    async def work() -> None:
        for _ in range(ASKED):
            found = await ask(city.port, "GET", f"{API}/entities?type=WaterObserved&count=true&limit=0")
            assert found.headers["ngsild-results-count"] == "1"

    in_turn(work)


FLOW = "Time,Water flow [l/s]\n2022-03-20T11:00:00+01:00,100.59\n2022-03-20T12:00:00+01:00,101\n"
