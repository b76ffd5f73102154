"""The verbs on a report owed: draft it, put its words right, submit it, give it back, open a signed one again."""

import asyncio
import logging
from collections.abc import Mapping

import msgspec

from dothi.accounts.policy import is_system, roles_of
from dothi.evidence.model import DUTY, OWNER, REPORT, SYSTEM, Evidence
from dothi.evidence.reading import codes_of
from dothi.evidence.report.duties import about_of, make_owed, owe, to_midnight
from dothi.evidence.report.gather import Asking, ask, gather, jobs_for
from dothi.evidence.report.model import (
    About,
    Data,
    NoSuchReportOwed,
    NotAccepted,
    NotNow,
    ReportKind,
    Section,
    Snapshot,
    Stage,
    Told,
    Wording,
    packed,
    unpacked,
)
from dothi.evidence.report.periods import before, period_for
from dothi.evidence.report.schemes import scheme, span_of
from dothi.evidence.report.templates import template_for
from dothi.evidence.report.wording import basis, bind, drafted, plain
from dothi.evidence.service import refresh
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid, Missing
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import Actor, Attribute, Change, Commit, Entity, Op, json_prop, prop

log = logging.getLogger("dothi.reports")
WRITERS = frozenset({"programme_officer", "official"})
REASON_LETTERS = 5
TRIES = 20  # How often the engine may be quicker.
LOOK_S = 900.0  # The calendar is looked at so often at least, and just after midnight.
JSON = "application/json"


def demand_writer(evidence: Evidence, actor: Actor, unit: str) -> None:
    """Raise Forbidden unless `actor` may write reports of this unit, Invalid when it is no part of the city."""
    if is_system(actor):
        return
    if not roles_of(actor) & WRITERS:
        raise Forbidden("Reports are written by programme officers and officials.")
    if actor.areas and not any(unit in evidence.territory.within(area) for area in actor.areas):
        raise Forbidden(f"{unit} lies outside the areas given to {actor.id}.")


def asked_about(evidence: Evidence, actor: Actor, kind: str, unit: str, period: str, target: str, now: int) -> About:
    """What somebody asks a report about. Missing or Invalid says what there is none of."""
    try:
        wanted = ReportKind(kind)
    except ValueError as cause:
        raise Invalid(f"{kind[:20]!r} is no kind of report: {', '.join(ReportKind)}.", field="kind") from cause
    place = evidence.territory.unit(unit)
    own = codes_of(evidence, evidence.unit)
    if own is not None and unit not in own:
        raise Invalid(f"{place.name} is no part of this city.", field="unit")
    if wanted is ReportKind.SCHEME:
        return About(wanted, unit, span_of(scheme(evidence, actor, target), now), target)
    asked = period_for(wanted, period)
    if asked.start > now:
        raise Invalid(f"The {kind} {period} has not begun.", field="period")
    return About(wanted, unit, asked)


async def begin(evidence: Evidence, actor: Actor, about: About, template: str = "", now: int | None = None) -> Entity:
    """Draft a report that nobody has asked for yet, or open the one that is there; returns its ReportDuty."""
    at = now_us() if now is None else now
    demand_writer(evidence, actor, about.unit)
    wanted = template_for(evidence, about.kind, about.unit, at, template).id if template else ""
    duty = await owe(evidence, actor, about, None, at, template=wanted)
    return await prepare(evidence, actor, duty.id, at) if duty.value("state") == Stage.OWED else duty


def duty_of(evidence: Evidence, actor: Actor, name: str) -> Entity:
    """A report owed. NoSuchReportOwed when there is none or `actor` may not see it."""
    try:
        found = evidence.hub.get(actor, name)
    except Missing as cause:
        raise NoSuchReportOwed from cause
    if DUTY not in found.types:
        raise NoSuchReportOwed
    return found


def snapshot_of(evidence: Evidence, entity: Entity) -> Snapshot | None:
    """What was kept of a report owed or signed; None before it is drafted."""
    kept = entity.value("data")
    return unpacked(evidence.hub.read_file(kept["sha256"])) if kept else None


def wording_of(duty: Entity) -> dict[str, Wording]:
    """The words of a report owed, by section."""
    return msgspec.convert(duty.value("wording", {}), dict[str, Wording])


def waiting(snapshot: Snapshot, wording: Mapping[str, Wording]) -> list[Section]:
    """The sections whose words nobody has accepted yet."""
    drafts = [one for one in snapshot.template.sections if wording.get(one.id, Wording("")).state == "draft"]
    return [one for one in drafts if one.id in wording and (wording[one.id].text or wording[one.id].hand)]


