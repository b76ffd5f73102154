"""The deliveries of warnings over HTTP: how far a message went, one sent again, and the signed word that it arrived."""

from dataclasses import asdict
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Header, Path, Query, Request

from dothi.accounts.api import Who, require_csrf
from dothi.operations.model import Operations
from dothi.operations.warnings.channels.delivery import Delivery, deliveries, replay
from dothi.operations.warnings.channels.model import Channels
from dothi.operations.warnings.channels.receipts import acknowledge

Key = Annotated[str, Path(max_length=300)]
Line = Annotated[str, Header(max_length=200)]
router = APIRouter(prefix="/warning-deliveries", tags=["operations"])


def operations_of(request: Request) -> Operations:
    """The operations of the city that serves this request."""
    return cast(Operations, request.app.state.parts.operations)


def channels_of(request: Request) -> Channels:
    """The channels of the city that serves this request."""
    return cast(Channels, request.app.state.parts.channels)


Ours = Annotated[Operations, Depends(operations_of)]
Ways = Annotated[Channels, Depends(channels_of)]


@router.get("", dependencies=[Depends(require_csrf)])
def listed(
    operations: Ours, actor: Who, warning: Annotated[str, Query(max_length=300)]
) -> dict[str, list[dict[str, Any]]]:
    """How far one message of a warning (its entity id) went, by channel."""
    return {"deliveries": [_shown(one) for one in deliveries(operations, actor, warning)]}


@router.post("/{key}/replay", dependencies=[Depends(require_csrf)])
async def again(operations: Ours, actor: Who, key: Key) -> dict[str, Any]:
    """Try a delivery anew that was given up or failed."""
    return _shown(await replay(operations, actor, key))


@router.post("/{key}/acknowledge")
async def acknowledged(
    request: Request,
    operations: Ours,
    channels: Ways,
    key: Key,
    x_dothi_time: Line = "",
    x_dothi_signature: Line = "",
) -> dict[str, int]:
    """A receiver says that it got the message: JSON {"receiver", "count"}, signed as our own requests are.

    The signature is the right: a receiver has no session and no CSRF token.
    """
    body = await request.body()
    count = await acknowledge(operations, channels, key, body, x_dothi_time, x_dothi_signature)
    return {"acknowledged": count}


def _shown(one: Delivery) -> dict[str, Any]:
    return asdict(one)
