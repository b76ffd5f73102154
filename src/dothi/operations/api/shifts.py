"""The JSON endpoints of the shift book: shifts, swaps, the handover and its signatures, promises."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from dothi.accounts.api import Who, require_csrf
from dothi.ground.clock import DAY, from_iso, iso, now_us
from dothi.ground.errors import Invalid
from dothi.operations.api.alarms import Ours
from dothi.operations.shifts import handover, matters, promises, service
from dothi.operations.shifts.model import Shift

router = APIRouter(tags=["shifts"], dependencies=[Depends(require_csrf)])
_SPAN_MAX, _FAR = 100 * DAY, 36_500 * DAY
Reason = Annotated[str, Field(min_length=1, max_length=500)]
Id = Annotated[str, Field(min_length=1, max_length=300)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Why(_Body):
    """Why one stands in for another, takes the duty in a gap, or cannot come."""

    reason: Reason


class NewDuty(Why):
    """The duty of a unit taken in a gap of its roster."""

    unit: Annotated[str, Field(pattern=r"^(\d{2}|\d{5})$")]


class SwapBody(_Body):
    """Whom one asks (his login), for which of his turns, and why."""

    to: Annotated[str, Field(min_length=1, max_length=200)]
    back: Annotated[str, Field(max_length=300)] = ""
    reason: Annotated[str, Field(max_length=500)] = ""


class Answer(_Body):
    """Whether the officer who was asked agrees."""

    agree: bool


class SignOut(_Body):
    """The mark of the note that was read, and the officer's words by section ("all" for the rest)."""

    mark: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    words: dict[str, Annotated[str, Field(max_length=4000)]] = {}


class TakeOver(_Body):
    """The hash of the first signature, a reservation, and a reason where the next shift is somebody else's."""

    mark: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    reservation: Annotated[str, Field(max_length=4000)] = ""
    reason: Annotated[str, Field(max_length=500)] = ""


class PromiseBody(_Body):
    """What was promised, until when (ISO 8601), and about what."""

    unit: Annotated[str, Field(pattern=r"^(\d{2}|\d{5})$")]
    words: Annotated[str, Field(min_length=1, max_length=500)]
    promisedFor: Annotated[str, Field(max_length=40)]  # noqa: N815  # The name of the JSON body.
    about: Annotated[str, Field(max_length=300)] = ""
    key: Annotated[str | None, Field(pattern=r"^[\w-]{8,80}$")] = None


class Kept(_Body):
    """How a promise was kept, or why it cannot be."""

    words: Annotated[str, Field(max_length=500)] = ""


@router.get("/shifts")
def read_shifts(
    operations: Ours,
    actor: Who,
    unit: Annotated[str, Query(pattern=r"^(\d{2}|\d{5})$")],
    since: Annotated[str, Query(max_length=40)] = "",
    until: Annotated[str, Query(max_length=40)] = "",
) -> list[dict[str, Any]]:
    """The shifts of a unit between two instants (ISO 8601), by default those of the next week."""
    start = _instant(since, "since") if since else now_us()
    end = _instant(until, "until") if until else start + 7 * DAY
    if not 0 <= end - start <= _SPAN_MAX:
        raise Invalid("`until` lies after `since`, by 100 days at most.", field="until")
    return [shift_dict(one) for one in service.shifts_between(operations, actor, unit, start, end)]


@router.post("/shifts", status_code=201)
async def open_duty(operations: Ours, actor: Who, body: NewDuty) -> dict[str, Any]:
    """Take the duty of a unit in a gap of its roster."""
    receipt = await service.open_duty(operations, actor, body.unit, body.reason)
    return shift_dict(service.shift(operations, actor, receipt.results[0].id))


@router.get("/shifts/{name}")
def read_shift(operations: Ours, actor: Who, name: str) -> dict[str, Any]:
    """One shift with its note and signatures; `broken` names signatures that do not fit."""
    one = service.shift(operations, actor, name)
    return shift_dict(one) | {"note": one.note, "broken": list(handover.broken(one))}


@router.post("/shifts/{name}/begin")
async def begin(operations: Ours, actor: Who, name: str) -> dict[str, Any]:
    """Come on duty while nobody is."""
    await service.begin(operations, actor, name)
    return shift_dict(service.shift(operations, actor, name))


@router.post("/shifts/{name}/absent")
async def report_absent(operations: Ours, actor: Who, name: str, body: Why) -> dict[str, Any]:
    """Say that the officer of a coming shift cannot come."""
    await service.report_absent(operations, actor, name, body.reason)
    return shift_dict(service.shift(operations, actor, name))


