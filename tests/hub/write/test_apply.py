"""What each operation makes of an entity."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.ground.clock import iso
from dothi.ground.errors import Invalid, Missing
from dothi.hub.model import Change, Entity, Logged, Op, prop, rel
from dothi.hub.write.apply import NULL, AlreadyThere, advance, apply

LAMP = Entity("urn:x:lamp", ("Lamp",), {"power": prop(40), "state": prop("on")}, (), 1_000_000, 1_000_000, 1)
NOW = 2_000_000
EARLY, LATE = "2026-11-22T00:00:00Z", "2026-11-22T01:00:00Z"


def do(op: Op, before: Entity | None = LAMP, **fields: Any) -> Any:
    return apply(before, Change(op, "urn:x:lamp", **fields), NOW)


@pytest.mark.parametrize("op", [Op.CREATE, Op.PUT, Op.UPSERT])
def test_what_makes_an_entity_makes_it(op: Op) -> None:
    """Create, put and upsert make an absent entity."""
    out = do(op, None, types=("Lamp",), attrs={"power": prop(1)})
    assert (out.status, out.after.value("power"), out.after.created_at) == ("created", 1, NOW)


@pytest.mark.parametrize("op", [op for op in Op if op not in (Op.CREATE, Op.PUT, Op.UPSERT)])
def test_the_others_need_it_there(op: Op) -> None:
    """Every other operation on an absent entity is Missing."""
    with pytest.raises(Missing, match="does not exist"):
        do(op, None, attrs={"power": prop(1)}, name="power")


def test_create_refuses_what_exists_and_needs_a_type() -> None:
    """Creating twice conflicts; an entity without a type is invalid."""
    with pytest.raises(AlreadyThere):
        do(Op.CREATE, types=("Lamp",))
    with pytest.raises(Invalid, match="no type"):
        do(Op.PUT, None)


def test_replace_forgets_the_rest_but_not_its_birth() -> None:
    """After a replacement only the new attributes are there; createdAt of the entity stays."""
    after = do(Op.REPLACE, types=("Lamp",), attrs={"colour": prop("red")}).after
    assert (set(after.attrs), after.created_at, after.modified_at) == ({"colour"}, 1_000_000, NOW)


def test_append_overwrites_unless_told_not_to() -> None:
    """Append with overwrite replaces what is there; without, it reports it."""
    out = do(Op.APPEND, attrs={"power": prop(60), "colour": prop("red")})
    assert (out.after.value("power"), out.after.value("colour")) == (60, "red")
    out = do(Op.APPEND, attrs={"power": prop(60), "colour": prop("red")}, overwrite=False)
    assert (out.after.value("power"), out.not_updated[0][0]) == (40, "power")


def test_update_touches_only_what_is_there() -> None:
    """Update replaces existing attributes and reports the others."""
    out = do(Op.UPDATE, attrs={"power": prop(60), "colour": prop("red")})
    assert (set(out.after.attrs), out.not_updated[0][0]) == ({"power", "state"}, "colour")
    assert do(Op.UPDATE, attrs={"colour": prop("red")}).status == "unchanged"


def test_partial_update_keeps_the_other_members() -> None:
    """A partial update changes the members given and keeps the rest of the instance."""
    before = Entity(LAMP.id, LAMP.types, {"power": prop(40, EARLY, "WTT")}, (), 1, 1, 1)
    after = do(Op.PARTIAL, before, attrs={"power": {"value": 50}}).after
    instance = after.instance("power")
    assert (instance["value"], instance["unitCode"], instance["observedAt"]) == (50, "WTT", EARLY)
    with pytest.raises(Missing, match="no attribute colour"):
        do(Op.PARTIAL, attrs={"colour": {"value": 1}})


def test_merge_goes_into_objects_and_null_deletes() -> None:
    """Merge changes what is given at any depth; the null URN deletes an attribute or a member."""
    before = Entity(LAMP.id, LAMP.types, {"address": prop({"city": "Huế", "zip": 1}), "power": prop(1)}, (), 1, 1, 1)
    patch = {"address": {"type": "Property", "value": {"zip": NULL}}, "power": prop(NULL)}
    after = do(Op.MERGE, before, attrs=patch).after
    assert after.value("address") == {"city": "Huế"}
    assert "power" not in after.attrs


def test_instances_of_one_attribute_live_side_by_side() -> None:
    """Instances are told apart by datasetId, in appending and in deleting."""
    one, two = prop(1) | {"datasetId": "urn:x:1"}, prop(2) | {"datasetId": "urn:x:2"}
    after = do(Op.APPEND, attrs={"power": [one, two]}).after
    assert len(after.attrs["power"]) == 3
    after = do(Op.DROP, after, name="power", dataset="urn:x:1").after
    assert [one.get("datasetId") for one in after.attrs["power"]] == [None, "urn:x:2"]
    assert "power" not in do(Op.DROP, after, name="power", every=True).after.attrs
    with pytest.raises(Missing):
        do(Op.DROP, name="power", dataset="urn:x:9")


def test_an_older_reading_of_a_source_is_history_only() -> None:
    """With newer_only a reading older by observedAt leaves the state and is kept as late."""
    before = Entity(LAMP.id, LAMP.types, {"power": prop(40, LATE)}, (), 1, 1, 1)
    out = do(Op.UPSERT, before, attrs={"power": prop(30, EARLY)}, newer_only=True)
    assert (out.after, out.status, out.late["power"]["value"]) == (before, "updated", 30)
    assert do(Op.UPSERT, before, attrs={"power": prop(30, EARLY)}).after.value("power") == 30


def test_stamps_tell_each_instance_age() -> None:
    """An updated instance keeps its createdAt, an untouched one its modifiedAt, a new one has the entity's."""
    after = do(Op.APPEND, attrs={"power": prop(60), "colour": prop("red")}).after
    old = iso(1_000_000)
    assert after.instance("power")["createdAt"] == old
    assert "modifiedAt" not in after.instance("power")
    assert after.instance("state")["modifiedAt"] == old
    assert not {"createdAt", "modifiedAt"} & set(after.instance("colour"))


