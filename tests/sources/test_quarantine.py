"""The quarantine: rows are listed, corrected, replayed and dismissed by stewards, and by nobody else."""

import pytest

from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.language.nodes import Window
from dothi.hub.model import Entity, Receipt, Result
from dothi.sources.model import FAULTS, SYSTEM, explain
from dothi.sources.quarantine import Selection, correct_row, dismiss_rows, list_rows, replay_rows
from dothi.sources.service import push
from tests.sources.conftest import KEY, NOW, OFFICIAL, READINGS, STEWARD, City

BODY = (
    b"station,time,pm25\n"
    b"A,2026-11-22T07:00:00Z,0.030\nA,2026-11-22T07:01:00Z,0.040\nA,2026-11-22T07:02:00Z,50\nB,never,7\n"
)
A = "urn:ngsi-ld:AirQualityObserved:A"


@pytest.fixture
def filled(city: City) -> City:
    """A city whose source sent two readings in a wrong unit, a good one, and one without a time."""
    city.source()
    city.run(push(city.sources, KEY, "station", BODY, "text/csv", now=NOW))
    return city


def row(city: City, line: int) -> Entity:
    """The quarantined row of a line."""
    return next(one for one in city.rows() if one.value("line") == line)


def test_rows_are_listed_with_their_reason_in_words(filled: City) -> None:
    """The list filters by source, reason and state, counts all, and says the reason in Vietnamese or English."""
    page = list_rows(filled.sources, STEWARD, Selection(source="station", reason="range:pm25"), limit=1)
    assert page.total == 2
    assert len(page.rows) == 1
    assert page.rows[0].text == "pm25 = 0,03 nằm ngoài khoảng 1 đến 1.000 GQ: sai đơn vị?"
    english = list_rows(filled.sources, STEWARD, Selection(), language="en").rows
    assert english[-1].text == "observedAt: “never” is not a time"
    assert list_rows(filled.sources, STEWARD, Selection(source="other")).total == 0


def test_a_corrected_row_goes_in(filled: City) -> None:
    """An edited row is written with its own time, its entry is closed, and it cannot be corrected again."""
    wrong = row(filled, 2)
    view = filled.run(correct_row(filled.sources, STEWARD, wrong.id, {"pm25": "30"}, NOW))
    assert (view.state, view.row["pm25"]) == ("replayed", "30")
    history = filled.hub.history(SYSTEM, A, ("pm25",))["pm25"]
    assert [(one["observedAt"], one["value"]) for one in history] == [
        ("2026-11-22T07:00:00Z", 30),
        ("2026-11-22T07:02:00Z", 50),
    ]
    assert filled.get(A).value("pm25") == 50  # Late data does not rewrite what stands.
    assert filled.hub.trail(SYSTEM, wrong.id)[0].actor == "system:sources:user:lan"
    assert (
        filled.hub.history(SYSTEM, wrong.id, window=Window(attribute="modifiedAt"))["row"][0]["json"]["pm25"] == "0.030"
    )
    with pytest.raises(Conflict):
        filled.run(correct_row(filled.sources, STEWARD, wrong.id, {"pm25": "30"}, NOW))


def test_a_row_that_still_fails_changes_nothing(filled: City) -> None:
    """A correction that breaks the mapping again is refused with the reason, and the row stays open as it was."""
    wrong, seq = row(filled, 2), filled.hub.last_seq()
    with pytest.raises(Invalid, match="not a number"):
        filled.run(correct_row(filled.sources, STEWARD, wrong.id, {"pm25": "much"}, NOW))
    assert filled.hub.last_seq() == seq
    with pytest.raises(Missing):
        filled.run(correct_row(filled.sources, STEWARD, A, {}, NOW))


