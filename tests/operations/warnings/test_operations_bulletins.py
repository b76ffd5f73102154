"""Bulletins in: by file and by form, once, updated and cancelled in any order, ended by time; levels are theirs."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dothi.ground.clock import HOUR, MINUTE, iso
from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid
from dothi.hub.model import Commit, amend, prop, system
from dothi.operations.model import Operations
from dothi.operations.warnings import bulletins, service
from dothi.operations.warnings.cap.making import cap_time
from dothi.operations.warnings.cap.message import Alert, Area, Info
from dothi.operations.warnings.cap.reading import from_xml
from dothi.operations.warnings.cap.writing import to_xml
from dothi.operations.warnings.model import LEVELS, Kind, Severity
from tests.operations.warnings.writing import (
    CHECKED,
    CITY,
    HOA,
    LAN,
    NAM,
    RIVER,
    T0,
    TAM,
    WARD,
    draft,
    entry,
    followed,
    in_city,
    released,
    submitted,
)

LEVEL = "VN-DISASTER-RISK-LEVEL"


def message(number: int, kind: str = "Alert", level: str = "3", **more: Any) -> Alert:
    """A bulletin in CAP for one ward, twelve hours long."""
    info = Info(
        "vi-VN", ("Met",), "Lũ, ngập lụt", "Expected", "Extreme", "Likely", expires=cap_time(T0 + 12 * HOUR),
        sender_name="Đài KTTV (mẫu)", headline=f"Tin lũ số {number} (mẫu)",
        parameters=((LEVEL, level),) if level else (),
        areas=(Area("Phường Thuận Hóa", geocodes=(("VN-GSO", WARD),)),),
    )  # fmt: skip
    info = replace(info, **{name: more.pop(name) for name in list(more) if hasattr(info, name)})
    plain = Alert(
        f"LU-{number}", "kttv.example.vn", cap_time(T0 + number * MINUTE), "Actual", kind, "Public", infos=(info,)
    )
    return replace(plain, **more)


def test_a_file_becomes_a_bulletin_once(tmp_path: Path) -> None:
    """What is kept is what the file says; copies change nothing, another content under its number is refused."""

    async def story(operations: Operations) -> None:
        found = await bulletins.take_cap(operations, LAN, to_xml(message(1)), now=T0 + MINUTE)
        assert (found.sender, found.identifier, found.hazard, found.level) == ("kttv.example.vn", "LU-1", "flood", 3)
        assert (found.units, found.unit, found.state, found.expires) == ((WARD,), WARD, "inForce", iso(T0 + 12 * HOUR))
        assert from_xml(operations.hub.read_file(found.file)) == message(1)
        before = operations.hub.last_seq()
        again = await bulletins.take_cap(operations, HOA, to_xml(message(1)), now=T0 + HOUR)
        assert (again, operations.hub.last_seq()) == (found, before)
        with pytest.raises(Conflict):
            await bulletins.take_cap(operations, LAN, to_xml(message(1, level="4")), now=T0 + HOUR)
        with pytest.raises(Forbidden):
            await bulletins.take_cap(operations, NAM, to_xml(message(2)), now=T0)
        assert operations.hub.last_seq() == before

    in_city(tmp_path, story)


def test_updates_and_cancels_in_any_order(tmp_path: Path) -> None:
    """1 is updated by 2, which is cancelled by 3: in any order the end is the same; a stranger changes nothing."""
    first, second = message(1), message(2, "Update", "4", references=(message(1).reference,))
    third = message(3, "Cancel", references=(second.reference,))
    for place, order in enumerate(itertools.permutations((first, second, third))):

        async def story(operations: Operations, order: Any = order) -> None:
            for one in order:
                await bulletins.take_cap(operations, LAN, to_xml(one), now=T0 + HOUR)
            found = {one.identifier: one.state for one in bulletins.bulletins(operations, HOA, "")}
            assert found == {"LU-1": "updated", "LU-2": "cancelled", "LU-3": "notice"}
            assert bulletins.bulletins(operations, HOA) == []

        in_city(tmp_path / str(place), story)

    async def strange(operations: Operations) -> None:
        await bulletins.take_cap(operations, LAN, to_xml(first), now=T0 + HOUR)
        sly = message(9, "Cancel", sender="ai-do.example.vn", references=(first.reference,))
        await bulletins.take_cap(operations, LAN, to_xml(sly), now=T0 + HOUR)
        exercise = message(8, "Cancel", status="Exercise", references=(first.reference,))
        await bulletins.take_cap(operations, LAN, to_xml(exercise), now=T0 + HOUR)
        assert [one.identifier for one in bulletins.bulletins(operations, HOA)] == ["LU-1"]

    in_city(tmp_path / "strange", strange)


def test_time_ends_a_bulletin(tmp_path: Path) -> None:
    """At its end a durable timer takes it from the list; one that comes in late is expired from the start."""

    async def story(operations: Operations) -> None:
        found = await bulletins.take_cap(operations, LAN, to_xml(message(1)), now=T0)
        assert await service.ring(operations, T0 + 12 * HOUR - 1) == 0
        assert await service.ring(operations, T0 + 12 * HOUR) == 1
        assert bulletins.bulletin(operations, HOA, found.id).state == "expired"
        late = await bulletins.take_cap(operations, LAN, to_xml(message(2)), now=T0 + 13 * HOUR)
        assert late.state == "expired"
        with pytest.raises(Invalid) as told:
            await submitted(operations, draft(bulletin=late.id))
        assert told.value.fields["guard"] == "bulletin"

    in_city(tmp_path, story)


NOT_TAKEN = {
    "a test": message(1, status="Test"),
    "not for the public": message(1, scope="Restricted", restriction="nội bộ"),
    "an acknowledgement": message(1, "Ack", references=("a,b,2026-11-22T07:00:00+07:00",)),
    "wrong by the standard": message(1, "Update"),
    "level six": message(1, level="6"),
    "a level in words": message(1, level="cao"),
    "no end": message(1, expires=""),
    "two levels": replace(message(1), infos=(*message(1).infos, *message(1, level="4", language="en-US").infos)),
}


def test_what_is_no_bulletin_is_told(tmp_path: Path) -> None:
    """Tests, closed messages, wrong CAP, levels that there are not: refused with a reason, and nothing is kept."""

    async def story(operations: Operations) -> None:
        for name, one in NOT_TAKEN.items():
            with pytest.raises(Invalid) as told:
                await bulletins.take_cap(operations, LAN, to_xml(one), now=T0)
            assert told.value.detail, name
        wrong = (
            entry(sender=""), entry(identifier=" "), entry(units=()), entry(units=("99999",)), entry(hazard="rồng"),
            entry(level=6), entry(level=0), entry(hazard="fire"), entry(expires="mai"), entry(expires=iso(T0)),
            entry(raised_by=1), entry(raised_by=3, raised_why="x"), entry(level=None, raised_by=1, raised_why="x"),
        )  # fmt: skip
        for one in wrong:
            with pytest.raises(Invalid):
                await bulletins.enter(operations, LAN, one, T0)
        assert bulletins.bulletins(operations, HOA, "") == []

    in_city(tmp_path, story)


def test_units_of_a_file(tmp_path: Path) -> None:
    """Codes of today, closed ones followed to their heir; without codes what the officer says; no names."""

    async def story(operations: Operations) -> None:
        closed = next(
            unit.code
            for unit in operations.territory.register.units
            if unit.valid_to and len(unit.code) == 5 and not operations.territory.knows(unit.code)
            and [heir.code for heir in operations.territory.successors(unit.code)] == [WARD]
        )  # fmt: skip
        old = message(1, areas=(Area("cũ", geocodes=(("mã cũ", closed), ("khác", "xyz"))),))
        assert (await bulletins.take_cap(operations, LAN, to_xml(old), now=T0)).units == (WARD,)
        bare = message(2, areas=(Area("Thành phố Huế"),))
        assert (await bulletins.take_cap(operations, LAN, to_xml(bare), (CITY,), now=T0)).units == (CITY,)
        nowhere = await bulletins.take_cap(operations, LAN, to_xml(message(3, areas=(Area("Thành phố Huế"),))), now=T0)
        assert (nowhere.units, nowhere.unit, nowhere.area) == ((), CITY, "Thành phố Huế")
        with pytest.raises(Invalid):  # Where it holds is not known, so its level goes into no warning.
            await submitted(operations, draft(bulletin=nowhere.id))
        drawn = await bulletins.take_cap(
            operations, LAN, to_xml(message(4, areas=(Area("ven sông", (RIVER,)),))), now=T0
        )
        assert (drawn.units, drawn.shapes[0].ring) == ((CITY,), RIVER)

    in_city(tmp_path, story)


def test_several_hazards_raise_nothing_here(tmp_path: Path) -> None:
    """Two bulletins over one ward are shown together, without a level of both; a raise is the bulletin's own."""

    async def story(operations: Operations) -> None:
        flood = await bulletins.enter(operations, LAN, entry(), T0)
        rain = await bulletins.enter(
            operations, LAN, entry(hazard="heavy_rain", identifier="MUA-2", level=2, units=(WARD,)), T0
        )
        (pair,) = bulletins.together(operations.territory, bulletins.bulletins(operations, HOA))
        assert ({pair.one.id, pair.other.id}, pair.units) == ({flood.id, rain.id}, (WARD,))
        assert [bulletins.bulletin(operations, HOA, one.id).level for one in (flood, rain)] == [3, 2]
        raised = entry(
            identifier="LU-06", level=4, raised_by=1, raised_why="Mưa lớn kèm lũ, theo bản tin", replaces=flood.id
        )
        kept = await bulletins.enter(operations, LAN, raised, T0)
        assert (kept.level, kept.raised_by, kept.raised_why) == (4, 1, "Mưa lớn kèm lũ, theo bản tin")
        assert bulletins.bulletin(operations, HOA, flood.id).state == "updated"
        with pytest.raises(Invalid):
            await bulletins.enter(operations, LAN, entry(sender="Ai đó", identifier="X", replaces=kept.id), T0)
        assert [one.colour for one in LEVELS.values()] == ["light-blue", "light-yellow", "orange", "red", "purple"]

    in_city(tmp_path, story)


