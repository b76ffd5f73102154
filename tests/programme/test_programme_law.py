"""Provisions are cited and ordered as Vietnamese law does it, and are in force from their first day to their last."""

import pytest

from dothi.ground.errors import Forbidden, Invalid
from dothi.hub.model import Commit, create, prop, system
from dothi.programme import law
from dothi.programme.model import OWNER, Provision
from tests.programme.conftest import OFFICER, OFFICIAL, Town

DECREE = "269/2025/NĐ-CP"


@pytest.mark.parametrize(
    ("provision", "citation"),
    [
        (Provision(DECREE, 6, 2, "đ"), "Điểm đ khoản 2 Điều 6 Nghị định 269/2025/NĐ-CP"),
        (Provision(DECREE, 4, 6), "Khoản 6 Điều 4 Nghị định 269/2025/NĐ-CP"),
        (Provision(DECREE, 23), "Điều 23 Nghị định 269/2025/NĐ-CP"),
        (Provision("72/2025/QH15", 11, 1, "a"), "Điểm a khoản 1 Điều 11 Luật 72/2025/QH15"),
        (Provision("05/2026/TT-BXD", 3), "Điều 3 Thông tư 05/2026/TT-BXD"),
        (Provision("12/KH-UBND", 2), "Điều 2 Kế hoạch 12/KH-UBND"),
        (Provision("Quy ước phường", 2), "Điều 2 Quy ước phường"),
    ],
)
def test_citation(provision: Provision, citation: str) -> None:
    """A citation goes from the smallest part up, with the kind of document that its number tells."""
    assert law.cite(provision) == citation


def test_order_of_points() -> None:
    """Point đ stands after d and before e; ê and w are no points; clauses count as numbers."""
    places = [Provision(DECREE, 6, 2, point) for point in "edđcba"]
    assert [one.point for one in sorted(places, key=lambda one: one.order)] == ["a", "b", "c", "d", "đ", "e"]
    clauses = [Provision(DECREE, 6, clause) for clause in (10, 2)] + [Provision(DECREE, 6)]
    assert [one.clause for one in sorted(clauses, key=lambda one: one.order)] == [None, 2, 10]
    for wrong in ("ê", "w", "dd"):
        with pytest.raises(Invalid):
            Provision(DECREE, 6, 2, wrong)


def test_points_d_and_dd_are_two_provisions() -> None:
    """Letters that lose their stroke in an address still name two provisions."""
    assert law.provision_id(Provision(DECREE, 6, 2, "d")) != law.provision_id(Provision(DECREE, 6, 2, "đ"))


@pytest.mark.parametrize(
    "wrong", [("", 1, None, None), (DECREE, 0, None, None), (DECREE, 1, 0, None), (DECREE, 1, None, "a")]
)
def test_no_such_place(wrong: tuple[str, int, int | None, str | None]) -> None:
    """A document has a number, articles and clauses count from 1, a point stands in a clause."""
    with pytest.raises(Invalid):
        Provision(*wrong)


@pytest.mark.parametrize(
    ("day", "valid"), [("2025-10-13", False), ("2025-10-14", True), ("2026-06-30", True), ("2026-07-01", False)]
)
def test_validity(day: str, valid: bool) -> None:
    """A provision is in force from its first day to its last, both included."""
    assert law.valid_on(Provision(DECREE, 6, valid_from="2025-10-14", valid_to="2026-06-30"), day) is valid


def test_kept_and_read_in_order(town: Town) -> None:
    """Provisions are read in the order of the law, those of a day only when a day is asked for; a repeat corrects."""
    old = Provision("47/2020/NĐ-CP", 1, valid_to="2025-10-21")
    for one in (Provision(DECREE, 6, 2, "e"), Provision(DECREE, 6, 2, "đ"), old, Provision(DECREE, 6, 2, "d")):
        town.run(law.keep_provision(town.programme, OFFICER, one))
    town.run(law.keep_provision(town.programme, OFFICER, Provision(DECREE, 6, 2, "d", "tóm tắt mới")))
    whole = [one for _, one in law.provisions(town.programme, OFFICER)]
    assert [one.point for one in whole] == ["d", "đ", "e", None]
    assert whole[0].summary == "tóm tắt mới"
    assert [one.point for _, one in law.provisions(town.programme, OFFICER, "2026-01-01")] == ["d", "đ", "e"]


def test_who_keeps_the_law(town: Town) -> None:
    """An official reads legal bases and writes none."""
    with pytest.raises(Forbidden):
        town.run(law.keep_provision(town.programme, OFFICIAL, Provision(DECREE, 6)))


def test_shipped_summaries(town: Town) -> None:
    """What is shipped is labelled as a sample and as a summary, and writing it twice changes nothing."""
    town.run(law.keep_sample_provisions(town.programme))
    position = town.hub.last_seq()
    town.run(law.keep_sample_provisions(town.programme))
    shipped = [one for _, one in law.provisions(town.programme, OFFICER)]
    assert town.hub.last_seq() == position
    assert shipped
    assert all(one.sample and "(tóm tắt)" in one.summary for one in shipped)


def test_what_cannot_be_read_hides_nothing_else(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """A provision of another make is left out of the list and told of; the others are there."""
    name = town.run(law.keep_provision(town.programme, OFFICER, Provision(DECREE, 6)))
    odd = create("urn:ngsi-ld:LegalBasis:odd", "LegalBasis", title=prop("?"))
    town.run(town.hub.commit(Commit(system("programme"), (odd,), owner=OWNER)))
    assert [found for found, _ in law.provisions(town.programme, OFFICER)] == [name]
    assert "urn:ngsi-ld:LegalBasis:odd cannot be read" in caplog.text
