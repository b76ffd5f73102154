"""Projects: place, time and finance by source, disbursed day by day; amounts are whole đồng."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Invalid, Missing
from dothi.hub.language.nodes import And, Compare, Condition, Query, TypeIs
from dothi.hub.model import Actor, Attribute, Change, Commit, Entity, Op, geo, json_prop, prop, read_one, rel
from dothi.programme.model import OWNER, IllegalMove, Programme, readable, several
from dothi.programme.plans.codes import create_coded
from dothi.programme.plans.documents import document
from dothi.programme.rules import known
from dothi.programme.tasks.workflow import check_day, today

TYPE = "Project"
AMOUNT_MAX = 10**15  # A million billion đồng: beyond it somebody has typed too many noughts.
BENEFITS = ("people", "business", "state")  # Người dân, doanh nghiệp, Nhà nước.


class Stand(StrEnum):
    """Where a project stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"


NEXT: Mapping[Stand, tuple[Stand, ...]] = {
    Stand.PROPOSED: (Stand.APPROVED, Stand.STOPPED),
    Stand.APPROVED: (Stand.RUNNING, Stand.STOPPED),
    Stand.RUNNING: (Stand.FINISHED, Stand.STOPPED),
    Stand.FINISHED: (),
    Stand.STOPPED: (),
}


@dataclass(frozen=True)
class Funding:
    """So much (đồng) from a source of a kind (Rules.funding); `note` says which programme, lender or partner."""

    kind: str
    amount: int
    note: str = ""


@dataclass(frozen=True)
class Disbursement:
    """So much (đồng) paid on a day from a source; below zero takes an earlier one back, with the reason."""

    day: str
    amount: int
    kind: str
    note: str
    by: str


@dataclass(frozen=True)
class NewProject:
    """A project that is proposed. `zone` names the planning zone that it follows."""

    title: str
    plan: str
    unit: str
    lead: str
    units: tuple[str, ...]
    year: int
    starts: str
    ends: str
    zone: str = ""
    location: Mapping[str, Any] | None = None
    legal_basis: str | None = None
    sample: bool = False


@dataclass(frozen=True)
class Project:
    """A project as it stands. `capex` is what it costs to make, `opex` what it costs to run each year (đồng)."""

    id: str
    code: str
    title: str
    state: Stand
    plan: str
    unit: str
    lead: str
    units: tuple[str, ...]
    starts: str
    ends: str
    zone: str
    location: Mapping[str, Any] | None
    funding: tuple[Funding, ...]
    capex: int
    opex: int
    disbursements: tuple[Disbursement, ...]
    benefits: Mapping[str, str]
    reason: str
    sample: bool
    version: int

    @property
    def funded(self) -> int:
        """What the sources give together."""
        return sum(one.amount for one in self.funding)

    @property
    def gap(self) -> int:
        """What no source gives yet; below zero the sources give more than it costs to make."""
        return self.capex - self.funded

    def disbursed(self, until: str = "9999-12-31") -> int:
        """What was paid until a day (yyyy-mm-dd), that day included."""
        return sum(one.amount for one in self.disbursements if one.day <= until)


def project_of(entity: Entity) -> Project:
    """The project that an entity holds."""
    value = entity.value
    return Project(
        id=entity.id,
        code=value("code"),
        title=value("title"),
        state=Stand(value("state")),
        plan=value("plan"),
        unit=value("unit"),
        lead=value("lead"),
        units=several(value("units")),
        starts=value("starts"),
        ends=value("ends"),
        zone=value("zone", ""),
        location=value("location"),
        funding=tuple(Funding(**one) for one in value("funding", [])),
        capex=value("capex", 0),
        opex=value("opex", 0),
        disbursements=tuple(Disbursement(**one) for one in value("disbursements", [])),
        benefits=value("benefits", {}),
        reason=value("reason", ""),
        sample=value("sample", False),
        version=entity.version,
    )


async def propose(programme: Programme, actor: Actor, new: NewProject, key: str | None = None) -> str:
    """Propose a project of a plan; returns its id, whose end is its code for ever."""
    document(programme, actor, new.plan, "Plan")
    missing = [name for name in ("title", "lead", "units") if not getattr(new, name)]
    if missing or not new.title.strip():
        raise Invalid(f"Missing: {', '.join(missing) or 'title'}.", missing=missing, field=(missing or ["title"])[0])
    starts, ends = check_day(new.starts, "starts"), check_day(new.ends, "ends")
    if ends < starts:
        raise Invalid("A project cannot end before it starts.", field="ends")
    attrs: dict[str, Attribute] = {
        "title": prop(new.title.strip()),
        "state": prop(Stand.PROPOSED.value),
        "plan": rel(new.plan),
        "unit": prop(new.unit),
        "lead": prop(new.lead),
        "units": prop(list(new.units)),
        "starts": prop(iso(starts)),
        "ends": prop(iso(ends)),
        "zone": prop(new.zone.strip()),
        "sample": prop(new.sample),
    }
    if new.location:
        attrs["location"] = geo(new.location)
    if new.legal_basis:
        attrs["legalBasis"] = rel(new.legal_basis)
    return await create_coded(programme, actor, TYPE, new.unit, new.year, attrs, "project proposed", key)


def project(programme: Programme, actor: Actor, name: str) -> Project:
    """One project; Missing when there is none."""
    entity = programme.hub.get(actor, name)
    if TYPE not in entity.types:
        raise Missing(f"{name} is not a project.")
    return read_one(entity, project_of)


