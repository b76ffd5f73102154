"""Detections: taken in once, sealed, ended in time; a person is asked to look, nobody is alarmed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.accounts.events import Sought, read_events
from dothi.accounts.policy import RolePolicy
from dothi.accounts.vault import Vault, lockers
from dothi.ground.clock import DAY, HOUR, MINUTE, SECOND, from_iso, iso, now_us
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.core import Hub
from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import ANONYMOUS, Actor, Commit, Event
from dothi.operations.alarms.service import own
from dothi.operations.events import looking, rules, sources, trial
from dothi.operations.events.expiry import end_old
from dothi.operations.events.intake import BATCH_MAX, take_in
from dothi.operations.events.model import SYSTEM, source_id
from dothi.operations.events.sources import NewSource
from dothi.operations.incidents.suggestions import suggestions
from dothi.operations.model import Operations
from dothi.territory import Territory
from tests.accounts.conftest import open_accounts

HERE = Territory.load()
STEWARD = Actor("user:hoa", frozenset({"data_steward"}))
LAN = Actor("user:lan", frozenset({"duty_officer"}))
BOX = Actor("key:box", scopes=frozenset({"source:cam-1"}))
CAMERA = NewSource(
    "cam-1",
    {"vi": "Camera cầu Trường Tiền", "en": "Camera at Truong Tien bridge"},
    "camera",
    "Phát hiện cháy, ngập để cử người đến xem (mẫu)",
    10,
    2,
    "19789",
    ("plate",),
    1,
    (107.59, 16.468),
)


class Room:
    """A city with a camera; `now` is the real time, since commits carry it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = now_us()

    async def open(self) -> None:
        self.accounts = open_accounts(self.folder)
        self.vault = await Vault.open(self.folder, self.accounts)
        self.hub = Hub(self.folder / "hub", RolePolicy(HERE.within))
        self.operations = Operations(self.hub, HERE, self.vault)
        own(self.operations)
        sources.declare(self.operations)
        await sources.define_source(self.operations, STEWARD, CAMERA)

    async def close(self) -> None:
        await self.hub.close()
        self.vault.close()
        self.accounts.close()

    def row(self, key: str, ago: int = 0, kind: str = "smoke", **more: Any) -> dict[str, Any]:
        return {"id": key, "at": iso(self.now - ago), "kind": kind, "confidence": 0.9, **more}

    def kept(self, **asked: Any) -> list[Event]:
        return self.hub.events(SYSTEM, source_id("cam-1"), EventQuery(**asked))


Story = Callable[[Room], Awaitable[None]]


@pytest.fixture
def told(tmp_path: Path) -> Callable[[Story], None]:
    """Runs a story in a city of its own."""

    def run(story: Story) -> None:
        async def whole() -> None:
            room = Room(tmp_path)
            await room.open()
            try:
                await story(room)
            finally:
                await room.close()

        asyncio.run(whole())

    return run


def test_a_batch_is_taken_in_once_and_the_bad_rows_come_back(told: Callable[[Story], None]) -> None:
    """Sound rows are kept, the others come back each with what to mend; the same batch again changes nothing."""

    async def story(room: Room) -> None:
        bad: list[tuple[Any, str]] = [
            ("text", "object"),
            ({**room.row("x"), "owner": "Lan"}, "no field owner"),
            ({**room.row("x"), "kind": "ghost"}, "kind is one of"),
            ({**room.row("x"), "confidence": 1.4}, "confidence is a number from 0 to 1"),
            ({**room.row("x"), "confidence": True}, "confidence is a number"),
            ({**room.row("x"), "at": "yesterday"}, "at is when"),
            ({**room.row("x"), "at": iso(room.now + HOUR)}, "set the clock"),
            ({**room.row("x"), "clip": "javascript:alert(1)"}, "clip is the address"),
            ({**room.row("x"), "place": [200, 10]}, "place is"),
            ({**room.row("x"), "face": "…"}, "no purpose for which it may send a face"),
            ({**room.row("x"), "id": ""}, "id names the detection"),
        ]
        good = [room.row("a", 2 * HOUR, "litter", clip="https://vms.example/1"), room.row("b", HOUR, count=4.0)]
        said = await take_in(room.operations, BOX, "cam-1", [*good, *(row for row, _ in bad), good[0]])
        assert (said.accepted, said.known) == (2, 0)
        assert [one.index for one in said.refused] == list(range(2, 2 + len(bad)))
        for refusal, (_, words) in zip(said.refused, bad, strict=True):
            assert words in refusal.detail
        again = await take_in(room.operations, BOX, "cam-1", [{**good[0], "kind": "fire"}, *good])
        assert (again.accepted, again.known) == (0, 2)
        assert [(one.key, one.kind, one.facts) for one in room.kept()] == [
            ("b", "smoke", {"confidence": 0.9, "count": 4.0}),
            ("a", "litter", {"confidence": 0.9}),
        ]
        with pytest.raises(Invalid, match="send it in parts"):
            await take_in(room.operations, BOX, "cam-1", [{}] * (BATCH_MAX + 1))

    told(story)


