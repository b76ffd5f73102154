"""The query language q (clause 4.9): pm25>35.5;address[city]=="Huế"|temperature.observedAt>=2026-01-01T00:00:00Z."""

import re
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from dothi.ground.clock import from_iso
from dothi.ground.errors import Invalid
from dothi.hub.language.logic import Grammar, Reader, parse
from dothi.hub.language.nodes import And, Between, Compare, Condition, Exists, Linked, Moment, Or, Scalar
from dothi.hub.language.pattern import finder

OPERATORS = ("!~=", "~=", "==", "!=", ">=", "<=", ">", "<")  # The longer before those that begin alike.
PATH_MAX = 16
_NAME = re.compile(r"[^\W\d_]\w*(?::[^\W\d_]\w*)?")  # Clause 4.6.2: a letter first; prefix:name.
_HINT = re.compile(r"[^\W\d_]\w*(?:,[^\W\d_]\w*)*:")  # Types of linked entities; names inside braces are short ones.
_TRAIL = re.compile(r"[^\[\].\s][^\[\].]*(?:\.[^\[\].\s][^\[\].]*)*(?=\])")  # Members of any JSON name but dots.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BARE = re.compile(r'[^\s;|,()"]+?(?=\.\.|[\s;|,()"]|$)')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:\d\d))?", re.ASCII)
_TIME = re.compile(r"[0-2]\d:[0-5]\d:[0-6]\d(?:[.,]\d{1,6})?Z", re.ASCII)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_VALUE = 'a number, a "text in quotes", true, false, a date, a time or a URI'
Expand = Callable[[str], str]


def parse_q(text: str, expand: Expand = str, expand_values: Collection[str] = ()) -> Condition:
    """The tree of a query. `expand` turns a name as written into the house name.

    Values compared with the attributes in `expand_values` (names as written) are names too and are expanded; there
    they may stand without quotes. Raises Invalid with the position and what was expected, or TooComplex.
    """

    def term(reader: Reader) -> Condition:
        return _query_term(reader, expand, expand_values)

    return parse(text, Grammar("q", term, And, Or, "|"))


def _query_term(reader: Reader, expand: Expand, expand_values: Collection[str]) -> Condition:
    hops, names, trail = parse_path(reader)
    path = tuple(expand(name) for name in names)
    term: Compare | Exists | Linked = _judged(reader, path, trail, expand, ".".join(names) in expand_values)
    for relation, types in reversed(hops):
        term = Linked(expand(relation), term, tuple(expand(kind) for kind in types))
    return term


def _judged(
    reader: Reader, path: tuple[str, ...], trail: tuple[str, ...], expand: Expand, worded: bool
) -> Compare | Exists:
    op = next((sign for sign in OPERATORS if reader.take(sign)), None)
    if op is None:
        return Exists(path, trail)
    if op in ("~=", "!~="):
        return Compare(path, op, _pattern(reader), trail)
    value = _value(reader, op, worded)
    return Compare(path, op, _expanded(value, expand) if worded else _named(value, op, expand), trail)


Hop = tuple[str, list[str]]  # A relationship, and the types of entities that it may lead to.


def parse_path(reader: Reader) -> tuple[list[Hop], list[str], tuple[str, ...]]:
    """An attribute path as written: the relationships to follow, the names after them, the trail in brackets."""
    hops: list[Hop] = []
    first = _name(reader)
    while reader.text.startswith("{", reader.at):
        reader.at += 1
        hint = reader.match(_HINT)
        hops.append((first, hint[0][:-1].split(",") if hint else []))
        if len(hops) > PATH_MAX:
            reader.fail(f"a path of at most {PATH_MAX} relationships")
        first = _name(reader)
    names = [first]
    while reader.text.startswith(".", reader.at):
        reader.at += 1
        names.append(_name(reader))
    if len(names) > PATH_MAX:
        reader.fail(f"a path of at most {PATH_MAX} names")
    trail = _trail(reader) if reader.text.startswith("[", reader.at) else ()
    for _ in hops:
        if not reader.take("}"):
            reader.fail("the closing }")
    return hops, names, trail


def _name(reader: Reader) -> str:
    found = reader.match(_NAME)
    return found[0] if found else reader.fail("an attribute name")


def _trail(reader: Reader) -> tuple[str, ...]:
    reader.at += 1
    found = reader.match(_TRAIL)
    if found is None:
        reader.fail("member names joined by dots and a closing ]")
    reader.at += 1  # The bracket that the pattern looked ahead to.
    return tuple(found[0].split("."))


