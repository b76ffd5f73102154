"""Orders: the table and its guards, receipt to result, escalation by a clock we hold, links, rules and what-if."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dothi.accounts.model import SessionRules
from dothi.accounts.policy import RolePolicy
from dothi.accounts.store import Accounts
from dothi.accounts.vault import Vault
from dothi.citizens import open_citizens
from dothi.citizens.reading import desk, escalated
from dothi.ground.clock import DAY, HOUR, MINUTE, SECOND, from_iso
from dothi.ground.errors import Invalid, Missing
from dothi.ground.links import BadLink, ExpiredLink
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Commit, amend, prop
from dothi.office.messages import open_messages
from dothi.office.messages.model import TYPE as MESSAGE
from dothi.office.messages.model import message_of
from dothi.office.messages.wording import letter_of
from dothi.office.photos import Upload
from dothi.office.rules import adopt, open_rules
from dothi.operations.alarms.service import own
from dothi.operations.incidents import service as incidents
from dothi.operations.incidents.log import read_log
from dothi.operations.incidents.model import Incident, NewIncident
from dothi.operations.incidents.orders import following, links, reading, rules, simulation
from dothi.operations.incidents.orders.giving import CONSUMER, issue
from dothi.operations.incidents.orders.model import (
    INDEXED,
    SYSTEM,
    Clock,
    IllegalMove,
    NewOrder,
    NoProof,
    NoSuchOrder,
    NotYours,
    Order,
    Overtaken,
    Said,
    State,
)
from dothi.operations.incidents.orders.service import declare, find, move, move_by_link
from dothi.operations.incidents.orders.workflow import GUARDS, MOVES, table_text
from dothi.operations.model import OWNER, Operations, Priority
from dothi.territory import Territory

HERE = Territory.load()
T0 = from_iso("2026-11-22T01:00:00Z")
WARD, OTHER, THIRD = "19789", "19753", "19774"
LAN = Actor("user:lan", frozenset({"duty_officer"}), frozenset({"46"}))  # Directs.
NAM = Actor("user:nam", frozenset({"official"}), frozenset({WARD}))  # Is ordered.
BINH = Actor("user:binh", frozenset({"official"}), frozenset({OTHER}))
HAI = Actor("user:hai", frozenset({"leader"}), frozenset({"46"}))
MAKERS = lambda vault: {"page": str, **links.makers(vault)}  # noqa: E731
PUMP = NewOrder("Bơm nước cầu chui (mô phỏng)", (WARD,), "Mang hai máy bơm", "scene", "Cầu chui")


def replace_areas(actor: Actor, *areas: str) -> Actor:
    """The same person in other areas."""
    return Actor(actor.id, actor.roles, frozenset(areas))


def photo() -> Upload:
    """A photo that says where it was taken."""
    out, tags = io.BytesIO(), Image.Exif()
    tags[0x010F] = "Phone of Nam"
    Image.new("RGB", (40, 30), "navy").save(out, "JPEG", exif=tags)
    return Upload("bom.jpg", out.getvalue())


class Room:
    """A real hub under the policy of a real city, with a clock that we hold."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, T0
        self.operations: Operations
        self.incident: Incident

    async def open(self) -> None:
        accounts = Accounts.open(self.folder, HERE.within, SessionRules(), former=HERE.with_former)
        vault = await Vault.open(self.folder, accounts)
        hub = Hub(self.folder / "hub", RolePolicy(HERE.within))
        adopted = open_rules(hub, HERE, (rules.rules_kind(),))
        messages = open_messages(hub, vault, (), "Huế", "https://hue.example.vn", MAKERS(vault))
        self.operations = Operations(hub, HERE, vault, adopted, messages)
        own(self.operations)
        incidents.declare(self.operations)
        declare(self.operations, INDEXED)

    async def close(self) -> None:
        await self.operations.hub.close()
        vault = self.operations.vault
        assert vault is not None
        vault.close()
        vault.accounts.close()

    async def begin(self, **more: Any) -> None:
        new = NewIncident("Ngập (mô phỏng)", "flood", "urgent", unit=OTHER, assignee="46", since=T0, **more)
        self.incident = await incidents.open_incident(self.operations, LAN, new, T0)

    async def give(self, new: NewOrder = PUMP, key: str | None = None) -> Order:
        return (await issue(self.operations, LAN, self.incident.id, new, key=key, now=self.now))[0]

    async def do(self, actor: Actor, order: Order, verb: str, *words: str, **more: Any) -> Order:
        said = Said(*words, files=more.pop("files", ()))
        return await move(self.operations, actor, order.id, verb, said, now=self.now, **more)

    async def wait(self, minutes: float) -> int:
        self.now += round(minutes * MINUTE) + SECOND
        return await following.ring(self.operations, self.now)

    def letters(self) -> list[str]:
        found = self.operations.hub.find(SYSTEM, MESSAGE, order=("madeAt",))
        messages = self.operations.messages
        assert messages is not None
        return [letter_of(messages, message_of(one)).short for one in found]


