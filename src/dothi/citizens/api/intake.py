"""What surrounds the filing of a report over HTTP: questions, what to know before, follow one, file for somebody."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from pydantic import Field

from dothi.accounts.api import Who, require_csrf
from dothi.accounts.model import Identity
from dothi.citizens.api.shown import Body, Ours, address_of
from dothi.citizens.intake.arrival import arrival
from dothi.citizens.intake.counter import Served, file_for, rate_for, reopen_for
from dothi.citizens.intake.duplicates import Matter, nearby
from dothi.citizens.intake.filing import Filing
from dothi.citizens.intake.followers import follow_report
from dothi.citizens.intake.hints import identity_needed, refuse_secrets, told
from dothi.citizens.needs import rules_at
from dothi.citizens.rules.intake.questions import Channel
from dothi.ground.clock import now_us
from dothi.ground.errors import Invalid

Text = Annotated[str, Field(max_length=2000)]
Short = Annotated[str, Field(max_length=300)]
Answers = Annotated[dict[Short, Short], Field(max_length=20)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=16, max_length=200)]


class Draft(Body):
    """What somebody is about to report."""

    category: Short
    description: Text = ""
    place_words: Short = ""
    unit: Short = ""
    lon: Annotated[float | None, Field(ge=-180, le=180)] = None
    lat: Annotated[float | None, Field(ge=-90, le=90)] = None
    answers: Answers = {}


class Follower(Body):
    """Where to tell who follows; may be left empty."""

    phone: Short = ""
    email: Short = ""


class Spoken(Body):
    """What a person says to the staff; channel is counter, phone or paper, consent spoken or signed."""

    channel: Short
    consent: Short
    category: Short
    description: Text
    unit: Short
    place_words: Short = ""
    name: Short = ""
    phone: Short = ""
    email: Short = ""
    answers: Answers = {}


class Judgement(Body):
    """What a person with a follow code says of the answer: stars, or why it has to be done again."""

    follow_code: Short
    stars: Annotated[int | None, Field(ge=1, le=5)] = None
    words: Text = ""
    reopen: Text = ""


router = APIRouter(prefix="/reports", tags=["citizens"], dependencies=[Depends(require_csrf)])


@router.get("/questions")
def questions(citizens: Ours, category: str, unit: str = "") -> dict[str, Any]:
    """What a category asks where it lies, and who must say who they are there."""
    rules = rules_at(citizens, unit if citizens.territory.knows(unit) else None)
    kind = rules.category(category)
    need = identity_needed(rules, kind.id)
    return {
        "category": kind.id,
        "identity": {"need": need.need, "reason": dict(need.reason)},
        "questions": [
            {
                "id": one.id,
                "text": dict(one.names),
                "required": one.required,
                "after": {"question": one.after[0], "answer": one.after[1]} if one.after else None,
                "answers": [{"id": choice.id, "text": dict(choice.names)} for choice in one.choices],
            }
            for one in rules.intake.questions.of(kind.id)
        ],
    }


@router.post("/check")
async def check(request: Request, citizens: Ours, body: Draft) -> dict[str, Any]:
    """What is worth knowing before sending: other channels, open questions, personal data, the same matter nearby."""
    at = now_us()
    citizens.guesses.take(address_of(request), at)
    unit = body.unit if citizens.territory.knows(body.unit) else ""
    rules = rules_at(citizens, unit or None, at)
    kind = rules.category(body.category)
    await refuse_secrets(citizens, rules, kind.id, at, body.description, body.place_words)
    answers = rules.intake.questions.kept(kind.id, body.answers)
    said = told(rules, kind.id, answers, body.description, body.place_words)
    asked = Matter(kind.id, f"{body.description} {body.place_words}", unit, body.lon, body.lat)
    found = nearby(citizens, rules.intake.nearby, asked, at)
    return {
        "missing": rules.intake.questions.missing(kind.id, answers),
        "channels": [_channel(one) for one in said.channels],
        "personal": [{"id": one.id, "text": dict(one.names)} for one in said.personal],
        "nearby": [
            {
                "code": one.report.code,
                "state": one.report.state,
                "filedAt": one.report.filed_at,
                "metres": None if one.metres is None else round(one.metres),
                "answered": one.answered,
                "followers": one.followers,
            }
            for one in found
        ],
    }


@router.post("/{number}/followers", status_code=201)
async def follow(request: Request, citizens: Ours, number: str, body: Follower, key: Key = None) -> dict[str, str]:
    """Follow an open report; `followCode` is shown this once and opens this report for who follows."""
    citizens.filings.take(address_of(request), now_us())
    who = Identity(phone=body.phone.strip(), email=body.email.strip())
    filed = await follow_report(citizens, number, who if who != Identity() else None, key)
    return {"code": number.upper(), "followCode": filed.follow_code}


@router.get("/{number}/arrival")
def how_it_came(citizens: Ours, actor: Who, number: str) -> dict[str, Any]:
    """For staff: how a report came in, which rule sent it where it is and why, and what did not fit."""
    came = arrival(citizens, actor, number)
    return {
        "channel": came.channel,
        "answers": dict(came.answers),
        "routing": dict(came.routing),
        "followers": came.followers,
        "againOf": came.again_of,
        "assisted": bool(came.recorded_by),
        "consent": came.consent,
        "usedBefore": list(came.used_before),
    }


@router.post("/assisted", status_code=201)
async def file_assisted(citizens: Ours, actor: Who, body: Spoken, key: Key = None) -> dict[str, str]:
    """Staff file what a person says; the code belongs to that person."""
    who = Identity(body.name.strip(), body.phone.strip(), body.email.strip())
    filing = Filing(
        body.category,
        body.description,
        unit=body.unit,
        place_words=body.place_words,
        identity=who if who != Identity() else None,
        key=key,
        answers=body.answers,
    )
    filed = await file_for(citizens, actor, filing, Served(body.channel, body.consent))
    return {"code": filed.number, "followCode": filed.follow_code}


@router.post("/assisted/judgement")
async def judge_assisted(citizens: Ours, actor: Who, body: Judgement) -> dict[str, Any]:
    """Staff type what a person with the whole code says of the answer."""
    citizens.guesses.take(actor.id, now_us())
    if body.stars is None and not body.reopen:
        raise Invalid("Say the stars, or why it has to be done again.", field="stars")
    if body.stars is not None:
        found = await rate_for(citizens, actor, body.follow_code, body.stars, body.words)
    if body.reopen:
        found = await reopen_for(citizens, actor, body.follow_code, body.reopen)
    return {"code": found.code, "state": found.state, "rating": found.rating}


def _channel(one: Channel) -> dict[str, Any]:
    citation = one.citation.as_json() if one.citation else None
    said = {"id": one.id, "kind": one.kind, "numbers": list(one.numbers)}
    return said | {"text": dict(one.names), "why": dict(one.why), "citation": citation}
