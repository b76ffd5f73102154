"""Entities of several hubs in one answer (clauses 4.3.6, 5.7.1, 5.7.2, 6.3.17 and 6.3.18)."""

from collections.abc import Callable
from typing import Any

import pytest

from dothi.hub.model import Actor
from dothi.hub.peers.wire import Response
from tests.hub.peers.federate.world import World, prop

Among = Callable[..., None]


def ids(documents: list[dict[str, Any]]) -> list[str]:
    return sorted(one["id"] for one in documents)


def test_a_query_answers_from_all_and_once(among: Among) -> None:
    """What is held here and at the sources is one answer; a split entity is one entity with all of its attributes."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there")
        await here.put("urn:s:1", a=prop(1))
        await there.put("urn:s:1", b=prop(2))
        await there.put("urn:s:2", b=prop(3))
        found = await here.sensors()
        assert ids(found) == ["urn:s:1", "urn:s:2"]
        assert next(one for one in found if one["id"] == "urn:s:1").keys() == {"id", "type", "a", "b"}
        assert ids(await here.sensors(local="true")) == ["urn:s:1"]

    among(story, "here", "there")


def test_the_count_and_the_pages_are_of_the_whole(among: Among) -> None:
    """NGSILD-Results-Count and the links of paging (clauses 6.3.10 and 6.3.13) count a split entity once."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there")
        for number in range(3):
            await here.put(f"urn:s:{number}", a=prop(1))
            await there.put(f"urn:s:{number + 2}", b=prop(2))
        answer = await here.client.get("/entities?type=Sensor&limit=2&offset=2&count=true")
        assert answer.headers["NGSILD-Results-Count"] == "5"
        assert len(answer.json()) == 2
        assert {'rel="next"' in answer.headers["link"], 'rel="prev"' in answer.headers["link"]} == {True}

    among(story, "here", "there")


def test_an_entity_is_retrieved_from_where_it_is(among: Among) -> None:
    """One that only a source has is found; one that nobody has is 404 without a warning."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there")
        await there.put("urn:s:1", a=prop(1), b=prop(2))
        answer = await here.client.get("/entities/urn:s:1?attrs=a")
        assert (answer.status_code, answer.json()["a"]["value"], "b" in answer.json()) == (200, 1, False)
        answer = await here.client.get("/entities/urn:s:2")
        assert (answer.status_code, "NGSILD-Warning" in answer.headers) == (404, False)
        assert (await here.client.get("/entities/urn:s:1?local=true")).status_code == 404

    among(story, "here", "there")


def test_the_stamps_of_a_source_stay_its_own(among: Among) -> None:
    """Asked for sysAttrs, the hub tells when the source was changed, not when it was asked."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there")
        await there.put("urn:s:1", a=prop(1))
        own = (await there.client.get("/entities/urn:s:1?options=sysAttrs")).json()
        told = (await here.client.get("/entities/urn:s:1?options=sysAttrs")).json()
        assert (told["createdAt"], told["a"]["modifiedAt"]) == (own["createdAt"], own["a"]["modifiedAt"])

    among(story, "here", "there")


