"""What a shared type is, and the attributes that many share."""

from typing import NamedTuple


class Noun(NamedTuple):
    """A shared type: who owns it (None = generic, anyone with the right may write it), and its attributes."""

    owner: str | None
    attributes: tuple[str, ...]
    meaning: str


ACT = ("assignee", "due", "open")  # Everything that someone must act on has these three.
PLACE = ("location", "unit")  # unit = code of the commune (5 digits) or province (2 digits), as a string.
