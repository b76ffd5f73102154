"""A small history in the form of sealed files and a tail, with what makes questions hard."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dothi.hub.store.cold.columns.schema import READINGS
from dothi.hub.store.query.held import Held, Past

DAY = 86_400_000_000
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
START = int(FIRST.timestamp()) * 1_000_000
Row = dict[str, Any]


def row(entity: int, attribute: str, observed: int, value: float | None, **rest: Any) -> Row:
    """One reading; `value` None: words in `text`."""
    plain = {"tenant": "", "dataset": None, "form": 2, "known": 1, "slot": 0, "number": 0, "text": None, "shape": None}
    name = f"urn:ngsi-ld:Station:{entity}"
    return {
        **plain,
        "entity": name,
        "eid": entity,
        "attribute": attribute,
        "observed": observed,
        "value": value,
        **rest,
    }


def made_rows(seed: int, count: int = 4000, days: int = 40) -> list[Row]:
    """Readings of a few stations over weeks, with datasets, words, gaps and values in eighths (sums are exact)."""
    luck = random.Random(seed)
    rows = [
        row(
            luck.randrange(1, 8),
            luck.choice(("pm25", "noise")),
            START + luck.randrange(days * DAY),
            luck.randrange(-800, 8000) / 8,
            known=place + 1,
        )
        for place in range(count)
    ]
    for one in luck.sample(rows, count // 20):
        one.update(value=None, text='{"type":"Property","value":"broken"}')
    for one in luck.sample(rows, count // 20):
        one.update(dataset="urn:forecast")
    return rows


def table(rows: list[Row]) -> pa.Table:
    """Rows as a table of the tail."""
    return pa.Table.from_pylist(rows, schema=READINGS)


@pytest.fixture
def seal(tmp_path: Path) -> Callable[..., Past]:
    """Writes rows before an instant into files of days, as sealing does, and leaves the others in the tail."""

    def made(rows: list[Row], until: int, **rest: Any) -> Past:
        files = []
        for day in sorted({one["observed"] // DAY for one in rows if one["observed"] < until}):
            name = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).strftime("day=%Y-%m-%d")
            mine = [one for one in rows if one["observed"] < until and one["observed"] // DAY == day]
            mine.sort(key=lambda one: (one["tenant"], one["attribute"], one["entity"], one["observed"]))
            (tmp_path / name).mkdir()
            pq.write_table(table(mine), tmp_path / name / "part.parquet", compression="zstd")
            files.append(str(tmp_path / name / "part.parquet"))
        return Past(Held(tuple(files), table([one for one in rows if one["observed"] >= until]), **rest))

    return made