Story = Callable[[Room], Awaitable[None]]


def told(folder: Path, story: Story, **more: Any) -> None:
    """Run a story in a room of its own."""

    async def run() -> None:
        room = Room(folder)
        await room.open()
        try:
            await room.begin(**more)
            await story(room)
        finally:
            await room.close()

    asyncio.run(run())


def test_the_table_is_the_one_in_the_docs(repository: Path) -> None:
    """What people read of the workflow is what the program follows; every guard named in it exists and is used."""
    assert table_text() in (repository / "docs/howto/life-of-an-order.md").read_text("utf-8")
    assert {guard for row in MOVES for guard in row.guards} == set(GUARDS)


def test_from_the_order_to_the_result_with_proof(tmp_path: Path) -> None:
    """Receive, arrive, finish by its own unit; a photo is asked for and kept without its metadata; then it is over."""

    async def story(room: Room) -> None:
        order = await room.give()
        assert (order.state, order.assignee, order.due) == (State.ISSUED, WARD, order.receive_by)
        assert order.limit(Clock.ARRIVE) == T0 + 30 * MINUTE
        with pytest.raises(NotYours):
            await room.do(BINH, order, "receive")
        with pytest.raises(NoSuchOrder):
            await room.do(replace_areas(NAM, THIRD), order, "receive")
        room.now += MINUTE
        order = await room.do(NAM, order, "receive", version=order.version)
        assert (order.state, order.due, order.clock()) == (State.RECEIVED, order.arrive_by, Clock.ARRIVE)
        with pytest.raises(IllegalMove):
            await room.do(NAM, order, "finish", "Xong")
        order = await room.do(NAM, order, "arrive")
        assert (order.state, order.due) == (State.ARRIVED, order.finish_by)
        with pytest.raises(NoProof):
            await room.do(NAM, order, "finish", "Đã bơm cạn")
        with pytest.raises(Invalid) as lacking:
            await room.do(NAM, order, "finish", " ", files=(photo(),))
        assert lacking.value.fields["field"] == "words"
        order = await room.do(NAM, order, "finish", "Đã bơm cạn", files=(photo(),))
        assert (order.state, order.open, order.result, len(order.proof)) == (State.DONE, False, "Đã bơm cạn", 1)
        kept = room.operations.hub.read_file(order.proof[0]["sha256"])
        assert b"Phone of Nam" not in kept
        assert not Image.open(io.BytesIO(kept)).getexif()
        with pytest.raises(IllegalMove):
            await room.do(LAN, order, "withdraw", "Không cần nữa")
        deeds = [one.deed["verb"] for one in read_log(room.operations, LAN, room.incident.id, (order.id,)) if one.deed]
        assert [one for one in deeds if one.startswith("order_")] == [
            *("order_issue", "order_receive", "order_arrive", "order_finish"),
        ]

    told(tmp_path, story)


def test_one_form_gives_one_order_to_each_unit_at_once(tmp_path: Path) -> None:
    """Three units get an order each in one commit; the same key gives them once; a bad unit gives none."""

    async def story(room: Room) -> None:
        new = replace(PUMP, units=(WARD, OTHER, THIRD, WARD))
        before = room.operations.hub.last_seq()
        made = await issue(room.operations, LAN, room.incident.id, new, T0 - 5 * MINUTE, "k1", T0)
        assert [one.ordered_to for one in made] == [WARD, OTHER, THIRD]
        assert room.operations.hub.last_seq() == before + 1
        assert made[0].steps[0].typed == T0 - 5 * MINUTE
        again = await issue(room.operations, LAN, room.incident.id, new, T0 - 5 * MINUTE, "k1", T0 + MINUTE)
        assert [one.id for one in again] == [one.id for one in made]
        assert room.operations.hub.last_seq() == before + 1
        for wrong in (replace(PUMP, units=("99999",)), replace(PUMP, units=()), replace(PUMP, title=" ")):
            with pytest.raises(Invalid):
                await room.give(wrong)
        with pytest.raises(NotYours):
            await issue(room.operations, NAM, room.incident.id, PUMP, now=T0)
        assert len(reading.orders_of(room.operations, LAN, room.incident.id)) == 3
        assert [one.ordered_to for one in reading.orders(room.operations, NAM)] == [WARD]

    told(tmp_path, story)


