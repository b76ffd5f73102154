"""The policy of data: what is shipped holds together, and what does not is refused in a sentence."""

from collections.abc import Callable
from typing import Any

import pytest

from dothi.ground.errors import Invalid
from dothi.hub.model import Actor
from dothi.hub.vocabulary import NOUNS
from dothi.office.lifecycle.rules import KIND, parse, policy_at, shipped
from dothi.office.rules import adopt
from dothi.office.rules.overlay import overlay
from tests.office.lifecycle.conftest import HUE, THUAN_HOA, City

ADMINISTRATOR = Actor("user:admin", frozenset({"administrator"}))
DECISION = "Quyết định 12/QĐ-UBND (mẫu)"
DAY = "2030-01-01"
ONE = {"id": "x", "vi": "X", "types": ["Bench"], "access": "own", "importance": "other", "from": "changed", "days": 9}
CLASS = {**ONE, "then": "destroy", "approver": "leader"}


def test_what_is_shipped_covers_every_noun_and_is_a_sample() -> None:
    """Each type of the vocabulary has its class; each class says that it is a sample and on what it rests."""
    policy = parse(shipped())
    assert {kind for kind in NOUNS if policy.of_type(kind) is None} == set()
    assert all(one.sample and "mẫu" in one.names["vi"] and one.basis for one in policy.classes)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{**CLASS, "id": "again", "types": ["Message"]}], "messages and again both cover Message"),
        ([{"id": "records", "removed": True}], "No class covers"),
        ([{"id": "reports", "days": 100}], "asks for at least 730"),
        ([{**CLASS, "days": 0}], "days is a whole number"),
        ([{**CLASS, "then": "burn"}], "then is one of keep, archive, destroy"),
        ([{**CLASS, "access": "secret"}], "access is one of open, shared, own"),
        ([{**CLASS, "importance": "core"}], "core data"),
        ([{**CLASS, "attributes": ["pm25"]}], "runs from observed"),
        ([{**CLASS, "colour": "red"}], "“colour” is no field"),
    ],
)
def test_what_does_not_hold_together_is_refused(rows: list[dict[str, Any]], sentence: str) -> None:
    """Overlaps, gaps, times below the minimum and misspelt words each get a sentence that names the class."""
    with pytest.raises(Invalid, match=sentence):
        parse(overlay(shipped(), {"class": rows}))


def test_a_class_for_some_attributes_lies_within_a_wider_one() -> None:
    """The past of one attribute may end sooner than the rest of the type; named twice it is refused."""
    own = {**CLASS, "types": ["AirQualityObserved"], "attributes": ["pm25"], "from": "observed"}
    policy = parse(overlay(shipped(), {"class": [own]}))
    assert policy.of_type("AirQualityObserved") is policy.classes[0]
    with pytest.raises(Invalid, match="both cover"):
        parse(overlay(shipped(), {"class": [own, {**own, "id": "y"}]}))


def test_a_commune_keeps_longer_never_shorter_than_the_level_above_demands(in_city: Callable[..., Any]) -> None:
    """A province states a minimum; the commune may lengthen, and neither undercut nor drop it."""

    async def story(city: City) -> None:
        rules = city.life.rules
        minimum = '[[minimum]]\nid = "messages"\ntypes = ["Message"]\ndays = 300\nbasis = "Văn bản mẫu"\n'
        await adopt(rules, ADMINISTRATOR, KIND, HUE, DAY, minimum, DECISION)
        longer, shorter = (f'[[class]]\nid = "messages"\ndays = {days}\n' for days in (400, 200))
        with pytest.raises(Invalid, match="at least 300"):
            await adopt(rules, ADMINISTRATOR, KIND, THUAN_HOA, DAY, shorter, DECISION)
        dropped = '[[minimum]]\nid = "messages"\nremoved = true\n'
        with pytest.raises(Invalid, match="is set above"):
            await adopt(rules, ADMINISTRATOR, KIND, THUAN_HOA, DAY, dropped + shorter, DECISION)
        await adopt(rules, ADMINISTRATOR, KIND, THUAN_HOA, DAY, longer, DECISION)
        more = minimum.replace("300", "500") + longer.replace("400", "600")
        with pytest.raises(Invalid, match=r"Thuận Hóa.*no longer fit"):
            await adopt(rules, ADMINISTRATOR, KIND, HUE, "2030-01-02", more, DECISION)
        at = 1_900_000_000_000_000
        days = [next(one.days for one in policy_at(rules, unit, at).classes if one.id == "messages")
                for unit in (None, HUE, THUAN_HOA)]  # fmt: skip
        assert days == [365, 365, 400]

    in_city(story)
