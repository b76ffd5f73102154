"""How one table of rules is laid over another: what is said above wins, what is not said stays."""

from collections.abc import Mapping, Sequence
from typing import Any

KEY = "id"  # Rows of a list of tables are the same row when they have the same id.
REMOVED = "removed"


def overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`below` with all that `above` says.

    Tables are laid over each other key by key. Lists of tables with an `id` go row by row: a known id is changed in
    its place, a new one comes after, and a row that says `removed = true` goes. Any other value is replaced.
    """
    return {**below, **{name: _laid(below.get(name), value) for name, value in above.items()}}


def _laid(below: Any, above: Any) -> Any:
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        return overlay(below, above)
    if _are_rows(below) and _are_rows(above):
        return _rows(below, above)
    return above


def _are_rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, Mapping) and KEY in row for row in value)


def _rows(below: Sequence[Mapping[str, Any]], above: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rows = {row[KEY]: dict(row) for row in below}
    for row in above:
        rows[row[KEY]] = overlay(rows.get(row[KEY], {}), row)
    return [row for row in rows.values() if not row.get(REMOVED)]


def difference(below: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The least that must be said above `below` for `wanted` to hold; `overlay` of both gives `wanted`.

    What `wanted` does not name at all stays as below, but for rows of a list with ids: one that is missing goes.
    """
    changed = {name: _change(below.get(name), value) for name, value in wanted.items() if below.get(name) != value}
    return {name: value for name, value in changed.items() if value not in ({}, []) or wanted[name] in ({}, [])}


def _change(below: Any, wanted: Any) -> Any:
    if isinstance(below, Mapping) and isinstance(wanted, Mapping):
        return difference(below, wanted)
    if below and _are_rows(below) and _are_rows(wanted):
        return _changed_rows(below, wanted)
    return wanted


def _changed_rows(below: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    before, after = ({row[KEY]: row for row in rows} for rows in (below, wanted))
    gone = [{KEY: key, REMOVED: True} for key in before if key not in after]
    changed = [
        {KEY: key, **difference(before.get(key, {}), row)} for key, row in after.items() if before.get(key) != row
    ]
    return changed + gone
