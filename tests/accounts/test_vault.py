"""The vault: nothing legible in its files, opened only with the right and a reason, erased for good."""

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from dothi.accounts import vault as vaults
from dothi.accounts.events import Kind, Sought, read_events
from dothi.accounts.model import Identity
from dothi.accounts.roles import ROLES
from dothi.accounts.store import Accounts
from dothi.accounts.vault import Vault
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing, Unavailable
from dothi.hub.model import ANONYMOUS, Actor, system
from tests.accounts.conftest import URLS, open_accounts

NOW = 1_790_000_000_000_000
LAN = Identity("Nguyễn Thị Lan Anh", "+84 912 345 678", "lan.anh@example.vn", "account-of-lan")
STEWARD = Actor("user:steward", frozenset({"data_steward"}))
WHY = "The reporter asked to be called back."


def open_vault(folder: Path, accounts: Accounts, master: bytes | None = None) -> Vault:
    return asyncio.run(Vault.open(folder, accounts, master, URLS.get(folder, "")))


def stored(folder: Path) -> bytes:
    """Every byte of the vault's and the accounts' files, their logs too; not the key file."""
    return b"".join(file.read_bytes() for file in sorted(folder.glob("*.db*")))


def copy(source: Path, target: Path) -> None:
    """What a backup of the folder does."""
    for name in ("accounts.db", "vault.db"):
        with sqlite3.connect(source / name) as old, sqlite3.connect(target / name) as new:
            old.backup(new)
        old.close()
        new.close()
    shutil.copy2(source / "vault.key", target)


def test_nothing_legible(tmp_path: Path, accounts: Accounts) -> None:
    """After storing, opening and searching, no byte of the files holds a name, phone, address or account."""
    vault = open_vault(tmp_path, accounts)

    async def story() -> None:
        pseudonym = await vaults.keep_identity(vault, LAN)
        assert await vaults.open_identity(vault, STEWARD, pseudonym, WHY, NOW) == LAN
        assert await vaults.find_by_phone(vault, STEWARD, "0912345678", WHY, NOW) == [pseudonym]

    asyncio.run(story())
    found = stored(tmp_path)
    for piece in ("Nguyễn", "Lan Anh", "912 345", "912345678", "345678", "lan.anh", "example.vn", "account-of-lan"):
        for encoding in ("utf-8", "utf-16-le"):
            assert piece.encode(encoding) not in found
    assert b"urn:ngsi-ld:Person:" in found  # The search does find what is there.
    vault.close()


def test_pseudonyms(tmp_path: Path, accounts: Accounts) -> None:
    """Each keeping gives a new random pseudonym, so that two reports of one person are not linked by it."""
    vault = open_vault(tmp_path, accounts)

    async def story() -> None:
        first, second = [await vaults.keep_identity(vault, LAN) for _ in range(2)]
        assert first != second
        assert first.startswith("urn:ngsi-ld:Person:")
        assert len(first.rpartition(":")[2]) == 32
        assert await vaults.find_by_phone(vault, STEWARD, "0084912345678", WHY) == sorted([first, second])
        assert await vaults.find_by_phone(vault, STEWARD, "0912345679", WHY) == []
        with pytest.raises(Invalid):
            await vaults.keep_identity(vault, Identity(name="  "))
        with pytest.raises(Invalid):
            await vaults.keep_identity(vault, Identity(name="x" * 301))

    asyncio.run(story())
    vault.close()


def test_no_nonce_twice(tmp_path: Path, accounts: Accounts) -> None:
    """Under the one wrapping key no nonce comes twice, and the same identity is never sealed to the same bytes."""
    vault = open_vault(tmp_path, accounts)

    async def story() -> None:
        for _ in range(50):
            await vaults.keep_identity(vault, LAN)

    asyncio.run(story())
    rows = vault.database.read("SELECT wrapped_key, sealed FROM person")
    assert len({wrapped[:12] for wrapped, _ in rows}) == len({sealed for _, sealed in rows}) == 50
    vault.close()


def test_who_opens(tmp_path: Path, accounts: Accounts) -> None:
    """Of all roles, keys and modules only the data steward and the sender of notices open an identity."""
    vault = open_vault(tmp_path, accounts)
    people = [Actor(f"user:{role}", frozenset({role})) for role in ROLES if role != "data_steward"]
    others = [ANONYMOUS, system("operations"), Actor("key:1", scopes=frozenset({"read:*"}))]
    posing = [Actor("system:citizens"), Actor("user:1", frozenset({"system"})), Actor("key:1", STEWARD.roles)]

    async def story() -> None:
        pseudonym = await vaults.keep_identity(vault, LAN)
        for who in (*people, *others, *posing):
            for refused in (
                vaults.open_identity(vault, who, pseudonym, WHY),
                vaults.find_by_phone(vault, who, LAN.phone, WHY),
                vaults.erase(vault, who, pseudonym, WHY),
            ):
                with pytest.raises(Forbidden):
                    await refused
        assert read_events(accounts.database) == []
        with pytest.raises(Forbidden):
            await vaults.erase(vault, system("citizens"), pseudonym, WHY)
        assert await vaults.open_identity(vault, system("citizens"), pseudonym, "notice of an answer") == LAN

    asyncio.run(story())
    vault.close()


