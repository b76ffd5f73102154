"""Whatever is sealed, merged and read in whatever order: every answer is that of a hub which never seals."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dothi.ground.clock import HOUR, SECOND, from_iso
from dothi.ground.errors import DothiError
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Window
from dothi.hub.model import Attribute, Change, Commit, Instance, Op, instance_value, prop, system
from dothi.hub.read.past import evolution, face, traces
from dothi.hub.store.cold.merging import clean, compact
from dothi.hub.store.cold.sealing import Policy, due, seal, writing
from dothi.hub.write import commit as writing_commits

ACTOR = system("test")
START = from_iso("2026-06-01T00:00:00Z")
NAMES = ("temperature", "state", "place")
IDS = ("urn:ngsi-ld:Sensor:a", "urn:ngsi-ld:Sensor:b", "urn:ngsi-ld:Trạm:100%")
MOMENTS = ("2026-05-30T23:59:59Z", "2026-05-31T00:00:00.500Z", "2026-05-31T07:00:00+07:00", "2026-06-01T00:00:00+00:00")

moments = st.sampled_from((None, *MOMENTS, "2026-06-01T00:00:01.1234567Z"))
numbers = st.one_of(
    st.sampled_from([0, 1, 1.0, 20.5, -3, 10**17]), st.floats(allow_nan=False, allow_infinity=False), st.integers(-5, 5)
)
values = st.one_of(numbers, st.sampled_from(["on", 'a "quoted" one, "value":5', True, [1, 2], {"x": 1}]))


@st.composite
def _instances(draw: st.DrawFn) -> Instance:
    made: Instance = {"type": "Property", "value": draw(values)}
    moment = draw(moments)
    if moment is not None:
        made["observedAt"] = moment
    if draw(st.booleans()):
        made["unitCode"] = "CEL"
    if draw(st.integers(0, 5)) == 0:
        made["accuracy"] = {"type": "Property", "value": draw(numbers), "observedAt": MOMENTS[0]}
    if draw(st.integers(0, 4)) == 0:
        made["datasetId"] = "urn:d:1"
    return made


@st.composite
def _writes(draw: st.DrawFn) -> tuple[str, str, dict[str, Attribute], int]:
    op = draw(
        st.sampled_from(["append"] * 6 + ["put", "newer", "record", "record", "drop", "delete", "erase", "correct"])
    )
    attrs: dict[str, Attribute] = draw(st.dictionaries(st.sampled_from(NAMES), _instances(), min_size=1, max_size=2))
    return op, draw(st.sampled_from(IDS)), attrs, draw(st.integers(0, 20))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), _writes()),
        st.tuples(st.just("write"), _writes()),
        st.tuples(st.just("write"), _writes()),
        st.tuples(st.sampled_from(["seal", "compact", "clean", "ask"]), st.integers(1, 6)),
    ),
    min_size=4,
    max_size=25,
)


class _Clock:
    """One clock for both hubs."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


@contextmanager
def _one_clock() -> Iterator[_Clock]:
    clock = _Clock()
    with pytest.MonkeyPatch.context() as patch:
        for room in (writing_commits, evolution, traces, face):
            patch.setattr(room, "now_us", clock)
        patch.setattr(traces, "LONG", 5)
        yield clock


def _change(hub: Hub, write: tuple[str, str, dict[str, Attribute], int]) -> Change | None:
    op, entity, attrs, pick = write
    if op in ("append", "newer"):
        return Change(Op.UPSERT, entity, ("Sensor",), attrs, newer_only=op == "newer")
    if op == "put":
        return Change(Op.PUT, entity, ("Sensor",), attrs)
    if op == "record":
        return Change(Op.RECORD, entity, ("Sensor",), {name: [one] for name, one in attrs.items()})
    if op == "drop":
        return Change(Op.DROP, entity, name=next(iter(attrs)), every=True)
    if op == "delete":
        return Change(Op.DELETE, entity)
    told = [
        (name, one) for name, listed in _history(hub, entity, Window(attribute="modifiedAt")).items() for one in listed
    ]
    if not told:
        return None
    name, one = told[pick % len(told)]
    if op == "erase":
        return Change(Op.ERASE, entity, instance=one["instanceId"])
    return Change(Op.CORRECT, entity, attrs={name: prop(77.5, MOMENTS[0])}, instance=one["instanceId"])


def _history(hub: Hub, entity: str, window: Window) -> dict[str, list[Instance]]:
    try:
        return hub.history(ACTOR, entity, (), window)
    except DothiError:
        return {}


def _trail(hub: Hub, entity: str) -> Any:
    try:
        return hub.trail(ACTOR, entity)
    except DothiError as missing:
        return type(missing)


