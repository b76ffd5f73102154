"""The type selection language (clause 4.17): Building|House, (Home;Vehicle),Motorhome."""

import re
from collections.abc import Callable

from dothi.hub.language.logic import Grammar, Reader, parse
from dothi.hub.language.nodes import TypeAnd, TypeCondition, TypeIs, TypeOr

# A short name, a prefixed name or a URI without the signs of this language (the note of the clause).
_NAME = re.compile(r"[^\W\d_][^\s,;|()]*")


def parse_types(text: str, expand: Callable[[str], str] = str) -> TypeCondition:
    """The tree of a type selection; `expand` turns a name as written into the house name. Invalid, TooComplex."""

    def term(reader: Reader) -> TypeCondition:
        name = reader.match(_NAME)
        return TypeIs(expand(name[0])) if name else reader.fail("a type name")

    return parse(text, Grammar("type", term, TypeAnd, TypeOr, "|,"))
