"""A caller without manners, in a process of its own: python -m tests.faults.flood PORT NAME LINES SECONDS ENTITIES.

Each line sends its next batch as soon as the last one is answered, whatever the answer; counts and waits are printed.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.conftest import ROOT
from tests.faults.line import Line
from tests.faults.load import UPSERT, reading


async def _line(port: int, name: str, number: int, until: float, size: int, answers: Counter[str]) -> None:
    line: Line | None = None
    batch = json.dumps([reading(f"urn:x:of:{name}:{number}:{i}", 1) for i in range(size)]).encode()
    while time.monotonic() < until:
        try:
            line = line or await Line.to(port)
            answer = await line.ask("POST", UPSERT, batch, Authorization=f"Bearer {name}")
            answers[str(answer.status)] += 1
            if answer.status == 503:
                answers["with Retry-After"] += "retry-after" in answer.headers
        except (OSError, TimeoutError):
            answers["cut off"] += 1
            line = None
    if line is not None:
        await line.close()


async def _flood(port: int, name: str, lines: int, seconds: float, size: int) -> Counter[str]:
    answers: Counter[str] = Counter()
    until = time.monotonic() + seconds
    await asyncio.gather(*(_line(port, name, number, until, size, answers) for number in range(lines)))
    return answers


@contextmanager
def flood(port: int, name: str, lines: int, seconds: float, size: int = 10) -> Iterator[dict[str, Any]]:
    """Flood while the block runs, for so many seconds; the dict holds the answers when it has ended."""
    command = [sys.executable, "-m", "tests.faults.flood", *map(str, (port, name, lines, seconds, size))]
    told: dict[str, Any] = {}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield told
        out, _ = child.communicate(timeout=seconds + 60)
        told.update(json.loads(out))
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        given = sys.argv[1:]
        print(json.dumps(asyncio.run(_flood(int(given[0]), given[1], int(given[2]), float(given[3]), int(given[4])))))