def _value(reader: Reader, op: str, worded: bool) -> Any:
    """What stands right of an operator: lists and ranges for == and != only, one comparable value for the others."""
    reader.skip()
    start = reader.at
    values = [_one(reader, worded)]
    if op not in ("==", "!="):
        if isinstance(values[0], bool | Between):
            reader.fail(f"one number, text, date or time to compare by {op}", start)
        return values[0]
    while reader.take(","):
        values.append(_one(reader, worded))
    return values[0] if len(values) == 1 else tuple(values)


def _one(reader: Reader, worded: bool) -> Any:
    """A value, or a range of two."""
    reader.skip()
    start = reader.at
    low = _literal(reader, worded)
    if not reader.text.startswith("..", reader.at):
        return low
    reader.at += 2
    high = _literal(reader, False)
    if isinstance(low, bool) or _sort(low) != _sort(high):
        reader.fail("a range of two numbers, two texts or two dates", start)
    return Between(low, high)


def _sort(value: Any) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _literal(reader: Reader, worded: bool) -> Scalar | Moment:
    quoted = reader.match(_QUOTED)
    if quoted is not None:
        return _unquoted(reader, quoted)
    bare = reader.match(_BARE)
    if bare is None:
        reader.fail(_VALUE)
    value = _classified(reader, bare)
    if value is None:
        return bare[0] if worded else reader.fail(_VALUE, bare.start())
    return value


def _unquoted(reader: Reader, quoted: re.Match[str]) -> str:
    try:
        return msgspec.json.decode(quoted[0], type=str)
    except (msgspec.DecodeError, UnicodeError):
        return reader.fail("a text in quotes as JSON writes it", quoted.start())


def _classified(reader: Reader, bare: re.Match[str]) -> Scalar | Moment | None:
    """The value of a word without quotes, None when it is none of those that q knows."""
    text = bare[0]
    if text in ("true", "false"):
        return text == "true"
    if number := _NUMBER.fullmatch(text):
        return _number(reader, number, bare.start())
    if _DATE.fullmatch(text):
        return _moment(reader, text, bare.start())
    if _TIME.fullmatch(text):
        return text.replace(",", ".")  # A time of day in UTC has a fixed width: its texts compare as the times do.
    return text if _URI.fullmatch(text) else None


def _number(reader: Reader, found: re.Match[str], at: int) -> float | int:
    value = float(found[0])
    if value in (float("inf"), float("-inf")):
        reader.fail("a number that fits a double", at)
    whole = found[1] is None and found[2] is None and abs(value) < 2**63
    return int(found[0]) if whole else value


def _moment(reader: Reader, text: str, at: int) -> Moment:
    try:
        return Moment(text, from_iso(text))
    except (ValueError, OverflowError):
        return reader.fail("a date that is in the calendar", at)


def _named(value: Any, op: str, expand: Expand) -> Any:
    """A URI also by its house name, since that is how a VocabProperty is kept; all else as it is."""
    if op not in ("==", "!="):
        return value
    listed = value if isinstance(value, tuple) else (value,)
    houses = tuple(house for part in listed if (house := _house(part, expand)) is not part)
    return (*listed, *houses) if houses else value


def _house(value: Any, expand: Expand) -> Any:
    if not isinstance(value, str) or _URI.fullmatch(value) is None:
        return value
    try:
        house = expand(value)
    except Invalid:
        return value  # No name, so no VocabProperty holds it.
    return value if house == value else house


def _expanded(value: Any, expand: Expand) -> Any:
    if isinstance(value, tuple):
        return tuple(_expanded(one, expand) for one in value)
    return expand(value) if isinstance(value, str) else value


def _pattern(reader: Reader) -> str:
    """The pattern, in quotes or up to the next ; | or ) that is outside its own brackets; checked here."""
    quoted = reader.match(_QUOTED)
    pattern = _unquoted(reader, quoted) if quoted else _bare_pattern(reader)
    finder(pattern)
    return pattern


def _bare_pattern(reader: Reader) -> str:
    reader.skip()
    start, round_open, in_set = reader.at, 0, False
    while reader.at < len(reader.text):
        char = reader.text[reader.at]
        if char == "\\":
            reader.at += 1
        elif in_set or char == "[":
            in_set = char != "]"
        elif char in ";|)" and not round_open:
            break
        else:
            round_open += (char == "(") - (char == ")")
        reader.at += 1
    reader.at = min(reader.at, len(reader.text))
    return reader.text[start : reader.at] or reader.fail("a regular expression")
