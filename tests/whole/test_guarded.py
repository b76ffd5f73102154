"""Guarded nouns: whoever tries whichever generic way in, only the owner's verbs write them (design section 3)."""

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dothi.hub.api.app import ROUTES, find
from dothi.hub.vocabulary import NOUNS
from tests.whole.city import COMMUNE, LONG_AGO, PLACE, Whole

DEFAULT = "https://uri.etsi.org/ngsi-ld/default-context/"
NOTE = {"type": "Property", "value": "written from outside"}
LD = {"Content-Type": "application/ld+json"}


class Way(NamedTuple):
    """One generic write: method, path and body, in which {id} and {kind} stand for the entity."""

    method: str
    path: str
    body: Any = None


ENTITY = {"id": "{id}", "type": "{kind}", "note": NOTE}
FRAGMENT = {"note": NOTE}
EVOLUTION = {"id": "{id}", "type": "{kind}", "note": [NOTE]}
WAYS = (
    Way("POST", "entities", ENTITY | {"id": "{id}:new"}),
    Way("PUT", "entities/{id}", ENTITY),
    Way("PATCH", "entities/{id}", FRAGMENT),
    Way("DELETE", "entities/{id}"),
    Way("POST", "entities/{id}/attrs", FRAGMENT),
    Way("POST", "entities/{id}/attrs?options=noOverwrite", {"other": NOTE}),
    Way("PATCH", "entities/{id}/attrs", FRAGMENT),
    Way("PATCH", "entities/{id}/attrs/note", {"value": "written from outside"}),
    Way("PUT", "entities/{id}/attrs/note", NOTE),
    Way("DELETE", "entities/{id}/attrs/note"),
    Way("POST", "entityOperations/create", [ENTITY | {"id": "{id}:new"}]),
    Way("POST", "entityOperations/upsert", [ENTITY]),
    Way("POST", "entityOperations/upsert?options=update", [ENTITY]),
    Way("POST", "entityOperations/update", [ENTITY]),
    Way("POST", "entityOperations/merge", [ENTITY]),
    Way("POST", "entityOperations/delete", ["{id}"]),
    Way("DELETE", "entities?type={kind}&id={id}"),
    Way("DELETE", "entities?type={kind}&drop=note"),
    Way("POST", "temporal/entities", EVOLUTION),
    Way("POST", "temporal/entities/{id}/attrs", {"note": [NOTE]}),
    Way("DELETE", "temporal/entities/{id}/attrs/note?deleteAll=true"),
    Way("PATCH", "temporal/entities/{id}/attrs/note/urn:ngsi-ld:Instance:1", NOTE),
    Way("DELETE", "temporal/entities/{id}/attrs/note/urn:ngsi-ld:Instance:1"),
    Way("DELETE", "temporal/entities/{id}"),
)
MIXED = {"id": "urn:ngsi-ld:Bench:beside", "type": "Bench", "note": NOTE}


# Write routes that take no entity of a city: questions by POST, maps of answers, and records of the hub's own, whose
# rights are those of tests/whole/test_guarded_peers.py. Any other write route must have its line in WAYS.
OF_NO_ENTITY = frozenset(
    {
        *("entityOperations/query", "temporal/entityOperations/query", "entityMaps", "temporal/entityMaps"),
        *("jsonldContexts", "csourceRegistrations", "csourceSubscriptions", "subscriptions", "snapshots"),
    }
)


class Answer(NamedTuple):
    """What came back."""

    status: int
    text: str

    def refusals(self) -> list[dict[str, Any]]:
        """The problems of an answer: its own, or those of the items of a batch."""
        body = json.loads(self.text)
        return [one["error"] for one in body["errors"]] if self.status == 207 else [body]


def guarded_nouns(whole: Whole) -> dict[str, str]:
    """The guarded nouns of the city, each with the verb to use; the hub's own records have a test of their own."""
    return {kind: verb for kind, verb in whole.parts.hub.guarded().items() if kind in NOUNS}


def send(whole: Whole, role: str, way: Way, entity_id: str = "", kind: str = "", **headers: str) -> Answer:
    def filled(text: str) -> str:
        return text.replace("{id}", entity_id).replace("{kind}", kind)

    body = None if way.body is None else filled(json.dumps(way.body)).encode()
    said = {"Content-Type": "application/json", **headers}
    status, content = whole.ask(role, way.method, f"/ngsi-ld/v1/{filled(way.path)}", body, said)
    return Answer(status, content.decode())


