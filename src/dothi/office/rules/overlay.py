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
