"""A report's public number and its reporter's secret half: made from a key, typed by people, looked up."""

import hashlib
import hmac

from dothi.accounts.vault import Vault
from dothi.citizens.model import TYPE, NoSuchReport, Report, report_of
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.ground.errors import Missing
from dothi.ground.ids import CODE_ALPHABET, urn
from dothi.hub.model import read_one

NUMBER, KEY = 6, 8  # Letters of the public number, and of the reporter's own half of the code.
LINK = 16  # Letters of the half that messages carry: made from the vault's key, since the other is kept nowhere.


def codes_of(key: str, attempt: int = 0) -> tuple[str, str]:
    """The public number and the reporter's half of the code that belong to an idempotency key."""
    rest = int.from_bytes(hashlib.sha256(f"dothi report {key} {attempt}".encode()).digest())
    letters = _letters(rest, NUMBER + KEY)
    return letters[:NUMBER], letters[NUMBER:]


def link_code(vault: Vault, number: str) -> str:
    """The code of a report as messages to its reporter carry it: as good as the one that was shown after filing."""
    return f"{number}-{_letters(int.from_bytes(vault.tag('follow a report', number)), LINK)}"


def follower_link_code(vault: Vault, code: str) -> str:
    """The same for who follows another's report: `code` is the follower's own number, and opens nothing more."""
    return f"{code}-{_letters(int.from_bytes(vault.tag('follow as another', code)), LINK)}"


def is_link_code(made: str, number: str, pin: str) -> bool:
    """Whether number and pin are the link code that was made for this number."""
    return len(pin) == LINK and hmac.compare_digest(f"{number}-{pin}".encode(), made.encode())


def _letters(rest: int, count: int) -> str:
    letters = []
    for _ in range(count):
        rest, place = divmod(rest, len(CODE_ALPHABET))
        letters.append(CODE_ALPHABET[place])
    return "".join(letters)


def follow_key(number: str, pin: str) -> str:
    """What the entity holds of the reporter's half: a slow hash, so that who reads the entity cannot find it."""
    return hashlib.scrypt(pin.encode(), salt=f"dothi report {number}".encode(), n=2**13, r=8, p=1, dklen=24).hex()


def split_code(code: str) -> tuple[str, str]:
    """Number and key of a follow code as people type it: small letters, spaces and hyphens do no harm."""
    letters = "".join(letter for letter in code.upper() if letter.isalnum())
    return letters[:NUMBER], letters[NUMBER:]


def find_by_number(citizens: Citizens, number: str) -> Report:
    """The report with a public number. NoSuchReport when there is none."""
    try:
        return read_one(citizens.hub.get(SYSTEM, urn(TYPE, number.upper())), report_of)
    except Missing as cause:
        raise NoSuchReport from cause


def find_by_code(citizens: Citizens, code: str) -> Report:
    """The report of whoever holds the whole follow code. NoSuchReport for a wrong number and a wrong key alike."""
    number, pin = split_code(code)
    if is_link_code(link_code(citizens.vault, number), number, pin):
        return find_by_number(citizens, number)
    if len(pin) != KEY:
        raise NoSuchReport
    report = find_by_number(citizens, number)
    if not is_key_of(number, pin, report.follow_key):
        raise NoSuchReport
    return report


def is_key_of(number: str, pin: str, kept: str) -> bool:
    """Whether `pin` is the secret half that belongs to a number, by what an entity keeps of it."""
    return bool(kept) and hmac.compare_digest(follow_key(number, pin), kept)
