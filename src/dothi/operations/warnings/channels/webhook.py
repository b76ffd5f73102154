"""The channel of other systems: one signed HTTP request to the operator's SMS gateway, radio desk or loudspeakers.

The body is JSON: what `short_json` says, a text without marks that fits an SMS, a text to be spoken, and the CAP file.
The signature is that of the gateway for phones (office/messages/gateway.py); receivers answer with `acknowledge`.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Generic

import msgspec

from dothi.office.messages.gateway import post, signed
from dothi.operations.warnings.channels.model import Outcome, StaysInside, What
from dothi.operations.warnings.channels.mqtt import short_json
from dothi.operations.warnings.model import LANGUAGES
from dothi.operations.warnings.text import short_text

SMS_LETTERS = 160


@dataclass(frozen=True)
class Hook(Generic[What]):
    """POSTs to `url`: 2xx is taken over, 4xx is for ever (408 and 429 are not), the rest is tried again."""

    url: str
    takes: type[What]
    secret: str = field(repr=False)
    name: str = "webhook"

    async def send(self, key: str, what: What) -> Outcome:
        """One request in a thread; `Idempotency-Key` is the same at each try."""
        if type(what) is not self.takes:
            raise StaysInside("This receiver is not for it.")
        body = body_of(key, what)
        await asyncio.to_thread(post, self.url, body, signed(self.secret, body, key))
        return Outcome(1, 1)

    async def look(self, key: str) -> Outcome:
        """Nothing is on its way here."""
        return Outcome(0, 0)

    async def stop(self, key: str) -> bool:
        """Nothing waits here."""
        return True


def body_of(key: str, what: What) -> bytes:
    """What is posted."""
    said = msgspec.json.decode(short_json(key, what.warning))
    said["sms"] = {one: short_text(what.warning, one, SMS_LETTERS, marks=False) for one in LANGUAGES}
    return msgspec.json.encode(said | {"cap": what.cap.decode()})
