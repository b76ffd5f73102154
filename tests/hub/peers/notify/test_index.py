"""The index of subscriptions: whatever their number, a change finds those that it may concern, and no others."""

import time

from dothi.hub.context import CORE
from dothi.hub.language.types import parse_types
from dothi.hub.model import ANONYMOUS
from dothi.hub.peers.notify.documents.compiling import compiled, kept
from dothi.hub.peers.notify.index import Index, anchors
from dothi.hub.peers.notify.model import Subscription
from dothi.hub.peers.records import Record
from tests.hub.peers.notify.hearing import subscription

MANY = 10_000


def made(name: str, **members: object) -> Subscription:
    """A compiled subscription."""
    document = subscription("http://127.0.0.1:9/", id=f"urn:x:{name}", **members)
    return compiled(Record(f"urn:x:{name}", "", kept(document, CORE, ""), ANONYMOUS, 0, 0, 0))


def found(index: Index, entity_id: str, types: tuple[str, ...], names: tuple[str, ...]) -> list[str]:
    """Names of the candidates; the quick question must agree with them."""
    some = [one.id.removeprefix("urn:x:") for one in index.candidates("", entity_id, types, names)]
    assert index.interested("", entity_id, types, names) is bool(some)
    return some


def test_candidates_are_found_by_id_type_and_attribute() -> None:
    """Each subscription stands where its selectors and watched attributes put it, until it is dropped."""
    index = Index()
    index.put(made("type"))
    index.put(made("attribute", watchedAttributes=["pm"]))
    index.put(made("id", entities=[{"type": "Sensor", "id": "urn:e:1"}]))
    index.put(made("any", entities=None, watchedAttributes=["no2"]))
    index.put(made("either", entities=[{"type": "(Sensor;Old)|Lamp"}]))
    assert found(index, "urn:e:1", ("Sensor",), ("pm",)) == ["id", "type", "either", "attribute"]
    assert found(index, "urn:e:2", ("Sensor",), ("x",)) == ["type", "either"]
    assert found(index, "urn:e:2", ("Lamp",), ("no2",)) == ["either", "any"]
    assert found(index, "urn:e:2", ("Other",), ("x",)) == []
    index.put(made("type", entities=[{"type": "Other"}]))
    assert found(index, "urn:e:2", ("Sensor",), ("x",)) == ["either"]
    index.drop(("", "urn:x:attribute"))
    assert "attribute" not in found(index, "urn:e:1", ("Sensor",), ("pm",))
    for name in ("type", "id", "any", "either"):
        index.drop(("", f"urn:x:{name}"))
    assert (len(index), found(index, "urn:e:1", ("Sensor",), ("pm",))) == (0, [])


def test_anchors_are_types_that_one_must_have() -> None:
    """Of alternatives each is an anchor, of types that go together one suffices."""
    assert anchors(parse_types("(Sensor;Old)|Lamp")) == {"Sensor", "Lamp"}


def test_ten_thousand_that_match_none_cost_a_look_up() -> None:
    """With 10,000 subscriptions to other ids, types and attributes the question takes some microseconds at most."""
    index = Index()
    for number in range(MANY // 2):
        index.put(made(f"a{number}", entities=[{"type": "Sensor", "id": f"urn:e:{number}"}]))
        index.put(made(f"b{number}", entities=[{"type": "Sensor"}], watchedAttributes=[f"other{number}"]))
    begun = time.perf_counter()
    for number in range(1000):
        assert not index.interested("", f"urn:f:{number}", ("Sensor",), ("pm", "no2"))
    assert (time.perf_counter() - begun) / 1000 < 50e-6
