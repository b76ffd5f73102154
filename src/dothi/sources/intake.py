"""The way in for every row: mapped, judged, committed in batches; what fails goes to quarantine in the same commit."""

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from dothi.ground.clock import from_iso, now_us, to_datetime
from dothi.ground.errors import DothiError, Missing
from dothi.ground.ids import urn
from dothi.hub.model import (
    Actor,
    Attribute,
    Change,
    Commit,
    Entity,
    Instance,
    Op,
    Receipt,
    Result,
    amend,
    default_instance,
    instances,
    json_prop,
    prop,
    rel,
)
from dothi.sources.mapping.compiled import Compiled, Jump, Mapped
from dothi.sources.mapping.model import Fault, Raw
from dothi.sources.model import (
    DAY,
    OWNED,
    ROW,
    SYSTEM,
    Delivery,
    ImportReport,
    RowState,
    Sources,
    SourceState,
    acting,
    explain,
    source_urn,
)

SINGLE_ROWS_MAX = 1000  # Quarantined rows of one run kept as entities of their own; the rest go into files.
CHUNK_ROWS = 5000
EXAMPLES_MAX = 20
_REMEMBERED = 200_000  # Entities whose constant attributes a run remembers.
_STAMPS = ("createdAt", "modifiedAt")
_OWN_IDS = tuple(f"urn:ngsi-ld:{kind}:" for kind in OWNED)


class Held(NamedTuple):
    """A row that goes to quarantine, and why."""

    raw: Raw
    fault: Fault


class Good(NamedTuple):
    """A row that became a change."""

    raw: Raw
    mapped: Mapped

    @property
    def kind(self) -> str:
        """The (first) type of the entity."""
        return self.mapped.change.types[0]


@dataclass
class Run:
    """One run of rows from one source through one mapping; `tally` grows as deliveries are taken."""

    sources: Sources
    source: str  # URN of the DataSource.
    mapping: Compiled
    actor: Actor
    dry: bool = False
    simulated: bool = False  # What comes from a simulated source says so itself, wherever it is shown.
    vouched: bool = False  # A person looked at these rows: a jump is no longer suspicious.
    batches: int = 0
    replayed: int = 0
    tally: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)
    single: int = 0
    day: int = 0
    spill: dict[str, list[Held]] = field(default_factory=lambda: defaultdict(list))
    constants: dict[str, dict[str, Attribute]] = field(default_factory=dict)
    before: dict[tuple[str, str], tuple[float, int] | None] = field(default_factory=dict)

    def report(self, seconds: float = 0.0) -> ImportReport:
        """What became of the rows so far."""
        return ImportReport(
            self.tally["rows"],
            self.tally["accepted"],
            self.tally["quarantined"],
            bool(self.batches) and self.replayed == self.batches,
            dict(self.reasons),
            dict(self.missing),
            dict(self.left_out),
            tuple(self.examples),
            seconds,
            self.dry,
        )


async def take(run: Run, delivery: Delivery, now: int | None = None) -> None:
    """Commit one delivery: good rows, quarantined rows and the source's counters together, once for its key.

    When this returns everything is on disk, save rows held back for a file of their own (only when not `last`).
    """
    now = now_us() if now is None else now
    good, held = judge(run, delivery.rows, now)
    if run.dry:
        _count(run, len(delivery.rows), len(good), held)
        return
    good.sort(key=lambda one: one.mapped.observed_at or "")  # Successive upserts in time order.
    async with run.sources.turn(run.source):
        refused = await _write(run, good, held, delivery, now)
        _count(run, len(delivery.rows), len(good) - len(refused), held + refused)
        if delivery.last or sum(map(len, run.spill.values())) >= CHUNK_ROWS:
            await _write_chunks(run, delivery, now)


def judge(run: Run, rows: Sequence[Raw], now: int) -> tuple[list[Good], list[Held]]:
    """The rows that the mapping accepts, and those that it does not."""
    good: list[Good] = []
    held: list[Held] = []
    moment = to_datetime(now)
    for raw in rows:
        try:
            good.append(Good(raw, _mapped(run, raw, moment)))
        except Fault as fault:
            held.append(Held(raw, fault))
    return good, held


def _mapped(run: Run, raw: Raw, moment: datetime) -> Mapped:
    if raw.fault is not None:
        raise raw.fault
    mapped = run.mapping.change(raw.row, moment, run.missing)
    # By id too: the batch carries the owner's capability, and the entity that stands may have a type that is not said.
    named = mapped.change.id.startswith(_OWN_IDS) and mapped.change.id.split(":")[2]
    guarded = next((kind for kind in (*mapped.change.types, named) if kind in OWNED), None)
    if guarded is not None:
        raise Fault("guarded", value=guarded, use=OWNED[guarded])
    for jump in () if run.vouched else run.mapping.jumps:
        _check_jump(run, mapped, jump)
    run.left_out.update(fault.reason for fault in mapped.left_out)
    return mapped