def level_of(operations: Operations, warning: Any) -> str | None:
    said = from_xml(service.cap_file(operations, warning)).infos[0].parameters
    return dict(said).get(LEVEL)


def test_a_local_observation_never_carries_a_legal_level(tmp_path: Path) -> None:
    """Every way tried gives none.

    The most severe warning, one of an alarm's incident, of a fire with a flood's bulletin, outside the bulletin's
    units, after its end, a drill with a true bulletin, a wider update, an all-clear, the entity itself.
    """

    async def story(operations: Operations) -> None:
        official = await bulletins.enter(operations, LAN, entry(units=(WARD,), expires=iso(T0 + 8 * HOUR)), T0)
        exercise = await bulletins.enter(operations, LAN, entry(identifier="DT-1", drill=True), T0)
        severe = await released(operations, draft(severity=Severity.EXTREME, incident="urn:ngsi-ld:Incident:1"))
        assert level_of(operations, severe) is None
        for wrong in (
            draft(hazard="fire", bulletin=official.id),
            draft(units=("19774",), bulletin=official.id),
            draft(units=(CITY,), bulletin=official.id),
            draft(drill=True, bulletin=official.id),
            draft(bulletin=exercise.id),
            draft(bulletin=severe.id),
            draft(bulletin="urn:ngsi-ld:Alarm:1"),
        ):
            with pytest.raises(DothiError):
                await submitted(operations, wrong)
        right = await released(operations, draft(bulletin=official.id))
        assert level_of(operations, right) == "3"
        wider = await followed(operations, right, Kind.UPDATE, draft(units=(WARD, "19774")))
        assert level_of(operations, wider) is None
        held = await submitted(operations, draft(bulletin=official.id, expires=iso(T0 + 10 * HOUR)))
        with pytest.raises(Invalid):  # Its bulletin ended while it waited for the second person.
            await service.release(operations, HOA, held.id, held.version, CHECKED, T0 + 8 * HOUR)
        clear = await followed(operations, wider, Kind.ALL_CLEAR, draft(bulletin=official.id))
        assert level_of(operations, clear) is None
        for kind in ("Warning", "Alarm", "Incident", "Suggestion"):
            for entity in operations.hub.find(system("operations"), kind).entities:
                assert not {"level", "legalLevel", "hazardLevel"} & entity.attrs.keys()
        for who in (LAN, HOA, TAM, system("operations")):
            with pytest.raises(Forbidden):
                await operations.hub.commit(Commit(who, (amend(right.id, level=prop(5)),)))

    in_city(tmp_path, story)