def test_register(tmp_path: Path, accounts: Accounts) -> None:
    """Each opening leaves who, when, whom and why; without a reason nothing opens."""
    vault = open_vault(tmp_path, accounts)

    async def story() -> None:
        pseudonym = await vaults.keep_identity(vault, LAN)
        for reason in ("", "  ", "x" * 501):
            with pytest.raises(Invalid):
                await vaults.open_identity(vault, STEWARD, pseudonym, reason, NOW)
        assert read_events(accounts.database) == []
        await vaults.open_identity(vault, STEWARD, pseudonym, WHY, NOW)
        (line,) = read_events(accounts.database)
        assert (line.kind, line.actor, line.subject, line.reason, line.at) == (
            Kind.IDENTITY_OPENED,
            STEWARD.id,
            pseudonym,
            WHY,
            NOW,
        )
        with pytest.raises(Missing):
            await vaults.open_identity(vault, STEWARD, "urn:ngsi-ld:Person:none", WHY)

    asyncio.run(story())
    vault.close()


def test_own_identity(tmp_path: Path, accounts: Accounts) -> None:
    """A signed-in citizen sees what is kept of them, and nobody else's."""
    vault = open_vault(tmp_path, accounts)
    pseudonym = asyncio.run(vaults.keep_identity(vault, LAN))
    me = Actor("user:account-of-lan", frozenset({"citizen"}))
    assert vaults.pseudonym_of(vault, me) == pseudonym
    assert vaults.open_own_identity(vault, me) == LAN
    for other in (Actor("user:other", frozenset({"citizen"})), Actor("key:account-of-lan"), ANONYMOUS):
        assert vaults.open_own_identity(vault, other) is None
    vault.close()


def test_erased(tmp_path: Path, accounts: Accounts) -> None:
    """After an erasure the person's key is in no byte of the files, nothing opens, nothing finds them; others stay."""
    vault = open_vault(tmp_path, accounts)

    async def story() -> None:
        lan = await vaults.keep_identity(vault, LAN)
        other = await vaults.keep_identity(vault, Identity("Trần Văn B", "0900000000"))
        row = vault.database.read_one("SELECT wrapped_key, sealed, phone_tag FROM person WHERE pseudonym = ?", lan)
        assert row is not None
        assert all(piece in stored(tmp_path) for piece in row)
        done = await vaults.erase(vault, STEWARD, lan, "asked for it", NOW)
        assert not any(piece in stored(tmp_path) for piece in row)
        with pytest.raises(Missing, match="erased"):
            await vaults.open_identity(vault, STEWARD, lan, WHY)
        with pytest.raises(Missing):
            await vaults.erase(vault, STEWARD, lan, WHY)
        assert await vaults.find_by_phone(vault, STEWARD, LAN.phone, WHY) == []
        assert vaults.erasures(vault) == [done]
        assert (await vaults.open_identity(vault, STEWARD, other, WHY)).name == "Trần Văn B"
        assert Kind.IDENTITY_ERASED in [event.kind for event in read_events(accounts.database, Sought(subject=lan))]

    asyncio.run(story())
    vault.close()


def test_replay_on_an_older_copy(tmp_path: Path) -> None:
    """A backup from before an erasure brings the person back until the erasures are replayed; then they are gone."""
    old, live = tmp_path / "old", tmp_path / "live"
    old.mkdir()
    live.mkdir()
    accounts = open_accounts(live)
    vault = open_vault(live, accounts)
    lan = asyncio.run(vaults.keep_identity(vault, LAN))
    kept = asyncio.run(vaults.keep_identity(vault, Identity("Trần Văn B")))
    copy(live, old)
    asyncio.run(vaults.erase(vault, STEWARD, lan, "asked for it", NOW))
    register = vaults.erasures(vault)
    vault.close()
    accounts.close()

    restored = open_accounts(old)
    again = open_vault(old, restored)
    assert asyncio.run(vaults.open_identity(again, STEWARD, lan, WHY)) == LAN
    assert asyncio.run(vaults.replay_erasures(again, register)) == 1
    assert asyncio.run(vaults.replay_erasures(again, register)) == 0
    with pytest.raises(Missing, match="erased"):
        asyncio.run(vaults.open_identity(again, STEWARD, lan, WHY))
    assert vaults.erasures(again) == register
    assert asyncio.run(vaults.open_identity(again, STEWARD, kept, WHY)).name == "Trần Văn B"
    again.close()
    restored.close()


