"""A folder, or object storage behind an address: names with bytes, written whole or not at all."""

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import fsspec

from dothi.ground.errors import Invalid, Missing, Unavailable

_KINDS = ("s3", "gs", "abfs", "az", "memory")  # What fsspec opens with the operator's own credentials.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


class Place(Protocol):
    """Named bytes that outlive the city's own disk."""

    @property
    def address(self) -> str:
        """What the operator calls it."""

    def names(self, prefix: str) -> Iterator[str]:
        """The names below a prefix that ends with a slash, in no order."""

    def read(self, name: str) -> bytes:
        """The bytes of a name. Missing when there is none."""

    def write(self, name: str, body: bytes) -> None:
        """Keep bytes: whole and durable when this returns, or not at all."""

    def has(self, name: str, size: int) -> bool:
        """Whether a name is there with so many bytes."""

    def remove(self, name: str) -> None:
        """Take a name away; it may be gone already."""


def open_place(address: str) -> Place:
    """The place at an address. Invalid when it is of a kind that nobody can open."""
    scheme = _SCHEME.match(address)
    if scheme is None:
        return Folder(Path(address))
    kind = scheme[1].lower()
    if kind == "file":
        return Folder(Path(address.removeprefix(scheme[0])))
    if kind not in _KINDS:
        raise Invalid(f"{address} is of no known kind: give a folder, or an address of {', '.join(_KINDS)}.")
    try:
        files, root = fsspec.url_to_fs(address)
    except ImportError as lacking:
        raise Invalid(f"For {kind}:// a package must be installed beside dothi: {lacking}") from lacking
    return Objects(address.rstrip("/"), files, root.rstrip("/"))


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine, or one that is mounted."""

    root: Path

    @property
    def address(self) -> str:
        """Its path."""
        return str(self.root)

    def names(self, prefix: str) -> Iterator[str]:
        """The names below a prefix."""
        for path in (self.root / prefix).rglob("*"):
            if path.is_file() and path.suffix != ".part":
                yield str(path.relative_to(self.root))

    def read(self, name: str) -> bytes:
        """The bytes of a name."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            raise Missing(f"{self.root / name} is missing.") from None

    def write(self, name: str, body: bytes) -> None:
        """Into a draft that is flushed and takes its name at once; readable by this user only."""
        path = self.root / name
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Two may write the same name at once: each has a draft of its own, the last rename stands.
        draft = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(body)
                out.flush()
                os.fsync(out.fileno())
            draft.rename(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        _flush(path.parent)

    def has(self, name: str, size: int) -> bool:
        """Whether it is there with so many bytes."""
        with contextlib.suppress(OSError):
            return (self.root / name).stat().st_size == size
        return False

    def remove(self, name: str) -> None:
        """Take it away."""
        (self.root / name).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Objects:
    """Object storage through fsspec; credentials and endpoint come from the environment (AWS_… for s3)."""

    address: str
    files: Any
    root: str

    def names(self, prefix: str) -> Iterator[str]:
        """The names below a prefix."""
        for path in self._asked(self.files.find, f"{self.root}/{prefix}"):
            yield str(path).removeprefix(f"{self.root}/")

    def read(self, name: str) -> bytes:
        """The bytes of a name."""
        try:
            body: bytes = self._asked(self.files.cat_file, f"{self.root}/{name}")
            return body
        except FileNotFoundError:
            raise Missing(f"{self.address}/{name} is missing.") from None

    def write(self, name: str, body: bytes) -> None:
        """One put: it is there whole or not at all."""
        try:
            self._asked(self.files.pipe_file, f"{self.root}/{name}", body)
        except FileNotFoundError as nowhere:
            raise Unavailable(f"{self.address} is not there: {nowhere}") from nowhere
        self.files.invalidate_cache()

    def has(self, name: str, size: int) -> bool:
        """Whether it is there with so many bytes."""
        try:
            return bool(self._asked(self.files.info, f"{self.root}/{name}")["size"] == size)
        except FileNotFoundError:
            return False

    def remove(self, name: str) -> None:
        """Take it away."""
        with contextlib.suppress(FileNotFoundError):
            self._asked(self.files.rm_file, f"{self.root}/{name}")

    def _asked(self, verb: Any, *given: Any) -> Any:
        """What the storage answers; Unavailable in one sentence when it does not."""
        try:
            return verb(*given)
        except FileNotFoundError:
            raise
        except Exception as refused:  # Each storage has errors of its own kinds.
            raise Unavailable(f"{self.address} does not answer: {type(refused).__name__}: {refused}") from refused


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
