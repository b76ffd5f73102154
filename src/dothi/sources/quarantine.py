"""Rows that failed their mapping: listed, corrected, replayed or dismissed; nothing is lost, nothing enters unseen."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from dothi.accounts.policy import is_system, roles_of
from dothi.ground.clock import now_us
from dothi.ground.errors import DothiError, Forbidden, Invalid, Missing
from dothi.hub.language.nodes import And, Compare, Condition, Query, TypeIs
from dothi.hub.model import Actor, Change, Commit, Entity, amend, json_prop, prop
from dothi.sources.intake import Good, Held, Run, bookkeeping, file_of_rows, hand_over, judge, lean, start
from dothi.sources.mapping.library import find_mapping
from dothi.sources.mapping.model import Fault, Raw
from dothi.sources.model import ROW, SYSTEM, NotOpen, RowState, Sources, acting, explain, source_urn

STEWARDS = frozenset({"data_steward", "administrator"})  # Who may see and change raw rows, which may name people.
PAGE_MAX = 500
_BATCH = 200
_NAMED = 1000


@dataclass(frozen=True)
class RowView:
    """A quarantined row as a page shows it; `count` above 1 means a file of so many rows with one reason."""

    id: str
    source: str
    file: str
    line: int
    reason: str
    text: str
    row: dict[str, Any]
    state: str
    mapping: str
    count: int
    at: int  # When it came (µs).


@dataclass(frozen=True)
class RowPage:
    """A page of quarantined rows; `total` counts entries, a file of rows being one."""

    rows: tuple[RowView, ...]
    total: int


@dataclass(frozen=True)
class ReplayReport:
    """What became of replayed rows: how many went in, how many still fail, and why."""

    replayed: int = 0
    still_held: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Selection:
    """Which rows: by id, or all open ones of a source, a reason, a file."""

    ids: tuple[str, ...] = ()
    source: str = ""
    reason: str = ""
    file: str = ""
    state: str = RowState.OPEN


def is_steward(actor: Actor) -> bool:
    """Whether `actor` looks after the data: a data steward, an administrator, or a module of dothi."""
    return is_system(actor) or bool(roles_of(actor) & STEWARDS)


def is_administrator(actor: Actor) -> bool:
    """Whether `actor` runs the machine: an administrator, or a module of dothi."""
    return is_system(actor) or "administrator" in roles_of(actor)


def demand_steward(actor: Actor) -> None:
    """Raise Forbidden unless `actor` may handle raw rows."""
    if not is_steward(actor):
        raise Forbidden(f"{actor.id} may not handle quarantined rows: this is for data stewards.")


def list_rows(
    sources: Sources, actor: Actor, chosen: Selection, limit: int = 50, offset: int = 0, language: str = "vi"
) -> RowPage:
    """Quarantined rows, oldest first; `language` is that of the reasons (vi or en)."""
    demand_steward(actor)
    if not 0 < limit <= PAGE_MAX or offset < 0:
        raise Invalid(f"limit is 1 to {PAGE_MAX} and offset at least 0.")
    page = sources.hub.query(SYSTEM, _query(chosen, limit, offset, count=True))
    return RowPage(tuple(view(sources, one, language) for one in page), page.count or 0)


def _query(chosen: Selection, limit: int, offset: int = 0, count: bool = False) -> Query:
    terms: list[Condition] = []
    for name, value in (("reason", chosen.reason), ("file", chosen.file), ("state", chosen.state)):
        if value:
            terms.append(Compare((name,), "==", str(value)))
    if chosen.source:
        terms.append(Compare(("source",), "==", source_urn(chosen.source)))
    condition = And(tuple(terms)) if len(terms) > 1 else (terms[0] if terms else None)
    return Query(types=TypeIs(ROW), ids=chosen.ids, q=condition, limit=limit, offset=offset, count=count)


def view(sources: Sources, entity: Entity, language: str = "vi") -> RowView:
    """One quarantined row (or file of rows: its first) for people."""
    detail = entity.value("detail", {})
    row = entity.value("row")
    if row is None:
        row = next(_kept_rows(sources, entity)).row
    return RowView(
        entity.id,
        entity.value("source"),
        entity.value("file", ""),
        entity.value("line", 0),
        entity.value("reason", ""),
        explain(detail.get("code", ""), detail.get("attribute", ""), detail, language),
        dict(row),
        entity.value("state", ""),
        entity.value("mapping", ""),
        entity.value("count", 1),
        entity.created_at,
    )


def _kept_rows(sources: Sources, entity: Entity) -> Iterator[Raw]:
    for line in sources.hub.read_file(entity.value("rows")).split(b"\n"):
        kept = msgspec.json.decode(line)
        yield Raw(kept["line"], kept["row"])


def _check_storable(edits: Mapping[str, Any]) -> None:
    """Raise Invalid for what JSON lets through and no store takes: half characters, numbers beyond 64 bits."""
    try:
        msgspec.json.encode(edits)
    except (UnicodeEncodeError, OverflowError, TypeError, RecursionError) as error:
        raise Invalid(f"The edited cells cannot be kept: {error}.") from error


def _open_row(sources: Sources, row_id: str) -> Entity:
    entity = sources.hub.get(SYSTEM, row_id)
    if ROW not in entity.types:
        raise Missing(f"{row_id} is no quarantined row.")
    if entity.value("state") != RowState.OPEN:
        raise NotOpen(f"{row_id} was {entity.value('state')} already.")
    return entity


async def correct_row(
    sources: Sources, actor: Actor, row_id: str, edits: Mapping[str, Any], now: int | None = None
) -> RowView:
    """Replay one row with edited cells. Invalid (nothing is written) when it still breaks the mapping."""
    demand_steward(actor)
    entity = _open_row(sources, row_id)
    if entity.value("row") is None:
        raise Invalid("This entry stands for many rows: correct the mapping and replay it.")
    _check_storable(edits)
    raw = Raw(entity.value("line"), {**entity.value("row"), **edits})
    failed = await _replay_singles(sources, actor, [(entity, raw)], "", now_us() if now is None else now)
    if failed:
        fault = failed[0]
        raise Invalid(
            f"The row still fails: {explain(fault.code, fault.attribute, fault.detail, 'en')}",
            reason=fault.reason,
            vi=explain(fault.code, fault.attribute, fault.detail),
        )
    return view(sources, sources.hub.get(SYSTEM, row_id))


async def replay_rows(
    sources: Sources, actor: Actor, chosen: Selection, mapping: str = "", now: int | None = None
) -> ReplayReport:
    """Send open rows through their mapping as it is now, or through another one (`mapping`): after it was mended.

    A row that passes goes in with its change of state in one commit; the others stay open.
    """
    demand_steward(actor)
    now = now_us() if now is None else now
    replayed, still = 0, Counter[str]()
    for batch in _batches(sources, chosen):
        singles = [(one, Raw(one.value("line"), one.value("row"))) for one in batch if one.value("row") is not None]
        failed = await _replay_singles(sources, actor, singles, mapping, now)
        replayed += len(singles) - len(failed)
        still.update(fault.reason for fault in failed)
        for one in batch:
            if one.value("row") is None:
                left = await _replay_file(sources, actor, one, mapping, now)
                replayed += one.value("count") - len(left)
                still.update(fault.reason for _, fault in left)
    return ReplayReport(replayed, still.total(), dict(still))


async def dismiss_rows(sources: Sources, actor: Actor, chosen: Selection, why: str) -> int:
    """Close open rows without letting them in, with the reason why; returns how many entries were closed."""
    demand_steward(actor)
    if not why.strip():
        raise Invalid("Say why these rows are dismissed; it is kept in their history.")
    closed = 0
    for batch in _batches(sources, chosen):
        changes = tuple(amend(one.id, state=prop(RowState.DISMISSED), why=prop(why.strip())) for one in batch)
        await sources.hub.commit(Commit(acting(actor), changes, f"dismissed: {why}", owner=sources.owner))
        closed += len(changes)
    return closed


def _batches(sources: Sources, chosen: Selection) -> Iterator[list[Entity]]:
    """The chosen open rows, batch by batch; they are named first, since replaying changes what the query finds."""
    chosen = replace(chosen, state=RowState.OPEN)
    ids: list[str] = []
    while True:
        page = sources.hub.query(SYSTEM, _query(chosen, _NAMED, len(ids))).entities
        ids += [one.id for one in page]
        if len(page) < _NAMED:
            break
    for first in range(0, len(ids), _BATCH):
        yield [sources.hub.get(SYSTEM, one) for one in ids[first : first + _BATCH]]


async def _replay_singles(
    sources: Sources, actor: Actor, rows: Sequence[tuple[Entity, Raw]], mapping: str, now: int
) -> list[Fault]:
    """Replay rows that are entities of their own; returns the faults of those that still fail."""
    faults: list[Fault] = []
    for (source, name), group in _grouped(rows, mapping).items():
        run = start(sources, actor, source, find_mapping(sources.mappings, name), vouched=True)
        pairs: list[tuple[Good, Change | None]] = []
        for entity, raw in group:
            good, held = judge(run, [raw], now)
            faults += [one.fault for one in held]
            pairs += [
                (one, amend(entity.id, state=prop(RowState.REPLAYED), row=json_prop(dict(raw.row)))) for one in good
            ]
        seen = max(entity.created_at for entity, _ in group)
        async with sources.turn(run.source):
            faults += [one.fault for one in await _enter(run, pairs, seen, now)]
    return faults


def _grouped(rows: Sequence[tuple[Entity, Raw]], mapping: str) -> dict[tuple[str, str], list[tuple[Entity, Raw]]]:
    grouped: dict[tuple[str, str], list[tuple[Entity, Raw]]] = {}
    for entity, raw in rows:
        grouped.setdefault((entity.value("source"), mapping or entity.value("mapping")), []).append((entity, raw))
    return grouped


async def _replay_file(sources: Sources, actor: Actor, entity: Entity, mapping: str, now: int) -> list[Held]:
    """Replay an entry that stands for a file of rows; those that still fail stay in a file of their own."""
    name = mapping or entity.value("mapping")
    run = start(sources, actor, entity.value("source"), find_mapping(sources.mappings, name), vouched=True)
    rows, left = list(_kept_rows(sources, entity)), []
    for first in range(0, len(rows), _BATCH):
        good, held = judge(run, rows[first : first + _BATCH], now)
        async with sources.turn(run.source):
            refused = await _enter(run, [(one, None) for one in good], entity.created_at, now)
        left += held + refused
    if len(left) == len(rows):
        return left
    change = amend(entity.id, state=prop(RowState.REPLAYED))
    if left:
        digest = await asyncio.to_thread(sources.hub.keep_file, file_of_rows(left))
        change = amend(entity.id, rows=prop(digest), count=prop(len(left)))
    await sources.hub.commit(Commit(acting(actor), (change,), f"replayed: {name}", owner=sources.owner))
    return left


async def _enter(run: Run, pairs: list[tuple[Good, Change | None]], seen: int, now: int) -> list[Held]:
    """Commit rows with what closes them; when one is refused each goes alone. Returns the refused."""
    if not pairs:
        return []
    try:
        await _together(run, pairs, seen, now)
    except DothiError as refused:
        run.constants.clear()  # What was taken as written is not.
        if len(pairs) == 1:
            return [Held(pairs[0][0].raw, Fault("refused", value=refused.detail))]
        return [held for pair in pairs for held in await _enter(run, [pair], seen, now)]
    return []


async def _together(run: Run, pairs: list[tuple[Good, Change | None]], seen: int, now: int) -> None:
    goods = sorted((good for good, _ in pairs), key=lambda one: one.mapped.observed_at or "")
    reason = f"replayed: {run.mapping.mapping.name}"
    refused, own = await hand_over(run, goods, reason, None)
    if refused:
        raise Invalid(str(refused[0].fault.detail.get("value")))
    changes = [change for one in own if (change := lean(run, one.mapped.change)) is not None]
    closing = [change for _, change in pairs if change is not None]
    books = bookkeeping(run, len(pairs), 0, now, seen)
    commit = Commit(acting(run.actor), (*changes, *closing, *books), reason, owner=run.sources.owner)
    await run.sources.hub.commit(commit)