def _answers(hub: Hub) -> dict[str, Any]:
    """All that a hub can be asked about its past."""
    windows = (Window(), Window(attribute="modifiedAt"), Window(attribute="deletedAt"))
    last = hub.last_seq()
    return {
        "log": hub.log(0, 1000),
        "parts": [hub.log(after, 3) for after in range(0, last, 2)],
        "rows": [hub._store.commits((seq, seq + 2)) for seq in range(1, last, 3)],
        "history": [_history(hub, entity, window) for entity in IDS for window in windows],
        "trail": [_trail(hub, entity) for entity in IDS],
        "known": [_known(hub, entity, START + hours * HOUR) for entity in IDS for hours in (0, 2, 50)],
        "readings": {
            (key, since): list(zip(found.observed, found.values, strict=True))
            for since in (0, START)
            for key, found in hub.readings(ACTOR, IDS, NAMES, since).items()
        },
        "told": [(tenant, effect) for tenant, effect in hub.told(0, last)],
        "fingerprint": hub.fingerprint(),
    }


def _known(hub: Hub, entity: str, instant: int) -> Any:
    try:
        return hub.as_known(ACTOR, entity, instant)
    except DothiError as missing:
        return type(missing)


def _numbers_told(hub: Hub) -> list[tuple[Any, ...]]:
    """The numbers of every history, one for each (attribute, dataset, instant, value)."""
    told = set()
    for entity in IDS:
        for name, listed in _history(hub, entity, Window(attribute="modifiedAt")).items():
            for one in listed:
                value = instance_value(one)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    observed = from_iso(one.get("observedAt") or one["createdAt"])
                    told.add((entity, name, one.get("datasetId"), observed, float(value)))
    return sorted(told, key=repr)


def _numbers_held(hub: Hub) -> list[tuple[Any, ...]]:
    """The same as the columns tell them."""
    held = hub._memory.face.held()
    sources = [
        (f"read_parquet({list(held.files)}, hive_partitioning = false)" if held.files else "", True),
        ("tail" if held.tail.num_rows else "", True),
        ("mended" if held.mended is not None and held.mended.num_rows else "", False),
    ]
    cursor = hub._memory.face.engine()
    cursor.register("tail", held.tail)
    if held.mended is not None:
        cursor.register("mended", held.mended)
    rows: list[tuple[Any, ...]] = []
    for source, apart in sources:
        if source:
            told = cursor.sql(
                f"SELECT eid, entity, attribute, dataset, observed, value FROM {source} WHERE value IS NOT NULL"
            )
            rows += [row[1:] for row in told.fetchall() if not (apart and row[0] in held.troubled)]
    cursor.close()
    return sorted(rows, key=repr)


async def _run(folder: Path, told: list[tuple[str, Any]], clock: _Clock) -> None:
    plain, sealed = Hub(folder / "plain", Open()), Hub(folder / "sealed", Open())
    try:
        for kind, given_ in [*told, ("seal", 1), ("ask", 1), ("compact", 1), ("ask", 1), ("seal", 100), ("ask", 1)]:
            clock.now += 7 * HOUR + SECOND
            if kind == "write":
                change = _change(plain, given_)
                if change is not None:
                    assert await _committed(plain, change) == await _committed(sealed, change)
            elif kind == "seal":
                await _seal(sealed, given_)
            elif kind == "ask":
                assert _answers(sealed) == _answers(plain)
                assert _numbers_held(sealed) == _numbers_told(plain)
            else:
                await asyncio.to_thread(compact if kind == "compact" else clean, sealed.archive)
    finally:
        await plain.close()
        await sealed.close()


async def _committed(hub: Hub, change: Change) -> Any:
    try:
        return (await hub.commit(Commit(ACTOR, (change,), "đo"))).seq
    except DothiError as refused:
        return type(refused)


async def _seal(hub: Hub, count: int) -> None:
    rows = await asyncio.to_thread(due, hub._store, hub.archive.seal().until, Policy(hours=-1e6), START)
    if rows:
        await seal(hub.chore, hub.archive, rows[:count], writing(hub.archive))


def _check(told: list[tuple[str, Any]]) -> None:
    with TemporaryDirectory() as folder, _one_clock() as clock:
        asyncio.run(_run(Path(folder), told, clock))


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(steps)
def test_every_answer_is_the_same_whatever_is_sealed(told: list[tuple[str, Any]]) -> None:
    """Log, histories, trails, states as known, effects, fingerprint and numbers, before, during and after sealing."""
    _check(told)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps)
def test_every_answer_is_the_same_in_many_more_ways(told: list[tuple[str, Any]]) -> None:
    """The same, 100 times at random."""
    _check(told)
