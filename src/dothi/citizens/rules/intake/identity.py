"""Who must say who they are, as data: anonymous, contact or account, by category; inherited like all rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dothi.citizens.rules.intake.competence import ANY


class Need(StrEnum):
    """How much a reporter must tell of themselves."""

    ANONYMOUS = "anonymous"
    CONTACT = "contact"  # A phone or mail, sealed in the vault.
    ACCOUNT = "account"  # Signed in.


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """What a category needs, and why."""

    id: str
    category: str
    need: Need
    reason: Mapping[str, str]


def identity_for(rules: tuple[IdentityRule, ...], category: str) -> IdentityRule:
    """The row of the category, else the one of every category."""
    return next(one for wanted in (category, ANY) for one in rules if one.category == wanted)


def parse_identity(table: Mapping[str, Any]) -> tuple[IdentityRule, ...]:
    """The rows of identity.toml. ValueError for a need that is none, KeyError when no row holds for every category."""
    rows = tuple(
        IdentityRule(row["id"], row["category"], Need(row["need"]), {"vi": row["vi"], "en": row["en"]})
        for row in table["identity"]
    )
    if not any(one.category == ANY for one in rows):
        raise KeyError(f'identity: a row of category "{ANY}"')
    return rows