def test_only_a_key_of_the_source_sends(told: Callable[[Story], None]) -> None:
    """Who may send, define and read; a switched-off source takes nothing, a source without purpose is not made."""

    async def story(room: Room) -> None:
        for who in (ANONYMOUS, LAN, Actor("key:other", scopes=frozenset({"source:cam-2", "write:*"}))):
            with pytest.raises(Forbidden):
                await take_in(room.operations, who, "cam-1", [room.row("a")])
        with pytest.raises(Missing):
            await take_in(room.operations, STEWARD, "cam-9", [room.row("a")])
        with pytest.raises(Forbidden, match="/api/event-sources"):
            await room.hub.commit(Commit(STEWARD, (), events=(Event(source_id("cam-1"), "x", 1, "smoke"),)))
        with pytest.raises(Forbidden):
            await sources.define_source(room.operations, LAN, CAMERA)
        for change, words in (
            ({"purpose": "để xem"}, "for what"),
            ({"keep_days": 4000}, "keep_days is from 1 to 30"),
            ({"clip_days": 9}, "clip_days is from 1 to 7"),
            ({"personal_days": 4}, "personal_days"),
            ({"code": "cam 1"}, "letters, digits"),
            ({"unit": "99999"}, "No unit"),
            ({"personal": ("name",)}, "plate or face"),
        ):
            with pytest.raises(Invalid, match=words):
                await sources.define_source(room.operations, STEWARD, replace(CAMERA, **change))
        await sources.define_source(room.operations, STEWARD, replace(CAMERA, enabled=False))
        with pytest.raises(Conflict, match="switched off"):
            await take_in(room.operations, BOX, "cam-1", [room.row("a")])

    told(story)


def test_a_rule_asks_a_person_to_look_and_alarms_nobody(told: Callable[[Story], None]) -> None:
    """Two sure sights of smoke in three minutes suggest once; not one, not unsure, not old; quiet for half an hour."""

    async def story(room: Room) -> None:
        send = room.operations, BOX, "cam-1"
        assert not (await take_in(*send, [room.row("a")])).suggested
        unsure = {**room.row("b"), "confidence": 0.5}
        assert not (await take_in(*send, [unsure, room.row("c", kind="litter")])).suggested
        old = [room.row("d", 3 * HOUR), room.row("e", 3 * HOUR - SECOND)]
        assert not (await take_in(*send, old)).suggested
        (first,) = (await take_in(*send, [room.row("f", MINUTE)])).suggested
        assert not (await take_in(*send, [room.row("g"), room.row("h")])).suggested
        (shown,) = suggestions(room.operations, LAN, kind="detection")
        assert (shown.id, shown.unit, shown.sources) == (first, "19789", (source_id("cam-1"),))
        assert "Camera cầu Trường Tiền" in shown.title["vi"]
        assert [list(one) for one in shown.reasons] == [["vi", "en"]] * 3
        assert shown.location == {"type": "Point", "coordinates": [107.59, 16.468]}
        assert not list(room.hub.find(SYSTEM, "Alarm"))
        assert not list(room.hub.find(SYSTEM, "Warning"))

    told(story)


def test_other_rules_are_tried_on_what_is_kept(told: Callable[[Story], None]) -> None:
    """The trial of the rules in force counts what was really suggested; stricter ones ask less, and name each case."""

    async def story(room: Room) -> None:
        for hour in (5, 4, 3):
            rows = [room.row(f"{hour}-{n}", hour * HOUR - n * MINUTE) for n in range(2)]
            await take_in(room.operations, BOX, "cam-1", rows, room.now - hour * HOUR + 2 * MINUTE)
        tables = rules.shipped()
        asked = suggestions(room.operations, LAN, kind="detection")
        stricter = {**tables, "rule": [{**row, "times": 3} for row in tables["rule"]]}
        found = trial.simulate(room.operations, "46", tables, stricter)
        assert [(one.of, one.before, one.after) for one in found.measures] == [(6, len(asked), 0)]
        assert (found.counts, len(asked)) == ({"detection_gone": 3}, 3)
        assert "Camera cầu Trường Tiền" in found.samples[0].name
        assert trial.simulate(room.operations, "48", tables, stricter).cases == 0

    told(story)


