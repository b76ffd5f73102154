"""How a programme stands: tasks counted by plan, project or target: open, late, at risk, done, dropped."""

from collections.abc import Mapping
from dataclasses import dataclass

from dothi.ground.clock import DAY, iso
from dothi.hub.language.nodes import And, Compare, Condition, Moment, Query, TypeIs
from dothi.hub.model import Actor, system
from dothi.programme.model import Programme, Task, readable, task_of

SOON = 7 * DAY
PAGE_MAX = 500


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
    """What the city owes the public: how many in each honest state; of those done, how many by which deadline."""

    counts: Mapping[str, int]
    kept_first: int
    kept_agreed: int

    @property
    def whole(self) -> int:
        """All of them."""
        return sum(self.counts.values())


def promises(programme: Programme, now: int) -> Promises:
    """Every task of the city, counted: read in the module's name, to be shown without who acted."""
    counted = {group: _count(programme, _PUBLISHER, *_promised(group, now)) for group in PROMISES}
    kept = [
        _count(programme, _PUBLISHER, _same("state", "done"), _same(name, True)) for name in ("keptFirst", "keptAgreed")
    ]
    return Promises(counted, kept[0], kept[1])


def promised(programme: Programme, group: str, now: int, limit: int) -> list[Task]:
    """The tasks of one honest state, the soonest due first."""
    query = Query(TypeIs("Task"), q=And(_promised(group, now)), limit=limit, order=("due",))
    return list(readable(programme.hub.query(_PUBLISHER, query), task_of))


def _promised(group: str, now: int) -> tuple[Condition, ...]:
    if group in ("done", "dropped"):
        return (_same("state", group),)
    late = Compare(("due",), "<" if group == "late" else ">=", _moment(now))
    rest = () if group == "late" else (_same("moved", group == "changed"),)
    return (_same("open", True), late, *rest)


def _count(programme: Programme, actor: Actor, *terms: Condition) -> int:
    query = Query(TypeIs("Task"), q=And(terms), limit=0, count=True)
    return programme.hub.query(actor, query).count or 0


def _same(name: str, value: str | bool) -> Condition:
    return Compare((name,), "==", value)


def _moment(instant: int) -> Moment:
    return Moment(iso(instant), instant)
