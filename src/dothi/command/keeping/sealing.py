"""The keys of a city in its backup: sealed under a passphrase that lies elsewhere, never beside what they open.

Without them a backup gives back the whole city but for what citizens' identities are sealed with: nobody can read them,
neither who steals the backup nor who restores it (decision 0208).
"""

import base64
import secrets

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from dothi.ground.errors import Invalid
from dothi.ground.places import Place

NAME = "keys/sealed"
_SALT, _NONCE, _COST = 16, 12, 1 << 15


def keep(place: Place, keys: dict[str, bytes], password: str) -> str:
    """Seal the keys; returns the name under which they lie."""
    salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
    plain = msgspec.json.encode({name: base64.b64encode(key).decode() for name, key in keys.items()})
    place.write(NAME, salt + nonce + _cipher(password, salt).encrypt(nonce, plain, NAME.encode()))
    return NAME


def unseal(place: Place, name: str, password: str) -> dict[str, bytes]:
    """The keys of a backup. Invalid when the passphrase is not theirs."""
    body = place.read(name)
    salt, nonce, sealed = body[:_SALT], body[_SALT : _SALT + _NONCE], body[_SALT + _NONCE :]
    try:
        plain = _cipher(password, salt).decrypt(nonce, sealed, NAME.encode())
    except InvalidTag:
        raise Invalid("This passphrase does not open the keys of the backup.") from None
    found = msgspec.json.decode(plain, type=dict[str, str])
    return {name: base64.b64decode(key) for name, key in found.items()}


def _cipher(password: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(password.encode()))
