"""The verbs of the sources: open the module, define a source, import a file, push rows, read the numbers of a day."""

import asyncio
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dothi.accounts.policy import may_push
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Attribute, Commit, Entity, amend, create, json_prop, prop
from dothi.sources.connectors.files.source import deliveries
from dothi.sources.connectors.http_push.source import rows
from dothi.sources.intake import start, take
from dothi.sources.mapping.durations import seconds_of
from dothi.sources.mapping.library import find_mapping
from dothi.sources.model import (
    DAY,
    OWNED,
    ROW,
    SOURCE,
    SYSTEM,
    ImportReport,
    Job,
    NoSuchSource,
    SourceDefinition,
    Sources,
    SourceState,
    Writer,
    acting,
    source_urn,
)
from dothi.sources.quarantine import is_administrator, is_steward

Progress = Callable[[ImportReport], None]
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NAME_MAX = 80
_TAKEN = frozenset({"rows", "connectors", "mappings"})  # These stand where a name would in /api/sources/….


def open_sources(hub: Hub, folder: Path, writers: Mapping[str, Writer] | None = None) -> Sources:
    """The module over a hub: guards its types and declares what its lists ask for.

    `writers` are given by app.py for guarded types of other owners that sources may bring, e.g. CitizenReport.
    """
    owner = hub.own("sources", OWNED)
    hub.index(ROW, "source", "reason", "state", "file")
    hub.index(SOURCE, "state", "connector")
    hub.index(DAY, "source", "day")
    return Sources(hub, folder, owner, dict(writers or {}))


def demand_intake(actor: Actor, source: str) -> None:
    """Raise Forbidden unless `actor` may bring data into this source: stewards, and keys with scope source:<id>."""
    name = source_urn(source).rpartition(":")[2]
    if not (is_steward(actor) or may_push(actor, name)):
        raise Forbidden(f"{actor.id} may not bring data into {name}: it needs an API key with scope source:{name}.")


async def define_source(sources: Sources, actor: Actor, said: SourceDefinition) -> Entity:
    """Create a source or change its definition; counters and state stay, settings are kept beside the hub."""
    if not is_steward(actor):
        raise Forbidden(f"{actor.id} may not define sources: this is for data stewards.")
    if (said.settings or said.secrets) and not is_administrator(actor):
        raise Forbidden("A connector that opens folders or connections of this machine is for administrators to set.")
    if not _NAME.fullmatch(said.id) or len(said.id) > _NAME_MAX:
        raise Invalid(f"{said.id!r} is no name of a source: small letters, digits and hyphens, at most {_NAME_MAX}.")
    if said.id in _TAKEN:
        raise Invalid(f"{said.id!r} cannot name a source: it is part of an address. Choose another name.")
    if said.mapping:
        find_mapping(sources.mappings, said.mapping)
    if said.promised_every:
        _check_promise(said.promised_every)
    await asyncio.to_thread(_keep_settings, sources.folder, said)
    attrs = _attributes(said)
    subject = source_urn(said.id)
    async with sources.turn(subject):
        change = amend(subject, **attrs)
        if not _exists(sources, subject):
            zero = {"accepted": prop(0), "quarantined": prop(0), "state": prop(SourceState.NEVER)}
            change = create(subject, SOURCE, **attrs, **zero)
        await sources.hub.commit(Commit(acting(actor), (change,), f"define {said.id}", owner=sources.owner))
    return get_source(sources, said.id)


def _check_promise(text: str) -> None:
    try:
        seconds_of(text)
    except ValueError as error:
        raise Invalid(f"promised_every: {error}") from error


def _attributes(said: SourceDefinition) -> dict[str, Attribute]:
    attrs: dict[str, Attribute] = {
        "name": prop(said.name),
        "connector": prop(said.connector),
        "promisedEvery": prop(said.promised_every),
        "simulated": prop(said.simulated),
        "enabled": prop(said.enabled),
    }
    if said.feeds:
        attrs["feeds"] = json_prop(list(said.feeds))
    if said.mapping:
        attrs["mapping"] = prop(said.mapping)
    return attrs


def _settings_path(folder: Path, source: str) -> Path:
    return folder / "sources" / f"{source}.json"


