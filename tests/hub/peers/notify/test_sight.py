"""Nobody sees through a subscription what the policy hides from the one who made it."""

from collections.abc import Callable
from dataclasses import replace

from dothi.ground.errors import Forbidden
from dothi.hub.access import Open, in_sight
from dothi.hub.language.nodes import ANY_TYPE, Query, Sight, TypeIs
from dothi.hub.model import ANONYMOUS, Actor, Commit, Entity, put, rel, system
from tests.hub.peers.notify.hearing import World

Told = Callable[..., None]
SECRET: Sight = {ANY_TYPE: None, "Secret": frozenset({"hue"})}


class Hiding(Open):
    """Secrets are for the system, and for others in one unit alone."""

    def narrow(self, actor: Actor, query: Query) -> Query:
        """As for one entity; Forbidden when secrets alone are asked for by somebody of no unit."""
        if actor.id.startswith("system"):
            return query
        if query.types == TypeIs("Secret") and not actor.areas:
            raise Forbidden("Secrets are for those of the unit.")
        return replace(query, sight=SECRET if actor.areas else {ANY_TYPE: None, "Secret": frozenset()})

    def may_read(self, actor: Actor, entity: Entity) -> bool:
        """Whether this entity is in sight."""
        return actor.id.startswith("system") or in_sight(self.narrow(actor, Query()).sight, entity)


ACTORS = {"of hue": Actor("user:hue", areas=frozenset({"hue"}))}


def test_what_the_maker_may_not_read_is_not_told(told: Told) -> None:
    """A wide subscription tells what its maker may read alone; one to hidden things alone is refused."""

    async def story(world: World) -> None:
        await world.subscribe(entities=[{"type": "*"}])
        refused = await world.client.post(
            "/subscriptions",
            json={
                "type": "Subscription",
                "entities": [{"type": "Secret"}],
                "notification": {"endpoint": {"uri": world.receiver.url}},
            },
        )
        assert refused.status_code == 403
        world.client.headers["Authorization"] = "of hue"
        mine = await world.subscribe(entities=[{"type": "Secret"}])
        await world.put("urn:x:1", "Secret", unit="hue")
        await world.put("urn:x:2", "Secret", unit="danang")
        await world.put("urn:x:3", "Open")
        await world.put("urn:x:4", "Open", pm=1)
        heard = await world.receiver.next(2)
        assert [(one.body["subscriptionId"] == mine, one.body["data"][0]["id"]) for one in heard] == [
            (True, "urn:x:1"),
            (False, "urn:x:4"),
        ]
        await world.receiver.nothing()

    told(story, policy=Hiding(), actors=ACTORS)


def test_linked_entities_that_are_hidden_stay_hidden(told: Told) -> None:
    """Neither join nor a condition over a relationship shows what the maker may not read."""

    async def story(world: World) -> None:
        await world.put("urn:x:s", "Secret", unit="hue", name="x")
        await world.subscribe(notification={"join": "flat"})
        await world.subscribe(q='isIn{name}=="x"')
        await world.hub.commit(Commit(ANONYMOUS, (put("urn:x:1", "Sensor", isIn=rel("urn:x:s")),)))
        assert [one["id"] for one in await world.receiver.data()] == ["urn:x:1"]
        await world.receiver.nothing()

    told(story, policy=Hiding())


def test_records_of_the_hub_are_nobodys_news(told: Told) -> None:
    """Subscriptions themselves are never told of, whatever is subscribed to."""

    async def story(world: World) -> None:
        await world.subscribe(entities=[{"type": "*"}], notificationTrigger=["entityCreated", "entityUpdated"])
        await world.subscribe(description="another")
        await world.receiver.nothing()

    told(story)


def test_modules_changes_are_told_too(told: Told) -> None:
    """What a module writes to a guarded noun is told to those who may read it; the guard is on writing."""

    async def story(world: World) -> None:
        world.hub.own("test", {"Case": "/api/cases"})
        await world.subscribe(entities=[{"type": "Case"}])
        await world.hub.commit(Commit(system("test"), (put("urn:x:c", "Case", name=rel("urn:x:1")),), owner="test"))
        assert [one["id"] for one in await world.receiver.data()] == ["urn:x:c"]

    told(story)
