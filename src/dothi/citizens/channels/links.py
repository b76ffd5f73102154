"""The links that messages to people carry, made when a message leaves, and read when somebody opens one."""

from collections.abc import Callable, Mapping
from functools import partial

from dothi.accounts.vault import Vault
from dothi.citizens.intake.codes import follower_link_code, link_code
from dothi.citizens.needs import Citizens
from dothi.ground.clock import DAY, now_us
from dothi.ground.links import sign, subject_of

CONFIRM, STOP = "confirm area", "stop area"
LASTS = {CONFIRM: 7 * DAY, STOP: 400 * DAY}  # How long a link of each purpose works.


def makers(citizens: Citizens) -> Mapping[str, Callable[[str], str]]:
    """The makers of links by the name that drafts give (office.messages)."""
    vault = citizens.vault
    return {
        "follow": lambda number: f"/follow/{link_code(vault, number)}",
        "code": lambda number: link_code(vault, number),
        "follow_other": lambda code: f"/follow/{follower_link_code(vault, code)}",
        "code_other": lambda code: follower_link_code(vault, code),
        "confirm": partial(_signed, vault, CONFIRM, "/areas/confirm/"),
        "stop": partial(_signed, vault, STOP, "/areas/stop/"),
        "stop_now": partial(_signed, vault, STOP, "/api/areas/stop/"),
        "page": lambda path: path,
    }


def _signed(vault: Vault, purpose: str, start: str, subject: str) -> str:
    return start + sign(_key(vault), purpose, subject, now_us() + LASTS[purpose])


def opened(vault: Vault, purpose: str, token: str, now: int | None = None) -> str:
    """The subject of a link that somebody opened. BadLink or ExpiredLink (ground/links.py) otherwise."""
    return subject_of(_key(vault), token, purpose, now or now_us())


def _key(vault: Vault) -> bytes:
    return vault.tag("links of citizens", "")