def _check_jump(run: Run, mapped: Mapped, jump: Jump) -> None:
    """Raise Fault when a reading stands too far from the one before it; a silence longer than the rule forgets it."""
    instance = default_instance(mapped.change.attrs.get(jump.attribute))
    if instance is None or mapped.observed_at is None:
        return
    value, at = instance["value"], from_iso(mapped.observed_at)
    place = (mapped.change.id, jump.attribute)
    if place not in run.before:
        run.before[place] = _reading(run, *place)
    before = run.before[place]
    if before is not None and abs(at - before[1]) <= jump.within_s * 1_000_000:
        low, high = sorted((abs(before[0]), abs(value)))
        stepped = jump.step is not None and abs(value - before[0]) > jump.step
        if stepped or (jump.factor is not None and low > 0 and high / low > jump.factor):
            raise Fault("jump", jump.attribute, value=value, before=before[0])
    run.before[place] = (value, at)


def _reading(run: Run, subject: str, attribute: str) -> tuple[float, int] | None:
    entity = _standing(run.sources, subject)
    instance = entity.instance(attribute) if entity else None
    if instance is None or "observedAt" not in instance or not isinstance(instance.get("value"), int | float):
        return None
    return instance["value"], from_iso(instance["observedAt"])


def _standing(sources: Sources, subject: str) -> Entity | None:
    try:
        return sources.hub.get(SYSTEM, subject)
    except Missing:
        return None


async def _write(run: Run, good: list[Good], held: list[Held], delivery: Delivery, now: int) -> list[Held]:
    """Commit the batch; returns the rows that the hub or a writer refused (they are in quarantine then)."""
    run.batches += 1
    reason = f"{delivery.name} → {run.mapping.mapping.name}"
    refused, own = await hand_over(run, good, reason, delivery.key)
    held = [*held, *refused]
    changes = [(one, change) for one in own if (change := lean(run, one.mapped.change)) is not None]
    rows = _rows(run, held, delivery, now)
    books = bookkeeping(run, len(good) - len(refused), len(held), now)
    receipt = await _commit(run, [*(change for _, change in changes), *rows, *books], reason, delivery.key)
    run.replayed += receipt.replayed
    results = list(receipt.results[: len(changes)]) if not receipt.replayed else []
    failed = [
        Held(one.raw, _refusal(result)) for (one, _), result in zip(changes, results, strict=False) if result.error
    ]
    if failed:
        run.constants.clear()  # What was taken as written is not.
        rows = _rows(run, failed, delivery, now)
        books = bookkeeping(run, -len(failed), len(failed), now)
        await _commit(run, [*rows, *books], reason, _suffixed(delivery.key, "refused"))
    return refused + failed


async def _commit(run: Run, changes: list[Change], reason: str, key: str | None) -> Receipt:
    commit = Commit(acting(run.actor), tuple(changes), reason, key=key, partial=True, owner=run.sources.owner)
    return await run.sources.hub.commit(commit)


async def hand_over(run: Run, good: list[Good], reason: str, key: str | None) -> tuple[list[Held], list[Good]]:
    """Let the owners of guarded types write their rows; returns those that they refused, and the rows left for us."""
    refused = []
    own = [one for one in good if one.kind not in run.sources.writers]
    for kind in sorted({one.kind for one in good} & run.sources.writers.keys()):
        rows = [one for one in good if one.kind == kind]
        changes = [_sourced(run, one.mapped.change) for one in rows]
        try:
            receipt = await run.sources.writers[kind](run.actor, changes, reason, _suffixed(key, kind))
        except DothiError as error:
            refused += [Held(one.raw, Fault("refused", value=error.detail)) for one in rows]
            continue
        results = zip(rows, receipt.results, strict=True)
        refused += [Held(one.raw, _refusal(result)) for one, result in results if result.status == "failed"]
    return refused, own


def _refusal(result: Result) -> Fault:
    return Fault("refused", value=str(result.error))


def _suffixed(key: str | None, suffix: str) -> str | None:
    return f"{key}:{suffix}" if key else None


def _sourced(run: Run, change: Change) -> Change:
    marks: dict[str, Attribute] = {} if "source" in change.attrs else {"source": rel(run.source)}
    if run.simulated:
        marks["simulated"] = prop(True)
    return msgspec.structs.replace(change, attrs={**change.attrs, **marks})


def lean(run: Run, change: Change) -> Change | None:
    """The change without constants that stand already, so that history holds each once; None when nothing is left."""
    attrs = _sourced(run, change).attrs
    known = run.constants.get(change.id)
    if known is None:
        if len(run.constants) >= _REMEMBERED:
            run.constants.clear()
        standing = _standing(run.sources, change.id)
        known = {name: _bare(one) for name, one in standing.attrs.items() if not _timed(one)} if standing else {}
    fresh = {name: one for name, one in attrs.items() if _timed(one) or known.get(name) != one}
    run.constants[change.id] = {**known, **{name: one for name, one in fresh.items() if not _timed(one)}}
    return msgspec.structs.replace(change, attrs=fresh) if fresh else None


def _timed(attribute: Attribute) -> bool:
    return any("observedAt" in one for one in instances(attribute))


