"""The attribute projection language (clause 4.21): id,name,locatedAt{name,isInCountry{description}}."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Union

from dothi.ground.errors import TooComplex
from dothi.hub.language.logic import DEPTH_MAX, TERMS_MAX, TEXT_MAX, Reader

HEAD = frozenset({"id", "type", "scope"})  # Members of an entity that are no attributes.
# What pick or omit name: each member with what is named of the entities behind it, None where nothing is.
Members = Mapping[str, Union["Members", None]]
_NAME = re.compile(r"[^\s,|{};()\[\]]+")


def parse_members(parameter: str, text: str, expand: Callable[[str], str] = str) -> Members:
    """The tree of pick or omit; , and | separate alike. Invalid with the position, TooComplex beyond all need."""
    if len(text) > TEXT_MAX:
        raise TooComplex(f"{parameter} has {len(text)} characters; at most {TEXT_MAX} are allowed.")
    reader = Reader(parameter, text)
    found = _listed(reader, expand)
    if reader.at < len(text):
        reader.fail("a comma, or the end")
    return found


def _listed(reader: Reader, expand: Callable[[str], str]) -> Members:
    found: dict[str, Members | None] = {}
    while True:
        reader.terms += 1
        if reader.terms > TERMS_MAX or reader.depth > DEPTH_MAX:
            raise TooComplex(f"{reader.language} has more than {TERMS_MAX} names, or {DEPTH_MAX} levels of braces.")
        name, below = _member(reader, expand)
        found[name] = below
        if not (reader.take(",") or reader.take("|")):
            return found


def _member(reader: Reader, expand: Callable[[str], str]) -> tuple[str, Members | None]:
    written = reader.match(_NAME)
    if written is None:
        reader.fail("the name of a member")
    name = written[0] if written[0] in HEAD else expand(written[0])
    if not reader.take("{"):
        return name, None
    if name in HEAD:
        reader.fail("no braces, since id, type and scope lead to no other entity", reader.at - 1)
    reader.depth += 1
    below = _listed(reader, expand)
    if not reader.take("}"):
        reader.fail("a comma or the closing }")
    reader.depth -= 1
    return name, below


def levels(members: Members) -> int:
    """How many relationships the braces follow one after the other; 0 for none."""
    return max((1 + levels(below) for below in members.values() if below is not None), default=0)


def pairs(members: Members) -> Iterator[tuple[str, Members]]:
    """The members with braces, and what stands inside."""
    return ((name, below) for name, below in members.items() if below is not None)
