"""The columns of sealed history: instances (told ones and echoes of them), entries and commits."""

from typing import NamedTuple

import pyarrow as pa

READINGS = pa.schema(
    [
        ("tenant", pa.string()),
        ("attribute", pa.string()),
        ("entity", pa.string()),
        ("eid", pa.int64()),
        ("dataset", pa.string()),
        ("observed", pa.int64()),  # µs; where it was not stated, when it was known
        ("form", pa.int8()),  # How it was written: 2 × (0: not stated, else see templates) + whether the value is whole
        ("known", pa.int64()),  # The sequence of the commit …
        ("slot", pa.int32()),  # … its entry's place in it …
        ("number", pa.int32()),  # … and the instance's place in the entry.
        ("value", pa.float64()),
        ("text", pa.string()),  # The JSON of the instance where it is no reading in a shape.
        ("shape", pa.string()),  # The JSON of the instance with holes for value (0x02) and instant (0x03).
    ]
)
ENTRIES = pa.schema(
    [
        ("eid", pa.int64()),
        ("entity", pa.string()),
        ("known", pa.int64()),
        ("slot", pa.int32()),
        ("previous", pa.int64()),
        ("version", pa.int64()),
        ("flags", pa.int8()),  # Status and whether it is whole, as store/codec.py packs them.
        ("template", pa.string()),  # The JSON of the entry with holes; see templates.py.
        ("body", pa.string()),  # The JSON itself where no template gives it back.
    ]
)
COMMITS = pa.schema(
    [
        ("known", pa.int64()),
        ("at", pa.int64()),  # µs
        ("tid", pa.int64()),
        ("tenant", pa.string()),
        ("actor", pa.string()),
        ("reason", pa.string()),
        ("size", pa.int64()),  # Bytes of the stored row.
    ]
)


class Packed(NamedTuple):
    """Some commits as columns: readings sorted (see order.py), entries by (eid, known, slot), commits by known."""

    readings: pa.Table
    entries: pa.Table
    commits: pa.Table
