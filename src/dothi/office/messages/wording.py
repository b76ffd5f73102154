"""The wording of messages: templates in both languages, checked when a draft comes in, filled when it leaves."""

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from dothi.ground.errors import Invalid
from dothi.office.messages.model import Draft, Letter, Message, Messages

LANGUAGES = ("vi", "en")
STOP = "stop_now"  # The link by which a reader's program ends messages of a kind with one POST.
ALWAYS = frozenset({"city"})


@dataclass(frozen=True, slots=True)
class Template:
    """Subject and text of a mail, and the one sentence for a phone; {names} are filled in."""

    subject: str
    text: str
    short: str

    @property
    def names(self) -> frozenset[str]:
        """What must be filled in."""
        fields = string.Formatter().parse(self.subject + self.text + self.short)
        return frozenset(name for _, name, _, _ in fields if name)


@cache
def templates(language: str) -> Mapping[str, Template]:
    """The templates of a language, by name."""
    table = tomllib.loads((files(__package__) / f"wording_{language}.toml").read_text("utf-8"))
    return {name: Template(row["subject"], row["text"].strip(), row["short"]) for name, row in table.items()}


def check_draft(draft: Draft) -> None:
    """Raise Invalid unless the template exists, all its names are given, and somebody is addressed."""
    found = templates(_language(draft.language)).get(draft.template)
    if found is None:
        raise Invalid(f"There is no template “{draft.template[:60]}” for messages.")
    lacking = found.names - draft.params.keys() - draft.links.keys() - ALWAYS
    if lacking:
        raise Invalid(f"The template {draft.template} lacks {', '.join(sorted(lacking))}.")
    if bool(draft.to) == bool(draft.office):
        raise Invalid("A message goes to one person of the vault or to one office.")


def letter_of(messages: Messages, message: Message) -> Letter:
    """The message as it leaves: links are made now and stand nowhere else."""
    made = {name: _made(messages, *link) for name, link in message.links.items()}
    values = {"city": messages.city, **message.params, **made}
    found = templates(_language(message.language))[message.template]
    subject, text, short = (part.format_map(values) for part in (found.subject, found.text, found.short))
    foot = f"\n\n-- \n{messages.city}\n{messages.address}\n"
    return Letter(message.id, subject, text + foot, short, made.get(STOP, ""))


def _made(messages: Messages, maker: str, of: str) -> str:
    """A link is a path of this city and gets its address; anything else (a code) stays as it is."""
    made = messages.makers[maker](of)
    return messages.address + made if made.startswith("/") else made


def _language(wanted: str) -> str:
    return wanted if wanted in LANGUAGES else LANGUAGES[0]
