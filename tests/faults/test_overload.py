"""More than can be done, clients that dawdle, thousands that say nothing, bodies that are bombs: the rest goes on."""

import asyncio
import gzip
import socket
import statistics
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.flood import flood
from tests.faults.line import Line
from tests.faults.load import UPSERT, Ledger, Load
from tests.faults.record import counted, note
from tests.faults.served import Served, served
from tests.faults.truth import read_back

MIB = 1 << 20
LINES = 1500  # More than may wait: ten times what fills the server.


def test_ten_times_too_much(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> None:
    """Who is too much gets 503 with Retry-After; memory and what was acknowledged stay, a polite client is served."""
    ledger, memory, seconds = Ledger(), [], 6.0

    async def polite(server: Served) -> list[float]:
        took = []
        async with Load(server.port, ledger, 1) as load:
            await load.more(5)
            memory.append(server.memory())
            until = time.monotonic() + seconds - 3
            while time.monotonic() < until:
                began = time.monotonic()
                await load.more(1)
                took.append(time.monotonic() - began)
                memory.append(server.memory())
                await asyncio.sleep(0.05)
        return took

    with served("hub", tmp_path / "city", free_port) as server:
        server.start()
        asyncio.run(server.answers())
        with flood(free_port, "noisy", LINES, seconds, 20) as loud:
            time.sleep(1.5)
            took = asyncio.run(polite(server))
        server.kill()
    truth = read_back(tmp_path / "city", ledger)
    how = f"{LINES} lines that send without a pause, at most 1,024 may wait; beside them one polite client"
    figures = {"refused 503": loud.get("503", 0), "written by the flood": loud.get("204", 0) + loud.get("201", 0)}
    grown = (max(memory) - memory[0]) / MIB
    figures |= {"polite p50 ms": round(1000 * statistics.median(took)), "memory grew MiB": round(grown)}
    note(request, "10× overload", how, 1, **counted(ledger, truth), **figures)
    assert truth.whole, truth
    assert figures["refused 503"] > 0
    assert loud["with Retry-After"] == loud["503"]
    assert set(loud) <= {"201", "204", "503", "with Retry-After"}, loud
    assert grown < 200, f"memory grew by {grown:.0f} MiB"
    assert statistics.median(took) < 2


def test_those_who_hold_a_line(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> None:
    """Two thousand idle connections and a hundred half requests hold nobody up, and cost little memory."""
    ledger, idle, slow = Ledger(), 2000, 100

    async def work(server: Served) -> float:
        async with Load(server.port, ledger, 3) as load:
            began = time.monotonic()
            await load.more(60)
            return time.monotonic() - began

    with served("hub", tmp_path / "city", free_port) as server, ExitStack() as lines:
        server.start()
        asyncio.run(server.answers())
        asyncio.run(work(server))
        before = server.memory()
        for number in range(idle + slow):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", free_port), timeout=20))
            if number >= idle:
                line.sendall(f"POST {UPSERT} HTTP/1.1\r\nHost: dothi\r\nContent-Length: 9999\r\n\r\n[".encode())
        took = asyncio.run(work(server))
        grown = (server.memory() - before) / MIB
        server.kill()
    truth = read_back(tmp_path / "city", ledger)
    how = f"{idle} connections that say nothing, {slow} bodies that never end"
    figures = {"60 writes s": round(took, 2), "memory grew MiB": round(grown)}
    note(request, "clients that hold a line", how, idle + slow, **counted(ledger, truth), **figures)
    assert truth.whole, truth
    assert grown < 150


def test_bodies_that_are_bombs(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> None:
    """A giant body is refused unread, a deep one and a packed one are bad requests: each is answered, memory stays."""
    deep = b"[" * 5_000_000
    nested = (
        b'[{"id":"urn:x:a","type":"A","p":{"type":"Property","value":' + b'{"a":' * 400 + b"1" + b"}" * 400 + b"}}]"
    )
    packed = gzip.compress(bytes(50 * MIB), 6)

    async def throw(server: Served) -> tuple[list[int], float]:
        found = []
        before = server.memory()
        for body, headers in ((deep, {}), (nested, {}), (packed, {"Content_Encoding": "gzip"})):
            line = await Line.to(server.port)
            found.append((await line.ask("POST", UPSERT, body, **headers)).status)
            await line.close()
        line = await Line.to(server.port)
        line._writer.write(f"POST {UPSERT} HTTP/1.1\r\nHost: dothi\r\nContent-Length: 99999999999\r\n\r\n".encode())
        found.append((await line._answer()).status)
        await line.close()
        return found, (server.memory() - before) / MIB

    with served("hub", tmp_path / "city", free_port) as server:
        server.start()
        asyncio.run(server.answers())
        statuses, grown = asyncio.run(throw(server))
        assert server.lives()
    how = "5 million brackets, 400 levels, 50 MB in 50 kB of gzip, a length of 100 GB"
    note(request, "bodies that are bombs", how, len(statuses), **{"answers": statuses, "memory grew MiB": round(grown)})
    assert set(statuses[:3]) <= {207, 400, 415}, statuses  # 207: of a batch, each entity is refused by itself.
    assert statuses[3] == 413
    assert grown < 100


@pytest.mark.parametrize(
    "seconds", [5, pytest.param(60, marks=pytest.mark.slow), pytest.param(600, marks=pytest.mark.slow)]
)
def test_memory_while_ingesting(request: pytest.FixtureRequest, tmp_path: Path, free_port: int, seconds: int) -> None:
    """Memory is flat while the same sensors send: what it grows after the first quarter is small change."""
    with served("hub", tmp_path / "city", free_port) as server:
        server.start()
        asyncio.run(server.answers())
        memory = []
        with flood(free_port, "sensors", 16, seconds, 50) as sent:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                memory.append(server.memory() / MIB)
                time.sleep(0.25)
        server.kill()
    settled = memory[len(memory) // 4 :]
    grown = statistics.mean(settled[-8:]) - statistics.mean(settled[:8])
    written = (sent.get("204", 0) + sent.get("201", 0)) * 50
    how = f"{seconds} s of batches of 50 from 16 lines without a pause"
    figures = {"acknowledged": written, "memory MiB": round(settled[-1]), "memory grew MiB": round(grown, 1)}
    note(request, "long ingest", how, 1, **figures)
    assert set(sent) <= {"201", "204"}, sent
    assert grown < 40 + seconds / 10, f"memory grew by {grown:.0f} MiB"
