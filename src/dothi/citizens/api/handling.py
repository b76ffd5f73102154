"""The verbs of officials over HTTP, and the pages of links for who has no account; described by OpenAPI.

A verb at a version that is no longer there (header If-Match-Version) is refused with 409, which says what others did.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from pydantic import Field

from dothi.accounts.api import Who, require_csrf
from dothi.citizens.api.shown import Body, Files, Ours, Short, Unit, Version, Words, address_of, full, uploads
from dothi.citizens.handling import joining, service, waiting
from dothi.citizens.handling.answering import answer_together
from dothi.citizens.model import Outcome
from dothi.citizens.reading import for_official
from dothi.ground.clock import now_us
from dothi.office.photos import DOCUMENT_BYTES, PHOTO_BYTES

router = APIRouter(prefix="/reports", tags=["citizens"], dependencies=[Depends(require_csrf)])
links = APIRouter(tags=["citizens"])  # Without a session there is nothing to forge: the token is the right.
Reason = Annotated[str, Field(max_length=2000)]
Number = Annotated[str, Field(max_length=12)]
FILE_BYTES = max(PHOTO_BYTES, DOCUMENT_BYTES)


class Route(Body):
    """An official's yes to a commune."""

    unit: Unit


class PassOn(Body):
    """To which unit or organisation, and why."""

    unit: Annotated[str, Field(max_length=70)]
    reason: Reason


class Why(Body):
    """The reason."""

    reason: Reason


class Assignment(Body):
    """One person, or several to whom it is offered; ids of actors (user:…)."""

    people: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=20)]


class Wait(Body):
    """What the report waits for, and why."""

    kind: Annotated[str, Field(max_length=40)]
    reason: Reason


class Question(Body):
    """What the reporter is asked."""

    question: Reason


class Forward(Body):
    """Which body outside is asked, and for what."""

    name: Annotated[str, Field(max_length=200)]
    words: Reason


class PartBody(Body):
    """What one unit shall do."""

    unit: Annotated[str, Field(max_length=70)]
    words: Reason


class Split(Body):
    """The parts of a report."""

    parts: Annotated[list[PartBody], Field(max_length=20)]


class Merge(Body):
    """Which reports follow this one, and why."""

    numbers: Annotated[list[Number], Field(max_length=100)]
    reason: Reason


@router.get("/{number}/case")
def case(citizens: Ours, actor: Who, number: str) -> dict[str, Any]:
    """One report or part as its handling unit sees it, with its clocks; `link` while somebody outside is asked."""
    report = for_official(citizens, actor, number)
    return full(citizens, report) | {"link": waiting.link(citizens, report)}


@router.post("/answers")
async def together(
    citizens: Ours, actor: Who, numbers: Words, outcome: Annotated[Outcome, Form()], words: Words, proof: Files
) -> dict[str, Any]:
    """Answer several reports of one problem with the same words and proof: all of them, or none."""
    files, listed = await uploads(proof, FILE_BYTES), numbers.replace(",", " ").split()
    done = await answer_together(citizens, actor, listed, outcome, words, files)
    return {"reports": [full(citizens, one) for one in done]}


@router.post("/{number}/route")
async def route(citizens: Ours, actor: Who, number: str, body: Route, version: Version = None) -> dict[str, Any]:
    """An official confirms the commune."""
    return full(citizens, await service.route(citizens, actor, number, body.unit, version))


@router.post("/{number}/receive")
async def receive(citizens: Ours, actor: Who, number: str, version: Version = None) -> dict[str, Any]:
    """The official takes the report."""
    return full(citizens, await service.receive(citizens, actor, number, version))


@router.post("/{number}/queue")
async def enqueue(citizens: Ours, actor: Who, number: str, version: Version = None) -> dict[str, Any]:
    """The unit receives the report; who handles it is named later."""
    return full(citizens, await service.enqueue(citizens, actor, number, version))


@router.post("/{number}/start")
async def start(citizens: Ours, actor: Who, number: str, version: Version = None) -> dict[str, Any]:
    """The official works on it."""
    return full(citizens, await service.start(citizens, actor, number, version))


@router.post("/{number}/assignment")
async def assign(citizens: Ours, actor: Who, number: str, body: Assignment, version: Version = None) -> dict[str, Any]:
    """Give the report to a person of the unit, or offer it to several."""
    return full(citizens, await service.assign(citizens, actor, number, body.people, version))


