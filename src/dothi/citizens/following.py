"""What this module does by itself: proposes a task where reports recur, and keeps the service's measures fresh."""

import asyncio

from dothi.citizens.model import PROPOSAL_OWNER, PROPOSAL_TYPE, TYPE, Report, report_of
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.citizens.rules import recurring
from dothi.citizens.services.measures import write_measures
from dothi.ground.clock import from_iso, iso
from dothi.ground.errors import Missing
from dothi.ground.ids import urn
from dothi.hub.language.nodes import And, Compare, Geo, Query, TypeIs
from dothi.hub.model import (
    ABSENT,
    Attribute,
    Change,
    Commit,
    Entity,
    Instance,
    LoggedCommit,
    amend,
    create,
    geo,
    json_prop,
    prop,
    rel,
    words,
)

CONSUMER = "citizens"
KIND = "recurring_report"
PROPOSED = "proposed"
MEASURES_EVERY_S = 20.0
CURSOR_EVERY = 500  # Commits read without an effect before the position is stored.
NEAR_MAX = 1000


async def run(citizens: Citizens) -> None:
    """Follow the feed and keep the measures until cancelled. To be run by one process, the leader."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_follow(citizens))
        group.create_task(_measure(citizens))


async def _follow(citizens: Citizens) -> None:
    stored = citizens.hub.cursor(CONSUMER)
    async for logged in citizens.hub.follow(stored, lambda types: TYPE in types, whole=False):
        if await react(citizens, logged):
            stored = logged.seq
        elif logged.seq - stored >= CURSOR_EVERY:
            await citizens.hub.commit(Commit(SYSTEM, (), "read so far", cursor=(CONSUMER, logged.seq)))
            stored = logged.seq


async def _measure(citizens: Citizens) -> None:
    while True:
        await write_measures(citizens)
        await asyncio.sleep(MEASURES_EVERY_S)


async def react(citizens: Citizens, logged: LoggedCommit) -> bool:
    """Propose what the reports filed in one commit show to recur; whether anything was written (with the cursor)."""
    filed = [entry.id for entry in logged.entries if TYPE in entry.types and entry.status == "created"]
    changes = [change for entity_id in filed for change in _proposals(citizens, entity_id)]
    if not changes:
        return False
    expect = {change.id: _version(citizens, change.id) for change in changes}
    await citizens.hub.commit(
        Commit(
            SYSTEM, tuple(changes), "reports recur here", expect, cursor=(CONSUMER, logged.seq), owner=PROPOSAL_OWNER
        )
    )
    return True


def _proposals(citizens: Citizens, entity_id: str) -> list[Change]:
    """The proposal made or extended by one report; none when it stands alone or is told of already."""
    try:
        report = report_of(citizens.hub.get(SYSTEM, entity_id))
    except Missing:
        return []
    found = recurring(report, _near(citizens, report), citizens.rules.recurrence)
    if not found:
        return []
    known = _known(citizens, report)
    if known is None:
        return [_create(citizens, found)]
    sources = known.value("sources", [])
    listed = sources if isinstance(sources, list) else [sources]
    if known.value("state") != PROPOSED or entity_id in listed:
        return []  # A person has decided about this place already, or knows of this report.
    both = sorted({*listed, *(one.id for one in found)})
    told = {"reasons": json_prop(_reasons(found)), "title": _title(citizens, found)}
    return [amend(known.id, sources=rel(both), **told)]


def _near(citizens: Citizens, report: Report) -> list[Report]:
    """Reports of one category around one, from the days that count."""
    since = iso(from_iso(report.filed_at) - citizens.rules.recurrence.span_us)
    terms = And((Compare(("category",), "==", report.category), Compare(("filedAt",), ">=", since)))
    query = Query(TypeIs(TYPE), q=terms, geo=_around(citizens, report), limit=NEAR_MAX)
    return [] if report.place is None else [report_of(one) for one in citizens.hub.query(SYSTEM, query)]


def _around(citizens: Citizens, report: Report) -> Geo:
    return Geo("near", dict(report.location or {}), max_distance=citizens.rules.recurrence.radius_m)


def _known(citizens: Citizens, report: Report) -> Entity | None:
    """The newest proposal for this place and category from the days that count, decided or not."""
    since = iso(from_iso(report.filed_at) - citizens.rules.recurrence.span_us)
    terms = And((Compare(("category",), "==", report.category), Compare(("proposedAt",), ">=", since)))
    query = Query(TypeIs(PROPOSAL_TYPE), q=terms, geo=_around(citizens, report), order=("-proposedAt",), limit=1)
    return next(iter(citizens.hub.query(SYSTEM, query)), None)


def _version(citizens: Citizens, entity_id: str) -> int:
    try:
        return citizens.hub.get(SYSTEM, entity_id).version
    except Missing:
        return ABSENT


def _create(citizens: Citizens, found: tuple[Report, ...]) -> Change:
    """One proposal a place and category: named after the first report of those that recur."""
    first, last = found[0], found[-1]
    attrs: dict[str, Attribute] = {
        "kind": prop(KIND),
        "category": prop(first.category),
        "state": prop(PROPOSED),
        "title": _title(citizens, found),
        "reasons": json_prop(_reasons(found)),
        "sources": rel([one.id for one in found]),
        "location": geo(dict(last.location or {})),
        "proposedAt": prop(last.filed_at),
    }
    if last.unit is not None:
        attrs["unit"] = prop(last.unit)
    if all(one.simulated for one in found):
        attrs["simulated"] = prop(True)
    return create(urn(PROPOSAL_TYPE, "recurring", first.category, first.code), PROPOSAL_TYPE, **attrs)


def _title(citizens: Citizens, found: tuple[Report, ...]) -> Instance:
    rule, names = citizens.rules.recurrence, citizens.rules.category(found[-1].category).names
    count, metres, days = len(found), round(rule.radius_m), rule.days
    return words(
        vi=f"{names['vi']}: {count} phản ánh trong bán kính {metres} m, {days} ngày",
        en=f"{names['en']}: {count} reports within {metres} m, {days} days",
    )


def _reasons(found: tuple[Report, ...]) -> dict[str, object]:
    """Why this is proposed, as data: the screen puts it into words."""
    return {
        "category": found[-1].category,
        "count": len(found),
        "since": found[0].filed_at,
        "until": found[-1].filed_at,
        "reopened": sum(one.reopened for one in found),
    }
