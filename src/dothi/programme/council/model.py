"""The nouns of the council: bodies with members, sessions with dossier, opinion rounds, conclusions, explanations."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.hub.model import Actor, Attribute, Change, Commit, Entity, Op
from dothi.programme.model import OWNER, Programme

MEMBERS_MAX, AGENDA_MAX, FILES_MAX = 200, 50, 100
WORDS_MAX, TITLE_MAX = 5000, 500
OWNED: Mapping[str, str] = {  # Guarded type → what to call instead.
    "CoordinationBody": "POST /api/council/bodies",
    "CouncilSession": "POST /api/council/sessions",
    "OpinionRound": "POST /api/council/sessions/{id}/rounds",
    "MemberOpinion": "POST /api/council/opinions/{id}",
    "Conclusion": "POST /api/council/sessions/{id}/conclusions",
    "ExplanationRequest": "POST /api/explanations",
    "PartnerCall": "POST /api/calls",
    "Submission": "POST /api/calls/{id}/submissions",
    "SubmissionContact": "POST /api/calls/{id}/submissions with name, phone or email",
    "Reminder": "nothing: reminders are written by dothi when a deadline nears or passes",
}
INDEXED: Mapping[str, tuple[str, ...]] = {
    "CouncilSession": ("body", "heldAt", "unit"),
    "OpinionRound": ("session", "state", "due"),
    "MemberOpinion": ("round", "session", "assignee", "due", "open", "state"),
    "Conclusion": ("session", "task", "unit"),
    "ExplanationRequest": ("assignee", "due", "open", "subject", "unit"),
    "PartnerCall": ("kind", "closes", "unit"),
    "Submission": ("call", "assignee", "due", "open", "state"),
    "Reminder": ("task", "kind", "at", "unit", "assignee"),
}


class BodyKind(StrEnum):
    """What a body is."""

    COUNCIL = "council"  # Hội đồng điều phối.
    GROUP = "group"  # Tổ công tác.


class Stance(StrEnum):
    """What a member says to a draft."""

    AGREE = "agree"
    CHANGES = "changes"  # Agrees with changes, and says which.
    DISAGREE = "disagree"


class Answer(StrEnum):
    """What became of an opinion: taken over (tiếp thu) or answered with reasons (giải trình)."""

    TAKEN = "taken"
    EXPLAINED = "explained"


class Closed(Conflict):
    """The time for this has passed, or it was done already."""


@dataclass(frozen=True)
class Member:
    """Who sits in a body: by position, never by private name; `user` ("user:<id>") when they sign in themselves."""

    position: str
    unit: str
    user: str = ""


@dataclass(frozen=True)
class Body:
    """A council or working group."""

    id: str
    name: str
    kind: BodyKind
    unit: str
    members: tuple[Member, ...]
    version: int


@dataclass(frozen=True)
class File:
    """A file of a dossier, kept by the hub under its hash."""

    sha256: str
    name: str
    media_type: str


@dataclass(frozen=True)
class Session:
    """A meeting of a body; `held_at` is ISO 8601."""

    id: str
    body: str
    title: str
    held_at: str
    agenda: tuple[str, ...]
    dossier: tuple[File, ...]
    unit: str
    version: int


@dataclass(frozen=True)
class Round:
    """Opinions asked of every member on one draft until `due` (ISO 8601)."""

    id: str
    session: str
    title: str
    due: str
    state: str  # open or closed.
    files: tuple[File, ...]
    unit: str


@dataclass(frozen=True)
class Opinion:
    """One member's opinion; `state` is waiting, given or silent."""

    id: str
    round: str
    session: str
    title: str
    position: str
    user: str
    assignee: str
    due: str
    state: str
    stance: Stance | None
    words: str
    given_at: str | None
    answer: Answer | None
    reason: str
    unit: str
    version: int


@dataclass(frozen=True)
class Conclusion:
    """What a session concluded; `task` is what it became."""

    id: str
    session: str
    words: str
    task: str | None
    unit: str
    at: str


def files_of(entity: Entity, name: str) -> tuple[File, ...]:
    """The files that an attribute lists."""
    return tuple(File(one["sha256"], one["name"], one["mediaType"]) for one in entity.value(name, []))


def file_rows(files: tuple[File, ...]) -> list[dict[str, str]]:
    """Files as an attribute holds them."""
    return [{"sha256": one.sha256, "name": one.name, "mediaType": one.media_type} for one in files]


def body_of(entity: Entity) -> Body:
    """The body that an entity holds."""
    members = tuple(Member(one["position"], one["unit"], one.get("user", "")) for one in entity.value("members", []))
    kind = BodyKind(entity.value("kind"))
    return Body(entity.id, entity.value("name"), kind, entity.value("unit"), members, entity.version)


def session_of(entity: Entity) -> Session:
    """The session that an entity holds."""
    value = entity.value
    agenda = tuple(value("agenda", []))
    dossier = files_of(entity, "dossier")
    return Session(
        entity.id, value("body"), value("title"), value("heldAt"), agenda, dossier, value("unit"), entity.version
    )


def round_of(entity: Entity) -> Round:
    """The round that an entity holds."""
    value, files = entity.value, files_of(entity, "files")
    return Round(entity.id, value("session"), value("title"), value("due"), value("state"), files, value("unit"))


def opinion_of(entity: Entity) -> Opinion:
    """The opinion that an entity holds."""
    value = entity.value
    stance, answer = value("stance"), value("answer")
    return Opinion(
        id=entity.id,
        round=value("round"),
        session=value("session"),
        title=value("title"),
        position=value("position"),
        user=value("member", ""),
        assignee=value("assignee"),
        due=value("due"),
        state=value("state"),
        stance=Stance(stance) if stance else None,
        words=value("words", ""),
        given_at=value("givenAt"),
        answer=Answer(answer) if answer else None,
        reason=value("reason", ""),
        unit=value("unit"),
        version=entity.version,
    )


def conclusion_of(entity: Entity) -> Conclusion:
    """The conclusion that an entity holds."""
    value = entity.value
    if not isinstance(value("session"), str):
        raise Invalid(f"{entity.id} names no session.")
    return Conclusion(entity.id, value("session"), value("title"), value("task"), value("unit"), value("at"))


def own(programme: Programme) -> None:
    """Guard the types of this room and declare what their lists ask for. Once, when the parts are put together."""
    programme.hub.own(OWNER, OWNED)
    for kind, names in INDEXED.items():
        programme.hub.index(kind, *names)


def of_type(programme: Programme, actor: Actor, kind: str, name: str) -> Entity:
    """One entity of a type; Missing when there is none."""
    entity = programme.hub.get(actor, name)
    if kind not in entity.types:
        raise Missing(f"{name} is no {kind}.")
    return entity


def said(text: str, field: str, most: int = WORDS_MAX) -> str:
    """A text that must be there; Invalid, with its `field`, when it is empty or too long."""
    kept = text.strip()
    if not kept:
        raise Invalid(f"{field} is empty: say it.", field=field)
    if len(kept) > most:
        raise Invalid(f"{field} has {len(kept)} characters; at most {most}.", field=field, most=most)
    return kept


async def amend(
    programme: Programme, actor: Actor, name: str, version: int, reason: str, attrs: dict[str, Attribute], **more: Any
) -> None:
    """Write attributes of an entity as it was read; Conflict when somebody was faster."""
    change = Change(Op.APPEND, name, attrs=attrs)
    await programme.hub.commit(Commit(actor, (change,), reason, expect={name: version}, owner=OWNER, **more))
