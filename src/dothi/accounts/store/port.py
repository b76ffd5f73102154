"""What accounts and vault need of a database; SQLite and PostgreSQL are its adapters."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Row = tuple[Any, ...]


class Found(Protocol):
    """What a statement found, or how many rows it touched."""

    @property
    def rowcount(self) -> int:
        """How many rows were written."""

    def fetchone(self) -> Any:
        """The next row, None when there is none."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""


class Connection(Protocol):
    """One transaction; values stand as ? in the statement, in SQL that both adapters read."""

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> Found:
        """Run a statement."""

    def executemany(self, sql: str, parameters: Iterable[Sequence[object]], /) -> Found:
        """Run it for each of several rows of values."""


class Database(Protocol):
    """Tables of accounts or of the vault: each write is a transaction, durable when it returns."""

    def read(self, sql: str, *values: object) -> list[Row]:
        """All rows of a question."""

    def read_one(self, sql: str, *values: object) -> Row | None:
        """The first row of a question, None when there is none."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction; what it raises undoes the transaction."""

    def submit(self, work: Callable[[Connection], T]) -> "Future[T]":
        """The same without waiting: for notes that nobody waits for, like when a key was last used."""

    async def checkpoint(self) -> None:
        """Have erased bytes gone, as far as the database can. Unavailable where another process stands in the way."""

    def close(self) -> None:
        """Finish what was handed in, and close."""
