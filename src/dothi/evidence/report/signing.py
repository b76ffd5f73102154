"""Signing a report: its figures computed a last time, then frozen as document, annexes and data that never change.

What has changed since is told beside it, with why; a revision is another report that takes its place.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dothi.evidence.model import OWNER, REPORT, SYSTEM, VALUE, Evidence, PeriodKind, parse_period
from dothi.evidence.publishing import freeze_for_report, why_revised
from dothi.evidence.reading import find
from dothi.evidence.report import document, workbook
from dothi.evidence.report.document import Paper
from dothi.evidence.report.duties import about_of
from dothi.evidence.report.gather import ask, gather
from dothi.evidence.report.model import (
    Address,
    Data,
    FiguresMoved,
    Moved,
    ReportKind,
    Rows,
    Signing,
    Snapshot,
    Stage,
    Told,
    packed,
)
from dothi.evidence.report.service import (
    asked_about,
    at_stage,
    compute_now,
    demand_writer,
    duty_of,
    keep_draft,
    kept,
    signed_before,
    snapshot_of,
    stand_and_gather,
    wording_of,
)
from dothi.evidence.report.templates import form, template_for
from dothi.evidence.report.wording import titles
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Forbidden, Invalid
from dothi.ground.ids import urn
from dothi.ground.text import slug
from dothi.hub.model import ABSENT, Actor, Attribute, Change, Commit, Entity, Op, json_prop, prop, rel, words

NUMBERS_MAX = 10_000
NAME_MIN, NAME_MAX = 2, 100  # Letters of a signer's name.
JSON = "application/json"
_NUMBER = re.compile(r"\d{1,6}[a-zđ]?", re.IGNORECASE)
Homes = Callable[[str], Address]  # Id of a report → the addresses of what stands behind its figures.


@dataclass(frozen=True, slots=True)
class Signature:
    """What a person says at signing: the document's number, who signed, and on whose behalf (an id of the form)."""

    number: str
    signer: str
    authority: str = "chairman"


async def sign(  # What the document says of its signing, and who does it.
    evidence: Evidence,
    actor: Actor,
    name: str,
    signature: Signature,
    homes: Homes,
    version: int | None = None,
    now: int | None = None,
) -> Entity:
    """Record that the report was signed and freeze it: document, annexes and figures never change again.

    Figures are computed a last time. FiguresMoved when one reads otherwise than in what was submitted: then nothing is
    signed, and the draft shows the new ones.
    """
    at = now_us() if now is None else now
    duty = duty_of(evidence, actor, name)
    demand_writer(evidence, actor, duty.value("unit"))
    at_stage(duty, Stage.SUBMITTED)
    snapshot = kept(evidence, duty)
    signing = _signing(actor, signature, at)
    if snapshot.template.two_people and duty.value("submittedBy") == actor.id:
        raise Forbidden("Who submitted this report does not sign it.")
    fresh = await compute_now(evidence, duty, at)
    changed = differing(snapshot.data, fresh.data)
    if changed:
        await keep_draft(evidence, actor, duty, fresh, at, "figures have changed")
        raise FiguresMoved(f"These read otherwise now: {', '.join(changed)}.", figures=changed)
    return await _freeze(evidence, actor, duty, snapshot, signing, homes, version)


def _signing(actor: Actor, said: Signature, now: int) -> Signing:
    if not _NUMBER.fullmatch(said.number.strip()):
        raise Invalid("The number of the document is digits, at most with a letter: 12 or 12a.", field="number")
    if not NAME_MIN <= len(said.signer.strip()) <= NAME_MAX:
        raise Invalid("Name who signed the document.", field="signer")
    for one in form()["authority"]:
        if one["id"] == said.authority:
            name = said.signer.strip()
            return Signing(said.number.strip(), name, one["position"], one["authority"], now, actor.id)
    raise Invalid("Choose on whose behalf the document is signed.", field="authority")


def differing(read: Data, fresh: Data) -> list[str]:
    """The names of what reads otherwise: figures, what they were, lists and tables by commune."""
    one, other = _says(read), _says(fresh)
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]


def _says(data: Data) -> dict[str, Any]:
    figures = {one.name: (one.shown, one.of, one.before.shown if one.before else "") for one in data.figures.values()}
    lists = {rows.title: rows.rows for rows in data.lists.values()}
    cells = {
        grid.title: ([[one.shown for one in row.cells.values()] for row in grid.rows], grid.rest)
        for grid in data.grids.values()
    }
    return {**figures, **lists, **cells}