INSTANCE = st.builds(
    lambda value, dataset: prop(value) | ({"datasetId": dataset} if dataset else {}),
    st.integers(0, 3),
    st.sampled_from([None, "urn:d:1", "urn:d:2"]),
)
ATTRS = st.dictionaries(st.sampled_from("abc"), INSTANCE, max_size=3)
CHANGES = st.one_of(
    st.builds(
        lambda op, attrs, late: Change(op, "urn:x:lamp", ("Lamp",), attrs, newer_only=late),
        st.sampled_from([Op.PUT, Op.UPSERT, Op.APPEND, Op.UPDATE, Op.MERGE, Op.REPLACE, Op.CREATE]),
        ATTRS,
        st.booleans(),
    ),
    st.builds(
        lambda name, dataset, every: Change(Op.DROP, "urn:x:lamp", name=name, dataset=dataset, every=every),
        st.sampled_from("abc"),
        st.sampled_from([None, "urn:d:1"]),
        st.booleans(),
    ),
    st.just(Change(Op.DELETE, "urn:x:lamp")),
)


@given(st.lists(CHANGES, max_size=12))
def test_the_log_is_the_truth(changes: list[Change]) -> None:
    """Replaying what the log keeps of any run of changes gives the very state that the changes gave."""
    state: Entity | None = None
    replayed: Entity | None = None
    for step, change in enumerate(changes):
        at = (step + 1) * 1_000_000
        try:
            out = apply(state, change, at)
        except (Missing, AlreadyThere, Invalid):
            continue
        if out.status == "unchanged":
            continue
        version = out.after.version if out.after else 0
        types = (out.after or state).types  # type: ignore[union-attr]
        entry = Logged(
            change.id,
            out.status,
            types,
            version,
            out.written,
            tuple(out.dropped),
            out.late,
            out.whole,
            out.scope,
        )
        state, replayed = out.after, advance(replayed, entry, at)
        assert replayed == state


def test_a_relationship_is_an_attribute_like_others() -> None:
    """Relationships follow the same rules."""
    assert do(Op.APPEND, attrs={"near": rel("urn:x:2")}).after.value("near") == "urn:x:2"
