"""`dothi serve`: opens a city and answers for it until it is told to stop, with one process or several."""

import argparse
from functools import partial

import uvloop

from dothi import __version__
from dothi.command.keeping import migrating
from dothi.command.serving.place import Place
from dothi.command.serving.process import RUNNING, serve_city
from dothi.command.serving.supervisor import listen, supervise
from dothi.command.verbs.saying import say
from dothi.front import require_free
from dothi.settings import Settings

__all__ = ("RUNNING", "serve")


def serve(given: argparse.Namespace, settings: Settings) -> None:
    """Serve a city; an empty one prints the link that makes its first administrator."""
    for step in () if settings.store else migrating.bring_up(settings.data):
        say(f"The store was taken on: {step}")
    serving = partial(say, f"dothi {__version__} serves {settings.data} at {settings.address}  (stop with Ctrl+C)")
    # Where the log stood for processes that are gone: a database may have been put back meanwhile.
    if settings.store:
        (settings.data / "hub" / "position").unlink(missing_ok=True)
    if settings.workers == 1:
        require_free(settings.host, settings.port)
        uvloop.run(serve_city(settings, given.samples, Place(ready=serving)))
        return
    supervise(listen(settings.host, settings.port), settings.workers, partial(_be, given.samples, settings), serving)


def _be(samples: bool, settings: Settings, place: Place) -> None:
    uvloop.run(serve_city(settings, samples, place))
