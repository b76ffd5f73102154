"""Which version a database is of, and bringing it to this one: what `dothi migrate` asks."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from dothi.ground.errors import DothiError
from dothi.hub.store.postgres.address import read, refused
from dothi.hub.store.postgres.line import Line
from dothi.hub.store.postgres.tables import schema

Result = TypeVar("Result")


def versions(url: str) -> tuple[int, int]:
    """(the version found, 0 when the database is empty; the version wanted). Nothing is touched.

    Invalid when it is foreign, newer or half migrated, Unavailable when nobody answers.
    """
    line = Line(read(url))

    async def look() -> int:
        return await schema.standing(await line.connect(), line.address.where)

    return opening(line, look()), schema.VERSION


def migrate(url: str, until: int = schema.VERSION) -> int:
    """Bring a database to this version, one transaction a step; returns the version that it had."""
    line = Line(read(url))

    async def move() -> int:
        return await schema.migrate(await line.connect(), line.address.where, until)

    return opening(line, move())


def opening(line: Line, work: Coroutine[Any, Any, Result], keep: bool = False) -> Result:
    """The result of the first words with a database; what goes wrong is told as what an operator must mend."""
    done = False
    try:
        result = line.run(work, schema.LONG_S)
        done = keep
        return result
    except Exception as fault:
        if isinstance(fault, DothiError) and not isinstance(fault.__cause__, Exception):
            raise
        raise refused(line.address, fault.__cause__ or fault) from None  # A cause could show the password.
    finally:
        if not done:
            line.close()
