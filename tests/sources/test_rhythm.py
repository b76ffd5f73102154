"""Live, late, never: a source is judged by the good rows that it promised."""

import asyncio

from dothi.ground.clock import MINUTE, SECOND
from dothi.sources.model import SYSTEM, SourceState
from dothi.sources.rhythm import fresh, late_at, stale, state_of, sweep, watch
from dothi.sources.service import push
from tests.sources.conftest import KEY, NOW, City

GOOD = b"station,time,pm25\nA,2026-11-22T07:59:00Z,30\n"
BAD = b"station,time,pm25\nA,2026-11-22T07:59:30Z,0.03\n"
SOURCE = "urn:ngsi-ld:DataSource:station"


def test_a_source_is_never_live_late_and_live_again(city: City) -> None:
    """Before its first row it is never; one and a half intervals after the last it is late; a row makes it live."""
    entity = city.source()
    assert state_of(entity, NOW) is SourceState.NEVER
    city.run(push(city.sources, KEY, "station", GOOD, "text/csv", now=NOW))
    entity = city.get(SOURCE)
    assert late_at(entity) == NOW + 90 * SECOND
    assert state_of(entity, NOW + 90 * SECOND) is SourceState.LIVE
    assert state_of(entity, NOW + 91 * SECOND) is SourceState.LATE
    later = GOOD.replace(b"07:59", b"08:05")
    city.run(push(city.sources, KEY, "station", later, "text/csv", now=NOW + 6 * MINUTE))
    assert fresh(city.sources, ["station"], NOW + 6 * MINUTE)


def test_bad_rows_do_not_keep_a_source_alive(city: City) -> None:
    """A source that sends only what is quarantined turns late, and what hangs on it turns grey."""
    city.source()
    city.run(push(city.sources, KEY, "station", GOOD, "text/csv", now=NOW))
    city.run(push(city.sources, KEY, "station", BAD, "text/csv", now=NOW + 2 * MINUTE))
    assert stale(city.sources, ["station", SOURCE, "no-such"], NOW + 2 * MINUTE) == ("station", SOURCE, "no-such")
    assert city.get(SOURCE).value("lastContact") > city.get(SOURCE).value("lastSeen")


def test_turning_late_is_a_commit_on_the_feed(city: City) -> None:
    """The sweep writes a change of state once, so that whoever follows the feed sees it."""
    city.source()
    city.source("quiet", promised_every="")
    city.run(push(city.sources, KEY, "station", GOOD, "text/csv", now=NOW))
    seq = city.hub.last_seq()
    assert city.run(sweep(city.sources, NOW + MINUTE)) == ()
    assert city.run(sweep(city.sources, NOW + 10 * MINUTE)) == (SOURCE,)
    assert city.run(sweep(city.sources, NOW + 10 * MINUTE)) == ()
    (logged,) = city.hub.log(seq)
    assert logged.entries[0].attrs["state"]["value"] == "late"  # type: ignore[call-overload]


def test_a_source_without_a_promise_is_never_late(city: City) -> None:
    """What was imported once and promised nothing stays live."""
    entity = city.source(promised_every="")
    city.run(push(city.sources, KEY, "station", GOOD, "text/csv", now=NOW))
    assert late_at(city.get(SOURCE)) is None
    assert state_of(city.get(SOURCE), NOW + 10**15) is SourceState.LIVE
    assert entity.value("state") == "never"


def test_the_watch_turns_a_silent_source_late_by_itself(city: City) -> None:
    """With the watch running, a source that promised a reading every half second is late within moments."""
    city.source(promised_every="PT0.5S")
    city.run(push(city.sources, KEY, "station", GOOD, "text/csv"))

    async def story() -> None:
        guard = asyncio.create_task(watch(city.sources, 0.05))
        async for logged in city.hub.follow(city.hub.last_seq()):
            if logged.entries[0].id == SOURCE:
                break
        guard.cancel()

    city.run(asyncio.wait_for(story(), 5))
    assert city.hub.get(SYSTEM, SOURCE).value("state") == "late"
