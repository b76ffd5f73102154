"""A long history as sealing leaves it: written straight to day files by the archive's own writer."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from dothi.ground.clock import DAY, from_datetime
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Commit, create, prop, system
from dothi.hub.store.cold.archive import Seal
from dothi.hub.store.cold.columns.schema import COMMITS, READINGS
from dothi.hub.store.cold.place import Place
from dothi.hub.store.cold.tables import Table, day_of
from dothi.hub.store.opening import open_store
from dothi.hub.store.port import Written

ATTRIBUTES = {"pm25": (30.0, 10.0), "temperature": (28.0, 3.0), "humidity": (75.0, 8.0), "noise": (60.0, 6.0)}
FIRST = from_datetime(datetime(2024, 1, 1, tzinfo=UTC))
_COMMIT = 100  # Entities that tell in one commit.
_WORDS = ("tenant", "attribute", "entity", "shape")
_SHAPE = '{"type":"Property","value":\x02,"observedAt":"\x03","unitCode":"GQ"}'


@dataclass(frozen=True)
class Size:
    """How much is written."""

    entities: int
    each_day: int  # Readings of one attribute of one entity.
    days: int

    @property
    def rows(self) -> int:
        """Readings in all."""
        return self.entities * len(ATTRIBUTES) * self.each_day * self.days

    @property
    def span(self) -> tuple[int, int]:
        """From when until when (µs)."""
        return FIRST, FIRST + self.days * DAY


TINY = Size(200, 24, 6)
CITY = Size(3_472, 48, 30)  # 20 million.
YEARS = Size(3_568, 96, 730)  # 10⁹ in two years of days.


def name_of(number: int) -> str:
    """The id of an entity."""
    return f"urn:ngsi-ld:AirQualityObserved:tram-{number:05d}"


def make(folder: Path, size: Size, say: Callable[[str], None]) -> tuple[int, float]:
    """Write the city's entities and their history; bytes of its files and seconds that writing took."""
    asyncio.run(_people(folder, size))
    store = open_store(folder)
    tid = store.tenant("") or 0
    names = [name_of(number) for number in range(size.entities)]
    eids = np.array([store.heads(tid, names[at : at + 1])[names[at]].eid for at in range(size.entities)], np.int64)
    store.close()
    began = time.monotonic()
    readings = Table(Place(str(folder / "archive")), "readings")
    luck = np.random.default_rng(6)
    level = luck.standard_normal((len(ATTRIBUTES), size.entities))
    for day in range(size.days):
        at = FIRST + day * DAY
        readings.change({day_of(at): _day(size, names, eids, at, level, luck)}, why="bench")
        if day % 50 == 49:
            say(f"{day + 1} of {size.days} days written")
    seconds = time.monotonic() - began
    seal(folder, max(one.known[1] for one in readings.files()), size.span[1] - 1)
    return sum(one.size for one in readings.files()), seconds


def seal(folder: Path, until: int, at: int) -> None:
    """Say that the log is sealed up to a commit of an instant (µs), so that the files count."""
    last = {"known": until, "at": at, "tid": 0, "tenant": "", "actor": "system:bench", "reason": "", "size": 0}
    table = pa.Table.from_pylist([last], schema=COMMITS)
    Table(Place(str(folder / "archive")), "commits").change({day_of(at): [table]}, why="bench")
    asyncio.run(_noted(folder, until))


async def _noted(folder: Path, until: int) -> None:
    """The page that says how far the log is sealed."""
    hub = Hub(folder, Open())
    await hub.chore(lambda _: Written((), (), (), (), (), pages=[Seal(until).page()]))
    await hub.close()


async def _people(folder: Path, size: Size) -> None:
    """Every entity, as it stands."""
    hub = Hub(folder, Open())
    for start in range(0, size.entities, 1000):
        changes = tuple(
            create(name_of(number), "AirQualityObserved", **{name: prop(0.0) for name in ATTRIBUTES})
            for number in range(start, min(start + 1000, size.entities))
        )
        await hub.commit(Commit(system("bench"), changes))
    await hub.close()


def _day(
    size: Size,
    names: list[str],
    eids: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    start: int,
    level: "np.ndarray[tuple[int, int], np.dtype[np.float64]]",
    luck: np.random.Generator,
) -> Iterator[pa.Table]:
    """The rows of one day by attribute, entity and moment: slow walks to one decimal, moments that jitter."""
    each, count = size.each_day, size.entities
    step = DAY // each
    turn = np.arange(each)
    for number, (name, (middle, spread)) in enumerate(sorted(ATTRIBUTES.items())):
        late = luck.integers(0, 30, (count, each)) * 1_000_000
        observed = (start + turn * step)[None, :] + late
        walk = level[number][:, None] + 0.1 * np.cumsum(luck.standard_normal((count, each)), axis=1)
        level[number] = 0.98 * walk[:, -1]
        commits = size.entities // _COMMIT + 1
        known = 1 + ((start - FIRST) // step + turn)[None, :] * commits + (np.arange(count) // _COMMIT)[:, None]
        rows = count * each
        columns = {
            "tenant": _word("", rows),
            "attribute": _word(name, rows),
            "entity": _words(names, np.repeat(np.arange(count, dtype=np.int32), each)),
            "eid": np.repeat(eids, each),
            "dataset": pa.nulls(rows, pa.string()),
            "observed": observed.ravel(),
            "form": np.full(rows, 2, np.int8),
            "known": known.ravel(),
            "slot": np.repeat((np.arange(count) % _COMMIT).astype(np.int32), each),
            "number": np.full(rows, number, np.int32),
            "value": np.round(middle + spread * walk, 1).ravel(),
            "text": pa.nulls(rows, pa.string()),
            "shape": _word(_SHAPE, rows),
        }
        yield pa.table([columns[one.name] for one in READINGS], names=READINGS.names)


def _word(text: str, rows: int) -> pa.Array:
    return _words([text], np.zeros(rows, np.int32))


def _words(texts: list[str], numbers: "np.ndarray[tuple[int], np.dtype[np.int32]]") -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(numbers), pa.array(texts)).cast(pa.string())
