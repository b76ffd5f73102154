"""`dothi demo` and `dothi bench`: the sample city and the measurements, each loaded when it is asked for."""

import argparse
import importlib

from dothi.front import require_free
from dothi.settings import Settings


def demo(given: argparse.Namespace, settings: Settings) -> None:
    """Serve the sample city."""
    require_free(settings.host, settings.port)
    importlib.import_module("dothi.command.trial.demo").main(settings, fresh=given.fresh)


def bench(given: argparse.Namespace, _: Settings) -> None:
    """Measure, beside the ceilings."""
    importlib.import_module("dothi.command.trial.bench").main(given)
