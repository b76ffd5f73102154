"""kill -9 while subscribers are told: of what was acknowledged nothing is lost, and it comes in order."""

import asyncio
import json
import os
import random
import signal
import sys
from pathlib import Path

from tests.hub.peers.notify.hearing import Heard, Receiver

KILLS = 3
LEAST = 60  # Changes that must have been acknowledged, so that the counting means something.
HUB = """
import asyncio, sys
from pathlib import Path
from dothi.hub.access import Open
from dothi.hub.context import CORE, Contexts
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Change, Commit, Op, prop
from dothi.hub.peers import records
from dothi.hub.peers.notify import keeping
from dothi.hub.peers.notify.model import Patience
from dothi.hub.peers.notify.notifier import Notifier
from dothi.hub.peers.wire import EVERYWHERE, Wire

async def main(folder, url, first, last):
    hub = Hub(Path(folder), Open())
    records.declare(hub)
    wire, contexts = Wire(EVERYWHERE), Contexts()
    notifier = Notifier(hub, contexts, wire, Patience(first=20_000, most=100_000, checkpoint_s=0.05))
    telling = asyncio.create_task(notifier.run())
    await asyncio.sleep(0.05)
    if first == 0:
        for name in ("a", "b"):
            document = {"type": "Subscription", "id": "urn:x:" + name, "entities": [{"type": "Lamp"}],
                        "notification": {"endpoint": {"uri": url + name}}}
            await keeping.subscribe(notifier, contexts, wire.reach, ANONYMOUS, "", document, CORE)
    async def client(who):
        for n in range(first, last):
            lamp = Change(Op.UPSERT, f"urn:x:{who}", ("Lamp",), {"n": prop(n)})
            await hub.commit(Commit(ANONYMOUS, (lamp,)))
            sys.stdout.write(f"{who} {n}\\n"); sys.stdout.flush()
    await asyncio.gather(*(client(who) for who in range(4)))
    await telling

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


async def run_and_kill(folder: Path, url: str, first: int) -> list[tuple[int, int]]:
    """Have a hub write changes from `first` on, kill it at a random moment; what it had acknowledged."""
    arguments = (sys.executable, "-c", HUB, str(folder), url, str(first), str(first + 100_000))
    child = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    told = await child.stdout.readline()
    rest = asyncio.create_task(child.stdout.read())
    await asyncio.sleep(random.uniform(0.1, 0.4))
    child.send_signal(signal.SIGKILL)
    told += await rest
    await child.wait()
    lines = told.decode().rpartition("\n")[0].splitlines()
    return [(int(who), int(n)) for who, n in (line.split() for line in lines)]


async def tell_the_rest(folder: Path, url: str, expected: set[tuple[str, int, int]], receiver: Receiver) -> None:
    """Run the hub once more without a change, until everything has come or it has had its time."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", HUB, str(folder), url, "1", "1")
    for _ in range(300):
        if expected <= heard_by(receiver.heard):
            break
        await asyncio.sleep(0.1)
    os.kill(child.pid, signal.SIGKILL)
    await child.wait()


def heard_by(heard: list[Heard]) -> set[tuple[str, int, int]]:
    """(subscription, client, number) of all that came."""
    return set(in_order(heard))


def in_order(heard: list[Heard]) -> list[tuple[str, int, int]]:
    return [
        (one.body["subscriptionId"], int(entity["id"][-1]), entity["n"]["value"])
        for one in heard
        for entity in one.body["data"]
    ]


def test_no_notification_is_lost_by_kill_9(tmp_path: Path) -> None:
    """Killed three times while two subscribers, one of them failing at times, are told: each acknowledged change comes.

    For each subscriber and entity the first coming of each change is in the order of the changes, and what comes
    twice comes under the same id.
    """

    async def story() -> None:
        receiver = Receiver()
        receiver.answer = lambda heard: (
            503 if heard.body["subscriptionId"] == "urn:x:b" and random.random() < 0.3 else 200
        )
        acknowledged: list[tuple[int, int]] = []
        async with receiver.open():
            url = receiver.url.removesuffix("notify")
            for run in range(KILLS):
                acknowledged += await run_and_kill(tmp_path / "hub", url, run * 100_000)
            expected = {(f"urn:x:{name}", who, n) for name in "ab" for who, n in acknowledged}
            await tell_the_rest(tmp_path / "hub", url, expected, receiver)
        assert len(acknowledged) > LEAST
        assert expected - heard_by(receiver.heard) == set()
        check_order(receiver.heard)
        ids = {json.dumps(one.body["data"]) + one.body["subscriptionId"]: one.body["id"] for one in receiver.heard}
        assert len(ids) == len({one.body["id"] for one in receiver.heard})

    asyncio.run(story())


def check_order(heard: list[Heard]) -> None:
    """The first coming of each change is after that of all before it."""
    last: dict[tuple[str, int], int] = {}
    seen: set[tuple[str, int, int]] = set()
    for name, who, n in in_order(heard):
        if (name, who, n) not in seen:
            seen.add((name, who, n))
            assert n > last.get((name, who), -1)
            last[name, who] = n