def test_rows_are_replayed_after_the_mapping_was_mended(filled: City) -> None:
    """Replaying by source and reason brings in what the mended mapping accepts, once; the rest stays open."""
    filled.map("readings", READINGS.replace('unit = "GQ"', 'unit = "GQ"\nfrom-unit = "GP"').replace("1000]", "100000]"))
    chosen = Selection(source="station", reason="range:pm25")
    report = filled.run(replay_rows(filled.sources, STEWARD, chosen, now=NOW))
    assert (report.replayed, report.still_held) == (2, 0)
    again = filled.run(replay_rows(filled.sources, STEWARD, chosen, now=NOW))
    assert (again.replayed, again.still_held) == (0, 0)
    assert [one["value"] for one in filled.hub.history(SYSTEM, A, ("pm25",))["pm25"]] == [30, 40, 50]
    rest = filled.run(replay_rows(filled.sources, STEWARD, Selection(source="station"), now=NOW))
    assert (rest.replayed, rest.reasons) == (0, {"not-a-time:observedAt": 1})
    source = filled.get("urn:ngsi-ld:DataSource:station")
    assert (source.value("accepted"), source.value("quarantined")) == (3, 3)


def test_rows_can_be_replayed_through_another_mapping(filled: City) -> None:
    """A mapping made for the rows of a bad day is named in the replay, and the source keeps its own."""
    filled.map(
        "milligrams",
        READINGS.replace('"readings"', '"milligrams"').replace('unit = "GQ"', 'unit = "GQ"\nfrom-unit = "GP"'),
    )
    report = filled.run(replay_rows(filled.sources, STEWARD, Selection(reason="range:pm25"), "milligrams", NOW))
    assert report.replayed == 2


def test_dismissed_rows_stay_in_the_record(filled: City) -> None:
    """Rows are dismissed with a reason; they are no longer open and were not brought in."""
    with pytest.raises(Invalid):
        filled.run(dismiss_rows(filled.sources, STEWARD, Selection(source="station"), " "))
    assert filled.run(dismiss_rows(filled.sources, STEWARD, Selection(source="station"), "cảm biến hỏng")) == 3
    assert list_rows(filled.sources, STEWARD, Selection()).total == 0
    assert list_rows(filled.sources, STEWARD, Selection(state="dismissed")).total == 3
    assert len(filled.hub.history(SYSTEM, A, ("pm25",))["pm25"]) == 1


def test_a_row_that_its_owner_refuses_stays_open(filled: City) -> None:
    """When the owner of a guarded type refuses one of the replayed rows, the others still go in."""
    got = []

    async def write(actor, changes, reason, key):  # type: ignore[no-untyped-def]
        got.extend(changes)
        refused = Invalid("closed since")
        return Receipt(
            1,
            NOW,
            tuple(
                Result(one.id, "failed", error=refused)
                if one.attrs["pm25"]["value"] == 40
                else Result(one.id, "updated")
                for one in changes
            ),
        )

    filled.sources.writers["AirQualityObserved"] = write  # type: ignore[index]
    filled.map("readings", READINGS.replace('unit = "GQ"', 'unit = "GQ"\nfrom-unit = "GP"'))
    report = filled.run(replay_rows(filled.sources, STEWARD, Selection(reason="range:pm25"), now=NOW))
    assert (report.replayed, report.reasons) == (1, {"refused": 1})
    assert row(filled, 3).value("state") == "open"


def test_only_stewards_see_and_handle_rows(filled: City) -> None:
    """An official or a key may neither list, correct, replay nor dismiss: raw rows may name people."""
    wrong = row(filled, 2).id
    for who in (OFFICIAL, KEY):
        with pytest.raises(Forbidden):
            list_rows(filled.sources, who, Selection())
        for verb in (
            correct_row(filled.sources, who, wrong, {}),
            replay_rows(filled.sources, who, Selection()),
            dismiss_rows(filled.sources, who, Selection(), "x"),
        ):
            with pytest.raises(Forbidden):
                filled.run(verb)
        with pytest.raises(Missing):
            filled.hub.get(who, wrong)


def test_every_fault_has_its_words() -> None:
    """Each reason can be said in both languages, also with nothing known beside its code."""
    for code in FAULTS:
        assert explain(code)
        assert explain(code, "pm25", {}, "en") != code