def test_two_hands_at_once_and_a_repeat(tmp_path: Path) -> None:
    """Who saw an older version is told; the same key does a deed once; what was typed offline keeps its time."""

    async def story(room: Room) -> None:
        order = await room.give()
        room.now += 10 * MINUTE
        seen = order.version
        order = await room.do(NAM, order, "receive", version=seen, key="a", typed_at=T0 + 2 * MINUTE)
        assert (order.met(Clock.RECEIVE), order.late(Clock.RECEIVE, room.now)) == (T0 + 2 * MINUTE, False)
        assert order.steps[-1].at == room.now
        assert (await room.do(NAM, order, "receive", version=seen, key="a")).version == order.version
        with pytest.raises(Overtaken):
            await room.do(NAM, order, "arrive", version=seen)
        with pytest.raises(Invalid):
            await room.do(NAM, order, "arrive", typed_at=room.now + DAY)
        await room.do(LAN, order, "withdraw", "Đường đã thông")
        with pytest.raises(IllegalMove) as refused:
            await room.do(NAM, order, "arrive", key="b", typed_at=T0 + 3 * MINUTE)
        assert refused.value.fields["state"] is State.WITHDRAWN

    told(tmp_path, story)


def test_a_refusal_comes_back_to_its_commander_who_hands_it_on(tmp_path: Path) -> None:
    """A refusal needs a reason and a proposal; the commander owes a decision; another unit gets the order anew."""

    async def story(room: Room) -> None:
        order = await room.give()
        with pytest.raises(Invalid) as lacking:
            await room.do(NAM, order, "refuse", "Máy bơm hỏng")
        assert lacking.value.fields["guard"] == "counter"
        order = await room.do(NAM, order, "refuse", "Máy bơm hỏng", "Phường bên có hai máy")
        assert (order.state, order.open, order.assignee) == (State.REFUSED, True, "46")
        assert find(room.operations, NAM, order.id).counter == "Phường bên có hai máy"
        citizens = open_citizens(room.operations.hub, room.operations.vault, HERE)  # type: ignore[arg-type]
        assert [one.id for one in desk(citizens, HAI).items if one.kind == "Order"] == [order.id]
        with pytest.raises(Invalid):
            await room.do(LAN, order, "reissue", "Theo đề nghị", "", WARD)
        room.now += MINUTE
        old = await room.do(LAN, order, "reissue", "Theo đề nghị", "", OTHER)
        new = find(room.operations, BINH, old.replaced_by)
        assert (old.state, old.open, new.replaces, new.state) == (State.WITHDRAWN, False, old.id, State.ISSUED)
        assert (new.title, new.from_unit, new.limit(Clock.RECEIVE)) == (PUMP.title, "46", room.now + 5 * MINUTE)

    told(tmp_path, story)


CONTACTS = """
[[contact]]
id = "46"
mail = "truc-ban@example.vn"

[[contact]]
id = "19789"
mail = "phuong@example.vn"
"""


async def adopt_contacts(room: Room) -> None:
    keeper = Actor("user:ky", frozenset({"administrator"}))
    assert room.operations.adopted is not None
    await adopt(
        room.operations.adopted, keeper, rules.KIND, "", "2026-11-22", CONTACTS, "Quyết định mẫu số 1/2026", now=T0
    )


def test_a_late_order_is_brought_before_others_once_and_after_a_restart_too(tmp_path: Path) -> None:
    """Not received: unit and commander, then the unit above; each step once, though the city restarts between them."""

    async def story(room: Room) -> None:
        await adopt_contacts(room)
        order = await room.give()
        assert await room.wait(0) == 1
        assert [one.split(": ")[1] for one in room.letters()] == ["lenh moi"]
        assert await room.wait(4) == 0
        assert await room.wait(1) == 1
        order = find(room.operations, LAN, order.id)
        assert [(one.step, one.to) for one in order.told] == [("receive_late", (WARD, "46"))]
        citizens = open_citizens(room.operations.hub, room.operations.vault, HERE)  # type: ignore[arg-type]
        assert [one.id for one in escalated(citizens, HAI).items] == [order.id]
        assert [one.id for one in escalated(citizens, NAM).items] == [order.id]
        assert [one.id for one in desk(citizens, NAM).items if one.kind == "Order"] == [order.id]
        assert len(room.letters()) == 3
        await room.close()
        await room.open()
        await following.wake(room.operations)
        assert await room.wait(1) == 0
        assert await room.wait(9) == 1
        assert await room.wait(0) == 0
        order = find(room.operations, LAN, order.id)
        assert [one.step for one in order.told] == ["receive_late", "receive_very_late"]
        lines = read_log(room.operations, LAN, room.incident.id, (order.id,))
        assert [one.deed["rule"] for one in lines if one.deed.get("verb") == "order_escalate"] == [
            *("receive_late", "receive_very_late"),
        ]
        order = await room.do(NAM, order, "arrive")
        assert order.met(Clock.RECEIVE) == room.now
        assert await room.wait(60) == 0
        order = await room.do(LAN, order, "withdraw", "Đã rút nước")
        assert await room.wait(1) == 1
        assert "thu hoi" in room.letters()[-1]
        assert await room.wait(600) == 0
        assert not room.operations.hub.due_timers(CONSUMER, room.now + 30 * DAY)

    told(tmp_path, story)


