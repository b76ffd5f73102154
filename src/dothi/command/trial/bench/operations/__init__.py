"""A centre under load: values sent to alarms seen, with the engine of rules at work and, beside it, without.

`material` is what is sent and which rules watch it, `serving` the city in a process of its own, `feeding` what sends,
`measuring` the order of it all and the table.
"""

from dothi.command.trial.bench.operations.measuring import conditions, measure, table

__all__ = ["conditions", "measure", "table"]
