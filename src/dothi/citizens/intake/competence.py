"""Who gets a report, and why: the routing rules over its facts, the table of competence, and the explanation kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dothi.accounts.organisations import best_of, find_organisation, is_organisation, organisations, unit_of
from dothi.citizens.needs import Citizens
from dothi.citizens.rules import Rules
from dothi.citizens.rules.intake.competence import Citation, Competence
from dothi.citizens.rules.intake.folded import spaced
from dothi.citizens.rules.intake.routing import Facts, Route, choose
from dothi.ground.clock import VIETNAM, iso, now_us, to_datetime
from dothi.ground.errors import Missing

CLOSED, ENDED, NOBODY = "unit_closed", "organisation_ended", "no_organisation"  # Why a rule cannot work.
UNDECIDED = "place_undecided"


@dataclass(frozen=True, slots=True)
class Decision:
    """Who owes the next step, whether it is urgent, and the explanation as the case keeps it."""

    assignee: str
    urgent: bool
    explanation: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a rule leads to; `fallback` says why it could not, and the commune has it instead."""

    code: str
    reason: Mapping[str, str]
    citation: Citation | None = None
    competence: str = ""
    fallback: str = ""


def chain_of(citizens: Citizens, code: str) -> tuple[str, ...]:
    """Codes from the province down to a unit; of an organisation those of its unit, and its own last. () if unknown."""
    try:
        above = tuple(one.code for one in citizens.territory.chain(unit_of(code)))
    except Missing:
        return ()
    return (*above, code) if is_organisation(code) else above


def in_force(citizens: Citizens, code: str, at: int | None = None) -> bool:
    """Whether a unit or organisation of this code is in force, now by default (`at`: µs)."""
    if not is_organisation(code):
        return citizens.territory.knows(code)
    found = find_organisation(citizens.hub, code)
    return found is not None and found.held(_day(at or now_us()))


def facts_of(  # The facts are these.
    citizens: Citizens,
    rules: Rules,
    category: str,
    unit: str,
    text: str,
    channel: str,
    answers: Mapping[str, str],
    at: int,
) -> Facts:
    """What the rules look at. Invalid for a category that is none."""
    local = to_datetime(at).astimezone(VIETNAM)
    kind = rules.category(category)
    minute = local.hour * 60 + local.minute
    return Facts(category, chain_of(citizens, unit), kind.urgent, channel, minute, spaced(text), dict(answers))


def decide(citizens: Citizens, rules: Rules, facts: Facts, at: int, *, sure: bool = True) -> Decision:
    """Who gets a report in a unit; `sure` is False while nobody has confirmed the commune: its province keeps it.

    A rule that leads to a unit, organisation or kind that is not in force falls back to the commune and says so.
    """
    route, tried = choose(rules.intake.routes, facts)
    holder = _holder(citizens, rules, route, facts, at)
    own = facts.chain[-1]
    assignee = holder.code if sure else own
    said: dict[str, Any] = {
        "rule": route.id if route else "",
        "version": route.version if route else "",
        "name": dict(route.names) if route else {},
        "at": iso(at),
        "inputs": _inputs(route, facts),
        "assignee": assignee,
        "reason": dict(holder.reason),
        "competence": holder.competence,
        "tried": [{"rule": one.rule, "why": one.why} for one in tried],
    }
    if holder.citation is not None:
        said["citation"] = holder.citation.as_json()
    if holder.fallback:
        said["fallback"] = holder.fallback
    if not sure:
        said |= {"waits": UNDECIDED, "then": holder.code}
    if route is not None and route.suggest:
        said["suggestedCategory"] = route.suggest
    return Decision(assignee, facts.urgent or bool(route and route.urgent), said)


def _inputs(route: Route | None, facts: Facts) -> dict[str, Any]:
    """What was looked at, without the reporter's words: of those only the ones that a rule asked for."""
    spoken = [word.strip() for word in route.when.words if word in facts.text] if route else []
    return {
        "category": facts.category,
        "unit": facts.chain[-1],
        "urgent": facts.urgent,
        "channel": facts.channel,
        "time": f"{facts.minute // 60:02}:{facts.minute % 60:02}",
        "answers": dict(facts.answers),
        "words": spoken,
    }


def _holder(citizens: Citizens, rules: Rules, route: Route | None, facts: Facts, at: int) -> Holder:
    way, name = route.target if route else ("competence", "")
    names = route.names if route else {}
    own = facts.chain[-1]
    if way == "competence":
        return _by_table(citizens, rules.intake.competence.find(facts.category, facts.answers), facts, at)
    if way == "unit":
        known = citizens.territory.knows(name)
        return Holder(name, names) if known else Holder(own, names, fallback=CLOSED)
    if way == "organisation":
        return Holder(name, names) if in_force(citizens, name, at) else Holder(own, names, fallback=ENDED)
    if way == "kind":
        return _of_kind(citizens, name, facts, at, names)
    return Holder(facts.chain[0] if way == "province" else own, names)


def _by_table(citizens: Citizens, row: Competence | None, facts: Facts, at: int) -> Holder:
    if row is None:
        return Holder(facts.chain[-1], {})
    if row.holder == "organisation":
        return _of_kind(citizens, row.kind, facts, at, row.reason, row)
    code = facts.chain[0] if row.holder == "province" else facts.chain[-1]
    return Holder(code, row.reason, row.citation, row.id)


def _of_kind(
    citizens: Citizens, kind: str, facts: Facts, at: int, reason: Mapping[str, str], row: Competence | None = None
) -> Holder:
    best = best_of(organisations(citizens.hub, kind), kind, facts.chain, at)
    citation, name = (row.citation, row.id) if row else (None, "")
    if best is None:
        return Holder(facts.chain[-1], reason, citation, name, NOBODY)
    return Holder(best.id, reason, citation, name)


def _day(at: int) -> str:
    return to_datetime(at).astimezone(VIETNAM).date().isoformat()
