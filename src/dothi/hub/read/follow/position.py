"""The position up to which the log is on disk, shared by all processes of one machine that have a hub open.

Eight bytes of a mapped file: the writer advances them after each flush, before anybody is answered, and whoever reads
looks at them first. That is a look into memory (0.1 µs), so that every request sees what was acknowledged before it.
"""

import mmap
import os
from pathlib import Path

_SIZE = 64  # Bytes: a line of a processor's cache, so that nothing else is told of each flush.


class SharedPosition:
    """One number that only grows while processes share it."""

    def __init__(self, file: Path) -> None:
        """Open or make `file`, readable by this operating-system user only."""
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(handle).st_size < _SIZE:
                os.truncate(handle, _SIZE)
            self._map = mmap.mmap(handle, _SIZE)
        finally:
            os.close(handle)
        self._words = memoryview(self._map).cast("Q")

    @property
    def value(self) -> int:
        """The sequence of the newest commit that is on disk, as far as any process of this machine has said."""
        return self._words[0]

    def begin(self, seq: int) -> None:
        """Say where the log stands, whatever the file said: a folder may hold an older copy now."""
        self._words[0] = seq

    def advance(self, seq: int) -> None:
        """Say that the log reaches to `seq`; one aligned word, so that a reader sees all of it or nothing."""
        if seq > self._words[0]:
            self._words[0] = seq

    def close(self) -> None:
        """Let the file go."""
        self._words.release()
        self._map.close()
