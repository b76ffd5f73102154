"""What people read of consultations: lists, who took part (with denominators), and the table of answers."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dothi.citizens.consultations.commenting import public
from dothi.citizens.consultations.model import (
    TYPE,
    Channel,
    Cluster,
    Comment,
    Consultation,
    Level,
    NoSuchConsultation,
    State,
    as_round,
    consultation_of,
    key_of,
)
from dothi.citizens.consultations.text import address_of
from dothi.citizens.consultations.workflow import STAFF, authors_of, clusters_of, comments_of, find, supports_of
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.model import Actor

LISTED_MAX = 200
COUNTED = (Level.CONTACT, Level.ACCOUNT)  # Levels at which a person can be told from another.


@dataclass(frozen=True, slots=True)
class Share:
    """Comments, and for how many voices they speak; `people` None where nobody can tell how many there were."""

    comments: int
    voices: int
    people: int | None = None


@dataclass(frozen=True, slots=True)
class Participation:
    """Who took part in a round, by channel and by identity level; levels are never added up."""

    comments: int
    hidden: int
    by_article: Mapping[str, int]  # Comments by the part that they are about.
    repeated: int  # Comments with the same words as an earlier one.
    by_channel: Mapping[Channel, Share]
    by_level: Mapping[Level, Share]
    supports: Mapping[Level, int]
    residents: int | None
    residents_from: str


@dataclass(frozen=True, slots=True)
class Row:
    """One group in the table of answers: what it is about, its comments and its answer."""

    cluster: Cluster
    label: str
    comments: tuple[Comment, ...]
    voices: int
    supports: Mapping[Level, int]


@dataclass(frozen=True, slots=True)
class Table:
    """The table "tiếp thu, giải trình" of one round."""

    consultation: Consultation
    round: int
    rows: tuple[Row, ...]
    took_part: Participation


def listed(citizens: Citizens, actor: Actor | None = None) -> tuple[Consultation, ...]:
    """What the public knows of, or (for an official) all that he may see; those that end first come first."""
    query = Query(TypeIs(TYPE), limit=LISTED_MAX, order=("-closesAt",))
    found = [consultation_of(one) for one in citizens.hub.query(actor or SYSTEM, query)]
    if actor is None:
        found = [one for one in found if one.state is not State.PREPARED or one.announced or one.rounds]
    return tuple(found)


def visible(citizens: Citizens, key: str) -> Consultation:
    """One consultation that the public knows of. NoSuchConsultation otherwise."""
    return public(citizens, key)


def supports_by_comment(citizens: Citizens, found: Consultation) -> dict[str, Counter[Level]]:
    """How many support a comment (by number), each identity level for itself."""
    counts: dict[str, Counter[Level]] = defaultdict(Counter)
    for one in supports_of(citizens, found):
        counts[key_of(one.value("comment", ""))][Level(one.value("level"))] += 1
    return counts


def participation(citizens: Citizens, found: Consultation, number: int | None = None) -> Participation:
    """Who took part in a round (the present one by default)."""
    comments = comments_of(citizens, found, number)
    people: dict[str, set[str]] = defaultdict(set)
    mine = {one.id for one in comments}
    for author in authors_of(citizens, found):
        if author.value("comment") in mine:
            people[author.value("level", "")].add(author.value("tag", ""))
    supports: Counter[Level] = Counter()
    by_comment = supports_by_comment(citizens, found)
    for one in comments:
        supports.update(by_comment.get(one.number, {}))
    return Participation(
        comments=len(comments),
        hidden=sum(one.hidden for one in comments),
        by_article=Counter(one.article for one in comments),
        repeated=sum(one.same_as is not None for one in comments),
        by_channel={way: _share(one for one in comments if one.channel is way) for way in Channel},
        by_level={
            level: _share((one for one in comments if one.level is level), people[level] if level in COUNTED else None)
            for level in Level
        },
        supports=supports,
        residents=found.residents,
        residents_from=found.residents_from,
    )


def _share(comments: Iterable[Comment], people: set[str] | None = None) -> Share:
    chosen = list(comments)
    return Share(len(chosen), sum(one.count for one in chosen), None if people is None else len(people))


def table_of(citizens: Citizens, found: Consultation, number: int | None = None) -> Table:
    """Every group of a round that has comments, in the order of the text."""
    found = as_round(found, found.round if number is None else number)
    members: dict[str, list[Comment]] = defaultdict(list)
    for one in comments_of(citizens, found):
        if one.cluster and not one.hidden:
            members[one.cluster].append(one)
    supports = supports_by_comment(citizens, found)
    articles = found.articles
    rows = tuple(
        _row(one, address_of(articles, one.article), tuple(members[one.id]), supports)
        for one in clusters_of(citizens, found)
        if members[one.id]
    )
    return Table(found, found.round, rows, participation(citizens, found))


def _row(one: Cluster, label: str, comments: tuple[Comment, ...], supports: Mapping[str, Counter[Level]]) -> Row:
    counted: Counter[Level] = Counter()
    for comment in comments:
        counted.update(supports.get(comment.number, {}))
    return Row(one, label, comments, sum(comment.count for comment in comments), counted)


def answer_to(citizens: Citizens, found: Consultation, comment: Comment) -> Cluster | None:
    """The answer that an author may read: once the round that the comment belongs to is published."""
    if comment.round == found.round and found.state is not State.PUBLISHED:
        return None
    groups = clusters_of(citizens, found, comment.round)
    return next((one for one in groups if one.id == comment.cluster and one.decision is not None), None)


def answered_round(citizens: Citizens, actor: Actor, key: str, number: int | None = None) -> Consultation:
    """The consultation in a round whose answers this reader may see: published ones, or all for its officials."""
    found = as_round(visible(citizens, key), number) if number else visible(citizens, key)
    if found.state is State.PUBLISHED:
        return found
    past = [one.number for one in found.rounds]
    if number is None and past and not actor.roles & STAFF:
        return as_round(found, past[-1])
    if not actor.roles & STAFF:
        raise NoSuchConsultation("The answers are not published yet.")
    return find(citizens, actor, key)