def projects(programme: Programme, actor: Actor, plan: str = "") -> list[Project]:
    """Projects by code, of a plan or all."""
    terms: tuple[Condition, ...] = (Compare(("plan",), "==", plan),) if plan else ()
    query = Query(TypeIs(TYPE), q=And(terms) if terms else None, limit=1000)
    return sorted(readable(programme.hub.query(actor, query), project_of), key=lambda one: one.code)


async def move(programme: Programme, actor: Actor, name: str, to: Stand, reason: str = "") -> None:
    """Let it be approved, run, finished or stopped; stopping needs its reason."""
    one = project(programme, actor, name)
    if to not in NEXT[one.state]:
        raise IllegalMove(f"{one.code} is {one.state}: it cannot become {to} now.")
    if to is Stand.STOPPED and not reason.strip():
        raise Invalid("Stopping a project needs its reason.", field="reason")
    attrs: dict[str, Attribute] = {"state": prop(to.value), "reason": prop(reason.strip())}
    await _write(programme, actor, one, attrs, reason.strip() or f"project {to.value}")


async def set_finance(  # What a project costs, who pays and who gains.
    programme: Programme,
    actor: Actor,
    name: str,
    funding: tuple[Funding, ...],
    capex: int,
    opex: int,
    benefits: Mapping[str, str],
) -> None:
    """Say what it costs to make and to run each year, which sources give how much, and who gains what."""
    one = project(programme, actor, name)
    table = programme.rules_at(one.unit).funding
    for amount, field in ((capex, "capex"), (opex, "opex"), *((row.amount, "funding") for row in funding)):
        check_amount(amount, field)
    for row in funding:
        known(row.kind, table, "funding")
    for who in benefits:
        known(who, dict.fromkeys(BENEFITS), "benefits")
    given, paid = Counter[str](), Counter[str]()
    for row in funding:
        given[row.kind] += row.amount
    for payment in one.disbursements:
        paid[payment.kind] += payment.amount
    lost = sorted(kind for kind in paid if paid[kind] > given[kind])
    if lost:
        raise Invalid(f"More was paid from {', '.join(lost)} already than it would give.", field="funding")
    attrs: dict[str, Attribute] = {
        "funding": json_prop([{"kind": row.kind, "amount": row.amount, "note": row.note} for row in funding]),
        "capex": prop(capex),
        "opex": prop(opex),
        "benefits": json_prop({who: text.strip() for who, text in benefits.items() if text.strip()}),
    }
    await _write(programme, actor, one, attrs, "finance set")


async def disburse(  # A payment says all of this.
    programme: Programme,
    actor: Actor,
    name: str,
    day: str,
    amount: int,
    kind: str,
    note: str = "",
    now: int | None = None,
) -> None:
    """Write down a payment of a project that was approved; never more than its source gives, never one to come."""
    one = project(programme, actor, name)
    if one.state is Stand.PROPOSED:
        raise IllegalMove(f"{one.code} is not approved: nothing is paid yet.")
    check_day(day, "day")
    if day > today(now_us() if now is None else now):
        raise Invalid("What is paid in the future is not disbursed yet.", field="day")
    if amount == 0 or (amount < 0 and not note.strip()):
        raise Invalid("Give an amount; one below zero takes a payment back and says why.", field="amount")
    check_amount(abs(amount), "amount")
    given = sum(row.amount for row in one.funding if row.kind == kind)
    paid = sum(row.amount for row in one.disbursements if row.kind == kind)
    if not 0 <= paid + amount <= given:
        raise Invalid(
            f"From this source {given} đồng are given and {paid} paid: {amount} does not fit.", field="amount"
        )
    entry = {"day": day, "amount": amount, "kind": kind, "note": note.strip(), "by": actor.id}
    rows = [*({**vars(row)} for row in one.disbursements), entry]
    await _write(programme, actor, one, {"disbursements": json_prop(rows)}, note.strip() or "disbursed")


def check_amount(amount: int, field: str) -> None:
    """Raise Invalid unless it is a whole number of đồng, from 0."""
    if isinstance(amount, bool) or not isinstance(amount, int) or not 0 <= amount <= AMOUNT_MAX:
        raise Invalid("Amounts are whole đồng, from 0.", field=field)


@dataclass(frozen=True)
class Totals:
    """The finance of several projects: sums in đồng, by source; projects without figures are counted, not zero."""

    projects: int
    without: int
    capex: int
    opex: int
    funded: int
    disbursed: int
    by_source: Mapping[str, tuple[int, int]]  # Kind → (given, disbursed).

    @property
    def share(self) -> float | None:
        """What part of the given money is disbursed; None where nothing is given."""
        return self.disbursed / self.funded if self.funded else None


def totals(listed: Iterable[Project], until: str = "9999-12-31") -> Totals:
    """The sums over projects, disbursed until a day."""
    every = list(listed)
    by_source: dict[str, tuple[int, int]] = {}
    for one in every:
        for row in one.funding:
            given, paid = by_source.get(row.kind, (0, 0))
            by_source[row.kind] = (given + row.amount, paid)
        for spent in one.disbursements:
            if spent.day <= until:
                given, paid = by_source.get(spent.kind, (0, 0))
                by_source[spent.kind] = (given, paid + spent.amount)
    return Totals(
        projects=len(every),
        without=sum(not one.funding and not one.capex for one in every),
        capex=sum(one.capex for one in every),
        opex=sum(one.opex for one in every),
        funded=sum(one.funded for one in every),
        disbursed=sum(one.disbursed(until) for one in every),
        by_source=by_source,
    )


async def _write(programme: Programme, actor: Actor, one: Project, attrs: dict[str, Attribute], reason: str) -> None:
    change = Change(Op.APPEND, one.id, attrs=attrs)
    await programme.hub.commit(Commit(actor, (change,), reason, {one.id: one.version}, owner=OWNER))
