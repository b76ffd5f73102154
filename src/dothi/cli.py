"""The command `dothi`: each verb parses its arguments and does one thing; 0 done, 1 failed, 2 wrong usage."""

import argparse
import asyncio
import importlib
import json
import logging
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from dothi import __version__
from dothi.accounts.people import make_first_administrator_link, needs_administrator
from dothi.accounts.signin import create_key
from dothi.app import close_city, keep_samples, make_app, open_city
from dothi.front import require_free, server
from dothi.ground.errors import DothiError, Invalid, Missing, Unavailable
from dothi.hub import moving
from dothi.hub.model import system
from dothi.settings import Settings, read
from dothi.sources.model import ImportReport
from dothi.sources.service import import_file, report_dict
from dothi.territory.service import import_boundaries
from dothi.web.parts import Parts

OPERATOR = system("operator")  # Whoever may read the data folder.
_RUNNING = "running.json"  # Address and key of the server that holds the folder, readable by its owner only.
_ENVIRONMENT = os.environ


class WrongUsage(Invalid):
    """A setting that cannot be used: exit code 2, as for any other mistake of the command line."""


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        given.run(given)
    except WrongUsage as wrong:
        print(f"dothi: {wrong.detail}", file=sys.stderr)
        return 2
    except DothiError as refused:
        print(f"dothi: {refused.detail}", file=sys.stderr)
        return 1
    except OSError as fault:  # No room, no right, a file where a folder should be: the system says which.
        print(f"dothi: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def serve(given: argparse.Namespace) -> None:
    """Serve a city; an empty one prints the link that makes its first administrator."""
    settings = _settings(given)
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


def demo(given: argparse.Namespace) -> None:
    """Serve the sample city."""
    settings = _settings(given)
    require_free(settings.host, settings.port)
    importlib.import_module("dothi.trial.demo").main(settings, fresh=given.fresh)


def bench(given: argparse.Namespace) -> None:
    """Measure, beside the ceilings."""
    importlib.import_module("dothi.trial.bench").main(given)


def import_(given: argparse.Namespace) -> None:
    """Bring a file in, beside a running server too."""
    settings, path = _settings(given), Path(given.file)
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


def export(given: argparse.Namespace) -> None:
    """Take a city out."""
    manifest = moving.export(_settings(given).data, Path(given.folder), lambda n: _say(f"{n:,} commits", quiet=True))
    _say(f"{manifest['entities']:,} entities, {manifest['commits']:,} commits, sha256 {manifest['sha256']}")


def load(given: argparse.Namespace) -> None:
    """Fill an empty city with an exported one."""
    manifest = moving.load_city(Path(given.folder), _settings(given).data)
    _say(f"Loaded and proved equal: {manifest['entities']:,} entities, sha256 {manifest['sha256']}")


def _say(text: str, quiet: bool = False) -> None:
    print(text, file=sys.stderr if quiet else sys.stdout, flush=True)


def _settings(given: argparse.Namespace) -> Settings:
    names = ("data", "host", "port", "public_url", "city", "open", "context_hosts")
    chosen = {name: value for name in names if (value := getattr(given, name, None)) is not None}
    try:
        return read(_ENVIRONMENT, **chosen)
    except Invalid as wrong:
        raise WrongUsage(wrong.detail) from wrong


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dothi",
        description="dothi runs a smart city on one open hub of entities with history, speaking NGSI-LD.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong usage. Every setting can be given as DOTHI_<NAME> too.",
    )
    parser.add_argument("--version", action="version", version=f"dothi {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    real = _verb(verbs, "serve", serve, "serve a city; an empty one prints a link to make its first administrator")
    _serving(real)
    real.add_argument(
        "--samples", action="store_true", help="bring in the labelled sample rules, provisions and indicators once"
    )
    trial = _verb(verbs, "demo", demo, "serve the sample city, with simulated signals and sample users")
    _serving(trial)
    trial.add_argument("--fresh", action="store_true", help="begin anew, throwing the former demo away")
    _importing(_verb(verbs, "import", import_, "bring a file in through a mapping, beside a running server too"))
    out = _verb(verbs, "export", export, "take a city out: its log and files, in open formats")
    out.add_argument("folder", help="a new folder")
    back = _verb(verbs, "load", load, "fill an empty city with an exported one, and prove them equal")
    back.add_argument("folder", help="what `dothi export` wrote")
    measure = _verb(verbs, "bench", bench, "measure, each figure beside its ceiling of the same run")
    measure.add_argument("what", nargs="?", default="hub", choices=["hub", "desk"], help="what to measure")
    measure.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    measure.add_argument("--write", metavar="FILE", help="write the table into this Markdown file")
    return parser


def _verb(verbs: Any, name: str, run: Callable[[argparse.Namespace], None], sentence: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=sentence, description=sentence.capitalize() + ".")
    verb.set_defaults(run=run)
    if name != "bench":
        folder = "./dothi-demo" if name == "demo" else "./dothi-data"
        verb.add_argument("--data", metavar="DIR", help=f"the city's data folder (default: {folder})")
    return verb


def _serving(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--port", metavar="N", help="the port (default: 8000)")
    verb.add_argument("--host", help="the address to listen on (default: 127.0.0.1)")
    verb.add_argument("--public-url", metavar="URL", help="the address that people use, behind a proxy")
    verb.add_argument("--city", metavar="NAME", help="the name in the top bar")
    verb.add_argument("--context-hosts", metavar="HOSTS", help="hosts from which @context documents may be fetched")
    verb.add_argument(
        "--open",
        action="store_true",
        default=None,
        help="anonymous NGSI-LD on generic types; loopback only",
    )


def _importing(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("file", help="CSV, GeoJSON or NGSI-LD JSON")
    what = verb.add_mutually_exclusive_group(required=True)
    what.add_argument("--mapping", metavar="M", help="name of a mapping, or a .toml file")
    what.add_argument("--boundaries", action="store_true", help="the file holds official boundaries of units")
    verb.add_argument("--code-property", default="code", help="with --boundaries: the property with the unit's code")
    verb.add_argument("--source", metavar="ID", help="the source it belongs to (default: the mapping's name)")
    verb.add_argument("--dry-run", action="store_true", help="check only, write nothing")


if __name__ == "__main__":
    sys.exit(main())
