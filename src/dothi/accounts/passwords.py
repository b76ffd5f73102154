"""Passwords: the rules for them, their hashing off the main thread, and the brake on failed sign-ins."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from dothi.accounts.model import WeakPassword
from dothi.ground.clock import HOUR, MINUTE, SECOND
from dothi.ground.errors import Invalid
from dothi.ground.ids import secret
from dothi.ground.text import nfc

# NIST SP 800-63B section 5.1.1.2: length and a blocklist; no rules of composition, no forced change by time.
PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 256
_ESTIMATED_LENGTH_MAX = 72  # The estimate's cost grows with the square of the length.
_SCORE_MIN = 2  # zxcvbn: 0 and 1 fall to 10^6 guesses, 2 withstands online guessing.
_LOCAL_WORDS = ("dothi", "matkhau", "đô thị", "việt nam", "anhyeuem", "emyeuanh")
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")


@dataclass(frozen=True, slots=True)
class Brake:
    """How many failures are free, and how long the wait grows after them (µs)."""

    free: int
    first_wait: int = 30 * SECOND
    longest_wait: int = 15 * MINUTE


FORGOTTEN_AFTER = HOUR
# An office shares one address, so an address may fail more often than a name.
BRAKES = {"login": Brake(free=5), "address": Brake(free=30)}


def check_password(password: str, *known: str) -> str:
    """The password as it is hashed (NFC). WeakPassword when too short, too long, or easily guessed.

    `known` are words that a guesser tries first: the login, the person's name.
    """
    password = nfc(password)
    if len(password) < PASSWORD_LENGTH_MIN:
        raise WeakPassword(f"The password has {len(password)} characters; it needs at least {PASSWORD_LENGTH_MIN}.")
    if len(password) > PASSWORD_LENGTH_MAX:
        raise WeakPassword(f"The password has {len(password)} characters; it may have {PASSWORD_LENGTH_MAX}.")
    guess = zxcvbn(password[:_ESTIMATED_LENGTH_MAX], user_inputs=[*_LOCAL_WORDS, *filter(None, known)])
    if guess["score"] < _SCORE_MIN:
        raise WeakPassword("This password is among the first that a guesser tries; use a few unrelated words.")
    return password


def check_login(login: str) -> str:
    """The login name in small letters. Invalid when it is not 2 to 64 of a-z, 0-9 and . _ @ -."""
    login = login.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise Invalid("A login name has 2 to 64 characters: a-z, 0-9 and . _ @ -, beginning with a letter or digit.")
    return login


def wait_after(brake: Brake, failures: int) -> int:
    """How long (µs) to wait after so many failures in a row: nothing at first, then doubling."""
    over = failures - brake.free
    return 0 if over < 0 else min(brake.first_wait << min(over, 20), brake.longest_wait)


class Hashing:
    """argon2id on two threads of its own: a flood of sign-ins takes neither the main thread nor all the memory."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """`hasher` sets the cost; by default RFC 9106's low-memory choice (64 MiB, 3 passes)."""
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="argon2")
        self._nobody = self._hasher.hash(secret())

    async def hash(self, password: str) -> str:
        """The argon2id hash of a password, with salt and cost in it."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)

    async def matches(self, stored: str, password: str) -> bool:
        """Whether `password` is the one hashed in `stored`; an empty `stored` takes as long and never matches."""
        loop = asyncio.get_running_loop()
        shown = nfc(password[:PASSWORD_LENGTH_MAX])
        same = await loop.run_in_executor(self._threads, self._verify, stored or self._nobody, shown)
        return same and bool(stored)

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made at another cost than today's."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """Finish what runs."""
        self._threads.shutdown(wait=True)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
