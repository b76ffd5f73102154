"""The numbers of many entities in one pass: in order of when they were measured, each instant once."""

import asyncio
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.ground.clock import DAY, MINUTE, iso, now_us
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Change, Commit, Op, prop
from dothi.hub.read import readings as room

KIND = "AirQualityObserved"
TOLD = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(-300, 0), st.one_of(st.integers(0, 9), st.booleans(), st.just("x"))),
    max_size=12,
)


@settings(max_examples=12, deadline=None)
@given(told=TOLD)
def test_what_history_tells(tmp_path_factory: object, told: list[tuple[str, int, object]]) -> None:
    """For any readings, late and repeated ones too, numbers and instants are those that history tells, in order."""

    async def run() -> None:
        hub = Hub(tmp_path_factory.mktemp("hub"), Open())  # type: ignore[attr-defined]
        now = now_us()
        for name, minutes, value in told:
            attrs = {"pm25": prop(value, iso(now + minutes * MINUTE)), "other": prop(1)}
            await hub.commit(Commit(ANONYMOUS, (Change(Op.UPSERT, f"urn:t:{name}", (KIND,), attrs),)))
        found = hub.readings(ANONYMOUS, ["urn:t:a", "urn:t:b", "urn:t:never"], ("pm25",), now - DAY)
        wanted: dict[tuple[str, str], dict[int, float]] = {}
        for name, minutes, value in told:
            if isinstance(value, int) and not isinstance(value, bool):
                wanted.setdefault((f"urn:t:{name}", "pm25"), {})[now + minutes * MINUTE] = value
        assert {key: dict(zip(one.observed, one.values, strict=True)) for key, one in found.items()} == wanted
        assert all(list(one.observed) == sorted(one.observed) for one in found.values())
        await hub.close()

    asyncio.run(run())


def test_only_what_was_asked_for(tmp_path: Path) -> None:
    """A window leaves out what was measured before and after; the pages of the log are told of as they are read."""

    async def run() -> None:
        hub = Hub(tmp_path, Open())
        now = now_us()
        for minutes in range(-200, 0):
            attrs = {"pm25": prop(minutes, iso(now + minutes * MINUTE))}
            await hub.commit(Commit(ANONYMOUS, (Change(Op.UPSERT, "urn:t:a", (KIND,), attrs),)))
        shares: list[float] = []
        since, until = now - 50 * MINUTE, now - 10 * MINUTE
        found = hub.readings(ANONYMOUS, ["urn:t:a"], ("pm25",), since, until, shares.append)
        assert list(found["urn:t:a", "pm25"].values) == list(range(-50, -10))
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
        assert hub.readings(ANONYMOUS, ["urn:t:a"], ("pm25",), now + DAY) == {}
        assert room._before(hub._store, now_us() + DAY, 0, hub.last_seq()) == hub.last_seq()
        assert room._before(hub._store, now - DAY, 0, hub.last_seq()) == 0
        await hub.close()

    asyncio.run(run())
