"""Which SQL is let in: one SELECT over known views, with nothing that could reach a file, a network or a setting.

Both engines stand behind this one gate, so that a text which one of them takes is never let past the other. The text is
parsed by DuckDB; what is refused here is refused by the locked engine too (engine.py), once more.
"""

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from dothi.ground.errors import Invalid
from dothi.hub.store.query.library import library

if TYPE_CHECKING:
    import duckdb

LONGEST = 100_000  # Characters of one question.
_TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})  # Those that make rows out of values alone.
_SHOWN = 200  # Characters of an engine's own words that are passed on.


def admit(sql: str, views: Iterable[str]) -> str:
    """The text without its closing semicolon. Invalid in one sentence when it is anything but one SELECT over views."""
    text = sql.strip().rstrip(";").strip()
    if not text:
        raise Invalid("The question is empty; give one SELECT.")
    if len(text) > LONGEST:
        raise Invalid(f"The question has {len(text):,} characters; at most {LONGEST:,} are read.")
    with library().connect() as parser:
        _check_kind(parser, text)
        found = parser.execute("SELECT json_serialize_sql(?)", [text]).fetchone()
    assert found is not None
    tree = json.loads(found[0])
    if tree["error"]:
        raise Invalid("Only a plain SELECT is let in: no PIVOT, and nothing that sets or explains.")
    _check_sources(tree, frozenset(name.lower() for name in views))
    return text


def _check_kind(parser: "duckdb.DuckDBPyConnection", text: str) -> None:
    try:
        statements = parser.extract_statements(text)
    except library().Error as wrong:
        raise Invalid(sentence(wrong)) from wrong
    if len(statements) != 1:
        raise Invalid(f"The question holds {len(statements)} statements; give one SELECT.")
    kind = statements[0].type
    if kind != library().StatementType.SELECT:
        raise Invalid(f"This is {kind.name}, which is refused: the history is only read, by one SELECT.")
    if statements[0].named_parameters:
        raise Invalid("The question has parameters (?, $1); write the values into it.")


def _check_sources(tree: Any, views: frozenset[str]) -> None:
    nodes = list(_nodes(tree))
    known = views | {entry["key"].lower() for node in nodes for entry in _named(node)}
    for node in nodes:
        kind = node.get("type")
        if kind == "SHOW_REF":
            raise Invalid("SHOW, DESCRIBE and SUMMARIZE are refused; `dothi query` without SQL lists what there is.")
        if kind == "TABLE_FUNCTION" and node["function"].get("function_name", "").lower() not in _TABLE_FUNCTIONS:
            raise Invalid(f"The function {node['function'].get('function_name')} is refused: {_from(views)}.")
        if kind == "BASE_TABLE":
            path = node["qualified_name"]["path"]
            if len(path) != 1 or path[0].lower() not in known:
                raise Invalid(f"There is no view {'.'.join(path)[:80]}: {_from(views)}.")


def _from(views: frozenset[str]) -> str:
    return f"a question reads from {', '.join(sorted(views))}"


def _named(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The common table expressions that a node begins with."""
    held = node.get("cte_map")
    return held.get("map", []) if isinstance(held, dict) else []


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in the syntax tree."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def sentence(wrong: Exception) -> str:
    """What an engine says is wrong, in one sentence without the place in the text."""
    said = str(wrong).partition("\n\nLINE")[0].partition("SQLSTATE")[0]
    words = " ".join(said.split()).rstrip(".")
    return f"The question cannot be answered: {words[:_SHOWN]}."
