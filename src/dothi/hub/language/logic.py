"""What the q, type and scope languages share: terms joined by ; | and parentheses, with limits and clear errors."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from dothi.ground.errors import Invalid, TooComplex

TEXT_MAX, DEPTH_MAX, TERMS_MAX = 16_384, 32, 512
Node = TypeVar("Node")


@dataclass(slots=True)
class Reader:
    """A text and how far it is read; `language` names it in errors."""

    language: str
    text: str
    at: int = 0
    depth: int = 0
    terms: int = 0

    def skip(self) -> None:
        """Go past spaces."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def take(self, sign: str) -> bool:
        """Go past `sign` when it comes next."""
        self.skip()
        found = self.text.startswith(sign, self.at)
        self.at += len(sign) * found
        return found

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Go past `pattern` when it comes next."""
        self.skip()
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def fail(self, expected: str, at: int | None = None) -> NoReturn:
        """Raise Invalid that says where (counted from 1) and what was expected."""
        place = self.at if at is None else at
        found = self.text[place : place + 20]
        raise Invalid(
            f"{self.language}: at character {place + 1} there should be {expected}, "
            f"there is {repr(found) if found else 'the end'}.",
            position=place + 1,
        )


@dataclass(frozen=True, slots=True)
class Grammar(Generic[Node]):
    """One language: how a term is read, how terms are joined, and which signs mean "or"."""

    language: str
    term: Callable[[Reader], Node]
    all_of: Callable[[tuple[Node, ...]], Node]
    any_of: Callable[[tuple[Node, ...]], Node]
    or_signs: str


def parse(text: str, grammar: Grammar[Node]) -> Node:
    """The tree of the whole text. ; binds tighter than the signs of "or". Invalid or TooComplex otherwise."""
    if len(text) > TEXT_MAX:
        raise TooComplex(f"{grammar.language} has {len(text)} characters; at most {TEXT_MAX} are allowed.")
    reader = Reader(grammar.language, text)
    tree = _alternatives(reader, grammar)
    reader.skip()
    if reader.at < len(text):
        reader.fail(f"; or {' or '.join(grammar.or_signs)} or the end")
    return tree


def _alternatives(reader: Reader, grammar: Grammar[Node]) -> Node:
    terms = [_conjunction(reader, grammar)]
    while any(reader.take(sign) for sign in grammar.or_signs):
        terms.append(_conjunction(reader, grammar))
    return terms[0] if len(terms) == 1 else grammar.any_of(tuple(terms))


def _conjunction(reader: Reader, grammar: Grammar[Node]) -> Node:
    terms = [_term(reader, grammar)]
    while reader.take(";"):
        terms.append(_term(reader, grammar))
    return terms[0] if len(terms) == 1 else grammar.all_of(tuple(terms))


def _term(reader: Reader, grammar: Grammar[Node]) -> Node:
    if not reader.take("("):
        _count(reader)
        return grammar.term(reader)
    reader.depth += 1
    if reader.depth > DEPTH_MAX:
        raise TooComplex(f"{reader.language} is nested deeper than {DEPTH_MAX} parentheses.")
    inner = _alternatives(reader, grammar)
    if not reader.take(")"):
        reader.fail("the closing )")
    reader.depth -= 1
    return inner


def _count(reader: Reader) -> None:
    reader.terms += 1
    if reader.terms > TERMS_MAX:
        raise TooComplex(f"{reader.language} has more than {TERMS_MAX} terms.")
