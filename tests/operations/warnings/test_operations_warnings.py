"""Warnings: no way for one person alone, what a release checks, the chain of messages, texts that count honestly."""

import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from hypothesis import given
from hypothesis import strategies as st

from dothi.accounts.api import actor_of, require_csrf
from dothi.ground.clock import DAY, HOUR, MINUTE, iso, now_us
from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid, Missing
from dothi.ground.problem import problem
from dothi.hub.model import Actor, Commit, Timer, amend, prop, system
from dothi.office.rules import adopt
from dothi.operations.api import bulletins as bulletins_api
from dothi.operations.api import warnings as warnings_api
from dothi.operations.model import OWNER, Operations
from dothi.operations.warnings import service, workflow
from dothi.operations.warnings.areas import shape_from_text, shape_problem, shape_text
from dothi.operations.warnings.model import (
    CONSUMER,
    Circle,
    IllegalMove,
    Info,
    Kind,
    OnePersonOnly,
    Shape,
    State,
    Warning,
)
from dothi.operations.warnings.rules import KIND, parse, shipped
from tests.operations.warnings.writing import (
    CHECKED,
    CITY,
    FAR,
    HOA,
    LAN,
    MINH,
    NAM,
    OTHER_WARD,
    RIVER,
    T0,
    TAM,
    TEXTS,
    WARD,
    draft,
    example,
    followed,
    in_city,
    released,
    submitted,
)


def test_the_table_of_the_documentation(repository: Path) -> None:
    """The life of a warning in the docs is the table that the verbs obey, and every guard of it exists."""
    written = (repository / "docs/howto/warnings.md").read_text()
    assert workflow.table_text() in written
    assert {name for move in workflow.MOVES for name in move.guards} == set(workflow.GUARDS)
    assert len(workflow.TABLE) == len(workflow.MOVES)


def test_whoever_wrote_a_word_does_not_release(tmp_path: Path) -> None:
    """The writer, each later editor, keys, modules, other roles are refused; another officer or a leader releases."""

    async def story(operations: Operations) -> None:
        made = await service.write(operations, LAN, draft(), T0)
        made = await service.edit(operations, MINH, made.id, draft(), made.version, T0)
        handed = await service.submit(operations, MINH, made.id, made.version, T0)
        lan_leads = Actor(LAN.id, frozenset({"leader", "duty_officer", "administrator"}), LAN.areas)
        key = Actor("key:gate", scopes=frozenset({"write:*", "read:*"}))
        for who in (LAN, MINH, lan_leads, key, NAM, system("operations"), system("demo"), Actor("anonymous")):
            with pytest.raises((Forbidden, Missing)):  # Who may not see it is not told that it is there.
                await service.release(operations, who, handed.id, handed.version, CHECKED, T0)
        for who in (LAN, MINH, lan_leads):
            with pytest.raises(OnePersonOnly):
                await service.release(operations, who, handed.id, handed.version, CHECKED, T0)
        out = await service.release(operations, HOA, handed.id, handed.version, CHECKED, T0)
        assert (out.state, out.written_by, out.released_by) == (State.RELEASED, LAN.id, HOA.id)
        assert out.editors == (LAN.id, MINH.id)
        second = await submitted(operations)
        assert (await service.release(operations, MINH, second.id, second.version, CHECKED, T0)).released_by == MINH.id

    in_city(tmp_path, story)


def test_no_other_way_out(tmp_path: Path) -> None:
    """Without the owner's verbs nobody writes one; an edit takes a submitted one back; a stale version is refused."""

    async def story(operations: Operations) -> None:
        handed = await submitted(operations)
        sly = amend(handed.id, state=prop("released"), releasedBy=prop(HOA.id))
        for who in (LAN, HOA, system("operations"), Actor("user:root", frozenset({"administrator"}))):
            with pytest.raises(Forbidden):
                await operations.hub.commit(Commit(who, (sly,)))
        with pytest.raises(Conflict):
            await service.release(operations, HOA, handed.id, handed.version - 1, CHECKED, T0)
        back = await service.edit(operations, HOA, handed.id, draft(), handed.version, T0)
        assert (back.state, HOA.id in back.editors) == (State.DRAFT, True)
        with pytest.raises(IllegalMove):
            await service.release(operations, HOA, back.id, back.version, CHECKED, T0)
        again = await service.submit(operations, LAN, back.id, back.version, T0)
        with pytest.raises(OnePersonOnly):  # Who changed a word of it is one of its writers now.
            await service.release(operations, HOA, again.id, again.version, CHECKED, T0)
        refused = await service.refuse(operations, MINH, again.id, again.version, "Khu vực quá rộng, thu hẹp lại", T0)
        assert (refused.state, refused.refused) == (State.DRAFT, "Khu vực quá rộng, thu hẹp lại")
        gone = await service.discard(operations, LAN, refused.id, refused.version, "Không còn cần thiết", T0)
        assert (gone.state, gone.open) == (State.DISCARDED, False)

    in_city(tmp_path, story)


