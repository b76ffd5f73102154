"""Commits become columns and come back byte for byte, whatever was written; and how small they are."""

import csv
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.ground.clock import HOUR, MINUTE, from_iso, iso
from dothi.hub.store import codec
from dothi.hub.store.codec import Doc, Entry
from dothi.hub.store.cold.columns.packing import Packer
from dothi.hub.store.cold.columns.templates import cut, joined
from dothi.hub.store.cold.columns.unpacking import unpacked
from dothi.hub.store.cold.place import Place
from dothi.hub.store.cold.tables import SCHEMAS
from dothi.hub.store.port import LogRow

START = from_iso("2026-06-01T00:00:00Z")
_words = st.text(max_size=12) | st.sampled_from(
    ['"value":5', ',"observedAt":"2026', "\\", "}", "100 %", "\x01\x02", "é"]
)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=6,
)
_NAMES = ("type", "value", "observedAt", "unitCode", "datasetId", "json", "accuracy", "é", 'x"value', "100 %")
_LEAVES: tuple[Any, ...] = (
    *(None, True, 0, -1, 5, 2**53 + 1, 10**30, 1.0, 20.5, -0.0, 1e-300, 1e22, 123456789.123456),
    *("", "on", '"value":5', ',"observedAt":"2026', "\\", "}", "100 %", "\x01\x02", "2026-06-01T00:00:00Z"),
)
_MOMENTS = ("2026-06-01T00:00:00Z", "2026-06-01T07:00:00.250+07:00", "2026-06-01T00:00:00+00:00", "now", "2026-06-01")


def _any(dice: random.Random, depth: int = 2) -> Any:
    kind = dice.randrange(4) if depth else 0
    if kind == 1:
        return [_any(dice, depth - 1) for _ in range(dice.randrange(3))]
    if kind == 2:
        return {dice.choice(_NAMES): _any(dice, depth - 1) for _ in range(dice.randrange(4))}
    return dice.choice(_LEAVES)


def _instance(dice: random.Random) -> dict[str, Any]:
    if dice.random() < 0.3:
        return {dice.choice(_NAMES): _any(dice) for _ in range(dice.randrange(5))}
    made = {
        "type": "Property",
        "value": dice.choice((1, 2.5, 10**17, dice.random())),
        "observedAt": dice.choice(_MOMENTS),
    }
    if dice.random() < 0.3:
        made[dice.choice(_NAMES)] = _any(dice)
    return made


def _attributes(dice: random.Random) -> dict[str, Any]:
    several = {
        name: [_instance(dice) for _ in range(dice.randrange(3))] for name in dice.sample(_NAMES, dice.randrange(2))
    }
    return {name: _instance(dice) for name in dice.sample(_NAMES, dice.randrange(3))} | several


def _doc(dice: random.Random) -> Doc:
    return Doc(
        id=f"urn:{dice.choice(_NAMES)}",
        type=dice.choice((("T",), ())),
        attrs=_attributes(dice),
        late=_attributes(dice),
        scope=dice.choice((None, ("/a/b",))),
        dropped=dice.choice(((), ("a b",))),
        amended={"urn:i": _instance(dice)} if dice.random() < 0.2 else {},
        erased=dice.choice(((), ("e",))),
        expires=dice.choice((None, 0, 2**60)),
    )


def test_every_stored_row_comes_back_byte_for_byte() -> None:
    """Any JSON under any names, numbers of any size, strings that look like readings: 1,200 bodies at random."""
    dice = random.Random(20260601)
    packer = Packer(lambda tid: f"tenant {tid}")
    for _ in range(20):
        rows = []
        for seq in range(1, 21):
            entries = [Entry(n, seq - 1, seq, "updated", seq % 2 == 0, codec.encode(_doc(dice))) for n in range(3)]
            rows.append(LogRow(seq, START + seq, 1, "key:é", "vì sao", codec.pack(entries)))
        for _ in range(2):  # The second time every structure is known already.
            assert list(unpacked(packer.pack(rows))) == rows


@settings(max_examples=50, deadline=None, derandomize=True)
@given(_json)
def test_what_was_cut_is_joined_again(value: Any) -> None:
    """Cutting loses nothing of any JSON."""
    body = msgspec.json.encode({"a": value, "value": 1.5, "observedAt": "x"})
    assert joined(cut(body)) == body


def _series(data: Path) -> Iterator[tuple[str, np.ndarray, int]]:
    """Real hourly series of an air station, and the decimals that its sensors tell."""
    with (data / "air" / "beijing_Aotizhongxin.csv").open() as file:
        rows = list(csv.DictReader(file))
    for column, name, decimals in (("PM2.5", "pm25", 0), ("TEMP", "temperature", 1), ("PRES", "pressure", 1)):
        told = np.array([float(row[column]) if row[column] != "NA" else np.nan for row in rows])
        known = ~np.isnan(told)
        yield name, np.interp(np.arange(len(told)), np.flatnonzero(known), told[known]), decimals


def test_a_reading_of_a_real_series_costs_less_than_eight_bytes(shared_data: Path, tmp_path: Path) -> None:
    """A day of 100 stations every 10 minutes, each a little late: all files together, per row of a number."""
    series, dice = list(_series(shared_data)), np.random.default_rng(1)
    starts = dice.integers(0, 30_000, 100)
    rows: list[LogRow] = []
    for step in range(144):
        entries = []
        for station in range(100):
            at = iso(START + step * 10 * MINUTE + int(dice.integers(0, 60)) * 1_000_000)
            attrs: dict[str, Any] = {}
            for name, told, decimals in series:
                value = float(np.interp(starts[station] + step / 6, np.arange(len(told)), told) + dice.normal(0, 0.2))
                attrs[name] = {"type": "Property", "value": round(value, decimals), "observedAt": at}
            body = codec.encode(
                Doc(f"urn:ngsi-ld:AirQualityObserved:tram-{station:04}", ("AirQualityObserved",), attrs)
            )
            entries.append(Entry(station + 1, step, step + 1, "updated", False, body))
        rows.append(LogRow(step + 1, START + step * 10 * MINUTE + HOUR, 1, "key:gateway", "", codec.pack(entries)))
    packed = Packer(lambda tid: "").pack(rows)
    assert list(unpacked(packed)) == rows
    place = Place(str(tmp_path))
    tables = {"readings": packed.readings, "entries": packed.entries, "commits": packed.commits}
    sizes = [place.write(name, [table], SCHEMAS[name])[1] for name, table in tables.items()]
    assert packed.readings.num_rows == 144 * 100 * 3
    assert packed.readings["value"].null_count == 0
    assert sum(sizes) / packed.readings.num_rows < 8
