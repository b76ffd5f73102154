"""What the city holds with partners: calls, contests and a standing dialogue, handed in without an account.

Whoever hands something in is told by a code what became of it. Their name and telephone are sealed in the vault; the
words are shown to the public with the answer, never before: until then nobody here has read them.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from dothi.accounts.model import Identity
from dothi.accounts.vault import Vault, keep_identity
from dothi.ground.calendar import add_working_hours
from dothi.ground.clock import VIETNAM, iso, now_us, to_datetime
from dothi.ground.errors import Invalid, Missing
from dothi.ground.ids import public_code, urn
from dothi.hub.model import ABSENT, Actor, Commit, Entity, create, json_prop, prop, rel, system
from dothi.programme.council.model import TITLE_MAX, Closed, amend, of_type, said
from dothi.programme.council.opinions import HOURS_MAX
from dothi.programme.model import OWNER, Programme, readable

CODE_LETTERS = 10  # About 48 bits: not to be guessed.
CRITERIA_MAX, POINTS_MAX = 20, 100
_DOOR = system("programme")  # The log names nobody who hands in.
_MOST = 5000


class Kind(StrEnum):
    """What partners are invited to."""

    CALL = "call"  # Kêu gọi sáng kiến, đầu tư.
    CONTEST = "contest"  # Cuộc thi.
    DIALOGUE = "dialogue"  # Questions and proposals of economic actors, at any time.


class Outcome(StrEnum):
    """What became of a submission."""

    CHOSEN = "chosen"
    NOT_CHOSEN = "notChosen"
    ANSWERED = "answered"


@dataclass(frozen=True)
class Call:
    """An invitation; days are yyyy-mm-dd, both inclusive. `criteria` are (name, most points)."""

    id: str
    kind: Kind
    title: str
    words: str
    criteria: tuple[tuple[str, int], ...]
    opens: str
    closes: str
    answer_hours: float
    unit: str

    def accepts(self, now: int) -> bool:
        """Whether something can be handed in at an instant (µs)."""
        return self.opens <= day_of(now) <= self.closes


@dataclass(frozen=True)
class Submission:
    """What a partner handed in; `points` by criterion, `answer` for everybody."""

    id: str
    code: str
    call: str
    title: str
    words: str
    at: str
    due: str
    state: str  # received, or an Outcome.
    points: tuple[int, ...]
    answer: str
    answered_at: str | None
    version: int

    @property
    def answered(self) -> bool:
        """Whether everybody may read it."""
        return self.state != "received"


def day_of(now: int) -> str:
    """The day in Vietnam at an instant (µs), yyyy-mm-dd."""
    return to_datetime(now).astimezone(VIETNAM).date().isoformat()


def call_of(entity: Entity) -> Call:
    """The call that an entity holds."""
    value = entity.value
    return Call(
        id=entity.id,
        kind=Kind(value("kind")),
        title=value("title"),
        words=value("description", ""),
        criteria=tuple((one["name"], one["points"]) for one in value("criteria", [])),
        opens=value("opens"),
        closes=value("closes"),
        answer_hours=value("answerHours"),
        unit=value("unit"),
    )


def submission_of(entity: Entity) -> Submission:
    """The submission that an entity holds."""
    value = entity.value
    return Submission(
        id=entity.id,
        code=value("code"),
        call=value("call"),
        title=value("title"),
        words=value("description"),
        at=value("receivedAt"),
        due=value("due"),
        state=value("state"),
        points=tuple(value("points", [])),
        answer=value("answer", ""),
        answered_at=value("answeredAt"),
        version=entity.version,
    )


@dataclass(frozen=True)
class NewCall:
    """What an invitation must say."""

    kind: str
    title: str
    words: str
    opens: str
    closes: str
    answer_hours: float
    unit: str
    criteria: tuple[tuple[str, int], ...] = ()


async def open_call(programme: Programme, actor: Actor, new: NewCall) -> str:
    """Invite; returns the id. A call or contest names its period and criteria; a dialogue needs no criteria."""
    if new.kind not in set(Kind):
        raise Invalid("Choose one of call, contest, dialogue.", field="kind")
    opens, closes = _day(new.opens, "opens"), _day(new.closes, "closes")
    if closes < opens:
        raise Invalid("It cannot close before it opens.", field="closes")
    if not 0 < new.answer_hours <= HOURS_MAX:
        raise Invalid(f"Answer within 1 to {HOURS_MAX:.0f} working hours.", field="answer_hours")
    if new.kind != Kind.DIALOGUE and not new.criteria:
        raise Invalid("Name at least one criterion by which is judged.", field="criteria")
    if len(new.criteria) > CRITERIA_MAX or any(not 1 <= most <= POINTS_MAX for _, most in new.criteria):
        raise Invalid(f"At most {CRITERIA_MAX} criteria of 1 to {POINTS_MAX} points each.", field="criteria")
    rows = [{"name": said(name, "criteria", TITLE_MAX), "points": most} for name, most in new.criteria]
    change = create(
        urn("PartnerCall"),
        "PartnerCall",
        kind=prop(new.kind),
        title=prop(said(new.title, "title", TITLE_MAX)),
        description=prop(said(new.words, "words")),
        criteria=json_prop(rows),
        opens=prop(opens),
        closes=prop(closes),
        answerHours=prop(new.answer_hours),
        unit=prop(new.unit),
    )
    await programme.hub.commit(Commit(actor, (change,), "call opened", owner=OWNER))
    return change.id


def _day(text: str, field: str) -> str:
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError as cause:
        raise Invalid(f"“{text[:20]}” is no day: write it as 2026-12-31.", field=field) from cause


async def hand_in(
    programme: Programme,
    vault: Vault,
    call: str,
    title: str,
    words: str,
    identity: Identity | None,
    now: int | None = None,
) -> str:
    """Hand something in, without an account; returns the code by which it is followed. Closed outside the period.

    The answer is due so many working hours after the close of a call or contest, after arrival in a dialogue.
    """
    at = now_us() if now is None else now
    found = one_call(programme, call)
    if not found.accepts(at):
        raise Closed(f"Submissions are taken from {found.opens} to {found.closes}.", field="form")
    subject, text = said(title, "title", TITLE_MAX), said(words, "words")
    code = public_code(CODE_LETTERS)
    submission_id = urn("Submission", code)
    attrs: dict[str, Any] = {
        "code": prop(code),
        "call": rel(call),
        "title": prop(subject),
        "description": prop(text),
        "receivedAt": prop(iso(at)),
        "state": prop("received"),
        "unit": prop(found.unit),
        "assignee": prop(found.unit),
        "due": prop(iso(_answer_by(programme, found, at))),
        "open": prop(True),
    }
    changes = [create(submission_id, "Submission", **attrs)]
    if identity is not None:
        person = await keep_identity(vault, identity)
        contact = create(
            urn("SubmissionContact", code), "SubmissionContact", submission=rel(submission_id), person=rel(person)
        )
        changes.append(contact)
    await programme.hub.commit(Commit(_DOOR, tuple(changes), "handed in", {submission_id: ABSENT}, owner=OWNER))
    return code


def _answer_by(programme: Programme, call: Call, at: int) -> int:
    if call.kind is Kind.DIALOGUE:
        return add_working_hours(at, call.answer_hours, programme.calendar)
    end = date.fromisoformat(call.closes)
    closed = int(to_datetime(0).replace(year=end.year, month=end.month, day=end.day, hour=17).timestamp()) * 1_000_000
    return add_working_hours(closed, call.answer_hours, programme.calendar)


async def judge(
    programme: Programme,
    actor: Actor,
    name: str,
    outcome: str,
    answer: str,
    points: tuple[int, ...] = (),
    now: int | None = None,
) -> None:
    """Judge a submission by the criteria, or answer a question; the reason is for everybody.

    Closed before a call has ended (nobody is judged while others may still hand in) and when it was judged already.
    """
    at = now_us() if now is None else now
    found = submission_of(of_type(programme, actor, "Submission", name))
    call = one_call(programme, found.call)
    if found.answered:
        raise Closed("This was answered already.")
    wanted = {Outcome.ANSWERED} if call.kind is Kind.DIALOGUE else {Outcome.CHOSEN, Outcome.NOT_CHOSEN}
    if outcome not in wanted:
        raise Invalid(f"Choose one of {', '.join(sorted(wanted))}.", field="outcome")
    if call.kind is not Kind.DIALOGUE:
        if call.accepts(at):
            raise Closed(f"Judging begins after {call.closes}.", field="outcome")
        _check_points(call, points)
    attrs: dict[str, Any] = {
        "state": prop(outcome),
        "answer": prop(said(answer, "answer")),
        "points": json_prop(list(points)),
        "answeredAt": prop(iso(at)),
        "answeredBy": prop(actor.id),
        "open": prop(False),
    }
    await amend(programme, actor, found.id, found.version, "submission answered", attrs)


def _check_points(call: Call, points: tuple[int, ...]) -> None:
    if len(points) != len(call.criteria):
        raise Invalid("Give points for each criterion.", field="points")
    for given, (name, most) in zip(points, call.criteria, strict=True):
        if not 0 <= given <= most:
            raise Invalid(f"{name}: 0 to {most} points, not {given}.", field="points")


def one_call(programme: Programme, name: str) -> Call:
    """One call, as everybody may read it; Missing when there is none."""
    return call_of(of_type(programme, _DOOR, "PartnerCall", name))


def calls(programme: Programme) -> list[Call]:
    """Every call, those that end last first."""
    return list(readable(programme.hub.find(_DOOR, "PartnerCall", limit=_MOST, order=("-closes",)), call_of))


def submissions(programme: Programme, actor: Actor, call: str) -> list[Submission]:
    """What was handed in, as staff sees it, in order of arrival."""
    found = programme.hub.find(actor, "Submission", f'call=="{call}"', _MOST)
    return sorted(readable(found, submission_of), key=lambda one: one.at)


def answered(programme: Programme, call: str) -> tuple[list[Submission], int]:
    """(what everybody may read: those answered; how many still wait)."""
    every = submissions(programme, _DOOR, call)
    shown = [one for one in every if one.answered]
    return shown, len(every) - len(shown)


def followed(programme: Programme, code: str) -> Submission:
    """The submission of a code, for who handed it in. Missing when there is none."""
    try:
        return submission_of(of_type(programme, _DOOR, "Submission", urn("Submission", code.strip().upper())))
    except Missing as cause:
        raise Missing("There is no submission with this code: check it letter by letter.") from cause