def tries(whole: Whole, number: int, every: bool) -> list[tuple[str, Way]]:
    """Who tries which way on the type with this number: all of them, or so many that every pair is met once.

    Every way on every type, every role on every type; over all types every role in every way.
    """
    roles = list(whole.clients)
    if every:
        return [(role, way) for role in roles for way in WAYS]
    by_way = [(roles[(number + place) % len(roles)], way) for place, way in enumerate(WAYS)]
    return by_way + [(role, WAYS[(number * 3 + place) % len(WAYS)]) for place, role in enumerate(roles)]


def test_every_write_route_has_its_way() -> None:
    """A route of the API that writes is tried on every guarded type, or keeps records of its own: none is forgotten."""
    tried = {(way.method, find(tuple(way.path.partition("?")[0].split("/")), way.method)[0]) for way in WAYS}
    writes = {(method, route) for route, methods in ROUTES.items() for method in methods if method != "GET"}
    others = {one for one in writes if {one[1], one[1].partition("/")[0]} & OF_NO_ENTITY}
    assert writes - others == tried


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["pairs", "all"])
def test_every_way_is_closed_to_everyone(whole: Whole, every: bool) -> None:
    """Each generic write of each guarded type by whoever gets 403 with the verb to use, and changes nothing."""
    guarded = guarded_nouns(whole)
    assert guarded.keys() >= {name for name, noun in NOUNS.items() if noun.owner}
    tried = set()
    for number, (kind, verb) in enumerate(guarded.items()):
        entity_id = whole.owned(kind, "guarded")
        before = whole.get(entity_id)
        for role, way in tries(whole, number, every):
            answer = send(whole, role, way, entity_id, kind)
            where = f"{role}: {way.method} {way.path} of {kind}: {answer.status} {answer.text[:200]}"
            assert answer.status == 403, where
            (problem,) = answer.refusals()
            assert (problem["status"], verb in problem["detail"]) == (403, True), where
            tried.add((kind, role, way.method, way.path))
        assert whole.get(entity_id) == before, kind
        with pytest.raises(Exception, match="not there"):
            whole.get(f"{entity_id}:new")
    assert len(whole.clients) == 11
    assert len({(kind, *way) for kind, _, *way in tried}) == len(guarded) * len(WAYS)
    assert len({(kind, role) for kind, role, *_ in tried}) == len(guarded) * 11
    assert len({(role, *way) for _, role, *way in tried}) == 11 * len(WAYS)
    print(f"{len(tried)} generic writes refused: {len(guarded)} types, {len(whole.clients)} who, {len(WAYS)} ways")


def test_in_a_batch_the_guarded_item_fails_alone(whole: Whole) -> None:
    """Beside a generic entity a guarded one gets its own 403 in a 207; the generic one goes in."""
    client = whole.clients["key"]
    for kind, verb in guarded_nouns(whole).items():
        entity_id = whole.owned(kind, "mixed")
        before = whole.get(entity_id)
        for operation in ("upsert", "update", "merge"):
            client.post("/ngsi-ld/v1/entityOperations/upsert", json=[MIXED]).raise_for_status()
            way = Way("POST", f"entityOperations/{operation}", [MIXED, ENTITY])
            answer = send(whole, "key", way, entity_id, kind)
            assert answer.status == 207, answer.text
            assert json.loads(answer.text)["success"] == [MIXED["id"]]
            (problem,) = answer.refusals()
            assert (problem["status"], verb in problem["detail"]) == (403, True)
        assert whole.get(entity_id) == before


def test_a_purge_leaves_what_is_guarded(whole: Whole) -> None:
    """A purge that finds a guarded entity beside a generic one deletes the generic one and names the verb in a 207."""
    client = whole.clients["key"]
    for number, (kind, verb) in enumerate(guarded_nouns(whole).items()):
        if number % 8:  # It is one code for all types; every eighth is looked at.
            continue
        entity_id = whole.owned(kind, "purged")
        client.post("/ngsi-ld/v1/entityOperations/upsert", json=[MIXED]).raise_for_status()
        answer = send(whole, "key", Way("DELETE", f"entities?local=true&id={entity_id},{MIXED['id']}"))
        assert answer.status in (204, 207), answer.text
        if answer.status == 207:  # 204: who asks may not see the guarded one, so that it is not found.
            assert json.loads(answer.text)["success"] == [MIXED["id"]]
            (problem,) = answer.refusals()
            assert (problem["status"], verb in problem["detail"]) == (403, True)
        assert whole.get(entity_id)


