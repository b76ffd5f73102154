"""The runner: finds connectors by their manifests, runs one task for each streaming source, and keeps it alive."""

import asyncio
import importlib.util
import logging
import random
import tomllib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from dothi.ground.errors import DothiError, Invalid, Missing
from dothi.hub.model import Commit, Entity, amend, prop
from dothi.sources.intake import start, take
from dothi.sources.mapping.durations import seconds_of
from dothi.sources.mapping.library import find_mapping
from dothi.sources.model import SYSTEM, Delivery, Job, Sources
from dothi.sources.rhythm import all_sources, watch
from dothi.sources.service import settings_of

SHIPPED = Path(__file__).parent / "connectors"
BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
STEADY_S = 60.0  # A connection that held this long starts again at the shortest wait.
LOOK_S = 2.0  # How often new and changed sources are looked for.
_PROBLEM_MAX = 300
_LOG = logging.getLogger(__name__)

Rows = Callable[[Job], AsyncIterator[Delivery]]
_TYPES: dict[str, tuple[type, ...]] = {"text": (str,), "number": (int, float), "boolean": (bool,)}


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One setting that a connector asks for, with its wording."""

    type: Literal["text", "number", "boolean"]
    vi: str
    en: str
    required: bool = False
    default: str | float | bool | None = None
    secret: bool = False  # Kept out of every answer and page.


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What a connector says of itself. `kind`: a stream runs for ever, a push is called for each request."""

    name: str
    title: dict[str, str]
    kind: Literal["stream", "push"]
    mapping: bool = True
    promised_every: str = ""
    settings: dict[str, Setting] = {}


class BadConnector(Invalid):
    """A connector's folder is not as the contract says."""


@dataclass(frozen=True)
class Connector:
    """A connector ready to run: `rows` is the async generator of its source.py.

    What it yields is committed when it is resumed: so it acknowledges to its own source after the yield.
    """

    manifest: Manifest
    rows: Rows


def find_connectors(folder: Path | None = None) -> dict[str, Connector]:
    """Every connector by name: those shipped, and the operator's in `folder`/*/manifest.toml, which come first.

    A broken one is left out: it must not stop the others. `broken_connectors` says why.
    """
    return {one.manifest.name: one for one in _load_all(folder).values() if isinstance(one, Connector)}


def broken_connectors(folder: Path | None = None) -> dict[str, str]:
    """Why a connector's folder cannot be used, by the folder's name."""
    return {name: one.detail for name, one in _load_all(folder).items() if isinstance(one, BadConnector)}


def _load_all(folder: Path | None) -> dict[str, Connector | BadConnector]:
    found: dict[str, Connector | BadConnector] = {}
    for root in (SHIPPED, folder):
        for manifest in sorted(root.glob("*/manifest.toml")) if root is not None else ():
            try:
                found[manifest.parent.name] = load_connector(manifest.parent)
            except BadConnector as error:
                found[manifest.parent.name] = error
    return found


@cache
def load_connector(folder: Path) -> Connector:
    """The connector in a folder. BadConnector says what is missing or wrong."""
    where = folder / "manifest.toml"
    try:
        manifest = msgspec.convert(tomllib.loads(where.read_text("utf-8")), Manifest)
        if manifest.promised_every:
            seconds_of(manifest.promised_every)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, OSError, ValueError) as error:
        raise BadConnector(f"{folder.name}/manifest.toml: {error}.") from error
    if "vi" not in manifest.title or "en" not in manifest.title:
        raise BadConnector(f'{folder.name}/manifest.toml: title needs {{ vi = "…", en = "…" }}.')
    return Connector(manifest, _rows(folder))


