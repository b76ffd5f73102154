"""What became of the parts of a write, and what is wrong with those that failed (clause 6.3.17)."""

from http import HTTPStatus
from typing import Any, NamedTuple

from dothi.ground.errors import Contrary
from dothi.ground.problem import NGSI_LD, Problem
from dothi.hub.peers.federate.ask.forwarding import Reply
from dothi.hub.peers.federate.provide.dividing import Share
from dothi.hub.peers.federate.registrations import Registration

NO_ANSWER = 504
_PARTLY = 207
_LOOP = 508
_KNOWN = (404, _LOOP, NO_ANSWER)  # Statuses of a single source that go through; any other failure is 502.
_NAMED = {400: "BadRequestData", 404: "ResourceNotFound", 409: "Conflict", 422: "OperationNotSupported"}


class Outcome(NamedTuple):
    """What became of one part; `problem` is None when it went well."""

    share: Share
    problem: dict[str, Any] | None = None
    partly: bool = False  # The source did some of its part.
    ours: bool = False  # The source was not asked: we refused.

    @property
    def well(self) -> bool:
        """Whether all of it was done."""
        return self.problem is None


def unsupported(share: Share, operation: str) -> Contrary:
    """The source alone holds this, and takes no such operation (Conflict, clause 5.6.1.4)."""
    registration = share.match.registration
    return Contrary(
        f"{registration.id} is {registration.mode} for this, and its source does not take {operation}.",
        registration=registration.id,
    )


def of_reply(share: Share, reply: Reply, creates: bool = False) -> Outcome:
    """What a source's answer means."""
    if reply.good and reply.status != _PARTLY:
        return Outcome(share)
    status = reply.status or NO_ANSWER
    registration = share.match.registration
    problem = told(status, _said(registration, reply), creates)
    return Outcome(share, problem | {"registration": registration.id}, partly=reply.status == _PARTLY)


def looped(share: Share) -> Outcome:
    """The request came by this source before: it is not asked again."""
    registration = share.match.registration
    detail = f"The request has passed {registration.endpoint} already: the registration {registration.id} is a loop."
    return Outcome(share, told(_LOOP, detail) | {"registration": registration.id})


def told(status: int, detail: str, creates: bool = False) -> dict[str, Any]:
    """A problem document for a status, with the standard's own type where it has one."""
    name = "AlreadyExists" if creates and status == HTTPStatus.CONFLICT else _NAMED.get(status, "")
    known = NGSI_LD.get(name) or Problem(status, "about:blank", _phrase(status))
    return {"type": known.type, "title": known.title, "status": status, "detail": detail}


def status_of(outcome: Outcome) -> int:
    """The status of a write that a single source should have done and did not (clause 6.3.17)."""
    assert outcome.problem is not None
    status: int = outcome.problem["status"]
    return status if status in _KNOWN else int(HTTPStatus.BAD_GATEWAY)


def _said(registration: Registration, reply: Reply) -> str:
    if reply.status == 0:
        return f"The source of {registration.id} gave no answer: {'; '.join(reply.warnings)[:300]}"
    if reply.status == _PARTLY:
        return f"The source of {registration.id} did only a part."
    return f"The source of {registration.id} answered {reply.status} ({_phrase(reply.status)})."


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