def test_no_more_is_asked_and_taken_than_was_registered(among: Among) -> None:
    """Attributes and ids outside of the registration are not asked for, and not believed when they come (4.3.6.1)."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        only = [{"entities": [{"type": "Sensor", "id": "urn:s:1"}], "propertyNames": ["a"]}]
        await here.knows("there", information=only)
        await there.put("urn:s:1", a=prop(1), b=prop(2))
        await there.put("urn:s:2", a=prop(3))
        assert [one.keys() for one in await here.sensors()] == [{"id", "type", "a"}]
        assert "attrs=a" in world.lines.urls("there")[0]
        assert "id=urn:s:1" in world.lines.urls("there")[0]
        more = b'[{"id": "urn:s:1", "type": "Sensor", "b": 2}, {"id": "urn:s:9", "type": "Sensor", "a": 3}]'
        world.lines.said["there"] = Response(200, {}, more)
        assert await here.sensors() == [{"id": "urn:s:1", "type": "Sensor"}]

    among(story, "here", "there")


def test_filters_go_along_or_are_applied_to_the_whole(among: Among) -> None:
    """With splitEntities=true the filters stay here and are applied to what was joined (clause 5.7.2.4)."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there")
        await here.put("urn:s:1", a=prop(1))
        await there.put("urn:s:1", b=prop(2))
        await there.put("urn:s:2", b=prop(2))
        assert ids(await here.sensors(q="b==2")) == ["urn:s:1", "urn:s:2"]
        assert "q=b%3D%3D2" in world.lines.urls("there")[-1]
        assert ids(await here.sensors(q="a==1;b==2", splitEntities="true")) == ["urn:s:1"]
        assert "q=" not in world.lines.urls("there")[-1]

    among(story, "here", "there")


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        ("cut", "199"),
        ("silent", "199"),
        (Response(403, {}, b""), "299"),
        (Response(500, {}, b'{"id": "urn:s:7", "type": "Sensor"}'), "299"),
        (Response(200, {}, b"no json"), "111"),
        (Response(200, {}, b'[{"id": "no uri", "type": "Sensor"}]'), "111"),
        (Response(200, {}, b""), "111"),
    ],
)
def test_what_goes_wrong_costs_a_warning_and_not_the_answer(among: Among, happens: Any, code: str) -> None:
    """The codes of table 6.3.17-1; what a failing source said is in no answer."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there")
        await here.put("urn:s:1", a=prop(1))
        if isinstance(happens, str):
            getattr(world.lines, happens).add("there")
        else:
            world.lines.said["there"] = happens
        answer = await here.client.get("/entities?type=Sensor")
        assert (answer.status_code, ids(answer.json())) == (200, ["urn:s:1"])
        assert answer.headers["NGSILD-Warning"].startswith(code + " here ")

    among(story, "here", "there")


def test_a_loop_is_cut_and_told_of(among: Among) -> None:
    """Two hubs that know each other answer once each, with warning 199 (clause 4.3.6.4)."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there")
        await there.knows("here")
        await here.put("urn:s:1", a=prop(1))
        await there.put("urn:s:2", a=prop(1))
        answer = await here.client.get("/entities?type=Sensor")
        assert ids(answer.json()) == ["urn:s:1", "urn:s:2"]
        assert answer.headers["NGSILD-Warning"].startswith("199 ")
        assert len(world.lines.calls) == 2
        assert world.lines.calls[1][2]["Via"] == "1.1 here, 1.1 there"

    among(story, "here", "there")


def test_a_registered_alias_that_was_passed_is_not_asked(among: Among) -> None:
    """A source whose contextSourceAlias stands in Via does not match (clause 5.12)."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there", contextSourceAlias="there")
        answer = await here.client.get("/entities?type=Sensor", headers={"Via": "1.1 there"})
        assert (answer.status_code, world.lines.calls) == (200, [])
        assert answer.headers["NGSILD-Warning"].startswith("199 ")

    among(story, "here", "there")


def test_a_chain_brings_an_entity_once(among: Among) -> None:
    """Over two ways to the same last hub an entity comes once; localOnly ends the chain at the first source."""

    async def story(world: World) -> None:
        await world["a"].knows("b")
        await world["a"].knows("c")
        await world["b"].knows("d")
        await world["c"].knows("d")
        await world["d"].put("urn:s:1", a=prop(1))
        assert ids(await world["a"].sensors()) == ["urn:s:1"]
        await world["e"].knows("b", management={"localOnly": True})
        assert await world["e"].sensors() == []

    among(story, "a", "b", "c", "d", "e")


def test_what_is_registered_elsewhere_alone_is_not_told_from_here(among: Among) -> None:
    """The attributes of an exclusive registration come from its source only (clause 4.3.6.3)."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.put("urn:s:1", a=prop(1), b=prop(2))
        await there.put("urn:s:1", a=prop(10))
        info = [{"entities": [{"type": "Sensor", "id": "urn:s:1"}], "propertyNames": ["a"]}]
        refused = await here.client.post(
            "/csourceRegistrations",
            json={
                "type": "ContextSourceRegistration",
                "information": info,
                "mode": "exclusive",
                "endpoint": "http://there",
            },
        )
        assert refused.status_code == 409
        await here.client.delete("/entities/urn:s:1/attrs/a")
        await here.knows("there", information=info, mode="exclusive")
        assert {name: one["value"] for name, one in (await here.sensors())[0].items() if name in "ab"} == {
            "a": 10,
            "b": 2,
        }

    among(story, "here", "there")


