"""The after-action review: times drawn from the log, what went well and what did not, and findings that lead somewhere.

A finding leads to a changed rule (a set adopted since, whose reason names the incident), to a proposed task, or
nowhere, with the reason. A review with a finding that leads nowhere yet cannot be finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from dothi.ground.clock import iso, now_us
from dothi.ground.clocks import Limit, due_by
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Attribute, Commit, Entity, amend, create, geo, json_prop, prop, read_one, rel
from dothi.hub.model import words as in_words
from dothi.office.rules.model import RuleSet
from dothi.operations.incidents.model import SYSTEM, WORDS_LETTERS, Incident, State
from dothi.operations.incidents.playbooks.tables import rules_at
from dothi.operations.incidents.service import deed, incident, move
from dothi.operations.incidents.workflow import DIRECTORS, REASON_LETTERS, Facts
from dothi.operations.model import OWNER, Operations

TYPE = "IncidentReview"
PROPOSALS = "proposals"  # Whose owner's token writes a proposal; the programme decides on it.
KIND = "review_finding"
TITLE_LETTERS, FINDINGS_MAX = 300, 40


class Leads(StrEnum):
    """Where a finding leads."""

    OPEN = ""  # Nowhere yet.
    RULE = "rule"
    TASK = "task"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was learnt, and where it leads."""

    id: str
    words: str
    leads: Leads = Leads.OPEN
    target: str = ""  # RULE: the kind of rule set. TASK: the id of the proposal.
    why: str = ""  # NONE: why nothing is done.
    by: str = ""

    def as_json(self) -> dict[str, str]:
        """The finding as the review holds it."""
        said = {name: str(getattr(self, name)) for name in self.__slots__}
        return {name: one for name, one in said.items() if one}


@dataclass(frozen=True, slots=True)
class Review:
    """A review as it stands."""

    id: str
    version: int
    incident: str
    title: str
    state: str  # "draft" or "finished".
    well: str
    badly: str
    findings: tuple[Finding, ...]
    unit: str
    due: str | None
    drill: bool
    simulated: bool
    started_at: int

    def finding(self, name: str) -> Finding:
        """One of its findings. Missing when there is none of that id."""
        found = next((one for one in self.findings if one.id == name), None)
        if found is None:
            raise Missing(f"The review has no finding “{name[:40]}”.")
        return found


def review_id(name: str) -> str:
    """The one review of an incident, by the incident's number."""
    return urn(TYPE, name)


def review_of(entity: Entity) -> Review:
    """The review that an entity holds."""
    value = entity.value
    findings = tuple(Finding(**{**one, "leads": Leads(one.get("leads", ""))}) for one in value("findings", ()))
    return Review(
        entity.id,
        entity.version,
        value("incident", ""),
        value("title", ""),
        value("state", "draft"),
        value("well", ""),
        value("badly", ""),
        findings,
        value("unit", ""),
        value("due"),
        value("drill", False),
        value("simulated", False),
        entity.created_at,
    )


def review(operations: Operations, actor: Actor, name: str) -> Review | None:
    """The review of an incident (by its number), None while nobody has begun one."""
    try:
        return read_one(operations.hub.get(actor, review_id(name)), review_of)
    except Missing:
        return None


async def start_review(operations: Operations, actor: Actor, name: str, now: int | None = None) -> Review:
    """Begin the review of a closed incident; it is owed by the unit that directed it."""
    at = now_us() if now is None else now
    found = incident(operations, actor, name)
    if found.state is not State.CLOSED:
        raise Conflict("A review begins when the incident is closed.")
    limit = Limit(rules_at(operations, found.unit, at).review_hours, always=True)
    attrs: dict[str, Attribute] = {
        "incident": rel(found.id),
        "title": prop(found.title),
        "state": prop("draft"),
        "findings": json_prop([]),
        "unit": prop(found.unit),
        "assignee": prop(found.assignee),
        "due": prop(iso(due_by(at, limit))),
        "open": prop(True),
        "deed": deed("review_begun", actor, at),
    }
    attrs |= {name: prop(True) for name in ("drill", "simulated") if getattr(found, name)}
    change = create(review_id(found.name), TYPE, **attrs)
    await operations.hub.commit(Commit(actor, (change,), "review begun", {change.id: ABSENT}, owner=OWNER))
    return _standing(operations, actor, found.name)


