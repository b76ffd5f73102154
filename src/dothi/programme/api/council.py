"""The JSON endpoints of the council: bodies, sessions, opinions, conclusions, explanations, calls and reminders."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from dothi.accounts.api import Who, require_csrf
from dothi.accounts.model import Identity
from dothi.ground.clock import now_us
from dothi.programme import chasing
from dothi.programme.api.tasks import Body, Code, Name, Ours, TaskBody, Words
from dothi.programme.council import explanations, opinions, partners, service
from dothi.programme.council.model import Member

Hours = Annotated[float, Field(gt=0, le=opinions.HOURS_MAX)]
Owner = Annotated[str, Field(pattern=r"^\d{2}(\d{3})?(\.[a-z0-9][a-z0-9-]{0,60})?$")]
Long = Annotated[str, Field(max_length=5000)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
router = APIRouter(tags=["council"], dependencies=[Depends(require_csrf)])


class IssueBody(TaskBody):
    """A task to be issued, led by a unit or an organisation."""

    lead: Owner | None = None


class MemberBody(Body):
    """A seat: its position, the unit it speaks for, and the user who holds it."""

    position: Name
    unit: Owner
    user: Annotated[str, Field(max_length=100)] = ""


class CouncilBody(Body):
    """A council or working group."""

    name: Name
    kind: Literal["council", "group"]
    unit: Code
    members: Annotated[list[MemberBody], Field(max_length=200)]


class SessionBody(Body):
    """A session to be called."""

    body: Name
    title: Name
    heldAt: Annotated[str, Field(max_length=40)]  # noqa: N815  # Names of the body.
    agenda: Annotated[list[Words], Field(max_length=50)] = []


class RoundBody(Body):
    """Opinions asked on one draft."""

    title: Name
    hours: Hours


class OpinionBody(Body):
    """One member's opinion."""

    stance: Literal["agree", "changes", "disagree"]
    words: Long = ""


class AnswerBody(Body):
    """What became of an opinion."""

    answer: Literal["taken", "explained"]
    reason: Long


class ConclusionBody(Body):
    """A conclusion, and the task that it is to become at once."""

    words: Long
    task: IssueBody | None = None
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""


class AskBody(Body):
    """What a unit is to explain."""

    subject: Name
    question: Long
    hours: Hours | None = None


class ExplainBody(Body):
    """The explanation."""

    answer: Long


class CriterionBody(Body):
    """By what is judged, and the most points."""

    name: Name
    points: Annotated[int, Field(ge=1, le=100)]


class CallBody(Body):
    """An invitation to partners."""

    kind: Literal["call", "contest", "dialogue"]
    title: Name
    words: Long
    opens: Day
    closes: Day
    answerHours: Hours  # noqa: N815
    unit: Code
    criteria: Annotated[list[CriterionBody], Field(max_length=20)] = []


class SubmissionBody(Body):
    """What a partner hands in; the identity goes to the vault."""

    title: Name
    words: Long
    name: Annotated[str, Field(max_length=300)] = ""
    phone: Annotated[str, Field(max_length=30)] = ""
    email: Annotated[str, Field(max_length=200)] = ""


class JudgementBody(Body):
    """What becomes of a submission, for everybody."""

    outcome: Literal["chosen", "notChosen", "answered"]
    answer: Long
    points: Annotated[list[int], Field(max_length=20)] = []


@router.get("/council/bodies")
def read_bodies(programme: Ours, actor: Who) -> list[dict[str, Any]]:
    """Councils and working groups with their members."""
    return [asdict(one) for one in service.bodies(programme, actor)]


@router.post("/council/bodies", status_code=201)
async def keep_body(programme: Ours, actor: Who, body: CouncilBody) -> dict[str, str]:
    """Write a council or working group."""
    members = [Member(one.position, one.unit, one.user) for one in body.members]
    return {"id": await service.keep_body(programme, actor, body.name, body.kind, body.unit, members)}


@router.get("/council/sessions")
def read_sessions(programme: Ours, actor: Who) -> list[dict[str, Any]]:
    """Sessions, the newest first."""
    return [asdict(one) for one in service.sessions(programme, actor)]


@router.post("/council/sessions", status_code=201)
async def call_session(programme: Ours, actor: Who, body: SessionBody) -> dict[str, str]:
    """Call a session."""
    return {"id": await service.call_session(programme, actor, body.body, body.title, body.heldAt, body.agenda)}


@router.post("/council/sessions/{session}/rounds", status_code=201)
async def ask_opinions(programme: Ours, actor: Who, session: str, body: RoundBody) -> dict[str, str]:
    """Ask every member for an opinion inside a limit."""
    return {"id": await opinions.ask_opinions(programme, actor, session, body.title, body.hours)}


