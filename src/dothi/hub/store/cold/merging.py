"""Files of a day become one, sorted; and what a crash left half written is taken out."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dothi.ground.clock import DAY
from dothi.hub.store.cold.archive import Archive
from dothi.hub.store.cold.tables import SCHEMAS, File, day_of

Ints = NDArray[np.int64]
ROWS = 122_880  # Rows of a row group.
SORTED = {
    "readings": "tenant, attribute, entity, observed, known, slot, number",
    "echoes": "tenant, attribute, entity, observed, known, slot, number",
    "entries": "eid, known, slot",
    "commits": "known",
}


def by_day(table: pa.Table, instant: str | Ints) -> dict[str, list[pa.Table]]:
    """Rows by the day (UTC) of an instant (µs), in their order."""
    days = (table[instant].to_numpy() if isinstance(instant, str) else instant) // DAY
    found = np.unique(days)
    if len(found) == 1:
        return {day_of(int(found[0]) * DAY): [table]}
    return {day_of(int(day) * DAY): [table.filter(pa.array(days == day))] for day in found}


def finish(archive: Archive) -> None:
    """Take out of the files what lies beyond the seal: a crash (or a restore of the log) left it; it is sealed anew."""
    until = archive.seal().until
    for name, table in archive.tables.items():
        beyond = [one for one in table.files() if one.known[1] > until]
        for file in beyond:
            kept: dict[str, Any] = (
                {} if file.known[0] > until else {file.day: sorted_rows(archive, name, [file], f"known <= {until}")}
            )
            table.change(kept, (file,), "unfinished")
            archive.changed()


def sorted_rows(archive: Archive, name: str, files: list[File], where: str = "true") -> Iterator[pa.Table]:
    """Rows of some files, sorted, in tables of the size of a row group."""
    table = archive.tables[name]
    columns = ", ".join(f'"{one}"' for one in SCHEMAS[name].names)
    sql = f"SELECT {columns} FROM read_parquet($files, hive_partitioning = false) WHERE {where} ORDER BY {SORTED[name]}"
    cursor = archive.place.engine()
    try:
        reader: Any = cursor.sql(sql, params={"files": [table.path(one) for one in files]}).to_arrow_reader(ROWS)
        for batch in reader:
            yield pa.Table.from_batches([batch]).cast(SCHEMAS[name])
    finally:
        cursor.close()


def compact(archive: Archive, most: int = 1 << 30, told: Callable[[str], None] | None = None) -> int:
    """Merge the files of each day that has several, and remove those that do not count any more; how many were merged.

    Every answer stays as it is. `most`: days whose files are larger together (bytes) are left alone.
    """
    with archive.changing:
        merged = _merge(archive, most, told)
    archive.changed()
    return merged


def _merge(archive: Archive, most: int, told: Callable[[str], None] | None) -> int:
    finish(archive)
    merged = 0
    for name, table in archive.tables.items():
        days: dict[str, list[File]] = {}
        for file in table.files():
            days.setdefault(file.day, []).append(file)
        for day, files in days.items():
            if len(files) > 1 and sum(one.size for one in files) <= most:
                table.change({day: sorted_rows(archive, name, files)}, tuple(files), f"merged {day}")
                merged += len(files)
                if told is not None:
                    told(f"{name} {day}")
    return merged


def clean(archive: Archive) -> int:
    """Remove every file that does not count any more, for good; how many."""
    with archive.changing:
        return sum(table.vacuum() for table in archive.tables.values())