LACKS = {
    "vietnamese": draft(info={"en": TEXTS["en"]}),
    "english": draft(info={"vi": TEXTS["vi"]}),
    "instruction": draft(info={**TEXTS, "vi": Info("Ngập", "Nước lên", "")}),
    "area": draft(units=()),
    "blank": draft(info={**TEXTS, "vi": Info("Ngập tại …", "", "Lên cao")}),
    "expiry missing": draft(expires=""),
    "expiry short": draft(expires=iso(T0 + 5 * MINUTE)),
    "expiry far": draft(expires=iso(T0 + 30 * DAY)),
    "crossing": draft(
        shapes=(Shape("x", ((107.5, 16.4), (107.6, 16.5), (107.6, 16.4), (107.5, 16.5), (107.5, 16.4))),)
    ),
    "no bulletin": draft(bulletin="urn:ngsi-ld:Bulletin:none"),
}


def test_what_is_not_whole_is_not_submitted(tmp_path: Path) -> None:
    """Each lack of a draft keeps it from being submitted, and says which."""

    async def story(operations: Operations) -> None:
        for name, lacking in LACKS.items():
            with pytest.raises(Invalid) as told:
                await submitted(operations, lacking)
            assert told.value.detail, name
        made = await service.write(operations, LAN, draft(units=(), expires=""), T0)
        assert service.problems(operations, LAN, made, T0).keys() == {"area", "expiry"}
        with pytest.raises(Forbidden):
            await service.write(operations, NAM, draft(), T0)
        with pytest.raises(Invalid):
            await service.write(operations, LAN, draft(units=(WARD, FAR)), T0)  # Of two provinces.
        handed = await submitted(operations)
        with pytest.raises(Invalid) as unread:
            await service.release(operations, HOA, handed.id, handed.version, CHECKED - {"area"}, T0)
        assert unread.value.fields["guard"] == "checklist"
        with pytest.raises(Invalid) as late:  # It waited until nothing of its time was left.
            await service.release(operations, HOA, handed.id, handed.version, CHECKED, T0 + 6 * HOUR)
        assert late.value.fields["guard"] == "expiry"

    in_city(tmp_path, story)


def test_a_release_stays_in_the_releasers_area(tmp_path: Path) -> None:
    """The officer of one ward releases for it alone; a drawn part that no boundary places there needs the city."""

    async def story(operations: Operations) -> None:
        near = await submitted(operations)
        wide = await submitted(operations, draft(units=(WARD, OTHER_WARD)))
        drawn = await submitted(operations, draft(units=(WARD,), shapes=(Shape("Ven sông", RIVER),)))
        far = await submitted(
            operations, draft(shapes=(Shape("", circle=Circle(105.85, 21.03, 2.0)),), units=(), unit=CITY)
        )
        assert (await service.release(operations, TAM, near.id, near.version, CHECKED, T0)).released_by == TAM.id
        for one in (wide, drawn):
            with pytest.raises(DothiError):  # Not to be seen by him, or beyond his area.
                await service.release(operations, TAM, one.id, one.version, CHECKED, T0)
            assert (await service.release(operations, HOA, one.id, one.version, CHECKED, T0)).state is State.RELEASED
        with pytest.raises(Forbidden) as beyond:  # Drawn in Hà Nội by officers of Huế.
            await service.release(operations, HOA, far.id, far.version, CHECKED, T0)
        assert beyond.value.fields["guard"] == "own_area"

    in_city(tmp_path, story)