def _rows(folder: Path) -> Rows:
    path = folder / "source.py"
    spec = importlib.util.spec_from_file_location(f"dothi_connector_{folder.name}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise BadConnector(f"{folder.name}/source.py is missing.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # Whatever an operator's file does wrong must not stop the others.
        raise BadConnector(f"{folder.name}/source.py cannot be loaded: {error!r}.") from error
    found: Rows | None = getattr(module, "rows", None)
    if not callable(found):
        raise BadConnector(f"{folder.name}/source.py has no function rows(job).")
    return found


def check_settings(manifest: Manifest, given: dict[str, Any]) -> dict[str, Any]:
    """The settings with defaults filled in; Invalid names the first that is missing, unknown or of a wrong type."""
    unknown = sorted(given.keys() - manifest.settings.keys())
    if unknown:
        raise Invalid(
            f"{manifest.name} knows no setting {unknown[0]}; it has {', '.join(manifest.settings) or 'none'}."
        )
    settings = {}
    for name, setting in manifest.settings.items():
        value = given.get(name, setting.default)
        if value is None or (setting.required and value == ""):
            raise Invalid(f"{manifest.name} needs the setting {name} ({setting.en}).")
        if not isinstance(value, _TYPES[setting.type]) or (setting.type == "number" and isinstance(value, bool)):
            raise Invalid(f"Setting {name} of {manifest.name} must be a {setting.type}.")
        settings[name] = value
    return settings


async def run_source(sources: Sources, connector: Connector, source: Entity) -> None:
    """Run one streaming source until its connector ends or fails."""
    mapping = find_mapping(sources.mappings, source.value("mapping", ""))
    settings = check_settings(connector.manifest, settings_of(sources, source.id))
    run = start(sources, SYSTEM, source.id, mapping)
    async for delivery in connector.rows(Job(source.id, settings, mapping.mapping)):
        await take(run, delivery)
        await note_problem(sources, source.id, "")


async def keep_running(sources: Sources, connector: Connector, source: Entity) -> None:
    """Run one streaming source for ever; each failure is written on the source and waited out, longer each time."""
    loop = asyncio.get_running_loop()
    tries = 0
    while True:
        began = loop.time()
        try:
            await run_source(sources, connector, source)
            problem = "the connector ended"
        except DothiError as error:
            problem = error.detail
        except Exception as error:  # A connector is somebody's code: whatever it raises, the others go on.
            problem = repr(error)
        tries = 0 if loop.time() - began > STEADY_S else tries + 1
        _LOG.warning("source %s: %s", source.id, problem)
        await note_problem(sources, source.id, problem)
        wait = BACK_OFF_S[min(tries, len(BACK_OFF_S)) - 1] if tries else BACK_OFF_S[0]
        await asyncio.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311 - spreads reconnections, guards nothing


async def note_problem(sources: Sources, source: str, problem: str) -> None:
    """Write what keeps a source from running onto it, once for each change."""
    short = problem[:_PROBLEM_MAX]
    async with sources.turn(source):
        if sources.hub.get(SYSTEM, source).value("problem", "") != short:
            await sources.hub.commit(
                Commit(SYSTEM, (amend(source, problem=prop(short)),), "connector", owner=sources.owner)
            )


async def run_sources(sources: Sources) -> None:
    """Run every enabled streaming source and the watch over rhythms, for ever; picks up new and changed sources."""
    tasks: dict[str, tuple[tuple[object, ...], asyncio.Task[None]]] = {}
    guard = asyncio.create_task(watch(sources))
    try:
        while True:
            await _follow(sources, tasks)
            if guard.done():
                guard.result()
            await asyncio.sleep(LOOK_S)
    finally:
        running = [guard, *(task for _, task in tasks.values())]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _follow(sources: Sources, tasks: dict[str, tuple[tuple[object, ...], asyncio.Task[None]]]) -> None:
    """Start, stop and restart tasks so that they are those of the sources as defined now."""
    wanted = {source.id: source for source in all_sources(sources) if source.value("enabled", True)}
    connectors = find_connectors(sources.folder / "connectors")
    for name, (mark, task) in list(tasks.items()):
        if name not in wanted or _mark(sources, wanted[name]) != mark:
            task.cancel()
            del tasks[name]
    for name, source in wanted.items():
        connector = connectors.get(source.value("connector"))
        if name in tasks or not settings_of(sources, name):
            continue  # Without settings it was made by an import: a trace of a file, nothing to run.
        if connector is None:
            called = source.value("connector")
            broken = broken_connectors(sources.folder / "connectors")
            await note_problem(sources, name, broken.get(called, f"There is no connector {called}."))
            continue
        if connector.manifest.kind != "stream":
            continue
        task = asyncio.create_task(keep_running(sources, connector, source))
        tasks[name] = (_mark(sources, source), task)


def _mark(sources: Sources, source: Entity) -> tuple[object, ...]:
    """What a running source depends on: when it changes, the task starts anew."""
    mapping = source.value("mapping", "")
    try:
        digest = find_mapping(sources.mappings, mapping).mapping.digest
    except (Missing, Invalid):
        digest = ""
    return source.value("connector"), mapping, digest, str(sorted(settings_of(sources, source.id).items()))
