"""What every verb of accounts needs: the database, how passwords are hashed, and actors found a moment ago."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher

from dothi.accounts.model import SessionRules
from dothi.accounts.passwords import Hashing
from dothi.accounts.policy import Within
from dothi.accounts.store.opening import open_database
from dothi.accounts.store.port import Database
from dothi.ground.clock import SECOND
from dothi.hub.model import Actor

CACHE_LIFE = 5 * SECOND  # How long another process may still honour what this one has revoked.
CACHED_MAX = 10_000


class Cache:
    """Actors already found by their token's hash, for a few seconds; every write empties it."""

    def __init__(self) -> None:
        """Nobody is known yet."""
        self.found: dict[bytes, tuple[Actor, int]] = {}
        self.watchers: list[Callable[[], None]] = []  # Told of every write, in its thread.

    def get(self, token_hash: bytes, now: int) -> Actor | None:
        """The actor found a moment ago, None when that is over."""
        actor, until = self.found.get(token_hash, (None, 0))
        return actor if now < until else None

    def forget(self) -> None:
        """Forget everybody. A new table, so that who is just reading old rows fills only the old one."""
        self.found = {}
        for watcher in self.watchers:
            watcher()


def _itself(code: str) -> frozenset[str]:
    return frozenset({code})


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the verbs of people, sign-in and keys work with."""

    database: Database
    hashing: Hashing
    cache: Cache
    within: Within
    rules: SessionRules
    former: Within = _itself

    @classmethod
    def open(
        cls,
        folder: Path,
        within: Within = _itself,
        rules: SessionRules = SessionRules(),
        hasher: PasswordHasher | None = None,
        former: Within = _itself,
        url: str = "",
    ) -> "Accounts":
        """Open (or make) accounts.db in `folder`, or what `url` names.

        `within` gives the codes at and below a unit's code, `former` a code and those of the units merged into it.
        """
        cache = Cache()
        database = open_database(folder, "accounts", url, on_commit=cache.forget)
        return cls(database, Hashing(hasher), cache, within, rules, former)

    def close(self) -> None:
        """Finish what was handed in, and close."""
        self.hashing.close()
        self.database.close()
