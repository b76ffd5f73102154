"""Where sealed history lies, a folder or object storage; and the engine of this process that reads it."""

import hashlib
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dothi.ground.errors import DothiError, Unavailable
from dothi.ground.places import Folder, Objects, open_place
from dothi.hub.store.query.library import library

_ROWS = 122_880  # Rows of a row group: what one thread of DuckDB reads at a time.
_PLAIN = ("known", "previous", "version")  # Numbers that grow by little: kept as differences.
_LIMITS: dict[str, Any] = {
    "memory_limit": "1GB",
    "threads": 2,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
}


class Place:
    """Files that are written once and flushed, named by what is in them."""

    def __init__(self, root: str) -> None:
        """Nothing is made yet. `root`: a folder, or s3://bucket/prefix with its credentials in the environment."""
        self._place = open_place(root)
        assert isinstance(self._place, Folder | Objects)
        self.remote = isinstance(self._place, Objects)
        self.root = self._place.address if self.remote else str(Path(self._place.address).absolute())
        self._lock = threading.Lock()
        self._engine: Any = None

    @property
    def storage(self) -> Any:
        """The fsspec file system of remote files, None of a folder."""
        return self._place.files if isinstance(self._place, Objects) else None

    def engine(self) -> Any:
        """A cursor of this process's one engine; it loads no extension."""
        with self._lock:
            if self._engine is None:
                self._engine = library().connect(":memory:", config=dict(_LIMITS))
                self._engine.execute("SET preserve_insertion_order = false")
                self._engine.execute("SET temp_directory = $folder", {"folder": tempfile.gettempdir()})
                if self.remote:
                    self._engine.register_filesystem(self.storage)
            return self._engine.cursor()

    def write(self, folder: str, tables: Iterable[pa.Table], fields: pa.Schema) -> tuple[str, int]:
        """Write a Parquet file named by its SHA-256: (path, bytes), or ("", 0) of no rows.

        Unavailable when that fails; nothing is there then.
        """
        content = _parquet(tables, fields)
        if not content:
            return "", 0
        path = f"{folder}/{hashlib.sha256(content).hexdigest()}.parquet"
        try:
            self._place.write(path, content)
        except (OSError, DothiError) as refused:
            self.remove(path)
            raise Unavailable(
                f"The archive {self.root} could not be written: {refused} The log stays whole."
            ) from refused
        return path, len(content)

    def flush(self, path: str) -> None:
        """Have a file that another wrote on disk for sure."""
        if not self.remote:
            self._place.write(path, self._place.read(path))

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        try:
            self._place.remove(path)
        except (OSError, DothiError):
            return

    def read(self, path: str) -> bytes:
        """A file's bytes. Missing when it is not there."""
        return self._place.read(path)

    def names(self, folder: str) -> list[str]:
        """Every file below a folder."""
        try:
            return sorted(self._place.names(f"{folder}/"))
        except FileNotFoundError:
            return []

    def close(self) -> None:
        """Let the engine go."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
                self._engine = None


def _parquet(tables: Iterable[pa.Table], fields: pa.Schema) -> bytes:
    """The bytes of a Parquet file; none of no tables."""
    buffer = pa.BufferOutputStream()
    deltas = {name: "DELTA_BINARY_PACKED" for name in fields.names if name in _PLAIN}
    words = [name for name in fields.names if name not in _PLAIN]
    writer: pq.ParquetWriter | None = None
    for table in tables:
        if writer is None:
            options: dict[str, Any] = {"use_dictionary": words, "column_encoding": deltas, "store_schema": False}
            writer = pq.ParquetWriter(buffer, table.schema, compression="zstd", **options)
        writer.write_table(table, row_group_size=_ROWS)
    if writer is None:
        return b""
    writer.close()
    content: bytes = buffer.getvalue().to_pybytes()
    return content
