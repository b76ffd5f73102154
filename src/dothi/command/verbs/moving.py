"""What leaves a city and what comes back: `dothi export`, `dothi load`, and `dothi letters` that nobody took."""

import argparse
import json
from pathlib import Path

from dothi.command.verbs.saying import say
from dothi.ground.clock import iso, now_us
from dothi.hub.peers import moving
from dothi.hub.peers.notify.delivery import given_up
from dothi.office.lifecycle.register import EXPORTS
from dothi.settings import Settings


def export(given: argparse.Namespace, settings: Settings) -> None:
    """Take a city out; a line beside it says so, since an erasure must know which copies exist."""
    manifest = moving.export(_kept(settings), Path(given.folder), lambda n: say(f"{n:,} commits", quiet=True))
    line = {"kind": "export", "where": given.folder, "at": iso(now_us()), "upto": manifest["commits"]}
    with (settings.data / EXPORTS).open("a", encoding="utf-8") as notes:
        notes.write(json.dumps({**line, "digest": manifest["sha256"]}, ensure_ascii=False) + "\n")
    say(f"{manifest['entities']:,} entities, {manifest['commits']:,} commits, sha256 {manifest['sha256']}")


def load(given: argparse.Namespace, settings: Settings) -> None:
    """Fill an empty city with an exported one."""
    manifest = moving.load_city(Path(given.folder), _kept(settings))
    say(f"Loaded and proved equal: {manifest['entities']:,} entities, sha256 {manifest['sha256']}")


def letters(given: argparse.Namespace, settings: Settings) -> None:
    """List notifications that were given up, or have those of a subscription sent once more."""
    folder = settings.data / "hub"
    if given.replay:
        say(f"{given_up.replay(folder, given.replay):,} letters are sent once more when the city is served.")
    else:
        for one in given_up.listed(folder):
            say(json.dumps(one, ensure_ascii=False))


def _kept(settings: Settings) -> moving.Kept:
    return moving.Kept(settings.data, settings.store, settings.files, settings.archive)
