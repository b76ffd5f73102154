"""Mail in: a small SMTP server to which the operator's mail server relays; a mail becomes a report, or words to one.

A mail is taken (250) when what it means is on disk; the relay keeps and repeats what could not be written (451).
"""

import asyncio
import logging
from dataclasses import dataclass, field, replace

from aiosmtpd.smtp import SMTP, Envelope, Session

from dothi.accounts.model import Identity
from dothi.accounts.vault import keep_identity
from dothi.citizens.channels.mail import Mail, read_mail
from dothi.citizens.channels.notices import LANGUAGE, contacts_of, links_of
from dothi.citizens.handling.moving import Deed, move
from dothi.citizens.handling.waiting import reply
from dothi.citizens.handling.workflow import Step
from dothi.citizens.intake.codes import find_by_code
from dothi.citizens.intake.filing import Filing, file_report, keep_photos
from dothi.citizens.model import (
    CLOSED,
    OWNER,
    NoSuchReport,
    Report,
    State,
    StoredFile,
    TooManyReports,
)
from dothi.citizens.needs import SYSTEM, Allowance, Citizens, rules_at
from dothi.citizens.rules import Rules, without_personal
from dothi.ground.clock import now_us
from dothi.ground.errors import Invalid, TooLarge
from dothi.ground.ids import urn
from dothi.hub.language.nodes import Window
from dothi.hub.model import Attribute, Commit, amend, instance_value, json_prop, prop
from dothi.office.messages import Draft, Link, Messages, is_queued, queue
from dothi.office.photos import BadFile, FileTooLarge, Upload, clean_photo

MIB = 1024 * 1024
MAIL_MAX = 25 * MIB
PATIENCE_S = 60
PER_SENDER, PER_SENDER_MINUTES = 20, 60
OTHER = "other"  # The category until a person chooses.
QUESTION = "reporter"  # What a report waits for when its reporter was asked.
TAKEN, LATER = "250 OK", "451 Try again later"
log = logging.getLogger("dothi.mail")


@dataclass(frozen=True)
class MailDesk:
    """What taking mail in needs: the modules, the unit whose desk gets it, and the city's own address."""

    citizens: Citizens
    messages: Messages
    home: str
    own_address: str = ""  # What comes from here is a loop.
    senders: Allowance = field(default_factory=lambda: Allowance(PER_SENDER, PER_SENDER_MINUTES))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """One mail, as the server's protocol hands it over."""
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        try:
            return await take(self, content, envelope.mail_from)
        except TooManyReports:
            return "451 Too many mails from this sender: try again in an hour"
        except Exception:  # The outermost edge: the relay keeps the mail.
            log.exception("A mail could not be taken")
            return LATER


class _Server(SMTP):
    """The server's protocol, for mails whose programs break no lines."""

    line_length_limit = 64 * 1024


async def run(desk: MailDesk, host: str, port: int) -> None:
    """Listen until cancelled."""
    server = await listen(desk, host, port)
    async with server:
        await server.serve_forever()


async def listen(desk: MailDesk, host: str, port: int) -> asyncio.Server:
    """A server that takes mail for the desk."""

    def connection() -> SMTP:
        return _Server(desk, data_size_limit=MAIL_MAX, enable_SMTPUTF8=True, hostname="dothi", timeout=PATIENCE_S)

    return await asyncio.get_running_loop().create_server(connection, host, port)


async def take(desk: MailDesk, content: bytes, envelope_sender: str | None, now: int | None = None) -> str:
    """What one mail means: nothing, words to a report, or a report. Returns the answer to the relay."""
    at = now or now_us()
    mail = await asyncio.to_thread(read_mail, content, envelope_sender)
    own = desk.own_address.lower()
    if mail.automatic or not mail.sender or mail.sender.lower() == own:
        return TAKEN
    desk.senders.take(desk.citizens.vault.tag("mail sender", mail.sender.lower()).hex(), at)
    key = desk.citizens.vault.tag(
        "mail", f"{mail.key} {mail.sender}"
    ).hex()  # Nobody who knows the Message-ID can compute the code.
    report = _named(desk.citizens, mail.code)
    try:
        if report is not None:
            await _add(desk, report, mail, key, at)
        else:
            await _file(desk, mail, key, at)
    except (Invalid, TooLarge) as refused:
        log.info("A mail was refused: %s", type(refused).__name__)
        await _refuse(desk, mail, key, refused)
    return TAKEN


def _named(citizens: Citizens, code: str) -> Report | None:
    try:
        return find_by_code(citizens, code) if code else None
    except NoSuchReport:
        return None  # A wrong code is no reason to lose what somebody wrote: it becomes a report.


