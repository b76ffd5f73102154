"""The shift book: rosters, turns made ahead, two signatures, and nothing open without an owner."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dothi.ground.clock import DAY, HOUR, MINUTE, iso
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Commit, amend, create, json_prop, prop
from dothi.office.rules import adopt
from dothi.operations.model import INSTEAD, OWNER, Operations
from dothi.operations.shifts import coverage, handover, owners, planning, promises, rules, service
from dothi.operations.shifts.model import BOOK, CONSUMER, NotOnDuty, NotYourShift, State
from dothi.operations.shifts.workflow import MOVES, table_text
from tests.operations.centre import CITY, HERE, ROSTER, STEWARD, T0, WARD, Centre, in_centre


def test_the_table_in_the_documentation_is_the_table(repository: Path) -> None:
    """What people read of a shift's life is what the program follows; `table_text()` writes it anew."""
    assert table_text() in (repository / "docs/howto/shift-book.md").read_text("utf-8")
    reached = {State.PLANNED} | {one.leads_to for one in MOVES if one.leads_to}
    assert reached == set(State)


def test_shifts_are_made_ahead_once(tmp_path: Path) -> None:
    """Planning makes each turn of a fortnight once, names who has it by the rota, and does nothing the second time."""

    async def story(centre: Centre) -> None:
        first, second = centre.shift("sang"), centre.shift("sang", "2026-11-30")
        assert (first.officer, second.officer) == (centre.people["minh"].id, centre.people["lan"].id)
        assert (iso(first.starts), iso(first.ends)) == ("2026-11-22T23:00:00Z", "2026-11-23T07:00:00Z")
        assert await planning.plan(centre.operations, CITY, centre.now) == 0
        shifts = service.shifts_between(centre.operations, STEWARD, CITY, T0, T0 + 40 * DAY)
        assert {one.turn for one in shifts} == {"sang", "chieu"}
        assert len(shifts) == 2 * 14

    in_centre(tmp_path, story)


def test_a_new_roster_changes_what_is_ahead_but_no_swap(tmp_path: Path) -> None:
    """What the roster no longer has is dropped; a turn that two officers swapped stays theirs."""

    async def story(centre: Centre) -> None:
        here, lan, minh = centre.operations, centre.people["lan"], centre.people["minh"]
        mine = centre.shift("chieu", "2026-11-25")
        await service.ask_swap(here, minh, mine.id, "lan", now=centre.now)
        with pytest.raises(NotYourShift):
            await service.agree_swap(here, minh, mine.id)
        await service.agree_swap(here, lan, mine.id)
        text = '[[rota]]\nid = "chieu"\nofficers = ["hoa"]\n[[rota]]\nid = "sang"\nremoved = true\n'
        await adopt(centre.rules, STEWARD, rules.KIND, CITY, "2026-11-24", text, "Quyết định mẫu 02", now=centre.now)
        assert centre.shift("chieu").officer == minh.id
        centre.now += DAY
        await planning.plan(here, CITY, centre.now)
        assert centre.shift("chieu", "2026-11-25").officer == lan.id
        assert centre.shift("chieu", "2026-11-26").officer == centre.people["hoa"].id
        assert centre.shift("sang", "2026-11-26").state is State.DROPPED
        assert centre.shift("dem", "2026-11-26").officer == ""  # The city's own set said that it goes; this one not.

    in_centre(tmp_path, story)


