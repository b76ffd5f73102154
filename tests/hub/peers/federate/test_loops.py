"""Cutting loops by the Via header (clauses 4.3.6.4 and 6.3.18)."""

from dothi.hub.peers.federate.loops import alias_for, alias_of, onward, passed


def test_an_alias_is_a_token_made_of_the_public_address() -> None:
    """Two hubs at two addresses have two aliases, and a path or port does no harm to the header."""
    assert alias_of("https://hue.example.vn") == "dothi-hue.example.vn"
    assert alias_of("http://127.0.0.1:8000") == "dothi-127.0.0.1-8000"


def test_each_tenant_is_a_source_of_its_own() -> None:
    """The alias names the tenant (table 5.2.40-1); the default tenant has the bare alias."""
    assert alias_for("dothi-a", "") == "dothi-a"
    assert alias_for("dothi-a", "hue") == "dothi-a~hue"


def test_aliases_are_read_in_the_order_of_the_way() -> None:
    """Via lists protocol and pseudonym, with a comment at times; the pseudonym alone would do as well."""
    assert passed({"via": "1.1 one, HTTP/1.1 two (dothi), three"}) == ("one", "two", "three")
    assert passed({}) == ()


def test_a_hub_adds_itself_at_the_end() -> None:
    """The header that goes on holds all that came, then the own alias."""
    assert onward({"via": "1.1 one"}, "two") == "1.1 one, 1.1 two"
    assert onward({}, "two") == "1.1 two"
