"""Cutting loops by the Via header (clauses 4.3.6.4 and 6.3.18)."""

from pathlib import Path

from dothi.hub.peers.federate.loops import alias_of, name_of, passed, via


def test_a_hub_keeps_its_name(tmp_path: Path) -> None:
    """The pseudonym is made once and stays; another hub has another."""
    (tmp_path / "other").mkdir()
    assert name_of(tmp_path) == name_of(tmp_path) != name_of(tmp_path / "other")


def test_each_tenant_is_a_source_of_its_own() -> None:
    """The alias names the tenant (table 5.2.40-1); the default tenant has the bare name."""
    assert alias_of("dothi-a", "") == "dothi-a"
    assert alias_of("dothi-a", "hue") == "dothi-a~hue"


def test_those_that_were_passed_are_read_from_via() -> None:
    """Via lists protocol and pseudonym, with a comment at times (RFC 9110, 7.6.3)."""
    assert passed("1.1 one, HTTP/1.1 two (dothi)") == {"one", "two"}
    assert passed(None) == frozenset()


def test_a_hub_adds_itself_at_the_end() -> None:
    """The header that goes on holds all that came, then the own alias."""
    assert via("1.1 one", "two") == "1.1 one, 1.1 two"
    assert via(None, "two") == "1.1 two"
