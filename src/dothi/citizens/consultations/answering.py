"""Grouping comments and answering each group, "tiếp thu, giải trình"; published only when nothing is unanswered."""

import asyncio
from collections.abc import Sequence

from dothi.citizens.consultations.clustering import Suggestion, suggest
from dothi.citizens.consultations.document import MEDIA_TYPE, write_table
from dothi.citizens.consultations.model import (
    CLUSTER,
    Appeal,
    Cluster,
    Comment,
    Consultation,
    Decision,
    NoSuchComment,
    NoSuchConsultation,
    Stage,
    Unanswered,
    cluster_of,
)
from dothi.citizens.consultations.reading import table_of
from dothi.citizens.consultations.text import clean
from dothi.citizens.consultations.workflow import (
    check,
    clusters_of,
    comments_of,
    find,
    move,
    rules_for,
    write,
)
from dothi.citizens.model import NothingSpecific, StoredFile
from dothi.citizens.needs import Citizens, rules_at
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Invalid, Missing
from dothi.ground.ids import public_code, urn
from dothi.hub.model import ABSENT, Actor, Attribute, Change, amend, create, json_prop, prop, read_one, rel

TITLE = 120  # Letters of a group's name when nobody gave one.
AT_ONCE = 500


async def suggestions(citizens: Citizens, found: Consultation) -> tuple[Suggestion, ...]:
    """The comments that lie in no group yet, put together by what they say."""
    waiting = [one for one in comments_of(citizens, found) if not one.hidden and one.cluster is None]
    rules = rules_for(citizens, found.unit)
    small = rules_at(citizens, found.unit).answer.small
    return await asyncio.to_thread(suggest, waiting, small, rules.likeness, rules.reasons)  # Thousands take a second.


async def group(
    citizens: Citizens, actor: Actor, key: str, numbers: Sequence[str], title: str = "", now: int | None = None
) -> Cluster:
    """Make one group of these comments, wherever they lay; named after the first words when no title is given."""
    found = find(citizens, actor, key)
    check(found, "group", actor)
    chosen = _chosen(citizens, found, numbers)
    name = clean(title) or _title(chosen[0].words)
    limit = rules_for(citizens, found.unit).limits.title_letters
    if len(name) > limit:
        raise Invalid(f"Up to {limit} letters fit here; there are {len(name)}.", field="title")
    entity_id = urn(CLUSTER, public_code(8).lower())
    made = create(
        entity_id,
        CLUSTER,
        consultation=rel(found.id),
        unit=prop(found.unit),
        round=prop(found.round),
        article=prop(_common(chosen)),
        title=prop(name),
        step=json_prop({"verb": "group", "at": iso(now or now_us())}),
    )
    moved = tuple(amend(one.id, cluster=rel(entity_id)) for one in chosen)
    expect = {entity_id: ABSENT} | {one.id: one.version for one in chosen}
    await write(citizens, actor, (made, *moved), "group comments", expect)
    return read_one(citizens.hub.get(actor, entity_id), cluster_of)


def _title(words: str) -> str:
    first = words.split("\n", 1)[0]
    return first if len(first) <= TITLE else first[:TITLE].rsplit(" ", 1)[0] + " …"


def _common(comments: Sequence[Comment]) -> str:
    """The part that all are about; the article above it, or the whole, when they differ."""
    for names in ({one.article for one in comments}, {one.article.partition(".")[0] for one in comments}):
        if len(names) == 1:
            return next(iter(names))
    return ""


def _chosen(citizens: Citizens, found: Consultation, numbers: Sequence[str]) -> list[Comment]:
    """These comments of this round. Invalid when none is given, one is hidden or of elsewhere."""
    wanted = list(dict.fromkeys(number.strip().upper() for number in numbers if number.strip()))
    if not wanted:
        raise Invalid("A group needs at least one comment.", field="comments")
    if len(wanted) > AT_ONCE:
        raise Invalid(f"Up to {AT_ONCE} comments are moved at once.", field="comments")
    known = {one.number: one for one in comments_of(citizens, found)}
    missing = [number for number in wanted if number not in known]
    if missing:
        raise NoSuchComment(f"No comment {', '.join(missing)[:80]} in this round.")
    hidden = [number for number in wanted if known[number].hidden]
    if hidden:
        raise Invalid(f"Hidden comments are not grouped: {', '.join(hidden)[:80]}.", field="comments")
    return [known[number] for number in wanted]


async def regroup(
    citizens: Citizens, actor: Actor, key: str, numbers: Sequence[str], cluster: str, now: int | None = None
) -> Cluster:
    """Move comments into another group; a group that is left empty is no longer shown."""
    found = find(citizens, actor, key)
    check(found, "group", actor)
    to = _cluster(citizens, actor, found, cluster)
    chosen = _chosen(citizens, found, numbers)
    stepped = json_prop({"verb": "regroup", "at": iso(now or now_us())})
    changes = tuple(amend(one.id, cluster=rel(to.id), step=stepped) for one in chosen)
    await write(citizens, actor, changes, "move comments", {one.id: one.version for one in chosen})
    return _cluster(citizens, actor, found, cluster)