def test_only_rules_make_the_book_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all commits in the feed only one that adopts rules plans: a busy city does not plan at each reading."""

    async def story(centre: Centre) -> None:
        planned = asyncio.Queue[str]()

        async def plan(_operations: Operations, home: str) -> int:
            await planned.put(home)
            return 0

        monkeypatch.setattr(planning, "plan", plan)
        book = asyncio.create_task(planning.run(centre.operations, CITY))
        assert await planned.get() == CITY  # As it begins.
        for number in range(3):
            await centre.alarm(f"none-{number}")
        await adopt(centre.rules, STEWARD, rules.KIND, CITY, "2026-11-24", ROSTER, "Quyết định mẫu 02", now=centre.now)
        assert await asyncio.wait_for(planned.get(), 5) == CITY
        await asyncio.sleep(0.1)
        assert planned.empty()
        book.cancel()
        await asyncio.wait([book])

    in_centre(tmp_path, story)


def test_a_handover_in_the_middle_of_open_matters(tmp_path: Path) -> None:
    """Two people sign, the note is frozen with its hashes, and all that the first had passes in that very commit."""

    async def story(centre: Centre) -> None:
        here, lan, minh = centre.operations, centre.people["lan"], centre.people["minh"]
        first = centre.shift("sang")
        await service.begin(here, minh, first.id, centre.now)
        taken = await centre.alarm("taken")
        await centre.change(taken, acknowledged=True, acknowledgedBy=minh.id)
        waiting = await centre.alarm("waiting", priority="urgent")
        promised = await promises.promise(here, minh, CITY, "Gọi lại cho phường", centre.now + 2 * HOUR, taken)
        centre.now += 7 * HOUR + 20 * MINUTE
        stale = handover.seen(handover.draft(here, minh, first, centre.now))
        order = "urn:ngsi-ld:Order:1"
        said = {"unit": WARD, "assignee": WARD, "open": True, "due": iso(centre.now - HOUR), "title": "Bơm nước (mẫu)"}
        attrs = {key: prop(value) for key, value in said.items()}
        await centre.hub.commit(Commit(BOOK, (create(order, "Order", **attrs),), owner=OWNER))
        with pytest.raises(handover.NoteMoved):
            await handover.sign_out(here, minh, first.id, stale, {}, centre.now)
        await centre.sign_out("minh", first, alarms="Trạm 2 chờ pin", all="Mưa còn dài")
        with pytest.raises(NotYourShift):
            await centre.take_over("minh", first)
        assert owners.serving(here)[CITY].officer == minh.id  # Until the second hand has signed.
        with pytest.raises(Invalid):
            await centre.take_over("lan", first)  # The afternoon is Minh's too: Lan says why she stands in.
        await centre.take_over("lan", first, "Chưa thấy máy bơm", "Anh Minh trực hai ca liền")
        closed, begun = centre.shift("sang"), centre.shift("chieu")
        assert (closed.state, begun.state, begun.officer) == (State.CLOSED, State.ON_DUTY, lan.id)
        assert begun.after == closed.id
        assert begun.relieved == minh.id
        assert owners.holder(centre.hub.get(lan, taken)) == lan.id
        assert centre.hub.get(lan, taken).value("acknowledgedBy") == minh.id  # Who acknowledged stays who did.
        assert centre.hub.get(lan, taken).value("assignee") == WARD
        assert centre.hub.trail(lan, taken, limit=1)[0].seq == centre.hub.trail(lan, closed.id, limit=1)[0].seq
        assert owners.owner_of(here, centre.hub.get(lan, waiting), owners.serving(here)).officer == lan.id
        note = closed.note or {}
        lines = {one["kind"]: [line["id"] for line in one["lines"]] for one in note["sections"]}
        assert lines["alarms"] == [waiting, taken]
        assert (lines["orders"], lines["promises"]) == ([order], [promised])
        assert [(one.part, one.by) for one in closed.signatures] == [("out", minh.id), ("in", lan.id)]
        assert handover.broken(closed) == ()
        forged = {**note, "words": {"all": "Không có gì"}}
        assert handover.broken(replace(closed, note=forged)) == ("out", "in")
        other = (closed.signatures[0], replace(closed.signatures[1], reservation=""))
        assert handover.broken(replace(closed, signatures=other)) == ("in",)
        with pytest.raises(Forbidden):
            await centre.hub.commit(Commit(lan, (amend(closed.id, note=json_prop({})),)))
        for verb in (centre.sign_out("minh", closed), handover.take_back(here, minh, closed.id)):
            with pytest.raises((NotOnDuty, NotYourShift)):
                await verb
        assert [one.id for one in handover.past_notes(here, lan, "may bom")] == [closed.id]
        await promises.keep(here, lan, promised, "Đã gọi", centre.now)
        assert promises.open_promises(here, lan) == []
        with pytest.raises(NotOnDuty):
            await promises.keep(here, lan, promised, "Đã gọi", centre.now)

    in_centre(tmp_path, story)


def test_one_officer_has_the_duty_at_a_time(tmp_path: Path) -> None:
    """Of two who come on duty at the same moment one is told; who is on duty is relieved with a reason only."""

    async def story(centre: Centre) -> None:
        here, lan, minh, hoa = centre.operations, *centre.people.values()
        await service.report_absent(here, lan, centre.shift("sang").id, "Bị ốm từ sáng", centre.now)
        deeds: tuple[Coroutine[Any, Any, Any], ...] = (
            service.step_in(here, lan, centre.shift("sang").id, "Thay anh Minh ốm", centre.now),
            service.open_duty(here, hoa, CITY, "Không thấy ai trực", centre.now),
        )
        done = await asyncio.gather(*deeds, return_exceptions=True)
        assert sum(isinstance(one, Conflict) for one in done) == 1, done
        shift = owners.serving(here)[CITY]
        other = minh if shift.officer != minh.id else lan
        alarm = await centre.alarm("held", assignee=shift.officer)
        with pytest.raises(Invalid):
            await service.relieve(here, other, shift.id, "", centre.now)
        await service.relieve(here, other, shift.id, "Anh ấy phải đi cấp cứu", centre.now)
        assert owners.serving(here)[CITY].officer == other.id
        assert centre.hub.get(other, alarm).value("assignee") == other.id

    in_centre(tmp_path, story)


def test_the_clock_ends_what_nobody_ends(tmp_path: Path) -> None:
    """Nobody came: missed. Nobody took over: after the overrun the shift lapses and the unit has the duty."""

    async def story(centre: Centre) -> None:
        here, minh = centre.operations, centre.people["minh"]
        with pytest.raises(NotOnDuty):
            await service.begin(here, minh, centre.shift("chieu").id, centre.now)  # Hours too early.
        await service.begin(here, minh, centre.shift("sang").id, centre.now)
        alarm = await centre.alarm("held", acknowledged=True, acknowledgedBy=minh.id)
        centre.now = centre.shift("chieu").ends + MINUTE
        await planning.ring(here, CITY, centre.now)
        assert centre.shift("chieu").state is State.MISSED
        assert centre.shift("sang").state is State.CLOSED
        assert centre.shift("sang").reason == planning.LAPSED
        owner = owners.owner_of(here, centre.hub.get(minh, alarm), owners.serving(here))
        assert (owner.gap, owner.unit) == (True, CITY)
        await planning.ring(here, CITY, centre.now)
        assert centre.hub.due_timers(CONSUMER, centre.now) == []

    in_centre(tmp_path, story)


def test_a_key_and_a_stranger_sign_nothing(tmp_path: Path) -> None:
    """Only people who are duty officers of the area come on duty; a ward's officer has no say in the city's book."""

    async def story(centre: Centre) -> None:
        shift = centre.shift("sang").id
        ward = Actor("user:ward", frozenset({"duty_officer"}), frozenset({WARD}))
        for actor in (STEWARD, ward, Actor("key:1", frozenset({"duty_officer"}))):
            with pytest.raises((Forbidden, Missing)):
                await service.step_in(centre.operations, actor, shift, "Tôi trực thay", centre.now)

    in_centre(tmp_path, story)


def test_a_commune_with_a_rota_of_its_own_has_its_own_book(tmp_path: Path) -> None:
    """Where a commune adopts a rota its alarms are its own officer's; what it inherits only stays the city's."""

    async def story(centre: Centre) -> None:
        here = centre.operations
        assert rules.book_for(here, WARD) == CITY
        text = "near_minutes = 30\n"
        await adopt(centre.rules, STEWARD, rules.KIND, WARD, "2026-11-23", text, "Quyết định mẫu 03", now=centre.now)
        assert rules.book_for(here, WARD, at=centre.now) == CITY
        text = '[[rota]]\nid = "sang"\nofficers = ["hoa"]\n'
        await adopt(centre.rules, STEWARD, rules.KIND, WARD, "2026-11-24", text, "Quyết định mẫu 04", now=centre.now)
        assert rules.book_for(here, WARD, at=centre.now + DAY) == WARD
        assert rules.books(here, CITY, centre.now + DAY) == (WARD, CITY)
        assert rules.roster_at(here, WARD, centre.now + DAY).turns == rules.roster_at(here, CITY).turns

    in_centre(tmp_path, story)


@pytest.mark.parametrize(
    "text",
    [
        {"turn": [{"id": "a", "name": {}, "starts": "06:00", "hours": 25}]},
        {
            "turn": [
                {"id": "a", "name": {}, "starts": "06:00", "hours": 9},
                {"id": "b", "name": {}, "starts": "14:00", "hours": 8},
            ]
        },
        {"rota": [{"id": "x", "turn": "none", "days": [1], "officers": ["lan"]}]},
        {"rota": [{"id": "x", "turn": "sang", "days": [8], "officers": ["lan"]}]},
        {"rota": [{"id": "x", "turn": "sang", "days": [1], "officers": []}]},
        {"repeat_days": 0},
        {"first_day": "tomorrow"},
    ],
)
def test_a_roster_that_cannot_be_is_refused(text: dict[str, Any]) -> None:
    """Turns that overlap, a rota of no turn, of no day or of nobody: each is told."""
    with pytest.raises(Invalid):
        rules.rules_kind().check({**rules.shipped(), **text})


def test_the_what_if_counts_hours_without_anyone(tmp_path: Path) -> None:
    """Without the night turn 8 of 24 hours are uncovered, and the alarm of the night falls into them."""

    async def story(centre: Centre) -> None:
        centre.now = T0 - 8 * HOUR  # 22:30 the evening before.
        alarm = await centre.alarm("night")
        before, after = rules.shipped(), {**rules.shipped(), "rota": list(rules.shipped()["rota"])[:2]}
        found = coverage.simulate(centre.operations, CITY, before, after, T0)
        measures = {one.name: (one.of, one.before, one.after) for one in found.measures}
        assert measures == {"hours_uncovered": (2160, 0, 720), "alarms_uncovered": (1, 0, 1)}
        assert [(one.kind, one.thing) for one in found.samples] == [("uncovered", alarm)]
        unknown = {**rules.shipped(), "rota": [{**row, "officers": ["nobody"]} for row in rules.shipped()["rota"]]}
        nobody = coverage.simulate(centre.operations, CITY, before, unknown, T0)
        assert nobody.measures[0].after == 2160

    in_centre(tmp_path, story)


def test_an_open_hub_needs_no_accounts(tmp_path: Path) -> None:
    """Without accounts or rule sets the shipped turns are made, and nobody in particular has them."""

    async def story() -> None:
        hub = Hub(tmp_path, Open())
        here = Operations(hub, HERE)
        hub.own(OWNER, INSTEAD)
        service.declare(here)
        assert await planning.plan(here, CITY, T0) == 3 * 14  # Last night's turn is over.
        assert {one.officer for one in planning.ahead_of(here, CITY, T0)} == {""}
        await hub.close()

    asyncio.run(story())