async def _freeze(  # All that becomes one signed report.
    evidence: Evidence,
    actor: Actor,
    duty: Entity,
    snapshot: Snapshot,
    signing: Signing,
    homes: Homes,
    version: int | None,
) -> Entity:
    name, number = _free_id(evidence, duty.value("kind"), duty.value("unit"), duty.value("period"))
    data = await freeze_figures(evidence, actor, snapshot.data, signing.at)
    final = Snapshot(data, snapshot.template, wording_of(duty), signing)
    paper = Paper(data, final.template, final.wording, homes(name), signing)
    attrs = await _kept_files(evidence, paper, packed(final), number)
    attrs |= _official(duty, signing, number)
    create = Change(Op.CREATE, name, (REPORT,), attrs)
    done: dict[str, Attribute] = {
        "state": prop(Stage.SIGNED.value, iso(signing.at)),
        "open": prop(False),
        "report": rel(name),
    }
    close = Change(Op.APPEND, duty.id, attrs=done)
    expect = {name: ABSENT, duty.id: duty.version if version is None else version}
    await evidence.hub.commit(Commit(actor, (create, close), "report signed", expect, owner=OWNER))
    return evidence.hub.get(SYSTEM, name)


def _official(duty: Entity, signing: Signing, number: int) -> dict[str, Attribute]:
    """What was said at signing, and which report this one takes the place of."""
    attrs: dict[str, Attribute] = {
        "duty": rel(duty.id),
        "number": prop(signing.number),
        "signer": prop(signing.signer),
        "position": prop(signing.position),
        "signedAt": prop(iso(signing.at)),
        "signedBy": prop(signing.by),
        "submittedBy": prop(duty.value("submittedBy")),
        "revision": prop(number),
    }
    if duty.value("report"):
        attrs |= {"replaces": rel(duty.value("report")), "revisionReason": prop(duty.value("revisionReason", ""))}
    return attrs


async def freeze_figures(evidence: Evidence, actor: Actor, data: Data, now: int) -> Data:
    """The same data with every figure's evidence a copy that never changes. FiguresMoved when one says otherwise."""
    ids = [one.evidence for one in _all_told(data) if f":{VALUE}:" in one.evidence]
    ids += [one.before.evidence for one in _all_told(data) if one.before and f":{VALUE}:" in one.before.evidence]
    copies = await freeze_for_report(evidence, actor, ids, f"báo cáo {data.period}, {data.name}", now)
    for one in _all_told(data):
        if one.evidence in copies and evidence.hub.get(SYSTEM, copies[one.evidence]).value("value") != one.value:
            raise FiguresMoved(f"{one.name} has just changed.", figures=[one.name])
    return msgspec.convert(_renamed(msgspec.to_builtins(data), copies), Data)


def _renamed(value: Any, copies: Mapping[str, str]) -> Any:
    """The same JSON with the evidence of figures named anew."""
    if isinstance(value, dict):
        return {
            key: copies.get(one, one) if key == "evidence" and isinstance(one, str) else _renamed(one, copies)
            for key, one in value.items()
        }
    return [_renamed(one, copies) for one in value] if isinstance(value, list) else value


def _all_told(data: Data) -> Iterable[Told]:
    yield from data.figures.values()
    for grid in data.grids.values():
        for row in grid.rows:
            yield from row.cells.values()


async def _kept_files(evidence: Evidence, paper: Paper, content: bytes, number: int) -> dict[str, Attribute]:
    """Document, annexes and figures as files under their hashes, and what lists tell of the report."""
    data = paper.data
    bare = f"bao-cao-{slug(data.period)}-{slug(data.name)}" + (f"-lan-{number}" if number > 1 else "")
    papers = await asyncio.to_thread(document.write, paper)
    annexes = await asyncio.to_thread(workbook.write, paper)
    made = {
        "file": (papers, document.MEDIA_TYPE, f"{bare}.docx"),
        "annex": (annexes, workbook.MEDIA_TYPE, f"{bare}-phu-luc.xlsx"),
        "data": (content, JSON, f"{bare}.json"),
    }
    kept = {
        key: {
            "sha256": await asyncio.to_thread(evidence.hub.keep_file, one),
            "mediaType": kind,
            "name": name,
            "bytes": len(one),
        }
        for key, (one, kind, name) in made.items()
    }
    return {key: json_prop(one) for key, one in kept.items()} | _told_of(paper)


