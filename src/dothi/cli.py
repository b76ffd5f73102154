"""The command `dothi`: each verb parses its arguments and does one thing; 0 done, 1 failed, 2 wrong usage.

The verbs themselves (verbs/) rest on all of dothi, which takes seconds to load; so each is loaded when the command line
has been understood, and help comes at once. Their words are one table (verbs/table.py).
"""

import argparse
import importlib
import logging
import os
import sys
from dataclasses import fields

from dothi import __version__
from dothi.command.verbs.table import VERBS, Verb
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
        file, _, function = given.does.partition(".")
        getattr(importlib.import_module(f"dothi.command.verbs.{file}"), function)(given, settings)
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
    names = (setting.name for setting in fields(Settings))
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
    for verb in VERBS:
        words = verbs.add_parser(
            verb.name, help=verb.sentence, description=f"{verb.sentence[0].upper()}{verb.sentence[1:]}."
        )
        words.set_defaults(does=verb.does)
        _add_arguments(words, verb)
    return parser


def _add_arguments(words: argparse.ArgumentParser, verb: Verb) -> None:
    named = dict.fromkeys(one.group for one in verb.arguments if one.group)
    groups = {name: words.add_mutually_exclusive_group(required=True) for name in named}
    for one in verb.arguments:
        groups.get(one.group, words).add_argument(*one.names, **one.told)


if __name__ == "__main__":
    sys.exit(main())
