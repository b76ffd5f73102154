"""One compiled @context: a user's terms to house names and back, each name worked out once."""

from collections.abc import Mapping

from dothi.hub.context.core import DEFAULT_VOCAB, KEYWORDS, PREFIXES, TERMS
from dothi.hub.context.terms import check_name, core_iri, house_name, iri_of

MOST_NAMES = 2_000  # Names remembered per context; then it begins anew, so that no flood of names fills the memory.
LONGEST_KEPT = 100  # Characters; longer names are worked out each time.
_PREFIX_ENDS = ("/", "#", ":", "?", "&", "=", "-", "_", ".")


class Names:
    """The names of one @context. `url` is where it can be read (for the Link header), None when it came inline."""

    def __init__(
        self, terms: Mapping[str, str] = {}, url: str | None = None, source: object = None, has_core: bool = False
    ) -> None:
        """`terms` maps the user's terms to absolute IRIs; core terms among them are ignored, since they are protected.

        `source` is the @context as it was given, to be repeated in application/ld+json answers; `has_core` says that
        it names the core context somewhere itself.
        """
        self.url = url
        self.source = source
        self.has_core = has_core
        self.terms = {term: iri for term, iri in terms.items() if term not in TERMS and term not in KEYWORDS}
        self._prefixes = {term: iri for term, iri in self.terms.items() if iri.endswith(_PREFIX_ENDS)} | PREFIXES
        self._outward_terms = {house_name(iri): term for term, iri in reversed(list(self.terms.items()))}
        self._inward: dict[str, str] = {}
        self._outward: dict[str, str] = {}

    def inward(self, term: str) -> str:
        """The house name of a term, prefixed name or IRI. Invalid when it breaks the grammar of names."""
        found = self._inward.get(term)
        if found is not None:
            return found
        check_name(term)
        house = house_name(self.expand(term))
        _remember(self._inward, term, house)
        return house

    def outward(self, house: str) -> str:
        """The shortest name by which this context's user knows a house name."""
        found = self._outward.get(house)
        if found is not None:
            return found
        name = self._compact(house)
        _remember(self._outward, house, name)
        return name

    def expand(self, name: str) -> str:
        """The IRI of a term, prefixed name or IRI in this context; the core's terms come first (clause 5.5.7)."""
        found = self.terms.get(name)
        if found is not None:
            return found
        prefix, colon, rest = name.partition(":")
        if colon and prefix in self.terms and not rest.startswith("//"):
            return self.terms[prefix] + rest
        return core_iri(name)

    def _compact(self, house: str) -> str:
        if house in self._outward_terms:
            return self._outward_terms[house]
        if ":" not in house:
            if house not in self.terms:
                return house
            house = DEFAULT_VOCAB + house  # The user's own term of the same spelling means something else.
        iri = iri_of(house)
        prefixed = (f"{prefix}:{iri[len(base) :]}" for prefix, base in self._prefixes.items() if iri.startswith(base))
        return next((name for name in prefixed if not name.endswith(":")), iri)


def _remember(cache: dict[str, str], key: str, value: str) -> None:
    if len(key) <= LONGEST_KEPT:
        if len(cache) >= MOST_NAMES:
            cache.clear()
        cache[key] = value


CORE = Names()


def compile_terms(definitions: Mapping[str, object], known: Mapping[str, str]) -> dict[str, str]:
    """The terms of one @context object as absolute IRIs, on top of those `known` before it.

    A definition is an IRI, a prefixed name, another term, or an object with @id. Terms that cannot be resolved
    (null, @reverse, blank nodes) are left out and so fall to the default vocabulary.
    """
    vocab = definitions.get("@vocab")
    base = vocab if isinstance(vocab, str) else DEFAULT_VOCAB
    pending = {term: _id_of(term, value) for term, value in definitions.items() if not term.startswith("@")}
    terms = dict(known)
    for term in pending:
        iri = _absolute(term, pending, terms, base, frozenset())
        if iri is None:
            terms.pop(term, None)
        else:
            terms[term] = iri
    return terms


def _id_of(term: str, definition: object) -> str | None:
    if isinstance(definition, Mapping):
        definition = None if "@reverse" in definition else definition.get("@id", term)
    return definition if isinstance(definition, str) else None


def _absolute(
    name: str, pending: Mapping[str, str | None], known: Mapping[str, str], base: str, seen: frozenset[str]
) -> str | None:
    """The IRI of a name used in a context; `seen` ends definitions that go round in a circle."""
    if name in pending and name not in seen:
        value = pending[name]
        if value is None or value.startswith("@"):
            return None
        return core_iri(name) if name in TERMS else _value(value, pending, known, base, seen | {name})
    return known.get(name) or (core_iri(name) if ":" in name or name in TERMS else base + name)


def _value(
    value: str, pending: Mapping[str, str | None], known: Mapping[str, str], base: str, seen: frozenset[str]
) -> str | None:
    prefix, colon, rest = value.partition(":")
    if not colon:
        return _absolute(value, pending, known, base, seen)
    if rest.startswith("//") or (prefix not in pending and prefix not in known and prefix not in PREFIXES):
        return value
    start = PREFIXES.get(prefix) or _absolute(prefix, pending, known, base, seen)
    return None if start is None else start + rest
