"""Two persons decide: one proposes what the dry run counted, another with the right role approves it by name."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from dothi.ground.clock import VIETNAM, from_iso, iso, now_us, to_datetime
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Commit, amend, create, json_prop, prop, read_one, readable
from dothi.office.lifecycle.disposals.due import Policies, dry_run
from dothi.office.lifecycle.holds import demand_keeper
from dothi.office.lifecycle.model import (
    OWNER,
    PROPOSAL,
    REASON_LETTERS,
    RECORD,
    SYSTEM,
    LifeCycle,
    Line,
    Proposal,
    Record,
    State,
    proposal_of,
    record_of,
)

_MOST = 1000


def within(life: LifeCycle, unit: str) -> frozenset[str] | None:
    """The units that a proposal for a unit means: it and those below; None = the whole city."""
    return frozenset({unit, *life.rules.territory.within(unit)}) if unit else None


def chosen(life: LifeCycle, lines: list[Line], name: str, unit: str) -> list[Line]:
    """The lines of a class, in a unit and below it."""
    codes = within(life, unit)
    return [line for line in lines if line.data_class == name and (codes is None or line.unit in codes)]


async def propose(  # A proposal is these things together.
    life: LifeCycle, actor: Actor, name: str, unit: str, reason: str, now: int | None = None
) -> Proposal:
    """Propose that what is due of a class in a unit ("" = everywhere) goes, as counted now.

    Invalid when nothing of it is due, and when all that is due is held: then the sentence names the holds.
    """
    demand_keeper(actor)
    at = now or now_us()
    if unit and not life.rules.territory.knows(unit):
        raise Invalid(f"No unit with code {unit[:10]} is in force.", field="unit")
    one = Policies(life, at).one(name, unit)
    if one is None:
        raise Missing(f"There is no class “{name[:60]}” of data.")
    if len(reason.strip()) < REASON_LETTERS:
        raise Invalid("Say why: the plan or document that asks for it.", field="reason")
    lines = chosen(life, dry_run(life, at), name, unit)
    _demand_due(name, lines)
    standing = [one for one in proposals(life) if one.data_class == name and one.state not in _OVER]
    if any(not (one.unit and unit) or one.unit == unit for one in standing):
        raise Conflict(f"A proposal about {name} waits already: decide it first.")
    proposal = urn(PROPOSAL)
    change = create(
        proposal,
        PROPOSAL,
        dataClass=prop(name),
        unit=prop(unit),
        then=prop(one.then),
        state=prop(State.PROPOSED.value),
        asOf=prop(iso(at)),
        lines=json_prop([line.as_json() for line in lines]),
        reason=prop(reason.strip()),
        proposedBy=prop(actor.id),
        proposedAt=prop(iso(at)),
        approver=prop(one.approver),
        open=prop(True),
    )
    await life.hub.commit(Commit(actor, (change,), "disposal proposed", {proposal: ABSENT}, owner=OWNER))
    return one_proposal(life, proposal)


_OVER = (State.REFUSED, State.DONE)


def _demand_due(name: str, lines: list[Line]) -> None:
    if any(line.hot or line.cold for line in lines):
        return
    holds = sorted({hold for line in lines for hold in line.holds})
    if holds:
        raise Invalid(f"All that is due of {name} is held: {', '.join(holds)}. Lift the hold first.", holds=holds)
    raise Invalid(f"Nothing of {name} is due here today.", field="class")


async def decide(life: LifeCycle, actor: Actor, name: str, approve: bool, why: str, now: int | None = None) -> Proposal:
    """Approve or refuse. Forbidden to who proposed it, and to who has not the role that the class names."""
    one = one_proposal(life, name)
    if one.approver not in actor.roles:
        raise Forbidden(f"This is approved by the role {one.approver}.")
    if not _reaches(life, actor, one):
        raise Forbidden("This reaches beyond your units: somebody of the level above decides it.")
    if actor.id == one.proposed_by:
        raise Forbidden("Two persons decide: who proposed it does not approve it.")
    if not actor.id.startswith("user:"):
        raise Forbidden("A person with a name decides this, no key and no machine.")
    if one.state is not State.PROPOSED:
        raise Conflict(f"This proposal is {one.state.value} already.")
    if len(why.strip()) < REASON_LETTERS:
        raise Invalid("Say on what you base this decision.", field="why")
    state = State.APPROVED if approve else State.REFUSED
    said = {"decidedBy": actor.id, "decidedAt": iso(now or now_us()), "why": why.strip(), "state": state.value}
    change = amend(name, open=prop(approve), **{key: prop(value) for key, value in said.items()})
    reason = f"disposal {state.value}"
    # The role and the two persons were checked above; the log names who decided.
    await life.hub.commit(Commit(actor, (change,), reason, {name: one.version}, owner=OWNER))
    return one_proposal(life, name)


def _reaches(life: LifeCycle, actor: Actor, one: Proposal) -> bool:
    """Whether a person's units hold all that a proposal means; what lies in no unit is a province's matter."""
    if not actor.areas:
        return True
    codes = frozenset[str]().union(*(life.rules.territory.within(area) | {area} for area in actor.areas))
    province = any(len(area) == PROVINCE_LETTERS for area in actor.areas)
    return all(unit in codes or (not unit and province) for unit in {str(line["unit"]) for line in one.lines})


PROVINCE_LETTERS = 2  # Of a province's code.


def one_proposal(life: LifeCycle, name: str) -> Proposal:
    """One proposal; Missing when there is none."""
    return read_one(life.hub.get(SYSTEM, name), proposal_of)


def proposals(life: LifeCycle, open_only: bool = False) -> list[Proposal]:
    """The proposals, the newest first."""
    found = life.hub.find(SYSTEM, PROPOSAL, "open==true" if open_only else "", _MOST, order=("-proposedAt",))
    return list(readable(found, proposal_of))


def records(life: LifeCycle) -> list[Record]:
    """The records of what was destroyed or archived, the newest first."""
    return list(readable(life.hub.find(SYSTEM, RECORD, "", _MOST, order=("-endedAt",)), record_of))


def years(lines: list[Line]) -> Mapping[str, Mapping[str, Any]]:
    """What is due by the year of its oldest part: year → counts and bytes."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        year = line.oldest[:4] if line.oldest else ""
        if year:
            one = found.setdefault(year, {"count": 0, "bytes": 0})
            one["count"] += line.hot + line.cold
            one["bytes"] += line.bytes
    return dict(sorted(found.items()))


def day_of(instant: str) -> date:
    """The day in Vietnam of an ISO instant."""
    return to_datetime(from_iso(instant)).astimezone(VIETNAM).date()