def _bare(attribute: Attribute) -> Attribute:
    bare: list[Instance] = [
        {key: value for key, value in one.items() if key not in _STAMPS} for one in instances(attribute)
    ]
    return bare if isinstance(attribute, list) else bare[0]


def bookkeeping(run: Run, accepted: int, quarantined: int, now: int, seen: int | None = None) -> list[Change]:
    """The source's counters moved: in all, and of this day (UTC). Good rows make it live."""
    source = run.sources.hub.get(SYSTEM, run.source)
    attrs: dict[str, Attribute] = {
        "accepted": prop(source.value("accepted", 0) + accepted),
        "quarantined": prop(source.value("quarantined", 0) + quarantined),
        "lastContact": prop(to_datetime(now).isoformat().replace("+00:00", "Z")),
    }
    if accepted > 0:
        last = max(source.value("lastSeen", ""), _utc(now if seen is None else seen))
        attrs |= {"lastSeen": prop(last), "state": prop(SourceState.LIVE)}
    day = _utc(now)[:10]
    name = urn(DAY, run.source.rpartition(":")[2], day)
    stood = _standing(run.sources, name)
    counts = {
        "accepted": prop((stood.value("accepted", 0) if stood else 0) + accepted),
        "quarantined": prop((stood.value("quarantined", 0) if stood else 0) + quarantined),
    }
    if stood is None:
        counts |= {"source": rel(run.source), "day": prop(day)}
    return [amend(run.source, **attrs), Change(Op.UPSERT, name, (DAY,), {**counts})]


def _utc(instant: int) -> str:
    return to_datetime(instant).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _rows(run: Run, held: list[Held], delivery: Delivery, now: int) -> list[Change]:
    """The first rows as entities; what is above the cap waits in `run.spill`."""
    if now // 86_400_000_000 != run.day:
        run.day, run.single = now // 86_400_000_000, 0
    changes = []
    for one in held:
        if run.single < SINGLE_ROWS_MAX:
            run.single += 1
            changes.append(row_entity(run, one, delivery))
        else:
            run.spill[one.fault.reason].append(one)
    return changes


def row_entity(run: Run, one: Held, delivery: Delivery) -> Change:
    """A quarantined row as an entity; the same row of the same file has the same id."""
    raw, fault = one
    mark = hashlib.sha256(
        msgspec.json.encode([run.source, delivery.name, delivery.key, raw.line, raw.row, fault.reason], order="sorted")
    )
    return _quarantined(run, mark.hexdigest()[:32], fault, delivery, raw.line, row=json_prop(dict(raw.row)))


def _quarantined(run: Run, mark: str, fault: Fault, delivery: Delivery, line: int, **more: Instance) -> Change:
    attrs: dict[str, Attribute] = {
        "source": rel(run.source),
        "file": prop(delivery.name),
        "line": prop(line),
        "reason": prop(fault.reason),
        "detail": json_prop({"code": fault.code, "attribute": fault.attribute, **fault.detail}),
        "state": prop(RowState.OPEN),
        "mapping": prop(run.mapping.mapping.name),
        **more,
    }
    return Change(Op.CREATE, urn(ROW, mark), (ROW,), attrs)


def file_of_rows(held: Sequence[Held]) -> bytes:
    """Rows as JSON lines, to be kept beside the hub and replayed from there."""
    return b"\n".join(msgspec.json.encode({"line": one.raw.line, "row": one.raw.row}) for one in held)


async def _write_chunks(run: Run, delivery: Delivery, now: int) -> None:
    """Write the rows above the cap as files of JSON lines, one for each reason, each listed as one quarantined row."""
    changes = []
    for reason, held in run.spill.items():
        digest = await asyncio.to_thread(run.sources.hub.keep_file, file_of_rows(held))
        mark = hashlib.sha256(f"{run.source} {delivery.name} {reason} {digest}".encode()).hexdigest()[:32]
        first = held[0]
        more = {"rows": prop(digest), "count": prop(len(held))}
        changes.append(_quarantined(run, mark, first.fault, delivery, first.raw.line, **more))
    run.spill.clear()
    if changes:
        await _commit(run, changes, f"{delivery.name}: quarantined rows above {SINGLE_ROWS_MAX}", None)


def _count(run: Run, rows: int, accepted: int, held: list[Held]) -> None:
    run.tally.update(rows=rows, accepted=accepted, quarantined=len(held))
    run.reasons.update(one.fault.reason for one in held)
    for raw, fault in held[: max(0, EXAMPLES_MAX - len(run.examples))]:
        run.examples.append(
            {
                "line": raw.line,
                "reason": fault.reason,
                "vi": explain(fault.code, fault.attribute, fault.detail),
                "en": explain(fault.code, fault.attribute, fault.detail, "en"),
                "row": dict(raw.row),
            }
        )


def start(
    sources: Sources, actor: Actor, source: str, mapping: Compiled, dry: bool = False, vouched: bool = False
) -> Run:
    """A run over a source; a long one may take deliveries for days."""
    entity = _standing(sources, source_urn(source))
    simulated = entity is not None and bool(entity.value("simulated"))
    return Run(sources, source_urn(source), mapping, actor, dry, simulated, vouched)
