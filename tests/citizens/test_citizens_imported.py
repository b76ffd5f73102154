"""Historic requests: dates and states as they were, owed to nobody, and never routed."""

import csv
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from dothi.citizens import State, write_imported
from dothi.citizens.model import report_of
from dothi.citizens.reading import desk
from dothi.citizens.services.measures import measure
from dothi.ground.clock import from_iso
from dothi.hub.model import Actor, Change, Op, prop
from dothi.sources.service import import_file, open_sources

ALL = Actor("system:test", frozenset({"system"}))
STEWARD = Actor("user:steward", frozenset({"data_steward"}))


def row(number: str, **attrs: Any) -> Change:
    """One request as a mapping gives it."""
    given = {
        "code": number,
        "category": "TRT-Street Light",
        "state": "closed",
        "filedAt": "2018-04-12T15:11:26Z",
    } | attrs
    return Change(
        Op.UPSERT,
        f"urn:ngsi-ld:CitizenReport:old:{number}",
        ("CitizenReport",),
        {name: prop(value) for name, value in given.items() if value is not None},
    )


def test_good_rows_go_in_and_bad_ones_say_why(in_city: Any, official: Actor) -> None:
    """Each row for itself; nothing is due to a unit, no measure of the service moves, a repeat writes nothing."""

    async def story(city: Any) -> None:
        rows = [
            row("1", due="2018-04-13T15:11:26Z", closedAt="2018-04-12T16:45:47Z", assignee="19789", followKey="x"),
            row("2", state="lost"),
            row("3", state="open", filedAt="12/04/2018"),
            row("4", state="open", outcome="whatever"),
            row("5", state="Open"),
        ]
        receipt = await write_imported(city.citizens, STEWARD, rows, "import", "batch-1")
        assert [one.status for one in receipt.results] == ["created", "failed", "failed", "failed", "created"]
        said = [str(one.error.fields["attribute"]) for one in receipt.results if one.error is not None]
        assert said == ["state", "filedAt", "outcome"]
        first = report_of(city.hub.get(ALL, rows[0].id))
        assert (first.state, first.on_time, first.imported, first.open) == (State.ANSWERED, True, True, False)
        assert (first.assignee, first.follow_key) == (None, "")
        assert desk(city.citizens, official).count == 0
        assert measure(city.citizens, "2018-04", from_iso("2018-05-01")).filed == 0
        before = city.hub.last_seq()
        again = await write_imported(city.citizens, STEWARD, rows, "import", "batch-1")
        assert [one.status for one in again.results] == [one.status for one in receipt.results]
        assert city.hub.last_seq() == before

    in_city(story)


def test_baltimore_through_the_sources(in_city: Any, shared_data: Path, tmp_path: Path) -> None:
    """The first 600 requests of the real file come out as reports with the states and days late that the file gives."""
    whole = shared_data / "reports/baltimore_311_sample_10k.csv"
    lines = whole.read_text(encoding="utf-8-sig").splitlines(keepends=True)[:601]
    part = tmp_path / "part.csv"
    part.write_text("".join(lines), encoding="utf-8")
    rows = [one for one in csv.DictReader(lines) if (one["Latitude"], one["Longitude"]) != ("39", "-77")]

    async def story(city: Any) -> None:
        writers = {"CitizenReport": partial(write_imported, city.citizens)}
        sources = open_sources(city.hub, tmp_path / "sources", writers)
        done = await import_file(sources, STEWARD, part, "baltimore-311")
        assert done.accepted == len(rows)
        found = [report_of(one) for one in city.hub.find(ALL, "CitizenReport", limit=2000)]
        assert len(found) == len(rows)
        closed = sum(one["SRStatus"].startswith("Closed") for one in rows)
        assert Counter(one.state for one in found)[State.ANSWERED] == closed
        assert all(one.imported and one.assignee is None and not one.open for one in found)

    in_city(story)
