"""Names as the standard allows them, and the house name of an IRI."""

import re

from dothi.ground.errors import Invalid
from dothi.hub.context.core import DEFAULT_VOCAB, KEYWORDS, PREFIXES, TERM_OF, TERMS

LONGEST = 1000  # Characters of a name or URI; longer ones are abuse, not names.
# Clause 4.6.2: a letter, then letters, numbers and underscores. \w is those; \d and _ may not begin.
_TERM = re.compile(r"[^\W\d_]\w*")
# Characters that show as nothing though Unicode counts them as letters, marks or symbols.
_BLANK = re.compile("[\u115f\u1160\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`\x00-\x20]+")


def is_term(name: str) -> bool:
    """Whether `name` is a short name by the grammar of clause 4.6.2."""
    return len(name) <= LONGEST and _TERM.fullmatch(name) is not None


def is_uri(text: object) -> bool:
    """Whether `text` is an absolute URI (visible non-ASCII characters allowed, RFC 3987)."""
    if not isinstance(text, str) or len(text) > LONGEST or _IRI.fullmatch(text) is None:
        return False
    return text.isascii() or (text.isprintable() and _BLANK.search(text) is None)


def check_name(name: str) -> None:
    """Invalid unless `name` is a term, a prefixed name or a full IRI (clause 4.6.2)."""
    if name in KEYWORDS or not (is_term(name) or is_uri(name)):
        raise Invalid(
            f"The name {name[:80]!r} is not allowed: a name begins with a letter and holds letters, numbers and "
            "underscores only; a full IRI or prefix:name is possible too (GS CIM 009 clause 4.6.2)."
        )


def house_name(iri: str) -> str:
    """What the core context alone compacts an IRI to."""
    term = TERM_OF.get(iri)
    if term is not None:
        return term
    word = iri.removeprefix(DEFAULT_VOCAB)
    # A word of the default vocabulary that is also a core term would be read back as the core term.
    if word != iri and is_term(word) and word not in TERMS and word not in KEYWORDS:
        return word
    return iri


def iri_of(house: str) -> str:
    """The IRI (fully qualified name) of a house name."""
    if ":" in house:
        return house
    return TERMS.get(house) or DEFAULT_VOCAB + house


def core_iri(name: str) -> str:
    """The IRI that the core context alone expands a term, prefixed name or IRI to."""
    prefix, colon, rest = name.partition(":")
    if colon and not rest.startswith("//") and prefix in PREFIXES:
        return PREFIXES[prefix] + rest
    return iri_of(name)
