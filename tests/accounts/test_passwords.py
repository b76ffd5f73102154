"""Which passwords are taken, how they are hashed, and how long a guesser waits."""

import asyncio

import pytest
from argon2 import PasswordHasher

from dothi.accounts.model import WeakPassword
from dothi.accounts.passwords import BRAKES, Hashing, check_login, check_password, wait_after
from dothi.ground.clock import MINUTE, SECOND
from dothi.ground.errors import Invalid


@pytest.mark.parametrize(
    "password",
    ["short-one", "1234567890", "password12", "matkhau123", "qwertyuiop", "aaaaaaaaaaaa", "nguyen.van.a1", "x" * 257],
)
def test_refused(password: str) -> None:
    """Short, common and guessable passwords are refused, and so is one's own login name."""
    with pytest.raises(WeakPassword):
        check_password(password, "nguyen.van.a", "Nguyễn Văn A")


@pytest.mark.parametrize(
    "password", ["correct horse battery", "bốn con ngựa vằn", "kx7vq2mzpt", "đ" * 3 + " trời mưa rào"]
)
def test_taken(password: str) -> None:
    """Long words are enough: no digit, capital or sign is demanded, and Vietnamese is welcome."""
    assert check_password(password, "lan") == password


def test_one_form() -> None:
    """The same word typed on another keyboard (decomposed) is the same password."""
    decomposed = "bo\u0302\u0301n con ngu\u031b\u0323a va\u0306\u0300n"
    assert check_password(decomposed) == "bốn con ngựa vằn"

    async def story() -> None:
        hashing = Hashing(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        stored = await hashing.hash(check_password(decomposed))
        assert stored.startswith("$argon2id$")
        assert await hashing.matches(stored, "bốn con ngựa vằn")
        assert await hashing.matches(stored, decomposed)
        assert not await hashing.matches(stored, "bon con ngua van")
        assert not await hashing.matches("", "bốn con ngựa vằn")
        assert not await hashing.matches("no hash", "bốn con ngựa vằn")
        hashing.close()

    asyncio.run(story())


def test_default_cost() -> None:
    """A city hashes with argon2id at 64 MiB."""
    hashing = Hashing()
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in asyncio.run(hashing.hash("x"))
    hashing.close()


def test_logins() -> None:
    """Login names are small letters, digits and a few signs."""
    assert check_login(" Lan.Nguyen@hue ") == "lan.nguyen@hue"
    for bad in ("", "a", ".lan", "lan nguyen", "đức", "a" * 65):
        with pytest.raises(Invalid):
            check_login(bad)


def test_waits() -> None:
    """The first failures are free, then the wait doubles up to a quarter of an hour."""
    brake = BRAKES["login"]
    assert [wait_after(brake, tries) // SECOND for tries in (1, 4, 5, 6, 7)] == [0, 0, 30, 60, 120]
    assert wait_after(brake, 1000) == 15 * MINUTE