@router.get("/council/rounds/{round_id}/opinions")
def read_opinions(programme: Ours, actor: Who, round_id: str) -> list[dict[str, Any]]:
    """The opinions of a round, silence included."""
    return [asdict(one) for one in opinions.opinions(programme, actor, round_id)]


@router.post("/council/opinions/{opinion}", status_code=204)
async def give_opinion(programme: Ours, actor: Who, opinion: str, body: OpinionBody) -> None:
    """Give an opinion."""
    await opinions.give_opinion(programme, actor, opinion, body.stance, body.words)


@router.post("/council/opinions/{opinion}/answer", status_code=204)
async def answer_opinion(programme: Ours, actor: Who, opinion: str, body: AnswerBody) -> None:
    """Say what became of an opinion."""
    await opinions.answer_opinion(programme, actor, opinion, body.answer, body.reason)


@router.get("/council/sessions/{session}/conclusions")
def read_conclusions(programme: Ours, actor: Who, session: str) -> list[dict[str, Any]]:
    """What was concluded, with the state of the task that it became."""
    found = service.conclusions(programme, actor, session)
    return [asdict(one) | {"taskState": task.state.value if task else None} for one, task in found]


@router.post("/council/sessions/{session}/conclusions", status_code=201)
async def conclude(programme: Ours, actor: Who, session: str, body: ConclusionBody) -> dict[str, str]:
    """Record a conclusion, and issue its task in the same step."""
    new = body.task.new_task() if body.task else None
    return {"id": await service.conclude(programme, actor, session, body.words, new, body.key)}


@router.get("/explanations")
def read_explanations(programme: Ours, actor: Who) -> list[dict[str, Any]]:
    """Requests to explain, those that wait first."""
    return [asdict(one) for one in explanations.explanations(programme, actor)]


@router.post("/explanations", status_code=201)
async def ask_explanation(programme: Ours, actor: Who, body: AskBody) -> dict[str, str]:
    """Ask a unit to explain a red task or figure."""
    hours = body.hours or chasing.rules_at(programme).explain_hours
    return {"id": await explanations.ask_explanation(programme, actor, body.subject, body.question, hours)}


@router.post("/explanations/{name}/answer", status_code=204)
async def explain(programme: Ours, actor: Who, name: str, body: ExplainBody) -> None:
    """Explain."""
    await explanations.explain(programme, actor, name, body.answer)


@router.get("/reminders")
def read_reminders(programme: Ours, actor: Who, task: str = "") -> list[dict[str, Any]]:
    """What was chased, the newest first; `task` asks for the trail of one."""
    return [asdict(one) for one in chasing.reminders(programme, actor, task)]


@router.get("/calls")
def read_calls(programme: Ours) -> list[dict[str, Any]]:
    """Calls, contests and dialogues, for everybody."""
    return [asdict(one) for one in partners.calls(programme)]


@router.post("/calls", status_code=201)
async def open_call(programme: Ours, actor: Who, body: CallBody) -> dict[str, str]:
    """Invite partners."""
    criteria = tuple((one.name, one.points) for one in body.criteria)
    said = (body.kind, body.title, body.words, body.opens, body.closes, body.answerHours, body.unit)
    return {"id": await partners.open_call(programme, actor, partners.NewCall(*said, criteria))}


@router.get("/calls/{call}/answers")
def read_answers(programme: Ours, call: str) -> dict[str, Any]:
    """What was answered, for everybody, and how many wait."""
    shown, waiting = partners.answered(programme, partners.one_call(programme, call).id)
    return {"answered": [asdict(one) for one in shown], "waiting": waiting}


@router.post("/calls/{call}/submissions", status_code=201)
async def hand_in(request: Request, programme: Ours, call: str, body: SubmissionBody) -> dict[str, str]:
    """Hand something in, without an account; the code follows it."""
    citizens = request.app.state.parts.citizens
    address = request.client.host if request.client else ""
    citizens.filings.take(address, now_us())
    who = Identity(name=body.name, phone=body.phone, email=body.email)
    identity = who if who != Identity() else None
    code = await partners.hand_in(programme, citizens.vault, call, body.title, body.words, identity)
    return {"code": code}


@router.get("/submissions/{code}")
def follow(programme: Ours, code: str) -> dict[str, Any]:
    """What became of a submission, by its code."""
    return asdict(partners.followed(programme, code))


@router.post("/submissions/{name}/judgement", status_code=204)
async def judge(programme: Ours, actor: Who, name: str, body: JudgementBody) -> None:
    """Judge or answer a submission."""
    await partners.judge(programme, actor, name, body.outcome, body.answer, tuple(body.points))
