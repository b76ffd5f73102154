"""Measures over HTTP: what they count, for whom, and what they refuse."""

from collections.abc import Callable
from typing import Any

from dothi.ground.clock import HOUR, from_iso, iso
from dothi.hub.model import ANONYMOUS, Actor, Commit, amend, create, prop, system
from tests.evidence.conftest import HUE, PHU_XUAN, STEWARD, THUAN_HOA, Town
from tests.evidence.test_api import client

InTown = Callable[[Any], Any]
START = from_iso("2026-03-01T17:00:00Z")  # Midnight of 2 March in Việt Nam.
SPAN = {"from": "2026-03-02", "to": "2026-03-05", "attribute": "pm25"}
ONE_TYPE = Actor("key:air", scopes=frozenset({"read:AirQualityObserved"}))


async def told(town: Town) -> None:
    """Two stations in two wards over two days, and one thing of another kind with the same attribute."""
    things = (("a", "AirQualityObserved", PHU_XUAN), ("b", "AirQualityObserved", THUAN_HOA), ("c", "Laboratory", HUE))
    begin = tuple(
        create(f"urn:ngsi-ld:T:{name}", kind, unit=prop(unit), pm25=prop(8.0, iso(START)))
        for name, kind, unit in things
    )
    await town.hub.commit(Commit(system("test"), begin))
    for hour in range(1, 48):
        more = tuple(
            amend(f"urn:ngsi-ld:T:{name}", pm25=prop(8.0 + hour, iso(START + hour * HOUR))) for name, _, _ in things
        )
        await town.hub.commit(Commit(system("test"), more))


def test_a_day_of_the_city_is_measured_by_group(in_town: InTown) -> None:
    """Daily means begin at midnight of Việt Nam, all together or by ward, narrowed by type, ids, area and condition."""

    async def story(town: Town) -> None:
        await told(town)
        async with client(town, STEWARD) as http:
            asked = {**SPAN, "step": "day", "method": "mean,count,max"}
            found = (await http.get("/history/measure", params={**asked, "type": "AirQualityObserved"})).json()
            assert [(one["from"], one["count"], one["values"]) for one in found["figures"]] == [
                ("2026-03-01T17:00:00Z", 48, {"mean": 19.5, "count": 48, "max": 31}),
                ("2026-03-02T17:00:00Z", 48, {"mean": 43.5, "count": 48, "max": 55}),
            ]
            wards = (await http.get("/history/measure", params={**asked, "by": "area", "step": ""})).json()["figures"]
            assert {one["group"]: one["count"] for one in wards} == {PHU_XUAN: 48, THUAN_HOA: 48, HUE: 48}
            narrow = [
                ({"id": "urn:ngsi-ld:T:a"}, 48),
                ({"area": PHU_XUAN}, 48),
                ({"area": HUE}, 144),
                ({"q": "pm25>10", "type": "Laboratory"}, 48),
                ({"id": "urn:ngsi-ld:T:a,urn:ngsi-ld:T:none"}, 48),
            ]
            for more, count in narrow:
                answer = (await http.get("/history/measure", params={**SPAN, **more})).json()
                assert [one["count"] for one in answer["figures"]] == [count], more
            assert (await http.get("/history/measure", params={**SPAN, "id": "urn:x:none"})).json()["figures"] == []

    in_town(story)


def test_what_nobody_may_read_is_not_counted(in_town: InTown) -> None:
    """Who may read one type only measures that type, whatever is asked; who may read nothing of it is refused."""

    async def story(town: Town) -> None:
        await told(town)
        for actor, count in ((STEWARD, 144), (ONE_TYPE, 96), (ANONYMOUS, 96)):
            async with client(town, actor) as http:
                for by in ("", "entity", "type", "area"):
                    found = (await http.get("/history/measure", params={**SPAN, "by": by})).json()["figures"]
                    assert sum(one["count"] for one in found) == count, (actor.id, by)
        async with client(town, ONE_TYPE) as http:
            assert (await http.get("/history/measure", params={**SPAN, "id": "urn:ngsi-ld:T:c"})).json()[
                "figures"
            ] == []
            assert (await http.get("/history/measure", params={**SPAN, "type": "Laboratory"})).status_code == 403

    in_town(story)


def test_wrong_questions_are_refused_in_a_sentence(in_town: InTown) -> None:
    """An unknown step, method, group or parameter, an empty time, a word that is no time: 400 or 422 that says so."""
    wrong = [
        {"step": "fortnight"},
        {"by": "colour"},
        {"method": "guess"},
        {"method": "p0"},
        {"from": "2026-03-05", "to": "2026-03-02"},
        {"from": "yesterday"},
        {"from": "2026-13-45"},
        {"q": "((("},
        {"nope": "1"},
        {"attribute": ""},
        {"attribute": "a' OR '1'='1"},
        {"dataset": "x'y"},
    ]

    async def story(town: Town) -> None:
        await told(town)
        async with client(town, STEWARD) as http:
            for more in wrong:
                answer = await http.get("/history/measure", params={**SPAN, **more})
                assert answer.status_code in (400, 422), (more, answer.text)
                assert answer.json().get("detail"), more

    in_town(story)
