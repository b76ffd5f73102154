"""Rule sets: adopted from a day on, inherited province → commune, checked whole before they hold."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dothi.accounts.policy import RolePolicy
from dothi.citizens.needs import KIND, rules_kind
from dothi.citizens.rules import parse
from dothi.ground.clock import DAY, from_iso
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.core import Hub
from dothi.hub.model import ABSENT, Actor, Change, Commit, Op
from dothi.office.rules import RuleSets, adopt, applied, in_force, open_rules, overlay, versions
from dothi.territory import Territory

HUE, THUAN_HOA, PHU_XUAN = "46", "19789", "19753"
NOON = from_iso("2026-11-22T12:00:00+07:00")
ADMINISTRATOR = Actor("user:admin", frozenset({"administrator"}))
OFFICER = Actor("user:officer", frozenset({"programme_officer"}), frozenset({THUAN_HOA}))
DECISION = "Quyết định 12/QĐ-UBND (mẫu)"
FASTER = '[[categories.category]]\nid = "road"\nhandle_hours = 20\n'

Story = Callable[[RuleSets], Awaitable[Any]]


@pytest.fixture(scope="session")
def territory() -> Territory:
    """The territory of the built data files."""
    return Territory.load()


@pytest.fixture
def in_office(tmp_path: Path, territory: Territory) -> Callable[[Story], Any]:
    """Runs one story over the rules of a new hub."""

    async def whole(story: Story) -> Any:
        hub = Hub(tmp_path / "hub", RolePolicy(territory.within, frozenset()))
        try:
            return await story(open_rules(hub, territory, (rules_kind(),)))
        finally:
            await hub.close()

    return lambda story: ThreadPoolExecutor(1).submit(asyncio.run, whole(story)).result(60)


async def take(rules: RuleSets, unit: str, text: str, day: str = "2026-11-22", **more: Any) -> Any:
    """Adopt as the administrator does."""
    return await adopt(rules, ADMINISTRATOR, KIND, unit, day, text, DECISION, now=NOON, **more)


def hours(rules: RuleSets, unit: str | None, at: int = NOON) -> float:
    """The limit of a damaged road in a unit."""
    return parse(in_force(rules, KIND, unit, at)).categories["road"].handle_hours


def test_a_row_is_changed_added_and_removed_by_its_id() -> None:
    """What is said above wins; what is not said stays; a removed row goes; a list without ids is replaced."""
    below = {"limits": {"photos": 5, "passes": 3}, "rows": [{"id": "a", "x": 1, "y": 1}, {"id": "b"}], "words": ["w"]}
    above = {
        "limits": {"photos": 9},
        "rows": [{"id": "b", "removed": True}, {"id": "c"}, {"id": "a", "x": 2}],
        "words": [],
    }
    assert overlay(below, above) == {
        "limits": {"photos": 9, "passes": 3},
        "rows": [{"id": "a", "x": 2, "y": 1}, {"id": "c"}],
        "words": [],
    }
    assert below["rows"] == [{"id": "a", "x": 1, "y": 1}, {"id": "b"}]


def test_province_then_commune_from_their_days_on(in_office: Callable[[Story], Any]) -> None:
    """A commune inherits its province's rules and changes what it says; each holds from its day, not before."""

    async def story(rules: RuleSets) -> None:
        shipped = hours(rules, THUAN_HOA)
        await take(rules, HUE, FASTER)
        await take(rules, THUAN_HOA, FASTER.replace("20", "10"), "2026-12-01")
        assert hours(rules, None) == shipped  # The country's samples still hold elsewhere.
        assert hours(rules, PHU_XUAN) == hours(rules, THUAN_HOA) == 20
        assert hours(rules, THUAN_HOA, NOON + 9 * DAY) == 10
        assert hours(rules, PHU_XUAN, NOON + 9 * DAY) == 20
        assert hours(rules, HUE, NOON - DAY) == shipped
        assert [one.unit for one in applied(rules, KIND, THUAN_HOA, NOON + 9 * DAY)] == [HUE, THUAN_HOA]
        assert [one.reason for one in versions(rules, KIND, HUE)] == [DECISION]

    in_office(story)


@pytest.mark.parametrize(
    ("unit", "day", "text", "says"),
    [
        (HUE, "2026-11-21", FASTER, "from today on"),
        (HUE, "1/12/2026", FASTER, "no day"),
        ("99999", "2026-12-01", FASTER, "No unit"),
        (HUE, "2026-12-01", "[[categories", "cannot be read"),
        (HUE, "2026-12-01", '[[categories.category]]\nid = "new"\n', "cannot be used"),
        (HUE, "2026-12-01", "[categories.limits]\nphotoes = 3\n", "photoes"),
        (HUE, "2026-12-01", "x = 1\n" * 50_000, "letters"),
    ],
)
def test_what_cannot_hold_is_refused(
    in_office: Callable[[Story], Any], unit: str, day: str, text: str, says: str
) -> None:
    """A past day, an unknown unit, broken TOML or rules that the module cannot use: refused, nothing written."""

    async def story(rules: RuleSets) -> None:
        with pytest.raises(Invalid, match=says):
            await take(rules, unit, text, day)
        assert rules.adopted == {}

    in_office(story)


def test_a_set_below_must_still_fit(in_office: Callable[[Story], Any]) -> None:
    """A province cannot take away what a commune's own rules lean on: the sentence names the commune."""

    async def story(rules: RuleSets) -> None:
        await take(rules, THUAN_HOA, '[[categories.category]]\nid = "road"\nhandle_hours = 10\n')
        gone = '[[categories.category]]\nid = "road"\nremoved = true\n'
        with pytest.raises(Invalid, match="Thuận Hóa"):
            await take(rules, HUE, gone)

    in_office(story)


def test_who_may_adopt_and_what_two_hands_do(in_office: Callable[[Story], Any]) -> None:
    """An officer decides for his own area only; the second hand at one version is told; no generic write."""

    async def story(rules: RuleSets) -> None:
        mine = await adopt(rules, OFFICER, KIND, THUAN_HOA, "2026-12-01", FASTER, DECISION, now=NOON)
        with pytest.raises(Forbidden):
            await adopt(rules, OFFICER, KIND, PHU_XUAN, "2026-12-01", FASTER, DECISION, now=NOON)
        with pytest.raises(Conflict):
            await take(rules, THUAN_HOA, FASTER, "2026-12-01")
        again = await take(rules, THUAN_HOA, FASTER, "2026-12-01", version=mine.version)
        assert again.version > mine.version
        with pytest.raises(Forbidden, match="/api/rules"):
            await rules.hub.commit(Commit(ADMINISTRATOR, (Change(Op.DELETE, mine.id),), "no", {}))
        with pytest.raises(Missing):
            in_force(rules, "nothing")
        with pytest.raises(Invalid, match="decision"):
            await adopt(rules, ADMINISTRATOR, KIND, HUE, "2026-12-01", FASTER, "", ABSENT, NOON)

    in_office(story)