async def prepare(evidence: Evidence, actor: Actor, name: str, now: int | None = None) -> Entity:
    """Compute every figure anew and draft the words. What a person accepted stays where its figures stay.

    NotNow when it is submitted or signed.
    """
    at = now_us() if now is None else now
    duty = duty_of(evidence, actor, name)
    demand_writer(evidence, actor, duty.value("unit"))
    at_stage(duty, Stage.OWED, Stage.DRAFT)
    return await keep_draft(evidence, actor, duty, await compute_now(evidence, duty, at), at, "report drafted")


async def compute_now(evidence: Evidence, duty: Entity, now: int) -> Snapshot:
    """Everything that the report tells as the data stand; its figures stand in the hub from now on."""
    asking = asking_of(evidence, duty, now)
    return Snapshot(await stand_and_gather(evidence, asking), asking.template)


async def stand_and_gather(evidence: Evidence, asking: Asking) -> Data:
    """Write the figures of a report where they stand otherwise, and tell them; again when the engine was quicker."""
    for _ in range(TRIES):
        try:
            computed = await refresh(evidence, jobs_for(asking), asking.now)
        except Conflict:
            continue
        return gather(asking, SYSTEM, computed)
    raise Conflict("The figures are being computed by somebody else just now: try again in a moment.")


def asking_of(evidence: Evidence, duty: Entity, now: int) -> Asking:
    """What a report owed asks for, in the template that is in force."""
    about = about_of(evidence, duty, now)
    template = template_for(evidence, about.kind, about.unit, now, duty.value("template", ""))
    return ask(evidence, about, template, now, signed_before(evidence, about))


def signed_before(evidence: Evidence, about: About) -> dict[str, Told]:
    """The figures of the signed report of the period before, by id; none where there is no such report."""
    if about.kind is ReportKind.SCHEME:
        return {}
    reports = [one for one in latest(evidence, SYSTEM, about.unit, before(about.period).name) if one.value("signedAt")]
    found = next((one for one in reports if one.value("kind") == about.kind), None)
    snapshot = snapshot_of(evidence, found) if found else None
    return dict(snapshot.data.figures) if snapshot else {}


async def keep_draft(  # Who keeps what of which report, when and why.
    evidence: Evidence, actor: Actor, duty: Entity, snapshot: Snapshot, now: int, reason: str
) -> Entity:
    """Keep what was computed as the draft; words whose figures moved must be read again."""
    digest = await asyncio.to_thread(evidence.hub.keep_file, packed(snapshot))
    old = wording_of(duty)
    new = {one.id: _redrafted(one, snapshot.data, old.get(one.id)) for one in snapshot.template.sections}
    return await amend(
        evidence,
        actor,
        duty,
        reason,
        data=json_prop({"sha256": digest, "mediaType": JSON}),
        wording=json_prop(msgspec.to_builtins(new)),
        state=prop(Stage.DRAFT.value, iso(now)),
        madeAt=prop(iso(now)),
        simulated=prop(snapshot.data.simulated),
    )


def _redrafted(section: Section, data: Data, old: Wording | None) -> Wording:
    """The words of a section after its figures were computed anew."""
    text = drafted(section, data)
    if old is None or (old.state == "draft" and not old.moved and not old.hand):
        return Wording(text)
    if old.state != "draft" and old.basis == basis(old.text + old.hand, data):
        return old
    by_hand = old.state == "edited" or old.moved
    return Wording(old.text if by_hand else text, moved=old.moved or old.state != "draft", hand=old.hand)


async def accept(  # Who says what of which section of which report.
    evidence: Evidence,
    actor: Actor,
    name: str,
    section: str,
    text: str | None = None,
    hand: str | None = None,
    version: int | None = None,
    now: int | None = None,
) -> Entity:
    """A person accepts the words of a section as drafted (`text` None), or puts them in other words; `hand` adds some.

    TypedFigure when a number was typed that is no figure of this report. Conflict when somebody was faster.
    """
    duty = duty_of(evidence, actor, name)
    demand_writer(evidence, actor, duty.value("unit"))
    at_stage(duty, Stage.DRAFT)
    snapshot = kept(evidence, duty)
    part, wording = snapshot.template.section(section), wording_of(duty)
    old = wording.get(section, Wording(""))
    said = old.text if text is None else _worded(text, old, part, snapshot.data)
    added = old.hand if hand is None else bind(hand, snapshot.data, part.changes)
    edited = said != drafted(part, snapshot.data) or bool(added)
    at = iso(now_us() if now is None else now)
    wording[section] = Wording(
        said, "edited" if edited else "accepted", actor.id, at, basis(said + added, snapshot.data), hand=added
    )
    reason = "wording edited" if edited else "wording accepted"
    return await amend(evidence, actor, duty, reason, version, wording=json_prop(msgspec.to_builtins(wording)))


