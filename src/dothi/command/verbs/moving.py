"""`dothi export` and `dothi load`: a city taken out in open formats, and an empty one filled with it."""

import argparse
from pathlib import Path

from dothi.command.verbs.saying import say
from dothi.hub.peers import moving
from dothi.settings import Settings


def export(given: argparse.Namespace, settings: Settings) -> None:
    """Take a city out."""
    manifest = moving.export(_kept(settings), Path(given.folder), lambda n: say(f"{n:,} commits", quiet=True))
    say(f"{manifest['entities']:,} entities, {manifest['commits']:,} commits, sha256 {manifest['sha256']}")


def load(given: argparse.Namespace, settings: Settings) -> None:
    """Fill an empty city with an exported one."""
    manifest = moving.load_city(Path(given.folder), _kept(settings))
    say(f"Loaded and proved equal: {manifest['entities']:,} entities, sha256 {manifest['sha256']}")


def _kept(settings: Settings) -> moving.Kept:
    return moving.Kept(settings.data, settings.store, settings.files)
