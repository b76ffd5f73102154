"""The place of one process among those that serve a city together."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dothi.settings import Settings


def _nothing() -> None:
    """Nobody waits for it."""


@dataclass(frozen=True)
class Place:
    """Which process this is. A city on an embedded store is led by process 0; on a database any may lead."""

    number: int = 0
    of: int = 1
    address: socket.socket | None = None  # Shared by all; None: this process alone listens.
    alive: int = -1  # A pipe that ends with the process above this one; -1: there is none.
    ready: Callable[[], None] = field(default=_nothing)  # Called when requests are taken.

    @property
    def beside(self) -> str:
        """The name of this process as one beside the writer of an embedded store; "" for the writer itself."""
        return str(self.number) if self.number else ""


def requests_at(settings: Settings, number: int) -> Path:
    """The socket where process `number` takes requests that others hand over to it."""
    return settings.data / f"requests-{number}.sock"