def test_the_hubs_own_records_are_made_by_their_routes_alone(whole: Whole) -> None:
    """A subscription or registration is no entity to be written: the type is refused with the route to use."""
    records = {kind: verb for kind, verb in whole.parts.hub.guarded().items() if kind not in NOUNS}
    assert records
    for kind, verb in records.items():
        for way in (
            WAYS[0],
            Way("POST", "entityOperations/upsert", [ENTITY]),
            Way("POST", "temporal/entities", EVOLUTION),
        ):
            answer = send(whole, "key", way, "urn:x:record", kind)
            (problem,) = answer.refusals()
            assert (answer.status, verb in problem["detail"]) == (403, True), answer.text


def test_no_source_holds_or_writes_what_is_guarded(whole: Whole) -> None:
    """A guarded type is registered as held elsewhere by nobody, and a source that shares it opens no generic way."""
    client = whole.clients["key"]
    guarded = guarded_nouns(whole)
    source: dict[str, Any] = {"type": "ContextSourceRegistration", "endpoint": "http://source.example"}
    for kind, verb in guarded.items():
        one = {"entities": [{"type": kind, "id": "urn:x:elsewhere"}], "propertyNames": ["note"]}
        for mode in ("redirect", "exclusive"):
            answer = client.post(
                "/ngsi-ld/v1/csourceRegistrations", json={**source, "mode": mode, "information": [one]}
            )
            assert (answer.status_code, verb in answer.json()["detail"]) == (403, True), f"{mode} {kind}: {answer.text}"
    every = [{"entities": [{"type": kind} for kind in guarded]}]
    operations = ["redirectionOps", "createBatch", "upsertBatch", "updateBatch", "mergeBatch", "deleteBatch"]
    shared = client.post(
        "/ngsi-ld/v1/csourceRegistrations", json={**source, "information": every, "operations": operations}
    )
    assert shared.status_code == 201, shared.text
    try:
        for number, kind in enumerate(guarded):
            if number % 8:  # It is one code for all types; every eighth is looked at.
                continue
            entity_id = whole.owned(kind, "shared")
            before = whole.get(entity_id)
            for way in WAYS:
                answer = send(whole, "key", way, entity_id, kind)
                assert answer.status == 403, f"{way.method} {way.path} of {kind}: {answer.status} {answer.text[:200]}"
            assert whole.get(entity_id) == before
    finally:
        client.delete(shared.headers["location"]).raise_for_status()


SNEAKY = {
    "its full name": {"id": "urn:x:sneak", "type": DEFAULT + "{kind}", "note": NOTE},
    "one of several": {"id": "urn:x:sneak", "type": ["Bench", "{kind}"], "note": NOTE},
    "by a context": {
        "@context": [{"Disguise": DEFAULT + "{kind}"}],
        "id": "urn:x:sneak",
        "type": "Disguise",
        "note": NOTE,
    },
}


@pytest.mark.parametrize("how", SNEAKY)
def test_no_disguise_helps(whole: Whole, how: str) -> None:
    """A guarded type is refused under its full name, beside another type, through a @context and in another tenant."""
    headers = LD if "@context" in SNEAKY[how] else {}
    ways = (Way("POST", "entities", SNEAKY[how]), Way("POST", "entityOperations/upsert", [SNEAKY[how]]))
    for number, kind in enumerate(guarded_nouns(whole)):
        for place, way in enumerate(ways):
            for tenant in ({}, {"NGSILD-Tenant": "elsewhere"})[(number + place) % 2 :][:1]:
                answer = send(whole, "key", way, "", kind, **headers, **tenant)
                assert answer.status == 403, f"{kind} {way.path} {tenant}: {answer.text}"


