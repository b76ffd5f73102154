"""Consultations over HTTP: read, comment, support, and the official's verbs; described by OpenAPI."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, Query, Request, Response, UploadFile

from dothi.accounts.api import Who, require_csrf
from dothi.citizens.api.consultation_shapes import (
    Answering,
    Appealing,
    Contact,
    Deciding,
    Grouping,
    Hiding,
    Later,
    NewComment,
    NewConsultation,
    NextRound,
    Period,
    Why,
    brief,
    cluster_shape,
    comment_shape,
    doubt_shape,
    full,
    part_shape,
)
from dothi.citizens.api.reports import Ours, Version, address_of, uploads
from dothi.citizens.consultations import answering, commenting, moderating, preparing, reading, workflow
from dothi.citizens.consultations.document import MEDIA_TYPE
from dothi.citizens.consultations.export import as_csv, rows
from dothi.citizens.consultations.model import Channel, Consultation, Stance, as_round
from dothi.citizens.consultations.text import compare, read_file
from dothi.citizens.needs import Citizens
from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Invalid
from dothi.office.photos import DOCUMENT_BYTES, PHOTO_BYTES

Words = Annotated[str, Form(max_length=20_000)]
Line = Annotated[str, Form(max_length=300)]
Round = Annotated[int | None, Query(ge=1, le=1000, alias="round")]
Key = Annotated[str | None, Header(min_length=16, max_length=200, alias="Idempotency-Key")]


router = APIRouter(prefix="/consultations", tags=["consultations"], dependencies=[Depends(require_csrf)])


@router.get("")
def public_list(citizens: Ours) -> dict[str, Any]:
    """What the public is asked, was asked, and will be asked."""
    return {"consultations": [brief(one) for one in reading.listed(citizens)]}


@router.post("", status_code=201)
async def prepare(citizens: Ours, actor: Who, body: NewConsultation) -> dict[str, Any]:
    """Prepare a consultation; nobody but its unit sees it until it is announced."""
    return full(await preparing.prepare(citizens, actor, body.prepared()))


@router.get("/comments/{code}")
def follow(request: Request, citizens: Ours, code: str) -> dict[str, Any]:
    """A comment for whoever holds its whole code, with the answer once it is published."""
    citizens.guesses.take(address_of(request), now_us())
    one = commenting.find_by_code(citizens, code)
    found = reading.visible(citizens, one.consultation.rpartition(":")[2])
    answer = reading.answer_to(citizens, found, one)
    mine = {"words": one.words, "hiddenWhy": one.hidden_why, "appeal": one.appeal, "appealAnswer": one.appeal_answer}
    return comment_shape(one) | mine | {"answer": cluster_shape(answer) if answer else None}


@router.post("/comments/{code}/appeal")
async def appeal(request: Request, citizens: Ours, code: str, body: Appealing) -> dict[str, Any]:
    """The author of a hidden comment asks once that a person look again; `code` is the whole code."""
    citizens.guesses.take(address_of(request), now_us())
    one = await commenting.appeal(citizens, code, body.words)
    return comment_shape(one) | {"appeal": one.appeal}


@router.post("/comments/{number}/hide")
async def hide(citizens: Ours, actor: Who, number: str, body: Hiding, version: Version = None) -> dict[str, Any]:
    """Hide a comment for a published reason; the stub and the public log say so."""
    return comment_shape(await moderating.hide(citizens, actor, number, body.rule, body.why, version))


@router.post("/comments/{number}/restore")
async def restore(citizens: Ours, actor: Who, number: str, body: Why, version: Version = None) -> dict[str, Any]:
    """Show a hidden comment again."""
    return comment_shape(await moderating.restore(citizens, actor, number, body.why, version))


@router.post("/comments/{number}/decide")
async def decide(citizens: Ours, actor: Who, number: str, body: Deciding, version: Version = None) -> dict[str, Any]:
    """Answer an appeal."""
    return comment_shape(await moderating.decide(citizens, actor, number, body.granted, body.why, version))


@router.get("/{key}")
def public_one(citizens: Ours, key: str) -> dict[str, Any]:
    """One consultation with its text by article, and who took part."""
    found = reading.visible(citizens, key)
    return full(found) | {"tookPart": part_shape(reading.participation(citizens, found))}


@router.put("/{key}")
async def change(
    citizens: Ours, actor: Who, key: str, body: NewConsultation, version: Version = None
) -> dict[str, Any]:
    """Say it anew before it is announced."""
    return full(await preparing.change(citizens, actor, key, body.prepared(), version))


@router.put("/{key}/text")
async def write(
    citizens: Ours,
    actor: Who,
    key: str,
    text: Annotated[str, Form(max_length=500_000)] = "",
    file: Annotated[UploadFile | None, File()] = None,
    version: Version = None,
) -> dict[str, Any]:
    """Put a text (words, .docx or .txt) in place; answers with its parts and what the reader doubted."""
    if file is not None:
        text = read_file(file.filename or "", await file.read(DOCUMENT_BYTES + 1))
    found, draft = await preparing.write(citizens, actor, key, text, version)
    return full(found) | {"doubts": [doubt_shape(one) for one in draft.doubts]}


@router.post("/{key}/announce")
async def announce(citizens: Ours, actor: Who, key: str, body: Period, version: Version = None) -> dict[str, Any]:
    """Tell the public; it opens and closes by itself."""
    opens, closes = _instant(body.opens_at, "opensAt"), _instant(body.closes_at, "closesAt")
    return full(await preparing.announce(citizens, actor, key, opens, closes, version))


@router.post("/{key}/recall")
async def recall(citizens: Ours, actor: Who, key: str, version: Version = None) -> dict[str, Any]:
    """Take the announcement back before it opens."""
    return full(await preparing.recall(citizens, actor, key, version))


@router.post("/{key}/extend")
async def extend(citizens: Ours, actor: Who, key: str, body: Later, version: Version = None) -> dict[str, Any]:
    """Give residents more time."""
    closes = _instant(body.closes_at, "closesAt")
    return full(await preparing.extend(citizens, actor, key, closes, body.reason, version))


@router.post("/{key}/next-round")
async def next_round(citizens: Ours, actor: Who, key: str, body: NextRound, version: Version = None) -> dict[str, Any]:
    """Ask again about the changed text."""
    return full(await preparing.next_round(citizens, actor, key, body.stage, version))


@router.get("/{key}/changes")
def changes(citizens: Ours, key: str, since: Annotated[int, Query(ge=1, le=1000)]) -> dict[str, Any]:
    """What changed in the text since a round, part by part."""
    found = reading.visible(citizens, key)
    listed = compare(as_round(found, since).articles, found.articles)
    return {"changes": [{"ref": one.ref, "label": one.label, "kind": one.kind, "pieces": one.pieces} for one in listed]}


@router.get("/{key}/comments")
def comments(citizens: Ours, key: str) -> list[dict[str, Any]]:
    """Every comment of all rounds as open data: no identity; a hidden one is a stub with its reason."""
    return rows(citizens, reading.visible(citizens, key))


@router.get("/{key}/comments.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def comments_csv(citizens: Ours, key: str) -> Response:
    """The same as CSV."""
    return csv_of(citizens, reading.visible(citizens, key))


def csv_of(citizens: Citizens, found: Consultation) -> Response:
    """The comments as a CSV download."""
    name = {"Content-Disposition": f'attachment; filename="{found.key}.csv"'}
    return Response(as_csv(rows(citizens, found)), media_type="text/csv; charset=utf-8", headers=name)


@router.post("/{key}/comments", status_code=201)
async def comment(
    request: Request, citizens: Ours, actor: Who, key: str, body: NewComment, idempotency_key: Key = None
) -> dict[str, Any]:
    """Comment on an article. `followCode` is shown this once."""
    address = address_of(request)
    citizens.voices.take(address, now_us())
    said = commenting.Said(body.words, body.article, body.stance, body.identity(), idempotency_key)
    sent = await commenting.comment(citizens, actor, key, said, address)
    return {"number": sent.number, "followCode": sent.follow_code}


@router.post("/{key}/comments/{number}/support")
async def support(request: Request, citizens: Ours, actor: Who, key: str, number: str, body: Contact) -> dict[str, Any]:
    """Support a comment, once; told is the identity level at which it counts."""
    address = address_of(request)
    citizens.voices.take(address, now_us())
    return {"level": await commenting.support(citizens, actor, key, number, body.identity(), address)}


@router.post("/{key}/notes", status_code=201)
async def note(  # noqa: PLR0913  # The fields of the form.
    citizens: Ours,
    actor: Who,
    key: str,
    words: Words,
    channel: Annotated[Channel, Form()],
    article: Line = "",
    stance: Annotated[Stance, Form()] = Stance.OTHER,
    count: Annotated[int, Form(ge=1, le=1_000_000)] = 1,
    where_words: Line = "",
    received: Line = "",
    phone: Line = "",
    email: Line = "",
    scans: Annotated[list[UploadFile], File()] = [],  # noqa: B006  # FastAPI copies it.
    idempotency_key: Key = None,
) -> dict[str, Any]:
    """An official enters a comment from the desk, a paper or a meeting, with its count and scans."""
    noted = commenting.Noted(
        words,
        channel,
        article,
        stance,
        count,
        await uploads(scans, max(PHOTO_BYTES, DOCUMENT_BYTES)),
        where_words,
        _instant(received, "received") if received else None,
        Contact(phone=phone, email=email).identity(),
        idempotency_key,
    )
    sent = await commenting.note(citizens, actor, key, noted)
    return {"number": sent.number, "followCode": sent.follow_code}


@router.get("/{key}/log")
def moderation_log(citizens: Ours, key: str) -> dict[str, Any]:
    """What was hidden or shown again, for which reason; and the published reasons."""
    found = reading.visible(citizens, key)
    lines = [
        {"at": one.at, "number": one.number, "article": one.article, "verb": one.verb, "rule": one.rule, "why": one.why}
        for one in moderating.public_log(citizens, found)
    ]
    rules = workflow.rules_for(citizens, found.unit)
    policy = [{"id": one.id, "name": dict(one.names)} for one in rules.moderation.values()]
    return {"sample": rules.sample, "rules": policy, "log": lines}


@router.get("/{key}/suggestions")
async def suggestions(citizens: Ours, actor: Who, key: str) -> list[dict[str, Any]]:
    """Which comments without a group seem to say one thing, and why it seems so; for officials."""
    found = workflow.find(citizens, actor, key)
    return [
        {
            "article": one.article,
            "comments": [comment.number for comment in one.comments],
            "shared": one.shared,
            "likeness": one.likeness,
        }
        for one in await answering.suggestions(citizens, found)
    ]


@router.post("/{key}/clusters", status_code=201)
async def group(citizens: Ours, actor: Who, key: str, body: Grouping) -> dict[str, Any]:
    """Make a group of comments, or move them into one."""
    if body.cluster:
        return cluster_shape(await answering.regroup(citizens, actor, key, body.comments, body.cluster))
    return cluster_shape(await answering.group(citizens, actor, key, body.comments, body.title))


@router.post("/{key}/answers")
async def answer(
    citizens: Ours, actor: Who, key: str, body: Answering, version: Version = None
) -> list[dict[str, Any]]:
    """Answer one group, or several with the same words."""
    done = await answering.answer(
        citizens, actor, key, body.clusters, body.decision, body.reason, body.wording, version
    )
    return [cluster_shape(one) for one in done]


@router.post("/{key}/finish")
async def finish(citizens: Ours, actor: Who, key: str, version: Version = None) -> dict[str, Any]:
    """All is answered; 409 with `comments` while one lies in no answered group."""
    return full(await answering.finish(citizens, actor, key, version))


@router.post("/{key}/rework")
async def rework(citizens: Ours, actor: Who, key: str, version: Version = None) -> dict[str, Any]:
    """Take answers in hand again before they are published."""
    return full(await answering.rework(citizens, actor, key, version))


@router.post("/{key}/publish")
async def publish(citizens: Ours, actor: Who, key: str, version: Version = None) -> dict[str, Any]:
    """Show all answers and freeze the table; 409 with `comments` while one lies in no answered group."""
    return full(await answering.publish(citizens, actor, key, version))


@router.get("/{key}/table")
def table(citizens: Ours, actor: Who, key: str, number: Round = None) -> dict[str, Any]:
    """The table of answers: for everybody once published, before that for the unit's officials."""
    found = table_for(citizens, actor, key, number)
    listed = [
        cluster_shape(row.cluster)
        | {"place": row.label, "comments": [one.number for one in row.comments], "voices": row.voices}
        | {"supports": dict(row.supports)}
        for row in found.rows
    ]
    return {"round": found.round, "rows": listed, "tookPart": part_shape(found.took_part)}


@router.get("/{key}/table.docx", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}})
async def table_docx(citizens: Ours, actor: Who, key: str, number: Round = None) -> Response:
    """The same as an editable document: the frozen one once published, a draft before."""
    return await docx_of(citizens, actor, key, number)


def table_for(citizens: Citizens, actor: Any, key: str, number: int | None) -> reading.Table:
    """The table of a round that this reader may see."""
    return reading.table_of(citizens, reading.answered_round(citizens, actor, key, number))


async def docx_of(citizens: Citizens, actor: Any, key: str, number: int | None) -> Response:
    """The table as a download."""
    found = reading.answered_round(citizens, actor, key, number)
    frozen = citizens.hub.read_file(found.table.sha256) if found.table else None
    name = {"Content-Disposition": f'attachment; filename="giai-trinh-{found.key}-{found.round}.docx"'}
    return Response(frozen or await answering.document(citizens, found), media_type=MEDIA_TYPE, headers=name)


def _instant(text: str, field: str) -> int:
    try:
        return from_iso(text)
    except (ValueError, OverflowError) as cause:
        raise Invalid("A time is written as ISO 8601, e.g. 2026-12-01T08:00:00+07:00.", field=field) from cause
