"""The one table from kinds of error to HTTP: status and problem document (RFC 9457), and NGSI-LD's own error types."""

import errno
from http import HTTPStatus
from typing import NamedTuple

from dothi.ground import errors

_FULL = (errno.ENOSPC, errno.EDQUOT)
NGSI_LD_ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
PROBLEMS = "urn:dothi:problem:"


class Problem(NamedTuple):
    """How a kind of error looks outside: HTTP status, `type` URI and a short `title` that never changes."""

    status: int
    type: str
    title: str


def _own(status: HTTPStatus, name: str, title: str) -> Problem:
    return Problem(int(status), PROBLEMS + name, title)


def _ngsi(status: HTTPStatus, name: str, title: str) -> Problem:
    return Problem(int(status), NGSI_LD_ERRORS + name, title)


# 422 and not 501 for Unsupported: a 5xx would say that dothi is broken, and clients would try again.
KINDS: dict[type[BaseException], Problem] = {
    errors.Invalid: _own(HTTPStatus.BAD_REQUEST, "invalid", "The input is not valid"),
    errors.Malformed: _own(HTTPStatus.BAD_REQUEST, "malformed", "The input is not well-formed"),
    errors.TooComplex: _own(HTTPStatus.FORBIDDEN, "too-complex", "The query is too complex"),
    errors.TooMany: _own(HTTPStatus.FORBIDDEN, "too-many", "The answer would be too large"),
    errors.Unauthenticated: _own(HTTPStatus.UNAUTHORIZED, "unauthenticated", "Sign in first"),
    errors.TooSoon: _own(HTTPStatus.TOO_MANY_REQUESTS, "too-soon", "Too many tries"),
    errors.Forbidden: _own(HTTPStatus.FORBIDDEN, "forbidden", "Not allowed"),
    errors.Missing: _own(HTTPStatus.NOT_FOUND, "missing", "Not found"),
    errors.NoTenant: _own(HTTPStatus.NOT_FOUND, "no-tenant", "No such tenant"),
    errors.Conflict: _own(HTTPStatus.CONFLICT, "conflict", "In conflict with what stands"),
    errors.Contrary: _own(HTTPStatus.CONFLICT, "contrary", "In conflict with a registration"),
    errors.TooLarge: _own(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "The input is too large"),
    errors.Unsupported: _own(HTTPStatus.UNPROCESSABLE_ENTITY, "unsupported", "Not supported by this server"),
    errors.Unavailable: _own(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Not available now"),
    errors.Damaged: _own(HTTPStatus.SERVICE_UNAVAILABLE, "damaged", "What was kept is damaged"),
    errors.Full: _own(HTTPStatus.INSUFFICIENT_STORAGE, "full", "No room left"),
    errors.ContextUnavailable: _own(HTTPStatus.GATEWAY_TIMEOUT, "context-unavailable", "The @context cannot be had"),
}
RETRY = {429: 5, 503: 1, 507: 60}  # Seconds after which it is worth asking again, where the error does not know better.
INTERNAL = _own(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Something went wrong in dothi")

# GS CIM 009 table 5.5.2-1 (error types) with table 6.3.2-1 (their HTTP status), by the name that ends the URI.
NGSI_LD: dict[str, Problem] = {
    problem.type.removeprefix(NGSI_LD_ERRORS): problem
    for problem in (
        _ngsi(HTTPStatus.BAD_REQUEST, "InvalidRequest", "Invalid request"),
        _ngsi(HTTPStatus.BAD_REQUEST, "BadRequestData", "Bad request data"),
        _ngsi(HTTPStatus.CONFLICT, "AlreadyExists", "Already exists"),
        _ngsi(HTTPStatus.CONFLICT, "Conflict", "Conflict"),
        _ngsi(HTTPStatus.UNPROCESSABLE_ENTITY, "OperationNotSupported", "Operation not supported"),
        _ngsi(HTTPStatus.NOT_FOUND, "ResourceNotFound", "Resource not found"),
        _ngsi(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", "Internal error"),
        _ngsi(HTTPStatus.FORBIDDEN, "TooComplexQuery", "Too complex query"),
        _ngsi(HTTPStatus.FORBIDDEN, "TooManyResults", "Too many results"),
        _ngsi(HTTPStatus.GATEWAY_TIMEOUT, "LdContextNotAvailable", "@context not available"),
        _ngsi(HTTPStatus.NOT_IMPLEMENTED, "NoMultiTenantSupport", "No multi-tenant support"),
        _ngsi(HTTPStatus.NOT_FOUND, "NonexistentTenant", "Nonexistent tenant"),
    )
}
# A kind that is not named here has no error type in the standard and keeps dothi's own (401, 403, 413, 503).
NGSI_LD_KINDS: dict[type[BaseException], Problem] = {
    errors.Invalid: NGSI_LD["BadRequestData"],
    errors.Malformed: NGSI_LD["InvalidRequest"],
    errors.TooComplex: NGSI_LD["TooComplexQuery"],
    errors.TooMany: NGSI_LD["TooManyResults"],
    errors.Missing: NGSI_LD["ResourceNotFound"],
    errors.NoTenant: NGSI_LD["NonexistentTenant"],
    errors.Conflict: NGSI_LD["AlreadyExists"],
    errors.Contrary: NGSI_LD["Conflict"],
    errors.Unsupported: NGSI_LD["OperationNotSupported"],
    errors.ContextUnavailable: NGSI_LD["LdContextNotAvailable"],
}


def problem(error: BaseException) -> tuple[int, dict[str, object]]:
    """HTTP status and RFC 9457 document of any error; one that is not ours says nothing of its inside."""
    error = _named(error)
    return _document(_look_up(error, KINDS) or INTERNAL, error)


def ngsi_ld_problem(error: BaseException) -> tuple[int, dict[str, object]]:
    """The same for the NGSI-LD API, with the error types of clause 5.5.2 where the standard has one."""
    error = _named(error)
    found = _look_up(error, NGSI_LD_KINDS) or _look_up(error, KINDS) or NGSI_LD["InternalError"]
    return _document(found, error)


def _named(error: BaseException) -> BaseException:
    """A full disk by its name, whoever met it."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return errors.Full("There is no room left on the disk: nothing of this was kept. Free some space, then retry.")
    return error


def _look_up(error: BaseException, table: dict[type[BaseException], Problem]) -> Problem | None:
    """The row of the nearest kind that `error` is."""
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def _document(found: Problem, error: BaseException) -> tuple[int, dict[str, object]]:
    document: dict[str, object] = {"type": found.type, "title": found.title, "status": found.status}
    if not isinstance(error, errors.DothiError):
        return found.status, document | {"detail": "The error is in the server's log."}
    return found.status, {**error.fields, **document, "detail": error.detail}
