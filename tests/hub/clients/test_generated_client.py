"""A client generated from the OpenAPI description lives its whole life with a served hub, typed at every step."""

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.hub.clients.receiver import receiving

NAME = "generated_dothi_client"


@pytest.fixture(scope="module")
def generated(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The package that a generator makes of what this server says of itself; a warning is a failure."""
    folder = tmp_path_factory.mktemp("generated")
    served = httpx.get(f"http://127.0.0.1:{port}/ngsi-ld/v1/openapi.json")
    (folder / "openapi.json").write_bytes(served.content)
    command = [
        str(Path(sys.executable).parent / "openapi-python-client"),
        "generate",
        "--meta",
        "none",
        "--fail-on-warning",
    ]
    command += ["--path", str(folder / "openapi.json"), "--output-path", str(folder / NAME)]
    (folder / "config.json").write_text(json.dumps({"post_hooks": []}))
    done = subprocess.run(
        [*command, "--config", str(folder / "config.json")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(NAME)
    finally:
        sys.path.remove(str(folder))
        for one in [one for one in sys.modules if one.split(".")[0] == NAME]:
            del sys.modules[one]
        shutil.rmtree(folder)


class Api:
    """The generated functions by name, bound to one client; each returns (status, parsed, headers)."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.models = importlib.import_module(f"{NAME}.models")
        self._api = importlib.import_module(f"{NAME}.api")

    def __call__(self, operation: str, *path: str, **given: Any) -> tuple[int, Any, Any]:
        """Call an operation of the description by its operationId in snake case."""
        module = next(
            importlib.import_module(f"{NAME}.api.{one.parent.name}.{operation}")
            for one in Path(str(self._api.__file__)).parent.glob(f"*/{operation}.py")
        )
        told = module.sync_detailed(*path, client=self._client, **given)
        return int(told.status_code), told.parsed, told.headers

    def lamp(self, number: int, power: float) -> Any:
        """An entity as the generated model says it."""
        document = {
            "id": f"urn:x:Generated:{number}",
            "type": "Generated",
            "scope": ["/VN/Hue"],
            "power": {"type": "Property", "value": power, "unitCode": "WTT", "observedAt": "2026-11-22T07:30:00Z"},
            "street": {"type": "LanguageProperty", "languageMap": {"vi": "Lê Lợi", "en": ["Le Loi"]}},
            "inCity": {"type": "Relationship", "object": "urn:x:City:Hue"},
        }
        return self.models.Entity.from_dict(document)


def test_the_whole_life(generated: Any, port: int) -> None:
    """Create, read, query, patch, batch, subscribe, discover, look back, delete: every answer fits its model."""
    with generated.Client(base_url=f"http://127.0.0.1:{port}/ngsi-ld/v1", raise_on_unexpected_status=True) as client:
        live(Api(client))


def live(api: Api) -> None:
    """The life itself."""
    one = "urn:x:Generated:1"
    status, _, headers = api("create_entity", body=api.lamp(1, 40.5))
    assert (status, headers["location"]) == (201, f"/ngsi-ld/v1/entities/{one}")
    status, problem, _ = api("create_entity", body=api.lamp(1, 40.5))
    assert (status, problem.type_.rpartition("/")[2]) == (409, "AlreadyExists")
    status, read, _ = api("retrieve_entity", one)
    assert (status, read.to_dict()) == (200, api.lamp(1, 40.5).to_dict() | {"scope": "/VN/Hue"})
    fragment = api.models.Fragment.from_dict({"power": {"type": "Property", "value": 60}})
    assert api("update_attributes", one, body=fragment)[0] == 204
    assert api("merge_entity", one, body=fragment)[0] == 204
    patch = api.models.Attribute.from_dict({"type": "Property", "value": 61})
    assert api("update_attribute", one, "power", body=patch)[0] == 204
    batch = [api.lamp(number, number) for number in range(10, 35)]
    assert api("create_batch", body=batch)[:2] == (201, [f"urn:x:Generated:{number}" for number in range(10, 35)])
    assert api("upsert_batch", body=[api.lamp(10, 500)])[0] == 204
    status, found, headers = api(
        "query_entities", type_="Generated", q="power>60", count=True, limit=1, order_by="power"
    )
    assert (status, [item.id for item in found], headers["ngsild-results-count"]) == (200, [one], "2")
    query = api.models.Query.from_dict({"type": "Query", "entities": [{"type": "Generated"}], "q": "power==500"})
    assert [item.id for item in api("query_batch", body=query)[1]] == ["urn:x:Generated:10"]
    assert "Generated" in api("retrieve_types")[1].type_list
    assert api("retrieve_temporal", one)[0] == 200
    tell(api)
    assert api("delete_attribute", one, "street")[0] == 204
    assert api("delete_entity", one)[0] == 204
    status, problem, _ = api("retrieve_entity", one)
    assert (status, problem.status) == (404, 404)
    assert api("delete_batch", body=[f"urn:x:Generated:{number}" for number in range(10, 35)])[0] == 204
    assert api("query_entities", type_="Generated")[1] == []


def tell(api: Api) -> None:
    """A subscription made by its model is told of a change, changed and removed."""
    with receiving() as received:
        document = {
            "id": "urn:x:Subscription:generated",
            "type": "Subscription",
            "entities": [{"type": "Generated"}],
            "watchedAttributes": ["power"],
            "q": "power>1000",
            "notification": {"format": "simplified", "endpoint": {"uri": received.address}},
        }
        subscription = api.models.Subscription.from_dict(document)
        assert api("create_subscription", body=subscription)[0] == 201
        assert api("retrieve_subscription", subscription.id)[1].q == "power>1000"
        patch = api.models.Attribute.from_dict({"type": "Property", "value": 1001})
        assert api("update_attribute", "urn:x:Generated:11", "power", body=patch)[0] == 204
        assert [one["power"] for one in received.next()["data"]] == [1001]
        assert api("delete_subscription", subscription.id)[0] == 204
        assert api("query_subscriptions")[1] == []