async def write_review(  # What is written.
    operations: Operations,
    actor: Actor,
    name: str,
    well: str,
    badly: str,
    version: int | None = None,
    now: int | None = None,
) -> Review:
    """What went well, and what did not."""
    if max(len(well), len(badly)) > WORDS_LETTERS:
        raise Invalid(f"Up to {WORDS_LETTERS} letters each.", field="well")
    said: dict[str, Attribute] = {"well": prop(well.strip()), "badly": prop(badly.strip())}
    return await _write(operations, actor, _draft(operations, actor, name), "review_written", said, version, now)


async def add_finding(
    operations: Operations, actor: Actor, name: str, words: str, version: int | None = None, now: int | None = None
) -> Review:
    """Something that was learnt."""
    found = _draft(operations, actor, name)
    said = words.strip()
    if not REASON_LETTERS <= len(said) <= TITLE_LETTERS:
        raise Invalid(f"Say it in {REASON_LETTERS} to {TITLE_LETTERS} letters.", field="words")
    if len(found.findings) >= FINDINGS_MAX:
        raise Invalid(f"A review has up to {FINDINGS_MAX} findings.", field="words")
    one = Finding(str(len(found.findings) + 1), said, by=actor.id)
    return await _led(operations, actor, found, (*found.findings, one), "finding", version, now)


async def lead_to_rule(  # Which finding, which rules.
    operations: Operations,
    actor: Actor,
    name: str,
    finding: str,
    kind: str,
    version: int | None = None,
    now: int | None = None,
) -> Review:
    """A finding asks for other rules of a kind; it is carried out when a set is adopted that names the incident."""
    found = _draft(operations, actor, name)
    if operations.adopted is None or kind not in operations.adopted.kinds:
        raise Invalid("Choose the rules that are to change.", field="kind")
    return await _turned(operations, actor, found, finding, Leads.RULE, kind, "", version, now)


async def lead_nowhere(  # Which finding, and why.
    operations: Operations,
    actor: Actor,
    name: str,
    finding: str,
    why: str,
    version: int | None = None,
    now: int | None = None,
) -> Review:
    """Nothing follows from a finding, and why."""
    if not REASON_LETTERS <= len(why.strip()) <= WORDS_LETTERS:
        raise Invalid(f"Say why in at least {REASON_LETTERS} letters.", field="why")
    found = _draft(operations, actor, name)
    return await _turned(operations, actor, found, finding, Leads.NONE, "", why.strip(), version, now)


async def lead_to_task(  # Which finding, which indicators.
    operations: Operations,
    actor: Actor,
    name: str,
    finding: str,
    indicators: Sequence[str] = (),
    version: int | None = None,
    now: int | None = None,
) -> Review:
    """Propose a task from a finding, with the indicators that it should move; the programme decides on it.

    Two commits, since a proposal belongs to no module: a try that stopped between them is ended by the next.
    """
    at = now_us() if now is None else now
    found = _draft(operations, actor, name)
    one = found.finding(finding)
    if any(not each.startswith("urn:ngsi-ld:Indicator:") for each in indicators):
        raise Invalid("Choose indicators of the list.", field="indicators")
    proposal = urn("Proposal", "review", found.id.rpartition(":")[2], one.id)
    if not _there(operations, proposal):
        attrs = _proposal(operations, found, one, indicators, at)
        change = create(proposal, "Proposal", **attrs)
        await operations.hub.commit(Commit(actor, (change,), "a task is proposed", {proposal: ABSENT}, owner=PROPOSALS))
    return await _turned(operations, actor, found, finding, Leads.TASK, proposal, "", version, at)


def _proposal(
    operations: Operations, found: Review, one: Finding, indicators: Sequence[str], at: int
) -> dict[str, Attribute]:
    name = found.incident.rpartition(":")[2]
    drill = {"vi": " (diễn tập)", "en": " (drill)"} if found.drill else {"vi": "", "en": ""}
    attrs: dict[str, Attribute] = {
        "kind": prop(KIND),
        "state": prop("proposed"),
        "title": in_words(vi=one.words),
        "reasons": json_prop(
            [
                {
                    "vi": f"Phát hiện khi đánh giá sự việc {name}{drill['vi']}: {found.title}",
                    "en": f"Found in the review of the incident {name}{drill['en']}: {found.title}",
                }
            ]
        ),
        "sources": rel([found.id, found.incident]),
        "proposedAt": prop(iso(at)),
        "unit": prop(found.unit),
    }
    if indicators:
        attrs["indicators"] = rel(list(indicators))
    if location := operations.hub.get(SYSTEM, found.incident).value("location"):
        attrs["location"] = geo(location)
    return attrs | ({"simulated": prop(True)} if found.simulated else {})


