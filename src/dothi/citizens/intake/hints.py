"""What a person is told before a report is sent, and what is refused: secrets, questions, other channels, identity."""

from dataclasses import dataclass

from dothi.accounts.events import Kind, record
from dothi.accounts.model import Event, Identity
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.citizens.rules import Rules
from dothi.citizens.rules.intake.identity import IdentityRule, Need, identity_for
from dothi.citizens.rules.intake.questions import Channel
from dothi.citizens.rules.intake.secrets import Personal, StateSecret
from dothi.ground.errors import Invalid


@dataclass(frozen=True, slots=True)
class Told:
    """Other channels that the answers or words lead to, and personal data that the words seem to hold."""

    channels: tuple[Channel, ...]
    personal: tuple[Personal, ...]


class NeedsContact(Invalid):
    """This category needs a phone number or mail to call back."""


class NeedsAccount(Invalid):
    """This category needs an account: sign in first."""


async def refuse_secrets(citizens: Citizens, rules: Rules, category: str, at: int, *texts: str) -> None:
    """Raise StateSecret for a sign of a state secret; the register keeps that it was refused, and none of the words."""
    sign = rules.intake.secrets.sign_in(*texts)
    if not sign:
        return
    line = Event(0, at, Kind.SECRET_REFUSED, SYSTEM.id, category[:40], f"sign: {sign}")
    await citizens.vault.accounts.database.write(lambda connection: record(connection, line))
    raise StateSecret(rules.intake.secrets.refusal["en"], field="secret")


def told(rules: Rules, category: str, answers: dict[str, str], *texts: str) -> Told:
    """What the person should know before sending."""
    said = " ".join(texts)
    return Told(rules.intake.questions.leads_to(category, answers, said), rules.intake.secrets.personal_in(said))


def identity_needed(rules: Rules, category: str) -> IdentityRule:
    """How much a reporter must tell of themselves for a category, and why."""
    return identity_for(rules.intake.identity, category)


def check_identity(rules: Rules, category: str, identity: Identity | None, *, assisted: bool = False) -> None:
    """Raise NeedsContact or NeedsAccount when the category asks for more than was told.

    Staff who serve a person at the counter have met them: a contact is enough there.
    """
    need = identity_needed(rules, category).need
    who = identity or Identity()
    if need is Need.ACCOUNT and not who.account and not assisted:
        raise NeedsAccount(field="account")
    if need is not Need.ANONYMOUS and not (who.phone or who.email or who.account):
        raise NeedsContact(field="contact")