def _cluster(citizens: Citizens, actor: Actor, found: Consultation, key: str) -> Cluster:
    try:
        one = cluster_of(citizens.hub.get(actor, urn(CLUSTER, key)))
    except Missing as cause:
        raise NoSuchConsultation("There is no such group of comments.") from cause
    if one.consultation != found.id or one.round != found.round:
        raise NoSuchConsultation("This group belongs to another round or consultation.")
    return one


async def answer(  # noqa: PLR0913  # An answer is these things together, or it is none.
    citizens: Citizens,
    actor: Actor,
    key: str,
    clusters: Sequence[str],
    decision: Decision,
    reason: str,
    wording: str = "",
    version: int | None = None,
    now: int | None = None,
) -> tuple[Cluster, ...]:
    """Answer one group, or several with the same words. Invalid names what is lacking.

    NothingSpecific when the reason only repeats the comment or set phrases. `version` counts for a single group.
    """
    at = now or now_us()
    found = find(citizens, actor, key)
    check(found, "answer", actor)
    chosen = [_cluster(citizens, actor, found, one) for one in dict.fromkeys(clusters)]
    if not chosen:
        raise Invalid("Choose at least one group.", field="clusters")
    reason, wording = clean(reason), clean(wording)
    _check_answer(citizens, found, chosen, decision, reason, wording)
    said: dict[str, Attribute] = {
        "decision": prop(decision.value),
        "reason": prop(reason),
        "wording": prop(wording),
        "answeredAt": prop(iso(at)),
        "step": json_prop({"verb": "answer", "at": iso(at)}),
    }
    expect = {one.id: version if version is not None and len(chosen) == 1 else one.version for one in chosen}
    changes: tuple[Change, ...] = tuple(amend(one.id, **said) for one in chosen)
    await write(citizens, actor, changes, f"answer: {decision}", expect)
    return tuple(_cluster(citizens, actor, found, one.key) for one in chosen)


def _check_answer(
    citizens: Citizens,
    found: Consultation,
    chosen: Sequence[Cluster],
    decision: Decision,
    reason: str,
    wording: str,
) -> None:
    limits = rules_for(citizens, found.unit).limits
    if not limits.reason_letters <= len(reason) <= limits.question_letters:
        span = f"{limits.reason_letters} to {limits.question_letters}"
        raise Invalid(f"Give the reason in {span} letters.", field="reason")
    rules = rules_at(citizens, found.unit)
    for one in chosen:
        if len(rules.new_words(reason, one.title)) < rules.answer.new_words:
            raise NothingSpecific(field="reason")
    changes = decision is not Decision.NOT_ACCEPTED and found.stage is not Stage.NEEDS
    if changes and not wording:
        raise Invalid("Write the changed wording: what is accepted changes the text.", field="wording")
    if len(wording) > limits.comment_letters:
        raise Invalid(f"Up to {limits.comment_letters} letters fit here; there are {len(wording)}.", field="wording")


def unanswered(citizens: Citizens, found: Consultation) -> tuple[Comment, ...]:
    """The comments of this round that lie in no answered group; hidden ones only while their appeal waits."""
    answered = {one.id for one in clusters_of(citizens, found) if one.decision is not None}
    return tuple(
        one
        for one in comments_of(citizens, found)
        if (one.appeal is Appeal.WAITING if one.hidden else one.cluster not in answered)
    )


def _gate(citizens: Citizens, found: Consultation) -> None:
    left = unanswered(citizens, found)
    if left:
        raise Unanswered(
            f"{len(left)} comments lie in no answered group: {', '.join(one.number for one in left[:20])}.",
            count=len(left),
            comments=[one.number for one in left],
        )


async def finish(
    citizens: Citizens, actor: Actor, key: str, version: int | None = None, now: int | None = None
) -> Consultation:
    """All is answered. Unanswered (with `comments`) while one lies in no answered group."""
    found = find(citizens, actor, key)
    check(found, "finish", actor)
    _gate(citizens, found)
    return await move(citizens, actor, found, "finish", {}, now or now_us(), version)


async def rework(
    citizens: Citizens, actor: Actor, key: str, version: int | None = None, now: int | None = None
) -> Consultation:
    """Take answers in hand again before they are published."""
    found = find(citizens, actor, key)
    return await move(citizens, actor, found, "rework", {}, now or now_us(), version)


async def publish(
    citizens: Citizens, actor: Actor, key: str, version: int | None = None, now: int | None = None
) -> Consultation:
    """Show all answers to everybody; the table is frozen as a document. Unanswered as in `finish`."""
    at = now or now_us()
    found = find(citizens, actor, key)
    check(found, "publish", actor)
    _gate(citizens, found)
    content = await document(citizens, found, at, draft=False)
    digest = await asyncio.to_thread(citizens.hub.keep_file, content)
    done: dict[str, Attribute] = {
        "publishedAt": prop(iso(at)),
        "table": json_prop([StoredFile(digest, MEDIA_TYPE).as_json()]),
        "open": prop(False),
        "told": prop(False),
    }
    return await move(citizens, actor, found, "publish", done, at, version)


async def document(citizens: Citizens, found: Consultation, now: int | None = None, draft: bool = True) -> bytes:
    """The table of answers as an editable document; marked as a draft until it is published."""
    place = citizens.territory.unit(found.unit).name if citizens.territory.knows(found.unit) else found.unit
    table = table_of(citizens, found)
    return await asyncio.to_thread(write_table, table, place, now or now_us(), draft)