@router.post("/shifts/{name}/stand-in")
async def stand_in(operations: Ours, actor: Who, name: str, body: Why) -> dict[str, Any]:
    """Take a coming shift in the place of its officer."""
    await service.stand_in(operations, actor, name, body.reason)
    return shift_dict(service.shift(operations, actor, name))


@router.post("/shifts/{name}/step-in")
async def step_in(operations: Ours, actor: Who, name: str, body: Why) -> dict[str, Any]:
    """Come on duty now in the place of an officer who is not there."""
    await service.step_in(operations, actor, name, body.reason)
    return shift_dict(service.shift(operations, actor, name))


@router.post("/shifts/{name}/relieve")
async def relieve(operations: Ours, actor: Who, name: str, body: Why) -> dict[str, Any]:
    """Take the duty from an officer who cannot hand it over."""
    await service.relieve(operations, actor, name, body.reason)
    return shift_dict(service.shift(operations, actor, name))


@router.post("/shifts/{name}/swap")
async def ask_swap(operations: Ours, actor: Who, name: str, body: SwapBody) -> dict[str, Any]:
    """Ask another officer to take this turn."""
    await service.ask_swap(operations, actor, name, body.to, body.back, body.reason)
    return shift_dict(service.shift(operations, actor, name))


@router.post("/shifts/{name}/swap/answer")
async def answer_swap(operations: Ours, actor: Who, name: str, body: Answer) -> dict[str, Any]:
    """Agree to a swap, or refuse it (who asked may take it back)."""
    await (service.agree_swap if body.agree else service.refuse_swap)(operations, actor, name)
    return shift_dict(service.shift(operations, actor, name))


@router.get("/shifts/{name}/draft")
def read_draft(operations: Ours, actor: Who, name: str) -> dict[str, Any]:
    """What a note would say now, with the mark that `sign-out` wants."""
    found = handover.draft(operations, actor, service.shift(operations, actor, name))
    return {"sections": found, "mark": handover.seen(found), "counts": matters.counted(found)}


@router.post("/shifts/{name}/sign-out")
async def sign_out(operations: Ours, actor: Who, name: str, body: SignOut) -> dict[str, Any]:
    """The first signature, by who goes."""
    await handover.sign_out(operations, actor, name, body.mark, body.words)
    return read_shift(operations, actor, name)


@router.post("/shifts/{name}/take-back")
async def take_back(operations: Ours, actor: Who, name: str) -> dict[str, Any]:
    """Take the first signature back."""
    await handover.take_back(operations, actor, name)
    return shift_dict(service.shift(operations, actor, name))


@router.post("/shifts/{name}/take-over")
async def take_over(operations: Ours, actor: Who, name: str, body: TakeOver) -> dict[str, Any]:
    """The second signature, by who comes: the shift is closed and the next one has begun."""
    await handover.take_over(operations, actor, name, body.mark, body.reservation, body.reason)
    return read_shift(operations, actor, name)


@router.post("/promises", status_code=201)
async def promise(operations: Ours, actor: Who, body: PromiseBody) -> dict[str, Any]:
    """Note what was promised until when."""
    when = _instant(body.promisedFor, "promisedFor")
    name = await promises.promise(operations, actor, body.unit, body.words, when, body.about, body.key)
    return {"id": name, "promisedFor": iso(when)}


@router.post("/promises/{name}/keep", status_code=201)
async def keep_promise(operations: Ours, actor: Who, name: str, body: Kept) -> dict[str, Any]:
    """Note how a promise was kept."""
    return {"id": await promises.keep(operations, actor, name, body.words), "keeps": name}


def _instant(text: str, field: str) -> int:
    try:
        instant = from_iso(text)
    except (ValueError, OverflowError) as cause:
        raise Invalid(f"{field}: write an instant as 2026-12-31T07:00:00Z.", field=field) from cause
    if abs(instant - now_us()) > _FAR:
        raise Invalid(f"{field} lies within a hundred years of today.", field=field)
    return instant


def shift_dict(one: Shift) -> dict[str, Any]:
    """A shift as JSON."""
    return {
        "id": one.id,
        "version": one.version,
        "unit": one.unit,
        "turn": one.turn,
        "title": dict(one.names),
        "starts": iso(one.starts),
        "ends": iso(one.ends),
        "state": one.state.value,
        "officer": one.officer,
        "standsInFor": one.relieved,
        "reason": one.reason,
        "swap": asdict(one.swap) if one.swap else None,
        "signatures": [asdict(made) for made in one.signatures],
        "after": one.after,
    }
