"""The kinds of formula as one table: from what was gathered to a figure, pure; and the freshness gate before it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from dothi.evidence.model import Direction, Figure, Formula, Indicator, Input, Kind, Period, Reason, Standing
from dothi.evidence.series import Reading
from dothi.ground.clock import SECOND
from dothi.sources.mapping.durations import seconds_of

PLACES = 6  # A figure is kept to so many decimals.


@dataclass(frozen=True)
class Member:
    """One entity that counts: whether it meets the condition above the line, its score, its readings of the period."""

    id: str
    version: int
    unit: str | None
    source: str | None = None
    simulated: bool = False
    met: bool = False
    score: float | None = None
    readings: tuple[Reading, ...] = ()
    changed: int = 0  # When it was written last (µs).


@dataclass(frozen=True)
class SourceStanding:
    """How a source of the inputs stands now (live, late, never), and its rows of this period that lie in quarantine.

    `shut` says that all it sent since its last good row was quarantined.
    """

    id: str
    state: str
    held_back: int = 0
    shut: bool = False
    simulated: bool = False


@dataclass(frozen=True)
class Gathered:
    """Everything that a formula may look at."""

    members: tuple[Member, ...]
    asked: int  # rating: how many were asked.
    sources: tuple[SourceStanding, ...]


def figure(formula: Formula, gathered: Gathered, period: Period, now: int) -> Figure:
    """The figure of one unit and period as it is known at `now` (µs)."""
    computed = _KINDS[formula.kind](formula, gathered, period, now)
    reasons = (*computed.reasons, *_freshness(gathered.sources, period, now))
    blocked = any(reason.blocks for reason in reasons)
    simulated = any(one.simulated for one in gathered.members) or any(one.simulated for one in gathered.sources)
    value = None if blocked or computed.value is None else round(computed.value, PLACES)
    sources = tuple(sorted(one.id for one in gathered.sources))
    return replace(computed, value=value, reasons=reasons, simulated=simulated, sources=sources)


def standing(indicator: Indicator, value: float | None) -> Standing:
    """A value against the indicator's target."""
    if value is None:
        return Standing.GREY
    if indicator.target is None:
        return Standing.NONE
    higher = indicator.direction is Direction.HIGHER
    met = value >= indicator.target if higher else value <= indicator.target
    return Standing.MET if met else Standing.MISSED


def _freshness(sources: Sequence[SourceStanding], period: Period, now: int) -> Iterable[Reason]:
    """Late sources block what is still running; what is over is judged by what came in for it."""
    running = now < period.end
    for one in sources:
        if one.state != "live" and running:
            yield Reason("lateSource" if one.state == "late" else "silentSource", True, {"source": one.id})
        if one.held_back:
            yield Reason("quarantined", running and one.shut, {"source": one.id, "rows": one.held_back})


def _few(formula: Formula, count: int) -> tuple[Reason, ...]:
    if count >= max(formula.least, 1):
        return ()
    return (Reason("tooFew" if count else "noInputs", True, {"count": count, "least": formula.least}),)


def _mean(formula: Formula, gathered: Gathered, period: Period, now: int) -> Figure:
    """The mean over slots of the mean in each slot: a subject that sends twice as often weighs no more."""
    slots = [mean for member in gathered.members for mean in _slot_means(formula, member, period)]
    readings = [one for member in gathered.members for one in member.readings]
    total = sum(slots)
    return Figure(
        value=total / len(slots) if slots else None,
        numerator=round(total, PLACES),
        denominator=len(slots),
        count=len(readings),
        reasons=_few(formula, len(readings))
        + (_covered(formula, gathered, len(slots), period, now) if readings else ()),
        inputs=tuple(Input(one.id, _mark(one)) for one in gathered.members if one.readings),
        first=min((one.observed for one in readings), default=None),
        last=max((one.observed for one in readings), default=None),
    )


def _mark(member: Member) -> str:
    """What was known of the member's readings: their number and the last line of the log that gave one."""
    return f"{len(member.readings)}@{max(member.readings, key=lambda one: one.known).instance}"


def _slot_means(formula: Formula, member: Member, period: Period) -> list[float]:
    if not formula.slot:
        return [one.value for one in member.readings]
    length = _slot_us(formula)
    by_slot: dict[int, list[float]] = {}
    for one in member.readings:
        by_slot.setdefault((one.observed - period.start) // length, []).append(one.value)
    return [sum(values) / len(values) for values in by_slot.values()]


def _slot_us(formula: Formula) -> int:
    return int(seconds_of(formula.slot) * SECOND)


def _covered(formula: Formula, gathered: Gathered, slots: int, period: Period, now: int) -> tuple[Reason, ...]:
    """Whether enough of the slots that are over were heard."""
    if not formula.slot:
        return ()
    over = max((min(now, period.end) - period.start) // _slot_us(formula), 1)
    expected = over * len(gathered.members)
    share = min(slots / expected, 1.0)
    if share >= formula.minimum:
        return ()
    return (Reason("tooFewInputs", True, {"share": round(share, 4), "minimum": formula.minimum, "expected": expected}),)


def _share(formula: Formula, gathered: Gathered, period: Period, now: int) -> Figure:
    met = sum(member.met for member in gathered.members)
    whole = len(gathered.members)
    return _of_members(formula, gathered, 100 * met / whole if whole else None, met, whole)


def _count(formula: Formula, gathered: Gathered, period: Period, now: int) -> Figure:
    """Nothing found is nought: the hub was asked, and it holds none."""
    count = len(gathered.members)
    return replace(_of_members(formula, gathered, float(count), count, 1), reasons=())


def _rating(formula: Formula, gathered: Gathered, period: Period, now: int) -> Figure:
    scores = [member.score for member in gathered.members if member.score is not None]
    total = sum(scores)
    computed = _of_members(formula, gathered, total / len(scores) if scores else None, total, len(scores))
    rate = min(len(scores) / gathered.asked, 1.0) if gathered.asked else None
    return replace(computed, response_rate=None if rate is None else round(rate, 4))


def _of_members(
    formula: Formula, gathered: Gathered, value: float | None, numerator: float, denominator: float
) -> Figure:
    members = gathered.members
    return Figure(
        value=value,
        numerator=numerator,
        denominator=denominator,
        count=len(members),
        reasons=_few(formula, len(members)),
        inputs=tuple(Input(one.id, str(one.version)) for one in members),
        first=min((one.changed for one in members), default=None),
        last=max((one.changed for one in members), default=None),
    )


_KINDS: dict[Kind, Callable[[Formula, Gathered, Period, int], Figure]] = {
    Kind.MEAN: _mean,
    Kind.SHARE: _share,
    Kind.COUNT: _count,
    Kind.RATING: _rating,
}
