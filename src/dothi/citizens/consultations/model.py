"""The nouns of consultations: the consultation, a comment, a group of comments with its answer, and their errors."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from dothi.citizens.model import StoredFile, files_of
from dothi.ground.clock import from_iso
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import Entity

TYPE = "Consultation"
COMMENT = "ConsultationComment"
CLUSTER = "CommentCluster"
SUPPORT = "CommentSupport"  # One identity's support of one comment; holds a keyed hash, never who it is.
AUTHOR = "CommentAuthor"  # Comment, pseudonym of who wants to be told, keyed hash; readable by no handling unit.
WHOLE = ""  # The reference of "the text as a whole" where an article's stands otherwise.


class Stage(StrEnum):
    """What is asked about, from the very start on."""

    NEEDS = "needs"  # Before there is a draft: needs and problems.
    DRAFT = "draft"  # A draft text, by article.
    FINAL = "final"  # The text as it is to be decided.


class State(StrEnum):
    """Where a consultation stands."""

    PREPARED = "prepared"
    OPEN = "open"
    CLOSED = "closed"  # The time is over; comments are grouped and answered.
    ANSWERED = "answered"  # Every comment lies in an answered group.
    PUBLISHED = "published"


class Level(StrEnum):
    """How sure it is that a voice is one person's; the levels are shown beside each other and never added up."""

    ANONYMOUS = "anonymous"
    CONTACT = "contact"  # Left a phone or mail address, which nobody has checked.
    ACCOUNT = "account"  # Signed in with an account that the city gave out.
    WITNESSED = "witnessed"  # Written down by an official: desk, paper or meeting.


class Channel(StrEnum):
    """How a comment came in."""

    WEB = "web"
    DESK = "desk"  # Said to an official or the head of a neighbourhood.
    PAPER = "paper"
    MEETING = "meeting"


class Stance(StrEnum):
    """What the author thinks of the article."""

    AGREE = "agree"
    CHANGE = "change"
    DISAGREE = "disagree"
    OTHER = "remark"


class Decision(StrEnum):
    """What became of a group of comments, in the table "tiếp thu, giải trình"."""

    ACCEPTED = "accepted"
    PARTLY = "partly"
    NOT_ACCEPTED = "not_accepted"


class Appeal(StrEnum):
    """What became of the author's one appeal against hiding."""

    WAITING = "waiting"
    GRANTED = "granted"
    REFUSED = "refused"


ORDER = (Level.ANONYMOUS, Level.CONTACT, Level.ACCOUNT)  # What may be demanded, rising.


@dataclass(frozen=True, slots=True)
class Article:
    """One part of a text: its address in it (dieu-3.khoan-2.diem-d), what it is called, and its words."""

    ref: str
    kind: str  # chapter, section, article, clause, point or paragraph.
    label: str  # "Điều 3", "khoản 2", "điểm đ".
    text: str  # Of a chapter or article first its name; further lines follow after a line break.

    @property
    def top(self) -> str:
        """The reference of the article that this part belongs to (its own when it is one)."""
        return self.ref.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Round:
    """One round that is over: what was asked about then, and when."""

    number: int
    stage: Stage
    articles: tuple[Article, ...]
    opened_at: str
    closed_at: str
    published_at: str
    table: StoredFile | None


@dataclass(frozen=True, slots=True)
class Consultation:
    """A consultation as it stands in the hub. Instants are ISO 8601 strings."""

    id: str
    version: int
    key: str  # The end of its id, used in addresses.
    title: str
    question: str
    about: str | None  # The scheme, plan or text that it is about.
    stage: Stage
    state: State
    round: int
    unit: str
    articles: tuple[Article, ...]
    opens_at: str | None
    closes_at: str | None
    answer_by: str | None
    announced: bool  # Opens by itself at `opens_at`.
    comment_level: Level
    support_level: Level
    residents: int | None  # Of how many residents, when known.
    residents_from: str  # Where that number comes from.
    published_at: str | None
    table: StoredFile | None  # The frozen table of answers.
    rounds: tuple[Round, ...]
    sample: bool

    def part(self, ref: str) -> Article | None:
        """The part of the text with this reference."""
        return next((one for one in self.articles if one.ref == ref), None)

    def takes_comments(self, now: int) -> bool:
        """Whether comments of residents are taken at `now` (µs), also while the closing timer is late."""
        return self.state is State.OPEN and self.closes_at is not None and now < from_iso(self.closes_at)

    def place_of(self, ref: str) -> int:
        """Where a reference stands in the text; the whole stands first, an unknown one last."""
        if ref == WHOLE:
            return -1
        return next((at for at, one in enumerate(self.articles) if one.ref == ref), len(self.articles))


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment; it holds no identity. `count` voices are on the paper or in the minutes that it stands for."""

    id: str
    version: int
    number: str  # Public; the author's half of the code is not here, only `follow_key`.
    consultation: str
    round: int
    article: str
    words: str
    stance: Stance
    channel: Channel
    level: Level
    count: int
    filed_at: str
    hidden: bool
    hidden_for: str  # Which published rule.
    hidden_why: str
    appeal: Appeal | None
    appeal_words: str
    appeal_answer: str
    cluster: str | None
    same_as: str | None  # Number of the first comment with the same words.
    scans: tuple[StoredFile, ...]
    where_words: str  # Of a meeting or desk.
    follow_key: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A group of comments that say one thing, with the one answer to it."""

    id: str
    version: int
    key: str
    consultation: str
    round: int
    article: str
    title: str
    decision: Decision | None
    reason: str
    wording: str  # The changed wording, where something changes.
    answered_at: str | None