def _keep_settings(folder: Path, said: SourceDefinition) -> None:
    """Write settings and secrets where only the operator reads: they are no nouns of the city."""
    path = _settings_path(folder, said.id)
    if not said.settings and not said.secrets:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({"settings": said.settings, "secrets": said.secrets}, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def settings_of(sources: Sources, source: str) -> dict[str, Any]:
    """The settings of a source, secrets among them: for its connector only."""
    path = _settings_path(sources.folder, source_urn(source).rpartition(":")[2])
    if not path.is_file():
        return {}
    kept = json.loads(path.read_text("utf-8"))
    return {**kept["settings"], **kept["secrets"]}


def get_source(sources: Sources, source: str) -> Entity:
    """One DataSource by short name or URN."""
    try:
        entity = sources.hub.get(SYSTEM, source_urn(source))
    except Missing as error:
        raise NoSuchSource(f"There is no source {source!r}.") from error
    if SOURCE not in entity.types:
        raise NoSuchSource(f"{source!r} is no source.")
    return entity


def _exists(sources: Sources, subject: str) -> bool:
    try:
        sources.hub.get(SYSTEM, subject)
    except Missing:
        return False
    return True


def days_of(sources: Sources, source: str, limit: int = 31) -> list[dict[str, Any]]:
    """How many rows were accepted and quarantined by day (UTC), newest first."""
    page = sources.hub.find(SYSTEM, DAY, f'source=="{source_urn(source)}"', limit=limit, order=("-day",))
    return [{name: day.value(name, 0) for name in ("day", "accepted", "quarantined")} for day in page]


async def import_file(
    sources: Sources,
    actor: Actor,
    path: Path,
    mapping: str,
    dry_run: bool = False,
    source_id: str = "",
    progress: Progress | None = None,
) -> ImportReport:
    """Bring a file in through a mapping (name or .toml path), in batches; `dry_run` only says what would happen.

    The same file with the same mapping into the same source changes nothing the second time. A source that does not
    exist is made, without a promise. Invalid, with the line, when the whole file cannot be read.
    """
    found = find_mapping(sources.mappings, mapping)
    source = source_id or found.mapping.name
    demand_intake(actor, source)
    if not path.is_file():
        raise Missing(f"{path.name}: there is no such file.")
    if not dry_run and not _exists(sources, source_urn(source)):
        title = found.mapping.title["vi"]
        said = SourceDefinition(source, title, "files", mapping, found.mapping.promised_every)
        await define_source(sources, acting(actor), said)
    began = time.monotonic()
    run = start(sources, actor, source, found, dry_run)
    digest = await asyncio.to_thread(_digest, path)
    key = f"file:{digest}:{found.mapping.digest[:16]}:{run.source}"
    with path.open("rb") as stream:
        for delivery in deliveries(stream, found.mapping, path.name, key):
            await take(run, delivery)
            if progress is not None:
                progress(run.report(time.monotonic() - began))
    return run.report(time.monotonic() - began)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


async def push(
    sources: Sources, actor: Actor, source: str, body: bytes, content_type: str, key: str = "", now: int | None = None
) -> ImportReport:
    """Take the body of a request into an existing source through its own mapping.

    `key` is the sender's idempotency key. Invalid when the whole body cannot be read; single bad rows are quarantined.
    """
    demand_intake(actor, source)
    entity = get_source(sources, source)
    began = time.monotonic()
    run = start(sources, actor, source, find_mapping(sources.mappings, entity.value("mapping", "")))
    job = Job(run.source, {}, run.mapping.mapping, body, content_type, f"push {entity.id.rpartition(':')[2]}", key)
    async for delivery in rows(job):
        await take(run, delivery, now)
    return run.report(time.monotonic() - began)


def overview(entity: Entity) -> dict[str, Any]:
    """A source for people and for JSON, without its settings."""
    names = ("name", "connector", "mapping", "promisedEvery", "lastSeen", "lastContact", "state", "problem")
    shown: dict[str, Any] = {"id": entity.id.rpartition(":")[2], "urn": entity.id}
    shown |= {name: entity.value(name) for name in names}
    shown |= {name: entity.value(name, 0) for name in ("accepted", "quarantined")}
    return shown | {name: bool(entity.value(name, name == "enabled")) for name in ("simulated", "enabled")}


def report_dict(report: ImportReport) -> dict[str, Any]:
    """A report for JSON."""
    return asdict(report)