def test_update_all_clear_and_the_end_by_itself(tmp_path: Path) -> None:
    """Messages refer to all before them, take their place in one commit, one at a time; time ends what nobody ended."""

    async def story(operations: Operations) -> None:
        first = await released(operations)
        wider = await service.write_next(operations, MINH, first.id, Kind.UPDATE, draft(units=(WARD, OTHER_WARD)), T0)
        with pytest.raises(Conflict):
            await service.write_next(operations, LAN, first.id, Kind.CANCEL, draft(), T0)
        handed = await service.submit(operations, MINH, wider.id, wider.version, T0)
        with pytest.raises(OnePersonOnly):
            await service.release(operations, MINH, handed.id, handed.version, CHECKED, T0)
        assert [one.id for one in service.warnings_out(operations, HOA, T0)] == [first.id]
        second = await service.release(operations, HOA, handed.id, handed.version, CHECKED, T0 + MINUTE)
        assert service.warning(operations, HOA, first.id).state is State.UPDATED
        assert [one.id for one in service.warnings_out(operations, HOA, T0 + MINUTE)] == [second.id]
        clear = await followed(operations, second, Kind.ALL_CLEAR, now=T0 + HOUR)
        assert [len(one.references) for one in (first, second, clear)] == [0, 1, 2]
        assert (clear.thread, clear.open, clear.out(T0 + HOUR)) == (first.id, False, False)
        assert service.warning(operations, HOA, second.id).state is State.CLEARED
        with pytest.raises(IllegalMove):
            await service.write_next(operations, LAN, clear.id, Kind.UPDATE, draft(), T0 + HOUR)
        other = await released(operations, draft(expires=iso(T0 + HOUR)))
        assert await service.ring(operations, T0 + HOUR - 1) == 0
        assert await service.ring(operations, T0 + HOUR) == 1
        ended = service.warning(operations, HOA, other.id)
        assert (ended.state, ended.open) == (State.EXPIRED, False)
        assert await service.ring(operations, T0 + HOUR) == 0
        assert await service.ring(operations, T0 + 7 * HOUR) == 1  # The all-clear itself goes from the list.
        gone = Timer(CONSUMER, "urn:ngsi-ld:Warning:gone", T0)
        await operations.hub.commit(Commit(system("operations"), (), timers=(gone,)))
        assert [await service.ring(operations, T0) for _ in range(2)] == [1, 0]  # Nothing that is gone holds others up.
        late = await followed(operations, ended, Kind.ALL_CLEAR, draft(expires=iso(T0 + 9 * HOUR)), T0 + 7 * HOUR)
        assert service.warning(operations, HOA, other.id).state is State.EXPIRED
        assert late.references == (f"{ended.sender},{ended.identifier},2026-11-22T08:00:00+07:00",)

    in_city(tmp_path, story)


def test_two_hands_release_once(tmp_path: Path) -> None:
    """Of two who release the same version one is told that it moved; the warning went out once."""

    async def story(operations: Operations) -> None:
        handed = await submitted(operations)
        await service.release(operations, HOA, handed.id, handed.version, CHECKED, T0)
        with pytest.raises(Conflict):
            await service.release(operations, MINH, handed.id, handed.version, CHECKED, T0)
        commits = [one.reason for one in operations.hub.trail(HOA, handed.id)]
        assert commits.count("release") == 1

    in_city(tmp_path, story)


def test_a_province_says_who_releases(tmp_path: Path) -> None:
    """A rule set that leaves releasing to leaders keeps duty officers from it; nobody else can be named at all."""

    async def story(operations: Operations) -> None:
        text = '[release]\nroles = ["leader"]\n\n[[hazard]]\nid = "flood"\nmost_hours = 6.5\nhours = 3\n'
        steward = Actor("user:steward", frozenset({"data_steward"}))
        assert operations.adopted is not None
        await adopt(operations.adopted, steward, KIND, CITY, "2026-11-22", text, "Quyết định mẫu 01", now=T0)
        handed = await submitted(operations)
        with pytest.raises(Forbidden):
            await service.release(operations, MINH, handed.id, handed.version, CHECKED, T0)
        await service.release(operations, HOA, handed.id, handed.version, CHECKED, T0)
        with pytest.raises(Invalid):
            await submitted(operations, draft(expires=iso(T0 + 8 * HOUR)))
        with pytest.raises(Invalid):
            parse({**shipped(), "release": {"roles": ["official"], "minutes": 15, "least_minutes": 15}})

    in_city(tmp_path, story)


@given(st.lists(st.tuples(st.floats(102, 118), st.floats(6, 23)), min_size=3, max_size=8, unique=True))
def test_typed_corners_come_back(corners: list[tuple[float, float]]) -> None:
    """A polygon written as lines of latitude and longitude and read again is the same."""
    ring = tuple((round(x, 6), round(y, 6)) for x, y in corners)
    shape = Shape("Vùng", (*ring, ring[0]))
    if len(set(ring)) == len(ring):
        assert shape_from_text(shape_text(shape), "Vùng").ring == shape.ring


