"""The vault of citizens' identities: sealed with one key per person, opened with a reason, erased with the key."""

import hmac
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dothi.accounts.events import Kind, record
from dothi.accounts.model import Erasure, Event, Identity
from dothi.accounts.policy import has_ability, is_system
from dothi.accounts.roles import SYSTEM_OPENERS, Ability
from dothi.accounts.store import Accounts, Connection, Database, open_database
from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.ground.text import nfc
from dothi.hub.model import Actor

KEY_BYTES = 32
_NONCE_BYTES = 12
_FIELD_MAX = 300
_REASON_MAX = 500
_PRIVATE_MODE = 0o077  # Bits that let anybody else read a file.


@dataclass(frozen=True, slots=True)
class Vault:
    """The sealed file, the key that wraps each person's key, that of the searchable tags, and that of signed links."""

    database: Database
    accounts: Accounts  # Its register takes the line of each opening.
    wrapping: AESGCM
    tagging: bytes
    linking: bytes  # For ground/links.py: links that expire, to people without an account.

    @classmethod
    async def open(
        cls, folder: Path, accounts: Accounts, master: bytes | None = None, url: str = "", key_file: Path | None = None
    ) -> "Vault":
        """Open (or make) vault.db in `folder`, or what `url` names; without `master` (32 bytes) its key is in a file.

        That is `key_file`, or vault.key in the folder, made with a new vault. Processes on several machines share one.
        Conflict when the key is not the one that this vault was sealed with; Missing when the key file is gone.
        """
        file = key_file or folder / "vault.key"
        database = open_database(folder, "vault", url)
        try:
            fresh = database.read_one("SELECT 1 FROM proof") is None
            key = master if master is not None else _read_key_file(file, fresh)
            if len(key) != KEY_BYTES:
                raise Invalid(f"The vault's master key has {len(key)} bytes; it must have {KEY_BYTES}.")
        except DothiError:
            database.close()
            raise
        vault = cls(database, accounts, AESGCM(_derive(key, b"wrap")), _derive(key, b"tag"), _derive(key, b"link"))
        try:
            await vault.database.write(lambda connection: _prove(connection, vault.tag("proof", "")))
        except Conflict:
            vault.close()
            raise
        return vault

    def close(self) -> None:
        """Finish what was handed in, and close."""
        self.database.close()

    def tag(self, field: str, value: str) -> bytes:
        """What is stored to find a value again: a keyed hash, useless without the master key."""
        return _tag(self.tagging, field, value)


def check_key(folder: Path, key_file: Path | None = None) -> None:
    """Raise Conflict unless the key is the one that vault.db in `folder` was sealed with; Missing when it is gone."""
    database = open_database(folder, "vault")
    try:
        known = database.read_one("SELECT tag FROM proof")
        key = _read_key_file(key_file or folder / "vault.key", fresh=False)
    finally:
        database.close()
    if known is None or not hmac.compare_digest(known[0], _tag(_derive(key, b"tag"), "proof", "")):
        raise Conflict("This is not the master key that the vault was sealed with; put the right one back.")


async def keep_identity(vault: Vault, identity: Identity) -> str:
    """Seal an identity and return its new pseudonym (an entity's URI), which is all that the hub may hold."""
    identity = _cleaned(identity)
    pseudonym = urn("Person")
    phone = vault.tag("phone", _digits(identity.phone)) if _digits(identity.phone) else None
    account = vault.tag("account", identity.account) if identity.account else None
    key = AESGCM.generate_key(bit_length=8 * KEY_BYTES)
    wrapped = _seal(vault.wrapping, key, pseudonym)
    sealed = _seal(AESGCM(key), msgspec.json.encode(asdict(identity)), pseudonym)
    row = (pseudonym, wrapped, sealed, phone, account)

    def work(connection: Connection) -> str:
        connection.execute("INSERT INTO person VALUES (?, ?, ?, ?, ?)", row)
        return pseudonym

    return await vault.database.write(work)


async def open_identity(vault: Vault, actor: Actor, pseudonym: str, reason: str, now: int | None = None) -> Identity:
    """Who stands behind a pseudonym. Forbidden without the right; the register holds who looked, when and why.

    Missing when nobody of that pseudonym is kept, or was erased.
    """
    await _register(vault, actor, Ability.OPEN_IDENTITY, Kind.IDENTITY_OPENED, pseudonym, reason, now)
    return _unseal(vault, pseudonym)


def open_own_identity(vault: Vault, actor: Actor) -> Identity | None:
    """What is kept of the citizen who asks, None when nothing is; this is their right and needs no reason."""
    mine = pseudonym_of(vault, actor)
    return _unseal(vault, mine) if mine else None


def pseudonym_of(vault: Vault, actor: Actor) -> str | None:
    """The pseudonym of a signed-in citizen, None when nothing is kept of them."""
    if not actor.id.startswith("user:"):
        return None
    return next(iter(_pseudonyms(vault, "account_tag", vault.tag("account", actor.id.removeprefix("user:")))), None)