def as_round(found: Consultation, number: int) -> Consultation:
    """The consultation as it was published in an earlier round; itself for the present one."""
    past = next((one for one in found.rounds if one.number == number), None)
    if past is None:
        return found
    return replace(
        found,
        round=past.number,
        stage=past.stage,
        state=State.PUBLISHED,
        articles=past.articles,
        opens_at=past.opened_at,
        closes_at=past.closed_at,
        published_at=past.published_at,
        table=past.table,
    )


def key_of(entity_id: str) -> str:
    """The end of an id."""
    return entity_id.rpartition(":")[2]


def id_of(key: str) -> str:
    """The id of a consultation by the end of it."""
    return urn(TYPE, key)


def article_of(row: dict[str, Any]) -> Article:
    """An article as an entity holds it."""
    return Article(row["ref"], row["kind"], row["label"], row["text"])


def consultation_of(entity: Entity) -> Consultation:
    """The consultation that an entity holds."""
    value = entity.value
    tables = files_of(value("table"))
    return Consultation(
        id=entity.id,
        version=entity.version,
        key=key_of(entity.id),
        title=value("title", ""),
        question=value("question", ""),
        about=value("about"),
        stage=Stage(value("stage", Stage.DRAFT)),
        state=State(value("state", State.PREPARED)),
        round=int(value("round", 1)),
        unit=value("unit", ""),
        articles=tuple(article_of(row) for row in value("articles", [])),
        opens_at=value("opensAt"),
        closes_at=value("closesAt"),
        answer_by=value("due"),
        announced=bool(value("announced", False)),
        comment_level=Level(value("commentLevel", Level.ANONYMOUS)),
        support_level=Level(value("supportLevel", Level.ANONYMOUS)),
        residents=value("residents"),
        residents_from=value("residentsFrom", ""),
        published_at=value("publishedAt"),
        table=tables[0] if tables else None,
        rounds=tuple(_round(row) for row in value("rounds", [])),
        sample=bool(value("sample", False)),
    )


def _round(row: dict[str, Any]) -> Round:
    tables = files_of(row.get("table"))
    articles = tuple(article_of(one) for one in row["articles"])
    opened, closed, published = (row.get(name) or "" for name in ("openedAt", "closedAt", "publishedAt"))
    return Round(row["number"], Stage(row["stage"]), articles, opened, closed, published, tables[0] if tables else None)


def comment_of(entity: Entity) -> Comment:
    """The comment that an entity holds."""
    value = entity.value
    appeal = value("appeal")
    return Comment(
        id=entity.id,
        version=entity.version,
        number=key_of(entity.id),
        consultation=value("consultation", ""),
        round=int(value("round", 1)),
        article=value("article", WHOLE),
        words=value("words", ""),
        stance=Stance(value("stance", Stance.OTHER)),
        channel=Channel(value("channel", Channel.WEB)),
        level=Level(value("level", Level.ANONYMOUS)),
        count=int(value("count", 1)),
        filed_at=value("filedAt", ""),
        hidden=bool(value("hidden", False)),
        hidden_for=value("hiddenFor", ""),
        hidden_why=value("hiddenWhy", ""),
        appeal=Appeal(appeal) if appeal else None,
        appeal_words=value("appealWords", ""),
        appeal_answer=value("appealAnswer", ""),
        cluster=value("cluster"),
        same_as=value("sameAs"),
        scans=files_of(value("scans")),
        where_words=value("whereWords", ""),
        follow_key=value("followKey", ""),
    )


def cluster_of(entity: Entity) -> Cluster:
    """The group that an entity holds."""
    value = entity.value
    decision = value("decision")
    return Cluster(
        id=entity.id,
        version=entity.version,
        key=key_of(entity.id),
        consultation=value("consultation", ""),
        round=int(value("round", 1)),
        article=value("article", WHOLE),
        title=value("title", ""),
        decision=Decision(decision) if decision else None,
        reason=value("reason", ""),
        wording=value("wording", ""),
        answered_at=value("answeredAt"),
    )


class NoSuchConsultation(Missing):
    """There is no consultation at this address, or it is not open to the public yet."""


class NoSuchComment(Missing):
    """There is no comment with this code. Check the code, letter by letter."""


class NotOpen(Conflict):
    """The consultation takes no comments now."""


class IllegalStep(Conflict):
    """The consultation is in a state in which this cannot be done."""


class Unanswered(Conflict):
    """Comments lie in no answered group: group and answer them first."""


class LevelTooLow(Forbidden):
    """This needs a higher identity level: leave a phone or mail address, or sign in."""


class AlreadyDone(Conflict):
    """You have done this once; each person counts once."""


class BadDraft(Invalid):
    """The draft could not be read as a text."""
