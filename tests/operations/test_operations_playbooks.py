"""Playbooks as data: checked tables, versions kept, other tables tried, drills, and reviews that lead somewhere."""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from dothi.accounts.people import make_sample_users
from dothi.accounts.signin import sign_in
from dothi.app import close_city, open_city, verbs
from dothi.ground.clock import DAY, HOUR, MINUTE, from_iso, iso
from dothi.ground.errors import Conflict, DothiError, Invalid
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Commit, create, prop
from dothi.office.rules import adopt, open_rules
from dothi.operations.alarms.service import own
from dothi.operations.incidents import joining, moving, review, service
from dothi.operations.incidents.log import read_log
from dothi.operations.incidents.model import Incident, NewIncident, State
from dothi.operations.incidents.playbooks import drill
from dothi.operations.incidents.playbooks.course import course, score
from dothi.operations.incidents.playbooks.simulation import simulate
from dothi.operations.incidents.playbooks.steps import do_step, skip_step
from dothi.operations.incidents.playbooks.tables import KIND, check, parse, rules_kind, shipped
from dothi.operations.model import OWNER, Operations
from dothi.settings import Settings
from dothi.territory import Territory

HERE = Territory.load()
T0 = from_iso("2026-11-22T01:00:00Z")
LAN = Actor("user:lan", frozenset({"duty_officer"}))
WARD = "19753"


class Room:
    """A hub with rule sets of its own, in which incidents are opened."""

    def __init__(self, folder: Path) -> None:
        self.hub = Hub(folder, Open())
        self.rules = open_rules(self.hub, HERE, (rules_kind(),))
        self.operations = Operations(self.hub, HERE, adopted=self.rules)
        own(self.operations)
        service.declare(self.operations)

    async def open(self, kind: str = "water_cut", now: int = T0) -> Incident:
        new = NewIncident("Mất nước đường Chi Lăng (mô phỏng)", kind, "medium", unit=WARD, since=now)
        return await service.open_incident(self.operations, LAN, new, now)

    async def closed(self, now: int = T0) -> Incident:
        found = await moving.take(self.operations, LAN, (await self.open(now=now)).name, now=now + MINUTE)
        form = {"back": "18 giờ", "hours": "4"}
        found = await do_step(self.operations, LAN, found.name, "supplier", form, now=now + 20 * MINUTE)
        for one in ("repair", "notice"):
            found = await do_step(self.operations, LAN, found.name, one, now=now + 2 * HOUR)
        return await moving.close(self.operations, LAN, found.name, now=now + 5 * HOUR)


def told(folder: Path, story: Callable[[Room], Awaitable[None]]) -> None:
    """Run a story in a room of its own."""

    async def run() -> None:
        room = Room(folder)
        try:
            await story(room)
        finally:
            await room.hub.close()

    asyncio.run(run())


def test_shipped_playbooks_are_samples_and_all_can_be_opened(tmp_path: Path) -> None:
    """Every shipped playbook says that it is a sample, and an incident of each kind gets its steps."""
    rules = parse(shipped())
    assert {"flood", "landslide", "fire", "water_cut", "bad_air", "dengue", "crowd"} <= {*rules.playbooks}
    assert all(one.sample and "(mẫu)" in one.name["vi"] for one in rules.playbooks.values())

    async def story(room: Room) -> None:
        for kind in rules.kinds:
            found = await room.open(kind)
            book = rules.playbooks.get(kind)
            assert [one.id for one in found.steps] == [one.id for one in (book.steps if book else ())]

    told(tmp_path, story)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"role": "king"}, "role"),
        ({"hours": 0}, "hours"),
        ({"when": {"step": "nobody", "field": "x"}}, "no step asks"),
        ({"when": {"moon": "full"}}, "condition"),
        ({"field": [{"id": "x", "type": "colour", "label": {"vi": "x", "en": "x"}}]}, "field"),
        ({"title": {"vi": "Chỉ tiếng Việt"}}, "'en'"),
    ],
)
def test_tables_that_cannot_be_used_are_refused_with_their_place(broken: dict[str, Any], says: str) -> None:
    """A role, limit, condition or field that nobody can follow is refused before it is adopted."""
    tables = copy.deepcopy(dict(shipped()))
    next(one for one in tables["playbook"] if one["id"] == "flood")["step"][2].update(broken)
    with pytest.raises(Invalid) as wrong:
        check(tables)
    assert says in wrong.value.detail


