"""What each verb of the command does: it opens what it needs, does one thing, and says what came of it."""

import argparse
import asyncio
import importlib
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from dothi import __version__
from dothi.accounts.people import make_first_administrator_link, needs_administrator
from dothi.accounts.signin import create_key
from dothi.app import close_city, keep_samples, make_app, open_city
from dothi.front import require_free, server
from dothi.ground.errors import Invalid, Missing, Unavailable
from dothi.hub.model import system
from dothi.hub.peers import moving
from dothi.hub.peers.notify.delivery import given_up
from dothi.settings import Settings
from dothi.sources.model import ImportReport
from dothi.sources.service import import_file, report_dict
from dothi.territory.service import import_boundaries
from dothi.web.parts import Parts

OPERATOR = system("operator")  # Whoever may read the data folder.
_RUNNING = "running.json"  # Address and key of the server that holds the folder, readable by its owner only.


def serve(given: argparse.Namespace, settings: Settings) -> None:
    """Serve a city; an empty one prints the link that makes its first administrator."""
    require_free(settings.host, settings.port)
    uvloop.run(_serve(settings, given.samples))


async def _serve(settings: Settings, samples: bool) -> None:
    parts = await open_city(settings, settings.city)
    try:
        if samples:
            await keep_samples(parts)
        if needs_administrator(parts.accounts):
            token = await make_first_administrator_link(parts.accounts)
            _say(f"Make the first administrator (once): {settings.address}/setup/{token}")
        front = server(make_app(parts, settings), settings.host, settings.port)
        note = await _note_running(parts, settings)
        _say(f"dothi {__version__} serves {settings.data} at {settings.address}  (stop with Ctrl+C)")
        try:
            await front.serve()
        finally:
            note.unlink(missing_ok=True)
    finally:
        await close_city(parts)


async def _note_running(parts: Parts, settings: Settings) -> Path:
    """Leave address and key for `dothi import` beside this server."""
    path = settings.data / _RUNNING
    _, key = await create_key(parts.accounts, OPERATOR, "dothi import", frozenset({"source:*"}))
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump({"address": f"http://{settings.host}:{settings.port}", "key": key}, out)
    return path


def demo(given: argparse.Namespace, settings: Settings) -> None:
    """Serve the sample city."""
    require_free(settings.host, settings.port)
    importlib.import_module("dothi.trial.demo").main(settings, fresh=given.fresh)


def bench(given: argparse.Namespace, _: Settings) -> None:
    """Measure, beside the ceilings."""
    importlib.import_module("dothi.trial.bench").main(given)


def import_(given: argparse.Namespace, settings: Settings) -> None:
    """Bring a file in, beside a running server too."""
    path = Path(given.file)
    if not path.is_file():
        raise Missing(f"{path}: there is no such file.")
    if given.boundaries:
        asyncio.run(_import_boundaries(settings, path, given.code_property))
    elif (settings.data / _RUNNING).is_file():
        _show(_send(settings, path, given))
    else:
        _show(asyncio.run(_import(settings, path, given)))


async def _import(settings: Settings, path: Path, given: argparse.Namespace) -> dict[str, Any]:
    parts = await open_city(settings)
    try:
        report = await import_file(
            parts.sources, OPERATOR, path, given.mapping, given.dry_run, given.source or "", _progress
        )
        return report_dict(report)
    finally:
        await close_city(parts)


def _progress(report: ImportReport) -> None:
    if sys.stderr.isatty() and report.seconds > 2:
        print(f"\r{report.rows:,} rows, {report.quarantined:,} quarantined", end="", file=sys.stderr, flush=True)


def _send(settings: Settings, path: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Hand the file to the server that holds the folder."""
    running = json.loads((settings.data / _RUNNING).read_text("utf-8"))
    asked = {"mapping": given.mapping, "name": path.name, "dryRun": str(given.dry_run).lower()}
    source = given.source or Path(given.mapping).stem
    verb = f"/api/sources/{urllib.parse.quote(source, safe='')}/file?{urllib.parse.urlencode(asked)}"
    address = running["address"] + verb
    headers = {"Authorization": f"Bearer {running['key']}", "Content-Type": "application/octet-stream"}
    with path.open("rb") as body:
        request = urllib.request.Request(  # noqa: S310  # The address is our own server's.
            address, body, headers | {"Content-Length": str(path.stat().st_size)}, method="POST"
        )
        try:
            with urllib.request.urlopen(request) as answer:  # noqa: S310
                report: dict[str, Any] = json.load(answer)
                return report
        except urllib.error.HTTPError as refused:
            raise Invalid(json.load(refused).get("detail", str(refused))) from refused
        except OSError as gone:
            raise Unavailable(
                f"The server at {running['address']} does not answer ({gone}). If it is not running any more, "
                f"remove {settings.data / _RUNNING} and import again."
            ) from gone


async def _import_boundaries(settings: Settings, path: Path, code_property: str) -> None:
    try:
        outlines = json.loads(path.read_text("utf-8"))
    except ValueError as cause:
        raise Invalid(f"{path} is not GeoJSON: {cause}") from cause
    parts = await open_city(settings)
    try:
        report = await import_boundaries(parts.hub, parts.territory, OPERATOR, outlines, code_property=code_property)
        _show(msgspec.to_builtins(report))
    finally:
        await close_city(parts)


def _show(report: dict[str, Any]) -> None:
    _say(json.dumps(report, ensure_ascii=False, indent=1))


def letters(given: argparse.Namespace, settings: Settings) -> None:
    """List notifications that were given up, or have those of a subscription sent once more."""
    folder = settings.data / "hub"
    if given.replay:
        _say(f"{given_up.replay(folder, given.replay):,} letters are sent once more when the city is served.")
    else:
        for one in given_up.listed(folder):
            _say(json.dumps(one, ensure_ascii=False))


def export(given: argparse.Namespace, settings: Settings) -> None:
    """Take a city out."""
    manifest = moving.export(settings.data, Path(given.folder), lambda n: _say(f"{n:,} commits", quiet=True))
    _say(f"{manifest['entities']:,} entities, {manifest['commits']:,} commits, sha256 {manifest['sha256']}")


def load(given: argparse.Namespace, settings: Settings) -> None:
    """Fill an empty city with an exported one."""
    manifest = moving.load_city(Path(given.folder), settings.data)
    _say(f"Loaded and proved equal: {manifest['entities']:,} entities, sha256 {manifest['sha256']}")


def _say(text: str, quiet: bool = False) -> None:
    print(text, file=sys.stderr if quiet else sys.stdout, flush=True)
