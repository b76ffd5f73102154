"""The register of problems: priority by citizens' need, computed openly from a table, and what everybody may read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from dothi.citizens.model import CONTACT_TYPE, OWNER, PROBLEM_TYPE, TYPE, Report, report_of
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.citizens.problems.alike import course, like_any
from dothi.citizens.problems.model import (
    PUBLIC,
    STANDING,
    Course,
    Likeness,
    NoSuchProblem,
    Problem,
    ProblemState,
    problem_of,
)
from dothi.citizens.problems.suggesting import QUIET, find_around, members
from dothi.citizens.rules import Rules
from dothi.citizens.rules.problems import Term
from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.ground.ids import urn
from dothi.hub.language.nodes import And, Compare, Condition, Query, TypeIs
from dothi.hub.model import Actor, Commit, Entity, amend, geo, json_prop, prop

SATISFIED = 4  # Stars from which on a reporter counts as satisfied.
MOST = 10_000  # Problems of a province.
CONTACTS_MAX = 1000
PLACES = 2  # Decimals of a priority.


@dataclass(frozen=True, slots=True)
class Counted:
    """One term of a priority as it is shown: value, weight, full value, points."""

    term: Term
    value: float

    @property
    def points(self) -> float:
        """What it adds to the priority."""
        return self.term.points(self.value)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which problems a reader wants; empty means any."""

    unit: str = ""
    category: str = ""
    state: str = ""


EVERYTHING = Asked()


@dataclass(frozen=True, slots=True)
class Ranked:
    """The rank and priority of a problem from an instant (µs) on."""

    at: int
    rank: int | None
    priority: float | None


def values_of(citizens: Citizens, reports: Sequence[Report], rules: Rules, now: int) -> dict[str, float]:
    """The value of every term for the reports of a problem."""
    known: Course = course(reports, now)
    ratings = [one.rating for one in reports if one.rating is not None]
    enough = len(ratings) >= rules.problems.few_ratings
    bad = sum(stars < SATISFIED for stars in ratings)
    return {
        "people": float(known.reports),
        "recurrences": float(known.recurrences),
        "reopened": float(known.reopened),
        "days_open": float(int(known.days_open)),
        "urgent": float(sum(one.urgent or rules.hint(one.description).emergency for one in reports)),
        "followers": float(_followers(citizens, [one.id for one in reports])),
        "dissatisfied": round(bad / len(ratings), 4) if enough else 0.0,
    }


def _followers(citizens: Citizens, ids: Sequence[str]) -> int:
    """How many reporters of these asked to be told."""
    if not ids:
        return 0
    query = Query(TypeIs(CONTACT_TYPE), q=Compare(("report",), "==", tuple(ids)), limit=0, count=True)
    return citizens.hub.query(SYSTEM, query).count or 0


def counted(terms: Sequence[Term], values: dict[str, float]) -> tuple[Counted, ...]:
    """Every term with its value; the priority is the sum of their points."""
    return tuple(Counted(term, values.get(term.id, 0.0)) for term in terms)


def priority(terms: Sequence[Counted]) -> float:
    """The sum of the points, 0 to 100."""
    return round(sum(one.points for one in terms), PLACES)


def explained(citizens: Citizens, found: Problem, now: int | None = None) -> tuple[Counted, ...]:
    """The terms of a problem's priority as they stand now."""
    at = now_us() if now is None else now
    rules = rules_at(citizens, found.unit, at)
    return counted(rules.problems.terms, values_of(citizens, members(citizens, found.reports), rules, at))


async def write_ranks(citizens: Citizens, now: int | None = None) -> int:
    """Compute every standing problem's priority and rank; what changed is written. Returns how many changed.

    The history of ranks is the hub's own. Days are whole, so that a calm register is not written anew each minute.
    """
    at = now_us() if now is None else now
    standing = _problems(citizens, STANDING)
    scored = []
    for one in standing:
        terms = explained(citizens, one, at)
        await asyncio.sleep(0)  # A province has thousands: whoever waits for a page has its turn between two.
        scored.append((one, {part.term.id: part.value for part in terms}, priority(terms)))
    scored.sort(key=lambda row: (-row[2], row[0].first_at or "", row[0].id))
    changes = []
    for rank, (one, values, points) in enumerate(scored, 1):
        if (one.rank, one.priority, dict(one.terms)) != (rank, points, values):
            told = {"priority": prop(points, iso(at)), "rank": prop(rank, iso(at)), "terms": json_prop(values)}
            changes.append((one, amend(one.id, **told)))
    if not changes:
        return 0
    expect = {one.id: one.version for one, _ in changes}
    try:
        await citizens.hub.commit(Commit(SYSTEM, tuple(change for _, change in changes), "ranks", expect, owner=OWNER))
    except Conflict:
        return 0  # A person was quicker; the next round counts anew.
    return len(changes)


