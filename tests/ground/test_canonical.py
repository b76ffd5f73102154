"""Canonical JSON gives one hash to one value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.ground.canonical import canonical, sha256
from dothi.ground.errors import Invalid

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    # No surrogates: they are no text.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def test_the_example_of_the_rfc() -> None:
    """The example of RFC 8785 section 3.2.2 comes out as in section 3.2.3."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical(value).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


@given(JSON)
def test_canonical_is_stable(value: object) -> None:
    """Reading canonical bytes and writing them again changes nothing."""
    assert canonical(json.loads(canonical(value))) == canonical(value)


def test_key_order_does_not_matter() -> None:
    """Two ways to write one object have one hash."""
    assert sha256({"a": 1, "đ": [2]}) == sha256({"đ": [2.0], "a": 1.0})
    assert len(sha256({})) == 64


def test_a_huge_integer_stands_as_its_double() -> None:
    """An integer that no double holds is hashed as the nearest one."""
    assert canonical([2**63, {"x": 10**20}]) == b'[9223372036854776000,{"x":100000000000000000000}]'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1: 2}, object(), 10**400])
def test_what_is_no_json_is_invalid(value: object) -> None:
    """NaN, infinity, lone surrogates, keys that are no strings and foreign objects are refused."""
    with pytest.raises(Invalid):
        canonical({"x": value} if not isinstance(value, dict) else value)