def test_an_incident_keeps_the_version_of_the_playbook_it_began_with(tmp_path: Path) -> None:
    """A commune's own step counts from its day on; what is open keeps what it copied."""

    async def story(room: Room) -> None:
        before = await room.open(now=T0)
        text = '[[playbook]]\nid = "water_cut"\n[[playbook.step]]\nid = "supplier"\nhours = 3.0\n'
        adopted = await adopt(room.rules, LAN, KIND, WARD, "2026-11-23", text, "Quyết định mẫu 12/QĐ-UBND", now=T0)
        after = await room.open(now=T0 + 2 * DAY)
        assert (before.playbook_versions, after.playbook_versions) == ((), (adopted.id,))
        assert from_iso(after.step("supplier").due) == T0 + 2 * DAY + 3 * HOUR
        assert service.incident(room.operations, LAN, before.name).step("supplier").hours == 0.5

    told(tmp_path, story)


def test_other_tables_are_tried_on_the_incidents_of_90_days(tmp_path: Path) -> None:
    """A shorter limit makes a step late that was in time, and a step more is counted; nothing is written."""

    async def story(room: Room) -> None:
        await room.closed()
        seq = room.hub.last_seq()
        tables = copy.deepcopy(dict(shipped()))
        book = next(one for one in tables["playbook"] if one["id"] == "water_cut")
        book["step"][0]["hours"] = 0.25
        book["step"].append({**book["step"][1], "id": "more", "order": []})
        found = simulate(room.operations, "46", shipped(), tables, now=T0 + DAY)
        assert (found.cases, dict(found.counts)) == (1, {"late": 1, "step_new": 1})
        assert [(one.name, one.of, one.before, one.after) for one in found.measures] == [
            ("steps_in_time", 3, 1, 0),
            ("taken_in_time", 1, 1, 1),
        ]
        assert simulate(room.operations, "01", shipped(), tables, now=T0 + DAY).cases == 0
        assert room.hub.last_seq() == seq

    told(tmp_path, story)


def test_a_drill_is_marked_and_takes_nothing_real(tmp_path: Path) -> None:
    """What is assumed comes as marked lines in its time, once; no real alarm joins; the score counts steps in time."""

    async def story(room: Room) -> None:
        found = await drill.start_drill(room.operations, LAN, "flood-night", WARD, now=T0)
        assert found.drill
        alarm = create("urn:ngsi-ld:Alarm:a", "Alarm", unit=prop(WARD), active=prop(True), since=prop(iso(T0)))
        await room.hub.commit(Commit(LAN, (alarm,), owner=OWNER))
        with pytest.raises(Conflict):
            await joining.attach(room.operations, LAN, found.name, alarm.id, "Cảnh báo thật lúc diễn tập")
        new = NewIncident("Thật", "flood", unit=WARD, scenario="flood-night")
        with pytest.raises(Invalid):
            await service.open_incident(room.operations, LAN, new, T0)
        for minute in (0, 6, 6, 13):
            await drill.ring(room.operations, T0 + minute * MINUTE + 1)
        lines = read_log(room.operations, LAN, found.id, trail=False)
        assert [one.kind for one in lines] == ["inject"] * 3
        assert all(one.drill for one in lines)
        await do_step(room.operations, LAN, found.name, "verify", {"how": "phone"}, now=T0 + 10 * MINUTE)
        kept = score(service.incident(room.operations, LAN, found.name), T0 + 2 * DAY)
        assert (kept.done, kept.in_time) == (1, 1)
        assert kept.late == kept.steps - 1
        assert list(room.hub.find(LAN, "Warning")) == []

    told(tmp_path, story)


def test_a_review_ends_when_every_finding_leads_somewhere(tmp_path: Path) -> None:
    """A rule that names the incident, a proposed task, or a reason for nothing; then the incident is reviewed."""

    async def story(room: Room) -> None:
        found = await room.closed()
        operations, name = room.operations, found.name
        with pytest.raises(Conflict):
            await review.start_review(operations, LAN, (await room.open()).name)
        await review.start_review(operations, LAN, name)
        for words in ("Gọi đơn vị cấp nước quá chậm", "Không có xe bồn dự phòng", "Trời mưa nên khó đi lại"):
            await review.add_finding(operations, LAN, name, words)
        await review.lead_nowhere(operations, LAN, name, "3", "Không ai làm gì được với thời tiết")
        indicator = "urn:ngsi-ld:Indicator:incidents-taken"
        led = await review.lead_to_task(operations, LAN, name, "2", [indicator])
        await review.lead_to_rule(operations, LAN, name, "1", KIND)
        with pytest.raises(DothiError) as waits:
            await review.finish(operations, LAN, name)
        assert waits.value.fields["guard"] == "led"
        text = "[limits]\nclose_hours = 24\n"
        await adopt(room.rules, LAN, KIND, WARD, "2036-01-01", text, f"Sau sự việc {name}: gọi sớm hơn")
        reviewed = await review.finish(operations, LAN, name)
        assert reviewed.state is State.REVIEWED
        proposal = room.hub.get(LAN, led.finding("2").target)
        assert proposal.value("sources") == [review.review_id(name), found.id]
        assert proposal.value("indicators") in (indicator, [indicator])
        with pytest.raises(Conflict):
            await review.add_finding(operations, LAN, name, "Quá muộn để thêm")

    told(tmp_path, story)


