"""The report that writes itself: the month of a commune, every figure computed, frozen and linked to its evidence."""

import asyncio

from dothi.evidence.model import OWNER, REPORT, Evidence
from dothi.evidence.report.document import MEDIA_TYPE, Address, shown, write
from dothi.evidence.report.gather import Month, exists, gather
from dothi.ground.clock import iso, now_us
from dothi.ground.ids import urn
from dothi.ground.text import slug
from dothi.hub.model import ABSENT, Actor, Attribute, Change, Commit, Entity, Op, json_prop, prop, rel, words

NUMBERS_MAX = 10_000


async def write_month(
    evidence: Evidence, actor: Actor, unit: str, month: str, address: Address, now: int | None = None
) -> Entity:
    """Write the report of a commune's month (yyyy-mm) and keep it; returns the PublishedReport.

    Forbidden when `actor` may not report for the unit, Invalid when the month has not begun, Missing when there is no
    such unit. Written again later, it is another report: the former one stays.
    """
    at = now_us() if now is None else now
    told = await gather(evidence, actor, unit, month, at)
    content = await asyncio.to_thread(write, told, address)
    digest = await asyncio.to_thread(evidence.hub.keep_file, content)
    name = _free_id(evidence, unit, month)
    change = Change(Op.CREATE, name, (REPORT,), _attributes(told, digest, len(content)))
    await evidence.hub.commit(Commit(actor, (change,), f"report of {month}", {name: ABSENT}, owner=OWNER))
    return evidence.hub.get(actor, name)


def _free_id(evidence: Evidence, unit: str, month: str) -> str:
    names = (urn(REPORT, "month", unit, month, str(number)) for number in range(1, NUMBERS_MAX))
    return next(name for name in names if not exists(evidence, name))


def _attributes(told: Month, digest: str, size: int) -> dict[str, Attribute]:
    figures = [
        {
            "indicator": one.indicator.id,
            "period": one.period,
            "value": one.value,
            "shown": shown(one),
            "evidence": one.evidence,
        }
        for one in told.figures.values()
    ]
    file_name = f"bao-cao-{told.period.name}-{slug(told.name)}.docx"
    return {
        "name": words(
            vi=f"Báo cáo tháng {told.period.name} – {told.name}", en=f"Report of {told.period.name} – {told.name}"
        ),
        "kind": prop("month"),
        "unit": prop(told.unit),
        "period": prop(told.period.name),
        "madeAt": prop(iso(told.made)),
        "file": json_prop({"sha256": digest, "mediaType": MEDIA_TYPE, "name": file_name, "bytes": size}),
        "figures": json_prop(figures),
        "cites": rel([one.evidence for one in told.figures.values()]),
        "simulated": prop(told.simulated),
    }
