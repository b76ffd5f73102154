"""Staff on behalf: somebody without a smartphone is served at the counter, by phone or from paper, and gets everything.

The person's words are theirs, the contact goes to the vault, the consent and who wrote it down stand on the case.
"""

from dataclasses import dataclass, replace

from dothi.citizens.handling import service
from dothi.citizens.handling.workflow import HANDLERS
from dothi.citizens.intake.codes import find_by_number
from dothi.citizens.intake.filing import Filed, Filing, file_report
from dothi.citizens.model import OWNER, NotYours, Report
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.ground.errors import Invalid
from dothi.hub.model import Actor, Commit, amend, prop

CHANNELS = ("counter", "phone", "paper")
CONSENTS = ("spoken", "signed")


@dataclass(frozen=True, slots=True)
class Served:
    """How somebody is served: the channel, and how they agreed."""

    channel: str
    consent: str


async def file_for(citizens: Citizens, actor: Actor, filing: Filing, served: Served, now: int | None = None) -> Filed:
    """File what a person tells the staff. NotYours for who may not; Invalid names what is missing.

    A contact is kept only with consent; on paper the consent is signed.
    """
    _check_staff(actor)
    if served.channel not in CHANNELS:
        raise Invalid(f"The channel is {', '.join(CHANNELS)}.", field="channel")
    if served.consent not in CONSENTS:
        raise Invalid("Ask whether the person agrees that this is written down, and say how.", field="consent")
    if served.channel == "phone" and served.consent == "signed":
        raise Invalid("Nobody signs over the phone: the consent is spoken.", field="consent")
    if not filing.description.strip():
        raise Invalid("Write down what the person says.", field="description")
    told = replace(filing, channel=served.channel, recorded_by=actor.id, consent=served.consent)
    return await file_report(citizens, told, now)


async def rate_for(
    citizens: Citizens, actor: Actor, code: str, stars: int, words: str = "", now: int | None = None
) -> Report:
    """The reporter, present with the whole code, rates through the staff; the case keeps who helped."""
    _check_staff(actor)
    report = await service.rate(citizens, code, stars, words, now)
    return await _helped(citizens, actor, report, "ratedWith")


async def reopen_for(citizens: Citizens, actor: Actor, code: str, reason: str, now: int | None = None) -> Report:
    """The reporter, present with the whole code, does not accept the answer; the case keeps who helped."""
    _check_staff(actor)
    report = await service.reopen(citizens, code, reason, (), now)
    return await _helped(citizens, actor, report, "reopenedWith")


async def _helped(citizens: Citizens, actor: Actor, report: Report, name: str) -> Report:
    mark = amend(report.id, **{name: prop(actor.id)})
    await citizens.hub.commit(Commit(SYSTEM, (mark,), f"helped at the counter (by {actor.id})", owner=OWNER))
    return find_by_number(citizens, report.code)


def _check_staff(actor: Actor) -> None:
    if not actor.roles & HANDLERS:
        raise NotYours("Only an official or a duty officer serves people at the counter.")
