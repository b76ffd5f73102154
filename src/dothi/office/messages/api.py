"""Messages over HTTP for the administrator: where they stand, the dead ones, and one sent again."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Request

from dothi.accounts.api import Who, require_csrf
from dothi.office.messages import service
from dothi.office.messages.model import Message, Messages


def messages_of(request: Request) -> Messages:
    """The messages of the city that serves this request."""
    return cast(Messages, request.app.state.parts.messages)


Theirs = Annotated[Messages, Depends(messages_of)]
router = APIRouter(prefix="/messages", tags=["messages"], dependencies=[Depends(require_csrf)])


@router.get("")
def overview(messages: Theirs, actor: Who) -> dict[str, Any]:
    """How many messages are in each state, which channels are on, and the messages given up."""
    return {
        "channels": [channel.name for channel in messages.channels],
        "states": {state.value: count for state, count in service.standing(messages, actor).items()},
        "dead": [_shown(one) for one in service.dead(messages, actor)],
    }


@router.post("/{key}/replay")
async def replay(messages: Theirs, actor: Who, key: str) -> dict[str, Any]:
    """Try a dead message anew."""
    return _shown(await service.replay(messages, actor, key))


def _shown(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "template": message.template,
        "about": message.about,
        "state": message.state,
        "tries": message.tries,
        "problem": message.problem,
        "madeAt": message.made_at,
    }
