"""The proof that somebody is gone: every byte of every file of the data folder is looked at for every known trace.

Compressed files (sealed history, packages) are looked into where the hub reads them; see erasing.py. The list of
erasures in the vault and the register of openings name the pseudonym: a restore must know whom to erase again.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

_PIECE = 4 * 1024 * 1024
LISTS = ("vault.db", "accounts.db")  # Where the pseudonym stays: the list of erasures, and the register of openings.


class Hit(NamedTuple):
    """A trace that was found: in which file, below the folder, and how often."""

    file: str
    trace: bytes
    times: int


class Search(NamedTuple):
    """What a search looked at, and what it found."""

    files: int
    bytes: int
    hits: tuple[Hit, ...]


def search(folder: Path, traces: Collection[bytes]) -> Search:
    """Look for byte strings in every file below a folder: databases, write-ahead logs, free pages, kept files."""
    files = size = 0
    hits: list[Hit] = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        try:
            hits += _look(path, str(path.relative_to(folder)), traces)
            files, size = files + 1, size + path.stat().st_size
        except FileNotFoundError:
            continue  # It ended while the folder was read.
    return Search(files, size, tuple(hits))


def _look(path: Path, name: str, traces: Collection[bytes]) -> Iterator[Hit]:
    counts: dict[bytes, int] = {}
    overlap = max((len(one) for one in traces), default=1) - 1
    with path.open("rb") as content:
        before = b""
        while piece := content.read(_PIECE):
            whole = before + piece
            for trace in traces:
                found = whole.count(trace) - before.count(trace)
                if found:
                    counts[trace] = counts.get(trace, 0) + found
            before = whole[-overlap:] if overlap else b""
    for trace in traces:
        if trace in name.encode():
            counts[trace] = counts.get(trace, 0) + 1
    for trace, count in counts.items():
        yield Hit(name, trace, count)


def beside_lists(hits: Collection[Hit], pseudonym: str) -> list[Hit]:
    """The hits that should not be: all but the pseudonym in the lists that must know it."""
    allowed = {pseudonym.encode(), pseudonym.rpartition(":")[2].encode()}
    return [one for one in hits if not (one.trace in allowed and one.file.partition("-")[0] in LISTS)]
