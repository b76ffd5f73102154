"""DuckDB, embedded and locked: it opens the files that it was given and nothing else, whatever is asked of it."""

import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from dothi.ground.errors import Invalid, Unavailable
from dothi.hub.store.query.gate import admit, sentence
from dothi.hub.store.query.held import Past, beside_all, relations
from dothi.hub.store.query.library import library
from dothi.hub.store.query.views import DUCKDB

if TYPE_CHECKING:
    import duckdb

MEMORY = "50%"  # Of the machine's; what is more goes to a temporary folder.


class Duck:
    """One question after another over the views of one moment."""

    def __init__(self, past: Past, tables: Mapping[str, pa.Table], zone: str, storage: Any = None) -> None:
        """`tables` are views by name beside those of the history; `storage`: the fsspec file system of remote files.

        Invalid when a file is missing or is none.
        """
        self._folder = Path(tempfile.mkdtemp(prefix="dothi-query-"))
        self._views = ("readings", "commits", "changes", *tables)
        self._db = library().connect(
            config={
                "python_enable_replacements": "false",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "memory_limit": MEMORY,
                "temp_directory": str(self._folder),
                "default_null_order": "nulls_first_on_asc_last_on_desc",  # As the cluster engine does.
            }
        )
        try:
            if storage is not None:
                self._db.register_filesystem(storage)
            place(self._db, {**beside_all(past), **tables})
            for name, select in relations(past, zone, DUCKDB).items():
                self._db.execute(f"CREATE TEMP VIEW {name} AS {select}")
            lock(self._db, past.files)
        except library().Error as wrong:
            self.close()
            raise Invalid(f"The history cannot be opened: {sentence(wrong)}") from wrong

    def ask(self, sql: str) -> pa.Table:
        """The answer. Invalid in one sentence when the question is refused or wrong, Unavailable when too large."""
        text = admit(sql, self._views)
        try:
            return self._db.sql(text).to_arrow_table()
        except (library().OutOfMemoryException, library().IOException) as wrong:
            raise Unavailable(sentence(wrong)) from wrong
        except library().Error as wrong:
            raise Invalid(sentence(wrong)) from wrong

    def check(self, sql: str) -> str:
        """The text as it was let in, once it is known that it can be answered; nothing is computed."""
        text = admit(sql, self._views)
        try:
            self._db.execute(f"EXPLAIN {text}").fetchall()
        except library().Error as wrong:
            raise Invalid(sentence(wrong)) from wrong
        return text

    def close(self) -> None:
        """Let everything go."""
        self._db.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "Duck":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def place(db: "duckdb.DuckDBPyConnection", tables: Mapping[str, pa.Table]) -> None:
    """Hand tables over to an engine as views."""
    for name, table in tables.items():
        db.register(f"given_{name}", table)
        db.execute(f'CREATE TEMP VIEW "{name}" AS SELECT * FROM "given_{name}"')


def lock(db: "duckdb.DuckDBPyConnection", files: Iterable[str]) -> None:
    """From now on only those files can be opened, and no setting can be changed."""
    db.execute("SET allowed_paths = ?", [list(files)])
    db.execute("SET enable_external_access = false")
    db.execute("SET lock_configuration = true")
