"""Evidence files: kept once by their hash with issuer and validity, attached to all they prove, told when expired."""

from collections.abc import Sequence
from dataclasses import replace

from dothi.ground.clock import now_us
from dothi.ground.errors import Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import Actor, Attribute, Change, Commit, Entity, Op, json_prop, prop, rel, system
from dothi.programme.model import OWNER, Evidence, IllegalMove, Programme, State, Task, readable, task_of
from dothi.programme.tasks.workflow import check_day, today

TYPE = "EvidenceFile"
_LISTED = 200
_SYSTEM = system("programme")


def evidence_id(sha256: str) -> str:
    """The entity id of a file: one for each content, however often it is used."""
    return urn(TYPE, sha256)


def evidence_of(entity: Entity) -> Evidence:
    """The evidence that an EvidenceFile entity holds."""
    if TYPE not in entity.types:
        raise Missing(f"{entity.id} is not an evidence file.")
    value = entity.value
    if not isinstance(value("sha256"), str):
        raise Invalid(f"{entity.id} names no file.")
    return Evidence(
        sha256=value("sha256"),
        name=value("title"),
        media_type=value("mediaType"),
        kind=value("kind", ""),
        issuer=value("issuer", ""),
        valid_from=value("validFrom"),
        valid_to=value("validTo"),
    )


def evidence_files(programme: Programme, actor: Actor) -> list[Evidence]:
    """The latest evidence files that `actor` may see, the newest first: to be attached again."""
    found = programme.hub.find(actor, TYPE, limit=_LISTED, order=("-createdAt",))
    return list(readable(found, evidence_of))


async def keep(programme: Programme, actor: Actor, unit: str, one: Evidence, reason: str = "evidence kept") -> str:
    """Keep a file as evidence of a unit, or correct what is said of it; returns its id. The bytes are kept before."""
    programme.hub.read_file(one.sha256)
    _check(programme, one, unit)
    change = Change(Op.UPSERT, evidence_id(one.sha256), (TYPE,), _attributes(one, unit))
    await programme.hub.commit(Commit(actor, (change,), reason, owner=OWNER))
    return change.id


async def attach(programme: Programme, actor: Actor, task: str, names: Sequence[str], now: int | None = None) -> None:
    """Attach evidence files that are kept already to a task, without sending them again."""
    at = now_us() if now is None else now
    one = task_of(programme.hub.get(actor, task))
    if one.state is State.DROPPED:
        raise IllegalMove("A dropped task takes no evidence.")
    shown = [evidence_of(programme.hub.get(actor, name)) for name in names]
    if not shown:
        raise Invalid("Choose at least one evidence file.", field="evidence")
    kept, changes, expect = attached(programme, actor, one, shown, at)
    whole = (Change(Op.APPEND, one.id, attrs=kept), *changes)
    await programme.hub.commit(
        Commit(actor, whole, "evidence attached", expect={**expect, one.id: one.version}, owner=OWNER)
    )


def attached(
    programme: Programme, actor: Actor, one: Task, shown: Sequence[Evidence], now: int
) -> tuple[dict[str, Attribute], list[Change], dict[str, int]]:
    """(attributes of the task, changes that keep new files, what must not stand yet) for evidence of a task."""
    for file in shown:
        programme.hub.read_file(file.sha256)
    told = {file.sha256: file for file in one.evidence} | {
        file.sha256: replace(file, kind=file.kind or one.evidence_kind) for file in shown
    }
    changes, expect = [], {}
    for file in shown:
        named = told[file.sha256]
        if _known(programme, file.sha256):
            continue
        _check(programme, named, one.lead)
        change = Change(Op.CREATE, evidence_id(file.sha256), (TYPE,), _attributes(named, one.units[0]))
        if change.id not in expect:
            changes.append(change)
            expect[change.id] = 0
    attrs: dict[str, Attribute] = {
        "evidence": json_prop([_json(file) for file in told.values()]),
        "evidenceFiles": rel([evidence_id(digest) for digest in told]),
    }
    return attrs, changes, expect


def check_shows(programme: Programme, one: Task, shown: Sequence[Evidence], now: int) -> None:
    """Raise Invalid unless a file shows the output: of the kind that the task asks for, and still valid."""
    day, every = today(now), (*one.evidence, *shown)
    if not every:
        raise Invalid(f"A task is done when its output is shown: attach evidence of “{one.output}”.", field="evidence")
    ended = [file.name for file in shown if file.expired(day)]
    if ended:
        raise Invalid(f"{', '.join(ended)}: expired, it shows nothing any more.", field="evidence")
    wanted = programme.rules_at(one.lead).evidence.get(one.evidence_kind)
    if wanted is None:  # A task of before kinds were asked for.
        return
    fits = [file for file in every if file.kind in ("", wanted.id) and wanted.fits(file.media_type)]
    if not any(not file.expired(day) for file in fits):
        raise Invalid(
            f"This task asks for “{wanted.names['vi']}” ({', '.join(sorted(wanted.media))}): none of the files is one.",
            field="evidence",
        )


def _known(programme: Programme, sha256: str) -> bool:
    try:
        programme.hub.get(_SYSTEM, evidence_id(sha256))
    except Missing:
        return False
    return True


def _check(programme: Programme, one: Evidence, unit: str) -> None:
    if one.kind:
        kind = programme.rules_at(unit).evidence_kind(one.kind)
        if not kind.fits(one.media_type):
            raise Invalid(f"{one.name[:80]} cannot be “{kind.names['vi']}”: wrong kind of file.", field="evidence")
    days = [check_day(day, name) for name, day in (("valid_from", one.valid_from), ("valid_to", one.valid_to)) if day]
    if days != sorted(days):
        raise Invalid("Evidence cannot end before it begins to hold.", field="valid_to")


def _attributes(one: Evidence, unit: str) -> dict[str, Attribute]:
    said = {
        "title": one.name,
        "sha256": one.sha256,
        "mediaType": one.media_type,
        "kind": one.kind,
        "issuer": one.issuer,
        "validFrom": one.valid_from,
        "validTo": one.valid_to,
        "unit": unit,
    }
    return {name: prop(value) for name, value in said.items() if value}


def _json(one: Evidence) -> dict[str, str]:
    said = {
        "sha256": one.sha256,
        "name": one.name,
        "media_type": one.media_type,
        "kind": one.kind,
        "issuer": one.issuer,
        "valid_from": one.valid_from,
        "valid_to": one.valid_to,
    }
    return {name: value for name, value in said.items() if value}
