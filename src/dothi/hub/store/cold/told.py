"""Which instances are told: a reading that came twice is told once, as it was known first."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dothi.hub.store import codec
from dothi.hub.store.cold.archive import Archive
from dothi.hub.store.cold.columns.schema import Packed
from dothi.hub.store.cold.tables import day_of

_RECORDED = codec.STATUSES.index("recorded")
_KEY = ("eid", "attribute", "dataset", "observed")


class Told(NamedTuple):
    """Instances that are told, their echoes, and the entities whose history is not told as it was written."""

    readings: pa.Table
    echoes: pa.Table
    troubled: frozenset[int]


def told(packed: Packed, archive: Archive, also: pa.Table | None = None) -> Told:
    """Part the readings of some commits; `also` are rows known before that are not in the files."""
    readings = packed.readings
    echo = np.zeros(readings.num_rows, bool)
    troubled = _changed(packed)
    recorded = _recorded(packed)
    seen = _again_within(readings, echo, recorded, troubled)
    stated = np.flatnonzero((readings["form"].to_numpy() > 1) & ~echo)
    _again(readings, stated, _earlier(readings, stated, archive, also), echo, recorded, troubled)
    kept = pa.array(~echo)
    del seen
    return Told(readings.filter(kept), readings.filter(pa.array(echo)), frozenset(troubled))


def _changed(packed: Packed) -> set[int]:
    """Entities of which something was erased or corrected, or expires by itself."""
    entries = packed.entries
    marked = pc.or_(
        *(
            pc.fill_null(pc.match_substring_regex(_flat(entries[name]), '"(erased|amended|expiresAt|gone)":'), False)
            for name in ("template", "body")
        )
    )
    fading = [
        pc.fill_null(pc.match_substring(_flat(packed.readings[name]), '"expiresAt":'), False)
        for name in ("text", "shape")
    ]
    found = entries["eid"].filter(marked).to_pylist()
    found += packed.readings["eid"].filter(pc.or_(*fading)).to_pylist()
    return set(found)


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _recorded(packed: Packed) -> set[tuple[int, int, int]]:
    """(entity, commit, slot) of the entries that were written into a history."""
    flags = packed.entries["flags"].to_numpy() & 7
    some = packed.entries.filter(pa.array(flags == _RECORDED)).select(["eid", "known", "slot"])
    return set(zip(*(one.to_pylist() for one in some.columns), strict=True))


def _again_within(readings: pa.Table, echo: np.ndarray, recorded: set[tuple[int, int, int]], troubled: set[int]) -> int:
    """Mark the echoes among the rows themselves, which stand by entity, attribute and moment."""
    eid, observed = readings["eid"].to_numpy(), readings["observed"].to_numpy()
    stated = readings["form"].to_numpy() > 1
    same = (eid[1:] == eid[:-1]) & (observed[1:] == observed[:-1]) & stated[1:] & stated[:-1]
    near = np.zeros(len(eid), bool)
    near[1:] |= same
    near[:-1] |= same
    rows = np.flatnonzero(near)
    values: dict[tuple[object, ...], set[object]] = {}
    for row, one in zip(rows.tolist(), readings.take(pa.array(rows)).to_pylist(), strict=True):
        met = values.setdefault((one["tenant"], *(one[name] for name in _KEY)), set())
        value = one["text"] if one["value"] is None else one["value"]
        if value in met:
            echo[row] = True
        elif met and (one["eid"], one["known"], one["slot"]) in recorded:
            troubled.add(one["eid"])
        met.add(value)
    return len(rows)


def _earlier(readings: pa.Table, stated: np.ndarray, archive: Archive, also: pa.Table | None) -> pa.Table | None:
    """Rows of the files that may tell of the same moments as these."""
    observed = readings["observed"].to_numpy()[stated]
    if not len(observed):
        return None
    low, high = int(observed.min()), int(observed.max())
    days = {day_of(int(day) * 86_400_000_000) for day in np.unique(observed // 86_400_000_000)}
    first = int(pc.min(readings["known"]).as_py())
    files = [
        one
        for one in archive.tables["readings"].files()
        if one.day in days and one.observed[1] >= low and one.observed[0] <= high and one.known[0] < first
    ]
    columns = "eid, attribute, dataset, observed, value, text"
    where = f"observed BETWEEN {low} AND {high} AND known < {first} AND form > 1"
    found = archive.query("readings", files, columns, where) if files else None
    if also is not None and also.num_rows:
        inside = pc.and_(pc.greater_equal(also["observed"], low), pc.less_equal(also["observed"], high))
        tail = also.filter(pc.and_(inside, pc.greater(also["form"], 1))).select([*_KEY, "value", "text"])
        tail = pa.table({name: _flat(tail[name]) for name in tail.column_names})
        found = tail if found is None else pa.concat_tables([found, tail])
    return found if found is not None and found.num_rows else None


def _again(
    readings: pa.Table,
    stated: np.ndarray,
    earlier: pa.Table | None,
    echo: np.ndarray,
    recorded: set[tuple[int, int, int]],
    troubled: set[int],
) -> None:
    """Mark those that earlier commits told; where another value was recorded for a moment, its entity is troubled."""
    if earlier is None:
        return
    some = readings.select([*_KEY, "value", "text", "known", "slot"]).take(pa.array(stated))
    some = pa.table({name: _flat(some[name]) for name in some.column_names})
    keyed = some.append_column("row", pa.array(stated)).join(
        earlier.append_column("before", pa.array(np.ones(earlier.num_rows, bool))),
        keys=["eid", "attribute", "observed"],
        right_suffix=" before",
        join_type="inner",
    )
    for one in keyed.to_pylist():
        if one["dataset"] != one["dataset before"]:
            continue
        if one["value"] == one["value before"] and (one["value"] is not None or one["text"] == one["text before"]):
            echo[one["row"]] = True
        elif (one["eid"], one["known"], one["slot"]) in recorded:
            troubled.add(one["eid"])
