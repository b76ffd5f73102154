"""Odd values: learnt as they come, told once, by rows of a rule set; memory comes back; scored on labelled traffic."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from dothi.ground.clock import DAY, HOUR, MINUTE, from_iso, iso
from dothi.ground.errors import Invalid
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor, Change, Commit, Op, geo, prop
from dothi.office.rules import adopt, open_rules
from dothi.operations.alarms.service import own
from dothi.operations.incidents.suggestions import Suggestion, suggestions
from dothi.operations.model import Operations
from dothi.operations.rules.odd import following, telling, watching
from dothi.operations.rules.odd.memory import KEPT, Memory, begins, judge, learn, learn_all
from dothi.territory import Territory
from tests.operations.rules import scored

HERE = Territory.load()
T0 = from_iso("2026-11-02T00:00:00+07:00")  # A Monday.
LAN = Actor("user:lan", frozenset({"duty_officer", "administrator"}))
STATION, WARD = "urn:ngsi-ld:AirQualityObserved:odd", "19789"
STEP = 30 * MINUTE


def usual(at: int) -> float:
    """PM2.5 of a quiet city: 40 with a tide of 10 through the day, and a little noise that repeats."""
    hours = (at - T0) / HOUR
    return 40 + 10 * math.sin(hours * math.pi / 12) + (at // STEP * 7919 % 5 - 2)


def past(days: int) -> list[tuple[int, float]]:
    return [(at, usual(at)) for at in range(T0, T0 + days * DAY, STEP)]


def test_usual_is_learnt_by_hour() -> None:
    """After a week 70 at noon is odd and told with what is usual then; a usual value is not; at first nothing is."""
    memory, now = Memory(), T0 + 7 * DAY + 12 * HOUR
    assert judge(memory, T0, 500) is None
    learn_all(memory, past(7))
    odd = judge(memory, now, 90)
    assert odd is not None
    assert odd.usual == pytest.approx(40, abs=4)
    assert odd.times > 4
    calm = judge(memory, now, usual(now))
    assert calm is not None
    assert abs(calm.times) < 1
    assert judge(Memory(first=T0), T0 + 2 * DAY, 90) is None


def test_memory_is_bounded_and_the_same_in_one_go() -> None:
    """A year of values leaves as many as the hours may keep; learnt one by one or all at once it judges the same."""
    one, all_at_once = Memory(), Memory()
    values = [(at, usual(at)) for at in range(T0, T0 + 40 * DAY, 5 * MINUTE)]
    for at, value in values:
        learn(one, at, value)
    learn_all(all_at_once, values)
    assert one == all_at_once
    assert all(len(hour) <= KEPT for hour in one.hours)
    assert sum(map(len, one.hours)) == 2 * 24 * KEPT  # Every hour is full: 40 days were twice as much.


def test_what_goes_on_is_one_thing() -> None:
    """Odd values an hour apart are one beginning; after a quiet day the next is another."""
    memory = Memory()
    assert begins(memory, T0, 24)
    assert not begins(memory, T0 + HOUR, 24)
    assert not begins(memory, T0 + 24 * HOUR, 24)
    assert begins(memory, T0 + 49 * HOUR, 24)


def test_a_series_that_never_moved() -> None:
    """Of a series that stood still any move is odd, as far as the row says that so small a move matters."""
    memory = Memory()
    learn_all(memory, ((at, 1.0) for at in range(T0, T0 + 7 * DAY, STEP)))
    odd = judge(memory, T0 + 8 * DAY, 1.2)
    assert odd is not None
    row = next(one for one in watching.parse(watching.shipped()) if one.id == "water-level")
    assert not row.finds(1.2, odd)
    higher = judge(memory, T0 + 8 * DAY, 1.4)
    assert higher is not None
    assert row.finds(1.4, higher)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"side": "up"}, "side: write one of high, low, both"),
        ({"sensitivity": 1}, "sensitivity: write a number from 2 to 100"),
        ({"quiet_hours": "lots"}, "quiet_hours: write a number"),
        ({"sensivity": 5}, "sensivity: is not known here"),
        ({"attribute": ""}, "attribute: write a text"),
    ],
)
def test_rows_that_cannot_be_used(row: dict[str, object], told: str) -> None:
    """A row that nobody could obey is refused with its name, the field and what to write."""
    good = {"id": "a", "name": {"vi": "A"}, "type": "T", "attribute": "x"}
    assert watching.parse({"watch": [good]})[0].sensitivity == 4
    with pytest.raises(Invalid) as refused:
        watching.parse({"watch": [good | row]})
    assert f"Rule “a”, {told}" in refused.value.detail


class Town:
    """A hub with rule sets, an air station with a past, and a watcher."""

    def __init__(self, folder: Path) -> None:
        self.hub = Hub(folder, Open())
        self.rules = open_rules(self.hub, HERE, (watching.rules_kind(),))
        self.operations = Operations(self.hub, HERE, adopted=self.rules)
        own(self.operations)
        self.watcher = following.Watcher(self.operations)

    async def write(self, *readings: tuple[int, float]) -> None:
        for at, value in readings:
            attrs = {
                "pm25": prop(value, iso(at), "GQ"),
                "unit": prop(WARD),
                "name": prop("Trạm An Cựu"),
                "location": geo({"type": "Point", "coordinates": [107.6, 16.46]}),
            }
            await self.hub.commit(Commit(ANONYMOUS, (Change(Op.UPSERT, STATION, ("AirQualityObserved",), attrs),)))

    async def start(self, now: int) -> list[Suggestion]:
        """What a city that starts at an instant suggests."""
        self.watcher = following.Watcher(self.operations)
        following.refresh(self.watcher, now)
        for found in following.remember(self.watcher, now):
            await telling.tell(self.operations, found)
        return suggestions(self.operations, LAN)

    async def hear(self, at: int, value: float) -> list[Suggestion]:
        """What is suggested once a reading of that instant came at once."""
        position = self.hub.last_seq()
        await self.write((at, value))
        for commit in self.hub.log(position):
            for found in following.look(self.watcher, msgspec.structs.replace(commit, at=at + MINUTE)):
                await telling.tell(self.operations, found)
        return suggestions(self.operations, LAN)


def play(folder: Path, story: Callable[[Town], Awaitable[None]]) -> None:
    async def run() -> None:
        town = Town(folder)
        try:
            await story(town)
        finally:
            await town.hub.close()

    asyncio.run(run())


def test_an_odd_value_is_suggested_once(tmp_path: Path) -> None:
    """An odd value is one suggestion with its reasons, place and unit; it goes on in silence."""

    async def story(town: Town) -> None:
        await town.write(*past(4))
        now = T0 + 4 * DAY  # A Friday.
        assert await town.start(now) == []
        assert await town.hear(now, usual(now)) == []
        (told,) = await town.hear(now + STEP, 120.0)
        assert (told.kind, told.unit, told.sources) == ("anomaly", WARD, (STATION,))
        assert told.title["vi"] == "PM2.5 lạ thường (mẫu): Trạm An Cựu"
        assert told.location == {"type": "Point", "coordinates": [107.6, 16.46]}
        first, second = (one["vi"] for one in told.reasons)
        assert first.startswith("Đo được 120 µg/m³ lúc 00:30 06/11/2026; giờ này thường là 4")
        assert "lần độ lệch chuẩn" in second
        assert len(await town.hear(now + 2 * STEP, 121.0)) == 1
        assert len(await town.start(now + 3 * STEP)) == 1

    play(tmp_path, story)


def test_what_came_while_it_was_down(tmp_path: Path) -> None:
    """An odd value that came while nobody followed is suggested at the start; one of yesterday is only learnt."""

    async def story(town: Town) -> None:
        now = T0 + 5 * DAY
        await town.write(*past(5), (now - STEP + MINUTE, 130.0))
        assert len(await town.start(now)) == 1

    play(tmp_path / "new", story)

    async def late(town: Town) -> None:
        now = T0 + 5 * DAY
        await town.write(*past(4), (now - 20 * HOUR, 130.0))
        assert await town.start(now) == []

    play(tmp_path / "old", late)


def test_a_commune_watches_its_own_way(tmp_path: Path) -> None:
    """A set adopted for the ward switches the row off there; the station of the ward suggests nothing any more."""

    async def story(town: Town) -> None:
        now = T0 + 4 * DAY
        text = '[[watch]]\nid = "pm25"\nenabled = false\n'
        day = "2026-11-03"
        await adopt(town.rules, LAN, watching.KIND, WARD, day, text, "Quyết định 12/QĐ-UBND (mẫu)", now=T0)
        await town.write(*past(4))
        assert await town.start(now) == []
        assert await town.hear(now, 150.0) == []

    play(tmp_path, story)


def test_the_table_is_what_the_code_gives(shared_data: Path, repository: Path) -> None:
    """The table of docs/anomalies.md is what rules and suggestions score on the labelled files now."""
    page = (repository / "docs/anomalies.md").read_text("utf-8")
    written = page.split("-->\n", 1)[1].split("\n<!-- end -->")[0]
    assert written.splitlines() == scored.table(shared_data / "traffic")
