"""The ledger of deadlines: who asked, who agreed, why; a unit does not agree with itself, and both deadlines count."""

from typing import Any

import pytest

from dothi.ground.clock import from_iso
from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.hub.model import Actor
from dothi.programme.model import IllegalMove
from dothi.programme.plans import reading
from dothi.programme.tasks import ledger, service
from tests.programme.conftest import COMMUNE, NOW, OFFICER, OFFICIAL, PROVINCE, Town, new

OTHER = Actor("user:duc", frozenset({"official"}), frozenset({COMMUNE}))
CHIEF = Actor("user:truong", frozenset({"programme_officer"}), frozenset({PROVINCE}))
LATER = "2027-01-31"


def issue(town: Town, **changed: Any) -> str:
    return town.run(service.issue_task(town.programme, OFFICER, new(**changed), now=NOW))


def test_asked_and_agreed(town: Town) -> None:
    """The unit asks, the province agrees: the ledger says who asked, who agreed and why; the first deadline stays."""
    name = issue(town)
    asked = town.run(ledger.ask(town.programme, OFFICIAL, name, LATER, "Chờ vật tư", NOW))
    assert service.task(town.programme, OFFICER, name).due[:10] == "2026-12-31"
    owed = town.hub.get(OFFICER, asked)
    assert [owed.value(key) for key in ("assignee", "open", "title")] == [PROVINCE, True, "Thay đèn đường Lê Lợi"]
    town.run(ledger.decide(town.programme, OFFICER, asked, True, "Đồng ý một lần", NOW))
    one = service.task(town.programme, OFFICER, name)
    (entry,) = one.extensions
    assert (one.due[:10], one.original_due[:10]) == (LATER, "2026-12-31")
    assert (entry["askedBy"], entry["by"], entry["reason"], entry["why"]) == (
        OFFICIAL.id,
        OFFICER.id,
        "Chờ vật tư",
        "Đồng ý một lần",
    )
    assert town.hub.get(OFFICER, asked).value("open") is False
    with pytest.raises(IllegalMove):
        town.run(ledger.decide(town.programme, OFFICER, asked, False, "đổi ý"))


def test_refused_and_kept(town: Town) -> None:
    """A refusal needs its reason, moves nothing, and stands in the ledger too."""
    name = issue(town)
    asked = town.run(ledger.ask(town.programme, OFFICIAL, name, LATER, "Chờ vật tư"))
    with pytest.raises(Invalid):
        town.run(ledger.decide(town.programme, OFFICER, asked, False, " "))
    town.run(ledger.decide(town.programme, OFFICER, asked, False, "Vật tư đã về"))
    one = service.task(town.programme, OFFICER, name)
    assert (one.due, one.extensions, [entry["why"] for entry in one.refusals]) == (
        one.original_due,
        (),
        ["Vật tư đã về"],
    )
    assert [found.state for found in ledger.requests_of(town.programme, OFFICER, name)] == ["refused"]


def test_a_unit_does_not_agree_with_itself(town: Town) -> None:
    """Neither who asked nor a colleague of the same unit agrees, and the unit does not simply move its deadline."""
    name = issue(town)
    asked = town.run(ledger.ask(town.programme, OFFICIAL, name, LATER, "Chờ vật tư"))
    for who in (OFFICIAL, OTHER):
        with pytest.raises(Forbidden):
            town.run(ledger.decide(town.programme, who, asked, True))
        with pytest.raises(Forbidden):
            town.run(ledger.extend(town.programme, who, name, LATER, "tự lùi"))
        assert not ledger.may_decide(town.programme, who, service.task(town.programme, OFFICER, name))
    assert ledger.may_decide(town.programme, OFFICER, service.task(town.programme, OFFICER, name))


