"""What tests of reports share: a month of Phú Xuân filled by hand, documents opened and their links followed."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from docx import Document
from docx.document import Document as Doc
from docx.oxml.ns import qn

from dothi.evidence.model import Period, PeriodKind, period_of
from dothi.evidence.report.model import Wording
from dothi.evidence.report.periods import before
from dothi.evidence.report.service import accept, asked_about, begin, duty_of, snapshot_of, submit, waiting, wording_of
from dothi.evidence.report.signing import Signature, sign
from dothi.ground.clock import DAY, iso
from dothi.hub.model import Actor, Entity, prop
from tests.evidence.conftest import OPERATIONS, PHU_XUAN, PROGRAMME, THUAN_HOA, Town

InTown = Callable[[Any], Any]
BASE = "http://city.example"
OFFICIAL = Actor("user:official", frozenset({"official"}), frozenset({PHU_XUAN}))
SIGNATURE = Signature("12", "Nguyễn Văn Mẫu")


def address(behind: str) -> str:
    return f"{BASE}/walk/{behind}"


def homes(report: str) -> Callable[[str], str]:
    return address


def links(doc: Doc) -> list[tuple[str, str]]:
    """(text, what stands behind) of every hyperlink, in order."""
    found = []
    for link in doc.element.body.iter(qn("w:hyperlink")):
        target = doc.part.rels[link.get(qn("r:id"))].target_ref
        assert target.startswith(f"{BASE}/walk/")
        text = "".join(node.text or "" for node in link.iter(qn("w:t")))
        found.append((text, unquote(urlsplit(target).path.removeprefix("/walk/"))))
    return found


def words(doc: Doc) -> str:
    """All text of the document, links included."""
    return "\n".join("".join(node.text or "" for node in p.iter(qn("w:t"))) for p in doc.element.body.iter(qn("w:p")))


def opened(town: Town, report: Entity) -> Doc:
    return Document(io.BytesIO(town.hub.read_file(report.value("file")["sha256"])))


@dataclass
class Month:
    """The month before the running one, and an instant in it to date things by."""

    period: Period
    inside: int


def last_month(town: Town) -> Month:
    period = before(period_of(PeriodKind.MONTH, town.now))
    return Month(period, period.start + 9 * DAY)


async def reports_of(town: Town, inside: int, start: int, late: int, total: int, unit: str = PHU_XUAN) -> None:
    """`total` answered reports numbered from `start`, the first `late` of them late, dated inside a period."""
    for number in range(start, start + total):
        at = iso(inside)
        await town.report(
            number,
            unit,
            open=False,
            onTime=number - start >= late,
            filedAt=at,
            handleBy=at,
            closedAt=at,
            state="answered",
        )


async def fill_months(town: Town) -> Month:
    """Last month 28 reports (3 late) and three tasks, the month before 25 (5 late); noise beside it."""
    month = last_month(town)
    await reports_of(town, month.inside, 0, 3, 28)
    await reports_of(town, before(month.period).start + DAY, 100, 5, 25)
    await reports_of(town, month.inside, 200, 0, 7, THUAN_HOA)
    await town.report(300, filedAt=iso(month.inside), imported=True)
    for number, state in enumerate(("done", "done", "assigned")):
        attrs = {
            "title": prop(f"Nhiệm vụ {number}"),
            "state": prop(state),
            "due": prop(iso(month.inside + number * DAY)),
        }
        attrs |= {"unit": prop(PHU_XUAN), "open": prop(state != "done"), "simulated": prop(True)}
        await town.put(PROGRAMME, f"urn:ngsi-ld:Task:{number}", "Task", **attrs)
    alarm = {"unit": prop(PHU_XUAN), "open": prop(False), "since": prop(iso(month.inside)), "name": prop("Cảnh báo")}
    await town.put(OPERATIONS, "urn:ngsi-ld:Alarm:0", "Alarm", **alarm)
    return month


async def drafted(
    town: Town, actor: Actor = OFFICIAL, unit: str = PHU_XUAN, kind: str = "month", name: str = ""
) -> Entity:
    """The drafted report of last month."""
    period = name or last_month(town).period.name
    about = asked_about(town.evidence, actor, kind, unit, period, "", town.now)
    return await begin(town.evidence, actor, about, now=town.now)


async def accepted(town: Town, duty: Entity, actor: Actor = OFFICIAL) -> Entity:
    """Every drafted word accepted as it is, and the report submitted."""
    snapshot = snapshot_of(town.evidence, duty)
    assert snapshot is not None
    for section in waiting(snapshot, wording_of(duty)):
        duty = await accept(town.evidence, actor, duty.id, section.id, now=town.now)
    return await submit(town.evidence, actor, duty.id, now=town.now)


async def signed(town: Town, duty: Entity, actor: Actor = OFFICIAL, number: str = "12") -> Entity:
    """The report accepted, submitted and signed: the PublishedReport."""
    done = await accepted(town, duty, actor)
    return await sign(town.evidence, actor, done.id, Signature(number, SIGNATURE.signer), homes, now=town.now)


def section_words(town: Town, duty: Entity, section: str) -> Wording:
    return wording_of(duty_of(town.evidence, OFFICIAL, duty.id))[section]