@router.post("/{number}/pass-on")
async def pass_on(citizens: Ours, actor: Who, number: str, body: PassOn, version: Version = None) -> dict[str, Any]:
    """Hand the report to another unit, with the reason."""
    return full(citizens, await service.pass_on(citizens, actor, number, body.unit, body.reason, version))


@router.post("/{number}/return")
async def send_back(citizens: Ours, actor: Who, number: str, body: Why, version: Version = None) -> dict[str, Any]:
    """Give the report back to the unit that passed it on."""
    return full(citizens, await service.send_back(citizens, actor, number, body.reason, version))


@router.post("/{number}/wait")
async def wait(citizens: Ours, actor: Who, number: str, body: Wait, version: Version = None) -> dict[str, Any]:
    """The report waits for something, at most so long."""
    return full(citizens, await waiting.wait(citizens, actor, number, body.kind, body.reason, version))


@router.post("/{number}/question")
async def ask(citizens: Ours, actor: Who, number: str, body: Question, version: Version = None) -> dict[str, Any]:
    """Ask the reporter; the report waits for the answer."""
    return full(citizens, await waiting.ask(citizens, actor, number, body.question, version))


@router.post("/{number}/forward")
async def forward(citizens: Ours, actor: Who, number: str, body: Forward, version: Version = None) -> dict[str, Any]:
    """Send the report to a body outside; GET …/case gives the link."""
    return full(citizens, await waiting.forward(citizens, actor, number, body.name, body.words, version))


@router.post("/{number}/resume")
async def resume(citizens: Ours, actor: Who, number: str, version: Version = None) -> dict[str, Any]:
    """The report goes on; a link that was sent opens nothing any more."""
    return full(citizens, await waiting.resume(citizens, actor, number, version))


@router.post("/{number}/split")
async def split(citizens: Ours, actor: Who, number: str, body: Split, version: Version = None) -> dict[str, Any]:
    """Give several units their part each; the report is answered when all parts are."""
    parts = [joining.Part(one.unit, one.words) for one in body.parts]
    return full(citizens, await joining.split(citizens, actor, number, parts, version))


@router.post("/{number}/merge")
async def merge(citizens: Ours, actor: Who, number: str, body: Merge, version: Version = None) -> dict[str, Any]:
    """Reports of the same thing follow this one: all of them, or none."""
    return full(citizens, await joining.merge(citizens, actor, number, body.numbers, body.reason, version))


@router.post("/{number}/unmerge")
async def unmerge(citizens: Ours, actor: Who, number: str, body: Why, version: Version = None) -> dict[str, Any]:
    """A report that was merged by mistake stands alone again."""
    return full(citizens, await joining.unmerge(citizens, actor, number, body.reason, version))


@router.post("/{number}/answer")
async def answer(  # noqa: PLR0913  # The fields of the form.
    citizens: Ours,
    actor: Who,
    number: str,
    outcome: Annotated[Outcome, Form()],
    words: Words,
    proof: Files = [],  # noqa: B006  # FastAPI copies it.
    duplicate_of: Short = "",
    kept: Words = "",
    version: Version = None,
) -> dict[str, Any]:
    """Close the report with outcome, words and proof: photos, PDF, or hashes (`kept`) of what was sent."""
    files = await uploads(proof, FILE_BYTES)
    done = await service.answer(
        citizens, actor, number, outcome, words, files, duplicate_of or None, version, kept=kept.split()
    )
    return full(citizens, done)


@links.post("/questions/{token}")
async def answer_question(request: Request, citizens: Ours, token: str, words: Words) -> dict[str, Any]:
    """The reporter answers a question by the link that was sent."""
    citizens.guesses.take(address_of(request), now_us())
    report = await waiting.reply_by_link(citizens, token, words)
    return {"state": report.state, "handleBy": report.handle_by}


@links.post("/outside/{token}")
async def answer_outside(
    request: Request,
    citizens: Ours,
    token: str,
    words: Words,
    by: Short = "",
    proof: Files = [],  # noqa: B006  # FastAPI copies it.
) -> dict[str, Any]:
    """A body outside answers by the link that it was sent, with photos or PDF."""
    citizens.guesses.take(address_of(request), now_us())
    report = await waiting.reply_outside(citizens, token, words, by, await uploads(proof, FILE_BYTES))
    return {"state": report.state}
