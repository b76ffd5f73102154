"""A load that never gives up: each client writes in order and repeats with the same key until it is told."""

import asyncio
import contextlib
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from dothi.ground.clock import iso
from tests.faults.line import Answer, Line

BATCH = 10
BEGAN = 1_767_225_600_000_000  # 2026-01-01, µs.
DONE = (200, 201, 204)
AGAIN = (503, 507)  # Not now: the same write is sent once more.
UPSERT, CREATE = "/ngsi-ld/v1/entityOperations/upsert", "/ngsi-ld/v1/entities"


def lamp(who: int, number: int) -> str:
    """One of the lamps that a client writes to."""
    return f"urn:x:lamp:{who}:{number}"


def new(who: int, number: int) -> str:
    """An entity that a client makes once."""
    return f"urn:x:new:{who}:{number}"


def reading(entity_id: str, number: int) -> dict[str, Any]:
    """A lamp with the number as its value, observed in that second."""
    power = {"type": "Property", "value": number, "observedAt": iso(BEGAN + number * 1_000_000)}
    return {"id": entity_id, "type": "Lamp", "power": power}


@dataclass
class Ledger:
    """What was acknowledged: (client, number of its batch), new entities, and every answer by status."""

    batches: set[tuple[int, int]] = field(default_factory=set)
    created: set[tuple[int, int]] = field(default_factory=set)
    answers: Counter[int] = field(default_factory=Counter)
    repeats: int = 0  # Writes that were sent once more with their key, told or not.
    problems: set[str] = field(default_factory=set)

    @property
    def acknowledged(self) -> int:
        """Writes that somebody was told of."""
        return len(self.batches) + len(self.created)


@dataclass
class Client:
    """One client on one line at a time. `number` goes on where it was, over any number of servers."""

    port: int
    who: int
    ledger: Ledger
    number: int = 0
    line: Line | None = None
    pause: float = 0.0
    patience: float = 30.0

    async def run(self) -> None:
        """Write without end: a batch of readings, every third time a new entity; half of them are sent twice."""
        try:
            while True:
                self.number += 1
                batch = [reading(lamp(self.who, i), self.number) for i in range(BATCH)]
                await self._insist(UPSERT, batch, f"b:{self.who}:{self.number}")
                self.ledger.batches.add((self.who, self.number))
                if self.number % 3 == 0:
                    await self._insist(CREATE, reading(new(self.who, self.number), 0), f"c:{self.who}:{self.number}")
                    self.ledger.created.add((self.who, self.number))
                await asyncio.sleep(self.pause)
        finally:
            await self._hang_up()

    async def _insist(self, path: str, body: Any, key: str) -> None:
        tries = 0
        while (answer := await self._try(path, body, key)) is None:
            tries += 1
            await asyncio.sleep(min(0.005 * tries, 0.25))
        self.ledger.repeats += tries
        assert answer.status in DONE, f"{path} {key}: {answer.status} {answer.body[:500]!r}"
        if random.random() < 0.5:  # Who heard, and asks all the same.
            self.ledger.repeats += 1
            again = await self._try(path, body, key)
            assert again is None or again.status in DONE, f"{path} {key}: {again.status} {again.body[:500]!r}"

    async def _try(self, path: str, body: Any, key: str) -> Answer | None:
        """The answer; None when there was none, or it says not now."""
        try:
            self.line = self.line or await Line.to(self.port)
            answer = await self.line.ask("POST", path, body, self.patience, Idempotency_Key=key)
        except (OSError, TimeoutError):
            await self._hang_up()
            return None
        self.ledger.answers[answer.status] += 1
        if answer.status in AGAIN:
            self.ledger.problems.add(answer.body.decode())
            return None
        return answer

    async def _hang_up(self) -> None:
        if self.line is not None:
            await self.line.close()
            self.line = None


class Load:
    """Several clients at once: `async with Load(port, ledger, 6)`; what fails in one fails the test at its end."""

    def __init__(self, port: int, ledger: Ledger, clients: int, **options: Any) -> None:
        self.ledger = ledger
        self.clients = [Client(port, who, ledger, **options) for who in range(clients)]
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Load":
        self._tasks = [asyncio.create_task(one.run()) for one in self.clients]
        return self

    async def more(self, writes: int = 1, patience: float = 60.0) -> None:
        """Wait until so many more writes are acknowledged."""
        wanted = self.ledger.acknowledged + writes
        async with asyncio.timeout(patience):
            while self.ledger.acknowledged < wanted:
                self.check()
                await asyncio.sleep(0.002)

    def check(self) -> None:
        """Raise what a client died of."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def __aexit__(self, *_: object) -> None:
        self.check()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
