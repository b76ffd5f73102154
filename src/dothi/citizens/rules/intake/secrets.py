"""What must not be sent, as data: signs of state secrets (refused, never kept) and hints of personal data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import re2  # type: ignore[import-untyped]

from dothi.citizens.rules.intake.competence import Citation
from dothi.citizens.rules.intake.folded import holds_words, marked, spaced
from dothi.ground.errors import Invalid
from dothi.ground.text import nfc


class StateSecret(Invalid):
    """The text shows signs of a state secret: it was not taken, and nothing of it was kept."""


@dataclass(frozen=True, slots=True)
class Personal:
    """A kind of personal data that a pattern finds."""

    id: str
    pattern: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SecretRules:
    """Signs of state secrets by id (words as `marked` makes them), what to say then, and hints of personal data."""

    signs: Mapping[str, tuple[str, ...]]
    refusal: Mapping[str, str]
    instead: Mapping[str, str]
    citation: Citation
    personal: tuple[Personal, ...]

    def sign_in(self, *texts: str) -> str:
        """The id of the first sign in any of the texts; "" when there is none."""
        said = " ".join(texts)
        exact, folded = marked(said), spaced(said)
        plain = exact == folded  # Typed without marks: then the signs are compared without them too.
        return next(
            (
                name
                for name, words in self.signs.items()
                if holds_words(exact, [spaced(word) for word in words] if plain else words)
            ),
            "",
        )

    def personal_in(self, *texts: str) -> tuple[Personal, ...]:
        """The kinds of personal data that the texts seem to hold."""
        clean = nfc(" ".join(texts))
        return tuple(one for one in self.personal if re2.search(one.pattern, clean))


def parse_secrets(table: Mapping[str, Any]) -> SecretRules:
    """The tables of secrets.toml. ValueError names a pattern that is none."""
    state = table["state"]
    personal = tuple(
        Personal(row["id"], row["pattern"], {"vi": row["vi"], "en": row["en"]}) for row in table["personal"]
    )
    for one in personal:
        _check(one)
    return SecretRules(
        {row["id"]: tuple(marked(word) for word in row["words"]) for row in state["sign"]},
        {"vi": state["vi"], "en": state["en"]},
        {"vi": state["how_vi"], "en": state["how_en"]},
        Citation(state["document"], state["article"], True),
        personal,
    )


def _check(one: Personal) -> None:
    try:
        re2.compile(one.pattern)
    except re2.error as cause:
        raise Invalid(f"Personal data {one.id}: “{one.pattern[:60]}” is no pattern.", field="text") from cause
