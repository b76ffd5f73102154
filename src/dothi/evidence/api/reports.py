"""Reports over HTTP: what is owed and drafted, the verbs up to the signature, signed reports and their files."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from dothi.accounts.api import Who, require_csrf
from dothi.evidence.api.figures import Body, Ours, Short
from dothi.evidence.model import DUTY, REPORT, Evidence
from dothi.evidence.report import service, signing
from dothi.evidence.report.model import Address
from dothi.evidence.report.signing import Signature
from dothi.evidence.report.wording import plain
from dothi.ground.clock import now_us
from dothi.ground.errors import Missing
from dothi.hub.language.nodes import And, Compare, TypeIs
from dothi.hub.language.nodes import Query as Asked
from dothi.hub.model import Actor, Entity

Words = Annotated[str, Field(max_length=4000)]
Version = Annotated[int | None, Field(ge=1)]
router = APIRouter(tags=["reports"], dependencies=[Depends(require_csrf)])
_NAMES = ("name", "kind", "unit", "period", "state", "due", "open", "submittedAt", "revisionReason", "report", "madeAt")
_SIGNED = ("number", "signer", "position", "signedAt", "revision", "replaces", "revisionReason", "duty", "kind")


class MonthAsked(Body):
    """The commune and the month (yyyy-mm) of a report."""

    unit: Annotated[str, Field(max_length=10)]
    month: Annotated[str, Field(max_length=7)]


class ReportAsked(Body):
    """Which report is to be drafted; `period` is 2026-W47, 2026-11, 2026-Q4 or 2026, of a scheme its id instead."""

    kind: Literal["week", "month", "quarter", "year", "scheme"]
    unit: Annotated[str, Field(max_length=10)]
    period: Annotated[str, Field(max_length=10)] = ""
    scheme: Annotated[str, Field(max_length=300)] = ""
    template: Annotated[str, Field(max_length=60)] = ""


class WordsSaid(Body):
    """The words of a section: none accepts those drafted. `hand` stands beside them."""

    text: Words | None = None
    hand: Words | None = None
    version: Version = None


class Why(Body):
    """A reason."""

    reason: Annotated[str, Field(max_length=2000)]


class Seen(Body):
    """The version of the report that was seen."""

    version: Version = None


class Signed(Seen):
    """What the official document says of its signing."""

    number: Annotated[str, Field(max_length=10)]
    signer: Annotated[str, Field(max_length=100)]
    authority: Annotated[str, Field(max_length=40)] = "chairman"


@router.get("/report-duties")
def list_duties(
    evidence: Ours,
    actor: Who,
    unit: Short = "",
    kind: Short = "",
    state: Short = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """Reports owed, the soonest due first."""
    return [_duty(one) for one in duties(evidence, actor, {"unit": unit, "kind": kind, "state": state}, limit)]


def duties(evidence: Evidence, actor: Actor, wanted: dict[str, str], limit: int = 200) -> list[Entity]:
    """Reports owed that `actor` may see, the soonest due first; empty values are not asked for."""
    terms = tuple(Compare((name,), "==", value) for name, value in wanted.items() if value)
    query = Asked(TypeIs(DUTY), q=And(terms) if terms else None, limit=limit, order=("due", "unit"))
    return list(evidence.hub.query(actor, query).entities)


@router.post("/report-duties", status_code=201)
async def begin(evidence: Ours, actor: Who, body: ReportAsked) -> dict[str, Any]:
    """Draft a report from the figures as they stand, or open the one that is there."""
    about = service.asked_about(evidence, actor, body.kind, body.unit, body.period, body.scheme, now_us())
    return _draft(evidence, await service.begin(evidence, actor, about, body.template))


@router.get("/report-duties/{duty}")
def read_duty(evidence: Ours, actor: Who, duty: str) -> dict[str, Any]:
    """A report owed with its figures and words."""
    return _draft(evidence, service.duty_of(evidence, actor, duty))


@router.post("/report-duties/{duty}/prepare")
async def prepare(evidence: Ours, actor: Who, duty: str) -> dict[str, Any]:
    """Compute every figure anew; words whose figures moved must be read again."""
    return _draft(evidence, await service.prepare(evidence, actor, duty))


@router.post("/report-duties/{duty}/words/{section}")
async def accept(evidence: Ours, actor: Who, duty: str, section: str, body: WordsSaid) -> dict[str, Any]:
    """Accept the words of a section, or say it otherwise; 422 names a number that is no figure of the report."""
    found = await service.accept(evidence, actor, duty, section, body.text, body.hand, body.version)
    return _draft(evidence, found)


@router.post("/report-duties/{duty}/submit")
async def submit(evidence: Ours, actor: Who, duty: str, body: Seen) -> dict[str, Any]:
    """Hand it to who signs; 409 names the sections that nobody has read."""
    return _draft(evidence, await service.submit(evidence, actor, duty, body.version))


@router.post("/report-duties/{duty}/return")
async def give_back(evidence: Ours, actor: Who, duty: str, body: Why) -> dict[str, Any]:
    """Give a submitted report back with a reason."""
    return _draft(evidence, await service.give_back(evidence, actor, duty, body.reason))


@router.post("/report-duties/{duty}/sign", status_code=201)
async def sign(request: Request, evidence: Ours, actor: Who, duty: str, body: Signed) -> dict[str, Any]:
    """Record the signature and freeze the report; 409 when a figure has changed since it was submitted."""
    said = Signature(body.number, body.signer, body.authority)
    return _report(
        await signing.sign(evidence, actor, duty, said, lambda name: address_in(request, name), body.version)
    )


@router.post("/report-duties/{duty}/revise")
async def revise(evidence: Ours, actor: Who, duty: str, body: Why) -> dict[str, Any]:
    """Open a signed report again for a new version; what was signed stays."""
    return _draft(evidence, await service.revise(evidence, actor, duty, body.reason))


@router.post("/reports/month", status_code=201)
async def write_month(request: Request, evidence: Ours, actor: Who, body: MonthAsked) -> dict[str, Any]:
    """Write an unsigned report of a commune's month as it stands; `file` is where the document is fetched."""
    return _report(await signing.write_month(evidence, actor, body.unit, body.month, address_of(request)))


