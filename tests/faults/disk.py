"""A disk that may fail to flush and lose power: pages live in the kernel's memory until a flush of theirs succeeds.

The model is Linux's: a failed flush marks its pages as clean though they never reached the disk, so that a later flush
succeeds without them (what PostgreSQL learnt in 2018). Power loss leaves what was flushed, and of the rest any sectors.
"""

import random
import shutil
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_RECORD = struct.Struct("<c3xIIIq")
_CONTROL = struct.Struct("<qiiii32s")
PAGE, SECTOR = 4096, 512


@dataclass
class _File:
    """One file: as programs see it, as it lies on the disk, and which pages have changed since the last flush."""

    seen: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    dirty: set[int] = field(default_factory=set)
    length: int = 0

    def write(self, at: int, data: bytes) -> None:
        self.resize(max(len(self.seen), at + len(data)))
        self.seen[at : at + len(data)] = data
        self.dirty.update(range(at // PAGE, (at + len(data) - 1) // PAGE + 1))

    def resize(self, length: int) -> None:
        self.seen = self.seen[:length] + bytes(max(0, length - len(self.seen)))

    def flush(self) -> None:
        """All that is dirty reaches the disk."""
        size = len(self.seen)
        self.durable = self.durable[:size] + bytes(max(0, size - len(self.durable)))
        for page in self.dirty:
            self.durable[page * PAGE : (page + 1) * PAGE] = self.seen[page * PAGE : (page + 1) * PAGE]
        self.dirty.clear()

    def left(self, chance: random.Random) -> bytes:
        """What a power loss leaves: some sectors of what was not flushed have reached the disk all the same."""
        left = bytearray(self.durable)
        share = chance.choice((0.0, 0.5, 1.0))
        for page in sorted(self.dirty):
            for at in range(page * PAGE, min((page + 1) * PAGE, len(self.seen)), SECTOR):
                if chance.random() < share:
                    left.extend(bytes(max(0, at + SECTOR - len(left))))
                    left[at : at + SECTOR] = self.seen[at : at + SECTOR]
        return bytes(left[: max(len(self.seen), len(self.durable))])


class Disk:
    """What lies between a server and its files. `environment` goes to the nursery that starts it."""

    def __init__(self, folder: Path, shim: Path) -> None:
        """`folder` holds the control block and the journal; databases are to be made after this."""
        folder.mkdir()
        self._control, self._journal = folder / "control", folder / "journal"
        self._control.write_bytes(bytes(4096))
        self._journal.touch()
        self._files: dict[str, _File] = {}
        self._read = 0
        self.environment = {
            "LD_PRELOAD": str(shim),
            "FAULTS_CONTROL": str(self._control),
            "FAULTS_JOURNAL": str(self._journal),
        }

    def fail(self, ending: str, skip: int = 0, times: int = 1) -> None:
        """Let flushes of files with that ending fail: after `skip` more of them, so many times."""
        clock = self._block()[0]
        self._put(_CONTROL.pack(clock, skip, times, *self._block()[3:5], ending.encode()))

    def move_clock(self, seconds: float) -> None:
        """Set the time of day apart from the true one."""
        self._put(_CONTROL.pack(int(seconds * 1e9), *self._block()[1:]))

    @property
    def failed(self) -> int:
        """How many flushes have failed."""
        return self._block()[3]

    def _block(self) -> tuple[int, int, int, int, int, bytes]:
        block: tuple[int, int, int, int, int, bytes] = _CONTROL.unpack(self._control.read_bytes()[: _CONTROL.size])
        return block

    def _put(self, block: bytes) -> None:
        with self._control.open("r+b") as out:  # In place: servers have it mapped.
            out.write(block)

    def lose_power(self, chance: random.Random) -> None:
        """Leave on the real disk what a power loss would. No server may live."""
        self._follow()
        for name, one in self._files.items():
            left = one.left(chance)
            Path(name).write_bytes(left)
            Path(f"{name}-shm").unlink(missing_ok=True)
            one.seen, one.durable, one.dirty = bytearray(left), bytearray(left), set()

    def _follow(self) -> None:
        with self._journal.open("rb") as told:
            told.seek(self._read)
            while len(head := told.read(_RECORD.size)) == _RECORD.size:
                what, name, size, _, at = _RECORD.unpack(head)
                path, data = told.read(name).decode(), told.read(size)
                if len(data) < size or len(path.encode()) < name:
                    break  # Killed while it was told; nothing rests on it yet.
                self._take(what, self._files.setdefault(path, _File()), at, data)
                self._read = told.tell()
        with self._journal.open("r+b") as told:
            told.truncate(0)
        self._read = 0

    def _take(self, what: bytes, file: _File, at: int, data: bytes) -> None:
        if what == b"w":
            file.write(at, data)
        elif what == b"t":
            file.resize(at)
        elif what == b"s":
            file.flush()
        else:
            file.dirty.clear()


def build_shim(folder: Path) -> Path:
    """Compile faults.c; left out by name where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("left out: no C compiler on this machine")
    source, built = Path(__file__).parent / "faults.c", folder / "faults.so"
    command = [
        compiler,
        "-O2",
        "-shared",
        "-fPIC",
        "-Wall",
        "-Werror",
        "-o",
        str(built),
        str(source),
        "-ldl",
        "-lpthread",
    ]
    subprocess.run(command, check=True)
    return built
