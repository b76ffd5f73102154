"""Sources over HTTP: the list, one source, pushing rows and files, and the quarantine; described by OpenAPI."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from dothi.accounts.api import Who, require_csrf
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Invalid, TooLarge
from dothi.hub.model import Actor, Entity
from dothi.sources import quarantine, service
from dothi.sources.mapping.library import load_mapping, mapping_paths
from dothi.sources.model import SOURCE, RowState, SourceDefinition, Sources
from dothi.sources.quarantine import RowView, Selection, demand_steward, is_steward
from dothi.sources.rhythm import late_at, state_of
from dothi.sources.runner import check_settings, find_connectors

PUSH_BYTES = 16 * 1024 * 1024
NAME_MAX = 60  # At most 240 bytes: file systems take 255.
FILE_BYTES = 2 * 1024 * 1024 * 1024
Name = Annotated[str, Field(max_length=200)]
Words = Annotated[str, Field(max_length=2000)]
Asked = Annotated[str, Query(max_length=300)]
Page = Annotated[int, Query(ge=1, le=quarantine.PAGE_MAX)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Language = Annotated[str, Query(pattern="^(vi|en)$")]
Idempotency = Annotated[str, Header(max_length=200, pattern="^[!-~]*$")]
_TAKEN = ("text/csv", "application/json", "application/geo+json", "application/ld+json")
_CSV_NOTE: dict[str, Any] = {"content": {kind: {} for kind in _TAKEN}}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Definition(_Body):
    """A source of data; `promisedEvery` is an ISO 8601 duration such as PT5M, empty when nothing is promised."""

    id: Annotated[str, Field(max_length=80)]
    name: Name
    connector: Name
    mapping: Name = ""
    promised_every: Annotated[str, Field(max_length=40)] = ""
    settings: dict[str, str | float | bool] = {}
    secrets: dict[str, str] = {}
    simulated: bool = False
    feeds: Annotated[list[Name], Field(max_length=50)] = []
    enabled: bool = True


class Chosen(_Body):
    """Which open rows: by id, or all of a source, a reason, a file."""

    ids: Annotated[list[Name], Field(max_length=1000)] = []
    source: Name = ""
    reason: Name = ""
    file: Name = ""


class Replay(Chosen):
    """Rows to replay, through the mapping they failed (as it is now) or through another one."""

    mapping: Name = ""


class Dismissal(Chosen):
    """Rows to close without letting them in, and why."""

    why: Words


class Correction(_Body):
    """Edited cells by column."""

    row: dict[str, Any]


def sources_of(request: Request) -> Sources:
    """The sources of the city that serves this request."""
    return cast(Sources, request.app.state.parts.sources)


Ours = Annotated[Sources, Depends(sources_of)]
router = APIRouter(prefix="/sources", tags=["sources"], dependencies=[Depends(require_csrf)])


@router.get("")
def read_sources(sources: Ours, actor: Who) -> list[dict[str, Any]]:
    """All sources with their state, as it is now."""
    return [shown(actor, one) for one in sources.hub.find(actor, SOURCE)]


@router.post("", status_code=201)
async def define(sources: Ours, actor: Who, body: Definition) -> dict[str, Any]:
    """Make a source, or change one (data steward, administrator). Secrets are kept and never answered."""
    demand_steward(actor)
    said = SourceDefinition(**{**body.model_dump(), "feeds": tuple(body.feeds)})
    connectors = await asyncio.to_thread(find_connectors, sources.folder / "connectors")
    connector = connectors.get(said.connector)
    if connector is None:
        raise Invalid(f"There is no connector {said.connector!r}; there are {', '.join(connectors)}.")
    if connector.manifest.mapping and not said.mapping:
        raise Invalid(f"Connector {said.connector} needs a mapping.")
    if said.settings or said.secrets or connector.manifest.kind == "stream":
        check_settings(connector.manifest, {**said.settings, **said.secrets})
    return shown(actor, await service.define_source(sources, actor, said))


@router.get("/connectors")
def read_connectors(sources: Ours, actor: Who) -> list[dict[str, Any]]:
    """The connectors at hand, with the settings that each asks for."""
    found = find_connectors(sources.folder / "connectors")
    return [
        {
            "name": one.manifest.name,
            "title": one.manifest.title,
            "kind": one.manifest.kind,
            "promisedEvery": one.manifest.promised_every,
            "settings": [
                {"name": name, "type": said.type, "vi": said.vi, "en": said.en, "required": said.required}
                | {"secret": said.secret, "default": said.default}
                for name, said in one.manifest.settings.items()
            ],
        }
        for one in found.values()
    ]


@router.get("/mappings")
def read_mappings(sources: Ours, actor: Who) -> list[dict[str, Any]]:
    """The mappings at hand; a broken one is there with its error."""
    return [_mapping(name, path) for name, path in mapping_paths(sources.mappings).items()]


@router.get("/rows")
def read_rows(  # noqa: PLR0913 - the filters of a list
    sources: Ours,
    actor: Who,
    source: Asked = "",
    reason: Asked = "",
    file: Asked = "",
    state: Asked = RowState.OPEN,
    limit: Page = 50,
    offset: Offset = 0,
    lang: Language = "vi",
) -> dict[str, Any]:
    """Quarantined rows, oldest first (data steward, administrator); `state` is open, replayed or dismissed."""
    page = quarantine.list_rows(sources, actor, Selection((), source, reason, file, state), limit, offset, lang)
    return {"rows": [row_dict(row) for row in page.rows], "total": page.total}


@router.post("/rows/replay")
async def replay(sources: Ours, actor: Who, body: Replay) -> dict[str, Any]:
    """Send open rows through their mapping again (data steward, administrator)."""
    report = await quarantine.replay_rows(sources, actor, _chosen(body), body.mapping)
    return {"replayed": report.replayed, "stillHeld": report.still_held, "reasons": report.reasons}


@router.post("/rows/dismiss")
async def dismiss(sources: Ours, actor: Who, body: Dismissal) -> dict[str, int]:
    """Close open rows without letting them in (data steward, administrator)."""
    return {"dismissed": await quarantine.dismiss_rows(sources, actor, _chosen(body), body.why)}


@router.post("/rows/{row_id}/correct")
async def correct(sources: Ours, actor: Who, row_id: str, body: Correction) -> dict[str, Any]:
    """Replay one row with edited cells (data steward, administrator); 400 when it still fails."""
    return row_dict(await quarantine.correct_row(sources, actor, row_id, body.row))


@router.get("/{source_id}")
def read_source(sources: Ours, actor: Who, source_id: str) -> dict[str, Any]:
    """One source with its rows accepted and quarantined by day."""
    entity = sources.hub.get(actor, service.get_source(sources, source_id).id)
    return shown(actor, entity) | {"days": service.days_of(sources, source_id)}


@router.post("/{source_id}/push", openapi_extra={"requestBody": _CSV_NOTE})
async def push(
    request: Request, sources: Ours, actor: Who, source_id: str, idempotency_key: Idempotency = ""
) -> dict[str, Any]:
    """Send rows, entities or a CSV text (key with scope source:<id>); answers how many went in and how many wait."""
    service.demand_intake(actor, source_id)
    body = b"".join([chunk async for chunk in _chunks(request, PUSH_BYTES)])
    content_type = request.headers.get("content-type", "")
    return service.report_dict(await service.push(sources, actor, source_id, body, content_type, idempotency_key))


@router.post("/{source_id}/file", openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}}})
async def send_file(
    request: Request,
    sources: Ours,
    actor: Who,
    source_id: str,
    mapping: Asked,
    name: Asked = "file",
    dry_run: Annotated[bool, Query(alias="dryRun")] = False,
) -> dict[str, Any]:
    """Import a whole file as the body, like `dothi import` (key with scope source:<id>)."""
    service.demand_intake(actor, source_id)
    if mapping not in mapping_paths(sources.mappings):
        raise Invalid(f"The server knows no mapping {mapping!r}: put it into the folder mappings of its data folder.")
    with tempfile.TemporaryDirectory(dir=sources.folder) as folder:
        path = Path(folder) / _file_name(name)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            async for chunk in _chunks(request, FILE_BYTES):
                file.write(chunk)
        return service.report_dict(await service.import_file(sources, actor, path, mapping, dry_run, source_id))


async def _chunks(request: Request, most: int) -> Any:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise TooLarge(f"The body is larger than {most} bytes: send it in parts.")
        yield chunk


def _file_name(said: str) -> str:
    """A name for the file as the sender calls it, with nothing in it that a file system could misread."""
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in said[:NAME_MAX]).lstrip(".") or "file"


def shown(actor: Actor, source: Entity) -> dict[str, Any]:
    """A source as this actor may see it; its state is worked out for now, not as last written."""
    now = now_us()
    view = service.overview(source)
    late = late_at(source)
    if not is_steward(actor):
        view.pop("problem")
    return view | {"state": state_of(source, now), "lateAt": iso(late) if late is not None else None}


def row_dict(row: RowView) -> dict[str, Any]:
    """A quarantined row for JSON."""
    said = {name: getattr(row, name) for name in ("id", "source", "file", "line", "reason", "text", "row", "state")}
    return said | {"mapping": row.mapping, "count": row.count, "at": iso(row.at)}


def _chosen(body: Chosen) -> Selection:
    if not (body.ids or body.source or body.reason or body.file):
        raise Invalid("Say which rows: ids, source, reason or file.")
    return Selection(tuple(body.ids), body.source, body.reason, body.file)


def _mapping(name: str, path: Path) -> dict[str, Any]:
    try:
        found = load_mapping(path).mapping
    except Invalid as error:
        return {"name": name, "error": error.detail}
    return {"name": name, "title": found.title, "format": found.format, "type": found.type, "licence": found.licence}