def test_plates_are_sealed_and_found_with_a_reason_only(told: Callable[[Story], None]) -> None:
    """No byte of the hub holds a plate; with the right and a reason it opens and is found, and the register tells."""

    async def story(room: Room) -> None:
        rows = [room.row(key, ago, "vehicle", plate=plate) for key, ago, plate in (
            ("a", HOUR, "75A-123.45"), ("b", 2 * HOUR, "75A 12345"), ("c", HOUR, "75B-999.99"))]  # fmt: skip
        await take_in(room.operations, BOX, "cam-1", rows)
        files = b"".join(one.read_bytes() for one in room.folder.rglob("*.db*"))
        assert not any(piece in files for piece in (b"75A-123.45", b"75A12345", b"999.99"))
        assert all("plate" not in str(sources.shown(one)) for one in room.kept())
        found = await looking.find_plate(room.operations, STEWARD, "75a-123.45", "Xe gây tai nạn, văn bản 12/CA")
        assert [one.key for one in found] == ["a", "b"]
        opened = await looking.open_detection(room.operations, STEWARD, "cam-1", "b", "Xe gây tai nạn")
        assert opened == {"plate": "75A 12345"}
        for who, why, wrong in ((LAN, "tò mò", Forbidden), (STEWARD, "", Invalid)):
            with pytest.raises(wrong):
                await looking.open_detection(room.operations, who, "cam-1", "b", why)
            with pytest.raises(wrong):
                await looking.find_plate(room.operations, who, "75A-123.45", why)
        lines = read_events(room.accounts.database, Sought(actor=STEWARD.id))
        assert [one.kind for one in lines] == ["identity_opened", "identity_searched"]

    told(story)


def test_what_is_over_ends_recordings_first(told: Callable[[Story], None]) -> None:
    """After two days no recording is referred to, after one a plate opens nowhere, after ten the row is gone.

    Each end stands in the source's history with how many went.
    """

    async def story(room: Room) -> None:
        ages = {"new": HOUR, "three": 3 * DAY, "eleven": 11 * DAY}
        rows = [room.row(k, a, "vehicle", plate="75A-123.45", clip="https://vms.example/1") for k, a in ages.items()]
        await take_in(room.operations, BOX, "cam-1", rows)
        assert await end_old(room.operations, room.now) == 1
        assert [(one.key, bool(one.clip)) for one in room.kept()] == [("three", False), ("new", True)]
        assert len(lockers(room.vault, "detections|")) == 1
        with pytest.raises(Missing, match="erased"):
            await looking.open_detection(room.operations, STEWARD, "cam-1", "three", "Kiểm tra")
        assert await looking.open_detection(room.operations, STEWARD, "cam-1", "new", "Kiểm tra")
        position = room.hub.last_seq()
        assert await end_old(room.operations, room.now) == 0
        assert room.hub.last_seq() == position  # Nothing to end, nothing written.
        record = sources.one_source(room.operations, LAN, "cam-1").kept_from
        assert record["events"] == 1
        assert abs(from_iso(record["clipsBefore"]) - (room.now - 2 * DAY)) < SECOND
        assert await end_old(room.operations, room.now + 11 * DAY) == 2
        assert room.kept() == []
        assert lockers(room.vault, "detections|") == []

    told(story)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 600), st.sampled_from(["smoke", "crowd"]), st.floats(0, 1)), max_size=12),
    st.integers(1, 4),
    st.integers(1, 5),
)
def test_a_rule_is_met_exactly_when_so_many_lie_within(
    seen: list[tuple[int, str, float]], times: int, minutes: int
) -> None:
    """The pure rule agrees with counting by hand around the latest event that qualifies."""
    rule = rules.Rule("r", {}, frozenset({"smoke"}), 0.5, 0, times, minutes * MINUTE, MINUTE, "")
    events = [Event("l", str(n), at * SECOND, kind, {"confidence": sure}) for n, (at, kind, sure) in enumerate(seen)]
    fitting = [at for at, kind, sure in seen if kind == "smoke" and sure >= 0.5]
    near = [at for at in fitting if max(fitting) - at < minutes * 60] if fitting else []
    met = rules.worth_a_look(rule, events)
    assert len(met) == (len(near) if len(near) >= times else 0)


def test_tables_that_cannot_be_are_refused() -> None:
    """Each wrong table is refused with the rule's name; the shipped ones are sound and labelled as samples."""
    tables = rules.shipped()
    assert all("mẫu" in one.name["vi"] for one in rules.parse(tables).rules)
    for change, words in (
        ({"kinds": ["ghost"]}, "kinds are some of"),
        ({"confidence": 2}, "confidence"),
        ({"times": 0}, "times is a whole number"),
        ({"within_minutes": 1.5}, "within_minutes"),
        ({"colour": "red"}, "has no colour"),
    ):
        row = {**tables["rule"][0], **change}
        with pytest.raises(Invalid, match=words):
            rules.rules_kind().check({**tables, "rule": [row]})
    with pytest.raises(Invalid, match="lack or misuse"):
        rules.rules_kind().check({"rule": []})
