"""Tests: the OpenAPI description is valid, complete and says of every route what goes in and what comes out."""

import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from dothi.hub.api.app import ROUTES
from dothi.hub.api.openapi import OPERATIONS
from dothi.hub.api.openapi.description import description

DESCRIBED = json.loads(json.dumps(description()))
EVERY = [(path, method, told) for path, item in DESCRIBED["paths"].items() for method, told in item.items()]


def named(path: str, method: str, told: dict[str, Any]) -> str:
    """How a test of an operation is called."""
    return told["operationId"]


def test_it_is_a_valid_description() -> None:
    """A linter that knows OpenAPI 3.1 finds nothing wrong, neither in the document nor in its schemas."""
    assert [error.message for error in OpenAPIV31SpecValidator(DESCRIBED).iter_errors()] == []


def test_every_route_is_described_and_nothing_else() -> None:
    """Paths and methods are those of the application."""
    described = {
        ("/".join("{}" if "{" in part else part for part in path[1:].split("/")), method.upper())
        for path, method, _ in EVERY
    }
    assert described == {(route, method) for route, methods in ROUTES.items() for method in methods}


def test_names_are_unique() -> None:
    """A generator makes a function of each operationId."""
    names = [operation.name for operation in OPERATIONS]
    assert len(set(names)) == len(names)


def test_every_schema_is_used_and_known() -> None:
    """No reference leads nowhere, and nothing is described that nobody sends or gets."""
    text = json.dumps(DESCRIBED)
    known = DESCRIBED["components"]["schemas"]
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used == set(known)


@pytest.mark.parametrize(("path", "method", "told"), EVERY, ids=[named(*one) for one in EVERY])
def test_an_operation_says_what_it_takes_and_gives(path: str, method: str, told: dict[str, Any]) -> None:
    """Its clause, a body where it takes one, in both media types, one success at least, and what a refusal is like."""
    assert told["summary"].startswith("Clause ")
    assert told["tags"][0] in {tag["name"] for tag in DESCRIBED["tags"]}
    assert ("requestBody" in told) == (method in ("post", "put", "patch"))
    if "requestBody" in told:
        assert "application/json" in told["requestBody"]["content"]
        assert {"411", "413", "415"} <= told["responses"].keys()
    answers = told["responses"]
    assert any(status.startswith("2") for status in answers)
    for status, answer in answers.items():
        assert answer["description"]
        if status in ("200", "203", "206", "207"):
            assert answer["content"]["application/json"]["schema"]
        elif status.startswith("4") and status not in ("411", "415"):
            assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/Problem")
    if "201" in answers and "content" not in answers["201"]:
        assert "Location" in answers["201"]["headers"]
    variables = {part[1:-1] for part in path.split("/") if part.startswith("{")}
    assert variables == {one["name"] for one in told["parameters"] if one["in"] == "path"}
