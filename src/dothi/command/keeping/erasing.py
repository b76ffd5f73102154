"""Whoever was erased since a backup is erased again in what was restored from it, before it has its name or serves."""

import sqlite3
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dothi.accounts.model import Erasure
from dothi.accounts.store import Accounts
from dothi.accounts.store.opening import open_database
from dothi.accounts.vault import KEY_BYTES, Vault, replay_erasures
from dothi.command.keeping.snapshot import ACCOUNTS, HUB, VAULT


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