def test_typed_areas_are_read_or_told() -> None:
    """A circle is one line with km; a line that is no place, a crossing and a swapped pair are told."""
    assert shape_from_text("16.46, 107.58 2.5 km") == Shape("", circle=Circle(107.58, 16.46, 2.5))
    with pytest.raises(Invalid, match="Line 2"):
        shape_from_text("16.4, 107.5\nsông Hương\n16.5, 107.5")
    wrong = {
        "16.4, 107.5\n16.5, 107.6\n16.4, 107.6\n16.5, 107.5": "crosses",
        "107.5, 16.4\n107.6, 16.4\n107.6, 16.5": "latitude comes first",
        "16.4, 107.5\n16.5, 107.5": "three",
        "16.46, 107.58 900": "radius",
    }
    for text, told in wrong.items():
        assert told in shape_problem(shape_from_text(text)), text


def test_who_may_do_what() -> None:
    """In every state each verb that the table does not name is refused, for whoever."""
    rules = parse(shipped())
    step = workflow.Step("user:x", T0)
    verbs = {move.verb for move in workflow.MOVES}
    roles = frozenset({"leader", "duty_officer", "official", "administrator", workflow.CLOCK, workflow.MESSAGE})
    for state, verb in itertools.product(State, verbs):
        if (state, verb) not in workflow.TABLE:
            with pytest.raises(IllegalMove):
                workflow.check(example_in(state), verb, roles, step, rules)
    for move in workflow.MOVES:
        with pytest.raises(Forbidden):
            workflow.check(example_in(move.state), move.verb, frozenset({"official", "administrator"}), step, rules)


def example_in(state: State) -> Warning:
    """The example in a state."""
    return replace(example(), state=state)


def test_nobody_writes_warnings_but_their_verbs(repository: Path) -> None:
    """No other file of the source makes or changes a Warning: the verbs in service.py are the only way."""
    source = repository / "src/dothi/operations"
    writers = [
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if "releasedBy=" in path.read_text() or '"releasedBy": prop' in path.read_text()
    ]
    assert writers == ["warnings/service.py"]
    assert OWNER == "operations"


def test_the_endpoints_ask_for_two_people_too(tmp_path: Path) -> None:
    """Written, submitted, refused to its writer, released over HTTP; a bulletin comes in as a file; a key gets 403."""
    who = {"now": LAN}

    async def story(operations: Operations) -> None:
        api = FastAPI()
        for module in (warnings_api, bulletins_api):
            api.include_router(module.router)
        api.state.parts = SimpleNamespace(operations=operations)
        api.dependency_overrides |= {actor_of: lambda: who["now"], require_csrf: lambda: None}
        api.add_exception_handler(DothiError, lambda _, error: JSONResponse(*problem(error)[::-1]))
        transport = httpx.ASGITransport(app=api)
        async with httpx.AsyncClient(transport=transport, base_url="http://centre") as client:
            await tell(client)

    async def tell(client: httpx.AsyncClient) -> None:
        texts = {name: {"headline": one.headline, "instruction": one.instruction} for name, one in TEXTS.items()}
        body = {"hazard": "flood", "info": texts, "units": [WARD], "expires": iso(now_us() + 6 * HOUR)}
        shown = (await client.post("/warnings/preview", json=body)).json()
        assert (shown["problems"], shown["sms"]["vi"]["segments"]) == ({}, 1)
        made = (await client.post("/warnings", json=body)).json()
        address = f"/warnings/{made['id']}"
        handed = (await client.post(f"{address}/submit", json={"version": made["version"]})).json()
        ticked = {"version": handed["version"], "checked": sorted(CHECKED)}
        for other in (LAN, Actor("key:gate", scopes=frozenset({"write:*", "read:*"}))):
            who["now"] = other
            assert (await client.post(f"{address}/release", json=ticked)).status_code == 403
        who["now"] = HOA
        out = await client.post(f"{address}/release", json=ticked)
        assert (out.status_code, out.json()["state"], out.json()["releasedBy"]) == (200, "released", HOA.id)
        file = await client.get(f"{address}/cap")
        assert (file.headers["content-type"], file.content[:5]) == ("application/cap+xml", b"<?xml")
        taken = await client.post(
            "/bulletins/cap", content=file.content, headers={"Content-Type": "application/cap+xml"}
        )
        assert (taken.status_code, taken.json()["units"], taken.json()["level"]) == (201, [WARD], None)
        assert (await client.post("/bulletins/cap", content=b"<!DOCTYPE x><alert/>")).status_code == 400
        assert [one["id"] for one in (await client.get("/warnings")).json()] == [made["id"]]
        assert len((await client.get("/warning-rules")).json()["hazards"]) >= 10

    in_city(tmp_path, story)
