"""Laying rules over rules, and finding the least that must be said."""

from hypothesis import given
from hypothesis import strategies as st

from dothi.office.rules.overlay import difference, overlay

VALUES = st.one_of(st.integers(0, 3), st.booleans(), st.text("ab", max_size=2), st.lists(st.integers(0, 3), max_size=2))
ROWS = st.lists(
    st.fixed_dictionaries({"id": st.sampled_from("abcd"), "x": VALUES}), max_size=4, unique_by=lambda r: r["id"]
)
TABLES = st.fixed_dictionaries(
    {
        "limits": st.fixed_dictionaries({"photos": VALUES, "passes": VALUES}),
        "rows": ROWS,
        "words": st.lists(st.text("ab")),
    }
)


@given(TABLES, TABLES)
def test_the_difference_laid_over_gives_what_was_wanted(below: dict, wanted: dict) -> None:  # type: ignore[type-arg]
    """Whatever stands below, laying the difference over it gives what was wanted, row by row."""
    laid = overlay(below, difference(below, wanted))
    assert {row["id"]: row for row in laid.pop("rows")} == {row["id"]: row for row in wanted["rows"]}
    assert laid == {name: value for name, value in wanted.items() if name != "rows"}


@given(TABLES)
def test_nothing_is_said_where_nothing_differs(tables: dict) -> None:  # type: ignore[type-arg]
    """The difference of a table to itself is empty."""
    assert difference(tables, tables) == {}
