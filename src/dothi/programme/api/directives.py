"""The JSON endpoints of what comes in: directives with their obligations, and plans from spreadsheets."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, UploadFile
from pydantic import Field

from dothi.accounts.api import Who, require_csrf
from dothi.programme.api.council import IssueBody
from dothi.programme.api.tasks import Body, Ours, ReasonBody, Words
from dothi.programme.directives import imports, service
from dothi.programme.directives.reading import FILE_MAX
from dothi.programme.directives.sheets import SHEET_MAX

router = APIRouter(tags=["directives"], dependencies=[Depends(require_csrf)])
Field_ = Annotated[str, Field(max_length=40)]
Unit = Annotated[str, Form(pattern=r"^\d{2}(\d{3})?$")]


class MappingBody(Body):
    """Which column (from 0) holds what, and what holds for rows that say nothing."""

    mapping: dict[Field_, int]
    defaults: dict[Field_, Words] = {}


class CellsBody(Body):
    """Cells of a row, corrected."""

    cells: dict[Field_, Words]


@router.get("/directives")
def read_directives(programme: Ours, actor: Who) -> list[dict[str, Any]]:
    """Directives, the newest first, with how many obligations wait and how many there are."""
    found = service.directives(programme, actor)
    return [asdict(one) | {"waiting": waiting, "obligations": count} for one, waiting, count in found]


@router.post("/directives", status_code=201)
async def take_in(programme: Ours, actor: Who, file: Annotated[UploadFile, File()], unit: Unit) -> dict[str, str]:
    """Take a .docx or PDF in (multipart form: `file`, `unit`); its obligations are proposed."""
    content = await file.read(FILE_MAX + 1)
    return {"id": await service.take_in(programme, actor, content, file.filename or "", unit)}


@router.get("/directives/{directive}/obligations")
def read_obligations(programme: Ours, actor: Who, directive: str) -> list[dict[str, Any]]:
    """What the document is read to ask, in the order of its text."""
    return [asdict(one) for one in service.proposed(programme, actor, directive)]


@router.post("/obligations/{obligation}/confirm", status_code=201)
async def confirm(programme: Ours, actor: Who, obligation: str, body: IssueBody) -> dict[str, str]:
    """A person confirms, as read or corrected: a task."""
    return {"id": await service.confirm(programme, actor, obligation, body.new_task())}


@router.post("/obligations/{obligation}/reject", status_code=204)
async def reject(programme: Ours, actor: Who, obligation: str, body: ReasonBody) -> None:
    """A person says no, and why."""
    await service.reject(programme, actor, obligation, body.reason)


@router.get("/imports")
def read_imports(programme: Ours, actor: Who) -> list[dict[str, Any]]:
    """Plans that came as tables, the newest first."""
    return [asdict(one) for one in imports.imports(programme, actor)]


@router.post("/imports", status_code=201)
async def take_plan(programme: Ours, actor: Who, file: Annotated[UploadFile, File()], unit: Unit) -> dict[str, str]:
    """Take a .xlsx or .csv in (multipart form: `file`, `unit`); nothing is issued yet."""
    content = await file.read(SHEET_MAX + 1)
    return {"id": await imports.take_plan(programme, actor, content, file.filename or "", unit)}


@router.put("/imports/{name}/mapping", status_code=204)
async def remap(programme: Ours, actor: Who, name: str, body: MappingBody) -> None:
    """Say which column holds what; every row is judged again."""
    await imports.remap(programme, actor, name, body.mapping, body.defaults)


@router.put("/imports/{name}/rows/{line}")
async def correct_row(programme: Ours, actor: Who, name: str, line: int, body: CellsBody) -> dict[str, Any]:
    """Correct a row and judge it again."""
    return asdict(await imports.correct_row(programme, actor, name, line, body.cells))


@router.delete("/imports/{name}/rows/{line}", status_code=204)
async def drop_row(programme: Ours, actor: Who, name: str, line: int) -> None:
    """Leave a row out."""
    await imports.drop_row(programme, actor, name, line)


@router.post("/imports/{name}/issue")
async def issue(programme: Ours, actor: Who, name: str) -> dict[str, int]:
    """Issue all ready rows in one step."""
    return {"issued": await imports.issue_rows(programme, actor, name)}