async def find_by_phone(vault: Vault, actor: Actor, phone: str, reason: str, now: int | None = None) -> list[str]:
    """The pseudonyms kept with a phone number, e.g. to erase all of a person. Registered like an opening."""
    await _register(vault, actor, Ability.OPEN_IDENTITY, Kind.IDENTITY_SEARCHED, "by phone", reason, now)
    return _pseudonyms(vault, "phone_tag", vault.tag("phone", _digits(phone)))


async def erase(vault: Vault, actor: Actor, pseudonym: str, reason: str, now: int | None = None) -> Erasure:
    """Destroy a person's key, so that nothing sealed with it opens again, here or in a copy once it is replayed there.

    Missing when nobody of that pseudonym is kept.
    """
    at = now or now_us()
    _unseal(vault, pseudonym)  # Says Missing before the register says erased.
    await _register(vault, actor, Ability.ERASE_IDENTITY, Kind.IDENTITY_ERASED, pseudonym, reason, at)
    erasure = Erasure(pseudonym, at, actor.id, reason)
    await replay_erasures(vault, [erasure])
    return erasure


async def seal_in(vault: Vault, locker: str, contents: Sequence[bytes]) -> list[bytes]:
    """Seal what belongs to nobody whose name is known, with the key of a locker (made when there is none).

    What is sealed may lie anywhere; with the locker destroyed it opens nowhere.
    """
    fresh = _seal(vault.wrapping, AESGCM.generate_key(bit_length=8 * KEY_BYTES), locker)

    def work(connection: Connection) -> bytes:
        connection.execute("INSERT INTO locker VALUES (?, ?) ON CONFLICT DO NOTHING", (locker, fresh))
        row = connection.execute("SELECT wrapped_key FROM locker WHERE name = ?", (locker,)).fetchone()
        return bytes(row[0])

    row = vault.database.read_one("SELECT wrapped_key FROM locker WHERE name = ?", locker)
    key = AESGCM(_open(vault.wrapping, row[0] if row else await vault.database.write(work), locker))
    return [_seal(key, content, locker) for content in contents]


async def open_from(  # Who, what, of which locker and why belong together.
    vault: Vault, actor: Actor, locker: str, sealed: bytes, subject: str, reason: str, now: int | None = None
) -> bytes:
    """What was sealed in a locker. Forbidden without the right; the register holds who looked at `subject` and why.

    Missing when the locker was destroyed.
    """
    await _register(vault, actor, Ability.OPEN_IDENTITY, Kind.IDENTITY_OPENED, subject, reason, now)
    row = vault.database.read_one("SELECT wrapped_key FROM locker WHERE name = ?", locker)
    if row is None:
        raise Missing("This was erased: the time for which it might be kept is over.")
    try:
        return _open(AESGCM(_open(vault.wrapping, row[0], locker)), sealed, locker)
    except InvalidTag as cause:
        raise Conflict(f"What was sealed in {locker} was changed outside dothi and cannot be opened.") from cause


async def note_search(vault: Vault, actor: Actor, subject: str, reason: str, now: int | None = None) -> None:
    """Check the right to look for what is sealed, and write who looked for it and why."""
    await _register(vault, actor, Ability.OPEN_IDENTITY, Kind.IDENTITY_SEARCHED, subject, reason, now)


def lockers(vault: Vault, prefix: str) -> list[str]:
    """The names of the lockers that begin so, in order."""
    return [row[0] for row in vault.database.read("SELECT name FROM locker WHERE name >= ? ORDER BY name", prefix)
            if row[0].startswith(prefix)]  # fmt: skip


async def destroy_lockers(vault: Vault, names: Sequence[str], by: str, reason: str, now: int | None = None) -> None:
    """End lockers for ever: what was sealed in them opens nowhere again, in no copy either once this is replayed."""
    at = now or now_us()
    await replay_erasures(vault, [Erasure(name, at, by, reason) for name in names])


def erasures(vault: Vault) -> list[Erasure]:
    """Everybody erased so far, oldest first; a backup carries this list apart, for the next restore."""
    rows = vault.database.read("SELECT pseudonym, at, by_whom, reason FROM erasure ORDER BY at, pseudonym")
    return [Erasure(*row) for row in rows]


async def replay_erasures(vault: Vault, erased: list[Erasure]) -> int:
    """Erase again whom a restored copy brought back; to be called before it serves. Returns how many were there.

    Unavailable while another process reads the vault: they are erased, but old bytes stay until this is called again.
    """

    def work(connection: Connection) -> int:
        names = [(one.pseudonym,) for one in erased]
        gone = connection.executemany("DELETE FROM person WHERE pseudonym = ?", names).rowcount
        gone += connection.executemany("DELETE FROM locker WHERE name = ?", names).rowcount
        rows = [(one.pseudonym, one.at, one.by, one.reason) for one in erased]
        connection.executemany("INSERT INTO erasure VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", rows)
        return gone

    gone = await vault.database.write(work)
    await vault.database.checkpoint()  # secure_delete zeroes the file's pages; this empties the log of older ones.
    return gone


