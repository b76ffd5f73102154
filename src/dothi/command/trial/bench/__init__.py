"""Measurements, each beside its ceiling of the same run on the same machine: what `dothi bench` prints.

`run.main` orders the measuring, `plan` says what is measured, `serving` is the process that answers, `load` the one
that asks.
"""

from dothi.command.trial.bench.run import main

__all__ = ["main"]
