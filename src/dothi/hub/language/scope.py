"""The scope query language (clause 4.19): /Madrid/+/ParqueNorte, /Madrid/#, (/A;/B)|/C."""

import re

from dothi.hub.language.logic import Grammar, Reader, parse
from dothi.hub.language.nodes import ScopeAnd, ScopeCondition, ScopeIs, ScopeOr

# Wider than the clause, whose levels begin with a letter: codes of units such as /VN/01/00004 are levels too.
_SCOPE = re.compile(r"(?=[/\w+])(/?(?:\w+|\+)(?:/(?:\w+|\+))*)?(/#)?(?=[\s;|,)]|$)")


def parse_scope(text: str) -> ScopeCondition:
    """The tree of a scope query; patterns keep a leading slash. Invalid or TooComplex otherwise."""
    return parse(text, Grammar("scopeQ", _term, ScopeAnd, ScopeOr, "|,"))


def _term(reader: Reader) -> ScopeCondition:
    found = reader.match(_SCOPE)
    if found is None or not found[0]:
        return reader.fail("a scope such as /A/B, with + for any level and # at the end for everything below")
    return ScopeIs("/" + found[0].removeprefix("/"))
