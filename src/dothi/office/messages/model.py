"""The nouns of messages: what is to be said to whom, where it stands, and the port of the channels that carry it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from dothi.accounts.model import Identity
from dothi.accounts.vault import Vault
from dothi.ground.errors import DothiError, Unavailable
from dothi.hub.core import Hub
from dothi.hub.model import Entity, system

TYPE = "Message"
OWNER = "messages"
SYSTEM = system(OWNER)
UNDER_WAY = "interrupted"  # The problem of a message whose try has begun and whose end nobody noted yet.


class State(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"  # Not tried yet.
    SENT = "sent"  # A server took it over.
    FAILED = "failed"  # The last try failed; there will be another.
    DEAD = "dead"  # Given up: a person may send it again.


class Refused(DothiError):
    """The channel will never take this message: there is no such address, or the content is refused."""


class NotNow(Unavailable):
    """The channel does not take the message now; it is tried again."""


class Link(NamedTuple):
    """A link that is made when the message leaves: which maker, of what. So no secret waits in the hub."""

    maker: str
    of: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What a module wants to be said. The same cause to the same addressee by the same template is one message."""

    cause: str  # What happened, e.g. "urn:…:ABC123@5": an entity at a version.
    template: str
    about: str  # The entity that it is about.
    to: str = ""  # A pseudonym of the vault …
    office: str = ""  # … or the mail address of an office, which is no person's.
    params: Mapping[str, str] = field(default_factory=dict)  # Fills the template; holds no identity.
    links: Mapping[str, Link] = field(default_factory=dict)  # Fill it too, made when the message leaves.
    language: str = "vi"
    alias: str = ""  # Stands for the addressee in the id, where each pseudonym is a new one.
    channel: str = ""  # "" = the first channel that reaches the addressee.
    until: int = 0  # µs: what could not be sent by then is given up, since it would mislead; 0 = no such time.


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands in the hub."""

    id: str
    version: int
    template: str
    about: str
    to: str
    office: str
    params: Mapping[str, str]
    links: Mapping[str, Link]
    language: str
    channel: str
    state: State
    tries: int
    next_try: str  # ISO 8601.
    problem: str  # Why the last try failed, without an address.
    made_at: str
    until: str = ""  # ISO 8601, "" = no such time.


@dataclass(frozen=True, slots=True)
class Letter:
    """What a channel carries: `id` is the same at every try, so that a receiver can tell a second one."""

    id: str
    subject: str
    text: str
    short: str
    stop: str = ""  # The address that ends messages of this kind.


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str:
        """What the message remembers: "mail", "phone"."""

    def address(self, who: Identity) -> str:
        """Where this channel reaches a person, empty when it does not."""

    async def send(self, address: str, letter: Letter) -> None:
        """Hand the letter over. Refused for ever, NotNow to be tried again."""


@dataclass(frozen=True)
class Messages:
    """What the verbs of messages need."""

    hub: Hub
    vault: Vault
    channels: tuple[Channel, ...]  # By preference; none = messages wait.
    city: str  # Who writes: stands in every message.
    address: str  # Where the city is, before the paths of links.
    makers: Mapping[str, Callable[[str], str]] = field(default_factory=dict)  # Makers of links, by name.


def message_of(entity: Entity) -> Message:
    """The message that an entity of type Message holds."""
    value = entity.value
    return Message(
        id=entity.id,
        version=entity.version,
        template=value("template", ""),
        about=value("about", ""),
        to=value("to", ""),
        office=value("office", ""),
        params=value("params", {}),
        links={name: Link(*kept) for name, kept in value("links", {}).items()},
        language=value("language", "vi"),
        channel=value("channel", ""),
        state=State(value("state", State.WAITING)),
        tries=int(value("tries", 0)),
        next_try=value("nextTry", ""),
        problem=value("problem", ""),
        made_at=value("madeAt", ""),
        until=value("until", ""),
    )
