"""What leaves through a channel, and the port of the channels: a drill and a real warning are of two types.

The barrier (docs/decisions/0135): a public channel takes `Released`, a drill channel takes `Exercise`. Neither can be
made of the other's warning, since each asks the message and the file that goes out with it. Everything that the public
sees or hears of a warning comes through a `Released`: the page, the feed, the letters, the topics, the requests.
"""

import xml.etree.ElementTree as Xml
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeVar

from dothi.ground.clock import DAY, from_iso
from dothi.ground.errors import Forbidden
from dothi.hub.model import Entity, system
from dothi.operations.model import Operations
from dothi.operations.warnings.model import Kind, Warning, warning_of

TYPE = "WarningDelivery"
SYSTEM = system("operations")
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
ACTUAL, EXERCISE = "Actual", "Exercise"  # CAP 1.2 section 3.2.1, status.
PAGE = "page"  # The name of the channel that is always there.
ENDING = frozenset({Kind.CANCEL, Kind.ALL_CLEAR})
TOLD_LATE = DAY  # An end of a warning that could not be told for this long is news no more.
INDEXED: Mapping[str, tuple[str, ...]] = {
    TYPE: ("warning", "thread", "channel", "state", "nextTry", "drill", "unit"),
}


class StaysInside(Forbidden):
    """This is a drill, or not released: it goes to drill channels or nowhere."""


class State(StrEnum):
    """How far a message went on one channel."""

    WAITING = "waiting"  # Not tried yet.
    SENDING = "sending"  # Handed over in parts: letters to many people.
    FAILED = "failed"  # The last try failed; there will be another.
    DELIVERED = "delivered"
    DEAD = "dead"  # Given up: a person may send it again.
    LAPSED = "lapsed"  # Its time was over before it could leave: nothing is told late.
    OVERTAKEN = "overtaken"  # A later message of the same warning went instead.


UNDONE = (State.WAITING, State.SENDING, State.FAILED)


def status_of(cap: bytes) -> str:
    """What a CAP file says of itself: Actual, Exercise …; "" of what cannot be read."""
    try:
        return Xml.fromstring(cap).findtext(f"{CAP}status", "")  # noqa: S314  # Written by ourselves.
    except Xml.ParseError:
        return ""


def check(warning: Warning, cap: bytes, drill: bool) -> None:
    """Raise StaysInside unless two people released the message, and it and its file both say what they are."""
    released = warning.sent and warning.released_by
    if not released or warning.drill is not drill or status_of(cap) != (EXERCISE if drill else ACTUAL):
        raise StaysInside(f"{warning.id} is {'no' if drill else 'a'} drill, or was never released.")


@dataclass(frozen=True, slots=True)
class Released:
    """A real warning that two people released, with its CAP file. StaysInside for anything else."""

    warning: Warning
    cap: bytes

    def __post_init__(self) -> None:
        """Refuse a drill."""
        check(self.warning, self.cap, drill=False)


@dataclass(frozen=True, slots=True)
class Exercise:
    """A drill that was released, with its CAP file. StaysInside for a real warning: staff must not take it for one."""

    warning: Warning
    cap: bytes

    def __post_init__(self) -> None:
        """Refuse a real warning."""
        check(self.warning, self.cap, drill=True)


def sort_of(warning: Warning) -> type[Released] | type[Exercise]:
    """Which of the two a message can become."""
    return Exercise if warning.drill else Released


Sent = Released | Exercise
What = TypeVar("What", Released, Exercise)
Taken = TypeVar("Taken", Released, Exercise, contravariant=True)


class Outcome(NamedTuple):
    """What a channel made of a message so far; not `done`: it is looked at again."""

    addressed: int
    delivered: int
    failed: int = 0
    done: bool = True
    problem: str = ""


class Channel(Protocol[Taken]):
    """One way to reach people or their devices. To add one: a file here and a line in `open_channels`."""

    @property
    def name(self) -> str:
        """What the delivery remembers, and the wording under warnings.channel: "mail", "mqtt"."""

    async def send(self, key: str, what: Taken) -> Outcome:
        """Hand the message over; `key` is the same at each try. Refused for ever, NotNow to be tried again."""

    async def look(self, key: str) -> Outcome:
        """How far a message that was not done has come."""

    async def stop(self, key: str) -> bool:
        """Let nothing more of this message leave; False while a part of it is on its way."""


@dataclass(frozen=True)
class Channels:
    """The channels of a city. The types say which of them a drill may enter."""

    public: tuple[Channel[Released], ...] = ()
    drill: tuple[Channel[Exercise], ...] = ()
    secret: str = ""  # With which receivers sign that they got it; "" = nobody can.


def issued(operations: Operations, warning: Warning) -> Sent:
    """The message as it may leave. StaysInside unless it was released."""
    if not warning.cap:
        raise StaysInside(f"{warning.id} has no CAP file: it was never released.")
    cap = operations.hub.read_file(warning.cap)
    return sort_of(warning)(warning, cap)


def issued_of(operations: Operations, entity: Entity) -> Sent | None:
    """The same of an entity; None of what was never released."""
    try:
        return issued(operations, warning_of(entity))
    except StaysInside:
        return None


def too_late(warning: Warning, now: int) -> bool:
    """Whether telling it at `now` (µs) would mislead: a warning beyond its end, an end told a day late."""
    if warning.kind in ENDING:
        return now > from_iso(warning.sent) + TOLD_LATE
    return bool(warning.expires) and now >= from_iso(warning.expires)