async def _register(
    vault: Vault, actor: Actor, ability: Ability, kind: Kind, subject: str, reason: str, now: int | None
) -> None:
    """Check the right and write the line, durable before anything is shown."""
    by_system = is_system(actor) and actor.id in SYSTEM_OPENERS and ability is Ability.OPEN_IDENTITY
    if not by_system and not has_ability(actor, ability):
        raise Forbidden(f"{actor.id} may not {ability.value.replace('_', ' ')}: a citizen's identity stays hidden.")
    if not 0 < len(reason.strip()) <= _REASON_MAX:
        raise Invalid(f"Say why, in 1 to {_REASON_MAX} characters: the reason is kept in the register.")
    line = Event(0, now or now_us(), kind, actor.id, subject, reason.strip())
    await vault.accounts.database.write(lambda connection: record(connection, line))


def _unseal(vault: Vault, pseudonym: str) -> Identity:
    row = vault.database.read_one("SELECT wrapped_key, sealed FROM person WHERE pseudonym = ?", pseudonym)
    if row is None:
        erased = vault.database.read_one("SELECT at FROM erasure WHERE pseudonym = ?", pseudonym)
        raise Missing("This person was erased." if erased else f"Nobody is kept as {pseudonym[:100]}.")
    try:
        key = _open(vault.wrapping, row[0], pseudonym)
        return msgspec.json.decode(_open(AESGCM(key), row[1], pseudonym), type=Identity)
    except InvalidTag as cause:
        raise Conflict(f"What is kept as {pseudonym} was changed outside dothi and cannot be opened.") from cause


def _pseudonyms(vault: Vault, column: str, tag: bytes) -> list[str]:
    asked = {
        "phone_tag": "SELECT pseudonym FROM person WHERE phone_tag = ? ORDER BY pseudonym",
        "account_tag": "SELECT pseudonym FROM person WHERE account_tag = ? ORDER BY pseudonym",
    }
    return [row[0] for row in vault.database.read(asked[column], tag)]


def _cleaned(identity: Identity) -> Identity:
    """The identity without surrounding blanks. Invalid when it says nothing or a part is too long."""
    parts = {name: nfc(value).strip() for name, value in asdict(identity).items()}
    if not any(parts.values()):
        raise Invalid("There is nothing to keep: name, phone, e-mail and account are all empty.")
    for name, value in parts.items():
        if len(value) > _FIELD_MAX:
            raise Invalid(f"The {name} has {len(value)} characters; it may have {_FIELD_MAX}.")
    return Identity(**parts)


def _digits(phone: str) -> str:
    """A phone number as it is compared: digits only, +84 and 0084 as 0."""
    digits = re.sub(r"\D", "", phone)
    return re.sub(r"^(0084|84)(?=\d{9,10}$)", "0", digits)


def _seal(key: AESGCM, content: bytes, pseudonym: str) -> bytes:
    """Nonce and ciphertext, bound to the pseudonym, so that a row cannot be passed off as another's."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + key.encrypt(nonce, content, pseudonym.encode())


def _open(key: AESGCM, sealed: bytes, pseudonym: str) -> bytes:
    return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], pseudonym.encode())


def _tag(key: bytes, field: str, value: str) -> bytes:
    return hmac.digest(key, f"{field}:{value}".encode(), "sha256")


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"dothi vault " + purpose).derive(master)


def _prove(connection: Connection, tag: bytes) -> None:
    """Remember the key of a new vault; refuse another key for an old one, since it would open nobody."""
    known = connection.execute("SELECT tag FROM proof").fetchone()
    if known is None:
        connection.execute("INSERT INTO proof VALUES (1, ?)", (tag,))
    elif not hmac.compare_digest(known[0], tag):
        raise Conflict("This is not the master key that the vault was sealed with; put the right one back.")


def _read_key_file(file: Path, fresh: bool) -> bytes:
    if fresh and not file.exists():
        _write_key_file(file, secrets.token_bytes(KEY_BYTES))
    if not file.exists():
        raise Missing(f"{file.name} is gone, and without it nobody in the vault can be opened; restore it.")
    if file.stat().st_mode & _PRIVATE_MODE:
        raise Forbidden(f"Others on this machine may read {file.name}; run: chmod 600 {file.name}")
    return file.read_bytes()


def _write_key_file(file: Path, key: bytes) -> None:
    """Make the file so that only this user ever could read it, and flush it and its name to disk."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, key)
        os.fsync(handle)
    finally:
        os.close(handle)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