def _problems(citizens: Citizens, states: Sequence[ProblemState], asked: Asked = EVERYTHING) -> list[Problem]:
    terms: list[Condition] = [Compare(("state",), "==", tuple(state.value for state in states))]
    if asked.category:
        terms.append(Compare(("category",), "==", asked.category))
    if asked.unit:
        terms.append(Compare(("unit",), "==", tuple(sorted(citizens.territory.within(asked.unit) | {asked.unit}))))
    query = Query(TypeIs(PROBLEM_TYPE), q=And(tuple(terms)), limit=MOST, order=("-lastAt",))
    return [problem_of(one) for one in citizens.hub.query(SYSTEM, query)]


def register(citizens: Citizens, asked: Asked = EVERYTHING) -> list[Problem]:
    """What everybody may know: confirmed problems, by rank; what is mended comes after what stands."""
    states = tuple(state for state in PUBLIC if not asked.state or state.value == asked.state)
    found = _problems(citizens, states, asked) if states else []
    last = len(found) + MOST
    return sorted(found, key=lambda one: (one.state is ProblemState.MENDED, one.rank or last, one.id))


def public_problem(citizens: Citizens, name: str) -> Problem:
    """One problem of the register, by the end of its id. NoSuchProblem when nobody has confirmed it."""
    try:
        found = problem_of(citizens.hub.get(SYSTEM, urn(PROBLEM_TYPE, name)))
    except Missing as cause:
        raise NoSuchProblem from cause
    if found.state not in PUBLIC:
        raise NoSuchProblem
    return found


def ranks(citizens: Citizens, found: Problem) -> list[Ranked]:
    """How rank and priority of a problem went, oldest first."""
    kept = citizens.hub.history(SYSTEM, found.id, ("rank", "priority"))
    points = {one.get("observedAt"): one.get("value") for one in kept.get("priority", [])}
    rows = {one.get("observedAt"): one.get("value") for one in kept.get("rank", [])}
    return [Ranked(from_iso(at), rows[at], points.get(at)) for at in sorted(text for text in rows if text)]


def undecided(citizens: Citizens, actor: Actor) -> list[Problem]:
    """Suggestions, and problems at which reports wait, that lie where `actor` may decide; the soonest due first."""
    found = citizens.hub.find(actor, PROBLEM_TYPE, "open==true", MOST, order=("due",))
    return [problem_of(one) for one in found]


def problem_near(
    citizens: Citizens, category: str, place: tuple[float, float], words: str, now: int | None = None
) -> tuple[Problem, Likeness] | None:
    """The confirmed problem at a place of which somebody is about to report, and why it seems the same.

    For the form's "already known": the likest of a category within the radius; None when there is none.
    """
    at = now_us() if now is None else now
    rules = rules_at(citizens, at=at)
    location: dict[str, object] = {"type": "Point", "coordinates": list(place)}
    draft = _draft(category, location, words, at)
    best: tuple[Problem, Likeness] | None = None
    for one in find_around(citizens, category, location, rules):
        if one.state in QUIET:
            continue
        like = like_any(members(citizens, one.reports), draft, rules)
        if (
            like
            and like.similarity >= rules.problems.likeness.least
            and (best is None or like.similarity > best[1].similarity)
        ):
            best = one, like
    return best


def _draft(category: str, location: dict[str, object], words: str, at: int) -> Report:
    """What somebody is about to report, as far as likeness looks at it."""
    return report_of(
        Entity(
            "",
            (TYPE,),
            {
                "category": prop(category),
                "description": prop(words),
                "filedAt": prop(iso(at)),
                "location": geo(location),
            },
        )
    )
