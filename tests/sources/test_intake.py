"""Importing: good rows go in, bad ones wait, nothing twice, nothing lost, late data rewrites nothing."""

from pathlib import Path

import pytest

from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import Receipt, Result
from dothi.sources import intake
from dothi.sources.mapping.library import SHIPPED
from dothi.sources.model import SYSTEM, ImportReport
from dothi.sources.quarantine import Selection, replay_rows
from dothi.sources.service import days_of, import_file, open_sources, push
from tests.sources.conftest import KEY, NOW, OFFICIAL, STEWARD, City

FILE = "station,time,pm25\nA,2026-01-01T00:00:00Z,10\nA,2026-01-01T01:00:00Z,0.012\nA,2026-01-01T02:00:00Z,12\nB,x,9\n"
A = "urn:ngsi-ld:AirQualityObserved:A"


def values(city: City, entity: str = A, attribute: str = "pm25") -> list[float]:
    """The history of an attribute."""
    return [one["value"] for one in city.hub.history(SYSTEM, entity, (attribute,))[attribute]]


def bring(city: City, content: str | bytes = FILE, mapping: str = "readings", **more: object) -> ImportReport:
    """Import a file."""
    report: ImportReport = city.run(import_file(city.sources, STEWARD, city.file("f.csv", content), mapping, **more))
    return report


def test_good_rows_go_in_and_bad_rows_wait(city: City) -> None:
    """A file with bad rows brings in its good ones; each bad one is kept with line, reason and its cells."""
    report = bring(city)
    assert (report.rows, report.accepted, report.quarantined) == (4, 2, 2)
    assert report.reasons == {"range:pm25": 1, "not-a-time:observedAt": 1}
    assert values(city) == [10, 12]
    held = {row.value("line"): row for row in city.rows()}
    assert held[3].value("row") == {"station": "A", "time": "2026-01-01T01:00:00Z", "pm25": "0.012"}
    assert held[3].value("reason") == "range:pm25"
    assert (held[5].value("file"), held[5].value("mapping"), held[5].value("state")) == ("f.csv", "readings", "open")
    source = city.get("urn:ngsi-ld:DataSource:readings")
    assert (source.value("accepted"), source.value("quarantined"), source.value("state")) == (2, 2, "live")
    assert days_of(city.sources, "readings")[0].items() >= {"accepted": 2, "quarantined": 2}.items()


def test_the_same_file_twice_leaves_one_trace(city: City) -> None:
    """A second import of a file changes no entity, no history, no quarantine and no counter, and says so."""
    bring(city)
    before, seq = city.hub.types(SYSTEM), city.hub.last_seq()
    again = bring(city)
    assert again.repeated
    assert (city.hub.types(SYSTEM), city.hub.last_seq()) == (before, seq)
    assert not bring(city, FILE + "A,2026-01-01T03:00:00Z,13\n").repeated
    assert values(city) == [10, 12, 13]


def test_a_dry_run_writes_nothing(city: City) -> None:
    """A dry run reports the same numbers, and the hub stays as it was."""
    report = bring(city, dry_run=True)
    assert (report.accepted, report.quarantined, report.dry_run) == (2, 2, True)
    assert [one["line"] for one in report.examples] == [3, 5]
    assert "sai đơn vị" in report.examples[0]["vi"]
    assert city.hub.types(SYSTEM) == {}


def test_late_readings_do_not_rewrite_what_stands(city: City) -> None:
    """A reading older than the current one goes to history, and current state stays."""
    bring(city, "station,time,pm25\nA,2026-01-02T00:00:00Z,50\n")
    bring(city, "station,time,pm25\nA,2026-01-01T00:00:00Z,40\n")
    assert city.get(A).value("pm25") == 50
    assert values(city) == [40, 50]


def test_rows_newest_first_become_history_in_time_order(city: City) -> None:
    """A file that runs backwards leaves the newest reading standing and all in history."""
    bring(city, "station,time,pm25\n" + "".join(f"A,2026-01-{day:02}T00:00:00Z,{day}\n" for day in range(20, 0, -1)))
    assert city.get(A).value("pm25") == 20
    assert values(city) == list(range(1, 21))


def test_constants_enter_history_once(city: City) -> None:
    """Name and source are written with the first row and again only when they change."""
    bring(city)
    trail = city.hub.trail(SYSTEM, A)
    assert sum("name" in entry.attrs for commit in trail for entry in commit.entries) == 1
    assert city.get(A).value("source") == "urn:ngsi-ld:DataSource:readings"


def test_a_jump_is_held_back_and_forgotten_after_a_while(city: City) -> None:
    """A value a hundred times the one before is held back while that is recent; a silence makes it acceptable."""
    text = (
        (city.sources.mappings / "readings.toml")
        .read_text()
        .replace("range =", 'max-factor = 10\nwithin = "PT3H"\nrange =')
    )
    city.map("jumps", text.replace('"readings"', '"jumps"'))
    rows = ["00:00:00Z,5", "01:00:00Z,500", "02:00:00Z,6", "08:00:00Z,500"]
    report = bring(city, "station,time,pm25\n" + "".join(f"A,2026-01-01T{row}\n" for row in rows), "jumps")
    assert report.reasons == {"jump:pm25": 1}
    assert values(city) == [5, 6, 500]
    more = bring(city, "station,time,pm25\nA,2026-01-01T09:00:00Z,3\n", "jumps")
    assert more.reasons == {"jump:pm25": 1}  # The one before is known from the hub.


