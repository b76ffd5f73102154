"""What must be gone: who was erased, kept beside the backups, apart and newest, so that no restore revives it.

The list only grows. It holds pseudonyms and the names of lockers, whose keys are destroyed: nobody is known by it.
"""

import sqlite3
from collections.abc import Sequence
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
from dothi.ground.clock import HOUR
from dothi.ground.errors import Invalid, Missing
from dothi.ground.places import Place
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.office.lifecycle import open_life
from dothi.office.lifecycle.persons.erasing import replay
from dothi.office.lifecycle.rules import rules_kind
from dothi.office.rules import open_rules
from dothi.territory import Territory

NAME = "gone.json"
KEY_FILE = "vault.key"
_MARGIN = HOUR  # Clocks of two machines may differ; to erase twice does no harm.
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


async def erase_again(data: Path, store: str, erased: Sequence[Erasure], since: int) -> int:
    """Take all of `erased` out of the hub of the city at rest in `data`, which stands as of `since` (µs).

    What carried them goes: from state, log, sealed history, photos, letters (office/lifecycle). Where the vault still
    opens, what they are called is looked for too. Returns in how many cases there was something.
    """
    fresh = [one for one in erased if one.at > since - _MARGIN]
    if not fresh:
        return 0
    hub, accounts = Hub(data / "hub", Open(), store), Accounts.open(data, url=store)
    vault = None
    try:
        if (data / KEY_FILE).is_file():
            vault = await Vault.open(data, accounts, url=store)
        life = open_life(hub, open_rules(hub, Territory.load(), (rules_kind(),)), vault, data)
        return await replay(life, fresh)
    finally:
        if vault is not None:
            vault.close()
        accounts.close()
        await hub.close()


async def forget_again(data: Path, store: str, erased: Sequence[Erasure]) -> int:
    """Destroy the keys of all of `erased` in the vault of a city at rest; returns how many it still held.

    Old bytes go too: every file is written anew without them.
    """
    if not erased or not (store or (data / VAULT).is_file()):
        return 0
    accounts = Accounts.open(data, url=store)
    # Erasing opens nobody, so it needs no key: the vault's own may be kept elsewhere.
    vault = Vault(open_database(data, "vault", store), accounts, AESGCM(bytes(KEY_BYTES)), b"", b"")
    try:
        gone = await replay_erasures(vault, list(erased))
    finally:
        vault.close()
        accounts.close()
    for name in (VAULT, ACCOUNTS, HUB):
        if (data / name).is_file():
            _rewrite(data / name)
    return gone


def _rewrite(path: Path) -> None:
    """Have no page of a database that holds what was deleted."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
