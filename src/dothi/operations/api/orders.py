"""Orders over HTTP: giving them, each step of the ordered unit, reading them. Each parses, calls one verb, renders."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, Path, UploadFile
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.clock import from_datetime, iso, now_us
from dothi.ground.ids import urn
from dothi.office.photos import DOCUMENT_BYTES, PHOTO_BYTES, Upload
from dothi.operations.api.alarms import Ours
from dothi.operations.incidents.orders import service
from dothi.operations.incidents.orders.giving import issue
from dothi.operations.incidents.orders.model import NewOrder, Order, Said
from dothi.operations.incidents.orders.reading import orders, standings
from dothi.operations.model import Priority

FILE_BYTES = max(PHOTO_BYTES, DOCUMENT_BYTES)
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=16, max_length=200)]
Name = Annotated[str, Path(max_length=200, description="The id, or the end of it.")]
Typed = Annotated[AwareDatetime | None, Field(description="When it was typed on a device that was offline (ISO 8601).")]
Code = Annotated[str, Field(max_length=70)]
Text = Annotated[str, Field(max_length=4000)]
Short = Annotated[str, Field(max_length=200)]
router = APIRouter(tags=["operations"], dependencies=[Depends(require_csrf)])


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OrderBody(_Body):
    """What is to be done: one order for each unit."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    units: Annotated[list[Code], Field(min_length=1, max_length=40)]
    words: Text = ""
    kind: Annotated[str, Field(max_length=40)] = "scene"
    place: Short = ""
    point: tuple[float, float] | None = None
    arriveBy: AwareDatetime | None = None  # noqa: N815  # The names of the JSON body.
    finishBy: AwareDatetime | None = None  # noqa: N815
    priority: Priority | None = None
    typedAt: Typed = None  # noqa: N815


class StepBody(_Body):
    """A step: `version` is the one that was seen, so that two hands at once are told."""

    version: Annotated[int | None, Field(ge=0)] = None
    typedAt: Typed = None  # noqa: N815


class ReasonBody(StepBody):
    """A step that is explained."""

    words: Annotated[str, Field(min_length=1, max_length=4000)]


class RefusalBody(ReasonBody):
    """Why not, and what could be done instead."""

    counter: Annotated[str, Field(min_length=1, max_length=4000)]


class HandOnBody(ReasonBody):
    """Which other unit gets the order, and why."""

    unit: Code


@router.post("/incidents/{incident}/orders", status_code=201)
async def give(operations: Ours, actor: Who, incident: Name, body: OrderBody, key: Key = None) -> list[dict[str, Any]]:
    """Give an order to each unit, in one commit; the same Idempotency-Key gives them once."""
    new = NewOrder(
        title=body.title,
        units=tuple(body.units),
        words=body.words,
        kind=body.kind,
        place=body.place,
        point=body.point,
        arrive_by=_instant(body.arriveBy),
        finish_by=_instant(body.finishBy),
        priority=body.priority.value if body.priority else "",
    )
    name = incident if incident.startswith("urn:") else urn("Incident", incident)
    return [order_dict(one) for one in await issue(operations, actor, name, new, _instant(body.typedAt), key)]


@router.get("/orders")
def read_orders(operations: Ours, actor: Who, incident: Short = "", closed: bool = False) -> list[dict[str, Any]]:
    """The orders that I may see by their clocks; `closed` also those that are over, `incident` those of one."""
    name = incident if not incident or incident.startswith("urn:") else urn("Incident", incident)
    return [order_dict(one) for one in orders(operations, actor, name, open_only=not closed)]


@router.get("/orders/{order}")
def read_order(operations: Ours, actor: Who, order: Name) -> dict[str, Any]:
    """One order with its steps."""
    return order_dict(service.find(operations, actor, order))


@router.post("/orders/{order}/receive")
async def receive(operations: Ours, actor: Who, order: Name, body: StepBody, key: Key = None) -> dict[str, Any]:
    """The unit has the order."""
    return await _moved(operations, actor, order, "receive", Said(), body, key)


