"""Columns as stored commits again: templates are filled with what stood in their holes."""

from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa

from dothi.hub.store import codec
from dothi.hub.store.codec import Entry
from dothi.hub.store.cold.columns.schema import Packed
from dothi.hub.store.cold.columns.templates import BODY, HOLES, written
from dothi.hub.store.port import LogRow

_encode = msgspec.json.Encoder().encode


def unpacked(packed: Packed) -> Iterator[LogRow]:
    """The commits of those columns in order, with those of their entries and instances that are there."""
    entries = packed.entries.take(_order(packed.entries, "slot", "known"))
    fills = _fills(packed.readings)
    templates: dict[str, tuple[bytes, int]] = {}
    names: dict[str, bytes] = {}
    told: dict[int, list[Entry]] = {}
    columns = [entries[name].to_pylist() for name in ("eid", "entity", "known", "previous", "version", "flags")]
    at = 0
    for eid, entity, known, previous, version, flags, template, body in zip(
        *columns, entries["template"].to_pylist(), entries["body"].to_pylist(), strict=True
    ):
        form, holes = templates.get(template) or templates.setdefault(template, _form(template))
        if body is None:
            name = names.get(entity) or names.setdefault(entity, _encode(entity))
            made = form % (name, *fills[at : at + holes])
            at += holes
        else:
            made = body.encode()
        told.setdefault(known, []).append(
            Entry(eid, previous, version, codec.STATUSES[flags & 7], bool(flags & codec.WHOLE), made)
        )
    commits = packed.commits
    for seq, when, tid, actor, reason in sorted(
        zip(*(commits[name].to_pylist() for name in ("known", "at", "tid", "actor", "reason")), strict=True)
    ):
        yield LogRow(seq, when, tid, actor, reason, codec.pack(told.get(seq, [])))


def _form(template: str) -> tuple[bytes, int]:
    """A template as a format, and how many holes there are beside the id."""
    text = template.encode()
    if text == BODY:
        return b"", 0
    return HOLES.sub(b"%b", text.replace(b"%", b"%%")), len(HOLES.findall(text)) - 1


def _order(table: pa.Table, *keys: str) -> pa.Array:
    """The order by columns, the last one first."""
    return pa.array(np.lexsort([table[key].to_numpy() for key in keys]))


def _fills(readings: pa.Table) -> list[bytes]:
    """What stands in the holes of templates, in the order of the log."""
    readings = readings.take(_order(readings, "number", "slot", "known"))
    shaped = readings["text"].is_null().to_numpy()
    form = readings["form"].to_numpy().astype(np.int64)
    dated = shaped & (form > 1)
    starts = np.cumsum(1 + dated) - (1 + dated)
    fills = np.empty(int((1 + dated).sum()), object)
    fills[starts[shaped]] = _numbers(readings["value"].to_numpy()[shaped], form[shaped] % 2 == 1)
    if not shaped.all():
        texts = readings["text"].filter(pa.array(~shaped)).cast(pa.binary())
        fills[starts[~shaped]] = texts.to_numpy()
    fills[starts[dated] + 1] = _moments(readings["observed"].to_numpy()[dated], form[dated] // 2)
    told: list[bytes] = fills.tolist()
    return told


def _numbers(values: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Numbers as they were written."""
    mixed = values.astype(object)
    mixed[whole] = values[whole].astype(np.int64).astype(object)
    return _objects(_encode(mixed.tolist())[1:-1].split(b",") if len(mixed) else [])


def _moments(instants: np.ndarray, forms: np.ndarray) -> np.ndarray:
    """Instants as they were written."""
    keys, places = np.unique(instants * 8 + forms, return_inverse=True)
    texts = [written(key >> 3, key & 7).encode() for key in keys.tolist()]
    return _objects(texts)[places]


def _objects(texts: list[bytes]) -> np.ndarray:
    made = np.empty(len(texts), object)
    made[:] = texts
    return made
