"""The bodies that consultations take over HTTP, and the JSON in which they are told."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from dothi.accounts.model import Identity
from dothi.citizens.consultations import preparing, reading
from dothi.citizens.consultations.model import Cluster, Comment, Consultation, Decision, Level, Stage, Stance
from dothi.citizens.consultations.text import Doubt

Long = Annotated[str, Field(max_length=20_000)]
Text = Annotated[str, Field(max_length=3000)]
Short = Annotated[str, Field(max_length=300)]
Numbers = Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=500)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class NewConsultation(_Body):
    """What is asked, whom, and who may answer."""

    title: Short
    question: Text
    unit: Annotated[str, Field(max_length=10)]
    stage: Stage = Stage.DRAFT
    about: Short | None = None
    comment_level: Level = Level.ANONYMOUS
    support_level: Level = Level.ANONYMOUS
    residents: Annotated[int, Field(ge=1, le=200_000_000)] | None = None
    residents_from: Short = ""

    def prepared(self) -> preparing.Prepared:
        """The same for the verb."""
        return preparing.Prepared(**self.model_dump())


class Period(_Body):
    """From when to when, ISO 8601; an opening in the past opens now."""

    opens_at: Short
    closes_at: Short


class Later(_Body):
    """A later end, and why."""

    closes_at: Short
    reason: Text


class NextRound(_Body):
    """What the next round asks about."""

    stage: Stage = Stage.FINAL


class Contact(_Body):
    """Who wants to be told or counted; goes to the vault."""

    phone: Short = ""
    email: Short = ""

    def identity(self) -> Identity | None:
        """None when nothing was left."""
        who = Identity(phone=self.phone.strip(), email=self.email.strip())
        return who if who != Identity() else None


class NewComment(Contact):
    """What somebody thinks of an article ("" = the text as a whole)."""

    words: Long
    article: Short = ""
    stance: Stance = Stance.OTHER


class Hiding(_Body):
    """For which published reason, and why."""

    rule: Short
    why: Text


class Why(_Body):
    """Why."""

    why: Text


class Deciding(_Body):
    """What becomes of an appeal."""

    granted: bool
    why: Text


class Appealing(_Body):
    """Why the comment should be shown."""

    words: Long


class Grouping(_Body):
    """Comments that say one thing; moved from where they lay."""

    comments: Numbers
    title: Short = ""
    cluster: Short = ""  # Move into this group instead of a new one.


class Answering(_Body):
    """One answer to one group or several."""

    clusters: Numbers
    decision: Decision
    reason: Text
    wording: Long = ""


def brief(one: Consultation) -> dict[str, Any]:
    """What a list tells of a consultation."""
    return {
        "key": one.key,
        "title": one.title,
        "stage": one.stage,
        "state": one.state,
        "round": one.round,
        "unit": one.unit,
        "opensAt": one.opens_at,
        "closesAt": one.closes_at,
        "answerBy": one.answer_by,
        "publishedAt": one.published_at,
        "sample": one.sample,
    }


def full(one: Consultation) -> dict[str, Any]:
    """A consultation with its text."""
    articles = [{"ref": part.ref, "kind": part.kind, "label": part.label, "text": part.text} for part in one.articles]
    return brief(one) | {
        "version": one.version,
        "question": one.question,
        "about": one.about,
        "articles": articles,
        "commentLevel": one.comment_level,
        "supportLevel": one.support_level,
        "residents": one.residents,
        "residentsFrom": one.residents_from,
        "announced": one.announced,
    }


def comment_shape(one: Comment) -> dict[str, Any]:
    """A comment without its words."""
    return {
        "number": one.number,
        "version": one.version,
        "round": one.round,
        "article": one.article,
        "stance": one.stance,
        "channel": one.channel,
        "level": one.level,
        "count": one.count,
        "hidden": one.hidden,
        "hiddenFor": one.hidden_for,
    }


def cluster_shape(one: Cluster) -> dict[str, Any]:
    """A group with its answer."""
    return {
        "key": one.key,
        "version": one.version,
        "article": one.article,
        "title": one.title,
        "decision": one.decision,
        "reason": one.reason,
        "wording": one.wording,
        "answeredAt": one.answered_at,
    }


def doubt_shape(one: Doubt) -> dict[str, str]:
    """What a reader of a text was not sure of."""
    return {"kind": one.kind, "label": one.label}


def part_shape(part: reading.Participation) -> dict[str, Any]:
    """Who took part, by channel and by level."""

    def shares(found: Sequence[tuple[str, reading.Share]]) -> dict[str, Any]:
        return {name: {"comments": one.comments, "voices": one.voices, "people": one.people} for name, one in found}

    return {
        "comments": part.comments,
        "hidden": part.hidden,
        "repeated": part.repeated,
        "byChannel": shares([(way.value, one) for way, one in part.by_channel.items()]),
        "byLevel": shares([(level.value, one) for level, one in part.by_level.items()]),
        "supports": {level.value: count for level, count in part.supports.items()},
        "residents": part.residents,
        "residentsFrom": part.residents_from,
    }
