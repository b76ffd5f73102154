"""What a check found: where, what is wrong, and what to do about it; and how far it is."""

from collections.abc import Callable
from typing import NamedTuple

RESTORE = "Restore it from a backup (dothi restore), and find out who or what wrote to the disk."
REBUILD = "The log is whole: take the city out (dothi export) and load it into a new folder (dothi load)."
KEYS = "Put the right file back from where keys are kept."

Progress = Callable[[int, int], None]  # (done, of how many)


class Fault(NamedTuple):
    """One thing that is wrong."""

    where: str
    what: str
    do: str = RESTORE


class Report(NamedTuple):
    """What was looked at, in sentences, and what is wrong."""

    notes: tuple[str, ...]
    faults: tuple[Fault, ...]
