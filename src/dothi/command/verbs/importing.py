"""`dothi import`: a file brought in through a mapping, by the server that holds the folder where one runs."""

import argparse
import asyncio
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import msgspec

from dothi.app import close_city, open_city
from dothi.command.verbs.saying import OPERATOR, show
from dothi.command.verbs.serving import RUNNING
from dothi.ground.errors import Invalid, Missing, Unavailable
from dothi.settings import Settings
from dothi.sources.model import ImportReport
from dothi.sources.service import import_file, report_dict
from dothi.territory.service import import_boundaries


def import_(given: argparse.Namespace, settings: Settings) -> None:
    """Bring a file in, beside a running server too."""
    path = Path(given.file)
    if not path.is_file():
        raise Missing(f"{path}: there is no such file.")
    if given.boundaries:
        asyncio.run(_import_boundaries(settings, path, given.code_property))
    elif (settings.data / RUNNING).is_file():
        show(_send(settings, path, given))
    else:
        show(asyncio.run(_import(settings, path, given)))


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
    running = json.loads((settings.data / RUNNING).read_text("utf-8"))
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
                f"remove {settings.data / RUNNING} and import again."
            ) from gone


async def _import_boundaries(settings: Settings, path: Path, code_property: str) -> None:
    try:
        outlines = json.loads(path.read_text("utf-8"))
    except ValueError as cause:
        raise Invalid(f"{path} is not GeoJSON: {cause}") from cause
    parts = await open_city(settings)
    try:
        report = await import_boundaries(parts.hub, parts.territory, OPERATOR, outlines, code_property=code_property)
        show(msgspec.to_builtins(report))
    finally:
        await close_city(parts)
