"""What the hub keeps for others outside, in a real city: who may make, see, change and end it, and what it shows."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from dothi.accounts.model import NewUser
from dothi.accounts.people import change_user, create_user
from dothi.accounts.signin import create_key, revoke_key
from dothi.hub.api.app import ROUTES
from dothi.hub.model import Actor
from tests.whole.city import OPERATOR, Whole

HUB = "/ngsi-ld/v1"
Document = dict[str, Any]
MAY = {"data_steward", "administrator", "key"}
SECRET = [{"key": "X-Token", "value": "secret"}]
TOLD: Document = {"endpoint": {"uri": "http://receiver.example/told", "receiverInfo": SECRET}}
SUBSCRIPTION: Document = {"type": "Subscription", "entities": [{"type": "AirQualityObserved"}], "notification": TOLD}
REGISTRATION: Document = {
    "type": "ContextSourceRegistration",
    "information": [{"entities": [{"type": "Gauge"}]}],
    "endpoint": "http://source.example",
    "contextSourceInfo": SECRET,
}
CONTEXT: Document = {"@context": {"gauge": "https://example.org/gauge"}}
SNAPSHOT: Document = {
    "type": "Snapshot",
    "snapshotQueries": [{"type": "Query", "entities": [{"type": "Gauge"}]}],
    "endpoint": "http://receiver.example/told",
    "receiverInfo": SECRET,
}
KINDS: dict[str, Document] = {
    "subscriptions": SUBSCRIPTION,
    "csourceSubscriptions": SUBSCRIPTION,
    "csourceRegistrations": REGISTRATION,
    "jsonldContexts": CONTEXT,
    "snapshots": SNAPSHOT,
}
FRAGMENTS: dict[str, Document] = {
    "subscriptions": {"isActive": False},
    "csourceSubscriptions": {"isActive": False},
    "csourceRegistrations": {"registrationName": "mine now"},
    "snapshots": {"snapshotPriority": 9},
}
INSIDE = ["http://127.0.0.1:9/x", "http://localhost:9/x", "http://127。0。0。1:9/x", "http://[::ffff:10.0.0.1]/x"]


def made(whole: Whole, kind: str, role: str = "key", **more: Any) -> str:
    """The path of a new one."""
    answer = whole.clients[role].post(f"{HUB}/{kind}", json={**KINDS[kind], **more})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def test_every_route_of_others_is_looked_at() -> None:
    """A collection that can be written and is about no entities is in this table, or guarded in another test."""
    collections = {route.partition("/")[0] for route, methods in ROUTES.items() if methods.keys() - {"GET"}}
    assert collections == {"entities", "entityOperations", "temporal", "entityMaps", *KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_who_may_make_see_change_and_end_it(whole: Whole, kind: str) -> None:
    """Data stewards, administrators and keys with the scope may; everybody else is refused, whatever they try."""
    path = made(whole, kind)
    for role, client in whole.clients.items():
        answer = client.post(f"{HUB}/{kind}", json=KINDS[kind])
        assert answer.status_code == (201 if role in MAY else 403), f"{role}: {answer.text}"
        if role in MAY:
            assert client.delete(answer.headers["location"]).status_code == 204
            continue
        if kind != "jsonldContexts":  # Who has the address of a context may read it: documents name it.
            assert client.get(path).status_code == 404
        if kind in FRAGMENTS:
            assert client.patch(path, json=FRAGMENTS[kind]).status_code in (403, 404)
        assert client.delete(path).status_code in (403, 404)
        if kind == "csourceRegistrations":
            assert client.get(f"{HUB}/{kind}?type=Gauge").status_code == 403
        elif kind != "snapshots":
            assert client.get(f"{HUB}/{kind}").status_code == 403
    assert whole.clients["key"].get(path).status_code == 200
    assert whole.clients["key"].delete(path).status_code == 204


@pytest.mark.parametrize("kind", sorted(FRAGMENTS))
def test_secrets_are_their_makers(whole: Whole, kind: str) -> None:
    """What opens an endpoint is shown to its maker alone, and does not follow when another moves the endpoint."""
    path = made(whole, kind)
    steward, key = whole.clients["data_steward"], whole.clients["key"]
    assert "secret" in key.get(path).text
    assert "secret" not in steward.get(path).text
    moved = TOLD["endpoint"] | {"uri": "http://mine.example"}
    fragment = {"notification": {"endpoint": moved}} if kind.endswith("ubscriptions") else {"endpoint": moved["uri"]}
    answer = steward.patch(path, json=fragment)
    if kind != "snapshots":
        assert answer.status_code == 403, answer.text
    else:
        assert answer.status_code == 200, answer.text
        assert "secret" not in key.get(path).text
    assert key.delete(path).status_code == 204


@pytest.mark.parametrize("address", INSIDE)
def test_nothing_of_this_machine_is_called(whole: Whole, address: str) -> None:
    """An endpoint on this machine or in a private network is refused, however it is written."""
    key = whole.clients["key"]
    told = {"endpoint": {"uri": address}}
    for kind, more in (
        ("subscriptions", {"notification": told}),
        ("subscriptions", {"notification": {"endpoint": {"uri": address.replace("http", "mqtt")}}}),
        ("csourceSubscriptions", {"notification": told}),
        ("csourceRegistrations", {"endpoint": address.removesuffix("/x")}),
        ("snapshots", {"endpoint": address}),
    ):
        answer = key.post(f"{HUB}/{kind}", json={**KINDS[kind], **more})
        assert answer.status_code in (400, 403), f"{kind}: {answer.status_code}"


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Transfer-Encoding", "X\r\nY", "X Y"])
def test_a_receiver_sets_no_header_of_the_connection(whole: Whole, name: str) -> None:
    """What receiverInfo holds are names of headers, none that belongs to the connection, and no line breaks."""
    pairs = [{"key": name, "value": "1"}]
    told = {"endpoint": {"uri": "http://receiver.example", "receiverInfo": pairs}}
    for kind, more in (("subscriptions", {"notification": told}), ("snapshots", {"receiverInfo": pairs})):
        answer = whole.clients["key"].post(f"{HUB}/{kind}", json={**KINDS[kind], **more})
        assert answer.status_code == 400, f"{kind}: {answer.text}"


def test_a_copy_of_a_context_is_taken_away_by_those_who_may(whole: Whole) -> None:
    """Also of a context that is in memory alone nobody else can be rid of it, or have it fetched again."""
    for role in whole.clients.keys() - MAY:
        for query in ("", "?reload=true"):
            answer = whole.clients[role].delete(f"{HUB}/jsonldContexts/https%3A%2F%2Fexample.org%2Fc.jsonld{query}")
            assert answer.status_code == 403, f"{role}: {answer.text}"


def test_no_source_takes_a_guarded_noun_over(whole: Whole) -> None:
    """An exclusive or redirect registration of a guarded type is refused with the verb that writes it."""
    information = [{"entities": [{"type": "Incident", "id": "urn:x:i"}], "propertyNames": ["state"]}]
    for mode in ("exclusive", "redirect"):
        document = {**REGISTRATION, "information": information, "mode": mode}
        answer = whole.clients["key"].post(f"{HUB}/csourceRegistrations", json=document)
        assert answer.status_code == 403, answer.text


def test_a_source_of_any_type_is_registered_by_who_may_read_any(whole: Whole) -> None:
    """Attributes of whatever entity are handed to a source by those alone who may read every type."""
    scopes = frozenset({"read:AirQualityObserved", "read:dothi:ContextSourceRegistration"})
    able = scopes | {"write:dothi:ContextSourceRegistration"}
    _, token = whole.run(create_key(whole.parts.accounts, OPERATOR, "a small source", able))
    for mode in ("inclusive", "redirect"):
        document = {**REGISTRATION, "information": [{"propertyNames": ["pm10"]}], "mode": mode}
        answer = httpx.post(
            f"{whole.hub_address}/csourceRegistrations", json=document, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 403, answer.text


@pytest.mark.parametrize("tenant", ["x/records", "/records", "x/copies/urn:x:1", "x/snapshots/urn:x:1", "..", ""])
def test_no_header_names_what_stands_beside_a_tenant(whole: Whole, tenant: str) -> None:
    """Records, copies and snapshots are reached by their routes alone, not as a tenant of that name."""
    answer = whole.clients["key"].get(f"{HUB}/entities?local=true", headers={"NGSILD-Tenant": tenant})
    assert answer.status_code in ((200,) if not tenant else (400, 404)), answer.text
    assert "dothi:" not in answer.text


def test_a_made_up_notification_reaches_nobody(whole: Whole) -> None:
    """Who knows the id of a subscription alone cannot tell its subscriber anything, nor under a tenant of records."""
    path = made(whole, "subscriptions")
    body = {"type": "Notification", "subscriptionId": path.rpartition("/")[2], "data": []}
    for tenant in ("", "?tenant=/records", "?tenant=x/records"):
        answer = whole.clients["anonymous"].post(f"/ngsi-ld/ex/remote-notify{tenant}", json=body)
        assert answer.status_code == 404, answer.text
    assert whole.clients["key"].delete(path).status_code == 204


def test_rights_end_for_what_was_made_before(whole: Whole) -> None:
    """What a key that was revoked or a person who left had subscribed to shows them nothing more, at once."""
    secret = whole.get(whole.owned("Incident", "revoked"))
    accounts, scopes = whole.parts.accounts, frozenset({"read:Incident"})
    key, _ = whole.run(create_key(accounts, OPERATOR, "short-lived", scopes))
    maker = Actor(f"key:{key.id}", scopes=scopes)  # As it stands in the record of a subscription.
    assert whole.parts.hub.may_read(maker, secret)
    whole.run(revoke_key(accounts, OPERATOR, key.id, "lost"))
    assert not whole.parts.hub.may_read(maker, secret)
    new = NewUser("sap-nghi", "Sắp nghỉ", frozenset({"duty_officer"}), password="bốn con ngựa vằn")
    user = whole.run(create_user(accounts, OPERATOR, new))
    leaver = Actor(user.actor_id, user.roles)
    assert whole.parts.hub.may_read(leaver, secret)
    chief = Actor("user:chief", frozenset({"administrator"}))
    whole.run(change_user(accounts, chief, replace(user, disabled=True), "left"))
    assert not whole.parts.hub.may_read(leaver, secret)