def test_old_bytes_held_by_a_reader(tmp_path: Path, accounts: Accounts) -> None:
    """While another process reads the file, the erasure holds but says that old bytes stay until it is repeated."""
    vault = open_vault(tmp_path, accounts)
    lan = asyncio.run(vaults.keep_identity(vault, LAN))
    row = vault.database.read_one("SELECT wrapped_key FROM person WHERE pseudonym = ?", lan)
    assert row is not None
    reader = sqlite3.connect(tmp_path / "vault.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM person").fetchall()
    with pytest.raises(Unavailable):
        asyncio.run(vaults.erase(vault, STEWARD, lan, "asked for it", NOW))
    reader.close()
    with pytest.raises(Missing, match="erased"):
        asyncio.run(vaults.open_identity(vault, STEWARD, lan, WHY))
    asyncio.run(vaults.replay_erasures(vault, vaults.erasures(vault)))
    assert row[0] not in stored(tmp_path)
    vault.close()


def test_key_file(tmp_path: Path, accounts: Accounts) -> None:
    """The master key is made once for its owner's eyes; a readable, lost or foreign one is refused and not replaced."""
    open_vault(tmp_path, accounts).close()
    file = tmp_path / "vault.key"
    key = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(key) == 32
    file.chmod(0o644)
    with pytest.raises(Forbidden, match="chmod 600"):
        open_vault(tmp_path, accounts)
    file.unlink()
    with pytest.raises(Missing):
        open_vault(tmp_path, accounts)
    assert not file.exists()
    with pytest.raises(Conflict):
        open_vault(tmp_path, accounts, master=os.urandom(32))
    with pytest.raises(Invalid):
        open_vault(tmp_path, accounts, master=b"short")
    open_vault(tmp_path, accounts, master=key).close()


def test_swapped_rows(tmp_path: Path, accounts: Accounts) -> None:
    """A row changed in the file, or passed off as another person's, does not open."""
    vault = open_vault(tmp_path, accounts)

    async def story() -> None:
        one, two = await vaults.keep_identity(vault, LAN), await vaults.keep_identity(vault, Identity("Trần Văn B"))
        swap = (
            "UPDATE person SET (wrapped_key, sealed) ="
            " (SELECT wrapped_key, sealed FROM person WHERE pseudonym = ?) WHERE pseudonym = ?"
        )
        await vault.database.write(lambda connection: connection.execute(swap, (two, one)))
        with pytest.raises(Conflict):
            await vaults.open_identity(vault, STEWARD, one, WHY)

    asyncio.run(story())
    vault.close()


def test_a_locker_ends_all_that_was_sealed_in_it(tmp_path: Path, accounts: Accounts) -> None:
    """What is sealed in a locker opens with the right and a reason only, and nowhere once the locker is destroyed.

    A restored copy brings the key back; replaying the erasures takes it again.
    """
    vault = open_vault(tmp_path, accounts)
    restored = tmp_path / "restored"
    restored.mkdir()

    async def story() -> None:
        plates = await vaults.seal_in(vault, "gate|2026-11-22", [b"75A-123.45", b"75B-543.21"])
        again = await vaults.seal_in(vault, "gate|2026-11-22", [b"75A-123.45"])
        other = await vaults.seal_in(vault, "gate|2026-11-23", [b"75A-123.45"])
        assert len({*plates, *again, *other}) == 4
        assert all(b"75A" not in one for one in (*plates, *again, stored(tmp_path)))
        opened = await vaults.open_from(vault, STEWARD, "gate|2026-11-22", again[0], "gate 1", WHY, NOW)
        assert opened == b"75A-123.45"
        for who, why, wrong in ((ANONYMOUS, WHY, Forbidden), (STEWARD, " ", Invalid)):
            with pytest.raises(wrong):
                await vaults.open_from(vault, who, "gate|2026-11-22", again[0], "gate 1", why, NOW)
        with pytest.raises(Conflict):
            await vaults.open_from(vault, STEWARD, "gate|2026-11-23", again[0], "gate 1", WHY, NOW)
        assert vaults.lockers(vault, "gate|") == ["gate|2026-11-22", "gate|2026-11-23"]
        copy(tmp_path, restored)
        await vaults.destroy_lockers(vault, ["gate|2026-11-22"], "system:operations", "their time is over", NOW)
        with pytest.raises(Missing, match="erased"):
            await vaults.open_from(vault, STEWARD, "gate|2026-11-22", again[0], "gate 1", WHY, NOW)
        assert await vaults.open_from(vault, STEWARD, "gate|2026-11-23", other[0], "gate 1", WHY, NOW)
        brought_back = await Vault.open(restored, accounts)
        assert await vaults.replay_erasures(brought_back, vaults.erasures(vault)) == 1
        assert vaults.lockers(brought_back, "gate|") == ["gate|2026-11-23"]
        brought_back.close()

    asyncio.run(story())
    lines = read_events(accounts.database, Sought(subject="gate 1"))
    assert [(one.kind, one.reason) for one in lines] == [(Kind.IDENTITY_OPENED, WHY)] * len(lines)
    assert len(lines) == 4
