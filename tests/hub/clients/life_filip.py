"""The whole life of entities by FiLiP; run in its own environment with the port of the API as argument."""

import sys

import requests
from filip.clients.ngsi_ld.cb import ContextBrokerLDClient
from filip.models.base import FiwareLDHeader
from filip.models.ngsi_ld.context import (
    ActionTypeLD,
    ContextLDEntity,
    ContextProperty,
    NamedContextProperty,
    NamedContextRelationship,
)
from filip.models.ngsi_ld.subscriptions import Endpoint, NotificationParams, SubscriptionLD
from receiver import Received, receiving

TENANT = "hue"


def lamp(number: int, power: float) -> ContextLDEntity:
    """A lamp of Huế."""
    made = ContextLDEntity(id=f"urn:ngsi-ld:Lamp:{number}", type="Lamp")
    made.add_properties({"power": ContextProperty(value=power, unitCode="WTT", observedAt="2026-11-22T07:30:00Z")})
    made.add_properties([NamedContextProperty(name="street", value="Lê Lợi")])
    made.add_relationships([NamedContextRelationship(name="inCity", object="urn:ngsi-ld:City:Hue")])
    return made


def power_of(entity: ContextLDEntity) -> float:
    """What a lamp takes."""
    return next(one.value for one in entity.get_properties() if one.name == "power")


def one_by_one(client: ContextBrokerLDClient) -> None:
    """Created, read in both forms, queried, appended to, changed, an attribute deleted."""
    client.post_entity(entity=lamp(1, 40.5))
    read = client.get_entity("urn:ngsi-ld:Lamp:1")
    assert (read.type, power_of(read)) == ("Lamp", 40.5)
    assert client.get_entity("urn:ngsi-ld:Lamp:1", options="keyValues")
    client.append_entity_attributes(
        ContextLDEntity(id="urn:ngsi-ld:Lamp:1", type="Lamp", level=ContextProperty(value=3))
    )
    client.update_entity_attribute("urn:ngsi-ld:Lamp:1", NamedContextProperty(name="power", value=60), "power")
    assert power_of(client.get_entity("urn:ngsi-ld:Lamp:1")) == 60
    found = client.get_entity_list(entity_type="Lamp", q="power>59;level==3")
    assert [one.id for one in found] == ["urn:ngsi-ld:Lamp:1"]
    client.replace_existing_attributes_of_entity(lamp(1, 61))
    assert power_of(client.get_entity("urn:ngsi-ld:Lamp:1")) == 61
    client.delete_attribute("urn:ngsi-ld:Lamp:1", "level")
    assert client.get_entity_list(entity_type="Lamp", q="level") == []


def together(client: ContextBrokerLDClient) -> None:
    """Batches create, update and upsert; long lists are paged through."""
    client.entity_batch_operation(entities=[lamp(one, one) for one in range(10, 35)], action_type=ActionTypeLD.CREATE)
    client.entity_batch_operation(entities=[lamp(10, 500)], action_type=ActionTypeLD.UPDATE)
    client.entity_batch_operation(entities=[lamp(99, 501)], action_type=ActionTypeLD.UPSERT)
    client.pagination_limit = 7
    assert len(client.get_entity_list(entity_type="Lamp")) == 27
    assert {power_of(one) for one in client.get_entity_list(entity_type="Lamp", q="power>=500")} == {500, 501}


def told(client: ContextBrokerLDClient, received: Received) -> None:
    """A subscription is made, listed, changed, told of a change, and removed."""
    subscription = SubscriptionLD(
        id="urn:ngsi-ld:Subscription:filip",
        entities=[{"type": "Lamp"}],
        watchedAttributes=["power"],
        q="power>1000",
        notification=NotificationParams(
            attributes=["power"], format="normalized", endpoint=Endpoint(uri=received.address)
        ),
    )
    name = client.post_subscription(subscription)
    assert [one.id for one in client.get_subscription_list()] == [subscription.id], name
    client.update_subscription(subscription.model_copy(update={"q": "power>2000"}))
    assert client.get_subscription(subscription.id).q == "power>2000"
    client.update_entity_attribute("urn:ngsi-ld:Lamp:11", NamedContextProperty(name="power", value=1500), "power")
    client.update_entity_attribute("urn:ngsi-ld:Lamp:12", NamedContextProperty(name="power", value=2500), "power")
    notification = received.next()
    assert [(one["id"], one["power"]["value"]) for one in notification["data"]] == [("urn:ngsi-ld:Lamp:12", 2500)]
    client.delete_subscription(subscription.id)
    assert client.get_subscription_list() == []


def gone(client: ContextBrokerLDClient) -> None:
    """Deleted one by one and together, and not found any more."""
    client.delete_entity_by_id("urn:ngsi-ld:Lamp:1")
    try:
        client.get_entity("urn:ngsi-ld:Lamp:1")
    except requests.RequestException:
        pass
    else:
        raise AssertionError("what is deleted must be missing")
    rest = client.get_entity_list(entity_type="Lamp")
    client.entity_batch_operation(entities=rest, action_type=ActionTypeLD.DELETE)
    assert client.get_entity_list(entity_type="Lamp") == []


def main(port: int) -> None:
    """The stories in order, in a tenant of its own."""
    header = FiwareLDHeader(ngsild_tenant=TENANT)
    with ContextBrokerLDClient(url=f"http://127.0.0.1:{port}", fiware_header=header) as client, receiving() as received:
        one_by_one(client)
        together(client)
        told(client, received)
        gone(client)


if __name__ == "__main__":
    main(int(sys.argv[1]))
