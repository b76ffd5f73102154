"""Two communes merge while the city runs: the codes close and follow, the heir answers, nothing is counted twice."""

import asyncio
from datetime import date
from pathlib import Path

import pytest

from dothi.ground.errors import Conflict, Invalid
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Actor
from dothi.territory import Territory
from dothi.territory.mergers import Merger, check, merged
from dothi.territory.model import Kind
from dothi.territory.service import guard, mergers, record_merger, refresh

THUAN_HOA, PHU_XUAN, AN_CUU, HUE, HA_NOI_WARD = "19789", "19753", "19815", "46", "00004"
DAY, BEFORE = date(2026, 12, 1), date(2026, 11, 30)
ONE = Merger((THUAN_HOA, PHU_XUAN), THUAN_HOA, "Phường Thuận Hóa", Kind.WARD, DAY, "Nghị quyết 99/NQ-UBTVQH16 (mẫu)")
PLANNER = Actor("user:planner", frozenset({"planner"}))


def test_the_merged_code_closes_and_follows(territory: Territory) -> None:
    """Before the day both hold, from the day on one does; the province has one commune less, and none twice."""
    communes = len(territory.communes_of(HUE, BEFORE))
    territory.take_mergers((ONE,))
    assert territory.knows(PHU_XUAN, BEFORE)
    assert not territory.knows(PHU_XUAN, DAY)
    assert territory.knows(THUAN_HOA, DAY)
    assert [one.code for one in territory.successors(PHU_XUAN, DAY)] == [THUAN_HOA]
    assert {one.code for one in territory.predecessors(THUAN_HOA, DAY)} == {THUAN_HOA, PHU_XUAN}
    assert len(territory.communes_of(HUE, BEFORE)) == communes
    assert len(territory.communes_of(HUE, DAY)) == communes - 1
    assert territory.unit(PHU_XUAN, BEFORE).valid_to == BEFORE


def test_the_heir_takes_over_through_several_mergers(territory: Territory) -> None:
    """Who works for the heir sees and owes what the closed codes left, also when the heir is merged again."""
    again = Merger((THUAN_HOA, AN_CUU), AN_CUU, "Phường An Cựu", Kind.WARD, date(2027, 7, 1), "Nghị quyết 5 (mẫu)")
    territory.take_mergers((ONE, again))
    assert territory.with_former(AN_CUU, BEFORE) == {AN_CUU}
    assert territory.with_former(THUAN_HOA, DAY) == {THUAN_HOA, PHU_XUAN}
    assert territory.with_former(AN_CUU, date(2027, 7, 1)) == {AN_CUU, THUAN_HOA, PHU_XUAN}
    assert territory.within(HUE) >= {AN_CUU, THUAN_HOA, PHU_XUAN}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"codes": (THUAN_HOA,)}, "codes"),
        ({"codes": (THUAN_HOA, "99999")}, "codes"),
        ({"codes": (THUAN_HOA, HA_NOI_WARD)}, "codes"),
        ({"codes": (THUAN_HOA, HUE)}, "codes"),
        ({"code": AN_CUU}, "code"),
        ({"name": "Thuận Hóa"}, "name"),
        ({"decision": "NQ"}, "decision"),
    ],
)
def test_what_cannot_merge_is_refused(territory: Territory, change: dict[str, object], field: str) -> None:
    """One commune alone, an unknown one, another province's, a foreign code, no kind in the name, no decision."""
    values = {name: getattr(ONE, name) for name in ONE.__struct_fields__}
    with pytest.raises(Invalid) as refused:
        check(territory.gazetteer, Merger(**values | change))
    assert refused.value.fields["field"] == field


def test_a_register_that_knows_better_stays(territory: Territory) -> None:
    """A merger that newer built data carry already is left out, so that nothing closes twice."""
    known = merged(territory.register, (ONE,))
    assert merged(known, (ONE,)) == known


def test_recorded_once_and_read_again(tmp_path: Path, built: Territory, territory: Territory) -> None:
    """It is an entity with its decision: another process reads it at start; a second record of it is refused."""

    async def story() -> None:
        hub = Hub(tmp_path / "hub", Open())
        guard(hub)
        told: list[str] = []
        territory.shelf.watchers.append(lambda: told.append("changed"))
        await record_merger(hub, territory, PLANNER, ONE)
        assert told == ["changed"]
        with pytest.raises((Conflict, Invalid)):
            await record_merger(hub, territory, PLANNER, ONE)
        assert mergers(hub) == (ONE,)
        refresh(territory, hub)
        assert told == ["changed"]  # Nothing new, so nobody is woken.
        assert not territory.knows(PHU_XUAN, DAY)
        await hub.close()

    asyncio.run(story())
    assert built.knows(PHU_XUAN, DAY)