@router.get("/reports/{name}")
def read_report(evidence: Ours, actor: Who, name: str) -> dict[str, Any]:
    """A written report with each figure and the entity that is its evidence."""
    return _report(written(evidence, actor, name))


@router.get("/reports/{name}/changes")
def changes(evidence: Ours, actor: Who, name: str) -> list[dict[str, Any]]:
    """What reads otherwise now than when the report was signed, with typed reasons."""
    found = signing.moved(evidence, written(evidence, actor, name))
    return [{"id": one.id, "name": one.name, "was": one.was, "now": one.now, "reasons": one.reasons} for one in found]


@router.get("/reports/{name}/file")
def read_document(evidence: Ours, actor: Who, name: str) -> Response:
    """The document (.docx) of a written report."""
    return document(evidence, written(evidence, actor, name))


def document(evidence: Evidence, found: Entity, kind: str = "file") -> Response:
    """A file of a PublishedReport (file, annex or data), to be saved under its name."""
    file = found.value(kind)
    if not file:
        raise Missing("This report has no such file.")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file['name'])}"}
    return Response(evidence.hub.read_file(file["sha256"]), media_type=file["mediaType"], headers=headers)


def address_of(request: Any) -> Callable[[str], str]:
    """Entity id → address of its page on the server that got this request."""
    base = f"{request.url.scheme}://{request.url.netloc}"
    return lambda entity: f"{base}/walk/{quote(entity, safe=':')}"


def address_in(request: Any, report: str) -> Address:
    """What stands behind a figure of a report (owed or signed) → the address of its page on this server."""
    base = f"{request.url.scheme}://{request.url.netloc}"
    kind, _, tail = report.removeprefix("urn:ngsi-ld:").partition(":")
    home = f"{base}/{'signed' if kind == REPORT else 'periodic'}/{quote(tail, safe=':')}"

    def address(behind: str) -> str:
        where, _, name = behind.partition(":")
        if where == "list":
            return f"{home}/list/{quote(name)}"
        return f"{home}#figure-{quote(name)}" if where == "figure" else address_of(request)(behind)

    return address


def written(evidence: Evidence, actor: Actor, name: str) -> Entity:
    """A report that was written. Missing when there is none or `actor` may not see it."""
    found = evidence.hub.get(actor, name)
    if REPORT not in found.types:
        raise Missing(f"{name} is no report.")
    return found


def _duty(found: Entity) -> dict[str, Any]:
    return {"id": found.id, "version": found.version, **{name: found.value(name) for name in _NAMES}}


def _draft(evidence: Evidence, found: Entity) -> dict[str, Any]:
    snapshot = service.snapshot_of(evidence, found)
    if snapshot is None:
        return _duty(found) | {"figures": [], "words": {}}
    figures = [
        {"id": one.id, "name": one.name, "value": one.value, "shown": one.shown, "evidence": one.evidence, "at": one.at}
        for one in snapshot.data.figures.values()
    ]
    said = {
        name: {"text": plain(one.text, snapshot.data), "hand": plain(one.hand, snapshot.data), "state": one.state}
        for name, one in service.wording_of(found).items()
    }
    return _duty(found) | {"figures": figures, "words": said}


def _report(found: Entity) -> dict[str, Any]:
    names = ("name", "unit", "period", "madeAt", "figures", "simulated", *_SIGNED)
    file = f"/api/evidence/reports/{quote(found.id, safe=':')}/file"
    return {"id": found.id, **{name: found.value(name) for name in names}, "file": file}
