"""How a programme stands: tasks counted by plan, project or target: open, late, at risk, done, dropped."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from dothi.ground.clock import DAY, iso
from dothi.hub.language.nodes import And, Compare, Condition, Moment, Query, TypeIs
from dothi.hub.model import Actor, system
from dothi.programme.model import Programme, Task, readable, task_of

SOON = 7 * DAY
PAGE_MAX = 500
_MOST = 1000  # Tasks that are read to fill one group of the public page.


@dataclass(frozen=True)
class Counts:
    """So many tasks: `at_risk` are open ones due within a week; done and dropped are told apart."""

    open: int
    late: int
    at_risk: int
    done: int
    dropped: int

    @property
    def whole(self) -> int:
        """All of them."""
        return self.open + self.done + self.dropped


def counts(programme: Programme, actor: Actor, now: int, **of: str) -> Counts:
    """The tasks of something (plan=…, project=…, targets=…, legalBasis=…), or all that `actor` may see."""
    mine = tuple(_same(name, value) for name, value in of.items())
    still = _same("open", True)
    late = Compare(("due",), "<", _moment(now))
    soon = (Compare(("due",), ">=", _moment(now)), Compare(("due",), "<", _moment(now + SOON)))
    return Counts(
        open=_count(programme, actor, *mine, still),
        late=_count(programme, actor, *mine, still, late),
        at_risk=_count(programme, actor, *mine, still, *soon),
        done=_count(programme, actor, *mine, _same("state", "done")),
        dropped=_count(programme, actor, *mine, _same("state", "dropped")),
    )


SHOWS = ("open", "late", "at_risk", "done", "dropped")


def tasks_shown(  # What is asked for, and which part of it.
    programme: Programme, actor: Actor, show: str, now: int, limit: int = 100, offset: int = 0, **of: str
) -> list[Task]:
    """One page of the tasks that a count counts (SHOWS, or "all"), the soonest due first."""
    terms = [_same(name, value) for name, value in of.items()]
    if show in ("open", "late", "at_risk"):
        terms.append(_same("open", True))
    if show == "late":
        terms.append(Compare(("due",), "<", _moment(now)))
    if show == "at_risk":
        terms += [Compare(("due",), ">=", _moment(now)), Compare(("due",), "<", _moment(now + SOON))]
    if show in ("done", "dropped"):
        terms.append(_same("state", show))
    query = Query(
        TypeIs("Task"),
        q=And(tuple(terms)) if terms else None,
        limit=min(limit, PAGE_MAX),
        offset=offset,
        order=("due",),
    )
    return list(readable(programme.hub.query(actor, query), task_of))


PROMISES = ("late", "changed", "doing", "done", "dropped")  # The honest states, in the order in which they are told.
_PUBLISHER = system("programme")


@dataclass(frozen=True)
class Promises:
    """What the city owes the public: how many in each honest state; of `judged` done, how many by which deadline."""

    counts: Mapping[str, int]
    judged: int
    kept_first: int
    kept_agreed: int

    @property
    def whole(self) -> int:
        """All of them."""
        return sum(self.counts.values())


def promises(programme: Programme, now: int) -> Promises:
    """Every task of the city, counted: read in the module's name, to be shown without who acted."""

    def count(*terms: Condition) -> int:
        return _count(programme, _PUBLISHER, *terms)

    ahead, changed = count(*_promised("doing", now)), count(*_promised("doing", now), _same("moved", True))
    counted = {group: count(*_promised(group, now)) for group in ("late", "done", "dropped")}
    counted |= {"changed": changed, "doing": ahead - changed}
    done = _same("state", "done")
    first, late = (count(done, _same("keptFirst", kept)) for kept in (True, False))
    agreed = count(done, _same("keptAgreed", True))
    return Promises({group: counted[group] for group in PROMISES}, first + late, first, agreed)


def promised(programme: Programme, group: str, now: int, limit: int) -> list[Task]:
    """The tasks of one honest state, the soonest due first."""
    told_apart = group in ("doing", "changed")
    query = Query(TypeIs("Task"), q=And(_promised(group, now)), limit=_MOST if told_apart else limit, order=("due",))
    found = readable(programme.hub.query(_PUBLISHER, query), task_of)
    if told_apart:
        found = (one for one in found if (one.due != one.original_due) == (group == "changed"))
    return list(islice(found, limit))


def _promised(group: str, now: int) -> tuple[Condition, ...]:
    """What picks out a state; what is on track and what has a changed deadline are told apart when they are read."""
    if group in ("done", "dropped"):
        return (_same("state", group),)
    return _same("open", True), Compare(("due",), "<" if group == "late" else ">=", _moment(now))


def _count(programme: Programme, actor: Actor, *terms: Condition) -> int:
    query = Query(TypeIs("Task"), q=And(terms), limit=0, count=True)
    return programme.hub.query(actor, query).count or 0


def _same(name: str, value: str | bool) -> Condition:
    return Compare((name,), "==", value)


def _moment(instant: int) -> Moment:
    return Moment(iso(instant), instant)
