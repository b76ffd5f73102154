"""JSON-LD @context: the core terms, and the translation of a user's terms to house names and back (clause 4.4).

House names are what the core context alone would compact to: a core term, a plain word in the default vocabulary,
else the full IRI. `Contexts.resolve` gives a `Names`, which translates inward (a user's term to a house name) and
outward.
"""

from dothi.hub.context.contexts import Contexts
from dothi.hub.context.core import CORE_URL
from dothi.hub.context.names import CORE, Names
from dothi.hub.context.terms import house_name, iri_of

__all__ = ["CORE", "CORE_URL", "Contexts", "Names", "house_name", "iri_of"]