def test_a_unit_without_an_account_acts_by_the_link(tmp_path: Path) -> None:
    """The link opens its one order until it expires, does the unit's verbs and no other, and cannot be altered."""

    async def story(room: Room) -> None:
        order, other = await room.give(), await room.give(replace(PUMP, units=(OTHER,)))
        token = links.link_of(room.operations, order).removeprefix("/o/")
        assert links.opened(room.operations, token, T0).id == order.id
        assert token not in links.link_of(room.operations, other)
        with pytest.raises(BadLink):
            links.opened(room.operations, token[:-3] + "AAA", T0)
        with pytest.raises(ExpiredLink):
            links.opened(room.operations, token, (order.limit(Clock.FINISH) or 0) + 25 * HOUR)
        got = await move_by_link(room.operations, order, "receive", now=T0 + MINUTE, key="k")
        assert (got.state, got.steps[-1].by) == (State.RECEIVED, f"link:{WARD}")
        assert (await move_by_link(room.operations, got, "receive", now=T0 + MINUTE, key="k")).version == got.version
        with pytest.raises(NotYours):
            await move_by_link(room.operations, got, "withdraw", Said("Thôi"), now=T0)

    told(tmp_path, story)


def test_a_drill_says_so_and_an_incident_that_is_over_takes_no_order(tmp_path: Path) -> None:
    """Orders of a drill are drills, in messages too; what is done where one is needs no arrival."""

    async def story(room: Room) -> None:
        await adopt_contacts(room)
        order = await room.give(replace(PUMP, kind="standby"))
        assert order.drill
        assert order.arrive_by == ""
        await room.wait(0)
        assert room.letters()[0].startswith("DIỄN TẬP")
        order = await room.do(NAM, order, "receive")
        with pytest.raises(IllegalMove):
            await room.do(NAM, order, "arrive")
        order = await room.do(NAM, order, "finish", "Ba người trực")
        with pytest.raises(Missing):
            await issue(room.operations, LAN, "urn:ngsi-ld:Incident:none", PUMP, now=T0)
        over = amend(room.incident.id, state=prop("cancelled"), open=prop(False))
        await room.operations.hub.commit(Commit(LAN, (over,), owner=OWNER))
        with pytest.raises(IllegalMove):
            await room.give()

    told(tmp_path, story, drill=True)


def test_other_limits_are_tried_on_the_orders_of_90_days(tmp_path: Path) -> None:
    """Tighter limits make a met order late, and the trial names it; wrong tables are refused with the reason."""

    async def story(room: Room) -> None:
        order = await room.give()
        room.now += 4 * MINUTE
        await room.do(NAM, order, "receive")
        tables = rules.shipped()
        kinds = [dict(row) for row in tables["kind"]]
        kinds[0]["limits"] = kinds[0]["limits"] | {"urgent": {"receive": 3, "arrive": 30, "finish": 120}}
        found = simulation.simulate(room.operations, "46", tables, {**tables, "kind": kinds}, room.now)
        assert [(one.name, one.of, one.before, one.after) for one in found.measures] == [
            ("orders_receive_late", 1, 0, 1),
            ("orders_arrive_late", 1, 0, 0),
            ("orders_finish_late", 1, 0, 0),
        ]
        assert [(one.kind, one.thing) for one in found.samples] == [("late", order.id)]
        gone = simulation.simulate(room.operations, None, tables, {**tables, "kind": kinds[1:]}, room.now + 6 * HOUR)
        assert gone.counts == {"order_kind": 2}
        kinds[0]["limits"] = kinds[0]["limits"] | {"urgent": {"receive": 30, "arrive": 3, "finish": 120}}
        with pytest.raises(Invalid):
            rules.rules_kind().check({**tables, "kind": kinds})
        with pytest.raises(Invalid):
            rules.rules_kind().check(
                {**tables, "escalation": [{"id": "x", "clock": "receive", "after": 0, "to": ["me"]}]}
            )

    told(tmp_path, story)


def test_shipped_limits_are_whole() -> None:
    """Every shipped kind has a limit for every priority and step that it owes, and two names."""
    found = rules.parse(rules.shipped())
    assert all(set(one.names) == {"vi", "en"} and set(one.limits) == set(Priority) for one in found.kinds.values())
    assert rules.shipped()["sample"] is True
