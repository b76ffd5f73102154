"""What a store costs as it grows: ingest, queries and history on each, beside the bare engine of the same run."""

from dothi.command.trial.bench.store.measuring import measure as measure
from dothi.command.trial.bench.store.telling import conditions as conditions
from dothi.command.trial.bench.store.telling import draw as draw
from dothi.command.trial.bench.store.telling import table as table
