"""What a report waits for: the weather, an answer of its reporter, an outside body. It comes back by itself.

The reporter and the outside body get a signed link that expires; who opens it sees no identity and needs no account.
"""

import asyncio
from collections.abc import Sequence

from dothi.citizens.handling.moving import Deed, by_number, for_handler, move
from dothi.citizens.handling.timing import wait_until
from dothi.citizens.handling.workflow import BY_CLOCK, BY_OUTSIDE, Step
from dothi.citizens.intake.codes import find_by_code
from dothi.citizens.intake.filing import keep, keep_photos
from dothi.citizens.model import NoSuchReport, Report, StoredFile, Waiting
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.citizens.rules import without_personal
from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Conflict
from dothi.ground.ids import public_code
from dothi.ground.links import BadLink, sign, subject_of
from dothi.hub.model import Actor, Attribute, json_prop
from dothi.office.photos import Upload, clean_proof

QUESTION, OUTSIDE = "question", "outside"
PURPOSES = {"reporter": QUESTION, "outside": OUTSIDE}  # What a report waits for → what its link is good for.
NAME_LETTERS = 200


class ClosedLink(Conflict):
    """This link has done its work: an answer came, or it was taken back. Nothing more is needed."""


async def wait(
    citizens: Citizens,
    actor: Actor,
    number: str,
    kind: str,
    reason: str,
    version: int | None = None,
    now: int | None = None,
) -> Report:
    """The report waits for what cannot be hurried (weather, material …), with the reason, at most so long."""
    at = now or now_us()
    report = for_handler(citizens, actor, number)
    waiting = _begun(citizens, report, kind, at, words=reason.strip())
    step = Step(reason=reason, wait=kind)
    return await move(citizens, actor, report, "wait", step, Deed(wait=waiting, seen=version), at)


async def ask(
    citizens: Citizens, actor: Actor, number: str, question: str, version: int | None = None, now: int | None = None
) -> Report:
    """Ask the reporter; `link` is where the answer is given, besides the page of the follow code."""
    at = now or now_us()
    report = for_handler(citizens, actor, number)
    waiting = _begun(citizens, report, "reporter", at, words=question.strip(), nonce=public_code())
    step = Step(words=question, wait="reporter", reason=question)
    return await move(citizens, actor, report, "ask", step, Deed(wait=waiting, seen=version), at)


async def forward(
    citizens: Citizens,
    actor: Actor,
    number: str,
    name: str,
    words: str,
    version: int | None = None,
    now: int | None = None,
) -> Report:
    """Send the report to a body outside (a utility, a ministry): it answers on a page of its own, by `link`."""
    at = now or now_us()
    report = for_handler(citizens, actor, number)
    body = name.strip()
    waiting = _begun(citizens, report, "outside", at, words=words.strip(), name=body, nonce=public_code())
    step = Step(words=words, name=name, wait="outside", reason=f"{body}: {words.strip()}")
    return await move(citizens, actor, report, "forward", step, Deed(wait=waiting, seen=version), at)


def _begun(citizens: Citizens, report: Report, kind: str, at: int, **said: str) -> Waiting:
    return Waiting(kind, iso(at), iso(wait_until(citizens, report, kind, at)), report.handle_by, **said)


async def resume(
    citizens: Citizens, actor: Actor, number: str, version: int | None = None, now: int | None = None
) -> Report:
    """The report goes on before its wait is over; a link that was sent opens nothing from now on."""
    at = now or now_us()
    report = for_handler(citizens, actor, number)
    deed = Deed(_over(report, "revoked", at), seen=version)
    return await move(citizens, actor, report, "resume", Step(), deed, at)


async def lapse(citizens: Citizens, number: str, now: int | None = None) -> Report:
    """A wait has lasted as long as it may: the report comes back, and says so. For the timer."""
    at = now or now_us()
    report = by_number(citizens, number)
    kind = report.waiting.kind if report.waiting else ""
    deed = Deed(_over(report, "lapsed", at), roles=BY_CLOCK)
    return await move(citizens, SYSTEM, report, "lapse", Step(reason=kind), deed, at)


