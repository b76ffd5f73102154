"""What other rules of detections would have asked: all that is still kept, judged by both, and where they differ.

Nothing is written. Detections are kept for weeks at most, so a trial reaches back as far as its sources keep.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dothi.ground.clock import DAY, VIETNAM, iso, now_us, to_datetime
from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import Event
from dothi.office.rules.model import Difference, Measure, Trial, trial
from dothi.operations.events.model import SYSTEM, EventSource
from dothi.operations.events.rules import Rule, Rules, parse, worth_a_look
from dothi.operations.events.sources import sources
from dothi.operations.model import Operations

DAYS = 90
MOST = 20_000  # Detections of one source: a camera that sees more is judged by its latest.


def simulate(
    operations: Operations,
    unit: str | None,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    now: int | None = None,
    days: int = DAYS,
) -> Trial:
    """Judge what the sources of `unit` (None: all) saw in the last `days` by two sets of tables."""
    at = now or now_us()
    since, rules = at - days * DAY, (parse(before), parse(after))
    count, asked = 0, [0, 0]
    found: list[Difference] = []
    for source in sources(operations, SYSTEM):
        if unit and unit not in {one.code for one in operations.territory.chain(source.unit)}:
            continue
        seen = operations.hub.events(SYSTEM, source.id, EventQuery(since, limit=MOST))[::-1]
        sights = [list(_suggested(seen, one)) for one in rules]
        count += len(seen)
        asked = [total + len(some) for total, some in zip(asked, sights, strict=True)]
        found += _differences(source, *sights)
    return trial(iso(since), count, (Measure("detections_asked", count, *asked),), found)


def _suggested(seen: list[Event], rules: Rules) -> Iterator[tuple[Rule, int]]:
    """(rule, instant) of each time somebody would have been asked to look."""
    for rule in rules.rules:
        lately: list[Event] = []
        quiet_until = 0
        for event in seen:
            if event.kind not in rule.kinds:
                continue
            lately = [one for one in lately if event.at - one.at < rule.within] + [event]
            if event.at >= quiet_until and worth_a_look(rule, lately):
                quiet_until = event.at + rule.quiet
                yield rule, event.at


def _differences(
    source: EventSource, before: list[tuple[Rule, int]], after: list[tuple[Rule, int]]
) -> Iterator[Difference]:
    was, would_be = ({(rule.id, at): rule.name["vi"] for rule, at in some} for some in (before, after))
    name = source.name.get("vi", source.code)
    for key in sorted(was.keys() ^ would_be.keys(), key=lambda one: one[1]):
        moment = to_datetime(key[1]).astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")
        kind = "detection_new" if key in would_be else "detection_gone"
        yield Difference(kind, source.id, f"{name}, {moment}", was.get(key, ""), would_be.get(key, ""))