def _worded(text: str, old: Wording, section: Section, data: Data) -> str:
    """What was typed, tied to the figures; what was not touched stays tied as it was."""
    same = " ".join(text.split()) == " ".join(plain(old.text, data).split())
    return old.text if same else bind(text, data, section.changes)


async def submit(
    evidence: Evidence, actor: Actor, name: str, version: int | None = None, now: int | None = None
) -> Entity:
    """Hand the report to who signs. NotAccepted names the sections whose words nobody has accepted."""
    duty = duty_of(evidence, actor, name)
    demand_writer(evidence, actor, duty.value("unit"))
    at_stage(duty, Stage.DRAFT)
    snapshot = kept(evidence, duty)
    left = waiting(snapshot, wording_of(duty))
    if left:
        names = "; ".join(one.title for one in left)
        raise NotAccepted(f"Accept or edit the drafted words of: {names}.", sections=[one.id for one in left])
    at = iso(now_us() if now is None else now)
    state = {"state": prop(Stage.SUBMITTED.value, at), "submittedBy": prop(actor.id), "submittedAt": prop(at)}
    return await amend(evidence, actor, duty, "report submitted", version, **state)


async def give_back(evidence: Evidence, actor: Actor, name: str, reason: str, version: int | None = None) -> Entity:
    """Who should sign gives it back with a reason: it is a draft again."""
    duty = duty_of(evidence, actor, name)
    demand_writer(evidence, actor, duty.value("unit"))
    at_stage(duty, Stage.SUBMITTED)
    said = reasoned(reason)
    return await amend(evidence, actor, duty, said, version, state=prop(Stage.DRAFT.value), givenBack=prop(said))


async def revise(evidence: Evidence, actor: Actor, name: str, reason: str, now: int | None = None) -> Entity:
    """Open a signed report again for a new version; the signed one stays as it is."""
    at = now_us() if now is None else now
    duty = duty_of(evidence, actor, name)
    demand_writer(evidence, actor, duty.value("unit"))
    at_stage(duty, Stage.SIGNED)
    said = reasoned(reason)
    opened = {"state": prop(Stage.DRAFT.value, iso(at)), "open": prop(True), "revisionReason": prop(said)}
    again = await amend(evidence, actor, duty, said, **opened)
    return await prepare(evidence, actor, again.id, at)


def latest(evidence: Evidence, actor: Actor, unit: str, period: str) -> list[Entity]:
    """The reports written of a unit's period, the latest first."""
    terms = (Compare(("unit",), "==", unit), Compare(("period",), "==", period))
    query = Query(TypeIs(REPORT), q=And(terms), limit=100, order=("-createdAt",))
    return list(evidence.hub.query(actor, query).entities)


def at_stage(duty: Entity, *allowed: Stage) -> None:
    """Raise NotNow unless the report is in one of these stages."""
    if duty.value("state") not in allowed:
        raise NotNow(f"This report is {duty.value('state')}; that can be done while it is {' or '.join(allowed)}.")


def kept(evidence: Evidence, duty: Entity) -> Snapshot:
    """What was drafted. NotNow when nothing was."""
    found = snapshot_of(evidence, duty)
    if found is None:
        raise NotNow("This report is not drafted yet.")
    return found


def reasoned(text: str) -> str:
    """A reason as it is kept. Invalid when it says nothing."""
    if len(text.strip()) < REASON_LETTERS:
        raise Invalid("Say why, in a few words.", field="reason")
    return text.strip()[:2000]


async def amend(  # Who changes what of which report and why.
    evidence: Evidence, actor: Actor, duty: Entity, reason: str, version: int | None = None, /, **attrs: Attribute
) -> Entity:
    """Set attributes of a report owed. Conflict when it is not the version that was seen."""
    change = Change(Op.APPEND, duty.id, attrs=dict(attrs))
    expect = {duty.id: duty.version if version is None else version}
    await evidence.hub.commit(Commit(actor, (change,), reason, expect, owner=OWNER))
    return evidence.hub.get(SYSTEM, duty.id)


async def run(evidence: Evidence) -> None:
    """Make what falls owed and draft it, until cancelled. To be run by one process, the leader."""
    while True:
        now = now_us()
        for name in await make_owed(evidence, now):
            try:
                await prepare(evidence, SYSTEM, name)
            except DothiError:  # It stays owed; who opens it is told why.
                log.exception("The report %s could not be drafted", name)
            await asyncio.sleep(0.05)  # Pages have their turn.
        await asyncio.sleep(min(LOOK_S, to_midnight(now)))
