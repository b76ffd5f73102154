"""The command `dothi`: each verb parses its arguments and does one thing; 0 done, 1 failed, 2 wrong usage.

The verbs themselves (verbs.py) rest on all of dothi, which takes seconds to load; so they are loaded when the command
line has been understood, and help comes at once.
"""

import argparse
import importlib
import logging
import os
import sys
from typing import Any

from dothi import __version__
from dothi.ground.errors import DothiError, Invalid
from dothi.settings import Settings, read

_ENVIRONMENT = os.environ


class WrongUsage(Invalid):
    """A setting that cannot be used: exit code 2, as for any other mistake of the command line."""


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        settings = _settings(given)
        getattr(importlib.import_module("dothi.verbs"), given.verb)(given, settings)
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
    real = _verb(verbs, "serve", "serve a city; an empty one prints a link to make its first administrator")
    _serving(real)
    real.add_argument(
        "--samples", action="store_true", help="bring in the labelled sample rules, provisions and indicators once"
    )
    trial = _verb(verbs, "demo", "serve the sample city, with simulated signals and sample users")
    _serving(trial)
    trial.add_argument("--fresh", action="store_true", help="begin anew, throwing the former demo away")
    _importing(_verb(verbs, "import", "bring a file in through a mapping, beside a running server too"))
    out = _verb(verbs, "export", "take a city out: its log and files, in open formats")
    out.add_argument("folder", help="a new folder")
    back = _verb(verbs, "load", "fill an empty city with an exported one, and prove them equal")
    back.add_argument("folder", help="what `dothi export` wrote")
    owed = _verb(verbs, "letters", "list notifications that were given up, of a city that is not served just now")
    owed.add_argument("--replay", metavar="SUBSCRIPTION", help="have those of one subscription sent once more")
    measure = _verb(verbs, "bench", "measure, each figure beside its ceiling of the same run")
    what = ["hub", "shapes", "desk", "operations", "telling"]
    measure.add_argument("what", nargs="?", default="hub", choices=what, help="what to measure")
    measure.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    measure.add_argument("--write", metavar="FILE", help="write the table into this Markdown file")
    return parser


def _verb(verbs: Any, name: str, sentence: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=sentence, description=sentence.capitalize() + ".")
    verb.set_defaults(verb="import_" if name == "import" else name)
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