def test_above_the_province_there_is_nobody(town: Town) -> None:
    """A task of the province itself: who asks does not agree, another person does."""
    name = issue(town, lead=PROVINCE)
    with pytest.raises(Forbidden):
        town.run(ledger.extend(town.programme, OFFICER, name, LATER, "tự lùi"))
    asked = town.run(ledger.ask(town.programme, OFFICER, name, LATER, "Chờ Bộ hướng dẫn"))
    with pytest.raises(Forbidden):
        town.run(ledger.decide(town.programme, OFFICER, asked, True))
    town.run(ledger.decide(town.programme, CHIEF, asked, True))
    assert service.task(town.programme, OFFICER, name).due[:10] == LATER


def test_one_request_at_a_time(town: Town) -> None:
    """While one request waits no second is made; after a decision the next one may follow."""
    name = issue(town)
    asked = town.run(ledger.ask(town.programme, OFFICIAL, name, LATER, "Chờ vật tư"))
    with pytest.raises(Conflict):
        town.run(ledger.ask(town.programme, OFFICIAL, name, "2027-02-28", "Chờ thêm"))
    town.run(ledger.decide(town.programme, OFFICER, asked, False, "Không"))
    town.run(ledger.ask(town.programme, OFFICIAL, name, "2027-02-28", "Chờ thêm"))
    assert [one.state for one in ledger.requests_of(town.programme, OFFICIAL, name)] == ["refused", "asked"]


@pytest.mark.parametrize(("due", "reason"), [("2026-12-31", "như cũ"), (LATER, " "), ("mai", "vì")])
def test_a_request_says_when_and_why(town: Town, due: str, reason: str) -> None:
    """Another day and a reason, or nothing is asked."""
    name = issue(town)
    with pytest.raises(Invalid):
        town.run(ledger.ask(town.programme, OFFICIAL, name, due, reason))
    assert ledger.requests_of(town.programme, OFFICER, name) == []


def test_on_time_by_both_deadlines(town: Town) -> None:
    """Of two tasks done one kept its first deadline, both kept the agreed one; what is open counts in neither."""
    first, second, _ = issue(town, due="2026-12-10"), issue(town, due="2026-12-10", title="Khác"), issue(town)
    town.run(ledger.extend(town.programme, OFFICER, second, "2026-12-31", "Mưa lũ"))
    done = {first: "2026-12-09T00:00:00Z", second: "2026-12-20T00:00:00Z"}
    for name, at in done.items():
        town.run(service.finish(town.programme, OFFICIAL, name, "xong", (town.evidence(),), now=from_iso(at)))
    listed = service.tasks(town.programme, OFFICER)
    assert ledger.on_time(listed) == {"done": 2, "by_first": 1, "by_agreed": 2}


def test_nothing_is_extended_after_the_end(town: Town) -> None:
    """A task that was dropped asks for no deadline."""
    name = issue(town)
    town.run(service.drop(town.programme, OFFICER, name, "thôi"))
    with pytest.raises(IllegalMove):
        town.run(ledger.ask(town.programme, OFFICIAL, name, LATER, "vì"))


def test_honest_states(town: Town) -> None:
    """The public reads late, changed, on track, done and dropped apart; shares are told of those that can be judged."""
    titles = ("trễ", "đổi hạn", "đúng", "xong", "dừng")
    late, changed, _, done, dropped = (
        issue(town, title=title, due="2026-11-25" if title == "trễ" else "2026-12-31") for title in titles
    )
    town.run(ledger.extend(town.programme, OFFICER, changed, LATER, "Mưa lũ"))
    town.run(service.finish(town.programme, OFFICIAL, done, "xong", (town.evidence(),), now=NOW))
    town.run(service.drop(town.programme, OFFICER, dropped, "Hết vốn"))
    now = from_iso("2026-12-01T00:00:00Z")
    found = reading.promises(town.programme, now)
    assert found.counts == dict.fromkeys(reading.PROMISES, 1)
    assert (found.whole, found.judged, found.kept_first, found.kept_agreed) == (5, 1, 1, 1)
    shown = {group: [one.title for one in reading.promised(town.programme, group, now, 10)] for group in found.counts}
    assert shown == {"late": ["trễ"], "changed": ["đổi hạn"], "doing": ["đúng"], "done": ["xong"], "dropped": ["dừng"]}
    assert late in [one.id for one in reading.promised(town.programme, "late", now, 1)]
