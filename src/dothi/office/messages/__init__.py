"""Messages to people and offices: a durable outbox, templates in two languages, and channels that carry them.

A module hands in a `Draft`; `queue` keeps it once for its cause, `run` sends it. Nobody's address stands in a message:
it names a pseudonym of the vault, which is opened when the message leaves.
"""

from dothi.office.messages.gateway import Gateway
from dothi.office.messages.mail import MailServer
from dothi.office.messages.model import Draft, Link, Message, Messages, State
from dothi.office.messages.outbox import run
from dothi.office.messages.service import dead, is_queued, open_messages, queue, replay, standing, told_about, withdraw

__all__ = [
    "Draft",
    "Gateway",
    "Link",
    "MailServer",
    "Message",
    "Messages",
    "State",
    "dead",
    "is_queued",
    "open_messages",
    "queue",
    "replay",
    "run",
    "standing",
    "told_about",
    "withdraw",
]