async def reply(
    citizens: Citizens, code: str, words: str, photos: Sequence[Upload] = (), now: int | None = None
) -> Report:
    """The reporter answers the question, with the whole follow code."""
    return await _reply(citizens, find_by_code(citizens, code), words, photos, now)


async def reply_by_link(
    citizens: Citizens, token: str, words: str, photos: Sequence[Upload] = (), now: int | None = None
) -> Report:
    """The reporter answers by the link of the question. BadLink, ExpiredLink, ClosedLink."""
    return await _reply(citizens, linked(citizens, QUESTION, token, now), words, photos, now)


async def _reply(citizens: Citizens, report: Report, words: str, photos: Sequence[Upload], now: int | None) -> Report:
    at, said = now or now_us(), without_personal(words)
    files = tuple(StoredFile("", "image/jpeg") for _ in photos)
    step = Step(words=said, files=files, reason=said)
    attrs = _over(report, "answered", at, said)
    if photos:
        more = await keep_photos(citizens.hub, photos)
        attrs["photos"] = json_prop([*(one.as_json() for one in report.photos), *more])
    return await move(citizens, SYSTEM, report, "reply", step, Deed(attrs), at)


async def reply_outside(
    citizens: Citizens, token: str, words: str, by: str, proof: Sequence[Upload] = (), now: int | None = None
) -> Report:
    """The outside body answers, in the name that it gives; what it sends may be the proof of the unit's own answer."""
    at = now or now_us()
    report = linked(citizens, OUTSIDE, token, now)
    said, name = without_personal(words), without_personal(by)[:NAME_LETTERS]
    clean = [await asyncio.to_thread(clean_proof, one) for one in proof]
    step = Step(words=said, reason=f"{name}: {said}" if name else said)
    files = [await keep(citizens.hub, one) for one in clean] if said.strip() else []
    deed = Deed(_over(report, "answered", at, said, name, files), roles=BY_OUTSIDE)
    return await move(citizens, SYSTEM, report, "reply_outside", step, deed, at)


def _over(  # An exchange is these things together.
    report: Report, ended: str, at: int, answer: str = "", by: str = "", files: Sequence[object] = ()
) -> dict[str, Attribute]:
    """The wait as one more exchange that is over; nothing of a wait in which nobody was asked."""
    waiting = report.waiting
    if waiting is None or waiting.kind not in PURPOSES:
        return {}
    said = {
        "kind": waiting.kind,
        "at": waiting.at,
        "words": waiting.words,
        "name": waiting.name,
        "ended": ended,
        "endedAt": iso(at),
        "answer": answer.strip(),
        "by": by.strip(),
        "files": list(files),
    }
    before = [one.as_json() for one in report.exchanges]
    return {"exchanges": json_prop([*before, {name: value for name, value in said.items() if value}])}


def link(citizens: Citizens, report: Report) -> str:
    """The path of the page on which the reporter or the outside body answers; empty when nobody is asked."""
    waiting = report.waiting
    if waiting is None or waiting.kind not in PURPOSES:
        return ""
    purpose = PURPOSES[waiting.kind]
    token = sign(citizens.vault.linking, purpose, f"{report.code} {waiting.nonce}", from_iso(waiting.until))
    return f"/{purpose}/{token}"


def linked(citizens: Citizens, purpose: str, token: str, now: int | None = None) -> Report:
    """The report of a link, while it waits for who holds it. BadLink, ExpiredLink or ClosedLink otherwise."""
    subject = subject_of(citizens.vault.linking, token, purpose, now or now_us())
    number, _, nonce = subject.partition(" ")
    try:
        report = by_number(citizens, number)
    except NoSuchReport as cause:
        raise BadLink from cause
    if report.waiting is None or report.waiting.nonce != nonce:
        raise ClosedLink(code=report.code)
    return report
