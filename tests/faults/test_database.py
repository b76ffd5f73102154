"""PostgreSQL dies, restarts or cannot be reached: nothing acknowledged is lost, no key is applied twice."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.faults.load import Ledger, Load
from tests.faults.record import counted, note
from tests.faults.served import Served, served
from tests.faults.truth import read_back
from tests.servers.postgres import Server, binaries, serving
from tests.servers.proxy import Proxy, between

pytestmark = pytest.mark.skipif(binaries() is None, reason="left out: no PostgreSQL on this machine")


async def _heals(load: Load, ledger: Ledger, server: Served) -> float:
    """Seconds until a write is acknowledged again, with nobody's help."""
    began = time.monotonic()
    await load.more(2)
    assert server.lives(), server.log[-2000:]
    return time.monotonic() - began


FEW_OR_MANY = pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.slow)])


@FEW_OR_MANY
def test_postgres_dies_under_load(request: pytest.FixtureRequest, tmp_path: Path, free_port: int, times: int) -> None:
    """PostgreSQL is stopped or killed while clients write, and started again: the same process goes on by itself."""
    ledger, runs = Ledger(), 3 * times
    with serving() as postgres:
        url = postgres.fresh()
        recoveries: list[float] = []

        async def run(server: Served) -> None:
            server.start()
            await server.answers()
            async with Load(server.port, ledger, 6) as load:
                for number in range(runs):
                    await load.more(10)
                    await asyncio.sleep(random.uniform(0, 0.1))
                    await asyncio.to_thread(postgres.kill if number % 2 else postgres.stop)
                    await asyncio.sleep(0.3)
                    postgres.start()
                    recoveries.append(await _heals(load, ledger, server))

        with served("hub", tmp_path / "city", free_port, store=url) as server:
            asyncio.run(run(server))
        truth = read_back(tmp_path / "city", ledger, url)
    how = "stopped or killed under load of 6 clients, started 0.3 s later"
    note(request, "PostgreSQL restarted", how, runs, **counted(ledger, truth, recoveries))
    assert truth.whole, truth


async def _cut(line: Proxy) -> None:
    line.cut()
    await asyncio.sleep(0.3)


async def _reset(line: Proxy) -> None:
    line.reset()


async def _delay(line: Proxy) -> None:
    line.delay = 0.05
    await asyncio.sleep(0.5)


async def _freeze(line: Proxy) -> None:
    line.freeze()
    await asyncio.sleep(2.5)
    line.reset()


async def _mute(line: Proxy) -> None:
    """What is committed is not heard of: the answer is lost with the connection."""
    line.mute()
    await asyncio.sleep(0.2)
    line.reset()


FAULTS: tuple[Callable[[Proxy], Awaitable[None]], ...] = (_cut, _reset, _delay, _mute, _freeze)


@FEW_OR_MANY
def test_the_network_to_postgres_fails(
    request: pytest.FixtureRequest, tmp_path: Path, free_port: int, postgres: Server, times: int
) -> None:
    """The line is cut, reset, delayed, dead in both directions or in that of the answers: the store finds back."""
    ledger, runs = Ledger(), len(FAULTS) * times
    url = postgres.fresh()
    recoveries: list[float] = []

    async def run(server: Served) -> None:
        async with between(postgres.host, postgres.port) as line:
            server.start(store=url.replace(f":{postgres.port}/", f":{line.port}/") + "?timeout=2")
            await server.answers()
            async with Load(server.port, ledger, 6) as load:
                for number in range(runs):
                    await load.more(5)
                    await asyncio.sleep(random.uniform(0, 0.05))
                    await FAULTS[number % len(FAULTS)](line)
                    line.mend()
                    recoveries.append(await _heals(load, ledger, server))
            server.kill()

    with served("hub", tmp_path / "city", free_port) as server:
        asyncio.run(run(server))
    truth = read_back(tmp_path / "city", ledger, url)
    how = "the line is cut, reset, delayed by 50 ms, frozen for 2.5 s, or loses answers"
    note(request, "network cut to PostgreSQL", how, runs, **counted(ledger, truth, recoveries))
    assert truth.whole, truth