def test_a_hundred_thousand_bad_rows_stay_few_entities(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad rows above the cap become a few files of rows; every one is counted, kept, and can be replayed."""
    monkeypatch.setattr(intake, "SINGLE_ROWS_MAX", 10)
    lines = [f"S{number % 7},2026-01-01T00:00:{number % 60:02}Z,0.5" for number in range(3000)]
    report = bring(city, "station,time,pm25\n" + "\n".join(lines) + "\n")
    assert (report.accepted, report.quarantined) == (0, 3000)
    held = city.rows()
    assert len(held) == 11
    assert sum(row.value("count", 1) for row in held) == 3000
    city.map("readings", (city.sources.mappings / "readings.toml").read_text().replace("range = [1,", "range = [0.1,"))
    done = city.run(replay_rows(city.sources, STEWARD, Selection(source="readings")))
    assert (done.replayed, done.still_held) == (3000, 0)
    assert {row.value("state") for row in city.rows()} == {"replayed"}
    assert len(city.hub.find(SYSTEM, "AirQualityObserved").entities) == 7


def test_guarded_types_cannot_be_smuggled_in(city: City) -> None:
    """NGSI-LD entities of guarded types end in quarantine, those of this module too."""
    city.source(mapping="ngsi-ld")
    city.hub.own("citizens", {"CitizenReport": "POST /api/reports"})
    body = (
        b'[{"id": "urn:ngsi-ld:DataSource:station", "type": "DataSource", "state": "live"},'
        b'{"id": "urn:x:1", "type": "CitizenReport", "state": "closed"},'
        b'{"id": "urn:x:2", "type": "AirQualityObserved", "pm25": {"value": 3, "observedAt": "2026-01-01T00:00:00Z"}}]'
    )
    report = city.run(push(city.sources, KEY, "station", body, "application/json"))
    assert (report.accepted, report.quarantined) == (1, 2)
    assert report.reasons == {"guarded": 1, "refused": 1}
    assert sorted(city.hub.types(SYSTEM)) == ["AirQualityObserved", "DataSource", "QuarantinedRow", "SourceDay"]
    assert city.get("urn:ngsi-ld:DataSource:station").value("accepted") == 1


def test_rows_of_a_guarded_type_go_through_their_owner(city: City) -> None:
    """A writer given for a type gets its rows; what it refuses goes to quarantine with its reason."""
    got = []

    async def write(actor: object, changes: list[object], reason: str, key: str | None) -> Receipt:
        got.append((changes, key))
        results = [
            Result(one.id, "failed", error=Invalid("no")) if one.id.endswith("B") else Result(one.id, "created")
            for one in changes
        ]  # type: ignore[attr-defined]
        return Receipt(1, NOW, tuple(results))

    city.sources.writers["AirQualityObserved"] = write  # type: ignore[index]
    report = bring(city, "station,time,pm25\nA,2026-01-01T00:00:00Z,5\nB,2026-01-01T00:00:00Z,6\n")
    assert (report.accepted, report.quarantined, report.reasons) == (1, 1, {"refused": 1})
    ((changes, key),) = got
    assert len(changes) == 2
    assert key is not None
    assert key.endswith("AirQualityObserved")
    assert city.rows()[0].value("detail")["value"] == "no"


def test_who_may_bring_data_in(city: City, tmp_path: Path) -> None:
    """Stewards may, a key may where its scope says so; an official, or a key of another source, may not."""
    city.source()
    body = FILE.encode()
    assert city.run(push(city.sources, KEY, "station", body, "text/csv")).accepted == 2
    for who in (OFFICIAL, KEY):
        with pytest.raises(Forbidden):
            city.run(push(city.sources, who, "other", body, "text/csv"))
    with pytest.raises(Missing):
        city.run(push(city.sources, STEWARD, "other", body, "text/csv"))


def test_audit_names_who_brought_the_data(city: City) -> None:
    """The commit of a push is made by the module, on behalf of the key that sent it."""
    city.source()
    city.run(push(city.sources, KEY, "station", FILE.encode(), "text/csv"))
    assert city.hub.trail(SYSTEM, A)[0].actor == "system:sources:key:1"


def test_a_file_goes_on_where_a_crash_left_it(city: City, tmp_path: Path) -> None:
    """An import broken off in the middle and repeated after a restart brings each row in once."""
    rows = "".join(
        f"A,2026-01-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00Z,{number % 900 + 1}\n"
        for number in range(2000)
    )
    path = city.file("big.csv", "station,time,pm25\n" + rows)
    seen = 0

    def stop(report: ImportReport) -> None:
        nonlocal seen
        seen += 1
        if seen == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        city.run(import_file(city.sources, SYSTEM, path, "readings", progress=stop))
    city.run(city.hub.close())
    hub = Hub(tmp_path / "hub", Open())
    again = City(hub, open_sources(hub, tmp_path), tmp_path)
    report = again.run(import_file(again.sources, SYSTEM, path, "readings"))
    assert not report.repeated
    assert len(values(again)) == 2000
    assert again.get("urn:ngsi-ld:DataSource:readings").value("accepted") == 2000
    again.run(hub.close())
    city.hub = Hub(tmp_path / "hub", Open())  # The fixture closes it.


def test_shipped_mappings_lie_in_the_package() -> None:
    """The mappings are files beside the code, so that an operator can read and copy them."""
    assert (SHIPPED / "beijing-air.toml").is_file()


def test_what_a_simulated_source_brings_says_so(city: City) -> None:
    """Entities of a simulated source carry the mark themselves, so that no page can forget it."""
    city.source(simulated=True)
    city.run(push(city.sources, KEY, "station", FILE.encode(), "text/csv"))
    assert city.get(A).value("simulated") is True