def test_a_generic_entity_cannot_become_a_guarded_one(whole: Whole) -> None:
    """Adding a guarded type to an entity that stands is refused, by each operation that may add types."""
    client = whole.clients["key"]
    bench = {"id": "urn:x:bench", "type": "Bench", "note": NOTE}
    client.post("/ngsi-ld/v1/entityOperations/upsert", json=[bench]).raise_for_status()
    before = whole.get("urn:x:bench")
    for number, kind in enumerate(guarded_nouns(whole)):
        added = {"type": kind, "note": NOTE}
        whole_one = {"id": "urn:x:bench", **added}
        ways = (
            Way("PATCH", "entities/urn:x:bench", added),
            Way("PUT", "entities/urn:x:bench", whole_one),
            Way("POST", "entities/urn:x:bench/attrs", added),
            *(Way("POST", f"entityOperations/{name}", [whole_one]) for name in ("upsert", "update", "merge")),
            Way("POST", "entityOperations/upsert?options=update", [whole_one]),
        )
        for way in ways[number % 2 :: 2]:  # Every way for every other type.
            answer = send(whole, "key", way, "", kind)
            assert answer.status in (400, 403), f"{way}: {answer.status} {answer.text}"
            assert whole.get("urn:x:bench").types == ("Bench",), way
    assert whole.get("urn:x:bench") == before


def _source(whole: Whole, name: str) -> None:
    steward = whole.clients["data_steward"]
    body = {"id": name, "name": "Nguồn thử", "connector": "http_push", "mapping": "ngsi-ld"}
    answer = steward.post("/api/sources", json=body)
    assert answer.status_code == 201, answer.text


def _taken(kind: str, entity_id: str) -> list[dict[str, Any]]:
    """An entity as a source would send it: under its type, and under another type with the id of a guarded one."""
    state = {"type": "Property", "value": "closed"}
    types: tuple[Any, ...] = (kind, "Bench", ["Bench", kind])
    return [
        {"id": entity_id, "type": one, "note": {"type": "Property", "value": f"outside {n}"}, "state": state}
        for n, one in enumerate(types)
    ]


def test_a_source_writes_no_guarded_noun(whole: Whole) -> None:
    """What is pushed under the id or type of a guarded entity waits in quarantine; the entity stays as it is."""
    _source(whole, "sly")
    client = whole.clients["data_steward"]
    for kind in guarded_nouns(whole):
        entity_id = whole.owned(kind, "pushed")
        before = whole.get(entity_id)
        for item in _taken(kind, entity_id):
            answer = client.post("/api/sources/sly/push", json=[item])
            report = (answer.status_code, answer.json().get("quarantined"))
            assert whole.get(entity_id) == before, f"{item['type']} over {kind}: {answer.text}"
            assert report == (200, 1), f"{item['type']} over {kind}: {answer.text}"


def test_an_imported_file_writes_no_guarded_noun(whole: Whole, tmp_path: Path) -> None:
    """The same through the verb behind `dothi import` of a file of NGSI-LD entities."""
    client, items, before = whole.clients["data_steward"], [], {}
    for kind in guarded_nouns(whole):
        entity_id = whole.owned(kind, "imported")
        before[entity_id] = whole.get(entity_id)
        items += _taken(kind, entity_id)
    answer = client.post("/api/sources/from-file/file?mapping=ngsi-ld&name=sly.json", content=json.dumps(items))
    assert answer.status_code == 200, answer.text
    changed = [entity_id for entity_id, stood in before.items() if whole.get(entity_id) != stood]
    assert changed == [], answer.text
    assert (answer.json()["accepted"], answer.json()["quarantined"]) == (0, len(items))


def test_a_poor_row_stops_no_module(whole: Whole) -> None:
    """Reports of another system that lack what a citizen's has, or hold other types, leave all followers running."""
    _source(whole, "poor")
    rows = [
        {"id": f"urn:ngsi-ld:CitizenReport:poor-{n}", "type": "CitizenReport", "state": "open", **more}
        for n, more in enumerate(
            (
                {"unit": COMMUNE, "category": "street_light", "location": PLACE},
                {"unit": 5, "category": 7, "location": PLACE, "open": "yes"},
                {"unit": COMMUNE, "category": "street_light", "photos": "none", "rating": "many", "filedAt": LONG_AGO},
                {"filedAt": LONG_AGO, "location": {"type": "JsonProperty", "json": {"type": "Point"}}},
                {"unit": ["x"], "assignee": {"a": 1}, "code": 1, "description": 3, "step": "file"},
            )
        )
    ]
    answer = whole.clients["data_steward"].post("/api/sources/poor/push", json=rows)
    assert answer.status_code == 200, answer.text
    listed = whole.clients["anonymous"].get("/api/reports")
    assert listed.status_code == 200, listed.text
    assert whole.clients["official"].get("/work").status_code in (200, 404)
    time.sleep(1)  # Followers gather for half a second; the city's log is read at the end.
