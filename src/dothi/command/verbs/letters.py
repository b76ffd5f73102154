"""`dothi letters`: notifications that could not be delivered and were given up."""

import argparse
import json

from dothi.command.verbs.saying import say
from dothi.hub.peers.notify.delivery import given_up
from dothi.settings import Settings


def letters(given: argparse.Namespace, settings: Settings) -> None:
    """List notifications that were given up, or have those of a subscription sent once more."""
    folder = settings.data / "hub"
    if given.replay:
        say(f"{given_up.replay(folder, given.replay):,} letters are sent once more when the city is served.")
    else:
        for one in given_up.listed(folder):
            say(json.dumps(one, ensure_ascii=False))
