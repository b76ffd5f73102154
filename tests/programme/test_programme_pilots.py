"""Pilots: a dossier that is clear, a life by one table, and the gate before any scale-up."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from dothi.ground.errors import Conflict, Forbidden, Invalid
from dothi.hub.model import Commit, create, prop, rel
from dothi.programme.law import keep_provision
from dothi.programme.model import Provision
from dothi.programme.pilots import service
from dothi.programme.pilots.model import GateClosed, IllegalMove, NewPilot, State
from dothi.programme.pilots.workflow import NEXT, Verb
from tests.programme.conftest import COMMUNE, NOW, OFFICER, OFFICIAL, Town

STOP = "Có tai nạn liên quan"


@pytest.fixture
def lab(town: Town) -> Town:
    service.own(town.programme)
    return town


def dossier(**changed: Any) -> NewPilot:
    said = NewPilot(
        title="Đèn thông minh đường Lê Lợi (mẫu)",
        kind="technology",
        place="Đường Lê Lợi",
        unit=COMMUNE,
        lead=COMMUNE,
        begins="2026-12-01",
        ends="2027-05-31",
        indicators=(("Điện năng mỗi đêm", "giảm 30 %"),),
        stops=(STOP, "Chi phí vượt 20 %"),
        exit="Tháo thiết bị, trả lại đèn cũ",
    )
    return replace(said, **changed)


def proposed(town: Town) -> str:
    return town.run(service.propose_pilot(town.programme, OFFICER, dossier()))


def test_the_whole_life_to_scale_up(lab: Town) -> None:
    """Proposed, run, watched, ended, reviewed: only then the gate opens, and the lesson stands in the library."""
    here, name = lab.programme, proposed(lab)
    communes = ("19753", "19777")

    def scale() -> str:
        return lab.run(service.scale_up(here, OFFICER, name, "Thêm hai phường", communes, NOW))

    for step in (
        lambda: service.start(here, OFFICER, name),
        lambda: service.note(here, OFFICER, name, "Tháng đầu: giảm 28 %", NOW),
        lambda: service.end(here, OFFICER, name),
        lambda: service.review(here, OFFICER, name, "Lắp cảm biến trước", "adapt", NOW),
    ):
        with pytest.raises(GateClosed) as closed:
            scale()
        assert closed.value.fields["gate"] == "open_review"
        lab.run(step())
    assert service.scale_ups(here, OFFICER, name) == []
    made = scale()
    assert [one.id for one in service.scale_ups(here, OFFICER, name)] == [made]
    assert [one.lessons for one in service.lessons(here, OFFICER)] == ["Lắp cảm biến trước"]
    pilot = service.one_pilot(here, OFFICER, name)
    assert (pilot.state, pilot.notes[0].words) == (State.CLOSED, "Tháng đầu: giảm 28 %")
    assert lab.hub.get(OFFICER, name).value("open") is False


def test_no_way_around_the_gate(lab: Town) -> None:
    """A generic write of a scale-up is refused: the verb is the only way."""
    name = proposed(lab)
    forged = create("urn:ngsi-ld:ScaleUp:x", "ScaleUp", pilot=rel(name), title=prop("Lách"), unit=prop(COMMUNE))
    with pytest.raises(Forbidden):
        lab.run(lab.hub.commit(Commit(OFFICER, (forged,))))


def test_an_abandoned_pilot_is_not_scaled(lab: Town) -> None:
    """A review that says no keeps the gate shut; a pilot is stopped by one of its own conditions only."""
    here, name = lab.programme, proposed(lab)
    lab.run(service.start(here, OFFICER, name))
    with pytest.raises(Invalid):
        lab.run(service.stop(here, OFFICER, name, "Không thích"))
    lab.run(service.stop(here, OFFICER, name, STOP, "ngày 3/2"))
    lab.run(service.review(here, OFFICER, name, "Không an toàn", "abandon", NOW))
    with pytest.raises(GateClosed) as closed:
        lab.run(service.scale_up(here, OFFICER, name, "Vẫn làm", (COMMUNE,), NOW))
    assert closed.value.fields["gate"] == "abandoned"
    assert isinstance(closed.value, Conflict)
    assert service.one_pilot(here, OFFICER, name).reason == f"{STOP}: ngày 3/2"


def moves(town: Town, name: str) -> dict[Verb, Any]:
    here = town.programme
    return {
        Verb.START: lambda: service.start(here, OFFICER, name),
        Verb.NOTE: lambda: service.note(here, OFFICER, name, "x", NOW),
        Verb.STOP: lambda: service.stop(here, OFFICER, name, STOP),
        Verb.END: lambda: service.end(here, OFFICER, name),
        Verb.REVIEW: lambda: service.review(here, OFFICER, name, "x", "scale", NOW),
    }


PATHS = {
    State.PROPOSED: (),
    State.RUNNING: (Verb.START,),
    State.STOPPED: (Verb.START, Verb.STOP),
    State.ENDED: (Verb.START, Verb.END),
    State.CLOSED: (Verb.START, Verb.END, Verb.REVIEW),
}


def test_every_move_that_the_table_does_not_know_is_refused(lab: Town) -> None:
    """For each state, each verb either leads where the table says or is refused and changes nothing."""
    for state, verb in itertools.product(State, Verb):
        name = proposed(lab)
        for step in PATHS[state]:
            lab.run(moves(lab, name)[step]())
        if (state, verb) in NEXT:
            lab.run(moves(lab, name)[verb]())
        else:
            with pytest.raises(IllegalMove):
                lab.run(moves(lab, name)[verb]())
        assert service.one_pilot(lab.programme, OFFICER, name).state is NEXT.get((state, verb), state)


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("title", {"title": ""}),
        ("place", {"place": " "}),
        ("kind", {"kind": "magic"}),
        ("unit", {"unit": "99999"}),
        ("begins", {"begins": "1/12/2026"}),
        ("ends", {"ends": "2026-11-01"}),
        ("indicators", {"indicators": ()}),
        ("indicators", {"indicators": (("Điện", ""),)}),
        ("stops", {"stops": ()}),
        ("exit", {"exit": ""}),
        ("waived", {"waived": "urn:ngsi-ld:LegalBasis:none"}),
    ],
)
def test_a_dossier_that_is_not_clear(lab: Town, field: str, changed: dict[str, Any]) -> None:
    """Each part of the dossier that is missing or wrong is named, and nothing is written."""
    with pytest.raises(Invalid) as refused:
        lab.run(service.propose_pilot(lab.programme, OFFICER, dossier(**changed)))
    assert refused.value.fields["field"] == field
    assert service.pilots(lab.programme, OFFICER) == []


def test_a_waived_rule_is_a_legal_basis(lab: Town) -> None:
    """The rule that is waived is a place in the law that is kept here; an official of a commune proposes no pilot."""
    basis = lab.run(keep_provision(lab.programme, OFFICER, Provision("269/2025/NĐ-CP", 27, 2)))
    name = lab.run(service.propose_pilot(lab.programme, OFFICER, dossier(waived=basis)))
    assert service.one_pilot(lab.programme, OFFICER, name).waived == basis
    with pytest.raises(Forbidden):
        lab.run(service.propose_pilot(lab.programme, OFFICIAL, dossier()))