def _there(operations: Operations, name: str) -> bool:
    try:
        operations.hub.get(SYSTEM, name)
    except Missing:
        return False
    return True


async def finish(
    operations: Operations, actor: Actor, name: str, version: int | None = None, now: int | None = None
) -> Incident:
    """The review is finished, and with it the incident is reviewed. Conflict while a finding leads nowhere yet."""
    at = now_us() if now is None else now
    found = _draft(operations, actor, name)
    if not found.well and not found.badly and not found.findings:
        raise Invalid("Write what went well, what did not, or a finding.", field="well")
    waiting = [one for one in found.findings if not led(operations, found, one)]
    if waiting:
        raise Conflict(
            f"{len(waiting)} findings lead nowhere yet: {waiting[0].words[:100]}", field="findings", guard="led"
        )
    over = amend(found.id, state=prop("finished"), open=prop(False), deed=deed("review_finished", actor, at))
    seen = {found.id: found.version if version is None else version}
    reviewed = incident(operations, actor, found.incident)
    return await move(
        operations, actor, reviewed, "review", facts=Facts(reviewed=True), also=(over,), expect=seen, now=at
    )


def led(operations: Operations, found: Review, one: Finding) -> bool:
    """Whether a finding leads somewhere: a rule that was changed, a task that is proposed, a reason for nothing."""
    return bool(changed_by(operations, found, one)) if one.leads is Leads.RULE else one.leads is not Leads.OPEN


def changed_by(operations: Operations, found: Review, one: Finding) -> RuleSet | None:
    """The rule set that was adopted since and names the incident in its reason."""
    number = found.incident.rpartition(":")[2]
    for (kind, _), sets in operations.adopted.adopted.items() if operations.adopted else ():
        for each in sets:
            if kind == one.target and each.adopted_at >= found.started_at and number in each.reason:
                return each
    return None


def _standing(operations: Operations, actor: Actor, name: str) -> Review:
    found = review(operations, actor, name)
    if found is None:
        raise Missing(f"Nobody has begun the review of the incident {name[:40]}.")
    return found


def _draft(operations: Operations, actor: Actor, name: str) -> Review:
    if not actor.roles & DIRECTORS:
        raise Forbidden("A duty officer or a leader writes the review.")
    found = _standing(operations, actor, name)
    if found.state != "draft":
        raise Conflict("This review is finished.")
    return found


async def _turned(  # noqa: PLR0913  # Where a finding leads.
    operations: Operations,
    actor: Actor,
    found: Review,
    name: str,
    leads: Leads,
    target: str,
    why: str,
    version: int | None,
    now: int | None,
) -> Review:
    turned = replace(found.finding(name), leads=leads, target=target, why=why, by=actor.id)
    findings = tuple(turned if one.id == name else one for one in found.findings)
    return await _led(operations, actor, found, findings, f"finding_{leads}", version, now)


async def _led(  # The path of all changes of findings.
    operations: Operations,
    actor: Actor,
    found: Review,
    findings: tuple[Finding, ...],
    verb: str,
    version: int | None,
    now: int | None,
) -> Review:
    said: dict[str, Attribute] = {"findings": json_prop([one.as_json() for one in findings])}
    proposals = [one.target for one in findings if one.leads is Leads.TASK]
    if proposals:
        said["proposals"] = rel(proposals)
    return await _write(operations, actor, found, verb, said, version, now)


async def _write(  # The one path of every verb on a draft.
    operations: Operations,
    actor: Actor,
    found: Review,
    verb: str,
    said: dict[str, Attribute],
    version: int | None,
    now: int | None,
) -> Review:
    at = now_us() if now is None else now
    change = amend(found.id, deed=deed(verb, actor, at), **said)
    seen: dict[str, Any] = {found.id: found.version if version is None else version}
    await operations.hub.commit(Commit(actor, (change,), verb, seen, owner=OWNER))
    return _standing(operations, actor, found.incident.rpartition(":")[2])
