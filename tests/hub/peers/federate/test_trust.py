"""What a source can make of the trust in it: neither the caller's credentials nor a word about guarded nouns."""

from collections.abc import Callable

import pytest

from dothi.hub.model import ANONYMOUS, Actor, Commit, put, system
from dothi.hub.model import prop as house
from dothi.hub.peers.federate.answer.maps import Maps
from dothi.hub.peers.federate.answer.merging import HERE
from tests.hub.peers.federate.world import Document, World, prop

Among = Callable[..., None]
INCIDENT = "urn:i:1"
NEWER = "2036-01-01T00:00:00Z"


async def incident(world: World) -> None:
    """An incident at `here`, which only its owner's verbs may write, and a Sensor of the same id at `there`."""
    here, there = world["here"], world["there"]
    owner = here.hub.own("operations", {"Incident": "POST /api/incidents"})
    stated = house("open", observed_at="2026-01-01T00:00:00Z")
    change = put(INCIDENT, "Incident", state=stated, name=house("Ngập đường"))
    await here.hub.commit(Commit(system("operations"), (change,), "opened", owner=owner))
    await there.put(INCIDENT, state=prop("closed", observedAt=NEWER), advice=prop("Go home"))


@pytest.mark.parametrize(
    "registered",
    [
        {},
        {"information": [{"propertyNames": ["state"]}], "mode": "redirect"},
        {"information": [{"propertyNames": ["state", "advice"]}], "mode": "auxiliary"},
    ],
    ids=["inclusive", "redirect", "auxiliary"],
)
def test_no_source_says_anything_of_a_guarded_noun(among: Among, registered: Document) -> None:
    """An entity of a guarded type is told as it is held here, whatever sources say under its id."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there", operations=["retrieveOps"], **registered)
        await here.knows("there", information=[{"entities": [{"type": "Sensor"}]}], operations=["retrieveTemporal"])
        await incident(world)
        told = (await here.client.get(f"/entities/{INCIDENT}")).json()
        assert (told["type"], told["state"]["value"], "advice" in told) == ("Incident", "open", False)
        for query in (f"id={INCIDENT}&type=Incident,Sensor", f"type=Incident,Sensor&id={INCIDENT}"):
            (listed,) = (await here.client.get(f"/entities?{query}")).json()
            assert (listed["type"], listed["state"]["value"], "advice" in listed) == ("Incident", "open", False)
        past = (await here.client.get(f"/temporal/entities/{INCIDENT}")).json()
        states = past["state"] if isinstance(past["state"], list) else [past["state"]]
        assert ([one["value"] for one in states], "advice" in past) == (["open"], False)

    among(story, "here", "there")


@pytest.mark.parametrize("name", ["Authorization", "cookie", "X-CSRF-Token"])
def test_credentials_of_a_caller_go_to_no_source(among: Among, name: str) -> None:
    """A registration cannot ask for what opens this hub: such a header of the request stays here (decision 0182)."""

    async def story(world: World) -> None:
        here = world["here"]
        await here.knows("there", contextSourceInfo=[{"key": name, "value": "urn:ngsi-ld:request"}])
        await here.client.get("/entities?type=Sensor", headers={name: "secret"})
        headers = {key.lower(): value for key, value in world.lines.calls[-1][2].items()}
        assert "secret" not in headers.values()
        assert name.lower() not in headers

    among(story, "here", "there")


def test_nobody_drives_out_the_maps_of_others() -> None:
    """Where there are too many entity maps, the oldest goes of who has most of them."""
    maps = Maps(most_maps=3, most_ids=100)
    mine = maps.make(Actor("user:an"), "", {"urn:s:1": (HERE,)}, 0)
    strangers = [maps.make(ANONYMOUS, "", {}, 0) for _ in range(5)]
    large = maps.make(ANONYMOUS, "", {f"urn:s:{n}": (HERE,) for n in range(100)}, 0)
    assert maps.find(Actor("user:an"), "", mine.id, 1) is not None
    assert maps.find(ANONYMOUS, "", strangers[0].id, 1) is None
    assert maps.find(ANONYMOUS, "", large.id, 1) is None  # With 101 ids there is one too many.
    assert maps.find(Actor("user:an"), "", mine.id, 1) is not None
