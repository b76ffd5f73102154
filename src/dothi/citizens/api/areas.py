"""Following an area over HTTP: ask, confirm by the link of the mail, and end it with one POST (RFC 8058)."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import require_csrf
from dothi.citizens.api.reports import Ours, address_of
from dothi.citizens.channels import areas
from dothi.ground.clock import now_us
from dothi.office.messages import Messages

Token = Annotated[str, Path(max_length=400)]


class WishBody(BaseModel):
    """A commune or province (`unit`), or a circle; no category means all."""

    model_config = ConfigDict(extra="forbid")

    unit: Annotated[str, Field(max_length=10)] = ""
    lon: Annotated[float | None, Field(ge=-180, le=180)] = None
    lat: Annotated[float | None, Field(ge=-90, le=90)] = None
    radius: Annotated[int, Field(ge=0, le=100_000)] = 0
    categories: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=100)] = []
    email: Annotated[str, Field(max_length=200)]
    language: Annotated[str, Field(pattern="^(vi|en)$")] = "vi"
    reports: bool = True  # A letter a day with new reports.
    warnings: bool = False  # Warnings to the public, at once.


def messages_of(request: Request) -> Messages:
    """The outbox of the city that serves this request."""
    return cast(Messages, request.app.state.parts.messages)


Outbox = Annotated[Messages, Depends(messages_of)]
router = APIRouter(prefix="/areas", tags=["citizens"])


@router.post("", status_code=202, dependencies=[Depends(require_csrf)])
async def ask(request: Request, citizens: Ours, messages: Outbox, body: WishBody) -> dict[str, Any]:
    """Ask to be told of new reports; nothing is sent before the link in the first mail is confirmed."""
    citizens.filings.take(address_of(request), now_us())
    area = areas.Area(body.unit, body.lon, body.lat, body.radius)
    wish = areas.Wish(area, tuple(body.categories), body.email, body.language, body.reports, body.warnings)
    await areas.ask(citizens, messages, wish)
    return {"sent": any(channel.name == "mail" for channel in messages.channels)}


@router.post("/confirm/{token}")
async def confirm(citizens: Ours, token: Token) -> dict[str, Any]:
    """Begin to be told."""
    await areas.confirm(citizens, token)
    return {"state": areas.FOLLOWED}


@router.post("/stop/{token}", status_code=204)
async def stop(citizens: Ours, token: Token) -> None:
    """End it and erase the address. The signed token is the right: a mail program has no cookie and no CSRF token."""
    await areas.stop(citizens, token)
