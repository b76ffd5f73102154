"""The whole life of entities by ngsildclient; run in its own environment with the port of the API as argument."""

import sys

from ngsildclient import CORE_CONTEXT, Client, Entity
from ngsildclient.api.exceptions import NgsiAlreadyExistsError, NgsiResourceNotFoundError
from receiver import Received, receiving


def lamp(number: int, power: float) -> Entity:
    """A lamp of Huế."""
    made = Entity("Lamp", f"Client:{number}")
    made.prop("power", power, unitcode="WTT", observedat="2026-11-22T07:30:00Z")
    made.prop("street", "Lê Lợi")
    made.loc(16.46, 107.59)
    made.rel("inCity", "City:Hue")
    return made


def one_by_one(client: Client) -> None:
    """Created, refused a second time, read, found, changed, counted."""
    first = lamp(1, 40.5)
    assert client.create(first)
    try:
        client.entities.create(first)
        raise AssertionError("a second create must be refused")
    except NgsiAlreadyExistsError:
        pass
    read = client.get("Lamp:Client:1")
    assert (read.type, read["power.value"], read["street.value"]) == ("Lamp", 40.5, "Lê Lợi")
    assert client.exists("Lamp:Client:1")
    read["power.value"] = 60
    assert client.update(read)
    assert client.get("Lamp:Client:1")["power.value"] == 60
    assert client.upsert(lamp(1, 61))
    assert [one["power.value"] for one in client.query(type="Lamp", q='power>60;street=="Lê Lợi"')] == [61]
    assert client.count(type="Lamp") == 1
    assert "Lamp" in client.types.list()


def together(client: Client) -> None:
    """A batch is created, upserted, changed and paged through."""
    lamps = [lamp(number, number) for number in range(10, 35)]
    created = client.batch.create(lamps)
    assert created.ok, created
    assert created.n_ok == 25
    again = client.batch.upsert([lamp(10, 500), lamp(99, 501)])
    assert again.ok, again
    assert client.batch.update([lamp(11, 502)]).ok
    assert {one["power.value"] for one in client.query(type="Lamp", q="power>=500")} == {500, 501, 502}
    assert len(list(client.query_generator(type="Lamp", limit=7))) == client.count(type="Lamp") == 27


def told(client: Client, received: Received) -> None:
    """A subscription is made, listed, told of a change, and removed."""
    subscription = {
        "@context": CORE_CONTEXT,
        "id": "urn:ngsi-ld:Subscription:client",
        "type": "Subscription",
        "description": "lamps that burn",
        "entities": [{"type": "Lamp"}],
        "watchedAttributes": ["power"],
        "q": "power>1000",
        "notification": {"format": "keyValues", "endpoint": {"uri": received.address, "accept": "application/json"}},
    }
    name = client.subscriptions.create(subscription)
    assert name == subscription["id"]
    assert [one["id"] for one in client.subscriptions.list("burn")] == [name]
    assert client.subscriptions.get(name)["q"] == "power>1000"
    client.batch.upsert([lamp(12, 999), lamp(13, 1001)])
    notification = received.next()
    assert notification["subscriptionId"] == name
    assert [(one["id"], one["power"]) for one in notification["data"]] == [("urn:ngsi-ld:Lamp:Client:13", 1001)]
    assert client.subscriptions.delete("burn")
    assert client.subscriptions.list() == []


def gone(client: Client) -> None:
    """Deleted one by one and together, and not found any more."""
    assert client.entities.delete("Lamp:Client:1")
    try:
        client.entities.get("Lamp:Client:1")
        raise AssertionError("what is deleted must be missing")
    except NgsiResourceNotFoundError:
        pass
    client.drop("Lamp")
    assert client.count(type="Lamp") == 0


def main(port: int) -> None:
    """The stories in order."""
    with Client("127.0.0.1", port, verbose=False) as client, receiving() as received:
        one_by_one(client)
        together(client)
        told(client, received)
        gone(client)


if __name__ == "__main__":
    main(int(sys.argv[1]))
