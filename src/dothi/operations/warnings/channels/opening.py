"""The channels of a city, from what its operator set: the page always, the others where they have an address."""

from dataclasses import dataclass, field

from dothi.office.messages import Messages
from dothi.operations.model import Operations
from dothi.operations.warnings.channels.mail import NAME as MAIL
from dothi.operations.warnings.channels.mail import Followers, Staff
from dothi.operations.warnings.channels.model import INDEXED, Channel, Channels, Exercise, Released
from dothi.operations.warnings.channels.mqtt import DRILL, Broker, Topics
from dothi.operations.warnings.channels.page import PublicPage
from dothi.operations.warnings.channels.webhook import Hook


@dataclass(frozen=True)
class Addresses:
    """Where warnings and drills go; what is empty is switched off."""

    broker: Broker | None = None
    topic: str = "dothi"
    drill_topic: bool = False  # Whether drills are told below <topic>/drill.
    url: str = ""
    drill_url: str = ""
    secret: str = field(default="", repr=False)
    drill_mail: tuple[str, ...] = ()


def open_channels(operations: Operations, messages: Messages, addresses: Addresses) -> Channels:
    """The channels; what their lists ask for is declared from here on."""
    for kind, names in INDEXED.items():
        operations.hub.index(kind, *names)
    public = _public(operations, messages, addresses)
    return Channels(tuple(public), tuple(_drill(operations, messages, addresses)), addresses.secret)


def _public(operations: Operations, messages: Messages, addresses: Addresses) -> list[Channel[Released]]:
    found: list[Channel[Released]] = [PublicPage(operations)]
    if _has_mail(messages):
        found.append(Followers(operations, messages))
    if addresses.broker:
        found.append(Topics(operations, addresses.broker, addresses.topic, Released))
    if addresses.url:
        found.append(Hook(addresses.url, Released, addresses.secret))
    return found


def _drill(operations: Operations, messages: Messages, addresses: Addresses) -> list[Channel[Exercise]]:
    found: list[Channel[Exercise]] = []
    if _has_mail(messages) and addresses.drill_mail:
        found.append(Staff(operations, messages, addresses.drill_mail))
    if addresses.broker and addresses.drill_topic:
        found.append(Topics(operations, addresses.broker, f"{addresses.topic}/{DRILL}", Exercise))
    if addresses.drill_url:
        found.append(Hook(addresses.drill_url, Exercise, addresses.secret))
    return found


def _has_mail(messages: Messages) -> bool:
    return any(channel.name == MAIL for channel in messages.channels)
