"""Errors become HTTP problems by one table."""

import pytest

from dothi.ground import errors
from dothi.ground.problem import KINDS, NGSI_LD, NGSI_LD_ERRORS, ngsi_ld_problem, problem


@pytest.mark.parametrize("kind", [kind for kind in vars(errors).values() if isinstance(kind, type)])
def test_each_kind_has_a_status(kind: type[errors.DothiError]) -> None:
    """Every kind of ground error but the general one has a row of its own and gives a complete document."""
    status, document = problem(kind("what, where"))
    assert (kind in KINDS) == (kind is not errors.DothiError)
    assert document["status"] == status
    assert document["detail"] == "what, where"
    assert {"type", "title"} <= document.keys()
    assert status == 500 if kind is errors.DothiError else 400 <= status < 500 or status in (503, 504, 507)


def test_a_modules_error_takes_the_status_of_its_kind() -> None:
    """A subclass is looked up by the nearest kind, and its fields become members that cannot hide the standard ones."""

    class IllegalMove(errors.Conflict):
        """No such move."""

    assert problem(IllegalMove()) == (
        409,
        {"type": "urn:dothi:problem:conflict", "title": "In conflict with what stands", "status": 409}
        | {"detail": "No such move."},
    )
    assert problem(IllegalMove("x", old="open", status=200))[1]["old"] == "open"
    assert problem(IllegalMove("x", status=200))[1]["status"] == 409


def test_a_strange_error_tells_nothing() -> None:
    """An error that is not ours becomes a 500 without its text."""
    status, document = problem(ValueError("secret"))
    assert status == 500
    assert "secret" not in str(document)
    assert ngsi_ld_problem(ValueError("secret"))[1]["type"] == NGSI_LD_ERRORS + "InternalError"


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (errors.Malformed(), 400, "InvalidRequest"),
        (errors.Invalid(), 400, "BadRequestData"),
        (errors.Conflict(), 409, "AlreadyExists"),
        (errors.Unsupported(), 422, "OperationNotSupported"),
        (errors.Missing(), 404, "ResourceNotFound"),
        (errors.TooComplex(), 403, "TooComplexQuery"),
        (errors.TooMany(), 403, "TooManyResults"),
        (errors.ContextUnavailable(), 504, "LdContextNotAvailable"),
        (errors.NoTenant(), 404, "NonexistentTenant"),
    ],
)
def test_ngsi_ld_types(error: errors.DothiError, status: int, name: str) -> None:
    """The NGSI-LD API answers with the error types and status codes of clauses 5.5.2 and 6.3.2."""
    got, document = ngsi_ld_problem(error)
    assert (got, document["type"]) == (status, f"https://uri.etsi.org/ngsi-ld/errors/{name}")
    assert NGSI_LD[name].status == status


def test_kinds_without_an_ngsi_ld_type_keep_ours() -> None:
    """The standard has no type for 401, 403 and 413; ours stands there."""
    assert ngsi_ld_problem(errors.Forbidden())[1]["type"] == "urn:dothi:problem:forbidden"
    assert ngsi_ld_problem(errors.TooLarge())[0] == 413