def test_nothing_guarded_comes_in_from_outside(among: Among) -> None:
    """A source cannot tell of a type that only a module's own verbs may write."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        here.hub.own("operations", {"Alarm": "POST /api/alarms"})
        await here.knows("there", information=[{"entities": [{"type": "Alarm"}]}])
        await there.put("urn:a:1", "Alarm", a=prop(1))
        assert (await here.client.get("/entities?type=Alarm")).json() == []
        assert (await here.client.get("/entities/urn:a:1")).status_code == 404

    among(story, "here", "there")


class OnlySensorsA:
    """A policy that shows no entity that says it is secret."""

    def check_write(self, *_: object) -> None:
        """Everything may be written."""

    def narrow(self, actor: Actor, query: Any) -> Any:
        """Nothing here is secret."""
        return query

    def may_read(self, actor: Actor, entity: Any) -> bool:
        """What came from elsewhere is looked at as if it were held here."""
        return entity.value("secret") is None


def test_an_answer_of_a_source_is_shown_to_those_who_may_read_it_here(among: Among) -> None:
    """The policy of this hub is asked for each entity that comes from a source."""

    async def story(world: World) -> None:
        here, there = world["here"], world["there"]
        await here.knows("there")
        await there.put("urn:s:1", a=prop(1))
        await there.put("urn:s:2", secret=prop(1))
        assert ids(await here.sensors()) == ["urn:s:1"]
        assert (await here.client.get("/entities/urn:s:2")).status_code == 404

    among(story, "here", "there", policies={"here": OnlySensorsA()})


def test_an_ordering_of_what_others_hold_is_refused(among: Among) -> None:
    """Where sources are asked, orderBy is BadRequestData; with local=true it works (clause 5.7.2.4)."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there")
        await here.put("urn:s:1", a=prop(1))
        assert (await here.client.get("/entities?type=Sensor&orderBy=a")).status_code == 400
        assert (await here.client.get("/entities?type=Sensor&orderBy=a&local=true")).status_code == 200

    among(story, "here", "there")


def test_extra_headers_go_along_but_never_ours(among: Among) -> None:
    """Pairs of contextSourceInfo become headers, some as the caller sent them; Via and tenant stay ours."""

    async def story(world: World) -> None:
        here = world["here"]
        pairs = [("Authorization", "Bearer x"), ("user", "urn:ngsi-ld:request"), ("Via", "1.1 evil")]
        info = [{"key": key, "value": value} for key, value in pairs]
        await here.knows("there", contextSourceInfo=info, tenant="hue")
        await here.client.get("/entities?type=Sensor", headers={"user": "an"})
        sent = world.lines.calls[-1][2]
        assert (sent["Authorization"], sent["user"], sent["NGSILD-Tenant"]) == ("Bearer x", "an", "hue")
        assert sent["Via"] == "1.1 here"
        await here.client.get("/entities?type=Sensor")
        assert "user" not in world.lines.calls[-1][2]

    among(story, "here", "there")


def test_a_source_is_told_the_core_context_that_it_asked_for(among: Among) -> None:
    """The address under jsonldContext goes in a Link header, that of the core too, and in no header of its own name."""

    async def story(world: World) -> None:
        here, core = world["here"], "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
        await here.knows("there", contextSourceInfo=[{"key": "jsonldContext", "value": core}])
        await here.sensors()
        headers = world.lines.calls[-1][2]
        assert headers["Link"].startswith(f"<{core}>;")
        assert "jsonldContext" not in headers

    among(story, "here", "there")


def test_a_source_that_failed_rests(among: Among) -> None:
    """Within its cooldown a source is not asked again; afterwards it is (table 5.2.34-1)."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there", management={"cooldown": 10_000})
        world.lines.cut.add("there")
        await here.sensors()
        answer = await here.client.get("/entities?type=Sensor")
        assert (len(world.lines.calls), "cooldown" in answer.headers["NGSILD-Warning"]) == (1, True)
        world.now += 11_000_000
        await here.sensors()
        assert len(world.lines.calls) == 2

    among(story, "here", "there")