async def _file(desk: MailDesk, mail: Mail, key: str, at: int) -> None:
    """A report at the desk, whose reporter is told by the notice of filing."""
    rules = rules_at(desk.citizens, desk.home, at)
    photos, lost = await _good(mail, rules.limits.photos)
    subject = mail.subject if mail.subject.casefold() not in mail.words.casefold() else ""
    words = "\n".join(part for part in (subject, mail.words) if part)
    commune = desk.citizens.territory.unit(desk.home).level == "commune"
    filing = Filing(
        OTHER if OTHER in rules.categories else next(iter(rules.categories)),
        _fitting(words, lost, rules),
        unit=desk.home if commune else None,
        photos=photos,
        identity=_writer(mail),
        key=key,
        channel="mail",
        desk=desk.home,
    )
    await file_report(desk.citizens, filing, at)


def _fitting(words: str, lost: int, rules: Rules) -> str:
    """The words within their limit, with a note of what is not with them."""
    note = f"\n(Không nhận được {lost} tệp đính kèm.)" if lost else ""
    room = rules.limits.description_letters - len(note)
    clean = without_personal(words)
    return (clean if len(clean) <= room else clean[: room - 4].rstrip() + " […]") + note


async def _good(mail: Mail, room: int) -> tuple[tuple[Upload, ...], int]:
    """The photos that can be read and have room, and how many were left out: one bad file spoils no mail."""
    good: list[Upload] = []
    for one in mail.photos[: 2 * room]:
        try:
            clean = await asyncio.to_thread(clean_photo, one)
        except (BadFile, FileTooLarge):
            continue
        good.append(replace(one, content=clean.content))
    return tuple(good[:room]), len(mail.photos) - len(good[:room])


async def _add(desk: MailDesk, report: Report, mail: Mail, key: str, at: int) -> None:
    """Words and photos to a report that its code names; an answer when it was asked. Twice the same mail adds once."""
    citizens = desk.citizens
    seen = citizens.hub.history(SYSTEM, report.id, ["mailKey"], Window(attribute="modifiedAt")).get("mailKey", [])
    if key in {instance_value(one) for one in seen}:
        return
    rules = rules_at(citizens, report.unit, at)
    if report.state in CLOSED:
        raise Invalid("closed", field="closed")
    photos, lost = await _good(mail, max(0, rules.limits.photos - len(report.photos)))
    words = _fitting(mail.own_words or mail.subject, lost, rules)
    if report.state is State.WAITING and report.waiting and report.waiting.kind == QUESTION:
        await reply(citizens, mail.code, words, photos, at)
        await citizens.hub.commit(Commit(SYSTEM, (amend(report.id, mailKey=prop(key)),), "mail read", owner=OWNER))
    else:
        await _attach(citizens, report, words, photos, key, at)
    await _thank(desk, report, mail, key)


async def _attach(
    citizens: Citizens, report: Report, words: str, photos: tuple[Upload, ...], key: str, at: int
) -> None:
    kept = await keep_photos(citizens.hub, photos)
    attrs: dict[str, Attribute] = {"mailKey": prop(key)}
    if kept:
        attrs["photos"] = json_prop([*(one.as_json() for one in report.photos), *kept])
    step = Step(reason=words, files=tuple(StoredFile("", "image/jpeg") for _ in kept))
    await move(citizens, SYSTEM, report, "attach", step, Deed(attrs), at)


async def _thank(desk: MailDesk, report: Report, mail: Mail, key: str) -> None:
    """Tell the reporter that it stands there now; who left no address is told at the one that wrote."""
    known = [one.person for one in contacts_of(desk.citizens, report) if not one.code]
    person = known[0] if known else await _sealed(desk, mail)
    links, params = links_of(report.code), {"number": report.code}
    draft = Draft(f"mail {key}", "report.words_added", report.id, person, params=params, links=links, alias="writer")
    await queue(desk.messages, [draft])


async def _refuse(desk: MailDesk, mail: Mail, key: str, refused: Invalid | TooLarge) -> None:
    """Tell who wrote why it became no report, and where else it can be said."""
    what, refusals = str(refused.fields.get("field", "")), desk.citizens.rules.notices.refusals
    why = refusals.get(what, refusals["other"])[LANGUAGE]
    links = {"link": Link("page", "/follow" if what == "closed" else "/report")}
    about, said = urn("Mail", key[:24]), {"why": why}
    draft = Draft(f"mail {key}", "report.mail_refused", about, "?", "", said, links, alias="writer")
    if not is_queued(desk.messages, draft):
        await queue(desk.messages, [replace(draft, to=await _sealed(desk, mail))])


async def _sealed(desk: MailDesk, mail: Mail) -> str:
    """The pseudonym of who wrote."""
    return await keep_identity(desk.citizens.vault, _writer(mail))


def _writer(mail: Mail) -> Identity:
    return Identity(mail.sender_name[:200], email=mail.sender[:200])
