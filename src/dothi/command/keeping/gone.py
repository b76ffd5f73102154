"""What must be gone: who was erased, kept beside the backups, apart and newest, so that no restore revives it.

The list only grows. It holds pseudonyms and the names of lockers, whose keys are destroyed: nobody is known by it.
"""

import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dothi.accounts.model import Erasure
from dothi.accounts.store import Accounts
from dothi.accounts.store.opening import open_database
from dothi.accounts.vault import KEY_BYTES, Vault, replay_erasures
from dothi.command.keeping.snapshot import ACCOUNTS, HUB, VAULT
from dothi.ground.errors import Invalid, Missing
from dothi.ground.places import Place

NAME = "gone.json"
_ASKED = "SELECT pseudonym, at, by_whom, reason FROM erasure ORDER BY at, pseudonym"


def known(place: Place) -> list[Erasure]:
    """Everybody who must be gone, oldest first. Invalid when the list is damaged."""
    try:
        found = msgspec.json.decode(place.read(NAME), type=list[dict[str, str | int]])
        return [Erasure(str(o["pseudonym"]), int(o["at"]), str(o["by"]), str(o["reason"])) for o in found]
    except Missing:
        return []
    except (msgspec.DecodeError, KeyError, ValueError) as broken:
        raise Invalid(f"{place.address}/{NAME} is damaged: without it the erased would come back.") from broken


def of_city(data: Path, store: str = "") -> list[Erasure]:
    """Everybody erased in a city so far."""
    if store:
        database = open_database(data, "vault", store)
        try:
            return [Erasure(*row) for row in database.read(_ASKED)]
        finally:
            database.close()
    if not (data / VAULT).is_file():
        return []
    with closing(sqlite3.connect(f"{(data / VAULT).resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return [Erasure(*row) for row in connection.execute(_ASKED)]


def remember(place: Place, data: Path, store: str = "") -> list[Erasure]:
    """Bring the list at the place up to date; returns it."""
    before = known(place)
    names = {one.pseudonym for one in before}
    fresh = [one for one in of_city(data, store) if one.pseudonym not in names]
    if fresh:
        place.write(NAME, msgspec.json.encode([asdict(one) for one in (*before, *fresh)]))
    return [*before, *fresh]


async def erase_again(data: Path, store: str, erased: list[Erasure]) -> int:
    """Erase all of `erased` in the city at rest in `data`; returns how many of them it still held.

    Old bytes go too: every database is written anew without them.
    """
    if not erased or not (store or (data / VAULT).is_file()):
        return 0
    database = open_database(data, "vault", store)
    accounts = Accounts.open(data)
    # Erasing opens nobody, so it needs no key: the vault's own may be kept elsewhere.
    vault = Vault(database, accounts, AESGCM(bytes(KEY_BYTES)), b"", b"")
    try:
        gone = await replay_erasures(vault, erased)
    finally:
        vault.close()
        accounts.close()
    if gone:
        for name in (VAULT, ACCOUNTS, HUB):
            if (data / name).is_file():
                _rewrite(data / name)
    return gone


def _rewrite(path: Path) -> None:
    """Have no page of a database that holds what was deleted."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