@router.post("/orders/{order}/arrive")
async def arrive(operations: Ours, actor: Who, order: Name, body: StepBody, key: Key = None) -> dict[str, Any]:
    """The unit is there."""
    return await _moved(operations, actor, order, "arrive", Said(), body, key)


@router.post("/orders/{order}/refuse")
async def refuse(operations: Ours, actor: Who, order: Name, body: RefusalBody, key: Key = None) -> dict[str, Any]:
    """The unit cannot, and proposes something else: the commander decides."""
    return await _moved(operations, actor, order, "refuse", Said(body.words, body.counter), body, key)


@router.post("/orders/{order}/withdraw")
async def withdraw(operations: Ours, actor: Who, order: Name, body: ReasonBody, key: Key = None) -> dict[str, Any]:
    """The commander takes the order back."""
    return await _moved(operations, actor, order, "withdraw", Said(body.words), body, key)


@router.post("/orders/{order}/reissue")
async def reissue(operations: Ours, actor: Who, order: Name, body: HandOnBody, key: Key = None) -> dict[str, Any]:
    """Another unit gets the order; this one is withdrawn and says which took its place."""
    return await _moved(operations, actor, order, "reissue", Said(body.words, unit=body.unit), body, key)


@router.post("/orders/{order}/finish")
async def finish(  # The fields of one form.
    operations: Ours,
    actor: Who,
    order: Name,
    words: Annotated[str, Form(min_length=1, max_length=4000)],
    version: Annotated[int | None, Form(ge=0)] = None,
    typed_at: Annotated[AwareDatetime | None, Form(alias="typedAt")] = None,
    proof: Annotated[list[UploadFile], File(max_length=5)] = [],  # noqa: B006  # FastAPI copies it.
    key: Key = None,
) -> dict[str, Any]:
    """The result, with photos or documents (JPEG, PNG, WebP, PDF; 12 MB each) as proof."""
    body = StepBody(version=version, typedAt=typed_at)
    return await _moved(operations, actor, order, "finish", Said(words, files=await read(proof)), body, key)


async def read(files: Sequence[UploadFile]) -> tuple[Upload, ...]:
    """Files read up to just beyond the limit; what a browser sends for an empty field is left out."""
    found = [Upload(one.filename or "", await one.read(FILE_BYTES + 1)) for one in files]
    return tuple(one for one in found if one.content or one.name)


async def _moved(
    operations: Ours, actor: Who, order: str, verb: str, said: Said, body: StepBody, key: str | None
) -> dict[str, Any]:
    typed = _instant(body.typedAt)
    return order_dict(await service.move(operations, actor, order, verb, said, body.version, typed, key))


def _instant(moment: AwareDatetime | None) -> int | None:
    return None if moment is None else from_datetime(moment)


def order_dict(order: Order) -> dict[str, Any]:
    """An order as JSON: limits with what became of them, steps with when each was typed and known."""
    now = now_us()
    names = ("id", "version", "incident", "title", "words", "kind", "priority", "state", "place", "unit", "open", "due")
    limits = {
        one.clock.value: {"by": iso(one.limit), "met": iso(one.met) if one.met else None, "late": one.late}
        for one in standings(order, now)
    }
    more = {
        "orderedTo": order.ordered_to,
        "from": order.from_unit,
        "assignee": order.assignee,
        "issuedAt": order.issued_at,
        "limits": limits,
        "steps": [{key: said for key, said in one.as_json().items() if key != "key"} for one in order.steps],
        "result": order.result or None,
        "reason": order.reason or None,
        "counter": order.counter or None,
        "replacedBy": order.replaced_by or None,
        "drill": order.drill,
        "simulated": order.simulated,
    }
    return {name: getattr(order, name) for name in names} | {name: one for name, one in more.items() if one is not None}
