"""The numbers of tenants and of sets of types, as a process knows them: small tables, read whole."""

import json
from typing import NamedTuple

import asyncpg

from dothi.hub.store.postgres.texts import got


class Names(NamedTuple):
    """Never changed: a process that learns of more has new ones."""

    tenants: dict[str, int]
    kinds: dict[tuple[str, ...], int]
    types: dict[int, tuple[str, ...]]
    in_use: frozenset[tuple[int, int]]  # (tenant, kind)

    def using(self, kinds: set[tuple[int, int]]) -> "Names":
        """These, and kinds that came to be used."""
        return self._replace(in_use=self.in_use | kinds)


async def load_names(connection: asyncpg.Connection) -> Names:
    """What is named in the database now."""
    tenants = await connection.fetch("SELECT name, tid FROM tenant ORDER BY tid")
    kinds = await connection.fetch("SELECT types, kind FROM kind ORDER BY kind")
    in_use = await connection.fetch("SELECT tid, kind FROM tenant_kind")
    of_types = {tuple(json.loads(got(types))): kind for types, kind in kinds}
    return Names(
        {got(name): tid for name, tid in tenants},
        of_types,
        {kind: types for types, kind in of_types.items()},
        frozenset((tid, kind) for tid, kind in in_use),
    )