def test_the_course_is_drawn_from_what_was_recorded(tmp_path: Path) -> None:
    """Known, taken, steps and closing stand in order, each with whether it was in time."""

    async def story(room: Room) -> None:
        found = await room.closed()
        moments = course(room.operations, found)
        assert [one.what for one in moments if one.what != "opened"] == [
            *("since", "take", "step_done", "step_done", "step_done", "close")
        ]
        assert [one.late for one in moments if one.what == "step_done"] == [False, True, True]

    told(tmp_path, story)


def test_a_step_that_is_left_out_says_why(tmp_path: Path) -> None:
    """Leaving out needs a reason, and counts as neither done nor late."""

    async def story(room: Room) -> None:
        found = await room.open()
        with pytest.raises(Invalid):
            await skip_step(room.operations, LAN, found.name, "notice", "")
        left = await skip_step(room.operations, LAN, found.name, "notice", "Chỉ một nhà mất nước", now=T0)
        assert score(left, T0).skipped == 1

    told(tmp_path, story)


def test_an_incident_over_http_by_those_who_may(tmp_path: Path) -> None:
    """A duty officer opens once by key, is refused a stale version and an unfinished close; an official may not."""

    async def story() -> None:
        parts = await open_city(Settings(data=tmp_path))
        samples = {one.role: one for one in await make_sample_users(parts.accounts, "46", WARD)}
        client = httpx.AsyncClient(transport=httpx.ASGITransport(verbs(parts)), base_url="http://city")
        signed = {}
        for role in ("duty_officer", "official"):
            session = await sign_in(parts.accounts, samples[role].login, samples[role].password, "test")
            signed[role] = {"cookie": f"dothi_session={session.token}", "x-csrf-token": session.csrf}
        duty, key = signed["duty_officer"], {"idempotency-key": "k" * 20}
        body = {"title": "Mất nước (mẫu)", "kind": "water_cut", "unit": WARD, "priority": "medium"}
        assert (await client.post("/incidents", json=body, headers=signed["official"])).status_code == 403
        made = await client.post("/incidents", json=body, headers=duty | key)
        again = await client.post("/incidents", json=body, headers=duty | key)
        assert (made.status_code, made.json()["id"]) == (201, again.json()["id"])
        home = f"/incidents/{made.json()['id'].rpartition(':')[2]}"
        seen = {"version": made.json()["version"]}
        assert (await client.post(f"{home}/moves/take", json=seen, headers=duty)).json()["state"] == "in_hand"
        stale = await client.post(f"{home}/moves/control", json=seen, headers=duty)
        early = await client.post(f"{home}/moves/close", json={}, headers=duty)
        assert (stale.status_code, early.status_code) == (409, 409)
        form = {"form": {"back": "18 giờ", "hours": 9}}
        done = (await client.post(f"{home}/steps/supplier/done", json=form, headers=duty)).json()
        assert next(one for one in done["steps"] if one["id"] == "trucks")["due"]
        line = {"about": made.json()["id"], "words": "Phường báo 40 hộ mất nước"}
        written = [await client.post("/log-entries", json=line, headers=signed["official"] | key) for _ in range(2)]
        assert written[0].json() == written[1].json()
        log = (await client.get(f"{home}/log", headers=duty)).json()
        assert sum(one.get("words") == line["words"] for one in log) == 1
        leaves = await client.post(f"{home}/steps/notice/skip", json={"reason": "x"}, headers=duty)
        assert leaves.status_code == 400
        drilled = {"scenario": "flood-night", "unit": WARD}
        assert (await client.post("/drills", json=drilled, headers=duty)).json()["drill"]
        assert (await client.get("/suggestions", headers=duty)).json() == []
        await client.aclose()
        await close_city(parts)

    asyncio.run(story())