def _told_of(paper: Paper) -> dict[str, Attribute]:
    data = paper.data
    told = [one for one in data.figures.values() if one.indicator]
    names = ("indicator", "period", "value", "shown", "evidence")
    figures = [{name: getattr(one, name) for name in names} for one in told]
    return {
        "name": words(vi=titles(paper.template, data)[1], en=f"Report of {data.period} – {data.name}"),
        "kind": prop(data.kind),
        "unit": prop(data.unit),
        "period": prop(data.period),
        "madeAt": prop(iso(data.made)),
        "figures": json_prop(figures),
        "cites": rel([one.evidence for one in told]),
        "simulated": prop(data.simulated),
        "template": prop(f"{data.template} {data.version}"),
    }


def _free_id(evidence: Evidence, kind: str, unit: str, period: str) -> tuple[str, int]:
    names = ((urn(REPORT, kind, unit, period, str(number)), number) for number in range(1, NUMBERS_MAX))
    return next(one for one in names if find(evidence, one[0]) is None)


async def write_month(
    evidence: Evidence, actor: Actor, unit: str, month: str, address: Address, now: int | None = None
) -> Entity:
    """Write a month's report as it stands, unsigned and with every word a draft; returns the PublishedReport.

    Forbidden when `actor` may not report for the unit, Invalid when the month has not begun, Missing when there is no
    such unit. Written again later, it is another report: the former one stays.
    """
    at = now_us() if now is None else now
    parse_period(PeriodKind.MONTH, month)
    about = asked_about(evidence, actor, ReportKind.MONTH, unit, month, "", at)
    demand_writer(evidence, actor, unit)
    template = template_for(evidence, about.kind, unit, at)
    asking = ask(evidence, about, template, at, signed_before(evidence, about))
    data = await freeze_figures(evidence, actor, await stand_and_gather(evidence, asking), at)
    name, number = _free_id(evidence, ReportKind.MONTH, unit, month)
    paper = Paper(data, template, {}, address)
    attrs = await _kept_files(evidence, paper, packed(Snapshot(data, template)), number)
    change = Change(Op.CREATE, name, (REPORT,), attrs)
    await evidence.hub.commit(Commit(actor, (change,), f"report of {month}", {name: ABSENT}, owner=OWNER))
    return evidence.hub.get(actor, name)


def moved(evidence: Evidence, report: Entity, now: int | None = None) -> list[Moved]:
    """What reads otherwise now than when a report was signed, with typed reasons; nothing is written.

    A figure told as of the day of signing says so: it is expected to move.
    """
    snapshot = snapshot_of(evidence, report)
    duty = find(evidence, report.value("duty", ""))
    if snapshot is None or duty is None:
        return []
    at = now_us() if now is None else now
    about = about_of(evidence, duty, at)
    fresh = gather(ask(evidence, about, snapshot.template, at, {}), SYSTEM)
    return [
        Moved(one.id, one.name, one.shown, new.shown, tuple(_why(evidence, one, new, snapshot.data, fresh)))
        for one in snapshot.data.figures.values()
        if (new := fresh.figures.get(one.id)) is not None and new.shown != one.shown
    ]


def _why(evidence: Evidence, was: Told, new: Told, frozen: Data, fresh: Data) -> Iterator[Mapping[str, Any]]:
    """Typed reasons for one figure that moved."""
    if new.value is None and new.reasons:
        yield from new.reasons
        return
    if was.evidence.startswith("list:"):
        name = was.evidence.removeprefix("list:")
        yield from _row_reasons(frozen.lists[name], fresh.lists[name])
    published = find(evidence, was.evidence) if was.indicator else None
    if published is not None and "publishedAt" in published.attrs:
        yield from why_revised(evidence, published, new.count, new.formula)
    elif was.value is None:
        yield {"code": "moreInputs", "count": new.count}
    if was.as_of:
        yield {"code": "asOf"}


def _row_reasons(was: Rows, now: Rows) -> Iterator[Mapping[str, Any]]:
    before, after = ({row[0] for row in rows.rows} for rows in (was, now))
    if after - before:
        yield {"code": "rowsIn", "count": len(after - before)}
    if before - after:
        yield {"code": "rowsOut", "count": len(before - after)}
