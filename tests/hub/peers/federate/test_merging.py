"""Joining what several sources say (clauses 4.5.5.2, 4.5.5.3, 4.3.6.2 and 5.7.1.4)."""

from typing import Any

from dothi.ground.clock import from_iso, iso
from dothi.hub.model import Attribute, Entity, instances, prop
from dothi.hub.peers.federate.answer.merging import Part, join

NOW = from_iso("2026-11-22T00:00:00Z")
HOUR = 3600 * 1_000_000


def said(fills: bool = False, modified: int = NOW, expires: int = 0, **attrs: Attribute) -> Part:
    entity = Entity("urn:e:1", ("Sensor",), attrs, (), modified, modified, 1, expires_at=expires)
    return Part(entity, "urn:r", fills)


def value(entity: Entity | None, name: str) -> Any:
    assert entity is not None
    return entity.value(name)


def test_attributes_of_all_sources_are_united() -> None:
    """An entity that is split between sources is one again, with the types and scopes of both."""
    other = Entity("urn:e:1", ("Device",), {"b": prop(2)}, ("/VN",), NOW - HOUR, NOW, 1)
    joined = join([said(a=prop(1)), Part(other)], NOW)
    assert joined is not None
    assert (joined.types, joined.scope, sorted(joined.attrs)) == (("Sensor", "Device"), ("/VN",), ["a", "b"])
    assert (joined.created_at, joined.modified_at) == (NOW - HOUR, NOW)


def test_the_instance_observed_last_counts_wherever_it_comes_from() -> None:
    """The attribute observedAt decides, also against a later modifiedAt and against the order of coming."""
    old, new = prop(1, iso(NOW - 2 * HOUR)), prop(2, iso(NOW - HOUR))
    assert value(join([said(modified=NOW, a=old), said(modified=NOW - HOUR, a=new)], NOW), "a") == 2
    assert value(join([said(a=new), said(a=old)], NOW), "a") == 2


def test_an_observed_instance_goes_before_one_that_is_not() -> None:
    """The most recent observedAt is looked at first, modifiedAt only where there is none."""
    observed = prop(1, iso(NOW - HOUR))
    assert value(join([said(modified=NOW, a=prop(2)), said(modified=NOW - HOUR, a=observed)], NOW), "a") == 1


def test_without_observed_at_the_instance_changed_last_counts() -> None:
    """An instance without a stamp of its own was changed when its entity was."""
    own = {**prop(3), "modifiedAt": iso(NOW + HOUR)}
    assert value(join([said(modified=NOW - HOUR, a=prop(1)), said(modified=NOW, a=prop(2))], NOW), "a") == 2
    assert value(join([said(modified=NOW, a=prop(2)), said(modified=0, a=own)], NOW), "a") == 3


def test_instances_with_different_datasets_stand_side_by_side() -> None:
    """Only instances with the same datasetId (none counts too) are in conflict."""
    gps = {**prop(9), "datasetId": "urn:ds:gps"}
    joined = join([said(modified=NOW, a=prop(1)), said(modified=NOW, a=[prop(2), gps])], NOW)
    assert joined is not None
    assert [one["value"] for one in instances(joined.attrs["a"])] == [1, 9]


def test_an_auxiliary_source_fills_and_never_overrides() -> None:
    """Its attribute counts only where nobody else has one, however recent it is."""
    joined = join([said(a=prop(1, iso(NOW - HOUR))), said(fills=True, a=prop(2, iso(NOW)), b=prop(3))], NOW)
    assert (value(joined, "a"), value(joined, "b")) == (1, 3)
    assert value(join([said(fills=True, a=prop(2))], NOW), "a") == 2


def test_a_version_that_has_expired_is_discarded() -> None:
    """Of an entity whose every version has expired there is nothing."""
    over = said(expires=NOW - 1, a=prop(1))
    assert join([over], NOW) is None
    assert value(join([over, said(b=prop(2))], NOW), "a") is None


def test_an_instance_expires_no_later_than_its_entity() -> None:
    """The entity's expiresAt is handed down (clause 4.5.5.2), and an instance past its own is discarded."""
    late = {**prop(1), "expiresAt": iso(NOW + 5 * HOUR)}
    gone = {**prop(2), "expiresAt": iso(NOW - HOUR)}
    joined = join([said(expires=NOW + HOUR, a=late, b=prop(3)), said(c=gone, d=prop(4))], NOW)
    assert joined is not None
    assert instances(joined.attrs["a"])[0]["expiresAt"] == iso(NOW + HOUR)
    assert instances(joined.attrs["b"])[0]["expiresAt"] == iso(NOW + HOUR)
    assert "c" not in joined.attrs
    assert "expiresAt" not in instances(joined.attrs["d"])[0]


def test_an_entity_keeps_its_expiry_only_where_all_versions_have_one() -> None:
    """The furthest of all counts; one version without any makes it permanent (clause 4.5.5.3)."""
    one, two = said(expires=NOW + HOUR, a=prop(1)), said(expires=NOW + 2 * HOUR, b=prop(2))
    both, lasting = join([one, two], NOW), join([one, two, said(c=prop(3))], NOW)
    assert both is not None
    assert lasting is not None
    assert (both.expires_at, lasting.expires_at) == (NOW + 2 * HOUR, 0)


def test_what_is_known_here_alone_stays_as_it_is() -> None:
    """Without another source nothing is copied."""
    alone = Entity("urn:e:1", ("Sensor",), {"a": prop(1)}, (), NOW, NOW, 1)
    assert join([Part(alone)], NOW) is alone
