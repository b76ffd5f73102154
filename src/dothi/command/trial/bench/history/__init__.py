"""Questions to a long history, beside the time that the engine itself needs over the same files."""

from dothi.command.trial.bench.history.asking import conditions, measure, table

__all__ = ["conditions", "measure", "table"]
