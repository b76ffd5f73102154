"""Reads everything back and counts what a fault did: lost, doubled, reordered, torn."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, LoggedCommit, instances
from tests.faults.load import BATCH, Ledger, lamp, new


@dataclass(frozen=True)
class Truth:
    """What stands in the log and the state against what was acknowledged; each number but `commits` must be 0."""

    commits: int
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    torn: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return (self.lost, self.doubled, self.reordered, self.torn) == (0, 0, 0, 0)


class _Reader:
    """Goes through the log once."""

    def __init__(self) -> None:
        self.commits = self.backward = self.partial = 0
        self.seq = self.at = 0
        self.readings: Counter[tuple[str, int]] = Counter()
        self.created: Counter[str] = Counter()
        self.order: dict[str, list[int]] = defaultdict(list)

    def take(self, commit: LoggedCommit) -> None:
        self.commits += 1
        self.backward += (commit.seq <= self.seq) + (commit.at < self.at)
        self.seq, self.at = commit.seq, commit.at
        numbers: Counter[tuple[str, int]] = Counter()
        for entry in commit.entries:
            if not entry.id.startswith(("urn:x:lamp", "urn:x:new")):
                continue  # Of a flood, of which nobody keeps a ledger.
            self.created[entry.id] += entry.status == "created"
            for one in instances(entry.attrs.get("power")):
                self.readings[entry.id, one["value"]] += 1
                self.order[entry.id].append(one["value"])
                client, _, _ = entry.id.rpartition(":")
                numbers[client, one["value"]] += entry.id.startswith("urn:x:lamp")
        self.partial += sum(count not in (0, BATCH) for count in numbers.values())


def read_back(folder: Path, ledger: Ledger, store: str = "") -> Truth:
    """Open what is left behind in `folder`/hub (or in the database) and compare it with the ledger."""

    async def look() -> Truth:
        hub = Hub(folder / "hub", Open(), store)
        try:
            reader = _Reader()
            for commit in hub.dump():
                reader.take(commit)
            return Truth(
                reader.commits,
                _lost(hub, reader, ledger),
                sum(count > 1 for count in (*reader.readings.values(), *reader.created.values())),
                reader.backward + sum(values != sorted(values) for values in reader.order.values()),
                reader.partial + _apart(hub, reader),
            )
        finally:
            await hub.close()

    return asyncio.run(look())


def _lost(hub: Hub, reader: _Reader, ledger: Ledger) -> int:
    """Acknowledged readings and entities that the log lacks, or the history and state that come from it."""
    wanted = {(lamp(who, i), number) for who, number in ledger.batches for i in range(BATCH)}
    missing = sum(one not in reader.readings for one in wanted)
    one = lamp(0, 0)
    told = {number for who, number in ledger.batches if who == 0}
    if told:
        past = {instance["value"] for instance in hub.history(ANONYMOUS, one, ("power",))["power"]}
        missing += len(told - past)
    made = [new(who, number) for who, number in ledger.created]
    return missing + len(made) - len(hub.some(ANONYMOUS, made))


def _apart(hub: Hub, reader: _Reader) -> int:
    """Entities whose state is not what their last entry in the log says."""
    standing = hub.some(ANONYMOUS, reader.order)
    return sum(
        name not in standing or standing[name].value("power") != values[-1] for name, values in reader.order.items()
    )
